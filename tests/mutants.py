"""For every law a planted fault that it must notice. Each applies a law to something broken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import lossmith
from lossmith import start
from lossmith.lifts import base
from lossmith.loss import Loss
from lossmith.program import Program, Step
from lossmith.total import Total

Law = Callable[[Loss], None]


def broken(loss: Loss, change: Callable[[Program], Program]) -> Loss:
    """A loss whose pointwise Program was changed."""
    vars(loss)["derived"] = replace(loss.derived, pointwise=change(loss.derived.pointwise))
    return loss


def scaled_output(name: str, factor: float) -> Callable[[Program], Program]:
    """The same Program with one output multiplied."""

    def change(program: Program) -> Program:
        table = dict(program.outputs)
        step = Step("planted", "mul", (table[name], factor))
        outputs = tuple((n, "planted" if n == name else a) for n, a in program.outputs)
        return replace(program, steps=(*program.steps, step), outputs=outputs)

    return change


def derives(patch: pytest.MonkeyPatch, law: Law) -> None:
    law(broken(lossmith.Cauchy(), scaled_output("hessian", 1 + 1e-8)))


def computes(patch: pytest.MonkeyPatch, law: Law) -> None:
    from lossmith.backends import numpy

    genuine = numpy.NumpyKernel.__call__
    patch.setattr(numpy.NumpyKernel, "__call__", lambda *a: tuple(x * (1 + 1e-12) for x in genuine(*a)))
    law(lossmith.LogCosh())


def survives(patch: pytest.MonkeyPatch, law: Law) -> None:
    naive = Program(
        ("y", "z"), (), (Step("r", "sub", ("y", "z")), Step("s", "mul", ("r", "r")), Step("t", "add", (1.0, "s")),
                         Step("u", "sqrt", ("t",)), Step("v", "sub", ("u", 1.0))),
        (("value", "v"), ("gradient", "v"), ("hessian", "v")),
    )  # fmt: skip
    law(broken(lossmith.Squared(), lambda _: naive))


def single(patch: pytest.MonkeyPatch, law: Law) -> None:
    from lossmith.backends import numpy

    genuine = numpy.NumpyKernel.__call__
    patch.setattr(numpy.NumpyKernel, "__call__", lambda k, *a: tuple(
        np.round(x, 3) if k.dtype == np.float32 else x for x in genuine(k, *a)))  # fmt: skip
    law(lossmith.Welsch())


def vectorises(patch: pytest.MonkeyPatch, law: Law) -> None:
    genuine = base.State.run

    def run(state: base.State, program: Program, arrays: Any) -> dict[str, Any]:
        result = genuine(state, program, arrays)
        return {k: v * (1 + 1e-16 * np.arange(len(v))) for k, v in result.items()}

    patch.setattr(base.State, "run", run)
    law(lossmith.Huber())


def refuses(patch: pytest.MonkeyPatch, law: Law) -> None:
    patch.setattr(base.Lift, "arrays", lambda lift, y, z: (np.ravel(y), np.ravel(z)))
    law(lossmith.Huber())


def weighs(patch: pytest.MonkeyPatch, law: Law) -> None:
    patch.setattr(Total, "mean", lambda total: replace(total, value=total.value / 120))
    law(lossmith.Huber())


def starts(patch: pytest.MonkeyPatch, law: Law) -> None:
    genuine = start.best_scalar
    patch.setattr(start, "best_scalar", lambda *given: genuine(*given) + 1e-5)
    law(lossmith.Squared())


def recovers(patch: pytest.MonkeyPatch, law: Law) -> None:
    law(broken_mean(lossmith.Focal()))


def broken_mean(loss: Loss) -> Loss:
    """Focal's score read as if it were a logit, which everybody does."""
    vars(loss)["derived"] = replace(loss.derived, mean=lossmith.Logistic().derived.mean)
    return loss


def returns(patch: pytest.MonkeyPatch, law: Law) -> None:
    patch.setattr(Loss, "__reduce__", lambda self: (type(self), ()))
    law(lossmith.Huber(2.0))


MUTANTS: dict[str, Callable[[pytest.MonkeyPatch, Law], None]] = {
    m.__name__: m for m in (derives, computes, survives, single, vectorises, refuses, weighs, starts, recovers, returns)
}
