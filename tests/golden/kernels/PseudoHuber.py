# residual: delta**2*(sqrt(1 + (r/delta)**2) - 1)
def kernel(y, z, delta):
    r = y - z
    v1 = np.divide(r, delta)
    v2 = hypot1(v1)
    v3 = delta * delta
    v4 = 1.0 + v2
    v5 = np.divide(v1, v4)
    v6 = v1 * v5
    v7 = v3 * v6
    v8 = np.divide(v1, v2)
    v9 = delta * v8
    v10 = -v9
    v11 = v2 * v2
    v12 = v11 * v2
    v13 = np.divide(1.0, v12)
    v14 = np.divide(1.0, v2)
    return (v7, v10, v13, v14, )  # value, gradient, hessian, majorant
