"""For every law of losses of several outputs a planted fault that it must notice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from mutants import broken, scaled_output

import lossmith
from lossmith import startjoint
from lossmith.lifts.base import State
from lossmith.loss import Loss
from lossmith.total import Total

Law = Callable[[Loss], None]


def derives(patch: pytest.MonkeyPatch, law: Law) -> None:
    law(broken(lossmith.GaussianNLL(), scaled_output("d_mu_log_sigma", 1 + 1e-7)))


def computes(patch: pytest.MonkeyPatch, law: Law) -> None:
    from lossmith.backends import numpy

    genuine = numpy.NumpyKernel.__call__
    patch.setattr(numpy.NumpyKernel, "__call__", lambda *a: tuple(x * (1 + 1e-10) for x in genuine(*a)))
    law(lossmith.StudentTNLL())


def survives(patch: pytest.MonkeyPatch, law: Law) -> None:
    """The difference of two probabilities as textbooks write it: nothing is left of it in a tail."""
    text = "where(kind == 3, -log(sigmoid(b) - sigmoid(a)), softplus(u) + log_sigma)"
    law(lossmith.loss(text, lift="censored"))


def single(patch: pytest.MonkeyPatch, law: Law) -> None:
    genuine = State.run

    def run(state: State, program: Any, arrays: Any) -> dict[str, Any]:
        found = genuine(state, program, arrays)
        return {k: np.round(v, 1) if v.dtype == np.float32 else v for k, v in found.items()}

    patch.setattr(State, "run", run)
    law(lossmith.GaussianNLL())


def vectorises(patch: pytest.MonkeyPatch, law: Law) -> None:
    genuine = State.run

    def run(state: State, program: Any, arrays: Any) -> dict[str, Any]:
        return {k: v * (1 + 1e-15 * np.arange(len(v))) for k, v in genuine(state, program, arrays).items()}

    patch.setattr(State, "run", run)
    law(lossmith.LaplaceNLL())


def refuses(patch: pytest.MonkeyPatch, law: Law) -> None:
    several = import_module("lossmith.lifts.several")
    patch.setattr(several.Several, "match", lambda lift, y, z: None)
    patch.setattr(several, "columns", lambda z: (z, z) if z.ndim == 1 else tuple(z.T))
    law(lossmith.GaussianNLL())


def weighs(patch: pytest.MonkeyPatch, law: Law) -> None:
    patch.setattr(Total, "mean", lambda total: replace(total, value=total.value / 120))
    law(lossmith.CensoredNormal())


def starts(patch: pytest.MonkeyPatch, law: Law) -> None:
    genuine = startjoint.settled
    patch.setattr(startjoint, "settled", lambda *a: genuine(*a) + 1e-4)
    law(lossmith.GaussianNLL())


def returns(patch: pytest.MonkeyPatch, law: Law) -> None:
    patch.setattr(Loss, "__reduce__", lambda self: (type(self), ()))
    law(lossmith.MarginRanking(2.0))


MUTANTS: dict[str, Callable[[pytest.MonkeyPatch, Law], None]] = {
    m.__name__: m for m in (derives, computes, survives, single, vectorises, refuses, weighs, starts, returns)
}
