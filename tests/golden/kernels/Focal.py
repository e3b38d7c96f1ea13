# softmax: -(1 - p)**gamma*logp  [gamma = 2]
def kernel(y, z):
    up = np.greater(y, 0.0)
    s = where(up, 1.0, (-1.0))
    m = s * z
    v3 = -m
    v4 = softplus(v3)
    v5 = sigmoid(v3)
    v6 = v5 * v5
    v7 = v4 * v6
    v8 = v6 * v5
    v9 = sigmoid(m)
    v10 = v8 * v9
    v11 = 2.0 * v7
    v12 = v11 * v9
    v13 = v8 + v12
    v14 = -v13
    v15 = s * v14
    v16 = 5.0 * v10
    v17 = 4.0 * v7
    v18 = v9 * v9
    v19 = v17 * v18
    v20 = v16 + v19
    v21 = 2.0 * v4
    v22 = v21 * v10
    v23 = v20 - v22
    return (v7, v15, v23, )  # value, gradient, hessian
