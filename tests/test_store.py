"""Files of fitted models: the same bits back, every kind of damage noticed, nothing ever run or half-written."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest
from safetensors.numpy import load as read_arrays

from lossmith.errors import FileError, UnsupportedError
from lossmith.models import plain, store


class Toy(store.Storable):
    """A model that is nothing but its state."""

    kind = "toy"

    def __init__(self, values: dict[str, Any], arrays: dict[str, Any]) -> None:
        self.values, self.arrays = values, arrays

    def to_state(self) -> store.State:
        return self.values, self.arrays

    @classmethod
    def from_state(cls, state: store.State) -> Self:
        return cls(*state)


class Pair(store.Storable):
    """A whole with two parts, as a table pipeline has an encoder and a model."""

    kind = "pair"

    def __init__(self, first: Toy, second: Toy) -> None:
        self.first, self.second = first, second

    def to_state(self) -> store.State:
        (a, b), (c, d) = store.embed("first", self.first), store.embed("second", self.second)
        return {**a, **c}, {**b, **d}

    @classmethod
    def from_state(cls, state: store.State) -> Self:
        return cls(store.extract("first", state), store.extract("second", state))


@pytest.fixture(autouse=True)
def _kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "KINDS", dict(store.KINDS))
    store.register("toy", f"{__name__}:Toy")
    store.register("pair", f"{__name__}:Pair")


def toy(seed: int = 0) -> Toy:
    draw = np.random.default_rng(seed)
    values = {
        "name": "toy é 漢",
        "numbers": [1, 2.5, float("inf"), float("-inf"), True, None],
        "odd": {1: "a", "b": (2, 3)},
    }
    arrays = {
        "w": draw.normal(size=(3, 4)),
        "small": draw.normal(size=5).astype(np.float32),
        "whole": np.arange(4),
        "empty": np.zeros((0, 2)),
        "text": np.array(["a", "bcd"]),
        "mixed": np.array(["a", 1, None, 2.5, True], dtype=object),
        "flags": np.array([True, False]),
    }
    return Toy(values, arrays)


def same(a: Toy, b: Toy) -> bool:
    """Equal bit for bit, types included."""
    return (
        repr(a.values) == repr(b.values)
        and a.arrays.keys() == b.arrays.keys()
        and all(_same_array(a.arrays[k], b.arrays[k]) for k in a.arrays)
    )


def _same_array(a: Any, b: Any) -> bool:
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return bool(a.tolist() == b.tolist() if a.dtype.kind == "O" else a.tobytes() == b.tobytes())


def test_a_model_comes_back_bit_for_bit(tmp_path: Path) -> None:
    model = toy()
    model.save(tmp_path / "m")
    assert same(store.load(tmp_path / "m"), model)


def test_the_comparison_itself_can_fail(tmp_path: Path) -> None:
    model, other = toy(), toy()
    other.arrays["w"][0, 0] = np.nextafter(other.arrays["w"][0, 0], 2.0)
    assert not same(model, other)
    other = toy()
    other.values["odd"] = {1: "a", "b": [2, 3]}
    assert not same(model, other)


@pytest.mark.parametrize(
    "value",
    [
        None,
        -0.0,
        5e-324,
        1.7976931348623157e308,
        0.1,
        float("inf"),
        2**70,
        {"$float": 1},
        {},
        {(1, 2): {"a": [()]}},
        {None: 1, True: 2, "1": 3},
        np.float32(0.1),
        np.int8(3),
        np.array(["x", ""], dtype="<U4"),
        np.array([[1.5, np.inf]]),
        np.array([(1, 2), "a", None, np.float64(2.5)], dtype=object),
    ],
)
def test_plain_values_survive_json(value: Any) -> None:
    back = plain.load(json.loads(json.dumps(plain.dump(value), allow_nan=False)))
    assert repr(back) == repr(value)
    assert type(back) is type(value)


def test_nan_survives_json() -> None:
    assert np.isnan(plain.load(json.loads(json.dumps(plain.dump(float("nan")), allow_nan=False))))


@pytest.mark.parametrize("value", [object(), {1, 2}, lambda: 0, np.datetime64("2020"), np.array([1j]), b"x"])
def test_what_cannot_be_saved_is_refused_by_type(value: Any, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="cannot be saved"):
        Toy({"value": value}, {}).save(tmp_path / "m")
    assert not list(tmp_path.iterdir())


def test_a_part_keeps_its_kind_and_arrays(tmp_path: Path) -> None:
    store.save(Pair(toy(1), toy(2)), tmp_path / "m")
    back = store.load(tmp_path / "m")
    assert same(back.first, toy(1)) and same(back.second, toy(2)) and not same(back.first, back.second)


def test_any_flipped_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "m"
    Toy({"a": 1}, {"w": np.arange(3.0)}).save(path)
    raw = path.read_bytes()
    for at in range(len(raw)):
        for flip in (1, 0x80):
            path.write_bytes(raw[:at] + bytes([raw[at] ^ flip]) + raw[at + 1 :])
            with pytest.raises(FileError):
                store.load(path)


def test_any_truncation_and_any_tail_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "m"
    toy().save(path)
    raw = path.read_bytes()
    for damaged in [*(raw[:k] for k in range(0, len(raw), 7)), raw + b"\0", raw + raw]:
        path.write_bytes(damaged)
        with pytest.raises(FileError):
            store.load(path)


def test_without_the_checksum_a_flip_would_pass(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant: a loader that trusts any digest takes a changed weight for the model."""
    path = tmp_path / "m"
    Toy({}, {"w": np.arange(3.0)}).save(path)
    raw = path.read_bytes()
    path.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    note = store._note

    class Trusting:
        def __init__(self, raw: bytes) -> None:
            self.raw = raw

        def hexdigest(self) -> str:
            return note(raw, "")[0]

    monkeypatch.setattr("lossmith.models.store.hashlib.sha256", Trusting)
    assert store.load(path).arrays["w"][2] != 2.0


def rewrite(path: Path, change: dict[str, Any]) -> None:
    """Write the file again with another head and a right checksum, as a hostile or future writer would."""
    raw = path.read_bytes()
    _, text = store._note(raw, "")
    head = {**json.loads(text), **change}
    from hashlib import sha256

    from safetensors.numpy import save

    blank = save(read_arrays(raw), metadata={"lossmith": f"{'0' * 64} {json.dumps(head)}"})
    mark = b'"lossmith":"'
    path.write_bytes(blank.replace(mark + b"0" * 64, mark + sha256(blank).hexdigest().encode(), 1))


def test_a_newer_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "m"
    toy().save(path)
    rewrite(path, {"format": store.FORMAT + 1, "lossmith": "9.9"})
    with pytest.raises(FileError, match=r"written by lossmith 9\.9 in format 2.*upgrade"):
        store.load(path)


@pytest.mark.parametrize("kind", ["os:system", "lossmith.models.store:Storable", "", 3, None, "builtins"])
def test_a_kind_outside_the_table_is_never_imported(kind: Any, tmp_path: Path) -> None:
    path = tmp_path / "m"
    toy().save(path)
    rewrite(path, {"kind": kind})
    with pytest.raises(FileError, match="kind"):
        store.load(path)


@pytest.mark.parametrize("state", [None, [], {"$evil": 1}, {"$dict": 3}, {"$numpy": ["V9", [1], [1]]}])
def test_a_malformed_state_is_one_line(state: Any, tmp_path: Path) -> None:
    path = tmp_path / "m"
    toy().save(path)
    rewrite(path, {"kind": "pair", "state": state})
    with pytest.raises(FileError) as caught:
        store.load(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


@pytest.mark.parametrize(
    "raw",
    [b"", b"\0", b"PK\3\4zip", b"\xff" * 40, b"{}", b"[" * 100_000, (100_000).to_bytes(8, "little") + b"[" * 100_000],
)
def test_other_files_are_not_models(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_bytes(raw)
    with pytest.raises(FileError, match="not a lossmith model"):
        store.load(path)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="cannot be read: No such file"):
        store.load(tmp_path / "none")
    with pytest.raises(FileError, match="cannot be read"):
        store.load(tmp_path)
    with pytest.raises(FileError, match="cannot be written"):
        toy().save(tmp_path / "no" / "folder")


def test_an_existing_file_needs_force(tmp_path: Path) -> None:
    path = tmp_path / "m"
    path.write_bytes(b"precious")
    with pytest.raises(FileError, match="force"):
        toy().save(path)
    assert path.read_bytes() == b"precious"
    toy().save(path, force=True)
    assert same(store.load(path), toy())
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "m"
    toy(1).save(path)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lossmith.models.store.os.fsync", full)
    with pytest.raises(FileError, match="No space left"):
        toy(2).save(path, force=True)
    monkeypatch.undo()
    store.register("toy", f"{__name__}:Toy")
    assert same(store.load(path), toy(1))
    assert [p.name for p in tmp_path.iterdir()] == ["m"]


def test_the_same_model_gives_the_same_bytes_everywhere(tmp_path: Path) -> None:
    toy().save(tmp_path / "a")
    toy().save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_any_safetensors_reader_sees_the_arrays(tmp_path: Path) -> None:
    toy().save(tmp_path / "m")
    arrays = read_arrays((tmp_path / "m").read_bytes())
    assert np.array_equal(arrays["w"], toy().arrays["w"])
    assert "text" not in arrays


def test_a_kind_is_registered_once() -> None:
    store.register("toy", f"{__name__}:Toy")
    with pytest.raises(FileError, match="taken"):
        store.register("toy", "elsewhere:Toy")


def test_every_kind_in_the_table_lives_where_it_says() -> None:
    from importlib import import_module

    for kind, home in store.KINDS.items():
        module, name = home.split(":")
        assert getattr(import_module(module), name).kind == kind


def test_the_store_imports_nothing_heavy() -> None:
    code = (
        "import sys, lossmith.models.store; "
        "print([m for m in ('sklearn', 'scipy', 'sympy', 'pandas') if m in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=dict(os.environ), check=True
    )
    assert shown.stdout.strip() == "[]"
