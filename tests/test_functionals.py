"""From what is asked to a loss: only proved ones, and a useful answer where there can be none."""

from __future__ import annotations

import numpy as np
import pytest

from lossmith import functionals
from lossmith.errors import ParameterError, UnsupportedError
from lossmith.functionals import eliciting


def names(functional: str) -> set[str]:
    return {one.name for one in eliciting(functional)}


def test_losses_are_found_by_what_they_elicit() -> None:
    assert {"Squared", "Poisson", "Gamma", "BinaryCrossEntropy"} <= names("mean")
    assert "Absolute" in names("the median") and "Squared" not in names("median")
    assert {"Logistic", "Focal", "Savage"} <= names("probability") and "Hinge" not in names("probability")
    assert "Hinge" in names("label") and "Huber" in names("Huber functional")


def test_levels_are_met_on_data() -> None:
    y = np.random.default_rng(0).gamma(2.0, size=4001)
    (quantile,) = eliciting("0.9-quantile")
    assert quantile.start(y) == pytest.approx(np.quantile(y, 0.9), abs=0.01)
    (expectile,) = eliciting("0.2 expectile")
    z = expectile.start(y)
    assert 0.2 * np.maximum(y - z, 0).sum() == pytest.approx(0.8 * np.maximum(z - y, 0).sum(), rel=1e-6)


@pytest.mark.parametrize("asked", [*functionals.NOT_ELICITABLE, "ES", "std"])
def test_what_no_loss_can_give_says_what_to_do(asked: str) -> None:
    with pytest.raises(UnsupportedError, match=r"not elicitable.*(GaussianNLL|quantile|Welsch|QuantileTriple)"):
        eliciting(asked)


def test_an_unknown_functional_names_the_known_ones() -> None:
    with pytest.raises(ParameterError, match="median"):
        eliciting("middle")


def test_a_loss_that_only_comes_near_is_not_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant: believing every loss."""
    assert "LogCosh" not in names("mean") and "SmoothQuantile" not in names("median")
    monkeypatch.setattr(functionals, "_gives", lambda loss, says: True)
    assert "LogCosh" in names("mean")
