"""A formula in several outputs → the Program for its value, its gradient and its whole Hessian."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement

import sympy as sp

from lossmith.formula import Expr
from lossmith.program import Program
from lossmith.symbolic import derive
from lossmith.symbolic.algebra import Tree
from lossmith.symbolic.finish import JOINTLY, finished
from lossmith.symbolic.stable import stable


def several(
    tree: Expr, truths: Sequence[str], outputs: Sequence[str], params: derive.Params, note: str = ""
) -> Program:
    """The Program (truths, outputs) → value, the gradient d_a of each output, and d_a_b of each pair in their order."""
    free = [sp.Symbol(o) for o in outputs]
    f = stable(derive._sympy(tree, params))
    slopes = [derive._slope(f, t) for t in free]
    found = {"value": finished(f, JOINTLY)} | {
        f"d_{t}": finished(d, JOINTLY) for t, d in zip(free, slopes, strict=True)
    }
    for (a, d), (b, d2) in combinations_with_replacement(zip(free, slopes, strict=True), 2):
        orders = ((d, b),) if a is b else ((d, b), (d2, a))
        found[f"d_{a}_{b}"] = min((_bend(*order) for order in orders), key=lambda e: e.count_ops())
    return derive._emitted((*truths, *outputs), params, (), found, note)


def _bend(slope: Tree, t: Tree) -> Tree:
    """A second derivative. Of the two orders of differentiation, the shorter result has the fewer terms that cancel."""
    return finished(stable(derive._squared_signs(derive._slope(slope, t))), JOINTLY)
