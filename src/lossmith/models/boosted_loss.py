"""What every booster needs from a loss, once for all hosts: start, unit, curvature, weights, both slopes in one pass.

A booster adds trees to a raw score F that begins at 0. The prediction is z = start + unit·F: start is the best constant
and unit the size of a residual, so that a host sees numbers near 1 whatever the target is measured in, and so that
f(a·y + b) is a·f(y) + b. A host translates its conventions to and from `Boosting`, and nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from lossmith.backends import COMPILED_FROM
from lossmith.errors import DomainError
from lossmith.fit.scale import weighted_median
from lossmith.loss import Loss
from lossmith.models.boosted_classes import curves, indices, walker
from lossmith.models.boosted_kernel import Slopes, complement, fused, settled
from lossmith.models.boosted_rule import Rule, rule_of
from lossmith.models.boosted_scale import POLICIES, has_unit, policy_of, sample_of, squares

Array = NDArray[Any]
BEGINNING = 1 << 17
"""Rows from which a start is computed: the first trees correct what more of them would tell."""


class Boosting(Protocol):
    """A loss over the rows of one table, as a booster asks for it."""

    loss: Loss
    rule: Rule
    outputs: int
    """Raw scores a row: 1, or K."""
    start: Any
    """What is added to unit·F: a float, or (K,)."""
    unit: float
    truth: Array
    """(n,) what is compared with F; float64."""
    weight: Array | None
    offset: Array | None
    """(n,) what stands beside F in the raw score, in units of F: `slopes` adds it, `block` wants it added already."""

    def slopes(self, raw: Array) -> tuple[Array, Array]:
        """Gradient and curvature at F (n,) or (n, K) for all rows, in float32 arrays that the next call overwrites."""

    def block(self, truth: Array, raw: Array, weight: Array | None) -> tuple[Array, Array]:
        """The same for some rows, in the unit of the last `slopes` or `follow`, in new float64 arrays."""

    @property
    def follows(self) -> bool:
        """Is the unit estimated as rounds go?"""

    def follow(self, residuals: Array, weight: Array | None) -> None:
        """Estimate the unit again from residuals truth − F, for hosts that hand over their rows in pieces."""

    def truth_of(self, y: Array) -> Array:
        """What other rows' y is for F."""

    def inner(self, truth: Array, raw: Array) -> tuple[Array, Array]:
        """y and z in the unit of the first round."""

    def outer(self, truth: Array, raw: Array) -> tuple[Array, Array]:
        """y and z as the caller knows them."""


class Single:
    """One raw score a row.

    centred: z = start + unit·F, with start and unit taken here; else F is z itself, and the start is the host's affair.
    backend: "llvm" compiles what "auto" leaves to NumPy for few rows: for whoever trains many boosters.
    Raises DomainError, DataError, UnsupportedError or ParameterError before anything is trained.
    """

    outputs = 1

    def __init__(
        self,
        loss: Loss,
        y: Array,
        weight: Array | None = None,
        *,
        scale: Any = "auto",
        rule: Rule | str = "auto",
        centred: bool = True,
        offset: Array | None = None,
        backend: str = "auto",
    ) -> None:
        loss.check(y)
        self.loss, self.weight = loss, weight
        self.rule = rule if isinstance(rule, Rule) else rule_of(loss, rule)
        policy = policy_of(loss, scale)
        self.start, self.unit = begin(loss, y, weight, policy, offset) if centred else (0.0, 1.0)
        self._policy = policy if isinstance(policy, str) else None
        self.sigma = 1.0 if centred or isinstance(policy, str) else policy
        rescaled = self._policy is not None or self.sigma != 1.0
        shift = centred and not has_unit(loss)
        self._shift = shift
        self.truth, self.offset = self.truth_of(y), None if offset is None else offset / self.unit
        self._aims = self.truth if shift or self.offset is None else self.truth - self.offset
        self._beside = [] if offset is None or not shift else [self.start + offset]
        self._late = self.rule.late and weight is not None
        inside = weight is not None and not self._late
        program = fused(loss, self.rule, unit=rescaled, shift=shift, each=bool(self._beside), weighted=inside)
        self._kernel, self._first = Slopes(program, backend), Slopes(program.only("gradient"), backend)
        self._pieces = Slopes(fused(loss, self.rule, unit=rescaled, shift=shift, weighted=inside))
        self._settled = settled(program)
        self._extra = (self.start,) if shift else ()
        self._rescaled, self._sample = rescaled, sample_of(len(y))
        self._kept: dict[str, tuple[list[Array], tuple[Array, Array]]] = {}

    def slopes(self, raw: Array) -> tuple[Array, Array]:
        """Gradient and curvature of all rows."""
        if self._policy is not None:
            rows = self._sample
            truth, scores = (self._aims, raw) if rows is None else (self._aims[rows], raw[rows])
            self.follow(truth - scores, self.weight if self.weight is None or rows is None else self.weight[rows])
        known = self._settled and raw.dtype.char in self._kept
        given, out = self._arrays(raw)
        changed, kernel = (out[:1], self._first) if known else (out, self._kernel)
        params = self._params(not self._beside)
        kernel([given[0], raw, *(given[1:-1] if self._late else given[1:])], params, changed)
        if self._late:
            for found in changed:
                np.multiply(found, given[-1], out=found, casting="same_kind", dtype=np.float32)
        return out

    def block(self, truth: Array, raw: Array, weight: Array | None) -> tuple[Array, Array]:
        """Gradient and curvature of some rows."""
        out = np.empty(len(raw)), np.empty(len(raw))
        arrays = [truth, raw, *self._rest(truth), *([] if weight is None else [weight])]
        self._pieces([np.asarray(a, np.float64) for a in arrays], self._params(), out)
        return out

    def follow(self, residuals: Array, weight: Array | None) -> None:
        """Estimate the unit again."""
        if self._policy is not None:
            self.sigma = POLICIES[self._policy](np.asarray(residuals, np.float64), weight)

    def truth_of(self, y: Array) -> Array:
        """(y − start)/unit where the loss is one of residuals, else y."""
        return y if self._shift else (y - self.start) / self.unit

    def inner(self, truth: Array, raw: Array) -> tuple[Array, Array]:
        """y and z in the unit of the first round."""
        return truth, raw + self.start if self._shift else raw

    def outer(self, truth: Array, raw: Array) -> tuple[Array, Array]:
        """y and z as the caller knows them."""
        y = truth if self._shift else self.start + self.unit * truth
        return y, self.start + self.unit * raw

    @property
    def follows(self) -> bool:
        """Is the unit estimated as rounds go?"""
        return self._policy is not None

    def _params(self, start: bool = True) -> Sequence[float]:
        unit = (self.sigma, 1.0 / self.sigma) if self._rescaled else ()
        return (*self.loss.state.params, *unit, *(self._extra if start else ()))

    def _rest(self, truth: Array) -> list[Array]:
        """By how much 1 − y is larger where the rule rounds it."""
        return [complement(truth)] if self.rule.complement else []

    def _arrays(self, raw: Array) -> tuple[list[Array], tuple[Array, Array]]:
        """Truth and weight in the type of the scores, and room for the answers; made once for each type."""
        kind = raw.dtype.char
        if kind not in self._kept:
            given = [
                self._aims,
                *self._beside,
                *self._rest(self.truth),
                *([] if self.weight is None else [self.weight]),
            ]
            room = np.empty(len(raw), np.float32), np.empty(len(raw), np.float32)
            self._kept[kind] = [np.ascontiguousarray(a, raw.dtype) for a in given], room
        return self._kept[kind]


class Many:
    """K raw scores a row, of a softmax loss; z = start + F."""

    unit = 1.0
    offset: Array | None = None
    follows = False

    def __init__(
        self,
        loss: Loss,
        y: Array,
        weight: Array | None = None,
        *,
        outputs: int,
        rule: Rule | str = "auto",
        centred: bool = True,
        backend: str = "auto",
    ) -> None:
        loss.check(y)
        self.loss, self.weight, self.outputs, self.truth = loss, weight, outputs, y
        self._least = 0 if backend == "llvm" else COMPILED_FROM
        self.rule = rule if isinstance(rule, Rule) else rule_of(loss, rule, outputs)
        self.start = starts(loss, y, weight, outputs) if centred else np.zeros(outputs)
        self._index = indices(loss, y, outputs)
        self._kept: dict[bool, tuple[Array, Array]] = {}

    def slopes(self, raw: Array) -> tuple[Array, Array]:
        """Gradient and curvature of all rows, (n, K) in the order of the scores, by rows or by classes."""
        by_rows = raw.flags.c_contiguous
        if by_rows not in self._kept:
            gradient = np.empty(raw.shape, np.float32, order="C" if by_rows else "F")
            self._kept[by_rows] = gradient, np.empty_like(gradient)
        out = self._kept[by_rows]
        if raw.size < self._least:
            curves(self.loss, self.rule, self.truth, raw, self.weight, self.start, out)
        else:
            walker(self.loss, self.rule, self._index, raw, self.weight, self.start, out)()
        return out

    def row(self) -> Row:
        """What gives the slopes of one row after the other."""
        return Row(self.loss, self.rule, self.start)

    def block(self, truth: Array, raw: Array, weight: Array | None) -> tuple[Array, Array]:
        """Gradient and curvature of some rows."""
        out = np.empty(raw.shape), np.empty(raw.shape)
        curves(self.loss, self.rule, truth, raw, weight, self.start, out)
        return out

    def truth_of(self, y: Array) -> Array:
        """The class indices themselves."""
        return y

    def inner(self, truth: Array, raw: Array) -> tuple[Array, Array]:
        """y and z."""
        return truth, raw + self.start

    outer = inner

    def follow(self, residuals: Array, weight: Array | None) -> None:
        """Nothing: these losses have no unit."""


class Row:
    """K slopes of one row, for hosts that ask for no more at once: a compiled walk over one row, made once."""

    def __init__(self, loss: Loss, rule: Rule, start: Array) -> None:
        shape = (1, len(start))
        self._raw, self._weight = np.zeros(shape), np.ones(1)
        self._truth = indices(loss, np.zeros(1), len(start))
        self._out = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        self._walk = walker(loss, rule, self._truth, self._raw, self._weight, start, self._out)

    def __call__(self, truth: float, raw: Array, weight: float) -> tuple[list[float], list[float]]:
        """Gradient and curvature (K,) each, at start + raw (K,)."""
        if not 0 <= truth < len(raw):
            raise DomainError(f"class {truth:g} has no score; {len(raw)} scores are for 0 … {len(raw) - 1}")
        self._raw[0], self._truth[0], self._weight[0] = raw, truth, weight
        self._walk()
        return self._out[0][0].tolist(), self._out[1][0].tolist()


def starts(loss: Loss, y: Array, weight: Array | None, outputs: int) -> Array:
    """The best constant scores (K,); of two classes, whose start is the difference of their scores, half to each."""
    found = loss.start(y, weight, outputs)
    return np.array([-0.5, 0.5]) * found if outputs == 2 else np.asarray(found)


def begin(
    loss: Loss, y: Array, weight: Array | None, policy: float | str, offset: Array | None = None
) -> tuple[float, float]:
    """The best constant beside the offset, and the unit that residuals are measured in."""
    rows = np.arange(len(y)) if len(y) <= BEGINNING else np.random.default_rng(len(y)).choice(len(y), BEGINNING)
    y, weight, offset = y[rows], _at(weight, rows), _at(offset, rows)
    if not has_unit(loss):
        return float(loss.start(y, weight, offset=offset)), 1.0
    y = y if offset is None else y - offset
    middle = weighted_median(y, weight)
    word = policy if isinstance(policy, str) else "mad"
    unit = POLICIES[word](y - middle, weight) if isinstance(policy, str) or squares(loss) else policy
    return middle + unit * float(loss.start((y - middle) / unit, weight)), unit


def _at(values: Array | None, rows: Array) -> Array | None:
    return None if values is None else values[rows]


def curvature_of_a_row(boosting: Boosting) -> float:
    """The mean curvature of a row at the start: the unit for hosts that bound leaves by curvature, not by rows."""
    n = len(boosting.truth)
    shape = (n,) if boosting.outputs == 1 else (n, boosting.outputs)
    hessian = boosting.slopes(np.zeros(shape, np.float32))[1]
    each = np.atleast_1d(hessian.sum(axis=0, dtype=np.float64))
    return float(each.mean()) / n
