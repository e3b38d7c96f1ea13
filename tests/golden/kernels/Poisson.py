# score: exp(z) - y*z
def kernel(y, z):
    v0 = np.exp(z)
    v1 = -v0
    v2 = y * z
    v3 = v1 + v2
    v4 = -v3
    v5 = v1 + y
    v6 = -v5
    return (v4, v6, v0, )  # value, gradient, hessian
