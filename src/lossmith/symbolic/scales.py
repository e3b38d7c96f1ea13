"""Rewrites for a loss of a place and the logarithm of a scale: what the slope along the scale leaves of a sum."""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from lossmith.symbolic.algebra import Abs, Min, Sign, Tree, Word
from lossmith.symbolic.remainders import calls, paired
from lossmith.symbolic.smooth import COMPOSITES, Exp, Expm1, Saturation, Sech2, Serpentine, Sigmoid, Softplus


class BinaryEntropy(Word):
    """softplus(x) − x·σ(x), the entropy of the probability σ(x) in nats."""

    word = "binary_entropy"
    parity = 1
    slope = staticmethod(lambda x: -x * Sech2(x / 2) / 4)


FAR = sp.Integer(1000)
"""Beyond it σ(−x) is 0, whatever multiplies it."""

COMPOSITES["binary_entropy"] = lambda x: Softplus(-Abs(x)) + Min(Abs(x), FAR) * Sigmoid(-Abs(x))


def inverse_scales(e: Tree) -> Tree | None:
    """eˣ·e⁻ˣ → 1, with powers of both."""
    powers = sp.Mul(*e.args).as_powers_dict() if e.is_Mul else {}
    for f, n in powers.items():
        other = Exp(-f.args[0]) if f.func is Exp else None
        if other is not None and other != f and n.is_Integer and (m := powers.get(other, sp.S.Zero)).is_Integer and m:
            least = min(n, m)
            return sp.Mul(*(g ** (k - least if g in (f, other) else k) for g, k in powers.items()))
    return None


def times_serpentine_of_scale(e: Tree) -> Tree | None:
    """x·serpentine(x) → saturation(x), for an x with a scale in it."""
    for f in e.args if e.is_Mul else ():
        if f.func is Serpentine and f.args[0].has(Exp) and _holds(e, f.args[0]):
            return e / (f * f.args[0]) * Saturation(f.args[0])
    return None


def _holds(e: Tree, x: Tree) -> bool:
    """Is each factor of x that is no parameter a factor of e?"""
    powers = e.as_powers_dict()
    return all(
        powers.get(f, 0) >= n for f, n in x.as_powers_dict().items() if any(not s.is_positive for s in f.free_symbols)
    )


def entropy_of_softplus(e: Tree) -> Tree | None:
    """softplus(x) − x·σ(x) → binary_entropy(x)."""
    found = (paired(e, term, -c * x * Sigmoid(x), c * BinaryEntropy(x)) for term, c, x in calls(e, Softplus))
    return next((better for better in found if better is not None), None)


def signed_exp_minus_one(e: Tree) -> Tree | None:
    """c·eˣ − c → c·expm1(x), for a c with a sign in it."""
    found = (paired(e, term, -c, c * Expm1(x)) for term, c, x in calls(e, Exp) if c.has(Sign))
    return next((better for better in found if better is not None), None)


def shared_scale(e: Tree) -> Tree | None:
    """(a + b)·eˢ + (c + d)·eˢ → (a + b + c + d)·eˢ for a raw output s."""
    sums = [(t, f, t / f) for t in (e.args if e.is_Add else ()) for f in sp.Mul.make_args(t) if _scale(f)]
    for k, (term, scale, inner) in enumerate(sums):
        for other, again, more in sums[k + 1 :]:
            if again == scale and inner.is_Add and more.is_Add:
                return sp.Add(*(t for t in e.args if t not in (term, other)), scale * (inner + more))
    return None


def _scale(f: Tree) -> bool:
    return f.func is Exp and f.args[0].is_Symbol


REWRITES: dict[str, Callable[[Tree], Tree | None]] = {
    f.__name__: f
    for f in (inverse_scales, times_serpentine_of_scale, shared_scale, entropy_of_softplus, signed_exp_minus_one)
}
