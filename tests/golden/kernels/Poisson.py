# score: exp(z) - y*z
def kernel(y, z):
    v0 = exp(z)
    v1 = y * z
    v2_raw = v0 - v1
    v1_rest = left_mul(y, z, v1)
    v2_rest = -v1_rest
    v2 = mend(v2_raw, v2_rest)
    v3 = v0 - y
    return (v2, v3, v0, )  # value, gradient, hessian
