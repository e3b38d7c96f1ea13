# score: where(power == 1, exp(z) - y*z, where(power == 2, z + y*exp(-z), exp((2 - power)*z)/(2 - power) + y*exp((1 - power)*z)/(power - 1)))  [power = 1.5]
def kernel(y, z):
    v0 = 0.5 * z
    v1 = exp(v0)
    v2 = -v0
    v3 = exp(v2)
    v4 = y * v3
    v5 = 2.0 * v1
    v6 = 2.0 * v4
    v7_raw = v5 + v6
    v4_rest = left_mul(y, v3, v4)
    v6_rest = v4_rest * 2.0
    v7 = mend(v7_raw, v6_rest)
    v8_raw = v1 - v4
    v8_rest = -v4_rest
    v8 = mend(v8_raw, v8_rest)
    v9 = 0.5 * v1
    v10 = 0.5 * v4
    v11_raw = v9 + v10
    v10_rest = v4_rest * 0.5
    v11 = mend(v11_raw, v10_rest)
    return (v7, v8, v11, )  # value, gradient, hessian
