"""Encoding is scikit-learn's, learned in each fold from its training rows alone, and saved as plain values."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lossmith
from lossmith.choose import steps as encoding_steps
from lossmith.choose import train
from lossmith.choose.encode import TableEncoder
from lossmith.choose.plan import Options, make_plan
from lossmith.rows.tables import Table

RNG = np.random.default_rng


def _columns(n: int = 300, seed: int = 0) -> dict[str, Any]:
    """Every kind of column: gaps, a huge and a tiny unit, a constant, rare and missing levels, times with gaps."""
    rng = RNG(seed)
    gappy = np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n))
    level = rng.choice(["u", "v", "w"], n).astype(object)
    level[:3], level[3:20] = ["once", "twice", "twice"], None
    when = np.datetime64("2024-02-01") + rng.integers(0, 9000, n).astype("m8[h]")
    when[5] = np.datetime64("NaT")
    columns = {"gappy": gappy, "huge": 1e300 * rng.normal(size=n), "tiny": 1e-300 * rng.normal(size=n)}
    return {**columns, "flat": np.full(n, 3.0), "level": level, "when": when.astype("M8[us]")}


def _through_json(encoder: TableEncoder) -> TableEncoder:
    return TableEncoder.from_json(json.loads(json.dumps(encoder.to_json())))


def test_the_steps_are_those_of_scikit_learn() -> None:
    """Catches an encoder that goes back to doing by hand what the library does."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import MissingIndicator, SimpleImputer
    from sklearn.preprocessing import OneHotEncoder, StandardScaler
    from sklearn.utils.validation import check_is_fitted

    steps = TableEncoder.learn(Table.of(_columns())).steps
    assert isinstance(steps, ColumnTransformer)
    check_is_fitted(steps)
    parts = {name.split()[0]: step for name, step, _ in encoding_steps.parts(steps)}
    assert isinstance(parts["gaps"], MissingIndicator) and isinstance(parts["category"], OneHotEncoder)
    kinds = [type(step) for _, step in parts["numbers"].steps]
    assert kinds[1:] == [SimpleImputer, StandardScaler]


def test_what_is_learned_is_what_numpy_says() -> None:
    columns = _columns()
    encoder = TableEncoder.learn(Table.of(columns))
    X = dict(zip(encoder.names, encoder.matrix(Table.of(columns)).T, strict=True))
    gone = np.isnan(columns["gappy"])
    filled = np.where(gone, np.median(columns["gappy"][~gone]), columns["gappy"])
    np.testing.assert_allclose(X["gappy"], (filled - filled.mean()) / filled.std(), atol=1e-12)
    np.testing.assert_array_equal(X["gappy is missing"], gone)
    for name, unit in (("huge", 1e300), ("tiny", 1e-300)):
        scaled = columns[name] / unit
        np.testing.assert_allclose(X[name], (scaled - scaled.mean()) / scaled.std(), atol=1e-12)
    assert "flat" not in X
    np.testing.assert_array_equal(X["level=u"], columns["level"] == "u")
    np.testing.assert_array_equal(X["level=(missing)"], columns["level"] == None)  # noqa: E711
    np.testing.assert_array_equal(X["level=(rare)"], np.isin(columns["level"].astype(str), ["once", "twice"]))


@pytest.mark.parametrize("n", [12, 300])
def test_a_saved_encoder_encodes_the_same(n: int) -> None:
    """Catches a median, a unit, a deviation, a clock, a level or a rare level that is not written, or not read."""
    encoder = TableEncoder.learn(Table.of(_columns(n)))
    again = _through_json(encoder)
    other = _columns(80, seed=1)
    other["level"][:2], other["gappy"][4] = ["never seen", "once"], np.nan
    assert again == encoder and again.names == encoder.names
    np.testing.assert_array_equal(again.matrix(Table.of(other)), encoder.matrix(Table.of(other)))
    assert again.matrix(Table.of(other)).flags.c_contiguous
    assert _through_json(again).to_json() == encoder.to_json()


@pytest.mark.parametrize("fault", ["unit", "median", "mean", "deviation"])
def test_a_number_that_is_lost_is_seen(fault: str) -> None:
    columns = _columns()
    encoder = TableEncoder.learn(Table.of(columns))
    body = encoder.to_json()
    body["numbers"][fault] = [2.0 * v + 0.5 for v in body["numbers"][fault]]
    assert not np.allclose(TableEncoder.from_json(body).matrix(Table.of(columns)), encoder.matrix(Table.of(columns)))


def test_levels_that_are_all_rare_survive_as_well() -> None:
    n = 400
    table = Table.of({"id": [f"t{i // 2}" for i in range(n)], "x": np.arange(n, dtype=float), "k": ["a", "b"] * 200})
    encoder = TableEncoder.learn(table)
    assert encoder.names == ("x", "id=(rare)", "k=a", "k=b")
    again = _through_json(encoder)
    probe = Table.of({"id": ["t3", "none"], "x": [1.0, 2.0], "k": ["b", "c"]})
    np.testing.assert_array_equal(again.matrix(probe)[:, 1:], [[1, 0, 1], [0, 0, 0]])


def test_a_model_predicts_the_same_in_a_fresh_process(tmp_path: Path) -> None:
    """The file holds all that is needed: a process that has learned nothing reads it and predicts to the last digit."""
    columns = _columns()
    y = np.nan_to_num(columns["gappy"]) + (columns["level"] == "u") + RNG(2).normal(size=300)
    choice = lossmith.choose(columns, y, losses=["Huber"], folds="3", trials=3)
    choice.model.save(tmp_path / "m")
    np.savez(tmp_path / "new.npz", **{k: v for k, v in _columns(50, 3).items() if k != "level"})
    code = (
        "import sys, numpy as np, lossmith\n"
        f"new = dict(np.load(r'{tmp_path / 'new.npz'}'))\n"
        "new['level'] = ['u', 'once', None, 'never seen', 'w'] * 10\n"
        f"print(lossmith.load(r'{tmp_path / 'm'}').predict(new, unseen='ignore').tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    new = {**_columns(50, 3), "level": ["u", "once", None, "never seen", "w"] * 10}
    assert json.loads(done.stdout) == choice.model.predict(new, unseen="ignore").tolist()
    raw = (tmp_path / "m").read_bytes()
    assert b"pickle" not in raw and b"sklearn" not in raw


# What must not leak


def _demand_no_leak() -> None:
    """Whatever the features of a fold's test rows are, its training matrix and robust scale stay as they were."""
    columns = _columns(120)
    del columns["huge"], columns["when"]
    y = RNG(1).normal(size=120)
    options = Options(score="squared", losses=["Huber"], folds="4", trials=3)
    spoiled = dict(columns)
    fold = make_plan(Table.of(columns), Table.of({"y": y}).columns[0], options).folds[0]
    for name, bad in (("gappy", 1e6), ("tiny", 1.0), ("level", "only in the test rows")):
        spoiled[name] = columns[name].copy()
        spoiled[name][fold.test] = bad
    jobs = [make_plan(Table.of(X), Table.of({"y": y}).columns[0], options).job for X in (columns, spoiled)]
    before, after = (train.stages_of(job, [fold])[0] for job in jobs)
    np.testing.assert_array_equal(before.test.rows.X, after.test.rows.X)
    assert before.test.centre.scale == after.test.centre.scale
    assert before.test.X.shape == after.test.X.shape and not np.array_equal(before.test.X, after.test.X)


def test_an_encoding_learned_from_test_rows_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The leak is planted: an encoder that is fitted on all rows of the table, whatever rows a fold hands it."""
    _demand_no_leak()
    real = train.stages_of

    def leaky(job: Any, folds: Any, tuned: bool = True) -> Any:
        encoder = TableEncoder.learn(job.table)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(TableEncoder, "applied", lambda rows: (encoder, encoder.matrix(rows)))
            return real(job, folds, tuned)

    monkeypatch.setattr(train, "stages_of", leaky)
    with pytest.raises(AssertionError):
        _demand_no_leak()


def test_folds_learn_from_their_training_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every fit of the steps, in a whole comparison, sees as many rows as a training part has, never all of them but
    for the last fit to all rows and the one that measures the width."""
    seen: list[int] = []
    real = encoding_steps.Steps.of

    def counted(X: Any, kinds: Any) -> Any:
        seen.append(len(X))
        return real(X, kinds)

    monkeypatch.setattr(encoding_steps.Steps, "of", counted)
    columns = _columns(120)
    lossmith.choose(columns, RNG(1).normal(size=120), losses=["Huber"], folds="4", trials=3, score="squared")
    assert sorted(seen) == [90] * 4 + [120] * 3


# Sparse matrices


def _sparse(n: int, p: int = 30) -> tuple[Any, Any]:
    from scipy import sparse

    X = sparse.random_array((n, p), density=0.2, rng=RNG(0), format="csr")
    return X, X @ RNG(1).normal(size=p) * 3 + 0.3 * RNG(2).normal(size=n)


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "matrix"])
def test_a_sparse_matrix_is_compared_like_the_same_table(kind: str) -> None:
    """Scores agree with those of the columns laid out, whatever the format; the model takes sparse rows again."""
    from scipy import sparse

    X, y = _sparse(200)
    given = sparse.csr_matrix(X) if kind == "matrix" else X.asformat(kind)
    choice = lossmith.choose(given, y, losses=["Huber"], score="squared", folds="3", trials=3)
    dense = lossmith.choose(X.toarray(), y, losses=["Huber"], score="squared", folds="3", trials=3)
    for ours, theirs in zip(choice.lines, dense.lines, strict=True):
        assert ours.mean == pytest.approx(theirs.mean, rel=1e-4)
    np.testing.assert_allclose(choice.model.predict(given), dense.model.predict(X.toarray()), atol=0.02)
    assert choice.columns == 30 and choice.constant > 3 * choice.lines[0].mean


def test_large_sparse_matrices_stay_sparse(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Above the size that is laid out, no matrix of a fold is dense; the saved model predicts the same."""
    from lossmith.choose import sparse as module

    X, y = _sparse(150)
    laid = lossmith.choose(X, y, losses=["Huber"], score="squared", folds="3", trials=3)
    monkeypatch.setattr(module, "SMALL", 0)
    kept = lossmith.choose(X, y, losses=["Huber"], score="squared", folds="3", trials=3)
    stage = train.stages_of(kept.plan.job, kept.plan.folds[:1])[0]
    assert stage.test.rows.sparse and not isinstance(stage.test.X, np.ndarray)
    for one, other in zip(laid.lines, kept.lines, strict=True):
        assert one.mean == pytest.approx(other.mean, rel=1e-3)
    kept.model.save(tmp_path / "m")
    np.testing.assert_array_equal(lossmith.load(tmp_path / "m").predict(X), kept.model.predict(X))


def test_bad_sparse_input_is_explained() -> None:
    from lossmith.errors import LossmithError

    X, y = _sparse(60)
    bad = X.copy()
    bad.data[7] = np.nan
    model = lossmith.choose(X, y, losses=["Huber"], score="squared", folds="3", trials=3).model
    cases = [
        (lambda: lossmith.choose(bad, y), "NaN in row"),
        (lambda: lossmith.choose(X * 0, y), "no column varies"),
        (lambda: lossmith.choose(X, "y"), "no column 'y'"),
        (lambda: lossmith.choose(X, y[:-1]), "60 rows but y has 59"),
        (lambda: lossmith.choose(X, y, contaminate="leverage"), "sparse"),
        (lambda: model.predict(X[:, :5]), "5 columns"),
        (lambda: model.predict(X.toarray()), "sparse matrix"),
    ]
    for call, says in cases:
        with pytest.raises(LossmithError, match=says):
            call()
