"""The cache: kept, shared, sealed, and never in the way."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from kernel_tools import one_word

from lossmith import cache
from lossmith.backends import llvm


@pytest.fixture(autouse=True)
def own_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache directory for each test."""
    monkeypatch.setenv("LOSSMITH_CACHE_DIR", str(tmp_path / "store"))
    return tmp_path / "store"


def files(root: Path) -> list[Path]:
    """Every file below a directory."""
    return sorted(p for p in root.rglob("*") if p.is_file())


def test_what_was_made_is_kept(own_directory: Path) -> None:
    made: list[int] = []

    def make() -> str:
        made.append(1)
        return "x = 'ü'\n"

    key = cache.key("program", 1.5)
    assert [cache.text("py", key, make) for _ in range(3)] == ["x = 'ü'\n"] * 3
    assert made == [1] and files(own_directory) == [cache.place("py", key)] == [own_directory / "py" / f"{key}.py"]
    assert cache.data("o", key, lambda: b"other kind") == b"other kind"


def test_a_kept_text_is_still_a_file_for_a_reader() -> None:
    for kind, mark in (("py", "#"), ("ll", ";"), ("json", "//")):
        cache.text(kind, "a", lambda: "1")
        body, seal = cache.place(kind, "a").read_text().splitlines()
        assert body == "1" and seal.startswith(f"{mark} sha256 ")
    exec(compile(cache.place("py", "a").read_text(), "a", "exec"))


def test_keys_differ_when_parts_do() -> None:
    parts = [("a", "b"), ("ab",), ("a", "b", ""), ("b", "a"), ("a", 1.0), ("a", 1)]
    assert len({cache.key(*p) for p in parts}) == len(parts)


def spoiled(path: Path, how: str) -> None:
    """Damage a kept file as crashes and disks do."""
    whole = path.read_bytes()
    changes = {
        "cut": whole[: len(whole) // 2],
        "empty": b"",
        "flipped": bytes([whole[0] ^ 1]) + whole[1:],
        "longer": whole * 2,
    }
    path.write_bytes(changes[how])


@pytest.mark.parametrize("how", ["cut", "empty", "flipped", "longer"])
def test_a_damaged_file_is_made_anew(how: str) -> None:
    cache.data("o", "k", lambda: b"right " * 50)
    spoiled(cache.place("o", "k"), how)
    assert cache.data("o", "k", lambda: b"anew") == b"anew"
    assert cache.data("o", "k", lambda: b"never asked") == b"anew"


def test_without_the_seal_damage_would_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "_read", lambda path, mark: path.read_bytes() if path.exists() else None)
    cache.data("o", "k", lambda: b"right " * 50)
    spoiled(cache.place("o", "k"), "cut")
    assert cache.data("o", "k", lambda: b"anew") != b"anew"


def test_a_damaged_kernel_is_compiled_anew_not_run() -> None:
    x = np.linspace(-3, 3, 11)
    want = llvm.LlvmKernel(one_word("tanh"))([x])[0]
    for kind in ("o", "ll"):
        for path in files(cache.directory() / kind):
            spoiled(path, "flipped")
    np.testing.assert_array_equal(llvm.LlvmKernel(one_word("tanh"))([x])[0], want)


def test_a_warm_kernel_is_neither_printed_nor_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.linspace(-3, 3, 11)
    want = llvm.LlvmKernel(one_word("atan"))([x])[0]
    monkeypatch.setattr(llvm, "compile_text", lambda text: pytest.fail("compiled although kept"))
    monkeypatch.setattr(llvm, "source", lambda program, dtype: pytest.fail("printed although kept"))
    np.testing.assert_array_equal(llvm.LlvmKernel(one_word("atan"))([x])[0], want)


def test_another_printer_or_host_is_another_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    def kept() -> int:
        llvm.LlvmKernel(one_word("exp"))
        return len(files(cache.directory() / "o"))

    assert kept() == kept() == 1
    monkeypatch.setattr(llvm, "printer", lambda: "another")
    assert kept() == 2
    monkeypatch.setattr(llvm, "host", lambda: (*_HOST[:2], "llvm 99"))
    assert kept() == 3


_HOST = llvm.host()


def test_an_unusable_directory_is_no_obstacle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LOSSMITH_CACHE_DIR", str(tmp_path / "file" / "below"))
    assert [cache.text("py", "k", lambda: "made") for _ in range(2)] == ["made", "made"]
    assert llvm.LlvmKernel(one_word("exp"))([np.zeros(3)])[0].tolist() == [1, 1, 1]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is unwritable for root")
def test_an_unwritable_directory_is_no_obstacle(own_directory: Path) -> None:
    own_directory.mkdir(mode=0o500)
    assert cache.text("py", "k", lambda: "made") == "made"


def test_a_failed_write_leaves_nothing(own_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert cache.text("py", "k", lambda: "made") == "made"
    assert files(own_directory) == []


def test_a_failing_maker_is_heard_and_nothing_is_kept(own_directory: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        cache.text("py", "k", lambda: str(1 / 0))
    assert files(own_directory) == []


@pytest.mark.parametrize(
    ("platform", "variables", "want"),
    [
        ("linux", {}, "home/.cache/lossmith"),
        ("linux", {"XDG_CACHE_HOME": "ROOT/xdg"}, "xdg/lossmith"),
        ("linux", {"XDG_CACHE_HOME": "relative"}, "home/.cache/lossmith"),
        ("darwin", {}, "home/Library/Caches/lossmith"),
        ("win32", {"LOCALAPPDATA": "ROOT/local"}, "local/lossmith"),
        ("linux", {"LOSSMITH_CACHE_DIR": "ROOT/own"}, "own"),
    ],
)
def test_the_place_is_the_platform_s(
    platform: str, variables: dict[str, str], want: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOSSMITH_CACHE_DIR", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setattr(sys, "platform", platform)
    for name, value in variables.items():
        monkeypatch.setenv(name, value.replace("ROOT", str(tmp_path)))
    assert cache.directory() == tmp_path / want


WORKER = """
import numpy as np
from lossmith.backends import llvm
from lossmith.program import Program, Step
for word in ("exp", "log", "softplus"):
    program = Program(("x",), (), (Step("v", word, ("x",)),), (("value", "v"),))
    print(llvm.LlvmKernel(program)([np.linspace(0.1, 3, 9)])[0].tobytes().hex())
"""


def test_processes_share_a_cache_at_once(own_directory: Path) -> None:
    workers = [subprocess.Popen([sys.executable, "-c", WORKER], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    said = {w.communicate(timeout=60)[0] for w in workers}
    assert len(said) == 1 and all(w.returncode == 0 for w in workers)
    kept = files(own_directory)
    assert len(kept) == 6 and {p.suffix for p in kept} == {".ll", ".o"}  # and no temporary file is left
    for path in kept:
        assert cache._read(path, cache._mark(path.suffix[1:])) is not None
