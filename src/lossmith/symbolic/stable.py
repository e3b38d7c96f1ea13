"""Named rewrites that keep the digits: the same mathematics in a form that neither cancels nor overflows.

Each is a small function from a node (whose children are already rewritten) to a better node, or None.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

import sympy as sp

from lossmith.symbolic import logits, remainders, scales
from lossmith.symbolic.algebra import HALF, Tree
from lossmith.symbolic.smooth import (
    Cosh,
    Exp,
    Expm1,
    Fade,
    Hypot1,
    Hypot1m1,
    Log,
    Log1p,
    Log1psq,
    Logcosh,
    Saturation,
    Sech2,
    Serpentine,
    Sigmoid,
    Softplus,
    Tanh,
    Witch,
)


def _terms(e: Tree) -> tuple[Tree, ...]:
    return e.args if e.is_Add else (e,)


def split(e: Tree) -> tuple[Tree, Tree] | None:
    """(coefficient, f(…)) for c·f(…) with one function factor f to the power 1."""
    factors = sp.Mul.make_args(e)
    calls = [f for f in factors if isinstance(f, sp.Function)]
    if len(calls) != 1:
        return None
    return sp.Mul(*(f for f in factors if f is not calls[0])), calls[0]


def _pair(e: Tree, kind: type[sp.Function], ratio: int, make: Callable[[Tree, Tree], Tree]) -> Tree | None:
    """In a sum, c·f(x) + ratio·c → make(c, x); the first such pair."""
    if not e.is_Add:
        return None
    for term in e.args:
        found = split(term)
        if found and found[1].func is kind and ratio * found[0] in e.args:
            rest = [t for t in e.args if t is not term and t != ratio * found[0]]
            return sp.Add(*rest, make(found[0], found[1].args[0]))
    return None


def one_minus_sigmoid(e: Tree) -> Tree | None:
    """1 − σ(x) → σ(−x)."""
    return _pair(e, Sigmoid, -1, lambda c, x: -c * Sigmoid(-x))


def exp_minus_one(e: Tree) -> Tree | None:
    """eˣ − 1 → expm1(x), 1 − eˣ → −expm1(x)."""
    return _pair(e, Exp, -1, lambda c, x: c * Expm1(x))


def hypot_minus_one(e: Tree) -> Tree | None:
    """√(1+x²) − 1 → x·x/(1 + √(1+x²))."""
    return _pair(e, Hypot1, -1, lambda c, x: c * Hypot1m1(x))


def sqrt_minus_one(e: Tree) -> Tree | None:
    """√(1+u) − 1 → u/(1 + √(1+u)) for any u."""
    if not e.is_Add:
        return None
    for term in e.args:
        c, power = term.as_independent(sp.Pow) if term.is_Mul else (sp.S.One, term)
        if power.is_Pow and power.exp == HALF and -c in e.args:
            u = power.base - 1
            rest = [t for t in e.args if t is not term and t != -c]
            if not u.is_number and len(_terms(u)) < len(_terms(power.base)):
                return sp.Add(*rest, c * u / (1 + power))
    return None


def expm1_of_logsigmoid(e: Tree) -> Tree | None:
    """expm1(−softplus(−x)) → −σ(−x)."""
    inner = -e.args[0] if e.func is Expm1 else None
    return -Sigmoid(inner.args[0]) if inner is not None and inner.func is Softplus else None


def exp_of_logsigmoid(e: Tree) -> Tree | None:
    """exp(−softplus(x)) → σ(−x)."""
    inner = -e.args[0] if e.func is Exp else None
    return Sigmoid(-inner.args[0]) if inner is not None and inner.func is Softplus else None


def power_of_one_plus_square(e: Tree) -> Tree | None:
    """exp(c·log(1 + x²)) → √(1 + x²)^2c; expm1 of it → √(1 + x²) − 1 for c = ½, −x²/(1 + x²) for c = −1."""
    found = split(e.args[0]) if e.func in (Exp, Expm1) else None
    if found is None or found[1].func is not Log1psq or not found[0].is_number:
        return None
    c, x = found[0], found[1].args[0]
    if e.func is Exp:
        return Witch(x) ** -c if (2 * c).is_integer and c < 0 else Hypot1(x) ** (2 * c)
    return {HALF: Hypot1m1(x), -sp.S.One: -Saturation(x)}.get(c)


def log_one_plus_exp(e: Tree) -> Tree | None:
    """log(1 + eˣ) → softplus(x)."""
    if e.func is Log1p and e.args[0].func is Exp:
        return Softplus(e.args[0].args[0])
    return None


def log_one_plus(e: Tree) -> Tree | None:
    """log(1 + u) → log1p(u)."""
    if e.func is not Log or not e.args[0].is_Add or sp.S.One not in e.args[0].args:
        return None
    return Log1p(e.args[0] - 1)


def log_of_sigmoid(e: Tree) -> Tree | None:
    """log(σ(x)) → −softplus(−x)."""
    return -Softplus(-e.args[0].args[0]) if e.func is Log and e.args[0].func is Sigmoid else None


def log_of_cosh(e: Tree) -> Tree | None:
    """log(cosh(x)) → logcosh(x), safe at both ends."""
    return Logcosh(e.args[0].args[0]) if e.func is Log and e.args[0].func is Cosh else None


def one_minus_tanh_squared(e: Tree) -> Tree | None:
    """1 − tanh²(x) → sech²(x)."""
    if not e.is_Add:
        return None
    for term in e.args:
        for power in term.atoms(sp.Pow):
            if power.exp == 2 and power.base.func is Tanh:
                c = term / power
                if -c in e.args:
                    rest = [t for t in e.args if t is not term and t != -c]
                    return sp.Add(*rest, -c * Sech2(power.base.args[0]))
    return None


def logistic_quotient(e: Tree) -> Tree | None:
    """(1 + eˣ)⁻ⁿ → σ(−x)ⁿ, and eˣ·σ(−x) → σ(x)."""
    if e.is_Pow and e.exp.is_number and e.exp.is_negative and e.base.is_Add and len(e.base.args) == 2:
        one, other = sorted(e.base.args, key=lambda a: a is not sp.S.One)
        return Sigmoid(-other.args[0]) ** -e.exp if one is sp.S.One and other.func is Exp else None
    if not e.is_Mul:
        return None
    for f in e.args:
        if f.func is Exp and Sigmoid(-f.args[0]) in e.args:
            rest = [g for g in e.args if g is not f and g != Sigmoid(-f.args[0])]
            return sp.Mul(*rest, Sigmoid(f.args[0]))
    return None


def root_of_square(u: Tree) -> Tree | None:
    """x with x² = u, for a product of even powers and positive parameters; None if it is not one."""
    roots: list[Tree] = []
    squares = 0
    for factor in sp.Mul.make_args(u):
        base, power = factor.as_base_exp()
        if factor.is_number and factor.is_positive:
            roots.append(sp.sqrt(factor))
        elif power.is_integer and power.is_even:
            roots.append(base ** (power / 2))
            squares += 1
        elif base.is_Symbol and base.is_positive and power.is_number:
            roots.append(base ** (power / 2))
        else:
            return None
    return reduce(sp.Mul, roots, sp.S.One) if squares and u.free_symbols else None


def _one_plus_square(u: Tree) -> Tree | None:
    """x if u is 1 + x²."""
    if not u.is_Add or len(u.args) != 2 or sp.S.One not in u.args:
        return None
    return root_of_square(u - 1)


def sqrt_of_one_plus_square(e: Tree) -> Tree | None:
    """(1 + x²)^(n/2) for odd n → hypot1(x)ⁿ."""
    if not (e.is_Pow and e.exp.is_Rational and e.exp.q == 2):
        return None
    x = _one_plus_square(e.base)
    return None if x is None else Hypot1(x) ** (2 * e.exp)


def log_of_one_plus_square(e: Tree) -> Tree | None:
    """log(1 + x²) → log1psq(x)."""
    x = root_of_square(e.args[0]) if e.func is Log1p else None
    return None if x is None else Log1psq(x)


def one_over_one_plus_square(e: Tree) -> Tree | None:
    """(1 + x²)⁻ⁿ → witch(x)ⁿ, and x·witch(x) → serpentine(x)."""
    if e.is_Pow and e.exp.is_integer and e.exp.is_negative:
        x = _one_plus_square(e.base)
        return None if x is None else Witch(x) ** -e.exp
    return _serpentine(e) if e.is_Mul else None


def _serpentine(e: Tree) -> Tree | None:
    """In a product with witch(x), as many factors x as it holds: x·witch → serpentine, x²·witch → saturation."""
    powers = e.as_powers_dict()
    for w, n in powers.items():
        if w.func is not Witch or not n.is_Integer:
            continue
        x = w.args[0]
        slots = [s for s in x.free_symbols if not s.is_positive and powers.get(s, 0) > 0]
        if len(slots) == 1 and x.diff(slots[0], 2) == 0:
            k = powers[slots[0]]
            if k >= 2 * n:
                return e / (w * x**2) ** n * Saturation(x) ** n
            take = min(n, k)
            return e / (w * x) ** take * Serpentine(x) ** take
    return None


def _slots(e: Tree) -> bool:
    """Does the expression depend on anything but positive parameters?"""
    return any(not s.is_positive for s in e.free_symbols)


def _absorb(
    e: Tree, kind: type[sp.Function], argument: Callable[[Tree], Tree], whole: type[sp.Function]
) -> Tree | None:
    """In a product, u·kind(argument⁻¹(u)) → whole(u), whatever else stands beside that does not carry the slot."""
    if not e.is_Mul:
        return None
    plain = sp.Mul(*(f for f in e.args if not isinstance(f, sp.Function)))
    for f in e.args:
        if f.func is kind and _slots(f):
            u = argument(f.args[0])
            rest = plain / u
            rest = sp.cancel(rest) if _slots(rest) else rest
            if not _slots(rest) and _slots(u):
                return rest * sp.Mul(*(g for g in e.args if isinstance(g, sp.Function) and g is not f)) * whole(u)
    return None


def times_serpentine(e: Tree) -> Tree | None:
    """x·serpentine(x) → saturation(x)."""
    return _absorb(e, Serpentine, lambda x: x, Saturation)


def times_exp(e: Tree) -> Tree | None:
    """u·e⁻ᵘ → fade(u), which is 0 at infinity."""
    return _absorb(e, Exp, lambda x: -x, Fade) if e.is_Mul and any(_squares(f) for f in e.args) else None


def _squares(f: Tree) -> bool:
    return f.func is Exp and root_of_square(-f.args[0]) is not None


REWRITES: dict[str, Callable[[Tree], Tree | None]] = (
    {
        f.__name__: f
        for f in (
            one_minus_sigmoid,
            exp_minus_one,
            hypot_minus_one,
            sqrt_of_one_plus_square,
            sqrt_minus_one,
            expm1_of_logsigmoid,
            exp_of_logsigmoid,
            log_of_sigmoid,
            log_of_cosh,
            log_one_plus,
            log_one_plus_exp,
            log_of_one_plus_square,
            one_minus_tanh_squared,
            power_of_one_plus_square,
            logistic_quotient,
            one_over_one_plus_square,
            times_serpentine,
            times_exp,
        )
    }
    | remainders.REWRITES
    | logits.REWRITES
    | scales.REWRITES
)
"""Every rewrite by its name, in the order in which they are tried."""


def stable(e: Tree) -> Tree:
    """The expression with every rewrite applied, from the leaves up, until none applies."""
    if not e.args:
        return e
    children = [stable(a) for a in e.args]
    if any(a is not b for a, b in zip(children, e.args, strict=True)):
        e = e.func(*children)
    for rewrite in REWRITES.values():
        better = rewrite(e)
        if better is not None and better != e:
            return stable(better)
    return e
