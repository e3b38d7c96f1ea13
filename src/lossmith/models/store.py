"""Fitted models in one file: JSON and arrays, a checksum, and never any code.

The file is an ordinary safetensors file, so any safetensors reader sees its arrays. Its metadata has one entry,
`lossmith`: the SHA-256 of the whole file (taken while its own 64 places hold zeros), a space, and JSON with `format`
(of this layout), `lossmith` (the version that wrote it), `kind` (of model) and `state`. Loading runs nothing that the
file says: the kind is looked up in the table `KINDS`, and a formula goes through the parser.

A new kind of model is a class with `kind`, `to_state` and `from_state` (see `Storable`) and a row in `KINDS`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterator
from importlib import import_module, metadata
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from lossmith.errors import FileError
from lossmith.models import plain

FORMAT = 1
"""The layout that this version writes; it reads every layout up to this one."""

State = tuple[dict[str, Any], dict[str, NDArray[Any]]]
"""An object taken apart: values that `plain` can write, and arrays by name."""

KINDS: dict[str, str] = {
    "linear-regressor": "lossmith.models.linear:LinearRegressor",
    "linear-classifier": "lossmith.models.linear:LinearClassifier",
    "distribution-regressor": "lossmith.models.together:DistributionRegressor",
    "ordinal-classifier": "lossmith.models.together:OrdinalClassifier",
    "quantile-regressor": "lossmith.models.quantiles:QuantileRegressor",
    "survival-regressor": "lossmith.models.survival:SurvivalRegressor",
    "pairwise-ranker": "lossmith.models.ranking:PairwiseRanker",
    "boosted-regressor": "lossmith.models.boosted:BoostedRegressor",
    "boosted-classifier": "lossmith.models.boosted_classifier:BoostedClassifier",
    "table-model": "lossmith.choose.tablemodel:TableModel",
}
"""Every kind of model that a file may hold, and the home `module:Class` of its class, imported when first met."""

_MARK = b'"lossmith":"'
_BLANK = "0" * 64


class Storable(ABC):
    """What can be saved: it says its kind, takes itself apart, and can be put together again."""

    kind: ClassVar[str]

    @abstractmethod
    def to_state(self) -> State:
        """A dict of plain values (see `plain`) and a dict of arrays; together all that `from_state` needs."""

    @classmethod
    @abstractmethod
    def from_state(cls, state: State) -> Self:
        """The object that `to_state` took apart; it computes exactly the same."""

    def save(self, path: str | os.PathLike[str], force: bool = False) -> None:
        """Write the fitted model to one file at `path`; an existing file is replaced only with `force`.

        The file appears whole or not at all. Raises FileError where it exists or cannot be written.
        """
        save(self, path, force)


def register(kind: str, home: str) -> None:
    """Let files hold a new kind of model whose class lives at `home`, written `module:Class`."""
    if KINDS.setdefault(kind, home) != home:
        raise FileError(f"the kind {kind!r} is taken by {KINDS[kind]}; choose another name")


def save(model: Storable, path: str | os.PathLike[str], force: bool = False) -> None:
    """Write a fitted model to one file, whole or not at all; an existing file is replaced only with `force`."""
    _write(Path(path), _encode(*_body(model)), force)


def load(path: str | os.PathLike[str]) -> Any:
    """The model that `save` wrote to `path`.

    Raises FileError where the file is missing, damaged, not a model, or from a newer lossmith.
    """
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror or error}") from error
    return _restore(*_decode(raw, str(path)), str(path))


def embed(name: str, model: Storable) -> State:
    """The state of a part, to be merged into the state of the whole under `name`; `extract` is the inverse."""
    body, arrays = _body(model)
    return {name: body}, {f"{name}/{key}": array for key, array in arrays.items()}


def extract(name: str, state: State) -> Any:
    """The part that `embed` put under `name`."""
    body, arrays = state
    mine = {key.removeprefix(f"{name}/"): a for key, a in arrays.items() if key.startswith(f"{name}/")}
    return _restore(body[name], mine, f"the part {name!r}")


def _body(model: Storable) -> State:
    """Kind and state; arrays that safetensors cannot hold (text, objects) move to the JSON."""
    values, arrays = model.to_state()
    numbers = {name: a for name, a in arrays.items() if a.dtype.kind in "biuf" and a.dtype.itemsize <= 8}
    rest = {name: a for name, a in arrays.items() if name not in numbers}
    return {"kind": model.kind, "state": values, "arrays": rest}, numbers


def _restore(body: dict[str, Any], arrays: dict[str, NDArray[Any]], where: str) -> Any:
    kind = body.get("kind")
    if kind not in KINDS:
        raise FileError(f"{where} holds a model of kind {kind!r}; this lossmith knows {', '.join(KINDS)}")
    module, name = KINDS[kind].split(":")
    with _blame(f"{where} holds a {kind} that cannot be put together"):
        return getattr(import_module(module), name).from_state((body["state"], {**arrays, **body["arrays"]}))


@contextlib.contextmanager
def _blame(what: str) -> Iterator[None]:
    """Turn whatever a malformed content causes into one line that names the file."""
    try:
        yield
    except FileError:
        raise
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise FileError(f"{what} ({reason}); save the model again") from error


def _encode(body: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> bytes:
    """The bytes of the file; the same model gives the same bytes."""
    from safetensors.numpy import save as to_bytes

    head = {"format": FORMAT, "lossmith": _version(), **plain.dump(body)}
    note = f"{_BLANK} {json.dumps(head, allow_nan=False, separators=(',', ':'))}"
    blank: bytes = to_bytes({k: np.ascontiguousarray(a) for k, a in arrays.items()}, metadata={"lossmith": note})
    return blank.replace(_MARK + _BLANK.encode(), _MARK + hashlib.sha256(blank).hexdigest().encode(), 1)


def _decode(raw: bytes, where: str) -> State:
    from safetensors.numpy import load as from_bytes

    digest, text = _note(raw, where)
    blank = raw.replace(_MARK + digest.encode(), _MARK + _BLANK.encode(), 1)
    if hashlib.sha256(blank).hexdigest() != digest:
        raise FileError(f"{where} is damaged: its checksum does not match; copy it again or save the model again")
    with _blame(f"{where} is damaged"):
        head = json.loads(text)
        if head["format"] > FORMAT:
            raise FileError(
                f"{where} was written by lossmith {head['lossmith']} in format {head['format']}, "
                f"this one reads up to {FORMAT}; upgrade lossmith"
            )
        return plain.load(head), from_bytes(raw)


def _note(raw: bytes, where: str) -> tuple[str, str]:
    """The checksum and the JSON that a safetensors header carries for us."""
    size = 8 + int.from_bytes(raw[:8], "little")
    try:
        note = json.loads(raw[8:size])["__metadata__"]["lossmith"]
        digest, text = note.split(" ", 1)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError):
        raise FileError(f"{where} is not a lossmith model, or it is truncated or damaged") from None
    return digest, text


def _write(path: Path, raw: bytes, force: bool) -> None:
    """Write beside the target, flush to the disk, then rename: no reader ever sees half a file."""
    if path.is_dir():
        raise FileError(f"{path} is a folder; name a file")
    if path.exists() and not force:
        raise FileError(f"{path} exists; pass force=True to replace it")
    beside = path.with_name(f".{secrets.token_hex(8)}.tmp")
    try:
        with open(beside, "xb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except OSError as error:
        raise FileError(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        beside.unlink(missing_ok=True)
    _sync(path.parent)


def _sync(folder: Path) -> None:
    """Flush the rename itself; not every system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _version() -> str:
    try:
        return metadata.version("lossmith")
    except metadata.PackageNotFoundError:
        return "unknown"
