"""Key → artefact: files in the user's cache directory that any number of processes share.

Every file ends with a line that carries the SHA-256 of what precedes it, is written under a temporary name and put in
place by `os.replace`; a file that is missing, cut short or altered is made anew. Nothing here may fail a caller: where
the directory cannot be used, artefacts are simply made each time.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

COMMENTS = {"ll": ";", "py": "#", "json": "//", "o": ";"}
"""How the checksum line of each kind of file begins; the kind is also the file's suffix and its folder."""


def directory() -> Path:
    """Where artefacts live: $LOSSMITH_CACHE_DIR, else `lossmith` in the platform's place for caches."""
    chosen = os.environ.get("LOSSMITH_CACHE_DIR")
    return Path(chosen).expanduser() if chosen else _caches() / "lossmith"


def key(*parts: object) -> str:
    """A name for content: equal parts, equal key; any other parts, another key."""
    body = "\0".join(map(str, parts))
    return hashlib.sha256(body.encode()).hexdigest()[:32]


def text(kind: str, key: str, make: Callable[[], str]) -> str:
    """The text kept under this kind and key, made (and kept) if there is none."""
    return data(kind, key, lambda: make().encode()).decode()


def data(kind: str, key: str, make: Callable[[], bytes]) -> bytes:
    """The bytes kept under this kind and key, made (and kept) if there are none."""
    path = place(kind, key)
    kept = _read(path, _mark(kind))
    if kept is None:
        kept = make()
        _write(path, _sealed(kept, _mark(kind)))
    return kept


def place(kind: str, key: str) -> Path:
    """The file of an artefact, whether it exists or not."""
    return directory() / kind / f"{key}.{kind}"


def _caches() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    given = os.environ.get("XDG_CACHE_HOME", "")  # a relative path is to be ignored, says the standard
    return Path(given) if os.path.isabs(given) else Path.home() / ".cache"


def _mark(kind: str) -> bytes:
    return COMMENTS.get(kind, "#").encode()


def _sealed(body: bytes, mark: bytes) -> bytes:
    return body + b"\n" + mark + b" sha256 " + hashlib.sha256(body).hexdigest().encode() + b"\n"


def _read(path: Path, mark: bytes) -> bytes | None:
    """What was sealed into the file, or None where that cannot be had whole."""
    try:
        whole = path.read_bytes()
    except (OSError, RuntimeError):
        return None
    body = whole[: len(whole) - len(_sealed(b"", mark))]
    return body if whole == _sealed(body, mark) else None


def _write(path: Path, whole: bytes) -> None:
    """Put a file in place at once or not at all."""
    with contextlib.suppress(OSError, RuntimeError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(whole)
            os.replace(name, path)
        except OSError:
            os.unlink(name)
