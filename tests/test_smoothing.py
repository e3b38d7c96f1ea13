"""Rounded corners: the compiled form against the plain one, where corners lie, and what a wide table's sample costs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lossmith.backends import load
from lossmith.catalogue import loss as make
from lossmith.fit import Penalty, fit
from lossmith.fit.kinks import kinks_of
from lossmith.fit.objective import Objective
from lossmith.fit.solvers.lbfgs import sample_sizes
from lossmith.fit.solvers.smoothing import Rounded, Softened, Straight, near
from lossmith.rows.memory import Rows

STRAIGHT = {
    "Absolute": {},
    "Quantile": {"tau": 0.3},
    "EpsilonInsensitive": {"epsilon": 0.4},
    "Hinge": {},
}
WANT = ("value", "gradient", "hessian")


def rows_of(name: str, n: int) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    z = np.concatenate([rng.normal(size=n), [0.0, 1.0, -1.0]])
    y = rng.normal(size=n + 3) if name != "Hinge" else (rng.random(n + 3) < 0.5).astype(float)
    y[-3:] = 0.0
    return y, z


@pytest.mark.parametrize("width", [0.05, 0.5, 3.0])
@pytest.mark.parametrize("name", STRAIGHT)
@pytest.mark.parametrize("kind", [Softened, Straight])
def test_compiled_corners_are_the_plain_ones(kind: Any, name: str, width: float) -> None:
    """Seen to fail with the slope of a margin's sign dropped, and with 1/width in place of ½/width."""
    loss, (y, z) = make(name, **STRAIGHT[name]), rows_of(name, 2000)
    soft = kind(loss, kinks_of(loss), width)
    plain = Rounded(loss, width).evaluate(None, y, z, WANT)
    for backend in ("llvm", "numpy"):
        found = dict(
            zip(WANT, load(soft.program.only(*WANT), np.float64, backend)((y, z), soft.state.params), strict=True)
        )
        apart = found["value"] - plain["value"]
        np.testing.assert_allclose(apart, apart[0] + loss_line(name, y - y[0]), atol=1e-12)
        np.testing.assert_allclose(found["gradient"], plain["gradient"], atol=1e-13)
        np.testing.assert_allclose(found["hessian"], plain["hessian"], atol=1e-13)


def loss_line(name: str, y: Any) -> Any:
    """Pieces leave out what does not depend on z, which is in proportion to y."""
    return 0.3 * y if name == "Quantile" else y


@pytest.mark.parametrize("name", STRAIGHT)
def test_a_long_table_comes_as_near_as_a_sample_of_it(name: str) -> None:
    """Widths are told by 20,000 rows of a longer table; the point must be as near the optimum as before."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(90_000, 3))
    y = X @ [1.0, -2.0, 0.5] + rng.standard_t(3, size=len(X))
    y = (y > 0).astype(float) if name == "Hinge" else y
    loss = make(name, **STRAIGHT[name])
    objective = Objective.of(Rows.of(X, y), loss, Penalty("none"))
    reached = objective.at(near(objective, objective.origin(), 0.02).w).value
    best = fit(Rows.of(X, y), loss, Penalty("none")).value
    assert best <= reached <= best * (1.0 + 2e-3)


def test_a_wide_table_gives_four_rows_a_column_for_its_curvature() -> None:
    """Six times the columns, solved for first, took 65 passes' time on 50,000 × 2,000."""

    class Sized:
        rows_count, size = 50_000, 2_001

    assert sample_sizes(Sized()) == (0, 8_004)
    Sized.rows_count = 1_000_000
    Sized.size = 101
    few, count = sample_sizes(Sized())
    assert few == 15_150 and count == 99_009
