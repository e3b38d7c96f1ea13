"""Write the layout and the floors into docs/architecture.md: each module in the first line of its own docstring.

    python tools/layout.py            (run it when a module comes, goes, or says something else)

A test compares the page with the modules, so that the picture stays true.
"""

from __future__ import annotations

import ast
from pathlib import Path

from floors import FLOORS, STRANGERS

ROOT = Path(__file__).parents[1]
PACKAGE, PAGE = ROOT / "src" / "lossmith", ROOT / "docs" / "architecture.md"


def layout(package: Path = PACKAGE) -> str:
    """The modules as nested lists, from the ground floor up."""
    units = [name for floor in reversed(FLOORS) for name in floor]
    paths = (path for name in units for path in (package / f"{name}.py", package / name))
    return "".join(branch(path, 0) for path in paths if shown(path))


def shown(path: Path) -> bool:
    """A module, or a folder that holds one."""
    return path.is_file() if path.suffix == ".py" else bool(list(path.glob("*.py")))


def branch(path: Path, depth: int) -> str:
    """One line for a module; for a folder its line and those of what is in it."""
    if path.is_file():
        return f"{'  ' * depth}- `{path.name}`: {says(path)}\n"
    inside = sorted(p for p in path.iterdir() if p.name != "__init__.py" and shown(p))
    head = f"{'  ' * depth}- **`{path.name}/`**: {says(path / '__init__.py')}\n"
    return head + "".join(branch(inner, depth + 1) for inner in inside)


def says(path: Path) -> str:
    """The first line of a module's docstring."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "(no docstring)"
    return text.splitlines()[0]


def floors() -> str:
    """The floors as a drawing, the ground floor at the bottom."""
    lines = [beside(floor).center(56).rstrip() for floor in reversed(FLOORS)]
    return "\n".join(("```text", *lines, "```\n"))


def beside(floor: tuple[str, ...]) -> str:
    """The units of one floor; two bars between strangers."""
    return ("   ‖   " if frozenset(floor) in STRANGERS else " · ").join(floor)


def filled(text: str, **bodies: str) -> str:
    """The page with what stands between `<!-- name` and `<!-- end of name` replaced."""
    for name, body in bodies.items():
        begin, end = f"<!-- {name}: written by tools/layout.py -->\n", f"<!-- end of {name} -->"
        before, rest = text.split(begin)
        text = f"{before}{begin}\n{body}\n{end}{rest.split(end)[1]}"
    return text


def main() -> None:
    """Rewrite the page."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(filled(text, layout=layout(), floors=floors()), encoding="utf-8")


if __name__ == "__main__":
    main()
