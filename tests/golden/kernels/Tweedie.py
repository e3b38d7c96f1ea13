# score: where(power == 1, exp(z) - y*z, where(power == 2, z + y*exp(-z), exp((2 - power)*z)/(2 - power) + y*exp((1 - power)*z)/(power - 1)))  [power = 1.5]
def kernel(y, z):
    v0 = 0.5 * z
    v1 = np.exp(v0)
    v2 = -v0
    v3 = np.exp(v2)
    v4 = y * v3
    v5 = 2.0 * v1
    v6 = 2.0 * v4
    v7 = v5 + v6
    v8 = v1 - v4
    v9 = 0.5 * v1
    v10 = 0.5 * v4
    v11 = v9 + v10
    return (v7, v8, v11, )  # value, gradient, hessian
