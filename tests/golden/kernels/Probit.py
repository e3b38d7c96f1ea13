# margin: -log_ndtr(m)
def kernel(y, z):
    up = np.greater(y, 0.0)
    s = where(up, 1.0, (-1.0))
    m = s * z
    v3 = log_ndtr(m)
    v4 = -v3
    v5 = mills(m)
    v6 = s * v5
    v7 = -v6
    v8 = mills_slope(m)
    return (v4, v7, v8, )  # value, gradient, hessian
