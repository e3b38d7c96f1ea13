"""Every error that lossmith raises on purpose: what is wrong, where, and what to do about it.

LossmithError
├── FormulaError      the text of a formula is not in the language   (shows a caret)
├── ParameterError    a parameter of a loss, penalty or solver is outside its domain
├── DomainError       a target lies outside what the loss accepts     (names the row)
├── ShapeError        shapes that do not match                        (names both)
├── DataError         a table, column or weight that cannot be used   (names row or column)
├── FileError         a file that cannot be read or must not be overwritten
├── UnsupportedError  a true refusal: quotes the missing fact, names what would work
└── MissingExtra      an optional package is not installed            (names the extra)
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(word: str, known: Iterable[str]) -> str | None:
    """The word among those known that was meant, in whatever case; None where none is near."""
    plain = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), plain, 1, 0.6)
    return plain[near[0]] if near else None


def hint(word: str, known: Iterable[str]) -> str:
    """What to say of a word that is not among those known: the one that was meant, or all there are."""
    names = list(known)
    near = nearest(word, names)
    return f"did you mean {near!r}?" if near else f"there are {', '.join(names)}"


def shown(value: object) -> str:
    """How a value reads in a message: as `repr` has it, but values of NumPy as those of Python that they stand for."""
    return repr(value.tolist() if type(value).__module__ == "numpy" else value)  # type: ignore[attr-defined]


class LossmithError(Exception):
    """The base of every error that lossmith raises on purpose; its text is one line."""


class FormulaError(LossmithError, ValueError):
    """A formula that is not in the language; `str` shows the text with a caret under the mistake."""

    def __init__(self, message: str, text: str = "", column: int | None = None) -> None:
        self.message, self.text, self.column = message, text, column
        super().__init__(message, text, column)

    def __str__(self) -> str:
        if self.column is None or not self.text:
            return self.message
        start = max(0, self.column - 60)
        window = self.text[start : start + 120].replace("\n", " ")
        return f"{self.message}\n  {window}\n  {' ' * (self.column - start)}^"


class ParameterError(LossmithError, ValueError):
    """A parameter outside its declared domain."""


class DomainError(LossmithError, ValueError):
    """A target outside the domain that the loss declares."""


class ShapeError(LossmithError, ValueError):
    """Arrays whose shapes do not match; nothing is ever broadcast silently."""


class DataError(LossmithError, ValueError):
    """A table, column, weight or value that cannot be used as data."""


class FileError(LossmithError, OSError):
    """A file that cannot be read, or that must not be overwritten."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class UnsupportedError(LossmithError, TypeError):
    """Something that cannot be done here; says which fact is missing and what would work."""


class MissingExtra(LossmithError, ImportError):
    """An optional package that is not installed; says which extra brings it."""

    def __init__(self, package: str, extra: str, says: str = "") -> None:
        super().__init__(says or f"{package} is not installed; pip install 'lossmith[{extra}]' brings it")
