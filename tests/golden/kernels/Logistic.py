# margin: log(1 + exp(-m))
def kernel(y, z):
    up = np.greater(y, 0.0)
    s = where(up, 1.0, (-1.0))
    m = s * z
    v3 = -m
    v4 = sigmoid(v3)
    v5 = softplus(v3)
    v6 = v4 * s
    v7 = -v6
    v8 = sigmoid(m)
    v9 = v4 * v8
    v10 = np.equal(m, m)
    v11 = np.equal(m, 0.0)
    v12 = 0.5 * m
    v13 = np.tanh(v12)
    v14 = 0.5 * v13
    v15 = np.divide(v14, m)
    v16 = where(v11, 0.25, v15)
    v17 = where(v10, v16, m)
    return (v5, v7, v9, v17, )  # value, gradient, hessian, majorant
