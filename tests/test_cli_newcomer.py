"""What somebody does who tries the command line for the first time: the printed examples, and the first mistakes."""

from __future__ import annotations

import io
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import lossmith
from lossmith.cli import app, main

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])
COMMANDS = ["choose", "fit", "predict", "list", "show", "prove", "source", "translate", "export"]
ROWS = 300


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command line run in this process."""
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    shown = capsys.readouterr()
    return int(caught.value.code or 0), shown.out, shown.err


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tables that the printed examples speak of, short ones."""
    folder = tmp_path_factory.mktemp("desk")
    (folder / "examples").mkdir()
    for name in ("flights", "visits"):
        table = pq.read_table(ROOT / "examples" / f"{name}.parquet").slice(0, ROWS)
        pq.write_table(table, folder / "examples" / f"{name}.parquet")
        pq.write_table(table, folder / f"{name}.parquet")
    rng = np.random.default_rng(0)
    age = rng.uniform(18, 80, ROWS)
    claims = pa.table({"age": age, "amount": rng.gamma(2.0, np.exp(0.01 * age))})
    pc.write_csv(claims, folder / "claims.csv")
    pc.write_csv(claims.drop_columns(["amount"]), folder / "new.csv")
    return folder


# --- what is printed runs as it is printed --------------------------------------------------------------------------


def examples(*command: str) -> list[str]:
    """The example lines of a command's help."""
    text = CliRunner().invoke(app, [*command, "--help"], terminal_width=80).output
    return [line.strip() for line in text.splitlines() if re.match(r"\s+lossmith \w", line)]


def written() -> list[str]:
    """The commands of the README and the guides, without those that hold a word to be replaced."""
    blocks = (b for p in PAGES for b in re.findall(r"^```sh\n(.*?)^```", p.read_text("utf-8"), re.M | re.S))
    lines = (line.partition("  #")[0].strip() for block in blocks for line in block.splitlines())
    return [line for line in lines if line.startswith("lossmith ") and not re.search(r"(TABLE|COLUMN)\b", line)]


PRINTED = list(dict.fromkeys([*examples(), *(x for name in COMMANDS for x in examples(name)), *written()]))
SLOW = ("prove --all",)


def test_every_command_prints_an_example() -> None:
    whole = CliRunner().invoke(app, ["--help"], terminal_width=80).output.partition("Commands:")[2]
    assert re.findall(r"^  (\w+) ", whole, re.M) == COMMANDS
    assert [name for name in COMMANDS if not any(f"lossmith {name} " in line for line in examples(name))] == []
    assert len(written()) >= 5


def test_no_example_is_broken_by_the_width_of_a_terminal() -> None:
    assert all(shlex.split(line)[-1] not in ("--save", "--out", "--loss", "--target") for line in PRINTED)


def test_every_printed_command_runs_as_printed(
    desk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk)
    for line in PRINTED:
        if line.endswith(SLOW):
            continue
        words = shlex.split(line)[1:]
        again = ["--force"] if {"--out", "--save"} & set(words) else []
        fewer = ["--folds", "3"] if words[0] == "choose" and "--folds" not in words else []
        code, _, err = run(capsys, *words, *again, *fewer)
        assert code == 0, f"{line}: {err}"


# --- first mistakes: one line that says what, where and what to do --------------------------------------------------

MISTAKES = [
    ("fit clams.csv --target amount", "no such file; did you mean claims.csv?"),
    ("fit claims.csv --target Amount", "did you mean 'amount'?"),
    ("fit claims.csv --target amount --drop amount", "--drop amount: is named by --target too"),
    ("choose claims.csv --target amount --weight age --drop age", "is named by --weight too"),
    ("fit claims.csv --target amount --drop age", "give at least one besides"),
    ("fit latin.csv --target y", "as UTF-8"),
    ("show Huber(2)", "write Huber(delta=1.345)"),
    ("show Huber(delta)", "write Huber(delta=1.345)"),
    ("show Squared(2)", "write Squared(); it has no parameters"),
    ("prove Huber --lift margin", "leave it out"),
    ("prove 'Huber(delta=2)' --lift margin", "leave it out"),
    ("prove Huber --fact convx", "did you mean 'convex'?"),
    ("list --lift residul", "did you mean 'residual'?"),
    ("export Huber --to trch", "did you mean 'torch'?"),
    ("export Huber --out huber.csv", "--out writes .py"),
    ("choose claims.csv --target amount --out report.csv", "--out writes .html"),
    ("choose claims.csv --target amount --json report.html", "--json writes .json"),
    ("fit claims.csv --bogus 3", "no such option: --bogus"),
]


@pytest.mark.parametrize(("line", "says"), MISTAKES, ids=[line for line, _ in MISTAKES])
def test_a_first_mistake_is_one_line_and_nothing_is_written(
    desk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: str, says: str
) -> None:
    monkeypatch.chdir(desk)
    (desk / "latin.csv").write_bytes("größe,y\n1,2\n".encode("latin-1"))
    before = {p: p.read_bytes() for p in desk.iterdir() if p.is_file()}
    code, out, err = run(capsys, *shlex.split(line))
    assert (code, out) == (2, "")
    assert err.startswith("lossmith: ") and err.count("\n") == 1
    assert says.lower() in err.lower()
    assert {p: p.read_bytes() for p in desk.iterdir() if p.is_file()} == before


def test_only_a_short_option_may_be_a_formula(capsys: pytest.CaptureFixture[str]) -> None:
    assert "a formula that begins with -" in run(capsys, "show", "-r")[2]
    assert "formula" not in run(capsys, "show", "--r")[2]


def test_a_call_without_arguments_is_the_loss_itself(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "show", "Huber()")
    assert code == 0 and out.startswith("Huber ")


def test_a_misspelt_argument_of_another_library_is_seen(capsys: pytest.CaptureFixture[str]) -> None:
    out = run(capsys, "translate", "sklearn:HuberRegressor(eps=1)", "--to", "torch")[1]
    assert "not part of the loss: eps (did you mean epsilon?)" in out
    assert "did you mean" not in run(capsys, "translate", "sklearn:HuberRegressor(tol=1)", "--to", "torch")[1]


def test_a_terminal_without_greek_letters_gets_question_marks(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = io.BytesIO()
    screen = io.TextIOWrapper(kept, encoding="ascii")
    monkeypatch.setattr(sys, "stdout", screen)
    with pytest.raises(SystemExit) as caught:
        main(["list", "--lift", "residual"])
    screen.flush()
    shown = kept.getvalue()
    assert caught.value.code == 0 and b"Huber(delta=1.345)" in shown and b"?" in shown


def test_a_long_formula_leaves_room_for_the_figures(
    desk: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(desk)
    long = "r**2/2 + 0*(" + " + ".join("r**2" for _ in range(30)) + ")"
    out = run(
        capsys, "choose", "claims.csv", "--target", "amount", "--score", "squared", "--losses", long, "--folds", "3"
    )[1]
    head = next(line for line in out.splitlines() if line.startswith("loss "))
    for column in ("squared error", "to default", "95 % interval", "p (Holm)"):
        assert column in head
    shown = "".join(line[:40] for line in out[out.index(head) :].splitlines()).replace(" ", "")
    assert long.replace(" ", "") in shown


def test_python_reads_a_loss_as_the_command_line_prints_it(tmp_path: Path) -> None:
    """Fault: parameters in parentheses were understood by the command line only."""
    assert lossmith.loss("Huber(delta=2)").params == {"delta": 2.0}
    assert lossmith.loss("huber()").params == lossmith.Huber().params
    assert lossmith.loss("Barron(alpha=1, c=2)", c=3.0).params == {"alpha": 1.0, "c": 3.0}
    assert lossmith.loss("log(1 + exp(-m))").name == "Formula"  # a word, although it names a loss as well
    X = np.arange(12.0).reshape(6, 2) % 5
    model = lossmith.LinearRegressor(loss="Huber(delta=2)").fit(X, X[:, 0])
    assert model.loss_.params == {"delta": 2.0}
    with pytest.raises(lossmith.errors.FileError, match="is a folder; name a file"):
        model.save(tmp_path, force=True)
