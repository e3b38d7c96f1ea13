# residual: c**2/2*log(1 + (r/c)**2)
def kernel(y, z, c):
    r = y - z
    v1 = np.divide(r, c)
    v2 = serpentine(v1)
    v3 = witch(v1)
    v4 = c * c
    v5 = 0.5 * v4
    v6 = log1psq(v1)
    v7 = v5 * v6
    v8 = v2 * c
    v9 = -v8
    v10 = v2 * v2
    v11 = 2.0 * v10
    v12 = v3 - v11
    return (v7, v9, v12, v3, )  # value, gradient, hessian, majorant
