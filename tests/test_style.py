"""The house rules, checked: floors, sizes, docstrings, no text run as code. Each check is seen to fail once."""

from __future__ import annotations

import ast
import importlib.util
import statistics
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from lossmith.words import WORDS

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "lossmith"
LONGEST_FUNCTION, MEDIAN_FUNCTION, LONGEST_FILE = 60, 8, 350
HEAVY = ("sympy", "llvmlite", "sklearn", "scipy", "pandas", "polars", "pyarrow", "narwhals", "jinja2", "torch", "flint")

Plant = Callable[..., list[str]]


def load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


floors = load(ROOT / "tools" / "floors.py")


def sources() -> list[Path]:
    found = sorted(SOURCE.rglob("*.py"))
    assert len(found) > 5
    return found


def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


# --- floors ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def planted(tmp_path: Path) -> Plant:
    """A package made of the given files, checked: `planted(total="import sympy")`; `__` stands for a slash."""

    def check(**files: str) -> list[str]:
        package = tmp_path / "lossmith"
        for name, text in {"__init__": "", **files}.items():
            path = package / f"{name if name == '__init__' else name.replace('__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        found: list[str] = floors.check(package)
        return found

    return check


def test_the_package_keeps_to_its_floors() -> None:
    assert floors.check(SOURCE) == []


UPWARD = {
    "plainly": "from lossmith.fit import fit",
    "by module": "import lossmith.fit",
    "from the package": "from lossmith import fit",
    "relatively": "from . import fit",
    "relatively, by name": "from .fit import fit",
    "inside a function": "def f():\n    from lossmith.fit import fit",
    "for types only": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from lossmith.fit import fit",
    "by text": "from importlib import import_module\nimport_module('lossmith.fit')",
    "through the façade": "import lossmith",
}


@pytest.mark.parametrize("statement", UPWARD.values(), ids=UPWARD)
def test_an_import_upwards_is_caught(planted: Plant, statement: str) -> None:
    assert [line for line in planted(loss=statement, fit="") if "stands above it" in line]


def test_an_import_downwards_is_not(planted: Plant) -> None:
    assert (
        planted(fit="from lossmith.loss import Loss\nfrom . import loss", loss="from lossmith import errors", errors="")
        == []
    )


def test_an_upward_import_deep_inside_a_folder_is_caught(planted: Plant) -> None:
    lines = planted(
        rows__memory="from ..models import linear\nfrom .tables import read", rows__tables="", models__linear=""
    )
    assert len(lines) == 1 and "rows.memory imports models.linear" in lines[0]


def test_mathematics_and_machines_do_not_know_each_other(planted: Plant) -> None:
    assert "must not know" in planted(symbolic__derive="from lossmith.backends import load", backends__numpy="")[0]


def test_neighbours_that_import_each_other_are_caught(planted: Plant) -> None:
    assert "import each other" in planted(total="import lossmith.facts", facts="def f():\n    import lossmith.total")[0]


def test_neighbours_may_name_each_other_in_annotations(planted: Plant) -> None:
    types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from lossmith.loss import Loss"
    assert planted(loss="def f():\n    from lossmith.start import best", start=types) == []


@pytest.mark.parametrize(
    ("where", "statement"),
    [
        ("loss", "def f():\n    import sympy"),
        ("choose__plan", "from sympy import Symbol"),
        ("fit__drive", "import llvmlite.binding"),
        ("models__linear", "import pyarrow.parquet"),
        ("catalogue__regression", "from sklearn.base import BaseEstimator"),
        ("backends__numpy", "def f():\n    import torch"),
        ("total", "import scipy.special"),
    ],
)
def test_a_foreign_package_out_of_place_is_caught(planted: Plant, where: str, statement: str) -> None:
    assert [line for line in planted(**{where: statement}) if "belongs in" in line]


def test_a_package_that_no_row_names_is_caught(planted: Plant) -> None:
    assert "no row of the table" in planted(errors="import requests")[0]


def test_a_module_on_no_floor_is_caught(planted: Plant) -> None:
    assert "stands on no floor" in planted(helpers="")[0]


def test_a_file_that_is_not_python_is_named(planted: Plant) -> None:
    assert "errors.py:1: " in planted(errors="def f(")[0]


def test_a_heavy_import_behind_the_facade_is_caught_and_a_late_one_is_not(planted: Plant) -> None:
    heavy = "import sympy"
    eager = planted(__init__="from lossmith.symbolic import derive", symbolic__derive=heavy)
    assert [line for line in eager if "loaded at import time of __init__" in line]
    assert planted(__init__="def f():\n    from lossmith.symbolic import derive", symbolic__derive=heavy) == []


def test_the_check_says_so_and_fails(planted: Plant, tmp_path: Path) -> None:
    planted(errors="import lossmith.cli", cli="")
    run = subprocess.run(
        [sys.executable, ROOT / "tools" / "floors.py", tmp_path / "lossmith"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 1
    assert "errors imports cli, which stands above it" in run.stdout


def test_importing_lossmith_and_listing_its_names_loads_nothing_heavy() -> None:
    code = f"import sys, lossmith; dir(lossmith); print([m for m in {HEAVY!r} if m in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


# --- sizes ----------------------------------------------------------------------------------------------------------


def functions(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def lines_of_code(node: ast.FunctionDef | ast.AsyncFunctionDef, text: list[str]) -> int:
    """Lines of a function without docstring, comments, blank lines and the functions inside it, which count alone."""
    others = [line for child in ast.walk(node) if child is not node for line in span_of(child, ast.FunctionDef)]
    skipped = {*others, *docstring_lines(node)}
    shown = (text[number - 1].strip() for number in span_of(node, ast.AST) if number not in skipped)
    return sum(1 for line in shown if line and not line.startswith("#"))


def span_of(node: ast.AST, kind: type[ast.AST]) -> range:
    first, last = getattr(node, "lineno", 0), getattr(node, "end_lineno", 0)
    return range(first, last + 1) if isinstance(node, kind) else range(0)


def docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> range:
    return span_of(node.body[0], ast.Expr) if ast.get_docstring(node) is not None else range(0)


def lengths(path: Path) -> dict[str, int]:
    text = path.read_text(encoding="utf-8").splitlines()
    return {f"{path.name}:{node.lineno} {node.name}": lines_of_code(node, text) for node in functions(tree(path))}


def test_functions_are_short() -> None:
    every = {name: size for path in sources() for name, size in lengths(path).items()}
    assert {name: size for name, size in every.items() if size > LONGEST_FUNCTION} == {}
    assert statistics.median(every.values()) <= MEDIAN_FUNCTION


def test_files_are_short() -> None:
    sizes = {str(path.relative_to(SOURCE)): len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert {name: size for name, size in sizes.items() if size > LONGEST_FILE} == {}


def test_the_ruler_measures_code_only(tmp_path: Path) -> None:
    path = tmp_path / "ruled.py"
    path.write_text(
        'def f(x):\n    """One.\n\n    Two.\n    """\n\n    # why\n    y = x\n    return y\n', encoding="utf-8"
    )
    assert lengths(path) == {"ruled.py:1 f": 3}


# --- nothing runs text as code --------------------------------------------------------------------------------------

RUNS_TEXT = {"eval", "parse_expr", "sympify", "execfile"}
READS_OBJECTS = {"pickle", "cloudpickle", "dill", "marshal", "shelve"}
GENERATES = "backends"
"""Only backends execute source, and only what they printed themselves from a `Program`."""


def dangers(module: ast.Module, *, generates: bool = False) -> list[str]:
    """Calls that run text as code and imports that unpickle; a strict `sympify` refuses text and is harmless."""
    found = []
    for node in ast.walk(module):
        match node:
            case ast.Call(func=ast.Name(id="sympify") | ast.Attribute(attr="sympify")) if strict(node):
                continue
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)) if name in RUNS_TEXT:
                found.append(f"{node.lineno}: {name}(…)")
            case ast.Call(func=ast.Name(id="exec" | "compile" as name)) if not generates:
                found.append(f"{node.lineno}: {name}(…)")
            case ast.Import(names=names):
                found += [f"{node.lineno}: import {a.name}" for a in names if a.name.split(".")[0] in READS_OBJECTS]
            case ast.ImportFrom(module=str(source)) if source.split(".")[0] in READS_OBJECTS:
                found.append(f"{node.lineno}: from {source}")
    return found


def strict(call: ast.Call) -> bool:
    return any(k.arg == "strict" and isinstance(k.value, ast.Constant) and k.value.value is True for k in call.keywords)


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_no_text_is_run_and_nothing_is_unpickled(path: Path) -> None:
    assert dangers(tree(path), generates=path.relative_to(SOURCE).parts[0] == GENERATES) == []


@pytest.mark.parametrize(
    "text",
    [
        "eval('1')",
        "exec('x = 1')",
        "compile('1', '', 'eval')",
        "import sympy\nsympy.sympify('x')",
        "from sympy import sympify\nsympify(t)",
        "from sympy.parsing.sympy_parser import parse_expr\nparse_expr(t)",
        "import pickle",
        "from pickle import loads",
        "def f():\n    import cloudpickle",
    ],
)
def test_running_text_is_caught(text: str) -> None:
    assert dangers(ast.parse(text))


@pytest.mark.parametrize("text", ["import re\nre.compile('x')", "sympify(x, strict=True)", "frame.evaluate(x)"])
def test_harmless_calls_are_not(text: str) -> None:
    assert dangers(ast.parse(text)) == []


# --- docstrings -----------------------------------------------------------------------------------------------------

Function = ast.FunctionDef | ast.AsyncFunctionDef
WORKSHOP = ("symbolic", "backends")
"""No user calls in here: a class says what it does, its methods need not; and a word is defined in words.py."""


def undocumented(module: ast.Module, documented: Collection[str] = (), *, workshop: bool = False) -> list[str]:
    """Public modules, classes, functions and methods without a docstring, of their own or inherited (`documented`)."""
    lacking = [child for child, inherits in public(module, workshop) if not inherits or child.name not in documented]
    named = [f"{child.lineno}: {child.name}" for child in lacking if ast.get_docstring(child) is None]
    return ["the module"] * (ast.get_docstring(module) is None) + named


def public(module: ast.Module, workshop: bool) -> Iterator[tuple[ast.ClassDef | Function, bool]]:
    """The public definitions that must say what they do, each with whether it may inherit the words."""
    for child in module.body:
        if not isinstance(child, ast.ClassDef | Function) or child.name.startswith("_"):
            continue
        if not (workshop and (child.name in WORDS or is_word(child))):
            yield child, False
        if isinstance(child, ast.ClassDef) and not workshop:
            methods = (node for node in child.body if isinstance(node, Function) and not node.name.startswith("_"))
            yield from ((method, True) for method in methods if not is_said_elsewhere(method))


def is_word(node: ast.ClassDef | Function) -> bool:
    """A class of `symbolic/algebra.py` that declares `word = "…"`."""
    return any(isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "word" for n in node.body)


def promises() -> frozenset[str]:
    """The names of methods that some class of the package documents; whoever implements one need not repeat it."""
    every = (node for path in sources() for node in ast.walk(tree(path)) if isinstance(node, ast.ClassDef))
    methods = (m for node in every for m in node.body if isinstance(m, Function))
    return frozenset(m.name for m in methods if ast.get_docstring(m) is not None or is_said_elsewhere(m))


def is_said_elsewhere(node: Function) -> bool:
    """An overload, a setter, or a bare signature (`...`) of a protocol."""
    bare = isinstance(node.body[0], ast.Expr) and ast.unparse(node.body[0]) == "..."
    return bare or any(ast.unparse(d).endswith(("overload", ".setter")) for d in node.decorator_list)


PROMISES = promises()


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(SOURCE)))
def test_public_names_have_docstrings(path: Path) -> None:
    workshop = path.relative_to(SOURCE).parts[0] in WORKSHOP
    assert undocumented(tree(path), PROMISES, workshop=workshop) == []


def test_a_missing_docstring_is_caught() -> None:
    text = '"""M."""\nclass A:\n    """A."""\n    def f(self): pass\n    def _g(self): pass\ndef h(): pass\n'
    assert undocumented(ast.parse(text)) == ["4: f", "6: h"]
    assert undocumented(ast.parse(text), {"f", "h"}) == ["6: h"]
    assert undocumented(ast.parse(text), workshop=True) == ["6: h"]
    assert undocumented(ast.parse("x = 1")) == ["the module"]
