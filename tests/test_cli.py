"""The command line: quick help, the whole way from a table to predictions, and one line for every mistake."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from lossmith.catalogue import loss
from lossmith.cli import main
from lossmith.cli.common import progress_bar
from lossmith.cli.showing import plot

HEAVY = ("sklearn", "llvmlite", "sympy", "pandas", "torch", "scipy", "pyarrow", "jinja2")
QUICK = ["--folds", "3", "--losses", "Huber"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    n = 120
    a = rng.normal(size=n)
    columns = {"a": a, "kind": rng.choice(["u", "v"], n), "y": 2 * a + rng.normal(size=n), "w": np.ones(n)}
    columns["c"] = np.where(a + rng.normal(size=n) > 0, "yes", "no")
    columns["n"] = rng.poisson(np.exp(a / 2))
    path = tmp_path / "t.csv"
    pc.write_csv(pa.table(columns), path)
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command line run in this process."""
    with pytest.raises(SystemExit) as caught:
        main([str(a) for a in arguments])
        raise SystemExit(0)
    shown = capsys.readouterr()
    return int(caught.value.code or 0), shown.out, shown.err


def test_help_imports_nothing_heavy_and_is_quick() -> None:
    code = (
        "import sys, lossmith.cli\n"
        "try: lossmith.cli.main(['--help'])\n"
        "except SystemExit: pass\n"
        f"sys.stderr.write(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    )
    took = []
    for _ in range(3):
        began = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        took.append(time.perf_counter() - began)
    assert done.stderr == ""
    assert "choose" in done.stdout and "Examples" in done.stdout
    assert min(took) < 0.6  # 0.15 s alone; the bound leaves room for a loaded machine


def test_from_a_table_to_predictions(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run(
        capsys,
        "choose",
        table,
        "--target",
        "y",
        "--drop",
        "c,n",
        "--weight",
        "w",
        *QUICK,
        "--out",
        "r.html",
        "--save",
        "m.lossmith",
        "--json",
        "r.json",
    )
    assert (code, err) == (0, "")
    assert out.splitlines()[0].startswith(("prefer", "equivalent", "undecided"))
    assert "Squared" in out and "Huber" in out and "95 % interval" in out
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    assert json.loads((tmp_path / "r.json").read_text())["verdict"]["answer"]
    code, out, _ = run(capsys, "predict", "m.lossmith", table)
    assert code == 0
    lines = out.splitlines()
    assert lines[0] == "prediction" and len(lines) == 121
    for name in ("p.csv", "p.parquet", "p.feather"):
        assert run(capsys, "predict", "m.lossmith", table, "--out", name)[0] == 0
    back = pq.read_table("p.parquet").column("prediction").to_numpy()
    np.testing.assert_allclose(back, [float(v) for v in lines[1:]])
    a = pc.read_csv(table).column("a").to_numpy()
    assert np.corrcoef(a, back)[0, 1] > 0.95


def test_fit_and_predict_classes(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tmp_path / "m"
    code, out, _ = run(capsys, "fit", table, "--target", "c", "--drop", "y,n,w", "--loss", "Probit", "--save", model)
    assert code == 0 and "Probit" in out and "solver" in out
    code, out, _ = run(capsys, "predict", model, table)
    assert out.splitlines()[0] == "prediction,p(no),p(yes)"
    first = out.splitlines()[1].split(",")
    assert float(first[1]) + float(first[2]) == pytest.approx(1.0)


@pytest.mark.parametrize("loss", ["Quantile", "Expectile"])
def test_fit_and_predict_several_quantiles(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], loss: str
) -> None:
    """Seen to fail with the levels of the default, and with predictions that are left to cross."""
    given = ("--target", "y", "--drop", "c,n,w", "--quantiles", "0.1,0.49,0.5,0.51,0.9", "--save", tmp_path / "m")
    code, out, err = run(capsys, "fit", table, *given, *(("--loss", loss) if loss != "Quantile" else ()))
    assert (code, err) == (0, "") and out.startswith(loss) and "q0.9" in out
    lines = run(capsys, "predict", tmp_path / "m", table)[1].splitlines()
    assert lines[0] == "q0.1,q0.49,q0.5,q0.51,q0.9"
    found = np.array([[float(v) for v in line.split(",")] for line in lines[1:]])
    assert (np.diff(found, axis=1) >= 0.0).all()
    code, out, err = run(capsys, "predict", tmp_path / "m", table, "--out", tmp_path / "q.csv")
    assert (code, err) == (0, "") and out.startswith(f"{len(found)} predictions")
    assert (tmp_path / "q.csv").read_text().splitlines()[1:] == lines[1:]
    share = (pc.read_csv(table).column("y").to_numpy()[:, None] <= found).mean(axis=0)
    if loss == "Quantile":
        np.testing.assert_allclose(share, [0.1, 0.49, 0.5, 0.51, 0.9], atol=0.05)
    for more, says in (
        (("--quantiles", "low"), "numbers between commas"),
        (("--quantiles", "0.5", "--loss", "Huber"), "no parameter tau"),
        (("--quantiles", "0.5", "--learner", "boosted"), "linear learner"),
    ):
        code, _, err = run(capsys, "fit", table, "--target", "y", *more)
        assert code == 2 and says in err


@pytest.mark.parametrize("loss", ["abs(r)**1.5", "Huber(delta=2)", "huber"])
def test_fit_takes_names_parameters_and_formulas(table: Path, capsys: pytest.CaptureFixture[str], loss: str) -> None:
    code, out, err = run(capsys, "fit", table, "--target", "y", "--loss", loss)
    assert (code, err) == (0, "")
    assert "optimal" in out


def test_fit_has_a_default_loss_for_every_target(table: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for target, name in (("y", "Squared"), ("c", "Logistic"), ("n", "Squared")):
        assert run(capsys, "fit", table, "--target", target)[1].startswith(name)


def test_show_list_source_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "show", "Huber")
    assert code == 0
    assert "where(abs(r) <= delta" in out and "delta = 1.345" in out and "convex" in out and "⠉" in out
    assert "HuberLoss(delta=1.345)" in out and "'objective': 'huber'" in out, "the hosts"
    assert "Huber(delta=1.345)" in run(capsys, "list")[1]
    only = run(capsys, "list", "--lift", "margin")[1]
    assert "Logistic" in only and "Huber(delta=1.345)" not in only
    assert "def kernel" in run(capsys, "source", "Huber", "--backend", "numpy")[1]
    from lossmith import __version__

    assert run(capsys, "--version")[1] == f"lossmith {__version__}\n"
    assert plot(np.array([0.0, 0.25, np.nan, 0.5]), rows=2).splitlines()[1].lstrip().startswith("0 ")


def test_losses_of_several_outputs_are_listed_shown_and_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Catches a command that knows only the losses of one output, or a lift without a heading or a picture."""
    from lossmith.catalogue import coupled, every, joint
    from lossmith.cli import showing

    listed = run(capsys, "list")[1]
    assert all(f"\n{name}" in listed for name in every())
    assert set(run(capsys, "list", "--lift", "pairwise")[1].split()) >= {"RankNet", "RankBoost"}
    code, out, _ = run(capsys, "show", "GaussianNLL")
    assert code == 0 and "loss against log_sigma" in out and "of mu, log_sigma" in out
    assert "def kernel(y, mu, log_sigma)" in run(capsys, "source", "GaussianNLL")[1]
    assert {kind.lift.name.partition("(")[0] for kind in every().values()} <= set(showing.HEADS)
    for kind in (*joint().values(), *coupled().values()):
        for title, picture in showing._curves(kind()):
            assert "loss against" in title and "nan" not in picture and len(set(picture)) > 5


def test_losses_as_a_person_writes_them() -> None:
    assert loss("Huber(delta=2)").params == {"delta": 2.0}
    assert loss("max(r, 0)").formula == "max(r, 0)"
    assert loss("abs(r)").name == "Formula"


def test_a_bar_appears_where_a_person_is_waiting(
    table: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lossmith.cli.common.PATIENCE", 0.0)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress_bar() as report:
        report(3, 8, "comparing")
    assert "comparing" in capsys.readouterr().err
    monkeypatch.setattr("lossmith.cli.common.PATIENCE", 60.0)
    with progress_bar() as report:
        report(3, 8, "comparing")
    assert capsys.readouterr().err == ""


# Mistakes

BAD = [
    (["choose"], "Missing argument 'TABLE'; `lossmith choose -h`"),
    (["choose", "T"], "Missing option '--target'"),
    (["choose", "T", "--target", "y", "--margin", "abc"], "Invalid value for '--margin'"),
    (["choose", "T", "--targt", "y"], "No such option"),
    (["chose"], "No such command 'chose'"),
    (["choose", "T", "--target", "y", "--losses", "GaussianNLL"], "which DistributionRegressor fits"),
    (["choose", "T", "--target", "c", "--losses", "CrammerSinger"], "which LinearClassifier fits"),
    (["fit", "T", "--target", "n", "--loss", "CumulativeLogit"], "which OrdinalClassifier fits"),
    (["choose", "none.csv", "--target", "y"], "none.csv: no such file"),
    (["choose", "T", "--target", "z"], "no column 'z'; there are: a, kind, y, w, c, n"),
    (["choose", "T", "--target", "y", "--score", "mape"], "MAPE"),
    (["choose", "T", "--target", "y", "--score", "poisson"], "score poisson needs y >= 0; row"),
    (["choose", "T", "--target", "y", "--losses", "Hubr"], "did you mean Huber"),
    (["choose", "T", "--target", "y", "--losses", "Logistic"], "no loss for numbers"),
    (["choose", "T", "--target", "y", "--weight", "a"], "is negative"),
    (["choose", "T", "--target", "y", "--drop", "q"], "no column 'q'"),
    (["choose", "T", "--target", "y", "--folds", "many"], "folds 'many'"),
    (["choose", "T", "--target", "y", "--margin", "3"], "margin 3"),
    (["choose", "T", "--target", "kind", "--score", "squared"], "not a number"),
    (["choose", "T", "--target", "y", "--score", ""], "no score ''"),
    (["choose", "T", "--target", "y", "--losses", ",,"], "name nothing"),
    (["choose", "T", "--target", "y", "--folds", "99999999x5"], "too many"),
    (["choose", "T", "--target", "y", "--seed", "-1"], "seed -1"),
    (["choose", "T", "--target", "y", "--group", "y"], "named for two purposes"),
    (["choose", "T", "--target", "y", "--contaminate", "flips"], "contaminate 'flips'"),
    (["choose", "T", "--target", "y", "--time-budget", "nan"], "time budget nan"),
    (["choose", "T", "--target", "y", "--out", "T", "--force"], "is a file that is read"),
    (["choose", "T", "--target", "y", "--out", "new", "--json", "new"], "named for another output"),
    (["choose", "T", "--target", "y", "--out", "/proc/r.html"], "cannot be written"),
    (["fit", "T", "--target", "y", "--save", "T", "--force"], "is a file that is read"),
    (["predict", "m", "T", "--out", "T", "--force"], "is a file that is read"),
    (["fit", "T", "--target", "y", "--loss", "Poisson"], "Squared or Huber accept any y"),
    (["fit", "T", "--target", "y", "--loss", "abs(q)"], "q"),
    (["fit", "T", "--target", "y", "--loss", "Huber(delta=-1)"], "delta must be a number > 0"),
    (["fit", "T", "--target", "y", "--loss", "Huber(delta=x)"], "'x' is not a number"),
    (["fit", "T", "--target", "c", "--loss", "Logistic", "--scale", "mad"], "no residuals"),
    (["fit", "T", "--target", "y", "--penalty", "l7"], "l7"),
    (["fit", "T", "--target", "y", "--alpha", "-1"], "alpha"),
    (["predict", "T", "T"], "not a lossmith model"),
    (["predict", "none", "T"], "none cannot be read"),
    (["show", "Hubr"], "did you mean Huber"),
    (["list", "--lift", "up"], "no lift 'up'"),
    (["source", "Huber", "--backend", "fortran"], "unknown backend"),
]


@pytest.mark.parametrize(("arguments", "says"), BAD, ids=lambda v: " ".join(v)[:50] if isinstance(v, list) else "")
def test_a_mistake_is_one_line_and_exit_code_2(
    table: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    code, out, err = run(capsys, *[str(table) if a == "T" else a for a in arguments])
    assert code == 2
    assert says in err
    assert err.startswith("lossmith: ") and "Traceback" not in err and out == ""
    lines = err.rstrip("\n").splitlines()
    assert len(lines) == 1 or lines[-1].strip() == "^"  # a formula is shown with a caret


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("a,y\n", "the table has no rows; give a table"),
        ("a,y\n1,2\n", "one row only; a fit needs at least 2"),
        ("a,y\n" + "1,5\n" * 30, "constant"),
        ("a,y\n1,2\n3\n", "; correct line 3"),
        ("a,a,y\n1,2,3\n", "both named 'a'"),
        ("a,,y\n1,2,3\n", "empty name"),
        ("a,y\n" + "".join(f"{i},{i}\n" for i in range(30)) + "inf,3\n", "'a': row 30 is infinite"),
        ("a,y\n" + "".join(f"{i},{i}\n" for i in range(30)) + "7,inf\n", "row 30 is infinite"),
        (
            "a,y\n" + "".join(f"{i},{i}\n" for i in range(60)) + "7,seven\n",
            "row 60 has 'seven'",
        ),
        ("a,y\n" + "".join(f"{i},{i}e200\n" for i in range(60)), "change the unit"),
        ("y\n" + "".join(f"{i}\n" for i in range(60)), "no usable feature"),
    ],
)
def test_bad_tables_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, says: str) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(content)
    code, out, err = run(capsys, "choose", path, "--target", "y", "--out", tmp_path / "r.html")
    assert (code, out) == (2, "")
    assert says in err and err.count("\n") == 1
    assert not (tmp_path / "r.html").exists()


def test_existing_files_are_kept_before_any_work(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for option in ("--out", "--save", "--json"):
        kept = tmp_path / f"kept{option}"
        kept.write_text("mine")
        code, _, err = run(capsys, "choose", table, "--target", "y", option, kept)
        assert code == 2 and "--force" in err
        assert kept.read_text() == "mine"
    code, _, err = run(capsys, "predict", tmp_path / "none", table, "--out", tmp_path / "p.xyz")
    assert code == 2 and "predictions are written as .csv" in err


def test_force_replaces(table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "m"
    path.write_text("old")
    assert run(capsys, "fit", table, "--target", "y", "--save", path, "--force")[0] == 0
    assert path.read_bytes()[:3] != b"old"


def test_prediction_wants_the_columns_of_training(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "fit", table, "--target", "y", "--drop", "c,n,w", "--save", tmp_path / "m")[0] == 0
    other = tmp_path / "other.csv"
    other.write_text("a,kind\n1,never seen\n,\n")
    code, _, err = run(capsys, "predict", tmp_path / "m", other)
    assert code == 2 and "column 'kind': row 0 has 'never seen', a category unseen in training (1 such rows)" in err
    code, out, _ = run(capsys, "predict", tmp_path / "m", other, "--unseen", "ignore")
    assert code == 0 and len(out.splitlines()) == 3
    other.write_text("b\n1\n")
    code, _, err = run(capsys, "predict", tmp_path / "m", other)
    assert code == 2 and "no column 'a'" in err
    other.write_text("a,kind\nx,u\n")
    code, _, err = run(capsys, "predict", tmp_path / "m", other)
    assert code == 2 and "'a' holds string" in err


def test_ctrl_c_says_what_was_finished(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    from lossmith.choose import work

    monkeypatch.setattr(work, "run_folds", interrupt)
    code, out, err = run(capsys, "choose", table, "--target", "y", "--out", tmp_path / "r.html")
    assert (code, out) == (130, "")
    assert err.startswith("lossmith: interrupted: 0 of 100 folds were finished; nothing was written")
    assert not (tmp_path / "r.html").exists()


@pytest.mark.parametrize("unit", ["e-300", "e80", "e300"])
def test_weights_and_targets_of_extreme_size_raise_no_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], unit: str
) -> None:
    rng = np.random.default_rng(0)
    y = "e80" if unit == "e80" else ""
    lines = [f"{a:.4f},1{unit},{a + b:.4f}{y}\n" for a, b in rng.normal(size=(60, 2))]
    path = tmp_path / "t.csv"
    path.write_text("a,w,y\n" + "".join(lines))
    code, out, err = run(capsys, "choose", path, "--target", "y", "--weight", "w", *QUICK)
    assert (code, err) == (0, "") and "Squared" in out
