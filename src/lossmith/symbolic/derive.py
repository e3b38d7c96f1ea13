"""A formula and a change of variables → Programs for value, gradient, hessian, majorant and mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sympy as sp

from lossmith.errors import FormulaError
from lossmith.formula import Expr
from lossmith.program import Program, Step
from lossmith.symbolic.algebra import HALF, RELATIONS, Abs, Sign, Tree, Where
from lossmith.symbolic.emit import emit
from lossmith.symbolic.finish import finished
from lossmith.symbolic.read import to_sympy
from lossmith.symbolic.remainders import Share
from lossmith.symbolic.smooth import Exp, Fade, Hypot1, Log, Serpentine, Sigmoid, Tanh, Tilt, Witch
from lossmith.symbolic.stable import stable

Params = Mapping[str, bool]
"""Parameter names, each with: is it known to be nonnegative?"""


def pointwise(
    tree: Expr, slot: str, prelude: Sequence[Step], jacobian: str, params: Params, *, majorant: bool, note: str = ""
) -> Program:
    """The Program (y, z) → value, gradient, hessian[, majorant] of a formula in one slot that is linear in z.

    `prelude` computes the slot from y and z; `jacobian` is dslot/dz, "-1", "1" or the name of a ±1 in the prelude.
    """
    t = sp.Symbol(slot)
    f, d1, d2 = _two_derivatives(tree, t, params)
    J = sp.Integer(jacobian) if jacobian.lstrip("-").isdigit() else sp.Symbol(jacobian)
    outputs = {"value": finished(f), "gradient": finished(stable(J * d1)), "hessian": finished(d2)}
    if majorant:
        curve = majorising(d1, d2, t)
        outputs |= {} if curve is None else {"majorant": curve}
    whole = {name: _nan_through(e, t) for name, e in outputs.items()}
    return _emitted(("y", "z"), params, prelude, whole, note)


def _nan_through(e: Tree, t: Tree) -> Tree:
    """NaN in, NaN out, also where a NaN would fall into a branch that does not depend on the slot."""
    flat = any(t not in branch.free_symbols for w in e.atoms(Where) for branch in w.args[1:])
    return Where(RELATIONS["eq"](t, t), e, t) if flat else e


def slotwise(tree: Expr, slots: Sequence[str], params: Params, note: str = "") -> Program:
    """The Program (slots) → value, d1, d2 (both in the first slot) and, of each further slot s, d_s."""
    t = sp.Symbol(slots[0])
    f, d1, d2 = _two_derivatives(tree, t, params)
    outputs = {"value": finished(f), "d1": finished(d1), "d2": finished(d2)}
    outputs |= {f"d_{s}": _slope(f, sp.Symbol(s)) for s in slots[1:]}
    return _emitted(tuple(slots), params, (), outputs, note)


def plain(tree: Expr, inputs: Sequence[str], output: str, params: Params, note: str = "") -> Program:
    """The Program of one formula and no derivative."""
    return _emitted(tuple(inputs), params, (), {output: stable(_sympy(tree, params))}, note)


def margin_mean(tree: Expr, slot: str, params: Params, note: str = "") -> Program | None:
    """The Program z → η(z) = φ′(−z)/(φ′(z) + φ′(−z)): the probability that a margin loss φ trains z for.

    None for an even φ, which costs both labels the same: it trains z for no probability.
    """
    t, z = sp.Symbol(slot), sp.Symbol("z")
    slope = _two_derivatives(tree, t, params)[1]
    here, there = stable(slope.subs(t, z)), stable(slope.subs(t, -z))
    if sp.expand(here + there) == 0:
        return None
    return _emitted(("z",), params, (), {"mean": 1 / (1 + here / there)}, note)


def majorising(d1: Tree, d2: Tree, t: Tree) -> Tree | None:
    """The candidate curvature e(t)/t, where f′ = e + constant with e odd; None if f′ has no such form.

    It majorises when e(t)/t falls in t > 0, which `prove` decides. (De Leeuw and Lange 2009; for the logistic loss
    it is tanh(t/2)/(2t), Jaakkola and Jordan 2000; for the pinball 1/(2|t|), Hunter and Lange 2000.)
    """
    back = d1.subs(t, -t)
    if _constant_in(d1 + back, t):
        curve = _over_slot(_odd_part(d1, back), d2, t)
        return None if curve.has(sp.zoo, sp.nan, sp.oo) else curve
    return None


def _constant_in(e: Tree, t: Tree) -> bool:
    mirrored = e.replace(lambda s: s.func is Sigmoid and s.args[0].could_extract_minus_sign(), _flip)
    return t not in sp.expand(mirrored).free_symbols


def _flip(s: Tree) -> Tree:
    return 1 - Sigmoid(-s.args[0])


def _odd_part(d1: Tree, back: Tree) -> Tree:
    halves = sp.expand(HALF * (d1 - back))
    mirrored = sp.expand(halves.replace(lambda s: s.func is Sigmoid and s.args[0].could_extract_minus_sign(), _flip))
    return (
        mirrored.replace(lambda s: s.func is Sigmoid, lambda s: HALF * (1 + Tanh(s.args[0] / 2)))
        if (mirrored.atoms(Sigmoid))
        else (d1 if sp.expand(d1 + back) == 0 else halves)
    )


def _over_slot(e: Tree, d2: Tree, t: Tree) -> Tree:
    """e(t)/t with its limit at 0: the factor t cancelled where the form shows one, else by a `where`."""
    if e.func is Where:
        return Where(e.args[0], _over_slot(e.args[1], d2, t), _over_slot(e.args[2], d2, t))
    open_form = e.replace(Tilt, lambda x: x / Hypot1(x)).replace(Serpentine, lambda x: x * Witch(x))
    open_form = open_form.replace(Share, lambda x: x / (1 + x)).replace(Fade, lambda x: x * Exp(-x))
    open_form = sp.expand(open_form) if open_form.is_Add else open_form
    shown = open_form.replace(lambda s: s.func is Sign and s.args[0] == t, lambda s: t / Abs(t))
    quotient = _joined(sp.Add(*(term / t for term in sp.Add.make_args(shown))))
    singular = any(p.base == t and p.exp.is_negative for p in quotient.atoms(sp.Pow))
    if not singular and not _nothing_over_nothing(quotient, t):
        return stable(quotient)
    return Where(RELATIONS["eq"](t, sp.S.Zero), stable(d2.subs(t, 0)), stable(quotient))


def _nothing_over_nothing(quotient: Tree, t: Tree) -> bool:
    """Is it 0/0 at 0, written over |t|? (A number over 0 stays: no finite curvature majorises a kink at 0.)"""
    size = Abs(t)
    if not any(p.base == size and p.exp == -1 for p in quotient.atoms(sp.Pow)):
        return False
    above = sp.Add(*(term * size for term in sp.Add.make_args(quotient)))
    return bool(above.subs(t, sp.S.Zero) == 0)


def _two_derivatives(tree: Expr, t: Tree, params: Params) -> tuple[Tree, Tree, Tree]:
    f = stable(_sympy(tree, params))
    d1 = _slope(f, t)
    return f, d1, stable(_squared_signs(_slope(d1, t)))


def _slope(f: Tree, t: Tree) -> Tree:
    try:
        return stable(_joined(f.diff(t).replace(sp.log, Log)))
    except NotImplementedError as e:
        raise FormulaError(f"{e}: the formula needs a derivative that is not in the language") from None


def _joined(e: Tree) -> Tree:
    """|u|^k/|u| → |u|^(k − 1) for an exponent with a name in it: no 0/0 where u = 0."""
    return e.replace(lambda m: m.is_Mul and any(map(_named_power, m.args)), _with_one_power)


def _named_power(e: Tree) -> bool:
    return bool(e.is_Pow and e.base.func is Abs and not e.exp.is_number)


def _with_one_power(product: Tree) -> Tree:
    size = next(filter(_named_power, product.args)).base
    inside, exponent, others = size.args[0], sp.S.Zero, sp.S.One
    for factor in product.args:
        base, power = factor.as_base_exp()
        same = base == size or (base in (inside, -inside) and power.is_even)
        exponent, others = (exponent + power, others) if same else (exponent, others * factor)
    return size**exponent * others


def _squared_signs(e: Tree) -> Tree:
    """sign(x)² → 1: true almost everywhere, which is all that a second derivative promises."""
    return e.replace(lambda s: s.is_Pow and s.base.func is Sign and s.exp.is_even, lambda s: sp.S.One)


def _sympy(tree: Expr, params: Params) -> Tree:
    symbols = {n: sp.Symbol(n, positive=params.get(n) or None) for n in tree.names}
    return to_sympy(tree, symbols)


def _emitted(
    inputs: tuple[str, ...], params: Params, prelude: Sequence[Step], outputs: Mapping[str, Tree], note: str
) -> Program:
    bad = [n for n, e in outputs.items() if e.has(sp.zoo, sp.nan, sp.oo, sp.I)]
    if bad:
        raise FormulaError(f"the {bad[0]} of this formula is not a real number (a division by zero, an even root)")
    try:
        return emit(inputs, tuple(params), prelude, outputs, note)
    except ArithmeticError as e:
        raise FormulaError(str(e)) from None
