"""Exposure and offset: rates beside statsmodels, what is refused, and what a saved model asks for again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pytest

import lossmith
from lossmith.choose import shift as shifts
from lossmith.choose.bench import Bench, Task, judge, linear
from lossmith.choose.plan import Options, make_plan
from lossmith.choose.profile import target_of
from lossmith.choose.repeat import code
from lossmith.choose.score import score
from lossmith.choose.tablemodel import TableModel
from lossmith.choose.train import stages_of
from lossmith.cli import main
from lossmith.errors import DataError, LossmithError, ParameterError, ShapeError, UnsupportedError
from lossmith.rows.files import read_table
from lossmith.rows.tables import Table

Columns = dict[str, Any]
VISITS = Path(__file__).parents[1] / "examples" / "visits.parquet"


def _rates(n: int = 240) -> Columns:
    rng = np.random.default_rng(0)
    x, g, years = rng.normal(size=n), rng.choice(["a", "b", "c"], n), rng.uniform(0.1, 10.0, n)
    bump = rng.normal(size=n) / 4
    mu = years * np.exp(0.3 + 0.5 * x + (g == "b") * 0.7 + bump)
    return {
        "x": x,
        "g": g,
        "years": years,
        "bump": bump,
        "y": rng.poisson(mu).astype(float),
        "c": np.tile([0, 1], n // 2),
    }


def _visits() -> tuple[Table, Any, Any]:
    """RAND's visits as if each person had been seen for a time of its own: years 0.2 to 5."""
    table = read_table(VISITS)
    years = np.random.default_rng(3).uniform(0.2, 5.0, table.n)
    return table, years, np.floor(table.column("mdvis").values * years)


def _beside_statsmodels(offset: bool) -> float:
    """The largest relative difference of our predicted counts to those of statsmodels, on RAND's table."""
    api = pytest.importorskip("statsmodels.api")
    table, years, counts = _visits()
    more = np.sin(np.arange(table.n)) if offset else None
    features = table.without(["mdvis"])
    target = target_of(Table.of({"y": counts}).columns[0], score("poisson"))
    columns = [Table.of({"years": years}).columns[0], None if more is None else Table.of({"more": more}).columns[0]]
    own = shifts.shift_of(*columns, target.rows, True)
    model = lossmith.LinearRegressor("poisson", penalty="none", tol=1e-10)
    fitted = TableModel.fit(features, target, model, shift=own)
    X = api.add_constant(np.column_stack([c.values for c in features.columns]))
    glm = api.GLM(counts, X, family=api.families.Poisson(), exposure=years, offset=more).fit(tol=1e-12)
    ours = fitted.predict(features, exposure=years, offset=more)
    return float(np.abs(ours / glm.mu - 1).max())


@pytest.mark.parametrize("offset", [False, True])
def test_rates_agree_with_statsmodels(offset: bool) -> None:
    assert _beside_statsmodels(offset) < 1e-7


def test_a_fit_that_drops_the_exposure_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    found = shifts.shift_of

    def dropped(*given: Any) -> Any:
        made = found(*given)
        return None if made is None else shifts.Shift(0.0 * made.values, made.exposure, made.offset, made.log)

    monkeypatch.setattr(shifts, "shift_of", dropped)
    assert _beside_statsmodels(False) > 0.1


@pytest.fixture(scope="module")
def chosen() -> Any:
    return lossmith.choose(_rates(), "y", exposure="years", offset="bump", folds="1x3", losses="Poisson, Tweedie")


def test_only_losses_with_a_log_link_are_compared() -> None:
    table = Table.of(_rates())
    y, years = table.column("y"), table.column("years")
    plan = make_plan(table.without(["y", "years"]), y, Options(score="poisson", exposure=years))
    assert [c.name for c in plan.candidates] == ["Poisson", "NegativeBinomial", "Tweedie"]
    assert "years" not in plan.job.table.names
    gamma = make_plan(table.without(["y"]), years, Options(score="gamma", offset=table.column("bump")))
    assert gamma.candidates[0].name == "Gamma" and gamma.job.shift is not None and gamma.job.shift.log
    numbers = make_plan(table.without(["y"]), table.column("x"), Options(offset=table.column("bump")))
    assert numbers.candidates[0].name == "Squared" and not numbers.job.shift.log


def test_predictions_and_scores_are_of_whole_counts(chosen: Any) -> None:
    """Catches a test row that is predicted without its exposure, and a constant that is one count for all rows."""
    plan, line = chosen.plan, chosen.lines[0]
    data = _rates()
    np.testing.assert_allclose(line.rows, plan.score.rows(data["y"], line.predictions), rtol=1e-10)
    shift = np.log(data["years"]) + data["bump"]
    assert np.corrcoef(line.predictions, data["years"])[0, 1] > 0.5
    by_hand = []
    for fold in plan.folds:
        rate = data["y"][fold.train].sum() / np.exp(shift[fold.train]).sum()
        by_hand.append(plan.score.rows(data["y"][fold.test], rate * np.exp(shift[fold.test])).mean())
    assert chosen.constant == pytest.approx(np.mean(by_hand), rel=1e-6)
    assert line.mean < 0.5 * chosen.constant


def test_folds_agree_with_statsmodels(chosen: Any) -> None:
    """One fold, with next to no penalty: catches an exposure that is dropped in training, or in testing."""
    api = pytest.importorskip("statsmodels.api")
    data, fold = _rates(), chosen.plan.folds[0]
    (stage,) = stages_of(chosen.plan.job, [fold], tuned=False)
    bench = Bench.of([stage.test], 0)
    tasks = [Task(0, lossmith.Poisson(), 1e-13)]
    (judged,) = judge(
        bench, tasks, bench.fit(tasks, "Poisson", 1e-10), chosen.plan.score, lambda part, found: linear(part.X, found)
    )
    X = np.column_stack([np.ones(240), data["x"], data["c"], data["g"] == "b", data["g"] == "c"]).astype(float)
    shift = np.log(data["years"]) + data["bump"]
    y, inside, outside = data["y"], fold.train, fold.test
    glm = api.GLM(y[inside], X[inside], family=api.families.Poisson(), offset=shift[inside]).fit(tol=1e-12)
    there = glm.predict(X[outside], offset=shift[outside])
    np.testing.assert_allclose(judged.predictions, there, rtol=1e-7)
    assert judged.score == pytest.approx(chosen.plan.score.rows(y[outside], there).mean(), rel=1e-7)


def test_a_saved_model_asks_for_its_columns(chosen: Any, tmp_path: Path) -> None:
    data = _rates()
    chosen.model.save(tmp_path / "m.lossmith")
    model = lossmith.load(tmp_path / "m.lossmith")
    one = model.predict(data)
    np.testing.assert_allclose(model.predict({**data, "years": 2 * data["years"]}), 2 * one, rtol=1e-12)
    np.testing.assert_allclose(model.predict(data, exposure=2 * data["years"]), 2 * one, rtol=1e-12)
    np.testing.assert_array_equal(chosen.model.predict(data), one)
    for gone, role in (("years", "exposure"), ("bump", "offset")):
        with pytest.raises(DataError, match=f"no column '{gone}': the model was trained with it as {role}"):
            model.predict({k: v for k, v in data.items() if k != gone})
    with pytest.raises(DataError, match=r"exposure column 'years': row 3 is not positive \(1 such rows\)"):
        model.predict({**data, "years": np.where(np.arange(240) == 3, 0.0, data["years"])})
    with pytest.raises(DataError, match="offset column 'bump': row 0 is empty"):
        model.predict({**data, "bump": np.full(240, np.nan)})
    with pytest.raises(ShapeError, match=r"exposure has shape \(2,\)"):
        model.predict(data, exposure=[1.0, 2.0])
    plain = TableModel.fit(Table.of({"x": data["x"]}), target_of(Table.of(data).column("y"), None), model.model)
    with pytest.raises(ParameterError, match="trained without one"):
        plain.predict(data, exposure="years")


def test_the_report_says_what_was_asked(chosen: Any, tmp_path: Path) -> None:
    page = chosen.report(tmp_path / "r.html").read_text()
    assert "every prediction is a rate times years; bump is added to the logarithm" in page
    assert chosen.to_json()["exposure and offset"] == {"exposure": "years", "offset": "bump"}
    text = code(chosen)
    assert "exposure='years', offset='bump'" in text and "exposure=table['years']" in text
    again: dict[str, Any] = {"table": _rates()}
    exec(text.rpartition("model = ")[0], again)
    assert again["choice"].constant == chosen.constant


def test_the_code_names_losses_with_what_was_asked_of_them() -> None:
    """Catches code that asks for a loss by name alone, which is another one where its parameters were given."""
    table = {"x": np.arange(40.0), "y": np.arange(40.0) % 7.3}
    losses = [lossmith.Huber(delta=2.0), "Cauchy", "abs(r)**1.5", lossmith.loss("abs(r)**a", a=1.2)]
    margin = np.float64(0.02)
    text = code(lossmith.choose(table, "y", folds="1x3", trials=1, losses=losses, margin=margin))
    listed = "['Cauchy', 'abs(r)**1.5', lossmith.Huber(delta=2.0), lossmith.loss('abs(r)**a', lift='residual', a=1.2)]"
    again: dict[str, Any] = {"lossmith": lossmith}
    exec("found = " + text.partition("losses=")[2].partition("],\n")[0] + "]", again)
    assert set(map(repr, again["found"])) == set(map(repr, eval(listed, {"lossmith": lossmith})))
    assert "margin=0.02" in text


REFUSED: list[tuple[dict[str, Any], type[LossmithError], str]] = [
    ({"exposure": "years", "losses": "Huber"}, UnsupportedError, "Huber has no log link"),
    ({"exposure": "years", "score": "absolute"}, UnsupportedError, "only a mean grows with the exposure"),
    ({"exposure": "years", "y": "g"}, UnsupportedError, "holds classes, which have none"),
    ({"exposure": "years", "y": "c"}, UnsupportedError, "if they are counts, ask for --score poisson"),
    ({"offset": "bump", "y": "g"}, UnsupportedError, "has 3 classes"),
    ({"offset": "bump", "y": "c", "losses": "Probit"}, UnsupportedError, "Probit has another link than Logistic"),
    ({"exposure": "x"}, DataError, "exposure column 'x': row .* is not positive"),
    ({"exposure": "g"}, DataError, "a exposure|an exposure"),
    ({"exposure": "y"}, DataError, "named for two purposes"),
    ({"exposure": "yaers"}, DataError, "did you mean 'years'"),
    ({"exposure": "years", "contaminate": "outliers"}, UnsupportedError, "contaminate does not know"),
]


@pytest.mark.parametrize(("asked", "kind", "says"), REFUSED)
def test_what_means_nothing_is_refused(asked: dict[str, Any], kind: type[LossmithError], says: str) -> None:
    with pytest.raises(kind, match=says) as caught:
        lossmith.choose(_rates(), **{"y": "y", "folds": "1x3", **asked})
    assert "\n" not in str(caught.value)


def test_offset_of_numbers_and_of_two_classes() -> None:
    """An offset that is the target's known part, and log-odds: the constant is nearly all there is."""
    data = _rates()
    known = {**data, "z": data["bump"] + 0.01 * data["x"], "w": 5.0 * data["x"]}
    found = lossmith.choose({k: known[k] for k in ("x", "z", "bump")}, "z", offset="bump", folds="1x3", losses="Huber")
    assert found.constant < 3e-3 * float(np.var(known["z"]))
    odds = np.random.default_rng(1).random(240) < 1 / (1 + np.exp(-known["w"]))
    table = {"g": data["g"], "w": known["w"], "hit": odds}
    best = lossmith.choose(table, "hit", offset="w", folds="1x3", losses="Brier")
    plain = lossmith.choose(table, "hit", folds="1x3", losses="Brier")
    assert best.constant < 0.6 * plain.constant
    assert best.model.predict_proba(table)[data["x"] > 1, 1].min() > 0.9


def _run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as caught:
        main([str(a) for a in arguments])
        raise SystemExit(0)
    shown = capsys.readouterr()
    return int(caught.value.code or 0), shown.out, shown.err


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, model, path = _rates(), tmp_path / "m", tmp_path / "t.csv"
    pc.write_csv(pa.table(data), path)
    common = ("--target", "y", "--drop", "c,bump")
    assert _run(capsys, "fit", path, *common, "--exposure", "years", "--save", model, "--loss", "poisson")[0] == 0
    code, out, _ = _run(capsys, "predict", model, path)
    assert code == 0
    assert np.corrcoef([float(v) for v in out.split()[1:]], data["y"])[0, 1] > 0.8
    code, _, err = _run(capsys, "fit", path, *common, "--exposure", "years", "--loss", "huber")
    assert code == 2 and err.count("\n") == 1 and "Huber has no log link" in err
    code, out, _ = _run(capsys, "fit", path, *common, "--exposure", "years")
    assert code == 0 and out.startswith("Poisson()")
    code, out, err = _run(capsys, "choose", path, *common, "--exposure", "years", "--folds", "3", "--losses", "Tweedie")
    assert code == 0, err
    assert "Tweedie" in out and "Squared" not in out
    pc.write_csv(pa.table({k: v for k, v in data.items() if k != "years"}), path)
    code, _, err = _run(capsys, "predict", model, path, "--out", tmp_path / "p.csv")
    assert code == 2 and err.count("\n") == 1 and "no column 'years'" in err and not (tmp_path / "p.csv").exists()


def test_a_category_unseen_in_training_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Catches a text that is taken for no category without a word, one known from rows that were not trained on, and
    an output file that is begun before the table is checked."""
    data, model, path, out = _rates(), tmp_path / "m", tmp_path / "t.csv", tmp_path / "p.csv"
    data["y"] = np.where(data["g"] == "c", np.nan, data["y"])  # "c" is in the table, but in no row with a target
    pc.write_csv(pa.table(data), path)
    assert _run(capsys, "fit", path, "--target", "y", "--loss", "poisson", "--save", model)[0] == 0
    first, count = int(np.argmax(data["g"] == "c")), int((data["g"] == "c").sum())
    code, _, err = _run(capsys, "predict", model, path, "--out", out)
    says = f"column 'g': row {first} has 'c', a category unseen in training ({count} such rows)"
    assert code == 2 and says in err and "--unseen ignore" in err and err.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m", "t.csv"]
    assert _run(capsys, "predict", model, path, "--unseen", "ignore", "--out", out)[0] == 0
    loaded = lossmith.load(model)
    with pytest.raises(DataError, match="a category unseen"):
        loaded.predict(data)
    found = loaded.predict(data, unseen="ignore")
    none = loaded.predict({**data, "g": np.where(data["g"] == "c", "nowhere", data["g"])}, unseen="ignore")
    np.testing.assert_array_equal(found, none)
    assert loaded.predict({**data, "g": np.where(data["g"] == "c", None, data["g"])}).shape == (240,)
    with pytest.raises(DataError, match="column 'g': row 1 has '2', a category unseen"):
        loaded.predict({**{k: v[:2] for k, v in data.items()}, "g": [None, 2.0]})
    code, _, err = _run(capsys, "predict", model, path, "--unseen", "maybe")
    assert code == 2 and "unseen 'maybe': give 'error' or 'ignore'" in err


def test_rare_categories_were_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A level that shares a column with other rare ones is known; where a file cannot name all, none is refused."""
    from lossmith.choose import encode

    rng = np.random.default_rng(0)
    g = np.array(["often"] * 300 + [f"rare {i}" for i in range(20)] + ["other"] * 80)
    table = {"g": g, "x": rng.normal(size=400)}
    target = target_of(Table.of({"y": rng.normal(size=400)}).columns[0], None)
    strange = {"g": np.array(["rare 7", "rare 99"]), "x": np.zeros(2)}
    for kept, refused in ((5000, True), (20, False)):
        monkeypatch.setattr(encode, "KEPT_RARE", kept)
        model = TableModel.fit(Table.of(table), target, lossmith.LinearRegressor())
        model.save(tmp_path / f"m{kept}")
        for one in (model, lossmith.load(tmp_path / f"m{kept}")):
            if refused:
                with pytest.raises(DataError, match="row 1 has 'rare 99'"):
                    one.predict(strange)
            else:
                assert one.predict(strange).shape == (2,)
