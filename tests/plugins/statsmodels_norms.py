"""A pytest plugin: statsmodels' own tests of its robust norms and of RLM, with lossmith's losses as the norms.

    python -m pytest -p plugins.statsmodels_norms --pyargs statsmodels.robust.tests.test_rlm

The numbers they are held to come from R and SAS. LOSSMITH_FAULT=1.001 multiplies every ψ: the suite must notice.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from statsmodels.robust import norms

import lossmith
from lossmith.adapters.statsmodels import Norm
from lossmith.loss import Loss

FAULT = float(os.environ.get("LOSSMITH_FAULT", "1"))
TALLY: dict[str, int] = {}

QUARTIC = (
    "where(abs(r) <= c, r**2/2*(1 - 4/(K + 2)*(r/c)**K + (r/c)**(2*K)/(K + 1)), c**2/2*(1 - 4/(K + 2) + 1/(K + 1)))"
)


def text(formula: str, **params: float) -> Loss:
    return lossmith.loss(formula, lift="residual", **params)


NORMS: dict[str, tuple[dict[str, float], Callable[..., Loss]]] = {
    "LeastSquares": ({}, lossmith.Squared),
    "HuberT": ({"t": 1.345}, lambda t: lossmith.Huber(delta=t)),
    "TukeyBiweight": ({"c": 4.685}, lambda c: lossmith.Tukey(c=c)),
    "AndrewWave": ({"a": 1.339}, lambda a: lossmith.Andrews(c=a)),
    "TrimmedMean": ({"c": 2.0}, lambda c: lossmith.Talwar(c=c)),
    "StudentT": ({"c": 2.3849, "df": 4}, lambda c, df: lossmith.Cauchy(c=c * df**0.5)),
    "Hampel": ({"a": 2.0, "b": 4.0, "c": 8.0}, lossmith.Hampel),
    "RamsayE": ({"a": 0.3}, lossmith.Ramsay),
    "TukeyQuartic": ({"c": 3.61752, "k": 4}, lambda c, k: text(QUARTIC.replace("K", str(int(k))), c=c)),
}
"""statsmodels' norms: their parameters with defaults, and the loss that each is."""


class Stand(Norm):
    """A norm that is made and tuned as statsmodels does with its own."""

    name: str
    theirs: type[norms.RobustNorm]

    def __init__(self, *args: float, **given: float) -> None:
        defaults, make = NORMS[self.name]
        values = {**defaults, **dict(zip(defaults, args, strict=False)), **given}
        vars(self).update(values)
        super().__init__(make(**values))

    @property
    def values(self) -> dict[str, float]:
        return {name: vars(self)[name] for name in NORMS[self.name][0]}

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        if name in NORMS[self.name][0]:
            self.__init__(**self.values)

    def __repr__(self) -> str:
        return repr(self.theirs(**self.values))

    def _ask(self, z: Any, *want: str) -> Any:
        TALLY[self.name] = TALLY.get(self.name, 0) + 1
        found = dict(zip(want, super()._ask(z, *want), strict=True))
        return [found[name] * (FAULT if name == "gradient" else 1) for name in want]

    def _set_tuning_param(self, c: float, inplace: bool = False) -> Stand:
        parts = {"a": c / 4, "b": c / 2, "c": c} if self.name == "Hampel" else {next(iter(self.values)): c}
        made = self if inplace else type(self)(**self.values)
        for name, value in parts.items():
            setattr(made, name, value)
        return made


for name in NORMS:
    old = getattr(norms, name)
    extra = {"get_tuning": old.get_tuning} if hasattr(old, "get_tuning") else {}
    setattr(norms, name, type(name, (Stand,), {"name": name, "theirs": old, **extra}))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What cannot run with real kernels, and the one number on which we disagree."""
    for item in items:
        if "complex128" in item.name:
            item.add_marker(pytest.mark.skip(reason="kernels are real; complex residuals are only for differences"))
        if item.name == "test_norms_consistent[case4]":
            why = "RamsayE.max_rho() is inf in statsmodels; the loss is bounded by 1/a² (docs/disagreements.md)"
            item.add_marker(pytest.mark.xfail(reason=why, strict=True, raises=AssertionError))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """How often each of our norms was asked, so that a suite that never met them cannot pass for one that did."""
    terminalreporter.write_line("asked: " + " ".join(f"{name}={n}" for name, n in sorted(TALLY.items())))
