"""Losses of a residual r = y − z. Parameters are in units of the declared scale; ρ″(0) = 1 where it exists."""

from __future__ import annotations

from lossmith.domain import between, nonnegative, positive
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
