"""Putting a file together from parts of this package: what is needed, in order, and nothing of lossmith."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from importlib.resources import files

from lossmith import errors

BASES = {"UnsupportedError": "TypeError"}
"""The errors of lossmith become plain ones with the same names."""


def assembled(header: str, imports: Sequence[str], parts: Sequence[str], modules: Sequence[str], tail: str) -> str:
    """The text of a file: header, imports, the parts, what they need of the modules, and the tail."""
    needed = wanted([*parts, tail], [name for module in modules for name in definitions(module)], modules)
    table = {name: text for module in modules for name, text in definitions(module).items()}
    chosen = [text for name, text in table.items() if name in needed]
    body = spaced(part.strip("\n") for part in (*parts, *chosen, tail) if part.strip())
    used = frozenset[str]().union(*(_names(part) for part in (*parts, *chosen, tail)))
    faults = [fault(name) for name in sorted(used) if _is_error(name)]
    known = sorted({*imports, "import math", *(line for m in modules for line in foreign(m))})
    head = [line for line in known if _binds(line) & used]
    return "\n".join((header, "", "from __future__ import annotations", "", *ordered(head), "", "")) + "\n\n".join(
        ["", *faults, body.strip("\n") + "\n"] if faults else [body.strip("\n") + "\n"]
    )


def spaced(parts: Iterable[str]) -> str:
    """Two blank lines around functions and classes, none between constants."""
    text = ""
    for part in parts:
        short = "\n" not in part and not part.startswith(("def", "class"))
        joint = "\n" if short and text.rsplit("\n", 1)[-1][:1].isupper() else "\n\n\n"
        text += (joint if text else "") + part
    return text


def ordered(lines: Iterable[str]) -> list[str]:
    """Imports of the standard library first, then the others."""
    table = list(dict.fromkeys(lines))
    own = [t for t in table if t.split()[1].split(".")[0] in ("abc", "collections", "itertools", "math", "typing")]
    rest = [t for t in table if t not in own]
    return [*sorted(own, key=_order), *([""] if own and rest else []), *sorted(rest, key=_order)]


def _order(line: str) -> tuple[bool, str]:
    return line.startswith("from"), line


@cache
def _binds(line: str) -> frozenset[str]:
    """The names that an import binds."""
    node = ast.parse(line).body[0]
    assert isinstance(node, ast.Import | ast.ImportFrom)
    return frozenset((a.asname or a.name).split(".")[0] for a in node.names)


@lru_cache(maxsize=4096)
def _names(text: str) -> frozenset[str]:
    """The names that a text reads, also in annotations that are kept as text."""
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.add(node.id)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            found.add(node.value)
    return frozenset(found)


def wanted(texts: Sequence[str], known: Sequence[str], modules: Sequence[str]) -> set[str]:
    """Which definitions of the modules the texts need, directly or through others."""
    table = {name: text for module in modules for name, text in definitions(module).items()}
    needed: set[str] = set()
    waiting = [name for text in texts for name in _names(text)]
    while waiting:
        name = waiting.pop()
        if name in table and name not in needed:
            needed.add(name)
            waiting += _names(table[name])
    return needed


@cache
def definitions(module: str) -> dict[str, str]:
    """The text of each class, function and constant of a module, by name, comments and all."""
    text = _text(module)
    lines = text.splitlines()
    found = {}
    for node in ast.parse(text).body:
        for name in _defined(node):
            first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
            found[name] = "\n".join(lines[first - 1 : node.end_lineno])
    return found


def _text(module: str) -> str:
    """The text of a module of this folder, or of another that is named: "lifts.probabilities"."""
    folder, _, name = f"adapters.{module}".rpartition(".")
    return files(f"lossmith.{folder.removeprefix('adapters.')}").joinpath(f"{name}.py").read_text(encoding="utf-8")


def _defined(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    return [t.id for t in targets if isinstance(t, ast.Name)]


@cache
def foreign(module: str) -> tuple[str, ...]:
    """The imports of a module that are not of lossmith, one name a line."""
    found = []
    for node in ast.parse(_text(module)).body:
        if isinstance(node, ast.Import):
            found += [f"import {a.name}" + (f" as {a.asname}" if a.asname else "") for a in node.names]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] not in ("lossmith", "__future__"):
            found += [f"from {node.module} import {a.name}" for a in node.names]
    return tuple(found)


def _is_error(name: str) -> bool:
    return name != "LossmithError" and name.endswith("Error") and hasattr(errors, name)


def fault(name: str) -> str:
    """An error class that stands alone."""
    says = (getattr(errors, name).__doc__ or "").splitlines()[0]
    return f'class {name}({BASES.get(name, "ValueError")}):\n    """{says}"""\n'
