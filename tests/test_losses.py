"""Every loss × every law, and for every law a mutant that it must catch."""

from __future__ import annotations

import numpy as np
import pytest
from laws import LAWS
from mutants import MUTANTS

import lossmith
from lossmith.errors import DataError, DomainError

LOSSES = [kind() for kind in lossmith.losses().values()]
VARIED = [
    lossmith.Huber(0.5), lossmith.Barron(2.0), lossmith.Barron(0.0), lossmith.Barron(-2.0, 1.8937),
    lossmith.Tweedie(1.0), lossmith.Tweedie(2.0), lossmith.Quantile(0.9), lossmith.Expectile(0.1),
    lossmith.Focal(0.0), lossmith.Focal(0.5), lossmith.Focal(1.0), lossmith.AlphaLoss(1.0), lossmith.DWD(0.5),
    lossmith.LinearExponential(0.0), lossmith.LinearExponential(-2.0), lossmith.BetaDivergence(0.0),
    lossmith.BetaDivergence(0.5), lossmith.BetaDivergence(1.0), lossmith.Pseudospherical(2.0),
    lossmith.Lq(1.0), lossmith.Lq(2.0), lossmith.loss("abs(r)**1.5"), lossmith.loss("a*log(1 + exp(-m/a))", a=0.5),
]  # fmt: skip


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("loss", [*LOSSES, *VARIED], ids=repr)
def test_law(loss: lossmith.Loss, law: str) -> None:
    LAWS[law](loss)


@pytest.mark.parametrize("law", LAWS)
def test_law_notices_its_mutant(law: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError):
        MUTANTS[law](monkeypatch, LAWS[law])


def test_there_are_enough_losses_and_each_declares_itself_in_full() -> None:
    assert len(LOSSES) >= 122
    for loss in LOSSES:
        assert loss.title.endswith(".") and loss.cite, loss
        assert all(p.doc for p in loss.declared.values()), loss


@pytest.mark.parametrize("kind", ["c16", "M8[s]", "m8[s]", "U3", "S3"])
def test_what_is_no_number_is_refused(kind: str) -> None:
    # catches: a cast that drops imaginary parts, units or masks without a word
    loss, good = lossmith.Squared(), np.ones(3)
    bad = np.array([1, 2, 3]).astype(kind)
    for y, z, what in ((bad, good, "y"), (good, bad, "z")):
        with pytest.raises(DataError, match=f"^{what} holds .*; convert it to floats first$"):
            loss.value(y, z)
    with pytest.raises(DataError, match="z is a masked array"):
        loss.value(good, np.ma.masked_equal(good, 1))
    assert list(loss.value(np.array([1, 2, 3], dtype=object), good)) == [0, 0.5, 2]


def test_a_refused_target_says_what_to_do() -> None:
    # catches: a refusal that leaves the reader without a way on; a name taken for a list of letters
    nan = float("nan")
    for loss, y, says in (
        (lossmith.Huber(), [1, nan], "row 1 has nan; drop the row or fill it in"),
        (lossmith.Poisson(), [1, -1], "row 1 has -1; Squared or Huber accept any y"),
        (lossmith.Logistic(), [1, 2], "row 1 has 2; code the two classes as 0 and 1"),
    ):
        with pytest.raises(DomainError, match=says):
            loss.value(y, [0.0, 0.0])
    assert lossmith.Squared().evaluate([1.0], [3.0], "gradient").gradient == [2.0]
