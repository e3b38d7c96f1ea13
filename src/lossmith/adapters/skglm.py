"""A loss as a datafit of skglm: `GeneralizedLinearEstimator(datafit=lossmith.skglm.datafit("huber"), …)`."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from lossmith.adapters.export_functions import constants, differences, dynamic, kind_of, legality, questions
from lossmith.adapters.export_parts import definitions, foreign
from lossmith.adapters.hosts import host
from lossmith.backends.arrays import function, helpers, load
from lossmith.catalogue import loss as loss_of
from lossmith.errors import UnsupportedError
from lossmith.loss import Loss

SCALARS = '''
@njit
def where(choice, yes, no):
    """One of two numbers."""
    return float(yes) if choice else float(no)


@njit
def clip(x, low, high):
    """x, at least low and at most high."""
    return float(low) if x < low else (float(high) if x > high else float(x))


@njit
def full_like(x, number):
    """A number."""
    return float(number)
'''
"""What NumPy does to arrays, for one number."""


def datafit(loss: str | Loss | type[Loss], **params: float) -> Any:
    """A datafit whose Lipschitz constants are derived: smooth · ‖X_j‖²/n, with the proved bound of ℓ″.

    Labels of margin losses are −1 and +1, as skglm has them. Raises MissingExtra without skglm, UnsupportedError for a
    loss of several outputs, or one without a proved bound of its second derivative (skglm's steps rely on it).
    """
    host("skglm")
    one = loss_of(loss, None, **params)
    return _module(one)["Datafit"](bound_of(one))


def bound_of(one: Loss) -> float:
    """The proved bound of the second derivative."""
    if kind_of(one) != "point":
        raise UnsupportedError(f"{one!r} has several outputs a row; a datafit of skglm has one")
    smooth = one.facts()["smooth"]
    if not smooth.holds or smooth.constant is None:
        raise UnsupportedError(
            f"skglm needs a bound of the second derivative, and of {one!r} none is proved: {smooth.because}; "
            "LinearRegressor(penalty='l1') fits it"
        )
    return smooth.constant


@lru_cache(maxsize=128)
def _module(one: Loss) -> Any:
    parts, words = [], set[str]()
    inner = "inner_" if differences(one) else ""
    for asked in questions(one):
        lines, used = function("numpy", inner + asked.name, asked.program, dynamic(one), asked.says)
        parts.append("\n".join(lines))
        words |= used
    made = "\n\n\n".join(_compiled(text) for text in [*helpers("numpy", words), *parts])
    if inner:
        made += "".join(_of_difference(*pair) for pair in (("value", ""), ("slope", "-"), ("bend", "")))
    made += f"\n\n\n@njit\n{legality(one, 'math')}"
    head = "\n".join(("import math", *foreign("skglm_base"), *constants(one)))
    text = f"{head}\n\n{SCALARS}\n\n{made}\n\n\n{definitions('skglm_base')['Datafit']}\n"
    return load(text, f"{one!r} in skglm")


def _compiled(text: str) -> str:
    for name in ("where", "clip", "full_like"):
        text = text.replace(f"np.{name}(", f"{name}(")
    plain = text.replace("np.maximum(", "max(").replace("np.minimum(", "min(")
    return f"@njit\n{plain}" if plain.startswith("def") else plain


def _of_difference(name: str, sign: str) -> str:
    return f'\n\n\n@njit\ndef {name}(y, z):\n    """Of y and z."""\n    return {sign}inner_{name}(y - z)'
