# residual: tau*max(r, 0) - (1 - tau)*min(r, 0)
def kernel(y, z, tau):
    r = y - z
    v1 = 1.0 - tau
    v2 = np.sign(r)
    v3 = 0.5 * v2
    v4 = np.maximum(r, 0.0)
    v5 = tau * v4
    v6 = np.minimum(r, 0.0)
    v7 = v1 * v6
    v8 = v5 - v7
    v9 = 0.5 - v3
    v10 = v1 * v9
    v11 = 0.5 + v3
    v12 = tau * v11
    v13 = v10 - v12
    v14 = np.abs(r)
    v15 = np.divide(0.5, v14)
    return (v8, v13, 0.0, v15, )  # value, gradient, hessian, majorant
