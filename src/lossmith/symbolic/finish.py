"""The last rewrites of an output that nobody will differentiate: factors out of sums, sums that do not cancel."""

from __future__ import annotations

from collections.abc import Callable

import sympy as sp

from lossmith.symbolic.algebra import RELATIONS, Tree, Where
from lossmith.symbolic.remainders import calls
from lossmith.symbolic.smooth import Cos, Exp, Expm1, Saturation, Sech2, Serpentine, Sigmoid, Sin, Tanh, Witch
from lossmith.symbolic.stable import exp_minus_one, split


def one_plus_tanh(e: Tree) -> Tree | None:
    """a + c·tanh(x) → (a − c) + 2c·σ(2x), which does not cancel for 0 < c ≤ a."""
    if not e.is_Add or len(e.args) != 2 or not any(a.is_Rational and a.is_positive for a in e.args):
        return None
    for term in e.args:
        found = split(term)
        if found and found[1].func is Tanh and not found[0].free_symbols & found[1].free_symbols:
            c, x = found[0], found[1].args[0]
            c, x = (-c, -x) if c.could_extract_minus_sign() else (c, x)
            return sp.Add(*(t for t in e.args if t is not term), -c, 2 * c * Sigmoid(2 * x))
    return None


def one_minus_power(e: Tree) -> Tree | None:
    """1 − (1−u)ⁿ → u·(1 + v + … + vⁿ⁻¹) with v = 1 − u: for values only, its slope is better taken before."""
    if not e.is_Add or len(e.args) != 2:
        return None
    for power in e.args:
        base, n = (-power).as_base_exp()
        if n.is_Integer and n > 1 and base.is_Add and sp.S.One in base.args and sp.S.One in e.args:
            return (1 - base) * sp.Add(*(base**k for k in range(int(n))))
    return None


def common_factor(e: Tree) -> Tree | None:
    """f·a + f·b → f·(a + b): the error of f then cannot be magnified where a and b cancel."""
    if not e.is_Add:
        return None
    powers = [{f: n for f, n in term.as_powers_dict().items() if isinstance(f, FADING)} for term in e.args]
    numeric = all(n.is_number for p in powers for n in p.values())
    shared = {f: n for f in powers[0] if numeric and (n := min(p.get(f, sp.S.Zero) for p in powers)) > 0}
    if not shared:
        return None
    factor = sp.Mul(*(f**n for f, n in shared.items()))
    return sp.Mul(factor, sp.Add(*(term / factor for term in e.args)), evaluate=False)


def shared_sigmoid(e: Tree) -> Tree | None:
    """In a sum, a·sech²(x/2) + b·σ(x) → σ(x)·(4a·σ(−x) + b)."""
    for power in e.atoms(Sigmoid) if e.is_Add else ():
        x = power.args[0]
        half = Sech2(x / 2)
        has = [(term.as_powers_dict().get(half, 0), term.as_powers_dict().get(power, 0)) for term in e.args]
        if any(a for a, _ in has) and all(a or b for a, b in has):
            return e.xreplace({half: 4 * power * Sigmoid(-x)})
    return None


def squared_serpentine(e: Tree) -> Tree | None:
    """In a sum that has witch(x) too, serpentine(x)² → witch(x)·saturation(x)."""
    found = {p for p in e.atoms(sp.Pow) if p.base.func is Serpentine and p.exp == 2} if e.is_Add else set()
    table = {p: Witch(x) * Saturation(x) for p in found if e.has(Witch(x := p.base.args[0]))}
    return e.xreplace(table) if table else None


def one_minus_saturation(e: Tree) -> Tree | None:
    """c − k·saturation(x) → c·witch(x) − (k − c)·saturation(x): 1 is both together."""
    if not e.is_Add or len(e.args) != 2:
        return None
    c = next((a for a in e.args if a.is_Rational), None)
    found = split(e - c) if c is not None else None
    if found is None or found[1].func is not Saturation or not found[0].is_Rational or found[0] * c >= 0:
        return None
    return c * Witch(found[1].args[0]) + (found[0] + c) * found[1]


def double_angle(e: Tree) -> Tree | None:
    """c·cos(x)² − c·sin(x)² → c·cos(2x), and sin(x)·cos(x) → ½ sin(2x)."""
    if e.is_Mul:
        found = next((f.args[0] for f in e.args if f.func is Sin and Cos(f.args[0]) in e.args), None)
        return None if found is None else e / (Sin(found) * Cos(found)) * Sin(found * 2) / 2
    for power in e.atoms(sp.Pow) if e.is_Add else ():
        x = power.base.args[0] if power.base.func is Cos and power.exp == 2 else None
        for term in e.args if x is not None else ():
            c = term / power
            if x is not None and not c.has(power) and -c * Sin(x) ** 2 in e.args:
                kept = (t for t in e.args if t is not term and t != -c * Sin(x) ** 2)
                return sp.Add(*kept, c * Cos(x * 2))
    return None


def sigmoid_gap(e: Tree) -> Tree | None:
    """c·σ(x) − c·σ(y) → c·σ(x)·σ(−y)·(1 − e^(y−x)), by the smaller of the two exponentials; c·tanh(x/2) for y = −x."""
    found = [(t, f) for t in (e.args if e.is_Add else ()) for f in sp.Mul.make_args(t) if f.func is Sigmoid]
    for term, high in found:
        for other, low in found:
            c = term / high
            if other == -c * low and not c.could_extract_minus_sign():
                x, y = high.args[0], low.args[0]
                return sp.Add(*(t for t in e.args if t not in (term, other)), c * _gap(x, y))
    return None


def _gap(x: Tree, y: Tree) -> Tree:
    if sp.expand(x + y) == 0:
        return Tanh(x / 2)
    up, down = -Sigmoid(x) * Sigmoid(-y) * Expm1(y - x), Sigmoid(y) * Sigmoid(-x) * Expm1(x - y)
    return Where(RELATIONS["gt"](x, y), up, down)


def one_minus_share(e: Tree) -> Tree | None:
    """1 − σ(x)·eʸ → σ(−x) − σ(x)·expm1(y), where both may be all but 1."""
    if not e.is_Add or len(e.args) != 2 or sp.S.One not in e.args:
        return None
    for _, share, y in calls(e, Exp):
        if (-share).func is Sigmoid:
            x = (-share).args[0]
            return Sigmoid(-x) - Sigmoid(x) * Expm1(y)
    return None


FADING = (Exp, Sigmoid, Sech2, Witch)
"""Words worth taking out of a sum."""

FINISHING: tuple[Callable[[Tree], Tree | None], ...] = (
    one_minus_power,
    squared_serpentine,
    shared_sigmoid,
    common_factor,
    one_minus_saturation,
    one_plus_tanh,
    double_angle,
)
"""Rewrites for what nobody will differentiate any more."""


JOINTLY: tuple[Callable[[Tree], Tree | None], ...] = (
    *FINISHING,
    exp_minus_one,
    one_minus_share,
    sigmoid_gap,
)
"""The same where several outputs, or both ends of an interval, leave differences."""


def finished(e: Tree, rewrites: tuple[Callable[[Tree], Tree | None], ...] | None = None) -> Tree:
    """An output that nobody will differentiate any more, in its last stable form; by FINISHING if nothing is said."""
    for rewrite in FINISHING if rewrites is None else rewrites:
        better = rewrite(e)
        if better is not None and better != e:
            return finished(better, rewrites)
    return e.func(*(finished(a, rewrites) for a in e.args)) if e.args else e
