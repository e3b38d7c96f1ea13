"""Files that appear whole or not at all, and never over another unless that is asked for."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from lossmith.errors import FileError


def demand_free(path: str | os.PathLike[str], force: bool, how: str = "--force") -> Path:
    """The path, or a FileError if something is there (and no `force`), or the folder is missing."""
    path = Path(path)
    if path.is_dir():
        raise FileError(f"{path}: is a folder; name a file")
    if path.exists() and not force:
        raise FileError(f"{path}: exists already; give another name, or {how} to replace it")
    if not path.parent.is_dir():
        raise FileError(f"{path}: there is no folder {path.parent}; create it first")
    _demand_writable(path)
    return path


def _demand_writable(path: Path) -> None:
    """Only writing tells whether a folder can be written to: permissions are not all there is."""
    probe = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        probe.touch(exist_ok=False)
        probe.unlink()
    except OSError as error:
        why = error.strerror or error
        raise FileError(f"{path}: cannot be written ({why}); choose another folder, or a shorter name") from None


def write_text(path: str | os.PathLike[str], text: str, force: bool = False, how: str = "--force") -> Path:
    """Write a text file, whole or not at all; `how` says in an error what would replace one that is there."""
    return write_with(path, lambda temporary: _write(temporary, text), force, how)


def write_with(
    path: str | os.PathLike[str], writer: Callable[[Path], None], force: bool = False, how: str = "--force"
) -> Path:
    """Let `writer` fill a temporary file beside `path`, then move it there in one step."""
    path = demand_free(path, force, how)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}{path.suffix}")
    try:
        writer(temporary)
        os.replace(temporary, path)
    except OSError as error:
        raise FileError(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    return path


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
