"""statsmodels' own tests of its robust norms and of RLM, with R's and SAS's numbers, run with lossmith's losses."""

from __future__ import annotations

import numpy as np
import pytest
from outside import suite

import lossmith
from lossmith.adapters.statsmodels import Norm
from lossmith.errors import UnsupportedError

statsmodels = pytest.importorskip("statsmodels.api")

PARTS = ("norms", "rlm", "mquantiles", "scale", "resistant_linear_model", "covariance", "tools")
MODULES = [f"statsmodels.robust.tests.test_{part}" for part in PARTS]


def test_all_that_can_run_passes() -> None:
    found = suite("statsmodels_norms", MODULES, "-k", "not test_eff")
    assert found.failed == () and not found.counts.get("failed") and not found.counts.get("error")
    assert found.counts["passed"] >= 230 and found.counts["xfailed"] == 1, found.text[-800:]
    asked = dict(part.split("=") for part in found.text.split("asked: ")[1].split("\n")[0].split())
    assert len(asked) == 9 and all(int(n) >= 10 for n in asked.values()), asked


@pytest.mark.slow
def test_efficiencies_are_those_of_menezes() -> None:
    found = suite("statsmodels_norms", MODULES[-1:], "-k", "test_eff")
    assert found.counts == {"passed": 8}, found.text[-800:]


def test_a_thousandth_in_psi_is_noticed() -> None:
    found = suite("statsmodels_norms", MODULES[:2], LOSSMITH_FAULT="1.001")
    names = " ".join(found.failed)
    assert found.counts["failed"] >= 20, found.text[-800:]
    assert all(word in names for word in ("test_norm[case0", "test_norm[case1", "test_norm[case2", "TestRlm"))


LOSSES = ("Squared", "Huber", "PseudoHuber", "LogCosh", "Cauchy", "Welsch", "Tukey", "Talwar", "Arctan", "GemanMcClure")


@pytest.mark.parametrize("name", LOSSES)
def test_a_norm_is_consistent_with_itself(name: str) -> None:
    norm = Norm(lossmith.losses()[name]())
    r = np.array([-30.0, -3.1, -0.7, 0.0, 1e-3, 0.4, 2.9, 40.0])
    h = 1e-6
    assert np.allclose(norm.psi(r), (norm.rho(r + h) - norm.rho(r - h)) / (2 * h), atol=1e-7)
    assert np.allclose(norm.psi_deriv(r), (norm.psi(r + h) - norm.psi(r - h)) / (2 * h), atol=1e-7)
    assert np.allclose(norm.weights(r) * r, norm.psi(r)) and norm.weights(0.0) == 1
    assert np.isscalar(norm.rho(1.0)) and norm(r.reshape(2, 4)).shape == (2, 4)


KINDS = {
    "Squared": ("not", 2, np.inf), "Huber": ("not", 1, np.inf), "Cauchy": ("soft", 2, np.inf),
    "Welsch": ("soft", 2, 2.9846**2 / 2), "Tukey": ("hard", 2, 4.6851**2 / 6), "Talwar": ("hard", 0, 2.7955**2 / 2),
}  # fmt: skip


@pytest.mark.parametrize("name", KINDS)
def test_what_a_norm_is_follows_from_its_facts(name: str) -> None:
    norm = Norm(lossmith.losses()[name]())
    redescending, continuous, bound = KINDS[name]
    assert (norm.redescending, norm.continuous) == (redescending, continuous)
    assert norm.max_rho() == pytest.approx(bound)


def test_any_loss_fits_in_rlm() -> None:
    rng = np.random.default_rng(0)
    X = statsmodels.add_constant(rng.normal(size=(200, 2)))
    y = X @ [1.0, 2.0, -1.0] + rng.standard_t(2, 200)
    theirs = statsmodels.RLM(y, X, M=Norm(lossmith.Welsch())).fit()
    assert np.allclose(theirs.params, [1, 2, -1], atol=0.3)
    assert "Norm" in str(theirs.summary())


def test_a_loss_of_more_than_the_residual_is_refused() -> None:
    for loss in (lossmith.Logistic(), lossmith.AbsolutePercentage()):
        with pytest.raises(UnsupportedError, match="residual alone"):
            Norm(loss)
