"""What losses of K scores give exactly: probabilities in balls, and the chain rule from slots to scores as sums.

Every result is a `Sum`: its value, and the size of its largest addend. Sums run over the classes that have a share in
the truth, and over the slots of a formula; a factor is never taken apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple

from lossmith.symbolic.truth import Ball, Exact, Undecided, words

NEWTON = 400
"""Steps at most towards a level."""


class Sum(NamedTuple):
    """A sum of balls, and how large its largest addend is."""

    value: Ball
    size: Ball

    @classmethod
    def of(cls, *addends: Ball) -> Sum:
        """Of these addends; of nothing it is 0."""
        total, size = ball(0), ball(0)
        for a in addends:
            total, size = total + a, size.max(abs(a))
        return cls(total, size)

    @classmethod
    def over(cls, sums: Iterable[Sum]) -> Sum:
        """The sum of sums: what was an addend of one is an addend of all."""
        total, size = ball(0), ball(0)
        for a in sums:
            total, size = total + a.value, size.max(a.size)
        return cls(total, size)

    def times(self, factor: Ball) -> Sum:
        """Every addend times a factor."""
        return Sum(self.value * factor, self.size * abs(factor))


class Slot(NamedTuple):
    """A slot at one row: its value, its slopes (K), and its second derivatives by pair of scores."""

    value: Sum
    slope: Sequence[Sum]
    bend: Callable[[int, int], Sum]


def ball(x: Any) -> Ball:
    """A number as an exact ball."""
    from flint import arb

    return arb(x)


class Chances:
    """The probabilities of one row of scores: log p, p and 1 − p of every class; classes may have own slots."""

    def __init__(self, z: Sequence[float]) -> None:
        exp, K = words()["exp"], len(z)
        self.z, self.K, self.top = z, K, max(range(K), key=lambda k: z[k])
        at = [ball(v) for v in z]
        below = [v - at[self.top] for v in at]
        odds = [ball(1) if k == self.top else exp(b) for k, b in enumerate(below)]
        others = Sum.of(*(o for k, o in enumerate(odds) if k != self.top)).value
        log_whole, whole = others.log1p(), 1 + others
        self.logp = [b - log_whole for b in below]
        self.p = [o / whole for o in odds]
        self.rest = [others / whole if k == self.top else 1 - p for k, p in enumerate(self.p)]
        self.log_sum = Sum.of(at[self.top], log_whole)

    def towards(self, j: int, k: int) -> Ball:
        """∂log p_j/∂z_k = δ_jk − p_k."""
        return self.rest[k] if j == k else -self.p[k]

    def spread(self, a: int, b: int) -> Ball:
        """−∂²log p_j/∂z_a∂z_b = p_a(δ_ab − p_b), whatever j."""
        return self.p[a] * self.towards(a, b)

    def summed(self, found: Mapping[int, Sequence[Sum]]) -> Slot:
        """Σ_j f_j(log p_j) over some classes, from value, slope and second derivative of each."""
        first = {j: d1 for j, (_, d1, _) in found.items()}
        slope = [Sum.over(d.times(self.towards(j, k)) for j, d in first.items()) for k in range(self.K)]
        total = Sum.over(first.values())

        def bend(a: int, b: int) -> Sum:
            curved = [d2.times(self.towards(j, a) * self.towards(j, b)) for j, (_, _, d2) in found.items()]
            return Sum.over([*curved, total.times(-self.spread(a, b))])

        return Slot(Sum.over(v for v, _, _ in found.values()), slope, bend)

    def each(self, f: Callable[[int], tuple[Ball, Ball, Ball]]) -> Slot:
        """The same over all classes, from plain numbers."""
        return self.summed({j: [Sum.of(v) for v in f(j)] for j in range(self.K)})

    def log_true(self, j: int) -> Slot:
        """log p of a class."""
        return self.summed({j: [Sum.of(self.logp[j]), Sum.of(ball(1)), Sum.of()]})

    @cached_property
    def log_mean(self) -> Slot:
        """The mean of log p."""
        return self.each(lambda j: (self.logp[j] / self.K, ball(1) / self.K, ball(0)))

    @cached_property
    def square(self) -> Slot:
        """Σ p²."""
        return self.each(lambda j: (self.p[j] ** 2, 2 * self.p[j] ** 2, 4 * self.p[j] ** 2))

    @cached_property
    def entropy(self) -> Slot:
        """−Σ p log p."""
        p, log = self.p, self.logp
        return self.each(lambda j: (-p[j] * log[j], -p[j] * (log[j] + 1), -p[j] * (log[j] + 2)))

    @cached_property
    def level(self) -> Slot:
        """log Σ exp(z)."""
        slope = [Sum.of(p) for p in self.p]
        return Slot(self.log_sum, slope, lambda a, b: Sum.of(self.spread(a, b)))

    def rival(self, j: int) -> Slot:
        """The largest probability below that of class j; 0 if there is none."""
        below = [k for k in range(self.K) if self.z[k] < self.z[j]]
        if not below:
            zero = Sum.of()
            return Slot(zero, [zero] * self.K, lambda a, b: zero)
        k = max(below, key=lambda k: self.z[k])
        return self.summed({k: [Sum.of(self.p[k])] * 3})


def turned(slot: Exact, names: Sequence[str], row: Sequence[Ball], k: int, near: float) -> dict[str, Sum]:
    """Outputs of a slot's Program, of which `names` are value, slope and bend of the kth slot.

    Where one, or for a value its slope, changes its sign within a factor of two of that slot, what the slot's rounding
    by `near`, an ulp of 1, changes counts as an addend; 0 where nothing does.
    """
    at = slot.named(row)
    made = {n: Sum.of(v) for n, v in at.items()}
    if not near:
        return made
    sides = [slot.named([*row[:k], row[k] * factor, *row[k + 1 :]]) for factor in (ball(0.5), ball(2))]
    for n, (this, steeper) in enumerate(pairwise(names)):
        looked = (this, steeper) if n == 0 else (this,)
        if any(not side[o] * at[o] > 0 for side in sides for o in looked):
            bent = at[names[-1]] * row[k] * row[k] * near if n == 0 else ball(0)
            made[this] = Sum(at[this], made[this].size.max(abs(at[steeper] * row[k])).max(abs(bent)))
    return made


def composed(f: Mapping[str, Ball], slots: Mapping[str, Slot], K: int) -> Slot:
    """f(t₁, t₂, …) by the chain rule, from its derivatives d_a and d_a_b at the slots."""
    names = list(slots)
    slope = [Sum.over(s.slope[k].times(f[f"d_{n}"]) for n, s in slots.items()) for k in range(K)]
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i:]]

    def crossed(n: str, m: str, a: int, b: int) -> Sum:
        s, t = slots[n].slope, slots[m].slope
        one = s[a].times(t[b].value)
        both = one if n == m else Sum.over([one, t[a].times(s[b].value)])
        return both.times(f[f"d_{n}_{m}"])

    def bend(a: int, b: int) -> Sum:
        plain = [s.bend(a, b).times(f[f"d_{n}"]) for n, s in slots.items()]
        return Sum.over([*plain, *(crossed(n, m, a, b) for n, m in pairs)])

    return Slot(Sum.of(f["value"]), slope, bend)


def with_mean(own: Slot, mean: Slot, share: Ball) -> Slot:
    """A slot, and a share of the mean log-probability that is counted in its value already."""
    slope = [Sum.over([a, b.times(share)]) for a, b in zip(own.slope, mean.slope, strict=True)]
    return Slot(own.value, slope, lambda a, b: Sum.over([own.bend(a, b), mean.bend(a, b).times(share)]))


def linear(found: Sequence[Mapping[str, Ball]], signs: Sequence[Mapping[int, int]], K: int) -> Slot:
    """Σ_j f(m_j) for margins m_j that are sums of scores with signs."""
    rows = list(zip(found, signs, strict=True))
    slope = [Sum.of(*(s[k] * f["d1"] for f, s in rows if k in s)) for k in range(K)]

    def bend(a: int, b: int) -> Sum:
        return Sum.of(*(s[a] * s[b] * f["d2"] for f, s in rows if a in s and b in s))

    return Slot(Sum.of(*(f["value"] for f, _ in rows)), slope, bend)


BY_U = ("value", "d_u", "d_u_u")


def normalised(slot: Exact, link: Exact, y: Sequence[float], z: Sequence[float], near: float) -> Slot:
    """Σ_k f(y_k, u_k) with u = z − λ, Σ e(u) = 1."""
    K, u = len(z), above_level(link, z)
    at = [link.named([v]) for v in u]
    f = [turned(slot, BY_U, [ball(share), v], 1, near) for share, v in zip(y, u, strict=True)]
    whole = Sum.of(*(e["de"] for e in at)).value
    w = [e["de"] / whole for e in at]
    rest = [Sum.of(*(e["de"] for j, e in enumerate(at) if j != k)).value / whole for k in range(K)]
    total = Sum.over(g["d_u"] for g in f) if "dde" in at[0] else Sum.of()

    def towards(j: int, k: int) -> Ball:
        return rest[k] if j == k else -w[k]

    def bend(a: int, b: int) -> Sum:
        shared = [total.times(-e["dde"] / whole) if "dde" in e else Sum.of() for e in at]
        inner = [Sum.over([g["d_u_u"], s]) for g, s in zip(f, shared, strict=True)]
        return Sum.over(v.times(towards(j, a) * towards(j, b)) for j, v in enumerate(inner))

    slope = [Sum.over(g["d_u"].times(towards(j, k)) for j, g in enumerate(f)) for k in range(K)]
    return Slot(Sum.over(g["value"] for g in f), slope, bend)


def above_level(link: Exact, z: Sequence[float]) -> list[Ball]:
    """The scores above the level at which Σ e(z − λ) = 1: balls about Newton's last step, at whose ends e disagrees."""
    from flint import arb, ctx

    at, best = [ball(v) for v in z], max(z)
    below = [v - ball(best) for v in at]

    def excess(top: Ball) -> tuple[Ball, Ball]:
        found = [link.named([b + top]) for b in below]
        return Sum.of(*(e["e"] for e in found)).value - 1, Sum.of(*(e["de"] for e in found)).value

    top = sure(link)
    for _ in range(NEWTON):
        over, slope = excess(top)
        step = (over / slope).mid()
        if not abs(step) > abs(top).max(arb(1)) * arb(2) ** (8 - ctx.prec):
            break
        top = (top - step).mid()
    width = abs(top).max(arb(1)) * arb(2) ** (16 - ctx.prec)
    if not (excess(top - width)[0] <= 0 and excess(top + width)[0] >= 0):
        raise Undecided
    whole = arb(top, width)
    return [b + whole for b in below]


def sure(link: Exact) -> Ball:
    """Where e is 1, by Newton's method from 0; e rises and is convex there."""
    from flint import ctx

    u = ball(0)
    for _ in range(NEWTON):
        found = link.named([u])
        if not abs(found["de"]) > 0:
            u = u + 1
            continue
        step = ((found["e"] - 1) / found["de"]).mid()
        u = (u - step).mid()
        if abs(step) <= abs(u).max(ball(1)) * ball(2) ** (16 - ctx.prec):
            break
    return u
