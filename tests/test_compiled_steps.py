"""Stochastic descent in compiled code: the same steps as in NumPy, to rounding."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lossmith.catalogue import loss
from lossmith.fit import Penalty, fit
from lossmith.rows.memory import Rows

OPTIONS = ({"batch_size": 1}, {"batch_size": 32, "average": True}, {"batch_size": 7})
LAYOUTS: dict[str, Any] = {
    "float64": lambda x: x,
    "float32": lambda x: x.astype(np.float32),
    "every second row": lambda x: np.repeat(x, 2, axis=0)[::2],
}


@pytest.mark.parametrize(
    "options", [{"batch_size": 1}, {"batch_size": 32, "average": True}, {"batch_size": 7}], ids=str
)
@pytest.mark.parametrize("layout", list(LAYOUTS))
@pytest.mark.parametrize(("name", "kind"), [("Logistic", "l2"), ("Hinge", "elasticnet"), ("Huber", "l1")])
def test_compiled_steps_are_the_plain_ones(
    name: str, kind: str, layout: str, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same epochs in NumPy, to rounding; a weight that is dropped, or a rate that is late by one step, shows."""
    rng = np.random.default_rng(0)
    x = LAYOUTS[layout](rng.normal(size=(8000, 13)) * 3.0 + 1.0)
    y = (rng.random(8000) < 0.5) * 1.0
    rows = Rows.of(x, y, rng.random(8000), rng.normal(size=8000))
    most = {"max_steps": 2, "options": {"learning_rate": 0.01, **options}, "random_state": 0, "solver": "sgd"}
    what, penalty = loss(name), Penalty(kind, 1e-2)
    quick = fit(rows, what, penalty, **most)
    calls: list[int] = []

    def none(*_: Any) -> None:
        calls.append(1)

    monkeypatch.setattr("lossmith.fit.objective.Objective.descend", none)
    plain = fit(rows, what, penalty, **most)
    assert calls
    np.testing.assert_allclose(quick.coef, plain.coef, atol=1e-13)
    assert quick.value == pytest.approx(plain.value, rel=1e-13)
    assert abs(fit(replace(rows, weight=None), what, penalty, **most).value - plain.value) > 1e-6


def test_compiled_steps_that_diverge_say_where() -> None:
    rows = Rows.of(np.random.default_rng(0).normal(size=(8000, 13)), np.arange(8000.0))
    s = fit(rows, loss("Squared"), solver="sgd", max_steps=3, options={"learning_rate": 1e6, "batch_size": 1})
    assert not s.converged and "not finite in epoch 1" in s.reason
