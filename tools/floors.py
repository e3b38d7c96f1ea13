"""Check the import floors: every module of the package imports only from its own floor and from those below.

    python tools/floors.py [PACKAGE_FOLDER]        (default src/lossmith)

Three rules, read off the syntax trees; an import counts wherever it stands, also inside a function:

1. A module imports from its own floor or from lower ones, never from higher ones; strangers never import each other,
   and two neighbours on one floor never import each other both ways.
2. A foreign package is imported only in the places that the table PACKAGES grants it.
3. What runs at import time from a door (`import lossmith`, the command line) loads only what the door admits.

Prints one line per violation and exits with 1 if there is any.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = "lossmith"

FLOORS: tuple[tuple[str, ...], ...] = (
    ("errors", "domain", "cache"),
    ("words", "formula", "program", "facts", "total", "selection"),
    ("symbolic", "backends"),
    ("lifts", "latex"),
    (
        "loss",
        "derived",
        "start",
        "startscalar",
        "startjoint",
        "slotfacts",
        "knowledge",
        "knowledgejoint",
        "curvature",
        "tuning",
        "proofs",
        "certificates",
    ),
    ("catalogue", "rows", "functionals"),
    ("accuracy",),
    ("fit",),
    ("models",),
    ("adapters", "choose"),
    ("torch", "jax", "keras", "lightgbm", "xgboost", "catboost", "skglm", "statsmodels", "scipy", "optuna"),
    ("cli",),
    ("__init__", "__main__"),
)
"""From the ground up; a unit is a module or a folder right under the package."""

STRANGERS = (frozenset({"symbolic", "backends"}),)
"""Neighbours that must not know each other: they meet only in `Program`."""

PACKAGES: dict[str, tuple[str, ...]] = {
    "numpy": ("",),
    "scipy": ("backends", "lifts", "start", "rows", "fit", "models", "choose", "adapters.export_sklearn"),
    "sympy": ("symbolic",),
    "flint": ("symbolic",),
    "mpmath": ("words", "program", "symbolic"),
    "llvmlite": ("backends",),
    "narwhals": ("rows", "models", "choose"),
    "pyarrow": ("rows", "choose", "cli"),
    "pandas": ("choose",),
    "sklearn": ("models", "adapters", "choose"),
    "safetensors": ("models",),
    "threadpoolctl": ("fit", "choose", "adapters.hist"),
    "joblib": ("choose",),
    "jinja2": ("choose",),
    "markupsafe": ("choose",),
    "rich": ("choose", "cli"),
    "typer": ("cli",),
    "click": ("cli",),
    "torch": ("backends.torch", "adapters"),
    "jax": ("backends.jax", "adapters"),
    "triton": ("backends.triton",),
    "pyspark": ("rows.spark", "adapters"),
    "lightgbm": ("adapters",),
    "xgboost": ("adapters",),
    "catboost": ("adapters",),
    "keras": ("adapters",),
    "optax": ("adapters",),
    "skglm": ("adapters",),
    "statsmodels": ("adapters",),
    "numba": ("adapters",),
    "optuna": ("adapters",),
}
"""Which foreign package may be imported where; places are modules or folders, "" is everywhere."""

DOORS: dict[str, frozenset[str]] = {
    "__init__": frozenset({"numpy"}),
    "cli": frozenset({"numpy", "typer", "click", "rich"}),
}
"""What the façade and the command line may load at import time, themselves or through others."""


@dataclass(frozen=True)
class Import:
    """One import statement: in which module, what it names, where, and when it runs (IMPORT, CALL or TYPES)."""

    module: str
    target: str
    place: str
    when: str


IMPORT, CALL, TYPES = "at import time", "when a function is called", "for type checkers only"


def read(folder: Path) -> dict[str, list[Import]]:
    """The imports of every module under `folder`, by the module's dotted name within the package."""
    files = sorted(folder.rglob("*.py"))
    names = {dotted(path, folder): path for path in files}
    return {name: list(imports(name, path, set(names))) for name, path in names.items()}


def dotted(path: Path, folder: Path) -> str:
    """`fit/drive.py` → `fit.drive`; a folder's `__init__.py` → the folder; the façade → `__init__`."""
    parts = path.relative_to(folder).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def imports(module: str, path: Path, modules: set[str]) -> Iterator[Import]:
    """Every import in one file."""
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    later = dict(late(tree))
    is_folder = path.name == "__init__.py"
    for node in ast.walk(tree):
        for target in targets(node, module, is_folder, modules):
            yield Import(module, target, f"{path}:{node.lineno}", later.get(node, IMPORT))  # type: ignore[attr-defined]


def late(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """The nodes that do not run at import time, each with when it does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield from ((inner, CALL) for inner in ast.walk(node))
        elif isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from ((inner, TYPES) for inner in ast.walk(node))


def targets(node: ast.AST, module: str, is_folder: bool, modules: set[str]) -> Iterator[str]:
    """The full dotted names that one node imports; `import_module("…")` counts."""
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module=source, names=names, level=level):
            base = ".".join(filter(None, (*above(module, is_folder, level), source)))
            inner = base.removeprefix(ROOT).removeprefix(".")
            yield from (f"{base}.{a.name}" if base == ROOT or f"{inner}.{a.name}" in modules else base for a in names)
        case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called), args=[ast.Constant(value=str(name)), *_]):
            if called in ("import_module", "__import__"):
                yield name


def above(module: str, is_folder: bool, level: int) -> tuple[str, ...]:
    """What the dots of a relative import stand for."""
    if not level:
        return ()
    parts = (ROOT, *(() if module == "__init__" else module.split(".")))
    drop = level - 1 if is_folder else level
    return parts[: len(parts) - drop]


def unit(name: str) -> str:
    """The floor's word for a module: `fit.drive` → `fit`."""
    return name.split(".")[0]


def inside(target: str, modules: set[str]) -> str | None:
    """The module of this package that an import reaches, or None for a foreign package."""
    if target.split(".")[0] != ROOT:
        return None
    rest = target.removeprefix(ROOT).removeprefix(".")
    reachable = modules.union(*FLOORS)
    while rest and rest not in reachable:
        rest = rest.rpartition(".")[0]
    return rest or "__init__"


def check(folder: Path) -> list[str]:
    """All violations under `folder`, one line each."""
    try:
        graph = read(folder)
    except SyntaxError as error:
        return [f"{error.filename}:{error.lineno}: {error.msg}"]
    modules = set(graph)
    height = {name: level for level, floor in enumerate(FLOORS) for name in floor}
    homeless = [f"{folder}: {name} stands on no floor" for name in sorted({unit(m) for m in graph} - set(height))]
    if homeless:
        return homeless
    every = [one for found in graph.values() for one in found]
    return [
        *climbs(every, modules, height),
        *both_ways(every, modules, height),
        *foreign(every),
        *through(graph, modules),
    ]


def climbs(every: list[Import], modules: set[str], height: dict[str, int]) -> Iterator[str]:
    """Rule 1: upwards, and between strangers."""
    for one in every:
        reached = inside(one.target, modules)
        if reached is None or one.target == f"{ROOT}.__version__":
            continue
        here, there = unit(one.module), unit(reached)
        if height[there] > height[here]:
            yield f"{one.place}: {one.module} imports {reached}, which stands above it"
        elif frozenset({here, there}) in STRANGERS:
            yield f"{one.place}: {one.module} imports {reached}; {here} and {there} must not know each other"


def both_ways(every: list[Import], modules: set[str], height: dict[str, int]) -> Iterator[str]:
    """Rule 1: two units of one floor that need each other to run; a name in an annotation is no need."""
    needs = [one for one in every if one.when != TYPES]
    edges = {(unit(one.module), unit(inside(one.target, modules) or one.module)): one.place for one in needs}
    for (here, there), place in edges.items():
        if here < there and height[here] == height[there] and (there, here) in edges:
            yield f"{place}: {here} and {there} import each other; move what both need to a lower floor"


def foreign(every: list[Import]) -> Iterator[str]:
    """Rule 2: a foreign package outside its places."""
    for one in every:
        package = one.target.split(".")[0]
        if package == ROOT or package in sys.stdlib_module_names:
            continue
        if package not in PACKAGES:
            yield f"{one.place}: {package} is in no row of the table PACKAGES"
        elif not any(within(one.module, place) for place in PACKAGES[package]):
            yield f"{one.place}: {package} belongs in {', '.join(PACKAGES[package])}, not in {one.module}"


def within(module: str, place: str) -> bool:
    return not place or module == place or module.startswith(f"{place}.")


def through(graph: dict[str, list[Import]], modules: set[str]) -> Iterator[str]:
    """Rule 3: what a door loads at import time."""
    for door, admitted in DOORS.items():
        for one in loaded(door, graph, modules):
            package = one.target.split(".")[0]
            if package != ROOT and package not in sys.stdlib_module_names and package not in admitted:
                yield f"{one.place}: {package} is loaded at import time of {door}; import it inside the function"


def loaded(door: str, graph: dict[str, list[Import]], modules: set[str]) -> Iterator[Import]:
    """The imports that run when `door` is imported, its own and those of what it loads (parents included)."""
    seen: set[str] = set()
    waiting = [door, "__init__"]
    while waiting:
        module = waiting.pop()
        if module in seen or module not in graph:
            continue
        seen.add(module)
        waiting.append(module.rpartition(".")[0])
        for one in filter(lambda one: one.when == IMPORT, graph[module]):
            yield one
            waiting.append(inside(one.target, modules) or "")


def main(folder: str = "src/lossmith") -> int:
    """Print the violations and return the exit status."""
    found = check(Path(folder))
    print("\n".join(found) or f"{folder}: all imports keep to their floors")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
