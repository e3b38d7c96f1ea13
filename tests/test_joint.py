"""Losses of several raw outputs a row: every loss × every law, for every law a mutant, and what is theirs alone."""

from __future__ import annotations

import numpy as np
import pytest
from joint_laws import LAWS
from joint_mutants import MUTANTS

import lossmith
from lossmith.errors import DomainError, ParameterError, ShapeError, UnsupportedError

LOSSES = [kind() for kind in lossmith.joint().values()]
VARIED = [
    lossmith.StudentTNLL(1.0), lossmith.MarginRanking(0.0), lossmith.IntervalScore(0.5),
    lossmith.Hinge().over("pairwise"), lossmith.Probit().over("pairwise"),
    lossmith.HuberisedHinge(0.5).over("all_threshold"),
    lossmith.loss("log_s + abs(y - mu)**1.5*exp(-log_s)", lift="several(mu, log_s)"),
]  # fmt: skip


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("loss", [*LOSSES, *VARIED], ids=repr)
def test_law(loss: lossmith.Loss, law: str) -> None:
    LAWS[law](loss)


@pytest.mark.parametrize("law", LAWS)
def test_law_notices_its_mutant(law: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(AssertionError):
        MUTANTS[law](monkeypatch, LAWS[law])


def test_each_declares_itself_in_full() -> None:
    assert len(LOSSES) >= 20
    for loss in LOSSES:
        assert loss.title.endswith(".") and loss.cite, loss
        assert all(p.doc for p in loss.declared.values()), loss
        assert "convex" in loss.facts() and loss.latex()


def test_a_margin_loss_over_pairs_keeps_its_facts_and_a_likelihood_is_refuted_at_a_witness() -> None:
    assert lossmith.RankNet().facts()["convex"].holds
    assert lossmith.SigmoidMargin().over("pairwise").facts()["convex"].holds is False
    fact = lossmith.GaussianNLL().facts()["convex"]
    assert fact.holds is False
    y, z, along = (np.array(part) for part in fact.witness)
    block = lossmith.GaussianNLL().evaluate(y, z[None], ("block",)).block[0]
    assert along @ block @ along < 0
    assert lossmith.CumulativeLogit().facts()["convex"].holds is True


def test_pairs_are_the_margin_loss_of_the_difference() -> None:
    rng = np.random.default_rng(0)
    y, z = rng.integers(0, 2, 50), rng.normal(size=(50, 2))
    for plain in (lossmith.Logistic(), lossmith.Hinge(), lossmith.Exponential()):
        over, apart = plain.over("pairwise"), z[:, 0] - z[:, 1]
        assert np.allclose(over.value(y, z), plain.value(y, apart), rtol=1e-14)
        slope = plain.gradient(y, apart)
        assert np.allclose(over.gradient(y, z), np.column_stack([slope, -slope]), rtol=1e-13, atol=1e-16)
    assert np.allclose(lossmith.RankNet().mean(z), lossmith.Logistic().mean(z[:, 0] - z[:, 1]))
    assert lossmith.Logistic().over("pairwise") == lossmith.Logistic().over(lossmith.pairwise)


@pytest.mark.parametrize("loss", [lossmith.CensoredNormal(), lossmith.CensoredLogistic(), lossmith.CensoredExtreme()])
def test_narrow_intervals_tend_to_the_density(loss: lossmith.Loss) -> None:
    """−log P(y ± h) + log 2h → −log f(y), with gradient and Hessian; no digits are lost on the way."""
    y, z = np.array([-3.0, 0.1, 2.0, 6.0]), np.tile([0.2, 0.3], (4, 1))
    exact = loss.evaluate(np.column_stack([y, y]), z, ("value", "gradient", "block"))
    for h in (1e-5, 1e-7):
        low, high = y - h, y + h
        near = loss.evaluate(np.column_stack([low, high]), z, ("value", "gradient", "block"))
        assert np.allclose(near.value + np.log(high - low), exact.value, rtol=1e-8)
        assert np.allclose(near.gradient, exact.gradient, rtol=1e-7, atol=1e-7)
        assert np.allclose(near.block, exact.block, rtol=1e-6, atol=1e-6)


def test_probabilities_of_ordered_classes_add_to_one() -> None:
    z = np.array([[0.3, -1.0, 0.5, 2.0], [5.0, -1.0, -0.999999, 30.0]])
    for loss in (lossmith.CumulativeLogit(), lossmith.CumulativeProbit(), lossmith.CumulativeCloglog()):
        assert np.allclose(loss.mean(z).sum(axis=1), 1.0, atol=1e-14)
    disordered = np.array([[0.0, 1.0, 0.0]])
    assert np.isinf(lossmith.CumulativeLogit().value([1], disordered))


def test_means_agree_with_simulation() -> None:
    rng = np.random.default_rng(0)
    z = np.array([[0.4, -0.5]])
    zero, mu = rng.random(400_000) < 1 / (1 + np.exp(0.5)), np.exp(0.4)
    counts = rng.poisson(mu, 400_000)
    assert lossmith.ZeroInflatedPoisson().mean(z)[0] == pytest.approx(np.where(zero, 0, counts).mean(), rel=0.01)
    hurdle = np.where(zero[: np.sum(counts > 0)], 0, counts[counts > 0]).mean()
    assert lossmith.HurdlePoisson().mean(z)[0] == pytest.approx(hurdle, rel=0.01)


def test_errors_say_what_where_and_what_to_do() -> None:
    with pytest.raises(ShapeError, match=r"\(3,\).*\(3, 3\).*mu, log_sigma"):
        lossmith.GaussianNLL()(np.zeros(3), np.zeros((3, 3)))
    with pytest.raises(ShapeError, match=r"\(3,\).*low and high"):
        lossmith.CensoredNormal()(np.zeros(3), np.zeros((3, 2)))
    with pytest.raises(DomainError, match=r"low <= high.*row 1"):
        lossmith.CensoredNormal()(np.array([[0, 1], [2, 1]]), np.zeros((2, 2)))
    with pytest.raises(DomainError, match="row 0"):
        lossmith.CensoredNormal()(np.array([[-np.inf, np.inf]]), np.zeros((1, 2)))
    with pytest.raises(DomainError, match=r"0 … 2.*row 1 has 3"):
        lossmith.CumulativeLogit()([0, 3], np.tile([0.0, 0.0, 1.0], (2, 1)))
    with pytest.raises(UnsupportedError, match="majorant"):
        lossmith.GaussianNLL().evaluate(np.zeros(2), np.zeros((2, 2)), ("majorant",))
    with pytest.raises(ParameterError, match="unknown lift"):
        lossmith.Logistic().over("nothing")
    with pytest.raises(UnsupportedError, match="probabilities"):
        lossmith.AllThresholds().mean(np.zeros((1, 3)))
