"""choose beyond the score: bad rows, recalibration, Murphy diagrams, time budgets and interruptions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lossmith
from lossmith.choose import caveats, diagnose, figures, murphy, work
from lossmith.choose.contaminate import RATES, Scenario
from lossmith.choose.isotonic import increasing
from lossmith.choose.recalibrate import recalibrated
from lossmith.choose.spoil import CLASSES, NUMBERS, Draw, parse
from lossmith.errors import ParameterError

RNG = np.random.default_rng


def _table(n: int = 240, seed: int = 0) -> tuple[dict[str, Any], Any]:
    rng = RNG(seed)
    X = {"a": rng.normal(size=n), "b": rng.normal(size=n)}
    return X, 2 * X["a"] - X["b"] + rng.normal(size=n)


@pytest.fixture(scope="module")
def spoiled() -> Any:
    X, y = _table()
    return lossmith.choose(
        X, y, losses=["Huber", "Tukey"], score="squared", folds="2x4", trials=3, contaminate="one-sided:0.1,leverage"
    )


# Bad rows


def test_robust_losses_withstand_what_squared_does_not(spoiled: Any) -> None:
    outliers, leverage = spoiled.scenarios
    plain, huber, tukey = outliers.records()
    assert plain["slope"] > 3 and abs(tukey["slope"]) < 1
    assert plain["breakdown"] < 0.2 and tukey["breakdown"] == float("inf")
    assert plain["regret"] > 10 * max(huber["regret"], tukey["regret"])
    assert plain["price"] == 0.0 and huber["price"] > -0.05
    # no loss of the residual withstands bad features
    assert all(record["area"] > 0.05 for record in leverage.records())
    said = " ".join(caveats.bad_rows(spoiled))
    assert "If about 10 % of the training rows are bad" in said
    assert "expect Tukey" in said or "expect Huber" in said


def test_clean_ends_of_the_curves_are_the_clean_scores(spoiled: Any) -> None:
    """The curve at 0 is the score of the folds themselves, as a share of the constant's."""
    folds = [k for k, fold in enumerate(spoiled.plan.folds) if fold.repeat == 0]
    curve = spoiled.scenarios[0].curve()[0]
    for k, line in enumerate(spoiled.lines):
        assert curve[k, 0] == pytest.approx(line.folds[folds].mean() / spoiled.constant, rel=0.1)
        assert spoiled.scenarios[1].curve()[0][k, 0] == pytest.approx(curve[k, 0])


@pytest.mark.parametrize("kind", ["real", "counts", "positive", "binary", "classes"])
def test_spoiled_targets_stay_in_their_domain(kind: str) -> None:
    rng, n = RNG(0), 200
    y = {
        "real": rng.normal(size=n),
        "counts": rng.poisson(3, n).astype(float),
        "positive": rng.gamma(2.0, size=n),
        "binary": rng.integers(0, 2, n).astype(float),
        "classes": rng.integers(0, 4, n).astype(float),
    }[kind]
    X = np.column_stack([rng.normal(size=n), rng.integers(0, 2, n)])
    count = len(np.unique(y)) if kind in ("binary", "classes") else 0
    behind = rng.dirichlet(np.ones(count), size=n) if count else y + rng.normal(size=n)
    draw = Draw.of(n, 1.0, kind, behind, count, [0])
    for name, family in (CLASSES if count else NUMBERS).items():
        worse, bad = family.spoil(draw, X, y, family.strength)
        assert worse.shape == X.shape and bad.shape == y.shape
        assert not (np.array_equal(worse, X) and np.array_equal(bad, y)), name
        if kind in ("counts", "positive"):
            assert (bad >= 0).all() and (kind != "counts" or (bad == np.round(bad)).all())
        if kind == "positive":
            assert (bad > 0).all()
        if count:
            assert set(np.unique(bad)) <= set(range(count))
        if name in ("flips", "boundary"):
            assert (bad != y).all()
        if name in ("leverage", "missing"):
            assert np.array_equal(worse[:, 1], X[:, 1])  # a 0/1 column stays one


def test_breakdown_and_regret_by_hand() -> None:
    curve = np.array([[0.4, 0.5, 0.6, 0.8, 1.2, 1.6, 2.0], np.full(7, 0.5)])
    scenario = Scenario("x", "x", 0.05, np.repeat(curve[:, :, None], 2, axis=2), np.zeros((2, 7, 2)), 0.0)
    first, second = scenario.records()
    assert first["breakdown"] == pytest.approx(0.075)  # half way from 0.8 at 5 % to 1.2 at 10 %
    assert second["breakdown"] == float("inf")
    assert first["price"] == 0.0 and second["price"] == pytest.approx(0.25)
    assert first["slope"] == pytest.approx(25.0)  # 25 % of 0.4 over 1 % of the rows
    area = 0.01 * (0.05 + 0.15) + 0.03 * 0.3 + 0.05 * 0.6 + 0.1 * (1.0 + 1.4)
    assert first["area"] == pytest.approx(area / (0.3 * 0.4))
    weight = np.exp(-np.array(RATES) / 0.05) * np.gradient(RATES)
    weight /= weight.sum()
    assert first["regret"] == pytest.approx(weight @ [0, 0, 0.1, 0.3, 0.7, 1.1, 1.5] / 0.4)
    assert second["regret"] == pytest.approx(weight[0] * 0.1 / 0.4)
    assert not scenario.dirty


def test_dirty_test_rows_get_a_panel_without_them(tmp_path: Path) -> None:
    X, y = _table(300)
    y[::25] += 60.0
    choice = lossmith.choose(X, y, losses=["Huber"], score="squared", folds="3", trials=3, contaminate="outliers")
    (scenario,) = choice.scenarios
    assert scenario.flagged == pytest.approx(0.04, abs=0.01) and scenario.dirty
    clean, dirty = scenario.curve(trimmed=True)[0], scenario.curve()[0]
    assert clean[1].max() < 0.5 < dirty[1].min()
    page = choice.report(tmp_path / "r.html").read_text()
    assert "that a robust fit calls outliers" in page and "all test rows, as observed" in page


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("outlier", "did you mean 'outliers'"),
        ("flips", "for this target there are: outliers"),
        (",", "names nothing"),
        ("outliers:2", "share of bad rows"),
        ("outliers:x", "share of bad rows"),
        ("heavy(x)", "a strength"),
        ("censored(2)", "a strength"),
        ("heavy(3", "not known"),
    ],
)
def test_unknown_families_are_explained(text: str, says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        parse(text, classes=False)


def test_classes_can_be_spoiled_too() -> None:
    X, y = _table(200)
    choice = lossmith.choose(X, np.where(y > 0, "u", "v"), losses=["Brier"], folds="3", trials=3, contaminate="flips")
    (scenario,) = choice.scenarios
    curve = scenario.curve()[0]
    assert (curve[:, -1] > curve[:, 0]).all() and scenario.flagged == 0.0
    assert choice.to_json()["bad rows"][0]["family"] == "flips"


# Recalibration


def test_overconfident_probabilities_are_repaired() -> None:
    """Log-odds three times too large: both repairs bring the log score back near that of the true probabilities."""
    rng = RNG(0)
    z = rng.normal(size=(2, 3000))
    p = 1 / (1 + np.exp(-z))
    y = (rng.random(z.shape) < p).astype(int)
    loud = 1 / (1 + np.exp(-3 * z))
    held, test = (np.column_stack([1 - q, q]) for q in loud)

    def log_score(q: Any) -> float:
        return float(-np.log(q[np.arange(3000), y[1]]).mean())

    truth = log_score(np.column_stack([1 - p[1], p[1]]))
    sigmoid, isotonic, venn = recalibrated(held, y[0], None, test)
    assert log_score(test) > truth + 0.1
    assert log_score(sigmoid) == pytest.approx(truth, abs=0.005)
    assert log_score(isotonic) == pytest.approx(truth, abs=0.03)
    assert log_score(venn) == pytest.approx(truth, abs=0.01)
    np.testing.assert_allclose(isotonic.sum(axis=1), 1.0)
    np.testing.assert_allclose(venn.sum(axis=1), 1.0)


def test_a_temperature_repairs_many_classes() -> None:
    rng = RNG(0)
    p = rng.dirichlet(np.ones(4), size=4000)
    y = np.array([rng.choice(4, p=q) for q in p])
    loud = p**2.5 / (p**2.5).sum(axis=1, keepdims=True)
    repaired, isotonic, venn = recalibrated(loud[:2000], y[:2000], None, loud[2000:])
    assert np.abs(repaired - p[2000:]).mean() < 0.02 < np.abs(loud - p).mean()
    for each in (isotonic, venn):
        assert np.abs(each - p[2000:]).mean() < np.abs(loud[2000:] - p[2000:]).mean()
    np.testing.assert_allclose(venn.sum(axis=1), 1.0)


def test_isotonic_regression_is_that_of_scikit_learn() -> None:
    from sklearn.isotonic import IsotonicRegression

    rng = RNG(0)
    x, y, w = rng.integers(0, 40, 300) / 40, rng.random(300), rng.random(300)
    order, fitted = increasing(x, y, w)
    theirs = IsotonicRegression().fit(x, y, w).predict(x[order])
    np.testing.assert_allclose(fitted, theirs, atol=1e-9)


def test_classes_are_also_judged_after_recalibration() -> None:
    X, y = _table(300)
    choice = lossmith.choose(X, y > 0, losses=["Focal"], folds="3", trials=3)
    for line in choice.lines:
        assert len(line.recalibrated) == 3
        assert line.recalibrated[0] == pytest.approx(line.mean, rel=0.25)
    assert set(choice.to_json()["recalibrated"]) == {"Logistic", "Focal"}


# Behind the score


def test_elementary_scores_add_up_to_the_score() -> None:
    """Integrated over thresholds, twice the elementary score of the mean is the squared error (Ehm et al. 2016)."""
    rng = RNG(0)
    y, x = rng.normal(size=(2, 50))
    grid = np.linspace(-6, 6, 24_001)
    total = np.array([murphy.of_expectiles(y, x, t, 0.5) for t in grid]).sum(axis=0) * (grid[1] - grid[0])
    np.testing.assert_allclose(2 * total, (y - x) ** 2, atol=5e-3)
    total = np.array([murphy.of_quantiles(y, x, t, 0.8) for t in grid]).sum(axis=0) * (grid[1] - grid[0])
    np.testing.assert_allclose(total, (0.8 - (y < x)) * (y - x), atol=5e-3)


def test_parts_of_the_score_add_up(spoiled: Any) -> None:
    for part, line in zip(diagnose.parts(spoiled.plan, spoiled.lines), spoiled.lines, strict=True):
        y, p, w = diagnose.seen(spoiled.plan, line)
        whole = float(np.average((y - p) ** 2, weights=w))
        assert part.miscalibration - part.discrimination + part.uncertainty == pytest.approx(whole)
        assert part.miscalibration >= 0 and part.discrimination > 0
        assert part.uncertainty == pytest.approx(y.var())


def test_dominance_is_said_only_where_it_is() -> None:
    flat = np.full(5, 0.1)
    assert "no consistent score prefers the default" in murphy.dominance(-np.ones(5), flat)
    assert "prefers it to the default" in murphy.dominance(np.ones(5), flat)
    assert "so that the score decides" in murphy.dominance(np.array([-1.0, 1, 1, 1, 1]), flat)
    assert murphy.dominance(np.array([-0.01, 0.01]), flat[:2]) == ""


def test_quantiles_get_a_murphy_diagram_and_classes_none_of_errors() -> None:
    X, y = _table(150)
    choice = lossmith.choose(X, y, losses=["Squared"], score="pinball:0.8", folds="3", trials=3)
    found = murphy.murphy(choice.plan, choice.lines)
    assert found is not None and len(found.thresholds) > 30
    assert diagnose.errors(choice.plan, choice.lines)[0].below == pytest.approx(0.8, abs=0.08)
    for part, line in zip(diagnose.parts(choice.plan, choice.lines), choice.lines, strict=True):
        assert part.miscalibration - part.discrimination + part.uncertainty == pytest.approx(np.nanmean(line.rows))
        assert part.miscalibration > 0 and part.discrimination > 0


def test_labels_are_pushed_apart_and_stay_above_the_foot() -> None:
    places = figures._apart([10.0, 10.0, 11.0, 98.0, 99.0], 100.0)
    assert (np.diff(places) >= 15).all() and places[-1] <= 100


# Time


def test_a_time_budget_ends_with_what_was_finished() -> None:
    X, y = _table(200)
    choice = lossmith.choose(X, y, losses=["Huber"], folds="10x5", trials=3, time_budget=1e-9, workers=1)
    assert len(choice.plan.folds) == 3
    assert any("was spent after 3 of 50 folds" in note for note in choice.notes)
    assert all(len(line.folds) == 3 for line in choice.lines)
    with pytest.raises(ParameterError, match="time budget"):
        lossmith.choose(X, y, time_budget=-1.0)


def test_an_interruption_says_what_was_finished(monkeypatch: pytest.MonkeyPatch) -> None:
    X, y = _table(200)
    real, calls = work.run_folds, []

    def interrupting(*args: Any) -> Any:
        calls.append(1)
        if len(calls) > 3:
            raise KeyboardInterrupt
        return real(*args)

    monkeypatch.setattr(work, "run_folds", interrupting)
    with pytest.raises(KeyboardInterrupt, match="3 of 6 folds were finished; squared error so far: "):
        lossmith.choose(X, y, losses=["Huber"], folds="2x3", trials=3, time_budget=1e9, workers=1)
