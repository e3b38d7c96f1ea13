# margin: log(1 + exp(-m))
def kernel(y, z):
    up = np.greater(y, 0.0)
    s = where(up, 1.0, (-1.0))
    m = s * z
    v3 = -m
    v4 = softplus(v3)
    v5 = sigmoid(v3)
    v6 = v5 * s
    v7 = -v6
    v8 = 0.5 * m
    v9 = sech2(v8)
    v10 = v9 * 0.25
    v11 = np.equal(m, m)
    v12 = np.equal(m, 0.0)
    v13 = np.tanh(v8)
    v14 = v13 * 0.5
    v15 = np.divide(v14, m)
    v16 = where(v12, 0.25, v15)
    v17 = where(v11, v16, m)
    v15_rest = left_div(v14, m, v15)
    v15_rest2 = np.divide(v15_rest, m)
    v15_whole = mend(v15, v15_rest2)
    v16_whole = where(v12, 0.25, v15_whole)
    v17_whole = where(v11, v16_whole, m)
    return (v4, v7, v10, v17_whole, )  # value, gradient, hessian, majorant
