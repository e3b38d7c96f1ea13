"""Losses of K coupled scores × every law of losses of several outputs, and what is particular to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from joint_laws import LAWS, draw

import lossmith
from lossmith import startjoint
from lossmith.backends import numpy
from lossmith.catalogue import coupled
from lossmith.errors import DomainError, ShapeError, UnsupportedError
from lossmith.lifts import COUPLED, against, base, scores
from lossmith.lifts.base import State
from lossmith.total import Total

LOSSES = [kind() for kind in coupled().values()]
VARIED = [
    lossmith.ZLoss(2.0), lossmith.DualFocal(1.0), lossmith.DualFocal(0.0), lossmith.ConfidencePenalty(0.7),
    lossmith.JensenShannonDivergence(0.2), lossmith.SquaredHinge().over("one_against_best"),
    lossmith.SquaredHinge().over("one_against_rest"), lossmith.Logistic().over("one_against_each"),
    lossmith.loss("-logp + entropy*sum_p2 - mean_logp/9 + logsumexp**2/9", lift="simplex"),
]  # fmt: skip
ENDLESS = {"NormalisedCrossEntropy", "TotalVariation", "ReverseKullbackLeibler", "DualFocal", "ExpectedCost",
           "ActivePassive"}  # fmt: skip
"""Losses whose best constant is a corner of the simplex, or a point where the loss jumps (DualFocal)."""


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("loss", [*LOSSES, *VARIED], ids=repr)
def test_law(loss: lossmith.Loss, law: str) -> None:
    if law == "starts" and loss.name in ENDLESS:
        pytest.skip("the best constant is a corner of the simplex, or a jump")
    if law == "survives" and loss.name == "DualFocal":
        pytest.skip("it jumps where scores tie, and floats tie where numbers do not")
    LAWS[law](loss)


def test_each_declares_itself_in_full() -> None:
    assert len(LOSSES) >= 16 and {loss.lift.name for loss in LOSSES} == set(COUPLED)
    assert not set(coupled()) & {*lossmith.losses(), *lossmith.joint()}
    assert all(loss.title.endswith(".") and loss.cite for loss in LOSSES)


@pytest.mark.parametrize("loss", LOSSES, ids=repr)
def test_two_classes_are_one_score_and_hard_labels_are_one_hot(loss: lossmith.Loss) -> None:
    rng = np.random.default_rng(0)
    s, t = rng.normal(scale=2, size=30), rng.integers(0, 2, 30) * 1.0
    one, two = (loss.evaluate(t, z, ("value", "gradient", "hessian")) for z in (s, np.column_stack([0 * s, s])))
    assert np.array_equal(one.value, two.value) and one.gradient.shape == (30,)
    assert np.array_equal(one.gradient, two.gradient[:, 1]) and np.array_equal(one.hessian, two.hessian[:, 1])
    if loss.lift.name.startswith("one_against"):
        with pytest.raises(UnsupportedError, match="class indices"):
            loss(np.eye(2)[t.astype(int)], np.column_stack([0 * s, s]))
        return
    hot = loss.evaluate(np.eye(2)[t.astype(int)], np.column_stack([0 * s, s]), ("value", "gradient", "hessian"))
    for name in ("value", "gradient", "hessian"):
        assert np.allclose(getattr(hot, name), getattr(two, name), rtol=1e-14, atol=1e-15)


Z = np.random.default_rng(1).normal(scale=2, size=(40, 3))
P = np.exp(Z) / np.exp(Z).sum(axis=1, keepdims=True)
SHARE = np.random.default_rng(2).dirichlet(np.ones(3), 40)


def test_brier_and_divergences_as_scikit_learn_and_scipy_have_them() -> None:
    from scipy.spatial.distance import jensenshannon
    from scipy.special import kl_div
    from sklearn.metrics import brier_score_loss

    y = np.arange(40) % 3
    assert lossmith.MultiClassBrier()(y, Z) == pytest.approx(brier_score_loss(y, P, scale_by_half=False), rel=1e-13)
    assert np.allclose(lossmith.KullbackLeibler().value(SHARE, Z), kl_div(SHARE, P).sum(axis=1), rtol=1e-12)
    assert np.allclose(lossmith.ReverseKullbackLeibler().value(SHARE, Z), kl_div(P, SHARE).sum(axis=1), rtol=1e-12)
    both = kl_div(P, SHARE).sum(axis=1) + kl_div(SHARE, P).sum(axis=1)
    assert np.allclose(lossmith.Jeffreys().value(SHARE, Z), both, rtol=1e-12)
    theirs = jensenshannon(SHARE, P, axis=1) ** 2
    assert np.allclose(lossmith.JensenShannonDivergence().value(SHARE, Z), theirs, rtol=1e-11)


def test_hinges_and_divergences_as_pytorch_keras_and_optax_have_them() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed (the extra `peers` brings it)")
    y = torch.arange(40) % 3
    z = torch.tensor(Z)
    theirs = torch.nn.MultiMarginLoss(reduction="none")(z, y).numpy() * 3
    assert np.allclose(lossmith.WestonWatkins().value(y.numpy(), Z), theirs, rtol=1e-13)
    log_p = torch.log_softmax(z, dim=1)
    theirs = torch.nn.KLDivLoss(reduction="none")(log_p, torch.tensor(SHARE)).sum(dim=1).numpy()
    assert np.allclose(lossmith.KullbackLeibler().value(SHARE, Z), theirs, rtol=1e-12)
    optax = pytest.importorskip("optax", reason="optax is not installed (the extra `peers` brings it)")
    import jax

    with jax.enable_x64(True):
        hinge = np.asarray(jax.vmap(optax.losses.multiclass_hinge_loss)(jax.numpy.asarray(Z), y.numpy()))
        kl = np.asarray(optax.losses.kl_divergence(jax.nn.log_softmax(jax.numpy.asarray(Z)), jax.numpy.asarray(SHARE)))
    assert np.allclose(lossmith.CrammerSinger().value(y.numpy(), Z), hinge, rtol=1e-13)
    assert np.allclose(lossmith.KullbackLeibler().value(SHARE, Z), kl, rtol=1e-12)


@pytest.mark.parametrize("loss", [k() for k in coupled().values() if k.lift.name == "divergence"], ids=repr)
def test_a_divergence_is_nonnegative_and_zero_at_the_truth(loss: lossmith.Loss) -> None:
    inner = np.clip(SHARE, 1e-3, None)
    inner /= inner.sum(axis=1, keepdims=True)
    assert (loss.value(SHARE, Z) > 1e-4).all()
    assert np.abs(loss.value(inner, np.log(inner))).max() < 1e-14
    assert np.abs(loss.gradient(inner, np.log(inner))).max() < 1e-12 or loss.name == "TotalVariation"


def test_a_z_loss_is_not_convex_where_the_denominator_is_small() -> None:
    block = lossmith.ZLoss(1.0).evaluate([0.0], np.array([[-3.0, -3.0, -3.0]]), ("block",)).block[0]
    assert np.linalg.eigvalsh(block)[0] < -0.1
    block = lossmith.ZLoss(1.0).evaluate([0.0], np.array([[3.0, 3.0, 3.0]]), ("block",)).block[0]
    assert np.linalg.eigvalsh(block)[0] > -1e-12


def test_facts_of_the_best_rival_are_those_of_a_falling_margin_loss_only() -> None:
    assert lossmith.CrammerSinger().facts()["convex"].holds is True
    bent = lossmith.SquaredMargin().over("one_against_best")
    assert lossmith.SquaredMargin().facts()["convex"].holds and bent.facts()["convex"].holds is None
    assert lossmith.Logistic().over("one_against_best").facts()["twice"].holds is None
    assert lossmith.Logistic().over("one_against_each").facts()["twice"].holds is True
    ends = np.array([[5.0, 2.0, 0.0], [5.0, 0.0, 2.0]])  # the middle lies above the chord: the claim would be false
    assert bent.value([0.0], ends.mean(axis=0)[None])[0] > bent.value([0.0, 0.0], ends).mean()
    fact = lossmith.ZLoss().facts()["convex"]
    assert fact.holds is False, "not convex where logsumexp is far below 0"


BOUNDED = (
    "MultiClassBrier", "SphericalScore", "KullbackLeibler", "OneAgainstRest", "Sparsemax", "Entmax", "Distillation",
    "LogitAdjustment", "LDAM", "VectorScaling",
)  # fmt: skip


def bend(name: str) -> tuple[float, float]:
    """The largest eigenvalue of the Hessian and its largest norm that climbing from many points finds."""
    loss, rng = coupled()[name](), np.random.default_rng(0)
    z, most = rng.normal(scale=1.5, size=(4000, 3)), [0.0, 0.0]
    y = rng.dirichlet(np.ones(3), 4000) if loss.lift.name == "divergence" else rng.integers(0, 3, 4000) * 1.0
    for step in 0.5 ** np.arange(1, 25):
        for which, size in enumerate((lambda e: e[:, -1], lambda e: np.abs(e).max(axis=1))):
            values = size(np.linalg.eigvalsh(loss.evaluate(y, z, ("block",)).block))
            near = values.argsort()[-400:]
            most[which] = max(most[which], float(values.max()))
            at = rng.integers(0, 4000, 400)
            z[at], y[at] = z[near] + step * rng.normal(size=(400, 3)), y[near]
    return most[0], most[1]


@pytest.mark.parametrize("name", BOUNDED)
def test_a_bound_of_the_hessian_lies_above_what_climbing_finds(name: str) -> None:
    """The mutants: bounds at nine tenths of what is found are below it; those claimed are at most twice as large."""
    facts, (above, norm) = coupled()[name]().facts(), bend(name)
    for fact, found in (("majorant", above), ("smooth", norm)):
        claimed = facts[fact].constant
        assert facts[fact].holds and found <= claimed * (1 + 1e-12) and claimed <= 2.5 * found
    assert facts["twice"].holds is (name != "Sparsemax")


def test_a_majorant_is_offered_where_it_is_proved_only() -> None:
    y, z = np.array([0.0, 2.0]), np.zeros((2, 3))
    for name in BOUNDED:
        loss = coupled()[name]()
        assert (loss.curvature(y, z, "majorant") == loss.facts()["majorant"].constant).all()
    half = lossmith.KullbackLeibler().curvature(np.array([[0.5, 0.0, 0.5], [1.0, 1.0, 0.0]]), z, "majorant")
    assert np.array_equal(half, [[0.5] * 3, [1.0] * 3])  # shares that sum to 2 bend twice as much
    for name in sorted(set(coupled()) - set(BOUNDED)):
        with pytest.raises(UnsupportedError, match=r"no proved majorant: none is derived .*coupled"):
            coupled()[name]().curvature(y, z, "majorant")
    assert lossmith.DualFocal().facts()["twice"].holds is False
    assert lossmith.KullbackLeibler().facts()["convex"].holds is True
    bent = lossmith.loss("1 - 3*p + sum_p2", lift="simplex")  # another formula: nothing is claimed
    assert "smooth" not in bent.facts()


PROPER = ("MultiClassBrier", "SphericalScore", "ZLoss", "OneAgainstRest")


@pytest.mark.parametrize("name", [*PROPER, "DualFocal", "ConfidencePenalty"])
def test_the_probability_that_scores_were_trained_for_is_recovered(name: str) -> None:
    loss, share = coupled()[name](), np.array([0.15, 0.25, 0.6])
    z = loss.start(np.repeat([0.0, 1.0, 2.0], [15, 25, 60]))
    assert np.allclose(loss.mean(z[None])[0], share, atol=2e-4)
    if name == "DualFocal":  # two classes meet, and it jumps there
        return
    z = loss.start(np.array([0.0, 1.0]), np.array([0.8, 0.2]))
    assert loss.mean(np.array([z]))[0] == pytest.approx(0.2, abs=2e-4)
    if name not in PROPER:
        plain = np.exp(loss.start(np.repeat([0.0, 1.0, 2.0], [15, 25, 60])))
        assert np.abs(plain / plain.sum() - share).max() > 0.01, "softmax itself was right: no test of the recovery"


@pytest.mark.parametrize("name", PROPER[:3])
def test_a_linear_classifier_fits_them(name: str) -> None:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(600, 2))
    y = (X @ rng.normal(size=(2, 3)) * 2 + rng.gumbel(size=(600, 3))).argmax(axis=1)
    for labels in (y, (y > 0).astype(int)):
        model = lossmith.LinearClassifier(coupled()[name](), tol=1e-6).fit(X, labels)
        plain = lossmith.LinearClassifier("cross_entropy").fit(X, labels)
        assert model.solution_.converged and model.score(X, labels) > plain.score(X, labels) - 0.03
        assert np.abs(model.predict_proba(X) - plain.predict_proba(X)).mean() < 0.05


def test_a_level_that_the_loss_sees_is_kept() -> None:
    """A z-loss wants logsumexp near 0: the intercepts of its fit are not moved to sum 0."""
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(300, 2)), rng.integers(0, 3, 300)
    model = lossmith.LinearClassifier(lossmith.ZLoss(1.0), penalty="none").fit(X, y)
    z = model.decision_function(X)
    assert np.abs(np.log(np.exp(z).sum(axis=1)).mean()) < 0.02 and abs(model.intercept_.sum()) > 1


def test_shapes_and_shares_that_do_not_fit_are_named() -> None:
    with pytest.raises(ShapeError, match=r"\(3, 1\).*\(3, 2\)"):
        lossmith.KullbackLeibler()(np.zeros((3, 1)), np.zeros((3, 2)))
    with pytest.raises(DomainError, match="row 1"):
        lossmith.KullbackLeibler()(np.array([[0.5, 0.5], [-0.1, 1.1]]), np.zeros((2, 2)))
    with pytest.raises(DomainError, match="row 1 has 2"):
        lossmith.MultiClassBrier()(np.array([0, 2]), np.zeros((2, 2)))
    with pytest.raises(UnsupportedError, match="no link"):
        lossmith.CrammerSinger().mean(np.zeros((2, 3)))
    with pytest.raises(UnsupportedError, match="no link"):
        lossmith.WestonWatkins().mean(np.zeros((2, 3)))


def twisted(name: str, by: float = 1e-6) -> Callable[[pytest.MonkeyPatch], None]:
    """A slot whose Hessian is a hair wrong."""

    def plant(patch: pytest.MonkeyPatch) -> None:
        says, make = scores.SLOTS[name]

        def wrong(rows: Any) -> Any:
            value, slope, bent = make(rows)
            return value, slope, bent * (1 + by)

        patch.setitem(scores.SLOTS, name, (says, wrong))

    return plant


def wrong_rest(patch: pytest.MonkeyPatch) -> None:
    genuine = against.one_against_rest.margins
    patch.setattr(against.one_against_rest, "margins", lambda index, z: genuine(index, z) * (1 + 1e-7))


def wrong_divergence(patch: pytest.MonkeyPatch) -> None:
    genuine = scores.probabilities
    patch.setattr(scores, "probabilities", lambda z: (genuine(z)[0] * (1 + 1e-7), *genuine(z)[1:]))


MUTANTS = {
    "MultiClassBrier": twisted("sum_p2"), "ZLoss": twisted("logsumexp", 0.01), "DualFocal": twisted("rival"),
    "ConfidencePenalty": twisted("entropy"), "NormalisedCrossEntropy": twisted("mean_logp"),
    "SphericalScore": twisted("logp"), "OneAgainstRest": wrong_rest, "KullbackLeibler": wrong_divergence,
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_derives_notices_its_mutant(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    MUTANTS[name](monkeypatch)
    with pytest.raises(AssertionError):
        LAWS["derives"](coupled()[name]())


def scaled_run(patch: pytest.MonkeyPatch, change: Callable[[np.ndarray], np.ndarray]) -> None:
    """Every Program's outputs, changed."""
    genuine = State.run
    patch.setattr(State, "run", lambda *a: {k: change(v) for k, v in genuine(*a).items()})


def textbook(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities as textbooks write them: nothing is left of them far out."""
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return np.log(p), p, 1 - p


def shapeless(patch: pytest.MonkeyPatch) -> None:
    def match(lift: Any, y: Any, z: Any) -> None:
        raise ShapeError("the shapes do not fit")

    patch.setattr(scores.Coupled, "match", match)


def numpy_off(patch: pytest.MonkeyPatch) -> None:
    genuine = numpy.NumpyKernel.__call__
    patch.setattr(numpy.NumpyKernel, "__call__", lambda *a: tuple(x * (1 + 1e-10) for x in genuine(*a)))


def coarse(patch: pytest.MonkeyPatch) -> None:
    """float32 is computed in float32, and rounded to a digit."""
    patch.setitem(base.WIDER, "f", np.float32)
    scaled_run(patch, lambda v: np.round(v, 1) if v.dtype == np.float32 else v)


def off_start(patch: pytest.MonkeyPatch) -> None:
    genuine = startjoint.settled
    patch.setattr(startjoint, "settled", lambda *a: genuine(*a) + 1e-4)


FAULTS: dict[str, tuple[lossmith.Loss, Callable[[pytest.MonkeyPatch], None]]] = {
    "computes": (lossmith.ZLoss(2.0), numpy_off),
    "survives": (lossmith.ZLoss(2.0), lambda patch: patch.setattr(scores, "probabilities", textbook)),
    "single": (lossmith.MultiClassBrier(), coarse),
    "vectorises": (
        lossmith.SphericalScore(),
        lambda patch: scaled_run(patch, lambda v: v * (1 + 1e-15 * np.arange(len(v)))),
    ),
    "refuses": (lossmith.KullbackLeibler(), shapeless),
    "weighs": (
        lossmith.CrammerSinger(),
        lambda patch: patch.setattr(Total, "mean", lambda total: replace(total, value=total.value / 120)),
    ),
    "starts": (lossmith.ZLoss(2.0), off_start),
    "returns": (lossmith.ZLoss(2.0), lambda patch: patch.setattr(lossmith.Loss, "__reduce__", lambda s: (type(s), ()))),
}


@pytest.mark.parametrize("law", sorted(set(LAWS) - {"derives"}))
def test_every_other_law_notices_its_mutant(law: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loss, plant = FAULTS[law]
    LAWS[law](loss)
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        LAWS[law](loss)


ORDER = np.array([2, 0, 3, 1])


def renames(loss: lossmith.Loss) -> None:
    """What the classes are called does not matter: permuted scores and truths permute slopes and blocks."""
    y, z = draw(loss, 60)
    other = y[:, ORDER] if y.ndim == 2 else np.argsort(ORDER)[y.astype(int)] * 1.0
    want = ("value", "gradient", "block")
    plain, renamed = loss.evaluate(y, z, want), loss.evaluate(other, z[:, ORDER], want)
    pairs = (
        (renamed.value, plain.value), (renamed.gradient, plain.gradient[:, ORDER]),
        (renamed.block, plain.block[:, ORDER][:, :, ORDER]),
    )  # fmt: skip
    for got, truth in pairs:
        assert np.allclose(got, truth, rtol=1e-11, atol=1e-12 * np.abs(truth).max())


@pytest.mark.parametrize("loss", [*LOSSES, *VARIED], ids=repr)
def test_names_of_classes_do_not_matter(loss: lossmith.Loss) -> None:
    renames(loss)


@pytest.mark.parametrize("name", ["CrammerSinger", "OneAgainstRest", "ZLoss", "Jeffreys"])
def test_a_class_that_is_favoured_is_noticed(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    loss = coupled()[name]()
    genuine, favour = loss.lift.parts, np.array([1e-6, 0, 0, 0])
    monkeypatch.setattr(loss.lift, "parts", lambda state, y, z, want: genuine(state, y, z + favour, want))
    with pytest.raises(AssertionError):
        renames(loss)
