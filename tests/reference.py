"""A second, independent definition of every loss: its formula's tree walked in mpmath, derivatives by differences.

It shares nothing with the derivation (no sympy, no rewrites, no Programs), only the words' definitions.
"""

from __future__ import annotations

import math
from typing import Any

import mpmath
from mpmath import mp, mpf

from lossmith.formula import Expr
from lossmith.loss import Loss
from lossmith.words import definitions


def _negbin(y: Any, eta: Any, s: Any) -> Any:
    theta, mu = mp.exp(s), mp.exp(eta)
    return (y + theta) * mp.log1p(mu / theta) - y * eta - mp.loggamma(y + theta) + mp.loggamma(theta) + y * s


COUNTED: dict[str, Any] = {
    "binet": lambda a: mp.loggamma(a) - (a - mpf(1) / 2) * mp.log(a) + a - mp.log(2 * mp.pi) / 2,
    "negbin": _negbin,
    "inflated": lambda k, z: -mp.log((1 + mp.exp(-z - k)) / (1 + mp.exp(-z))),
}
"""Words of formulas that no machine has, as they are written in books."""


def walk(tree: Expr, names: dict[str, Any]) -> Any:
    """The value of a tree at mpmath's working precision; literals are the decimals that were written."""
    if tree.word == "number":
        return +mp.pi if tree.value == math.pi else mpf(repr(tree.value))
    if tree.word == "name":
        return names[tree.name]
    if tree.word == "where":
        return walk(tree.args[1 if walk(tree.args[0], names) else 2], names)
    if tree.word == "cosh":
        x = abs(walk(tree.args[0], names))
        return (definitions()["exp"](x) + definitions()["exp"](-x)) / 2
    if tree.word == "log_ndtr_gap":
        a, b = (min(max(walk(x, names), mpf(-9999)), mpf(9999)) for x in tree.args[:2])
        a, b = (-b, -a) if a + b > 0 else (a, b)  # on the side where neither probability is near 1
        return mp.log((mp.erfc(-b / mp.sqrt(2)) - mp.erfc(-a / mp.sqrt(2))) / 2)
    if tree.word in COUNTED:
        return COUNTED[tree.word](*(walk(a, names) for a in tree.args))
    return definitions()[tree.word](*(walk(a, names) for a in tree.args))


def slots(loss: Loss, y: Any, z: Any) -> dict[str, Any]:
    """The slots of a loss at one row."""
    m = z if y > 0 else -z
    softplus = definitions()["softplus"]
    if loss.lift.name == "softmax":
        logp = -softplus(-m)
        return {"logp": logp, "p": definitions()["sigmoid"](m), "mean_logp": (logp - softplus(m)) / 2}
    return {"y": y, "z": z, "m": m, "r": y - z}


def value(loss: Loss, y: float, z: Any) -> Any:
    """The formula itself at one row."""
    names = slots(loss, mpf(y), mpf(z)) | {n: mpf(v) for n, v in loss.params.items()}
    return walk(loss.tree, names)


def derivatives(loss: Loss, y: float, z: float, digits: int = 120) -> tuple[float, float, float]:
    """Value, first and second derivative in z, by central differences with steps of 10⁻³⁰ at 120 digits."""
    with mpmath.workdps(digits):
        step = mpf(10) ** -30 * max(1, abs(mpf(z)))
        a, b, c = (value(loss, y, mpf(z) + k * step) for k in (-1, 0, 1))
        return float(b), float((c - a) / (2 * step)), float((a - 2 * b + c) / step**2)


def exact(loss: Loss, y: float, z: float) -> dict[str, float]:
    """Value, gradient and hessian by the living definition, rounded to float64."""
    free = {n: v for n, v in loss.params.items() if not loss.declared[n].static}
    result = loss.program.run({"y": y, "z": z, **free})
    return {k: float(v) for k, v in result.items()}


assert mp.dps == 15, "mpmath's precision is set where it is needed, never globally"
