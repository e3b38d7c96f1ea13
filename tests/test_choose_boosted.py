"""`choose` and `fit` with boosted trees: who wins where, what stops rounds, what a fold may see, what is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lossmith
from lossmith.choose import bench as bench_of
from lossmith.choose import boosters, train
from lossmith.choose.bench import Bench
from lossmith.choose.boosters import Boosted, engine_of
from lossmith.choose.learners import LINEAR, Growth, Linear, Setting, learners
from lossmith.choose.native import MOST_LEVELS, TreeEncoder
from lossmith.choose.plan import Options, make_plan
from lossmith.choose.repeat import code
from lossmith.cli import main
from lossmith.errors import MissingExtra, ParameterError, ShapeError, UnsupportedError
from lossmith.models import BoostedRegressor
from lossmith.rows.tables import Table

Frame = dict[str, Any]
QUICK: dict[str, Any] = {"folds": "3", "trials": 3, "rounds": 25}


def bent(n: int = 240, seed: int = 0) -> tuple[Frame, Any]:
    """Steps and a product: what no linear model sees; a number is missing here and there, and that tells something."""
    rng = np.random.default_rng(seed)
    a, b, c = rng.normal(size=n), rng.normal(size=n), rng.choice(["x", "y", "z"], n)
    y = np.where(a > 0, 3.0, 0.0) * np.where(c == "x", 1, -1) + 0.3 * rng.normal(size=n)
    a[::11] = np.nan
    y[::11] += 2.0
    return {"a": a, "b": b, "c": c}, y


def straight(n: int = 240, seed: int = 1) -> tuple[Frame, Any]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4))
    return dict(zip("abcd", X.T, strict=True)), X @ [2.0, -1.0, 0.5, 1.0] + 0.5 * rng.normal(size=n)


def column(y: Any) -> Any:
    return Table.of({"y": y}).columns[0]


def planned(X: Frame, y: Any, **more: Any) -> Any:
    given: dict[str, Any] = {"losses": ["Huber"], "learner": "boosted", "engine": "sklearn", **QUICK, **more}
    return make_plan(Table.of(X), column(y), Options(**given))


@pytest.fixture(params=["lightgbm", "sklearn"])
def engine(request: pytest.FixtureRequest) -> str:
    pytest.importorskip(request.param)
    return str(request.param)


# Who wins


def test_trees_are_preferred_where_the_truth_is_bent(engine: str) -> None:
    """Planted: predictions of a linear model in place of the trees'; the verdict must name learner and loss."""
    X, y = bent()
    choice = lossmith.choose(X, y, learner="linear,boosted", losses=["Huber"], engine=engine, **QUICK)
    assert choice.verdict.answer == "prefer"
    assert choice.winner.name in ("boosted Squared", "boosted Huber")
    assert choice.verdict.sentence.startswith(f"prefer {choice.winner.name}: ")
    assert "lower than linear Squared's" in choice.verdict.sentence
    assert choice.lines[0].name == "linear Squared" and choice.lines[0].default
    assert [line.default for line in choice.lines].count(True) == 1
    assert len(choice.lines) == 4
    assert choice.winner.mean < 0.5 * choice.lines[0].mean
    assert choice.alpha is None and choice.setting.growth is not None
    assert isinstance(choice.model.model, BoostedRegressor)
    assert choice.model.model.engine == engine


def test_a_linear_model_is_kept_where_the_truth_is_straight(engine: str) -> None:
    X, y = straight()
    choice = lossmith.choose(X, y, learner=("linear", "boosted"), losses=["Huber"], engine=engine, **QUICK)
    assert choice.winner.learner is LINEAR
    trees = [line for line in choice.lines if line.learner is not LINEAR]
    assert trees and all(line.versus is not None and line.versus.low > 0 for line in trees)


def test_linear_alone_says_what_it_said_before() -> None:
    """The new argument changes neither names nor figures of a comparison that does not use it."""
    X, y = straight(120)
    choice = lossmith.choose(X, y, losses=["Huber"], folds="3", trials=3)
    again = lossmith.choose(X, y, losses=["Huber"], folds="3", trials=3, learner=["linear"])
    assert [line.name for line in choice.lines] == ["Squared", "Huber"]
    for one, other in zip(choice.lines, again.lines, strict=True):
        np.testing.assert_array_equal(one.folds, other.folds)
    both = lossmith.choose(X, y, losses=["Huber"], learner="linear,boosted", engine="sklearn", **QUICK)
    for one, other in zip(choice.lines, both.lines[:2], strict=True):
        np.testing.assert_array_equal(one.folds, other.folds)


def test_linear_stands_before_boosted_in_the_order_of_simplicity() -> None:
    """Of two that are as good as each other the linear one is taken, even where its loss is not convex."""
    from lossmith.choose.choice import _order

    X, y = straight(60)
    plan = planned(X, y, losses=["Tukey"], learner="boosted,linear", trials=1, rounds=3)
    lines, _ = train_lines(plan)
    assert [lines[k].name for k in _order(lines)] == [
        "boosted Squared",
        "linear Squared",
        "linear Tukey",
        "boosted Tukey",
    ]


def train_lines(plan: Any) -> Any:
    from lossmith.choose.summary import gather

    return gather(plan, train.run_folds(plan.job, plan.folds))


# Rounds, and what stops them


def test_rounds_stop_by_the_score_and_not_by_the_loss(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """No round of a trial would have scored better than the one that it kept. Planted: the loss itself is watched."""
    X, y = bent()
    plan = planned(X, y, score="squared", losses=["Absolute"], engine=engine)
    (stage,) = train.stages_of(plan.job, plan.folds[:1])
    bench = Bench.of(stage.inner, 0)
    candidate = plan.candidates[1]
    task = train.task_of(0, candidate, Setting(0.0, (), Growth(rounds=30)))

    def gap() -> float:
        (found,) = candidate.learner.trials(bench, [task], "", plan.score, 0.0)
        assert isinstance(found, boosters.Tried), found
        (judged,) = bench_of.judge(bench, [task], [found], plan.score, candidate.learner.raw)
        grown = [train.task_of(0, candidate, Setting(0.0, (), Growth(rounds=n))) for n in range(1, 31)]
        every = candidate.learner.fits(bench, grown, "", 0.0)
        scores = [one.score for one in bench_of.judge(bench, grown, every, plan.score, candidate.learner.raw)]
        assert scores[found.rounds - 1] == pytest.approx(judged.score, rel=1e-6)
        return float(judged.score / min(scores) - 1)

    assert gap() < 1e-6
    watched = lossmith.Absolute()
    absolute = replace(plan.score, rows=lambda y, p: watched.value(y, p))
    judging = boosters._judging
    monkeypatch.setattr(boosters, "_judging", lambda part, loss, made, score: judging(part, loss, made, absolute))
    assert gap() > 1e-2


def test_every_loss_has_the_same_trials_and_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps, leaves and a loss's own parameters share one number of trials. Planted: a trial more for PseudoHuber."""
    seen: dict[str, list[Any]] = {}
    real = train.trial

    def counted(job: Any, bench: Any, tasks: Any, candidate: Any, *rest: Any) -> Any:
        seen.setdefault(candidate.name, []).append((tasks[0].loss, tasks[0].growth))
        return real(job, bench, tasks, candidate, *rest)

    monkeypatch.setattr(train, "trial", counted)
    X, y = bent(1500)
    plan = planned(X, y, losses=["PseudoHuber"], trials=8, rounds=5)
    train.run_folds(plan.job, plan.folds[:1])
    assert [len(set(found)) for found in seen.values()] == [8, 8]
    for found in seen.values():
        assert {growth.rounds for _, growth in found} == {5}
        assert len({growth.learning_rate for _, growth in found}) >= 3
        assert len({growth.leaves for _, growth in found}) >= 2


def _predictions(plan: Any, y: Any) -> Any:
    """What the first fold predicts where its test rows have other targets."""
    from dataclasses import replace

    fold = plan.folds[0]
    other = plan.job.y.copy()
    other[fold.test] = y
    job = replace(plan.job, y=other)
    (result,) = train.run_folds(job, [fold])
    return np.array([outcome.predictions for outcome in result.outcomes if outcome is not None])


def test_no_fold_sees_its_test_rows(engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Predictions stay as they are to the last bit whatever the test targets. Planted: rounds that stop by them."""
    X, y = bent()
    plan = planned(X, y, engine=engine)
    noise = np.random.default_rng(5).normal(size=len(plan.folds[0].test)) * 50
    before = _predictions(plan, y[plan.folds[0].test])
    np.testing.assert_array_equal(before, _predictions(plan, noise))

    def leaky(self: Boosted, bench: Any, tasks: Any, name: str, tol: float) -> Any:
        return self.trials(bench, tasks, name, plan.score, tol)

    monkeypatch.setattr(Boosted, "fits", leaky)
    assert np.abs(_predictions(plan, y[plan.folds[0].test]) - _predictions(plan, noise)).max() > 1e-3


def test_the_same_seed_gives_the_same_digits_on_any_number_of_threads(engine: str) -> None:
    X, y = bent()
    given: dict[str, Any] = {**QUICK, "losses": ["Huber"], "learner": "boosted", "engine": engine}
    one, two = (lossmith.choose(X, y, **given, workers=workers) for workers in (1, 3))
    for a, b in zip(one.lines, two.lines, strict=True):
        np.testing.assert_array_equal(a.folds, b.folds)
        np.testing.assert_array_equal(a.predictions, b.predictions)
    np.testing.assert_array_equal(one.model.predict(X), two.model.predict(X))


# Tables as they are


def test_missing_values_and_categories_reach_the_trees_as_they_are() -> None:
    """NaN stays NaN, categories are codes of training, and what was not in training is missing."""
    table = Table.of({"a": [1.0, None, 3.0], "c": ["u", "v", None]})
    encoder, X = TreeEncoder.applied(table)
    np.testing.assert_array_equal(X, [[1.0, 0.0], [np.nan, 1.0], [3.0, np.nan]])
    assert encoder.categorical == (1,)
    other = Table.of({"c": ["v", "w"], "a": [5.0, None]})
    np.testing.assert_array_equal(encoder.matrix(other), [[5.0, 1.0], [np.nan, np.nan]])
    again = TreeEncoder.from_json(json.loads(json.dumps(encoder.to_json())))
    np.testing.assert_array_equal(again.matrix(other), encoder.matrix(other))
    assert again.seen == {"c": frozenset({"u", "v"})}


def test_times_are_days_and_their_places() -> None:
    days = np.array(["1970-01-05T06:00", "NaT", "1971-01-01"], dtype="M8[us]")
    encoder, X = TreeEncoder.applied(Table.of({"t": days}))
    assert encoder.names == ("t", "t: place in the year", "t: time of day", "t: weekday")
    np.testing.assert_allclose(X[0], [4.25, 4.25 / 365.2425, 0.25, 0.0])
    assert np.isnan(X[1]).all()
    assert X[2, 3] == 4.0  # a Friday


def test_rare_levels_beyond_what_trees_carry_are_missing() -> None:
    """scikit-learn's trees refuse more than 255 levels; the fit must go through, and the common ones be kept."""
    texts = np.array([f"l{i:03d}" for i in range(400)] * 2 + ["common"] * 50, dtype=object)
    encoder, X = TreeEncoder.applied(Table.of({"c": texts}))
    assert encoder.columns[0].levels is not None and len(encoder.columns[0].levels) == MOST_LEVELS
    assert np.isfinite(X[-50:]).all() and np.isnan(X).sum() == 2 * (400 - MOST_LEVELS + 1)
    assert encoder.seen == {}


def test_the_winner_carries_categories_and_gaps_into_a_fresh_process(tmp_path: Path, engine: str) -> None:
    """What `lossmith predict` writes elsewhere is what the model says here, to the last digit written."""
    X, y = bent()
    table = tmp_path / "t.csv"
    lines = [",".join("" if v != v else str(v) for v in row) for row in zip(X["a"], X["b"], X["c"], y, strict=True)]
    table.write_text("\n".join(["a,b,c,y", *lines]), encoding="utf-8")
    saved, out = tmp_path / "m.lossmith", tmp_path / "p.csv"
    words = ["choose", str(table), "--target", "y", "--losses", "Huber", "--learner", "boosted", "--engine", engine]
    assert run(*words, "--folds", "3", "--rounds", "8", "--save", str(saved), "--out", str(tmp_path / "r.html")) == 0
    assert saved.read_bytes()[8:9] == b"{"  # safetensors, no pickle
    subprocess.run(
        [sys.executable, "-m", "lossmith", "predict", str(saved), str(table), "--out", str(out)], check=True, timeout=60
    )
    here = lossmith.load(saved)
    np.testing.assert_array_equal(np.loadtxt(out, skiprows=1), here.predict(X))
    assert np.mean((here.predict(X) - y) ** 2) < 0.5 * np.var(y)
    gone = {**X, "c": np.full(len(y), None, dtype=object), "a": np.full(len(y), np.nan)}
    assert np.isfinite(here.predict(gone)).all()


def test_weights_reach_the_trees() -> None:
    """Rows of next to no weight move nothing, in the folds and at the end. Planted: weights that are dropped."""
    X, y = straight(200)
    weight = np.where(np.arange(200) < 60, 1e-9, 1.0)
    spoiled = np.where(weight == 1.0, y, 1e4)
    given: dict[str, Any] = {**QUICK, "losses": ["Huber"], "learner": "boosted", "engine": "sklearn"}
    choice = lossmith.choose(X, spoiled, weight=weight, **given)
    assert np.abs(choice.model.predict(X)).max() < 50
    assert all(np.abs(line.predictions).max() < 50 for line in choice.lines)


@pytest.mark.parametrize(
    ("make", "more"),
    [
        (lambda X, y: np.where(y > 0, "p", "q"), {"losses": ["Focal", "CrossEntropy"]}),
        (lambda X, y: np.array(["u", "v", "w"])[np.digitize(y, [-1.0, 1.0])], {"losses": ["Focal"]}),
        (lambda X, y: np.round(np.exp(y / 2)), {"losses": ["Poisson"], "score": "poisson"}),
        (lambda X, y: y, {"losses": ["SmoothQuantile"], "score": "pinball:0.9"}),
    ],
    ids=["two classes", "three classes", "counts", "quantile"],
)
def test_classes_counts_and_quantiles(make: Any, more: dict[str, Any]) -> None:
    """Trees beat the best constant under the score of each kind, with every loss, and predict in its range."""
    X, y = bent(300)
    choice = lossmith.choose(X, make(X, y), learner="boosted", **{**QUICK, "trials": 2}, **more)
    assert len(choice.lines) == 1 + len(more["losses"])
    assert all(line.mean < choice.constant for line in choice.lines)
    if choice.plan.target.labels:
        p = choice.model.predict_proba(X)
        np.testing.assert_allclose(p.sum(axis=1), 1.0)
    if more.get("score") == "poisson":
        assert choice.model.predict(X).min() > 0 or choice.winner.loss.name == "Squared"


# The report


def test_the_report_names_learners_rounds_and_repeats_itself(tmp_path: Path) -> None:
    X, y = bent()
    given: dict[str, Any] = {**QUICK, "losses": ["Huber"], "learner": "linear,boosted", "engine": "sklearn"}
    choice = lossmith.choose(X, y, **given, contaminate="outliers")
    page = choice.report(tmp_path / "r.html").read_text(encoding="utf-8")
    for said in ("boosted Huber", "linear Huber", ">rounds<", "pairs of a learner and a loss", "leaves of"):
        assert said in page, said
    body = json.loads(json.dumps(choice.to_json()))
    records = {one["loss"]: one for one in body["losses"]}
    assert records["boosted Huber"]["learner"] == "boosted" and records["boosted Huber"]["alpha"] is None
    assert 1 <= records["boosted Huber"]["trees"]["rounds"] <= 25
    assert records["linear Huber"]["trees"] is None
    assert body["versions"]["scikit-learn"]
    assert body["model"]["learner"] == "boosted"
    assert len(body["bad rows"][0]["losses"]) == 4
    said = code(choice)
    assert "learner='linear,boosted'" in said and "losses=['Huber']" in said and "lossmith.BoostedRegressor(" in said
    assert "engine='sklearn'" in said


# Input


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as left:
        main(list(words))
    return int(left.value.code or 0)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    X, y = straight(60)
    path = tmp_path / "small.csv"
    np.savetxt(path, np.column_stack([*X.values(), y]), delimiter=",", header="a,b,c,d,y", comments="")
    return path


@pytest.mark.parametrize(
    ("command", "words", "says"),
    [
        ("choose", ("--learner", "trees"), "there are linear, boosted"),
        ("choose", ("--learner", ","), "there are linear, boosted"),
        ("choose", ("--learner", "boosted", "--engine", "cart"), "there are lightgbm"),
        ("choose", ("--engine", "sklearn"), "add --learner boosted"),
        ("choose", ("--rounds", "30"), "add --learner boosted"),
        ("choose", ("--learner", "boosted", "--rounds", "0"), "a whole number >= 1"),
        ("fit", ("--learner", "trees"), "there are linear, boosted"),
        ("fit", ("--learner", "linear,boosted"), "fit takes one"),
        ("fit", ("--learner", "boosted", "--alpha", "3"), "is for the linear learner"),
        ("fit", ("--rounds", "3"), "is for --learner boosted"),
        ("fit", ("--learner", "boosted", "--rounds", "0"), "a whole number >= 1"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_exit_2(
    small: Path, capsys: pytest.CaptureFixture[str], command: str, words: tuple[str, ...], says: str
) -> None:
    assert run(command, str(small), "--target", "y", *words) == 2
    said = capsys.readouterr().err.strip()
    assert says in said and "\n" not in said


def test_an_engine_that_is_missing_is_named_with_its_extra(monkeypatch: pytest.MonkeyPatch, small: Path) -> None:
    """Asked for: one line with the extra; not asked for: scikit-learn, which is always there."""
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(MissingExtra, match=r"lossmith\[lightgbm\]"):
        engine_of("lightgbm")
    assert engine_of(None) == "sklearn"
    assert run("fit", str(small), "--target", "y", "--learner", "boosted", "--engine", "lightgbm") == 2


def test_learners_by_name() -> None:
    assert learners("linear", None, 200, 0) == (Linear(),)
    assert [one.name for one in learners(" boosted , linear,boosted", "sklearn", 9, 3)] == ["boosted", "linear"]
    with pytest.raises(ParameterError, match="whole number"):
        learners("boosted", "sklearn", True, 0)
    with pytest.raises(ParameterError, match="learner=5"):
        lossmith.choose(*straight(40), learner=5)


def test_sparse_matrices_reach_engines_that_take_them(tmp_path: Path) -> None:
    """Fails where columns are scaled on the way, or a matrix of other columns is taken."""
    pytest.importorskip("lightgbm")
    from scipy.sparse import csr_array

    rng = np.random.default_rng(2)
    X = csr_array(np.where(rng.random((200, 6)) < 0.7, 0.0, rng.integers(1, 9, (200, 6))).astype(float))
    y = np.where(X.toarray()[:, 0] > 2, 3.0, -1.0) + 0.1 * rng.normal(size=200)
    with pytest.raises(UnsupportedError, match="'sklearn' takes no sparse matrix"):
        lossmith.choose(X, y, learner="boosted", engine="sklearn")
    choice = lossmith.choose(X, y, learner="linear,boosted", losses=["Huber"], engine="lightgbm", **QUICK)
    assert choice.winner.learner.name == "boosted" and choice.winner.mean < 0.3 * choice.constant
    choice.model.save(tmp_path / "m")
    again = lossmith.load(tmp_path / "m")
    np.testing.assert_array_equal(again.predict(X), choice.model.predict(X))
    with pytest.raises(ShapeError, match="trained on 6"):
        again.predict(X[:, :5])


def counts(n: int = 300) -> tuple[Frame, Any, Any]:
    """Counts over times of 0.2 to 5 units, at a rate with a step."""
    rng = np.random.default_rng(4)
    a, b, time = rng.normal(size=n), rng.normal(size=n), rng.uniform(0.2, 5.0, n)
    return {"a": a, "b": b}, rng.poisson(time * np.where(a > 0, 3.0, 0.7)).astype(float), time


def test_trees_take_an_exposure(engine: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In the folds, in the model, and on the command line. Fails where it is dropped, or added twice."""
    X, y, time = counts()
    given: dict[str, Any] = {**QUICK, "losses": ["NegativeBinomial"], "engine": engine, "score": "poisson"}
    choice = lossmith.choose(X, y, exposure=time, learner="linear,boosted", **given)
    without = lossmith.choose(X, y, learner="boosted", **given)
    assert choice.winner.learner.name == "boosted" and choice.winner.mean < 0.7 * without.winner.mean
    per_unit = choice.model.predict(X, exposure=np.ones(len(y)))
    assert abs(np.log(per_unit[X["a"] > 0.2].mean() / 3.0)) < 0.25
    np.testing.assert_allclose(choice.model.predict(X, exposure=time), time * per_unit, rtol=1e-6)
    table, saved = tmp_path / "t.csv", tmp_path / "m"
    np.savetxt(table, np.column_stack([*X.values(), time, y]), delimiter=",", header="a,b,time,y", comments="")
    words = ("--loss", "Poisson", "--learner", "boosted", "--engine", engine, "--exposure", "time")
    assert run("fit", str(table), "--target", "y", *words, "--save", str(saved)) == 0
    model = lossmith.load(saved)
    one = {**X, "time": np.ones(len(y))}
    assert abs(np.log(model.predict(one)[X["a"] > 0.2].mean() / 3.0)) < 0.25


# lossmith fit


def test_fit_grows_trees_and_predicts(
    tmp_path: Path, small: Path, capsys: pytest.CaptureFixture[str], engine: str
) -> None:
    """Rounds asked for are grown; without them a tenth of the rows says how many, and all rows are then used."""
    for i, words in enumerate((("--rounds", "7"), ())):
        path = tmp_path / f"{i}.lossmith"
        given = ("--target", "y", "--loss", "Huber", "--learner", "boosted", "--engine", engine, *words)
        assert run("fit", str(small), *given, "--save", str(path)) == 0
        said = capsys.readouterr().out
        assert f"rounds of {engine}" in said and "share of the gain" in said
        model = lossmith.load(path).model
        assert model.n_iter_ == 7 if words else 1 <= model.n_iter_ < 1000
        assert not model.early_stopping
    assert run("predict", str(path), str(small)) == 0
    assert len(capsys.readouterr().out.splitlines()) == 61


# What trials cost


def test_trials_halve_and_every_loss_has_as_many_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 8 settings 4 see a fold's second part and 2 its third; the one chosen saw all. Planted: one that saw less."""
    fits: dict[str, list[int]] = {}
    real = train.trial

    def counted(job: Any, bench: Any, tasks: Any, candidate: Any, *rest: Any) -> Any:
        fits.setdefault(candidate.name, []).extend(task.part for task in tasks)
        return real(job, bench, tasks, candidate, *rest)

    def chosen(self: train.Trials) -> Any:
        assert len(self.seen[self.best()]) == 3
        return choosing(self)

    choosing = train.Trials.chosen
    monkeypatch.setattr(train, "trial", counted)
    monkeypatch.setattr(train.Trials, "chosen", chosen)
    X, y = bent()
    plan = planned(X, y, losses=["PseudoHuber", "Huber"], trials=8, rounds=5)
    (result,) = train.run_folds(plan.job, plan.folds[:1])
    assert [[seen.count(part) for part in range(3)] for seen in fits.values()] == [[8, 4, 2]] * 3
    assert all(outcome is not None and np.isfinite(outcome.inner) for outcome in result.outcomes)


@pytest.mark.parametrize("patience", [3, 20])
def test_rounds_judged_together_stop_where_rounds_judged_one_by_one_do(patience: int) -> None:
    """Planted: a better score behind the stop, in the same block, is taken."""
    from lossmith.models.boosted_task import BLOCK, Check, Rounds

    scores = [5.0, 4.0, 3.0, 3.5, 3.6, 3.7, 1.0, *([2.0] * 40)]
    assert BLOCK > 7

    def judge(truth: Any, raw: Any, weight: Any) -> float:
        return scores[int(raw[0])]

    def judges(truth: Any, raws: Any, weight: Any) -> list[float]:
        return [judge(truth, raw, weight) for raw in raws]

    found = []
    for together in (None, judges):
        rounds = Rounds(Check(None, np.zeros(1), None, judge, together), patience)
        for i in range(len(scores)):
            rounds.see(np.full(1, float(i)))
            if rounds.over(last=i == len(scores) - 1):
                break
        found.append((rounds.best, rounds.raw.tolist(), rounds.history.tolist()))
    assert found[0] == found[1]
    assert found[0][:2] == ((2, [2.0]) if patience == 3 else (6, [6.0]))


def test_progress_says_what_runs() -> None:
    """Planted: "comparing" alone, for minutes."""
    X, y = bent(60)
    said: list[tuple[int, int, str]] = []
    lossmith.choose(
        X, y, losses=["Huber"], learner="linear,boosted", engine="sklearn", folds="3", trials=1, rounds=2,
        workers=1, progress=lambda *one: said.append(one),
    )  # fmt: skip
    names = [what for _, _, what in said]
    assert [f"comparing {name}" in names for name in ("linear Huber", "boosted Squared", "boosted Huber")] == [True] * 3
    assert max(done for done, _, _ in said) == 12


def test_bins_reach_every_engine(engine: str) -> None:
    """Two bins leave one place to split. Planted: a setting that is not passed on."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(400, 1))
    model = BoostedRegressor(engine=engine, max_bins=2, max_iter=20, min_samples_leaf=1).fit(X, np.sin(3 * X[:, 0]))
    assert len(np.unique(model.predict(X))) == 2
    with pytest.raises(ParameterError, match="max_bins"):
        BoostedRegressor(engine=engine, max_bins=1).fit(X, X[:, 0])
