"""Facts of losses of several outputs, looked at again: by chords and values of the loss itself, and at their witnesses.

What is proved rests on claims about one slot, which the second routine checks; here the loss as a whole is tried beside
that, through its compiled kernel. What is refuted must be seen to fail at its witness, computed by the definitions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any, Protocol

import mpmath
import numpy as np
from mpmath import mpf

from lossmith.facts import Fact
from lossmith.symbolic.recheck import ORDERS, Checked, derivative
from lossmith.symbolic.structural import LARGEST


class Loss(Protocol):
    """What is needed of a loss of several outputs."""

    @property
    def lift(self) -> Any:
        """Its `outputs` are named."""

    @property
    def derived(self) -> Any:
        """Its `pointwise` is the Program of truths and outputs."""

    @property
    def params(self) -> Mapping[str, float]:
        """Parameters by name."""

    def value(self, y: Any, z: Any) -> Any:
        """A value for each row."""


Pairs = tuple[Any, Any, Any]
"""Truths, places and other places."""
MANY = 400
ROOM = 1e-9
"""Of the size of the values, for rounding."""
BITS = 1600


def pairs(loss: Loss, truths: Any, along: str | None = None) -> Iterator[Pairs]:
    """Truths with two places each, near and far; apart in one output only where that is named."""
    rng, width = np.random.default_rng(3), len(loss.lift.outputs) or 3
    for size in (0.3, 2.0, 9.0):
        y = np.asarray(truths)[rng.integers(0, len(truths), MANY)]
        a, b = rng.normal(scale=size, size=(2, MANY, width))
        if not loss.lift.outputs:  # thresholds are in order
            a, b = np.sort(a, axis=1), np.sort(b, axis=1)
        if along is not None:
            b = np.where(np.asarray(loss.lift.outputs) == along, b, a)
        yield y, a, b


def _values(loss: Loss, y: Any, *places: Any) -> list[Any]:
    with np.errstate(all="ignore"):
        return [np.asarray(loss.value(y, z)) for z in places]


def chords(loss: Loss, truths: Any, fact: Fact) -> Checked:
    """No middle lies above its chord."""
    _, _, along = fact.name.partition("convex in ")
    good = True
    for y, a, b in pairs(loss, truths, along or None):
        left, middle, right = _values(loss, y, a, (a + b) / 2, b)
        with np.errstate(invalid="ignore"):
            above = middle - (left + right) / 2 > ROOM * (1 + abs(left) + abs(right) + abs(middle))
        good = good and not above.any()
    return Checked("no middle lies above its chord", good, 3 * MANY)


def floor(loss: Loss, truths: Any, fact: Fact) -> Checked:
    """No value is below the bound."""
    least = min(np.nanmin(_values(loss, y, a)[0]) for y, a, _ in pairs(loss, truths))
    bound = fact.constant if fact.constant is not None else (0.0 if fact.name == "nonnegative" else -math.inf)
    return Checked("no value lies below the bound", bool(least >= bound - ROOM), 3 * MANY, f"least {least:.6g}")


def rise(loss: Loss, truths: Any, fact: Fact) -> Checked:
    """No two values are further apart than the constant lets them."""
    most = 0.0
    for y, a, b in pairs(loss, truths):
        left, right = _values(loss, y, a, b)
        most = max(most, float(np.nanmax(abs(left - right) / np.linalg.norm(a - b, axis=1))))
    return Checked("no quotient exceeds the constant", most <= (fact.constant or 0) * (1 + ROOM), 3 * MANY)


def bend(loss: Loss, truths: Any, fact: Fact) -> Checked:
    """No second difference is larger than the constant lets it be (of a majorant: none that bends upwards)."""
    most, size = 0.0, (lambda x: x) if fact.name == "majorant" else abs
    for y, a, b in pairs(loss, truths):
        left, middle, right = _values(loss, y, a, (a + b) / 2, b)
        apart = np.linalg.norm(a - b, axis=1) / 2
        room = ROOM * (abs(left) + abs(middle) + abs(right))
        most = max(most, float(np.nanmax((size(left - 2 * middle + right) - room) / apart**2)))
    return Checked("no second difference exceeds the constant", most <= (fact.constant or 0) * (1 + ROOM), 3 * MANY)


def finiteness(loss: Loss, truths: Any, fact: Fact) -> Checked:
    """Is the kernel finite at scores of every size?"""
    kind, good = np.dtype(fact.name.split()[-1]), True
    most = float(np.finfo(kind).max)
    for y, a, _ in pairs(loss, truths):
        for size in (1.0, 1e10, most / 64):
            with np.errstate(all="ignore"):
                good = good and bool(np.isfinite(loss.value(y, (a * size / 16).astype(kind))).all())
    return Checked("finite at scores of every size", good, 9 * MANY)


PROVED: Mapping[str, Callable[[Loss, Any, Fact], Checked]] = {
    "convex": chords, "bounded below": floor, "nonnegative": floor, "Lipschitz": rise, "smooth": bend,
    "majorant": bend, "finite in float64": finiteness, "finite in float32": finiteness,
}  # fmt: skip
"""How the loss as a whole is tried for a fact that is proved; convex stands for one output at a time too."""


def tried(loss: Loss, truths: Any, fact: Fact) -> list[Checked]:
    """The checks of the whole loss; none for a fact without such a route."""
    route = PROVED.get("convex" if fact.name.startswith("convex in ") else fact.name)
    return [route(loss, truths, fact)] if route else []


# -------------------------------------------------------------------------------------------------------- refutations


def seen(loss: Loss, fact: Fact, fixed: Mapping[str, float]) -> list[Checked]:
    """A refutation at its witness; `fixed` are truths that are the same everywhere."""
    if isinstance(fact.witness, list):
        return [_above(loss, *fact.witness)]
    if not isinstance(fact.witness, Mapping):
        return []
    if fact.name.startswith("finite in ") and "scores" in fact.witness:
        return [_overflows(loss, fact)]
    if "along" in fact.witness:
        return _gone_along(loss, fact.witness["along"], str(fact.witness["of"]), fact.witness.get("order", 1))
    whole = Values(loss, {**fixed, **fact.witness})
    for start, route in ROUTES.items():
        if fact.name.startswith(start):
            return [Checked(f"it is seen at {dict(fact.witness)}", bool(route(whole, fact)), 1)]
    return []


def jumping(loss: Loss, fact: Fact) -> tuple[Checked, ...]:
    """Of two places of scores beside each other: does a jump of the value stay as they come nearer?"""
    if not (isinstance(fact.witness, Mapping) and "and" in fact.witness):
        return ()
    a, b = (np.asarray(fact.witness[n]) for n in ("scores", "and"))
    ends = [(a + b) / 2 + s * share * (b - a) for share in (0.5, 2.0**-6, 2.0**-12) for s in (-1, 1)]
    values = np.asarray(loss.value([0] * len(ends), np.stack(ends))).reshape(-1, 2)
    apart = abs(values[:, 0] - values[:, 1])
    return (Checked(f"the value jumps between {a.tolist()} and {b.tolist()}", bool(apart.min() > 1e-3), len(ends)),)


def turning(loss: Loss, fact: Fact) -> tuple[Checked, ...]:
    """At a place of scores, along a way: do second differences on its two sides stay apart as they come nearer?"""
    if not (isinstance(fact.witness, Mapping) and "along" in fact.witness):
        return ()
    at, way = (np.asarray(fact.witness[n]) for n in ("scores", "along"))
    found = []
    for step in (2.0**-6, 2.0**-9, 2.0**-12):
        places = np.stack([at + k * step * way for k in (-3, -2, -1, 1, 2, 3)])
        a, b, c, d, e, f = np.asarray(loss.value([0] * 6, places))
        found.append(abs((a - 2 * b + c) - (d - 2 * e + f)) / step**2)
    return (Checked(f"the curvature jumps at {at.tolist()} along {way.tolist()}", bool(min(found) > 1e-2), 18),)


def _overflows(loss: Loss, fact: Fact) -> Checked:
    """Does the kernel itself, in that format, give no number at the witness, and one well inside of the box?"""
    assert isinstance(fact.witness, Mapping)
    kind, scores = np.dtype(fact.name.split()[-1]), np.asarray(fact.witness["scores"])
    label = np.asarray([fact.witness["label"]])
    with np.errstate(all="ignore"):
        at = loss.value(label, scores[None].astype(kind))
        inside = loss.value(label, (scores / abs(scores).max() * (fact.constant or 1.0) * 0.9)[None].astype(kind))
    good = not np.isfinite(at).all() and np.isfinite(inside).all()
    return Checked(f"no number at scores {scores.tolist()}", bool(good), 2)


def _gone_along(loss: Loss, places: Any, of: str, order: int) -> list[Checked]:
    """Does the value sink, or a slope or second derivative grow, from each place to the next?"""
    runs = [Values(loss, place) for place in places]
    seen = [f.value() if of == "value" else -abs(f.slope(of, order)) for f in runs]
    good = all(b < a - mpf("0.1") for a, b in pairwise(seen))
    return [Checked(f"it is seen at {len(seen)} places of the curve", bool(good), len(seen))]


def _above(loss: Loss, y: Any, z: Any, along: Any) -> Checked:
    """Does a middle lie above its chord along the direction?"""
    truth = np.repeat(np.asarray(y)[None] if len(y) > 1 else np.asarray(y), 3, axis=0)
    way, found = np.asarray(along), False
    for step in (1e-3, 1e-2, 0.1, 1.0):
        left, middle, right = loss.value(truth, np.stack([z - step * way, np.asarray(z), z + step * way]))
        found = found or middle - (left + right) / 2 > 1e-13 * (abs(left) + abs(middle) + abs(right))
    return Checked(f"a middle lies above its chord at {list(z)}", bool(found), 12)


class Values:
    """A loss of several outputs about a witness, by the definitions of its words."""

    def __init__(self, loss: Loss, witness: Mapping[str, float]) -> None:
        self.program = loss.derived.pointwise.only("value")
        self.params = {n: v for n, v in loss.params.items() if n in self.program.params}
        self.at = {n: witness[n] for n in self.program.inputs if n in witness}
        self.claimed = {n: v for n, v in witness.items() if n in ORDERS}
        named = [n for n in witness if n in loss.lift.outputs]
        self.variable, self.outputs = named[0], loss.lift.outputs

    def value(self, **moved: Any) -> Any:
        """The loss, with some inputs moved."""
        with mpmath.workprec(BITS):
            return self.program._run_once({n: mpf(v) for n, v in {**self.params, **self.at, **moved}.items()})["value"]

    def slope(self, variable: str, order: int, **moved: Any) -> Any:
        """A derivative in one output."""
        return derivative(self.program, self.params, {**self.at, **moved}, variable, order)


def _down(f: Values, fact: Fact) -> bool:
    """The second derivative is the one that was claimed, and below 0."""
    found = f.slope(f.variable, 2)
    return bool(found < 0 and abs(found - f.claimed["d2"]) < 1e-9 * abs(found))


def _sinks(f: Values, fact: Fact) -> bool:
    far = [f.value(**{f.variable: f.at[f.variable] * k}) for k in (1, 2, 4, 8)]
    return all(b < a - mpf("0.1") for a, b in pairwise(far))


def _below(f: Values, fact: Fact) -> bool:
    found = f.value()
    return bool(found < 0 and abs(found - f.claimed["value"]) < 1e-9 * abs(found))


def _grows(f: Values, order: int) -> bool:
    """A derivative that becomes larger and larger as one input goes on where it went; also beside seams of a kernel."""
    beside = {n: f.at[n] * (1 + 2.0**-10) for n in f.outputs}
    ways = [(v, n, near) for v in f.outputs for n in f.at if abs(f.at[n]) >= 2 for near in ({}, beside)]
    runs = ([abs(f.slope(v, order, **{**at, n: f.at[n] * k * 1.01})) for k in (1, 4, 16)] for v, n, at in ways)
    return any(all(b > a * mpf("1.02") for a, b in pairwise(run)) for run in runs)


def _steep(f: Values, fact: Fact) -> bool:
    return _grows(f, 1)


def _rough(f: Values, fact: Fact) -> bool:
    """The slope jumps there, or the curvature grows without end."""
    if "jumps" not in fact.because:
        return _grows(f, 2)
    near = mpf(2) ** -40
    sides = [f.slope(f.variable, 1, **{f.variable: f.at[f.variable] + s * near}) for s in (-1, 1)]
    return bool(abs(sides[1] - sides[0]) > 1e-6)


def _large(f: Values, fact: Fact) -> bool:
    return bool(abs(f.value()) > LARGEST[fact.name.split()[-1]])


ROUTES: Mapping[str, Callable[[Values, Fact], bool]] = {
    "convex in ": _down, "bounded below": _sinks, "nonnegative": _below, "Lipschitz": _steep, "smooth": _rough,
    "finite in ": _large,
}  # fmt: skip
"""How each fact is seen to fail at a witness of named numbers."""
