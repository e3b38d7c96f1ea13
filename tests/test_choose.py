"""choose: the statistics against published figures, the folds, the judges, and planted data whose answer is known."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from scipy import stats

import lossmith
from lossmith.choose import column_of, split_losses, train
from lossmith.choose.bench import Bench
from lossmith.choose.compare import corrected, holm, honest, with_holm, within_one_error
from lossmith.choose.decide import Standing, decide
from lossmith.choose.folds import Splitting, default_folds, inner_splits, parse_folds, plan_folds
from lossmith.choose.plan import Options, make_plan
from lossmith.choose.profile import default_score, profile, target_of
from lossmith.choose.score import score
from lossmith.choose.shortlist import grid, order, shortlist
from lossmith.errors import DataError, DomainError, ParameterError, ShapeError, UnsupportedError
from lossmith.rows.tables import Table

Frame = dict[str, Any]


# Statistics


def test_corrected_interval_is_that_of_nadeau_and_bengio() -> None:
    """By hand for 1, 2, 3, 4 and n_test/n_train = 1/4: se² = (1/4 + 1/4)·5/3. The naive 1/J would give se 0.645."""
    d = corrected(np.array([1.0, 2.0, 3.0, 4.0]), 0.25, 0.5)
    assert d.mean == 2.5
    assert d.se == pytest.approx(0.9128709, abs=1e-7)
    assert d.p == pytest.approx(2 * stats.t(3).sf(2.5 / 0.9128709), abs=1e-6)
    assert (d.low, d.high) == pytest.approx((2.5 - 3.1824463 * 0.9128709, 2.5 + 3.1824463 * 0.9128709), abs=1e-6)
    assert d.better + d.same + d.worse == pytest.approx(1.0)
    assert d.worse == pytest.approx(stats.t(3).sf((0.5 - 2.5) / 0.9128709), abs=1e-6)


def test_corrected_interval_covers_where_the_naive_one_does_not() -> None:
    """Fold means that share most of their noise, as overlapping training sets make them: the true 0 must be covered."""
    rng = np.random.default_rng(5)
    shared = rng.normal(size=(400, 1)) * np.sqrt(0.2)
    own = rng.normal(size=(400, 10)) * np.sqrt(0.8)
    draws = [corrected(row, 0.25, 0.0) for row in shared + own]
    covered = np.mean([d.low <= 0 <= d.high for d in draws])
    naive = np.mean([d.p > 0.05 for d in (corrected(row, 0.0, 0.0) for row in shared + own)])
    assert covered > 0.93 > 0.9 > naive


def test_identical_folds_are_certain() -> None:
    d = corrected(np.full(5, -2.0), 0.25, 1.0)
    assert (d.se, d.p, d.better, d.same, d.worse) == (0.0, 0.0, 1.0, 0.0, 0.0)
    assert corrected(np.zeros(5), 0.25, 0.0).p == 1.0


def test_holm_is_that_of_statsmodels() -> None:
    from statsmodels.stats.multitest import multipletests

    p = [0.01, 0.04, 0.03, 0.005, 0.5]
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1])
    assert holm([]) == []


def test_honest_score_is_not_the_winner_s() -> None:
    """Eight equal candidates of score 1: the best of them looks better than 1 by selection, the procedure is not."""
    rng = np.random.default_rng(0)
    winners, procedures = [], []
    for seed in range(20):
        rows = 1.0 + rng.normal(size=(60, 8))
        winners.append(rows.mean(axis=0).min())
        procedures.append(honest(rows, None, list(range(8)), seed, draws=60))
    assert np.mean(winners) < 0.85
    assert np.mean(procedures) == pytest.approx(1.0, abs=0.08)


def test_one_standard_error_prefers_the_simpler() -> None:
    rng = np.random.default_rng(1)
    noise, other = rng.normal(size=(2, 500))
    rows = np.column_stack([noise, noise - 0.01 + other - other.mean(), noise - 5.0])
    assert within_one_error(rows[:, :2], np.ones(500), [0, 1]) == 0
    assert within_one_error(rows, np.ones(500), [0, 1, 2]) == 2


# The decision


def _decided(means: list[float], spread: float, margin: float = 0.1, simple: list[int] | None = None) -> Any:
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(10, len(means)))
    folds = np.array(means) + spread * (noise - noise.mean(axis=0)) / noise.std(axis=0)
    versus = with_holm([corrected(folds[:, k] - folds[:, 0], 0.25, margin) for k in range(1, len(means))])
    standings = [Standing(f"L{k}", float(folds[:, k].mean()), d) for k, d in enumerate([None, *versus])]

    def between(i: int, j: int) -> Any:
        return corrected(folds[:, i] - folds[:, j], 0.25, margin)

    return decide(standings, simple or list(range(len(means))), 0, margin, "squared", between)


def test_decision_has_three_answers() -> None:
    assert _decided([10.0, 9.0, 11.0], 0.1).answer == "prefer"
    assert _decided([10.0, 9.0, 11.0], 0.1).winner == 1
    assert _decided([10.0, 9.98, 10.02], 0.01).answer == "equivalent"
    assert _decided([10.0, 9.0, 11.0], 3.0).answer == "undecided"
    assert _decided([10.0, 12.0], 0.01).winner == 0


def test_nothing_is_said_to_be_more_than_all_better() -> None:
    """A score that cannot be negative cannot fall by 260 %, whatever the interval says."""
    assert "up to 100 % better" in _decided([10.0, 9.0], 40.0).sentence
    assert " to 100 %;" in _decided([10.0, 2.0], 3.0).sentence


def test_decision_takes_the_simpler_of_two_good_ones() -> None:
    close = [10.0, 8.98, 9.0]
    assert _decided(close, 0.2, simple=[0, 1, 2]).winner == 1
    assert _decided(close, 0.2, simple=[0, 2, 1]).winner == 2
    assert _decided([10.0, 8.0, 9.0], 0.05, simple=[0, 2, 1]).winner == 1


def test_better_by_less_than_the_margin_is_equivalent() -> None:
    verdict = _decided([10.0, 9.95], 0.001)
    assert verdict.answer == "equivalent"
    assert "keep L0" in verdict.sentence


# Folds


def test_folds_part_the_rows_and_repeat_with_the_seed() -> None:
    split = Splitting(103)
    folds = plan_folds(split, 3, 5, seed=4)
    assert len(folds) == 15
    for r in range(3):
        tests = np.concatenate([f.test for f in folds if f.repeat == r])
        assert sorted(tests) == list(range(103))
    for f in folds:
        assert not set(f.train) & set(f.test)
        assert len(f.train) + len(f.test) == 103
    again, other = plan_folds(split, 3, 5, seed=4), plan_folds(split, 3, 5, seed=5)
    assert all((a.test == b.test).all() for a, b in zip(folds, again, strict=True))
    assert any(len(a.test) != len(b.test) or (a.test != b.test).any() for a, b in zip(folds, other, strict=True))
    assert (folds[0].test != folds[5].test).any()


def test_folds_are_stratified() -> None:
    y = (np.arange(200) < 20).astype(int)
    for f in plan_folds(Splitting(200, strata=y), 2, 5, seed=0):
        assert y[f.test].sum() == 4


def test_groups_stay_together() -> None:
    groups = np.random.default_rng(0).integers(0, 30, size=400)
    for f in plan_folds(Splitting(400, groups=groups), 2, 5, seed=0):
        assert not set(groups[f.train]) & set(groups[f.test])
        assert 40 < len(f.test) < 130


def test_time_only_moves_forward() -> None:
    time = np.random.default_rng(0).permutation(np.repeat(np.arange(100), 3))
    folds = plan_folds(Splitting(300, time=time), 1, 4, seed=0)
    assert len(folds) == 4
    for f in folds:
        assert time[f.train].max() < time[f.test].min()
        for train_rows, held in inner_splits(Splitting(len(f.train), time=time[f.train]), 0, 1000):
            assert time[f.train][train_rows].max() <= time[f.train][held].min()


def test_inner_splits_are_disjoint_and_bounded() -> None:
    for n, count in ((300, 3), (5000, 1)):
        splits = inner_splits(Splitting(n), 0, most=1000)
        assert len(splits) == count
        for a, b in splits:
            assert not set(a) & set(b)
            assert len(a) + len(b) == min(n, 1000)


def test_fold_counts() -> None:
    assert parse_folds("3x5") == (3, 5)
    assert parse_folds("5") == (1, 5)
    for bad in ("x", "0x5", "1x2", "2x2x2", "five"):
        with pytest.raises(ParameterError, match="folds"):
            parse_folds(bad)
    assert [default_folds(Splitting(n)) for n in (100, 5000, 50_000)] == [(10, 10), (3, 5), (2, 5)]
    with pytest.raises(DataError, match="8 rows are too few"):
        plan_folds(Splitting(8), 1, 5, 0)
    with pytest.raises(DataError, match="a class has only 2"):
        plan_folds(Splitting(50, strata=np.r_[0, 0, np.ones(48, int)]), 1, 5, 0)


# Judges


def test_scores_are_those_of_scikit_learn() -> None:
    from sklearn import metrics

    rng = np.random.default_rng(0)
    y, p = rng.poisson(2.0, 300).astype(float), rng.gamma(2.0, size=300)
    assert score("poisson").rows(y, p).mean() == pytest.approx(metrics.mean_poisson_deviance(y, p))
    assert score("gamma").rows(y + 1, p).mean() == pytest.approx(metrics.mean_gamma_deviance(y + 1, p))
    assert score("tweedie:1.3").rows(y, p).mean() == pytest.approx(metrics.mean_tweedie_deviance(y, p, power=1.3))
    assert score("pinball:0.9").rows(y, p).mean() == pytest.approx(metrics.mean_pinball_loss(y, p, alpha=0.9))
    assert score("mae").rows(y, p).mean() == pytest.approx(metrics.mean_absolute_error(y, p))
    q = rng.dirichlet(np.ones(3), size=300)
    c = rng.integers(0, 3, size=300)
    assert score("log").rows(c, q).mean() == pytest.approx(metrics.log_loss(c, q))
    assert score("brier").rows(c, q).mean() == pytest.approx(((q - np.eye(3)[c]) ** 2).sum(axis=1).mean())


@pytest.mark.parametrize("name", ["squared", "absolute", "pinball:0.8", "expectile:0.7", "poisson", "gamma", "tweedie"])
def test_scores_elicit_their_functional(name: str) -> None:
    """The best constant under the score is the functional that it claims, found by brute force."""
    y = np.random.default_rng(1).gamma(2.0, size=4001)
    judge = score(name)
    best = min(np.linspace(0.05, 6, 1200), key=lambda c: float(judge.rows(y, np.full_like(y, c)).mean()))
    wanted = {
        "squared": y.mean(),
        "absolute": np.median(y),
        "pinball:0.8": np.quantile(y, 0.8),
        "expectile:0.7": stats.expectile(y, 0.7),
    }
    assert best == pytest.approx(wanted.get(name, y.mean()), abs=0.02)


@pytest.mark.parametrize(
    ("name", "says"), [("mape", "too low"), ("accuracy", "log or brier"), ("variance", "elicitable")]
)
def test_inconsistent_scores_are_refused(name: str, says: str) -> None:
    with pytest.raises(UnsupportedError, match=says):
        score(name)


def test_unknown_scores_are_explained() -> None:
    with pytest.raises(ParameterError, match="did you mean 'squared'"):
        score("squard")
    with pytest.raises(ParameterError, match="between 0 and 1"):
        score("pinball:1.5")
    with pytest.raises(ParameterError, match="not a number"):
        score("pinball:high")
    with pytest.raises(ParameterError, match="takes no number"):
        score("log:2")
    assert score("rmse").shown(9.0) == 3.0


def _column(values: Any) -> Any:
    return Table.of({"y": np.asarray(values)}).columns[0]


@pytest.mark.parametrize(
    ("values", "kind", "judge"),
    [
        (np.random.default_rng(0).normal(size=500), "real", "squared"),
        (np.random.default_rng(0).poisson(2, size=500), "counts", "poisson"),
        (np.random.default_rng(0).lognormal(0, 1, size=500), "positive", "gamma"),
        (np.random.default_rng(0).normal(50, 1, size=500), "positive", "squared"),
        (np.maximum(np.random.default_rng(0).lognormal(0, 1, size=500) - 0.5, 0), "nonnegative", "tweedie:1.5"),
        (np.arange(100) % 2, "binary", "log"),
        (np.arange(100) % 2 == 0, "binary", "log"),
        (np.array(["a", "b", "c"])[np.arange(99) % 3], "classes", "log"),
    ],
)
def test_default_judge_suits_the_target(values: Any, kind: str, judge: str) -> None:
    target = target_of(_column(values), None)
    assert target.kind == kind
    found, reason = default_score(target, profile(target))
    assert found.name == judge
    assert reason


def test_profile_sees_heavy_tails_and_balance() -> None:
    rng = np.random.default_rng(0)
    normal = profile(target_of(_column(rng.normal(size=4000)), None))
    heavy = profile(target_of(_column(rng.standard_t(1.5, size=4000)), None))
    assert heavy.tail < 2.5 < 4 < normal.tail
    assert any("tails are heavy" in note for note in heavy.notes)
    assert not normal.notes
    rare = profile(target_of(_column(["a"] * 990 + ["b"] * 10), None))
    assert "1.0%" in rare.notes[0]
    assert sum(heavy.counts) == 4000 and sum(rare.counts) == 1000


# The shortlist


def _plan(values: Any, judge: str | None = None, losses: Any = None, **more: Any) -> Any:
    rng = np.random.default_rng(0)
    X = Table.of({"a": rng.normal(size=len(values)), "b": rng.normal(size=len(values))})
    return make_plan(X, _column(values), Options(score=judge, losses=losses, **more))


def test_shortlist_has_the_default_first_and_at_most_eight() -> None:
    rng = np.random.default_rng(0)
    for values, judge, default in (
        (rng.normal(size=200), None, "Squared"),
        (rng.poisson(2, size=200), None, "Squared"),
        (rng.gamma(1.0, size=200), "gamma", "Squared"),
        (rng.normal(size=200), "absolute", "Squared"),
        (rng.normal(size=200), "pinball:0.9", "Quantile"),
        (np.arange(200) % 2, None, "Logistic"),
        (np.arange(200) % 3, "log", "CrossEntropy"),
    ):
        names = [c.name for c in _plan(values, judge).candidates]
        assert names[0] == default
        assert 3 <= len(names) <= 8
        assert len(set(names)) == len(names)


def test_shortlist_admits_the_target() -> None:
    names = [c.name for c in _plan(np.random.default_rng(0).poisson(2, size=200)).candidates]
    assert "Poisson" in names
    assert "Gamma" not in names  # it needs y > 0, and counts have zeros


def test_quantile_losses_take_the_level_asked_for() -> None:
    for candidate in _plan(np.random.default_rng(0).normal(size=200), "pinball:0.9").candidates:
        assert candidate.loss.params.get("tau", 0.9) == 0.9
        assert "tau" not in candidate.grid


def test_losses_asked_for_join_the_default() -> None:
    y = np.random.default_rng(0).normal(size=200)
    plan = _plan(y, losses=["huber", "abs(r)**1.5", lossmith.Cauchy(c=9.0)])
    assert [c.name for c in plan.candidates] == ["Squared", "Huber", "abs(r)**1.5", "Cauchy"]
    assert plan.candidates[1].grid and not plan.candidates[3].grid  # a parameter that the user set is not tuned
    with pytest.raises(DomainError, match="row 0"):
        _plan(np.r_[-1.0, y], losses=["poisson"])
    with pytest.raises(UnsupportedError, match="no loss for numbers"):
        _plan(y, losses=["logistic"])
    with pytest.raises(UnsupportedError, match=r"probabilit|link|mean"):
        _plan(np.arange(100) % 2, losses=["hinge"])
    assert split_losses("Huber, max(r, 0), Cauchy") == ["Huber", "max(r, 0)", "Cauchy"]


def test_sixteen_losses_may_be_named_and_no_more() -> None:
    """Mutants: eight, as many as are compared when none are named; or no limit at all."""
    target = target_of(_column(np.arange(90.0) - 4), score("squared"))
    named = [lossmith.Huber(delta=float(d)) for d in range(1, 17)]
    assert len(shortlist(score("squared"), target, named[:15])) == 16
    with pytest.raises(ParameterError, match="17 losses are too many to compare at once; at most 16"):
        shortlist(score("squared"), target, named)
    assert len(shortlist(score("squared"), target, None)) == 8


def test_simpler_means_default_convex_fewer_parameters() -> None:
    candidates = shortlist(score("absolute"), target_of(_column(np.arange(90.0) - 4), score("absolute")), None)
    names = [candidates[k].name for k in order(candidates)]
    assert names[0] == "Squared"
    assert names.index("Absolute") < names.index("Huber") < names.index("Tukey")


def test_grid_stays_inside_the_domain() -> None:
    for kind in lossmith.losses().values():
        for name, values in grid(kind()).items():
            assert all(v in kind.declared[name].domain for v in values)


# A toy loss of the user's own, with nothing else touched


def test_a_loss_declared_here_is_compared() -> None:
    from lossmith.domain import positive
    from lossmith.lifts import residual
    from lossmith.loss import Loss

    class Toy(Loss, lift=residual):
        """A loss that exists only in this test."""

        formula = "k*r**2/2 + abs(r)"
        k: float = positive(1.0, "weight of the square")

    X, y = _linear(120)
    choice = lossmith.choose(X, y, losses=[Toy()], folds="3", trials=4)
    assert [r["loss"] for r in choice.table] and {line.name for line in choice.lines} == {"Squared", "Toy"}


# Planted data


def _linear(n: int, noise: str = "normal", seed: int = 0) -> tuple[Frame, Any]:
    rng = np.random.default_rng(seed)
    X = {"a": rng.normal(size=n), "b": rng.normal(size=n), "c": np.array(["u", "v", "w"])[rng.integers(0, 3, n)]}
    e = rng.normal(size=n)
    if noise == "contaminated":
        bad = rng.random(n) < 0.2
        e = np.where(bad, 30 * np.abs(e) + 20 * X["a"], e)
    return X, 2 * X["a"] - X["b"] + (X["c"] == "u") + e


def test_gaussian_noise_keeps_the_default() -> None:
    X, y = _linear(1500)
    choice = lossmith.choose(X, y, losses=["Huber", "LogCosh"], folds="2x5", trials=5)
    assert choice.verdict.answer == "equivalent"
    assert choice.winner.name == "Squared"
    assert choice.winner.mean == pytest.approx(1.0, abs=0.1)  # the variance of the noise, which nothing can beat
    assert choice.constant > 5
    assert choice.scale == pytest.approx(1.0, abs=0.1)


def test_contamination_judged_by_the_median_prefers_a_robust_loss() -> None:
    X, y = _linear(800, "contaminated")
    choice = lossmith.choose(X, y, score="absolute", losses=["Huber", "Absolute"], folds="2x5", trials=5)
    assert choice.verdict.answer == "prefer"
    assert choice.winner.name in ("Huber", "Absolute")
    assert choice.verdict.gain > 0
    assert choice.winner.versus is not None and choice.winner.versus.high < 0


def test_counts_prefer_poisson() -> None:
    rng = np.random.default_rng(0)
    X = {"a": rng.normal(size=1200), "b": rng.normal(size=1200)}
    y = rng.poisson(np.exp(0.2 + 0.9 * X["a"] - 0.4 * X["b"]))
    choice = lossmith.choose(X, y, losses=["Poisson", "Huber"], folds="2x5", trials=5)
    assert choice.plan.score.name == "poisson"
    assert (choice.verdict.answer, choice.winner.name) == ("prefer", "Poisson")
    coef = dict(zip(choice.model.encoder.names, choice.model.model.coef_, strict=True))
    assert coef["a"] == pytest.approx(0.9 * X["a"].std(), abs=0.08)


def test_probabilities_are_recovered() -> None:
    rng = np.random.default_rng(0)
    X = {"a": rng.normal(size=1200)}
    p = 1 / (1 + np.exp(-1.5 * X["a"]))
    y = np.where(rng.random(1200) < p, "yes", "no")
    choice = lossmith.choose(X, y, losses=["Probit"], folds="3", trials=4)
    assert choice.verdict.answer == "equivalent"
    found = choice.model.predict_proba(X)
    assert choice.model.labels == ("no", "yes")
    assert np.abs(found[:, 1] - p).mean() < 0.04
    assert set(choice.model.predict(X)) == {"no", "yes"}


def test_same_seed_same_numbers_whatever_the_threads() -> None:
    X, y = _linear(150)
    tables = [
        [
            (r["loss"], r["score"], r["alpha"])
            for r in lossmith.choose(X, y, losses=["Huber"], folds="4", trials=3, seed=s, workers=w).table
        ]
        for s, w in ((1, 1), (1, 4), (2, 1))
    ]
    assert tables[0] == tables[1] != tables[2]


# What must not leak


def test_test_rows_change_nothing_before_they_are_predicted() -> None:
    """Spoiling the targets of a fold's test rows leaves its predictions, settings and scale untouched."""
    X, y = _linear(120)
    plan = _spoil_plan(X, y)
    fold = plan.folds[0]
    spoiled = y.copy()
    spoiled[fold.test] = 1e6
    (before,) = train.run_folds(plan.job, [fold])
    (after,) = train.run_folds(_spoil_plan(X, spoiled).job, [fold])
    assert before.scale == after.scale
    for a, b in zip(before.outcomes, after.outcomes, strict=True):
        assert a is not None and b is not None
        assert a.setting == b.setting
        np.testing.assert_array_equal(a.predictions, b.predictions)
        assert a.score != b.score


def _spoil_plan(X: Frame, y: Any) -> Any:
    return make_plan(Table.of(X), _column(y), Options(score="squared", losses=["Huber"], folds="4", trials=3))


def test_every_loss_gets_the_same_number_of_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, int] = {}
    real = train.trial

    def counted(job: Any, bench: Any, tasks: Any, candidate: Any, *rest: Any) -> Any:
        seen[candidate.name] = seen.get(candidate.name, 0) + len({(task.loss, task.alpha) for task in tasks})
        return real(job, bench, tasks, candidate, *rest)

    monkeypatch.setattr(train, "trial", counted)
    X, y = _linear(1600)
    plan = make_plan(Table.of(X), _column(y), Options(losses=["Huber", "Absolute", "Barron"], folds="3", trials=6))
    train.run_folds(plan.job, plan.folds[:1])
    assert set(seen.values()) == {6}
    assert len(seen) == 4


def test_small_folds_side_by_side_end_where_single_fits_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same settings and predictions, to the tolerance of a fit, whether parts are stacked or fitted one by one."""
    X, y = _linear(90, "contaminated")
    plan = make_plan(Table.of(X), _column(y), Options(losses=["Huber", "Absolute", "Tukey"], folds="4", trials=5))
    together = train.run_folds(plan.job, plan.folds)
    monkeypatch.setattr("lossmith.fit.many.COST", 0.0)
    alone = [result for fold in plan.folds for result in train.run_folds(plan.job, [fold])]
    for a, b in zip(together, alone, strict=True):
        assert a.scale == pytest.approx(b.scale, rel=1e-2)
        for one, other in zip(a.outcomes, b.outcomes, strict=True):
            assert one is not None and other is not None
            np.testing.assert_allclose(one.predictions, other.predictions, atol=0.1 * a.scale)
            assert one.score == pytest.approx(other.score, rel=0.02)


def test_a_failing_loss_is_left_out_with_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    real = Bench.fit

    def broken(self: Any, tasks: Any, name: str, tol: float) -> Any:
        return [ArithmeticError("planted") for _ in tasks] if name == "Huber" else real(self, tasks, name, tol)

    monkeypatch.setattr(Bench, "fit", broken)
    X, y = _linear(60)
    choice = lossmith.choose(X, y, losses=["Huber", "LogCosh"], folds="3", trials=3)
    assert [line.name for line in choice.lines] == ["Squared", "LogCosh"]
    assert any("Huber is not compared" in note and "planted" in note for note in choice.notes)


# Input


def test_missing_targets_are_left_out_and_counted() -> None:
    X, y = _linear(100)
    y[[3, 7]] = np.nan
    choice = lossmith.choose(X, y, losses=["Huber"], folds="3", trials=3)
    assert len(choice.plan.target.y) == 98
    assert any("2 rows without a value" in note for note in choice.notes)
    assert 3 not in choice.plan.target.rows


def test_weights_of_zero_are_as_if_the_rows_were_not_there() -> None:
    """A weight column that silences the contaminated rows gives back the clean coefficients."""
    X, y = _linear(400)
    weight = np.ones(400)
    weight[:40] = 0.0
    y[:40] = 1e4
    choice = lossmith.choose(X, y, weight=weight, losses=["LogCosh"], score="squared", folds="3", trials=3)
    assert choice.lines[0].mean == pytest.approx(1.0, abs=0.2)


def test_groups_and_time_are_taken_from_the_table() -> None:
    X, y = _linear(200)
    X["when"] = np.arange(200)
    choice = lossmith.choose(X, y, time="when", losses=["Huber"], folds="3", trials=3)
    assert "when" not in choice.model.encoder.names
    assert choice.plan.job.splitting.says == "rolling origin in time"
    X["who"] = np.arange(200) // 5
    choice = lossmith.choose(X, y, groups="who", losses=["Huber"], folds="3", trials=3)
    assert "who" not in choice.model.encoder.names
    X["who"] = np.where(np.arange(200) == 9, np.nan, X["who"])
    with pytest.raises(DataError, match="group column 'who': row 9 is empty"):
        lossmith.choose(X, y, groups="who", folds="3")


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (lambda X, y: (X, y[:, None]), ShapeError, r"\(50, 1\)"),
        (lambda X, y: (X, y[:-1]), ShapeError, "50 rows but y has 49"),
        (lambda X, y: (X, None), DataError, "y is None"),
        (lambda X, y: (X, "missing"), DataError, "no column 'missing'"),
        (lambda X, y: (X, np.full(50, 3.0)), DataError, "constant"),
        (lambda X, y: (X, np.r_[np.inf, y[1:]]), DataError, "row 0 is infinite"),
        (lambda X, y: (X, y * 1e200), DataError, "change the unit"),
        (lambda X, y: (X, np.full(50, np.nan)), DataError, "missing in every row"),
        (lambda X, y: ({"a": np.r_[np.inf, X["a"][1:]]}, y), DataError, "'a': row 0 is infinite"),
        (lambda X, y: ({"a": np.ones(50)}, y), DataError, "'a' is constant"),
        (lambda X, y: ({k: v[:1] for k, v in X.items()}, y[:1]), DataError, "one row only"),
        (lambda X, y: ({k: v[:5] for k, v in X.items()}, y[:5]), DataError, "5 rows are too few"),
        (lambda X, y: (X, ["a", "b"] * 24 + ["c"] * 2), UnsupportedError, "Huber is no loss for classes"),
        (lambda X, y: (X, [f"{i}.5" for i in range(49)] + ["n/a?"]), DataError, "row 49 has 'n/a"),
    ],
)
def test_bad_input_is_explained(change: Any, error: type[Exception], says: str) -> None:
    X, y = _linear(50)
    with pytest.raises(error, match=says):
        lossmith.choose(*change(X, y), folds="3", trials=3, losses=["Huber"])


def test_bad_weights_are_explained() -> None:
    X, y = _linear(50)
    bad = ((-np.ones(50), "row 0 is negative"), (np.zeros(50), "sums to 0"), (np.ones(3), "weight has 3"))
    for weight, says in bad:
        with pytest.raises((DataError, ShapeError), match=says):
            lossmith.choose(X, y, weight=weight, folds="3")
    with pytest.raises(ParameterError, match="margin"):
        lossmith.choose(X, y, margin=2.0)
    assert column_of(Table.of(X), None, "weight") is None


@pytest.mark.parametrize(
    ("option", "says"),
    [({"score": 3}, "a text"), ({"seed": 1.5}, "whole number"), ({"trials": 0}, ">= 1"), ({"margin": "a"}, "a share")],
)
def test_options_of_the_wrong_kind_are_explained(option: Any, says: str) -> None:
    X, y = _linear(50)
    with pytest.raises(ParameterError, match=says):
        lossmith.choose(X, y, **option)


def test_extreme_scales_are_survived() -> None:
    """Columns in other units change nothing; a target in other units changes the score by their square."""
    X, y = _linear(80)
    usual = lossmith.choose(X, y, losses=["Huber"], folds="3", trials=3)
    X["a"], X["b"] = X["a"] * 1e300, X["b"] * 1e-300
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        choice = lossmith.choose(X, y, losses=["Huber"], folds="3", trials=3)
    small = lossmith.choose(X, y * 1e-30, losses=["Huber"], folds="3", trials=3)
    for a, b, c in zip(usual.lines, choice.lines, small.lines, strict=True):
        assert b.mean == pytest.approx(a.mean, rel=1e-5)
        assert c.mean == pytest.approx(a.mean * 1e-60, rel=1e-5)


def test_a_slip_among_numbers_to_predict_is_named_and_not_made_a_class() -> None:
    """Without the check forty numbers and one word were forty-one classes."""
    values = [f"{v / 7:.3f}" for v in range(40)]
    values[7] = "abc"
    with pytest.raises(DataError, match=r"row 7 has 'abc' while 39 of 40"):
        lossmith.choose({"x": np.arange(40.0)}, np.array(values, dtype=object))
