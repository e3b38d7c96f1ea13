"""What is proved by hand of losses of K scores, for formulas as they are spelled: how far their Hessians can bend.

Throughout p = softmax(z), J = diag p − ppᵀ with norm at most ½ (Böhning 1992) and at most its trace 1 − q, q = Σ p²;
d_k = v_k − Σ p v for a unit vector v, and Var = Σ p d² = vᵀJv. The Hessian of p_k along v is p_k (d_k² − Var), and
Σ p²d² = |Jv|² <= ¼.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from lossmith.facts import Fact

NORM_OF_J = "1/2 - 2*x*(1 - x)"
"""A row of ½ − J has this on its diagonal less all that is beside it (Gershgorin): J is at most ½."""


ARGUED = "; argued class by class for every K, and checked again as a whole for K <= 3 only"
"""What a reader must know of these proofs: a second routine checks what is needed of one class, and few classes."""
BENT = Fact(
    "twice", False, "second derivatives jump where a probability becomes 0: of two classes at scores 0 and 1",
    {"scores": [0.0, 1.0], "along": [0.0, 1.0]},
)  # fmt: skip
"""Of sparsemax: p = (1 + t)/2 for scores 0 and t up to t = 1, and then 1."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The Hessian in all scores is at most `above` times the identity, its norm at most `size` (shares sum to 1)."""

    above: float
    size: float
    because: str
    convex: bool = False
    twice: str = "a smooth function of the log-probabilities, which are smooth"
    """Why there are second derivatives everywhere; "" if there are places without."""
    rests: tuple[str, ...] = ()
    """What the argument needs to be >= 0 for all shares in [0, 1] that it names: the certificate checks it again."""

    @property
    def limits(self) -> tuple[tuple[str, float], tuple[str, float]]:
        """Both limits, as a sentence begins."""
        return ("the Hessian's norm is", self.size), ("the Hessian is", self.above)

    def stretched(self, factor: float) -> Bound:
        """The bound where all scores are multiplied by at most this before."""
        if factor == 1:
            return self
        because = f"{self.because}, of scores times at most {factor:g}"
        return replace(self, above=self.above * factor**2, size=self.size * factor**2, because=because)

    def facts(self) -> dict[str, Fact]:
        """The facts that follow."""
        norm, most = (f"{says} at most {c:g}: {self.because}{ARGUED}" for says, c in self.limits)
        made = {
            "twice": Fact("twice", True, self.twice) if self.twice else BENT,
            "smooth": Fact("smooth", True, norm, None, self.size),
            "majorant": Fact("majorant", True, most, None, self.above),
        }
        convex = Fact("convex", True, f"the Hessian is never negative: {self.because}{ARGUED}")
        return made | ({"convex": convex} if self.convex else {})


BOUNDS: Mapping[tuple[str, str], Bound] = {
    # above: 2 Σp²d² <= ½, p_y − q <= p_y − p_y² <= ¼ and Var <= ½
    # below: of the sum over classes, y has −p_y (1 − 2p_y) d_y² >= −⅛·2, and Var (p_y − q) >= −q min(½, 1 − q) >= −¼
    ("simplex", "1 - 2*p + sum_p2"): Bound(
        1.25, 1.25, "2(2 sum p^2 d^2 - p_y d_y^2 + Var (p_y - sum p^2)) along a unit vector, with Var <= 1/2",
        rests=(
            NORM_OF_J, "1.25 - 2*(2/4 + (p - p**2)/2)", "1.25 - 2*(2*max(p*(1 - 2*p), 0) + q*min(1/2, 1 - q))",
        ),
    ),
    # with q = softmax(2z) the loss is −√q_y, and √q_y |e_y − q|² <= 2√q_y (1 − q_y)² < 0.6
    ("simplex", "-p/sqrt(sum_p2)"): Bound(
        1.0, 1.0, "it is -sqrt(q_y) with q = softmax(2z), so s (2 J(q) - g g^T) with s = sqrt(q_y) <= 1, g = e_y - q",
        rests=(NORM_OF_J, "1 - 2*sqrt(q)*(1 - q)**2"),
    ),
    # H = Σy · J(p)
    ("divergence", "where(y > 0, y*(log(y) - logp), 0)"): Bound(
        0.5, 0.5, "it is that of logsumexp, diag p - p p^T, for shares that sum to 1", convex=True,
        rests=(NORM_OF_J,),
    ),
    ("adjusted", "-logp"): Bound(
        0.5, 0.5, "it is that of logsumexp, diag p - p p^T", convex=True, rests=(NORM_OF_J,)
    ),
    # Fenchel–Young: H = diag s − s sᵀ/Σs with s = e′ <= 1, the second term is never negative, and vᵀHv = Σ s (v − m)²
    # with m = Σ s v/Σs; a power of p with an exponent above 0 lies in [0, 1] as p does
    ("normalised", "max(0, u)**2/2 - y*(u - 1/2)"): Bound(
        1.0, 1.0, "it is diag s - s s^T / sum s with s = 1 where p > 0, else 0", convex=True, twice="",
        rests=("s*(v - m)**2", "1 - s"),
    ),
    ("normalised", "max(0, (alpha - 1)*u)**(alpha/(alpha - 1))/alpha - y*(u - 1/(alpha*(alpha - 1)))"): Bound(
        1.0, 1.0, "it is diag s - s s^T / sum s with s = p^(2 - alpha) <= 1", convex=True,
        twice="s = p^(2 - alpha) is continuous, as alpha < 2",
        rests=("s*(v - m)**2", "1 - s"),
    ),
    # T² times cross-entropy of z/T: J(p) with shares that sum to 1
    ("normalised", "temperature**2*where(y > 0, y*(log(y) - u/temperature), 0)"): Bound(
        0.5, 0.5, "it is diag p - p p^T with p = softmax(z/T): T^2 and 1/T^2 cancel", convex=True,
        rests=(NORM_OF_J,),
    ),
}  # fmt: skip
"""By lift and formula: for another formula nothing is claimed."""

CONVEX: Mapping[tuple[str, str], tuple[str, tuple[str, ...]]] = {
    # Σ (p − y)²/p = Σ y²/p + a constant, with 1/p_k = Σ_j exp(z_j − z_k): along v its second derivative is
    # (d_k² + Var)/p_k
    ("divergence", "where(y > 0, y**2*expm1(logp - log(y))**2*exp(-logp), p)"): (
        "each 1/p_k is a sum of exponentials of differences of scores, times y_k^2; the rest adds up to a constant",
        ("(x**2 + q)*r**2",),
    ),
}
"""Convexity alone, by lift and formula: why, and what the argument needs to be >= 0."""


def facts_of_rest(smooth: Fact) -> dict[str, Fact]:
    """Of a margin loss of every class against the rest: the Hessian is diagonal, of its own second derivatives."""
    if smooth.constant is None:
        return {}
    because = f"the Hessian is diagonal, and each entry within {smooth.constant:.6g}"
    return {n: Fact(n, True, because, None, smooth.constant) for n in ("smooth", "majorant")}
