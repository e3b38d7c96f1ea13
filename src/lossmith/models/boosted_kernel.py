"""Gradient and curvature for a booster from one compiled pass: unit, start and weights are steps of its Program."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.backends import load
from lossmith.backends.threads import run_chunks
from lossmith.loss import Loss
from lossmith.models.boosted_rule import LEAST, Rule
from lossmith.program import Arg, Program, Step

Array = NDArray[Any]
WANTS = ("gradient", "hessian")
CHUNK = 1 << 16
"""Rows whose float64 results lie in the cache until they are stored as float32."""


def fused(
    loss: Loss, rule: Rule, *, unit: bool = False, shift: bool = False, each: bool = False, weighted: bool = False
) -> Program:
    """(y, z[, start][, rest][, weight]) → gradient, hessian of a booster's raw score, as one straight line.

    unit: y and z are divided by the parameter `sigma`, and the gradient multiplied by it (σ²·ρ(r/σ));
    shift: the parameter `start` is added to z, or with `each` an input of that name; weighted: both results are
    multiplied by the weight. A rule that rounds 1 − y takes the input `rest`: by how much it is larger where rounded.
    """
    base = loss.program
    before, names = _before(unit, shift)
    names = (*names, "start") if each else names
    outputs = dict(base.outputs)
    steps, curve = _curve(rule, outputs)
    slope: Arg = outputs["gradient"]
    if rule.complement:
        steps, slope = [*steps, *_rounded(slope)], "boost_r"
        names = (*names, "rest")
    scaled = [Step("boost_slope", "mul", (slope, "sigma"))] if unit else []
    slope = "boost_slope" if unit else slope
    weighing = [Step("boost_g", "mul", (slope, "weight")), Step("boost_h", "mul", (curve, "weight"))]
    return Program(
        inputs=(*names, *(["weight"] if weighted else [])),
        params=(*base.params, *(["sigma", "inverse"] if unit else []), *(["start"] if shift and not each else [])),
        steps=(*before, *base.steps, *steps, *scaled, *(weighing if weighted else [])),
        outputs=tuple(zip(WANTS, ("boost_g", "boost_h") if weighted else (slope, curve), strict=True)),
        note=f"{loss.formula} (for boosting; curvature: {rule.name})",
    ).only(*WANTS)


def _rounded(slope: Arg) -> list[Step]:
    """p(1 − y + rest) − (1 − p)y of the slope p − y."""
    return [
        Step("boost_p", "add", (slope, "y")),
        Step("boost_d", "mul", ("boost_p", "rest")),
        Step("boost_r", "add", (slope, "boost_d")),
    ]


def complement(y: Array) -> Array:
    """By how much 1 − y (n,) is larger in float32 than in float64: `rest` of a rule that rounds it."""
    share = np.asarray(y, np.float32)
    return np.asarray((np.float32(1) - share).astype(np.float64) - (1.0 - share.astype(np.float64)))


def _before(unit: bool, shift: bool) -> tuple[list[Step], tuple[str, ...]]:
    """The steps that make y and z of what the host holds, and the names of that."""
    if unit:
        return [Step("y", "mul", ("label", "inverse")), Step("z", "mul", ("raw", "inverse"))], ("label", "raw")
    return ([Step("z", "add", ("raw", "start"))], ("y", "raw")) if shift else ([], ("y", "z"))


def _curve(rule: Rule, outputs: dict[str, Arg]) -> tuple[list[Step], Arg]:
    size = Step("boost_a", "abs", (outputs["gradient"],))
    above: Arg = outputs.get("majorant", 0.0) if rule.bound is None else rule.bound
    table: dict[str, tuple[list[Step], Arg]] = {
        "exact": ([], outputs["hessian"]),
        "floor": ([Step("boost_c", "max", (outputs["hessian"], LEAST))], "boost_c"),
        "gradient": ([size, Step("boost_c", "max", ("boost_a", LEAST))], "boost_c"),
        "capped": (
            [
                size,
                Step("boost_less", "lt", (above, "boost_a")),  # not so where psi(r)/r is 0/0
                Step("boost_b", "where", ("boost_less", above, "boost_a")),
                Step("boost_c", "max", ("boost_b", LEAST)),
            ],
            "boost_c",
        ),
        "bound": ([], above),
        "majorant": (_kept(above, rule.limit), "boost_c") if rule.bound is None and rule.limit else ([], above),
    }
    steps, curve = table[rule.name]
    if rule.factor == 1:
        return steps, curve
    return [*steps, Step("boost_f", "mul", (curve, rule.factor))], "boost_f"


def _kept(above: Arg, limit: float) -> list[Step]:
    """The quotient where it is one; 0/0 and what rounding adds become its largest value."""
    return [Step("boost_less", "lt", (above, limit)), Step("boost_c", "where", ("boost_less", above, limit))]


def settled(program: Program) -> bool:
    """Does the curvature stay what it is in the first round, because it depends on no more than the weight?"""
    needs = program.only("hessian")
    used = {a for step in needs.steps for a in step.args if isinstance(a, str)} | {
        a for _, a in needs.outputs if isinstance(a, str)
    }
    return not used & {*program.inputs, *program.params} - {"weight"}


class Slopes:
    """A fused Program made ready: called with y, z and weights it fills float32 arrays, computed in z's own type.

    float64 scores are computed in float64 and stored as float32, piece by piece while the piece lies in the cache;
    float32 scores are computed and stored without any conversion. backend as in `load`.
    """

    def __init__(self, program: Program, backend: str = "auto") -> None:
        self._begin(program, backend)

    def _begin(self, program: Program, backend: str) -> None:
        self.program, self.backend = program, backend
        self._local = threading.local()

    def __getstate__(self) -> tuple[Program, str]:
        return self.program, self.backend

    def __setstate__(self, state: tuple[Program, str]) -> None:
        self._begin(*state)

    def __call__(self, arrays: Sequence[Array], params: Sequence[float], out: Sequence[Array]) -> None:
        """arrays: y, z (, weight), each (n,) and of one float type; out: an array (n,) for each output."""
        kernel = load(self.program, arrays[0].dtype, self.backend)
        if arrays[0].dtype == out[0].dtype:
            kernel(arrays, params, out)
            return
        run_chunks(lambda a, b: self._piece(kernel, arrays, params, out, a, b), 0, len(arrays[0]), CHUNK)

    def _piece(self, kernel: Any, arrays: Sequence[Array], params: Any, out: Sequence[Array], a: int, b: int) -> None:
        room = self._room(b - a)[: len(out)]
        kernel([v[a:b] for v in arrays], params, room)
        with np.errstate(over="ignore"):
            for theirs, ours in zip(out, room, strict=True):
                np.copyto(theirs[a:b], ours, casting="same_kind")

    def _room(self, size: int) -> list[Array]:
        if "room" not in vars(self._local):
            self._local.room = np.empty((2, CHUNK))
        return [row[:size] for row in self._local.room]
