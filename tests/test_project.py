"""What surrounds the package is true: the texts run, the picture of the layout matches, make refuses clearly."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest
from typer.testing import CliRunner

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("examples/*.md")])
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```", re.MULTILINE | re.DOTALL)


def blocks(path: Path, language: str) -> list[str]:
    """The fenced blocks of one language that are not indented into a list."""
    return [
        body
        for indent, name, body in FENCE.findall(path.read_text(encoding="utf-8"))
        if (indent, name) == ("", language)
    ]


# --- the texts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [p for p in PAGES if blocks(p, "python")], ids=lambda path: path.name)
def test_the_python_of_every_page_runs_and_prints_what_it_says(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for number, block in enumerate(blocks(path, "python"), 1):
        exec(compile(block, f"{path.name}, block {number}", "exec"), names)
        promised = [line.removeprefix("#> ") for line in block.splitlines() if line.startswith("#> ")]
        assert promised == (capsys.readouterr().out.splitlines() if promised else [])


def commands(path: Path) -> Iterator[list[str]]:
    """The `lossmith …` lines of a page's shell blocks, as words without square brackets."""
    lines = (line for block in blocks(path, "sh") for line in block.splitlines() if line.startswith("lossmith "))
    return (shlex.split(line.replace("[", "").replace("]", ""))[1:] for line in lines)


WRITTEN = [(path.name, words) for path in PAGES for words in commands(path)]


@pytest.mark.parametrize(("page", "words"), WRITTEN, ids=[f"{p}: {' '.join(w[:2])}" for p, w in WRITTEN])
def test_the_commands_of_every_page_exist(page: str, words: list[str]) -> None:
    from lossmith.cli import app

    command, *options = [word for word in words if word == words[0] or word.startswith("--")]
    shown = CliRunner().invoke(app, [command, "--help"])
    assert shown.exit_code == 0
    assert [option for option in options if option not in shown.stdout] == []


def test_the_readme_begins_with_what_it_does_and_two_commands() -> None:
    first_screen = "\n".join((ROOT / "README.md").read_text(encoding="utf-8").splitlines()[:45])
    for expected in ("```python", "lossmith choose", "make demo", "make test"):
        assert expected in first_screen


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_within_the_repository_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    local = [t for t in re.findall(r"\]\(([^)#]+)[^)]*\)", text) if not t.startswith(("http", "losses/"))]
    assert [target for target in local if not (path.parent / target).exists()] == []


def test_the_page_of_formulas_names_every_lift() -> None:
    from lossmith.lifts import COUPLED, JOINT, LIFTS

    text = (ROOT / "docs" / "formulas.md").read_text(encoding="utf-8")
    missing = [name for name in (*LIFTS, *JOINT, *COUPLED, "several") if not re.search(rf"^\| `{name}[(`]", text, re.M)]
    assert missing == []


# --- the layout -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def layout() -> Iterator[ModuleType]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "tools"))
        yield import_module("layout")


def test_the_layout_in_the_architecture_is_that_of_the_package(layout: ModuleType) -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    made = layout.filled(text, layout=layout.layout(), floors=layout.floors())
    assert made == text, "the layout is out of date: run python tools/layout.py"


def test_the_layout_names_every_module_by_its_own_words(layout: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "fit" / "solvers").mkdir(parents=True)
    for name in ("total", "fit/__init__", "fit/drive", "fit/solvers/__init__", "fit/solvers/newton"):
        (tmp_path / f"{name}.py").write_text(f'"""Says {name}.\n\nMore.\n"""\n', encoding="utf-8")
    (tmp_path / "fit" / "style.css").write_text("no module")
    assert layout.layout(tmp_path).splitlines() == [
        "- **`fit/`**: Says fit/__init__.",
        "  - `drive.py`: Says fit/drive.",
        "  - **`solvers/`**: Says fit/solvers/__init__.",
        "    - `newton.py`: Says fit/solvers/newton.",
        "- `total.py`: Says total.",
    ]


def test_the_layout_of_this_package_leaves_nothing_out(layout: ModuleType) -> None:
    text = layout.layout()
    files = list((ROOT / "src" / "lossmith").rglob("*.py"))
    wanted = [f"`{path.name}`" if path.name != "__init__.py" else f"`{path.parent.name}/`" for path in files]
    assert [name for name in wanted if name not in text and name != "`lossmith/`"] == []


# --- packaging ------------------------------------------------------------------------------------------------------


def missing_extras(text: str) -> Iterator[str]:
    """The extras that the code names in `MissingExtra(package, extra)`."""
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Call(func=ast.Name(id="MissingExtra"), args=[_, ast.Constant(value=str(extra))]):
                yield extra


def test_every_extra_that_an_error_recommends_exists() -> None:
    named = {e for p in (ROOT / "src").rglob("*.py") for e in missing_extras(p.read_text(encoding="utf-8"))}
    assert named <= set(PROJECT["optional-dependencies"])
    assert list(missing_extras("raise MissingExtra('torch', 'trch')")) == ["trch"]


def test_the_package_is_typed_and_licensed() -> None:
    assert (ROOT / "src" / "lossmith" / "py.typed").exists()
    assert PROJECT["license"] == "Apache-2.0"
    assert "Version 2.0, January 2004" in (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


# --- make -----------------------------------------------------------------------------------------------------------

MAKE = shutil.which("make")
needs_make = pytest.mark.skipif(MAKE is None, reason="GNU make is what these tests run")


def make(*arguments: str) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    return subprocess.run([str(MAKE), *arguments], cwd=ROOT, env=clean, capture_output=True, text=True, check=False)


def python(folder: Path, body: str) -> Path:
    """A stand-in for a Python interpreter, written in shell."""
    path = folder / "python-stand-in"
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@needs_make
def test_an_old_python_is_refused_clearly(tmp_path: Path) -> None:
    old = python(tmp_path, "exit 1")
    run = make(f"VENV={tmp_path}/venv", f"PYTHON={old}", f"{tmp_path}/venv/bin/python")
    assert run.returncode != 0
    assert "needs Python 3.11 or newer" in run.stderr
    assert not (tmp_path / "venv").exists()


@needs_make
def test_a_python_without_venv_is_refused_clearly(tmp_path: Path) -> None:
    bare = python(tmp_path, f'case "$2" in *ensurepip*) exit 1;; esac; exec {sys.executable} "$@"')
    run = make(f"VENV={tmp_path}/venv", f"PYTHON={bare}", f"{tmp_path}/venv/bin/python")
    assert run.returncode != 0
    assert "cannot make virtual environments" in run.stderr


@needs_make
def test_what_is_installed_is_not_installed_again(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    for stamp in ("bin/python", ".core", ".test"):
        (venv / stamp).touch()
    assert "pip" not in make("-n", f"VENV={venv}", "demo", "test").stdout
    os.utime(venv / ".core", (0, 0))
    assert "pip" in make("-n", f"VENV={venv}", "demo").stdout


@needs_make
def test_every_target_is_explained() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = next(line for line in text.splitlines() if line.startswith(".PHONY:")).split()[1:]
    shown = make("help").stdout
    assert [target for target in phony if f"make {target} " not in shown] == []


def test_ci_runs_make_check() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "make check" in script.read_text(encoding="utf-8")
