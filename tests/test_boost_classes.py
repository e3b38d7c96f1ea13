"""The compiled walk that gives trees of K scores their slopes, against the loss itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lossmith
from lossmith.errors import DomainError
from lossmith.models.boosted_loss import Many, starts

LOSSES = [lossmith.CrossEntropy(), lossmith.LabelSmoothing(epsilon=0.2), lossmith.Focal(), lossmith.InverseFocal()]
LAYOUTS = {
    "rows": np.ascontiguousarray,
    "classes": np.asfortranarray,
    "every second": lambda z: np.repeat(z, 2, axis=1)[:, ::2],
}


def sample(n: int, count: int) -> tuple[Any, Any, Any]:
    """Classes, scores and weights."""
    rng = np.random.default_rng(n + count)
    return rng.integers(0, count, n).astype(float), 3 * rng.normal(size=(n, count)), rng.random(n)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("layout", sorted(LAYOUTS))
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_slopes_are_those_of_the_loss_wherever_the_scores_lie(loss: Any, layout: str, kind: type) -> None:
    """Fails where rows and classes are mixed up, where weights are dropped, and with 1 − p for the slope of a class."""
    for n, count in ((1003, 2), (701, 3), (130, 40)):
        y, z, weight = sample(n, count)
        z = LAYOUTS[layout](z.astype(kind))
        truth = loss.evaluate(y, z.astype(np.float64), ("gradient", "hessian"))
        for w in (None, weight):
            made = Many(loss, y, w, outputs=count, rule="exact", centred=False)
            for found, wanted in zip(made.slopes(z), (truth.gradient, truth.hessian), strict=True):
                wanted = wanted if w is None else wanted * w[:, None]
                assert np.allclose(found, wanted, rtol=1e-6, atol=1e-6 * np.abs(wanted).max())


@pytest.mark.parametrize(
    ("rule", "name"), [("gershgorin", "Focal"), ("gradient", "Focal"), ("majorant", "CrossEntropy")]
)
def test_every_rule_is_the_plain_one_over_many_pieces(rule: str, name: str) -> None:
    """Fails where a piece of the rows begins at another row, without the start, and without 1 − p of the true class."""
    y, z, weight = sample(90_007, 3)
    made = Many(lossmith.loss(name), y, weight, outputs=3, rule=rule)
    made.start = np.array([0.3, -0.1, 1.0])
    for found, wanted in zip(made.slopes(z), made.block(y, z, weight), strict=True):
        assert np.allclose(found, wanted, rtol=1e-6, atol=1e-9)


def test_weights_may_lie_apart() -> None:
    """Fails where every second weight is read as the next one."""
    y, z, weight = sample(1003, 3)
    apart = np.repeat(weight, 2)[::2]
    assert not apart.flags.c_contiguous
    found, wanted = (Many(lossmith.CrossEntropy(), y, w, outputs=3).slopes(z) for w in (apart, weight))
    assert np.array_equal(found[0], wanted[0]) and np.array_equal(found[1], wanted[1])


def test_results_lie_as_the_host_reads_them() -> None:
    """Fails where a host must copy what it is given: LightGBM reads class by class, XGBoost row by row."""
    y, z, _ = sample(1003, 3)
    made = Many(lossmith.CrossEntropy(), y, outputs=3)
    for order in ("C", "F"):
        for found in made.slopes(np.asarray(z, order=order)):
            assert np.shares_memory(found, found.ravel(order=order)) and found.dtype == np.float32


def test_two_scores_begin_at_the_shares_of_the_classes() -> None:
    """Fails where the one number that two classes begin at is given to both scores."""
    y = np.repeat([0.0, 1.0], [300, 700])
    begun = starts(lossmith.CrossEntropy(), y, None, 2)
    assert begun.shape == (2,) and np.allclose(begun[1] - begun[0], np.log(7 / 3))


@pytest.mark.parametrize("wrong", [3.0, 7.0])
def test_a_class_without_a_score_is_refused(wrong: float) -> None:
    y = np.array([0.0, 1.0, 2.0, wrong])
    with pytest.raises(DomainError, match=f"class indices 0 … 2 for 3 scores; row 3 has {wrong:g}"):
        Many(lossmith.CrossEntropy(), y, outputs=3, centred=False)


@pytest.mark.parametrize("name", ["CrossEntropy", "Focal", "LabelSmoothing"])
def test_slopes_row_by_row_are_those_of_the_table(name: str) -> None:
    """What CatBoost asks for. Planted: a weight that stays that of the first row."""
    rng = np.random.default_rng(0)
    y, z, w = rng.integers(0, 4, 20).astype(float), rng.normal(size=(20, 4)), rng.random(20) + 0.5
    made = Many(getattr(lossmith, name)(), y, w, outputs=4)
    row = made.row()
    found = np.array([row(*one) for one in zip(y, z, w, strict=True)])
    np.testing.assert_allclose(found.transpose(1, 0, 2), made.block(y, z, w), rtol=1e-5, atol=1e-7)
    with pytest.raises(DomainError, match="class 4"):
        row(4.0, z[0], 1.0)
