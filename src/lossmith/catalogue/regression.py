"""Losses of a residual r = y − z. Parameters are in units of the declared scale; ρ″(0) = 1 where it exists."""

from __future__ import annotations

from lossmith.domain import between, fraction, nonnegative, positive
from lossmith.lifts import residual
from lossmith.loss import Loss


class Squared(Loss, lift=residual):
    """Half the squared residual: the mean, and the plain default."""

    formula = "r**2/2"
    aliases = ("mse", "l2", "squared_error", "least_squares")
    cite = "Gauss 1809; Legendre 1805"


class Absolute(Loss, lift=residual):
    """The absolute residual: the median, unmoved by how far an outlier is."""

    formula = "abs(r)"
    aliases = ("mae", "l1", "absolute_error", "lad")
    cite = "Boscovich 1757; Laplace 1793"


class Huber(Loss, lift=residual):
    """Quadratic for small residuals, linear for large ones."""

    formula = "where(abs(r) <= delta, r**2/2, delta*(abs(r) - delta/2))"
    delta: float = positive(1.345, "residual, in units of scale, at which the loss turns linear")
    cite = "Huber 1964, doi:10.1214/aoms/1177703732"


class SmoothL1(Loss, lift=residual):
    """Huber's loss divided by its threshold: slope 1 in the tails whatever the threshold."""

    formula = "where(abs(r) <= beta, r**2/(2*beta), abs(r) - beta/2)"
    beta: float = positive(1.0, "residual, in units of scale, at which the loss turns linear")
    cite = "Girshick 2015, doi:10.1109/ICCV.2015.169"


class PseudoHuber(Loss, lift=residual):
    """A smooth Huber: a hyperbola from quadratic to linear."""

    formula = "delta**2*(sqrt(1 + (r/delta)**2) - 1)"
    delta: float = positive(1.2871, "residual, in units of scale, around which the loss turns linear")
    aliases = ("charbonnier", "soft_l1")
    cite = "Charbonnier et al. 1994, doi:10.1109/ICIP.1994.413553"


class LogCosh(Loss, lift=residual):
    """The logarithm of the hyperbolic cosine: smooth everywhere, linear tails."""

    formula = "c**2*log(cosh(r/c))"
    c: float = positive(1.2047, "residual, in units of scale, around which the loss turns linear")
    cite = "Green 1990, doi:10.1109/42.52985"


class Cauchy(Loss, lift=residual):
    """The logarithmic loss of Cauchy errors: far residuals count less and less."""

    formula = "c**2/2*log(1 + (r/c)**2)"
    c: float = positive(2.3849, "residual, in units of scale, with the largest pull")
    aliases = ("lorentzian",)
    cite = "Holland and Welsch 1977, doi:10.1080/03610927708827533"


class GemanMcClure(Loss, lift=residual):
    """A bounded loss that levels off like r²/(1 + r²)."""

    formula = "r**2/2/(1 + (r/c)**2)"
    c: float = positive(3.7874, "residual, in units of scale, at which half of the bound is reached")
    cite = "Geman and McClure 1985"


class Welsch(Loss, lift=residual):
    """A bounded loss that levels off like a Gaussian: correntropy, close to the mode."""

    formula = "c**2/2*(1 - exp(-(r/c)**2))"
    c: float = positive(2.9846, "residual, in units of scale, around which the loss levels off")
    aliases = ("leclerc", "correntropy")
    cite = "Dennis and Welsch 1978, doi:10.1080/03610917808812083"


class Tukey(Loss, lift=residual):
    """The biweight: residuals beyond c do not count at all."""

    formula = "where(abs(r) <= c, c**2/6*(1 - (1 - (r/c)**2)**3), c**2/6)"
    c: float = positive(4.6851, "residual, in units of scale, beyond which the loss is flat")
    aliases = ("biweight", "bisquare", "tukey_biweight")
    cite = "Beaton and Tukey 1974, doi:10.1080/00401706.1974.10489171"


class Andrews(Loss, lift=residual):
    """The sine wave: redescending, flat beyond πc."""

    formula = "where(abs(r) <= pi*c, 2*c**2*sin(r/(2*c))**2, 2*c**2)"
    c: float = positive(1.3387, "residual, in units of scale; the loss is flat beyond π times it")
    cite = "Andrews 1974, doi:10.1080/00401706.1974.10489233"


class Talwar(Loss, lift=residual):
    """Squares up to c, flat beyond: the hard rejection of outliers."""

    formula = "where(abs(r) <= c, r**2/2, c**2/2)"
    c: float = positive(2.7955, "residual, in units of scale, beyond which the loss is flat")
    aliases = ("trimmed_mean", "truncated_squares")
    cite = "Hinich and Talwar 1975, doi:10.1080/01621459.1975.10480273"


class Arctan(Loss, lift=residual):
    """Bounded by an arctangent of the squared residual."""

    formula = "c**2/2*atan((r/c)**2)"
    c: float = positive(2.5714, "residual, in units of scale, around which the loss levels off")
    cite = "Agarwal and Mierle, Ceres Solver, ArctanLoss"


class StudentT(Loss, lift=residual):
    """The negative log-likelihood of Student's t errors with ν degrees of freedom, constants dropped."""

    formula = "(nu + 1)/2*log(1 + r**2/nu)"
    nu: float = positive(4.0, "degrees of freedom; small means heavy tails")
    cite = "Lange, Little and Taylor 1989, doi:10.1080/01621459.1989.10478852"


class Barron(Loss, lift=residual):
    """One family from squared (α = 2) through Charbonnier (1) and Cauchy (0) to Geman–McClure (−2); ρ″(0) = 1/c²."""

    formula = (
        "where(alpha == 2, (r/c)**2/2, where(alpha == 0, log(1 + (r/c)**2/2),"
        " abs(alpha - 2)/alpha*expm1(alpha/2*log(1 + (r/c)**2/abs(alpha - 2)))))"
    )
    alpha: float = between(-1000.0, 2.0, 1.0, "shape: 2 is squared, 1 is Charbonnier, 0 is Cauchy", static=True)
    c: float = positive(1.2871, "residual, in units of scale, at which the loss stops being quadratic")
    cite = "Barron 2019, doi:10.1109/CVPR.2019.00446"


class Lq(Loss, lift=residual):
    """A power of the absolute residual, between the median (q = 1) and beyond the mean (q = 2)."""

    formula = "abs(r)**q/q"
    q: float = between(1.0, 16.0, 1.5, "the power", static=True)
    aliases = ("lp",)
    cite = "Gentleman 1965"


class EpsilonInsensitive(Loss, lift=residual):
    """Residuals up to ε are free, beyond it they cost their excess: support vector regression."""

    formula = "max(0, abs(r) - epsilon)"
    epsilon: float = nonnegative(0.1, "residual, in units of scale, up to which nothing is paid")
    aliases = ("svr",)
    cite = "Vapnik 1995, doi:10.1007/978-1-4757-2440-0"


class SquaredEpsilonInsensitive(Loss, lift=residual):
    """Residuals up to ε are free, beyond it they cost the square of their excess."""

    formula = "max(0, abs(r) - epsilon)**2"
    epsilon: float = nonnegative(0.1, "residual, in units of scale, up to which nothing is paid")
    cite = "Lee, Hsieh and Huang 2005, doi:10.1109/TKDE.2005.77"


class CappedAbsolute(Loss, lift=residual):
    """The absolute residual up to c, flat beyond."""

    formula = "min(abs(r), c)"
    c: float = positive(2.5, "residual, in units of scale, beyond which the loss is flat")
    cite = "Zhang 2008, capped-l1"


class AbsolutePercentage(Loss, lift=residual):
    """The absolute residual relative to the truth; it pulls forecasts down (a weighted median)."""

    formula = "abs(r)/max(abs(y), floor)"
    floor: float = positive(1e-8, "the smallest |y|, in units of y, that is divided by")
    aliases = ("mape",)
    cite = "Gneiting 2011, doi:10.1198/jasa.2011.r10138"


class Fair(Loss, lift=residual):
    """Between squared and absolute without a corner anywhere: the slope is r/(1 + |r|/c)."""

    formula = "c**2*(abs(r)/c - log(1 + abs(r)/c))"
    c: float = positive(1.3998, "residual, in units of scale, at which the slope is half of its bound")
    cite = "Fair 1974"


class Hampel(Loss, lift=residual):
    """Quadratic, then linear, then bending down to flat: residuals beyond c do not count at all."""

    formula = (
        "where(abs(r) <= a, r**2/2, where(abs(r) <= b, a*abs(r) - a**2/2, where(abs(r) <= c,"
        " a*(b + c - a)/2 - a*(c - abs(r))**2/(2*(c - b)), a*(b + c - a)/2)))"
    )
    a: float = positive(1.3521, "residual, in units of scale, at which the loss turns linear")
    b: float = positive(3.1549, "residual at which it begins to bend down; more than a")
    c: float = positive(7.2112, "residual beyond which it is flat; more than b")
    cite = "Hampel 1974, doi:10.1080/01621459.1974.10482962"


class Ramsay(Loss, lift=residual):
    """Bounded, with a pull r·exp(−a|r|) that fades exponentially."""

    formula = "(1 - exp(-a*abs(r))*(1 + a*abs(r)))/a**2"
    a: float = positive(0.357, "one over the residual, in units of scale, with the largest pull")
    cite = "Ramsay 1977, doi:10.1080/01621459.1977.10480613"


class DynamicCovarianceScaling(Loss, lift=residual):
    """Squares up to √Φ, then levelling off like Geman and McClure: switchable constraints in closed form."""

    formula = "where(r**2 <= phi, r**2/2, 2*r**2/(1 + r**2/phi) - phi/2)"
    phi: float = positive(3.6035, "squared residual, in units of scale, up to which nothing is scaled down")
    aliases = ("dcs",)
    cite = "Agarwal et al. 2013, doi:10.1109/ICRA.2013.6630557"


class Tolerant(Loss, lift=residual):
    """Nearly free while r² is below a, then squares: a soft dead zone, not a robust loss."""

    formula = "b*softplus((r**2 - a)/b)/2 - b*softplus(-a/b)/2"
    a: float = positive(4.0, "squared residual, in units of scale, that is tolerated")
    b: float = positive(1.0, "squared residual over which the tolerance ends")
    cite = "Agarwal and Mierle, Ceres Solver, TolerantLoss"


class DeadZone(Loss, lift=residual):
    """Residuals up to k are free, beyond it they cost half the square of their excess."""

    formula = "max(0, abs(r) - k)**2/2"
    k: float = positive(1.0, "residual, in units of scale, up to which nothing is paid")
    aliases = ("l2_with_dead_zone",)
    cite = "Dellaert et al., GTSAM, L2WithDeadZone"


class HuberisedEpsilonInsensitive(Loss, lift=residual):
    """Residuals up to ε are free, the next δ are squared, the rest is linear."""

    formula = "where(abs(r) <= epsilon + delta, max(0, abs(r) - epsilon)**2/2, delta*(abs(r) - epsilon - delta/2))"
    epsilon: float = nonnegative(0.1, "residual, in units of scale, up to which nothing is paid")
    delta: float = positive(1.345, "excess, in units of scale, at which the loss turns linear")
    cite = "Zhu, Rosset, Hastie and Tibshirani 2003; Rosset and Zhu 2007, doi:10.1214/009053606000001370"


class BerHu(Loss, lift=residual):
    """Huber's loss turned inside out: absolute for small residuals, quadratic for large ones."""

    formula = "where(abs(r) <= c, abs(r), (r**2 + c**2)/(2*c))"
    c: float = positive(1.0, "residual, in units of scale, at which the loss turns quadratic")
    aliases = ("reverse_huber",)
    cite = "Owen 2007, doi:10.1090/conm/443/08555; Laina et al. 2016"


class Wing(Loss, lift=residual):
    """A logarithm for small residuals, which pulls hard on them, and a line for large ones."""

    formula = "where(abs(r) < w, w*log(1 + abs(r)/epsilon), abs(r) - w + w*log(1 + w/epsilon))"
    w: float = positive(10.0, "residual, in units of y, at which the loss turns linear")
    epsilon: float = positive(2.0, "residual at which the logarithm bends")
    cite = "Feng et al. 2018, doi:10.1109/CVPR.2018.00238"


class BalancedL1(Loss, lift=residual):
    """Linear beyond 1, and for small residuals a slope α·log(1 + b|r|) that makes them count more."""

    formula = (
        "where(abs(r) <= 1, alpha/expm1(gamma/alpha)*((1 + expm1(gamma/alpha)*abs(r))"
        "*log(1 + expm1(gamma/alpha)*abs(r)) - expm1(gamma/alpha)*abs(r)),"
        " gamma*abs(r) + gamma/expm1(gamma/alpha) - alpha)"
    )
    alpha: float = positive(0.5, "small residuals count more when it is smaller")
    gamma: float = positive(1.5, "the slope beyond a residual of 1")
    cite = "Pang et al. 2019, doi:10.1109/CVPR.2019.00091"


class LQQ(Loss, lift=residual):
    """Linear, quadratic and quadratic pieces of pull that return to 0: fast or slow as its slopes say."""

    formula = (
        "where(abs(r) <= c, r**2/2, where(abs(r) <= b + c, r**2/2 - s*(abs(r) - c)**3/(6*b),"
        " (b + c)**2/2 - s*b**2/6 + (2*(b + c) - b*s)**2/(6*(s - 1))"
        " - where((abs(r) - b - c)*(s - 1) <= 2*(b + c) - b*s,"
        " (s - 1)**2/(6*(2*(b + c) - b*s))*((2*(b + c) - b*s)/(s - 1) + b + c - abs(r))**3, 0)))"
    )
    b: float = positive(1.473, "the width of the piece on which the pull turns, in units of scale")
    c: float = positive(0.982, "residual, in units of scale, up to which the loss is quadratic")
    s: float = between(1.0, 64.0, 1.5, "one more than the steepest fall of the pull", ends="(]")
    cite = "Koller and Stahel 2011, doi:10.1016/j.csda.2011.02.014"


class Optimal(Loss, lift=residual):
    """A polynomial close to the redescending loss of least bias: flat beyond 3c."""

    formula = (
        "where(abs(r) <= 2*c, r**2/2, where(abs(r) <= 3*c,"
        " c**2*(13/4 - (9 - (r/c)**2)**3/50 + (9 - (r/c)**2)**4/500), 13*c**2/4))"
    )
    c: float = positive(1.0602, "a third of the residual, in units of scale, beyond which the loss is flat")
    cite = "Yohai and Zamar 1997, doi:10.1016/S0378-3758(97)00043-4"


class VonMises(Loss, lift=residual):
    """The negative log-likelihood of an angle: one minus the cosine of the residual, in radians."""

    formula = "kappa*(1 - cos(r))"
    kappa: float = positive(1.0, "the concentration: large means nearly normal errors of variance 1/κ")
    aliases = ("periodic", "circular")
    cite = "Mardia and Jupp 2000, doi:10.1002/9780470316979"


class WrappedCauchy(Loss, lift=residual):
    """The negative log-likelihood of an angle with heavy tails: bounded pull, in radians."""

    formula = "log(1 + 4*rho/(1 - rho)**2*sin(r/2)**2)"
    rho: float = fraction(0.5, "the mean resultant length: near 1 means concentrated")
    cite = "Mardia and Jupp 2000, doi:10.1002/9780470316979"


class Gumbel(Loss, lift=residual):
    """The negative log-likelihood of largest extremes: exponential for y below z, linear above."""

    formula = "exp(-r) + r - 1"
    aliases = ("extreme_value",)
    cite = "Gumbel 1958, doi:10.7312/gumb92958"
