# residual: where(abs(r) <= delta, r**2/2, delta*(abs(r) - delta/2))
def kernel(y, z, delta):
    r = y - z
    v1 = np.abs(r)
    v2 = np.less_equal(v1, delta)
    v3 = np.equal(r, r)
    v4 = 0.5 * r
    v5 = v4 * r
    v6 = 0.5 * delta
    v7 = v1 - v6
    v8 = delta * v7
    v9 = where(v2, v5, v8)
    v10 = np.sign(r)
    v11 = delta * v10
    v12 = where(v2, r, v11)
    v13 = -v12
    v14 = where(v2, 1.0, 0.0)
    v15 = where(v3, v14, r)
    v16 = np.divide(delta, v1)
    v17 = where(v2, 1.0, v16)
    v18 = where(v3, v17, r)
    return (v9, v13, v15, v18, )  # value, gradient, hessian, majorant
