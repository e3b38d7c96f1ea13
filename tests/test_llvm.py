"""Compiled kernels: every length and layout, threads and streams, and mutants that must be noticed."""

from __future__ import annotations

import ctypes
import mmap
import pickle
import re
import subprocess
import sys
import threading
from typing import Any

import numpy as np
import pytest
from kernel_tools import Array, fresh

from lossmith.backends import llvm, threads
from lossmith.backends import load as load_any
from lossmith.backends.llvm_print import Target, print_module
from lossmith.errors import ShapeError, UnsupportedError
from lossmith.program import Program, Step

PAIR = Program(
    ("y", "z"),
    ("c",),
    (
        Step("k", "mul", ("c", "c")),
        Step("r", "sub", ("y", "z")),
        Step("t", "tanh", ("r",)),
        Step("v", "mul", ("k", "t")),
        Step("g", "sech2", ("r",)),
    ),
    (("value", "v"), ("gradient", "g")),
    note="c² tanh(y − z)",
)


def guarded(n: int, dtype: Any) -> tuple[Array, Array]:
    """An array of n canaries inside a longer one, and the longer one."""
    whole = np.full(n + 64, 77.0, dtype)
    return whole[32 : 32 + n], whole


def tails_are_clean(kernel: llvm.LlvmKernel, dtype: Any) -> bool:
    """Is every length from 0 to 40 computed, and nothing beside it written?"""
    rng, clean = np.random.default_rng(1), True
    for n in range(41):
        y, z = rng.normal(size=(2, n)).astype(dtype)
        (v, v_all), (g, g_all) = guarded(n, dtype), guarded(n, dtype)
        kernel([y, z], [1.5], out=[v, g])
        expected = 2.25 * np.tanh((y - z).astype(np.float64)) if dtype == np.float64 else None
        clean &= expected is None or bool(np.allclose(v, expected, rtol=1e-14))
        clean &= bool((v != 77.0).all() and (g != 77.0).all())
        clean &= int((v_all == 77.0).sum()) == 64 and int((g_all == 77.0).sum()) == 64
    return clean


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_tails_of_every_length(dtype: Any) -> None:
    assert tails_are_clean(fresh(PAIR, dtype), dtype)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        (r"%rows.mask = icmp slt", "%rows.mask = icmp sle"),
        (r"%rows.fit = icmp sle", "%rows.fit = icmp sle i64 0, 1\n  %unused = icmp sle"),
        (r"%rows.some = icmp sgt", "%rows.some = icmp slt"),
    ],
)
def test_a_wrong_tail_is_noticed(right: str, wrong: str) -> None:
    text = llvm.source(PAIR)
    assert right in text
    if "unused" in wrong:  # would run over everything: let one vector too many suffice
        right, wrong = "icmp sle i64 %rows.next, %rows.to", "icmp slt i64 %rows.at, %rows.to"
    kernel = fresh(PAIR, text=text.replace(right, wrong))
    kernel._writable = lambda out, inputs, shape: out
    assert not tails_are_clean(kernel, np.float64)


@pytest.mark.skipif(sys.platform != "linux", reason="needs mprotect")
def test_nothing_beyond_the_end_is_read() -> None:
    page, kernel = mmap.PAGESIZE, fresh(PAIR)
    memory = mmap.mmap(-1, 2 * page)
    whole = np.frombuffer(memory, dtype=np.float64)
    whole[:] = 1.0
    libc = ctypes.CDLL(None, use_errno=True)
    guard = ctypes.c_void_p(whole.ctypes.data + page)
    assert libc.mprotect(guard, ctypes.c_size_t(page), 0) == 0  # any touch from here on kills the process
    for n in range(1, 30):
        z = whole[page // 8 - n : page // 8]
        assert (kernel([z, z], [1.0])[1] == 1.0).all()
    assert libc.mprotect(guard, ctypes.c_size_t(page), 3) == 0


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_layouts_give_the_same_numbers_and_inputs_stay(dtype: Any) -> None:
    kernel, rng = fresh(PAIR, dtype), np.random.default_rng(2)
    base = rng.normal(size=(40, 30)).astype(dtype)
    for view in (base, base.T, base[::2, 1::3], base[::-1], base[:, 5], base[3, 4], base[:0], np.asfortranarray(base)):
        before = base.copy()
        other = np.full(view.shape, 0.25, dtype)
        other.flags.writeable = False
        got = kernel([view, other], [1.5])
        flat = kernel([np.ascontiguousarray(view).ravel(), np.full(view.size, 0.25, dtype)], [1.5])
        for a, b in zip(got, flat, strict=True):
            assert a.shape == view.shape and a.dtype == dtype
            np.testing.assert_array_equal(a.ravel(), b)
        np.testing.assert_array_equal(base, before)


def test_out_is_filled_whatever_its_layout() -> None:
    kernel, rng = fresh(PAIR), np.random.default_rng(3)
    y, z = rng.normal(size=(2, 100))
    want = kernel([y, z], [2.0])
    strided = np.zeros((100, 2))
    got = kernel([y, z], [2.0], out=[strided[:, 0], strided[:, 1]])
    assert got[0].base is strided
    np.testing.assert_array_equal(strided.T, want)
    wide = np.concatenate([y, np.zeros(3)])
    kernel([wide[:100], z], [2.0], out=[wide[3:], np.empty(100)])  # reads what it overwrites
    np.testing.assert_array_equal(wide[3:], want[0])


def test_a_read_only_out_is_not_written() -> None:
    kernel, x, out = fresh(PAIR), np.ones(9), np.zeros((2, 9))
    out.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        kernel([x, x], [1.0], out=[out[0], out[1]])
    assert not out.any()


def test_wrong_calls_are_answered() -> None:
    kernel, x = fresh(PAIR), np.zeros(4)
    with pytest.raises(ShapeError, match=r"takes 2 arrays \(y, z\), not 1"):
        kernel([x], [1.0])
    with pytest.raises(ShapeError, match=r"takes 1 parameters \(c\), not 0"):
        kernel([x, x])
    with pytest.raises(ShapeError, match=r"y has shape \(4,\) but z \(4, 1\)"):
        kernel([x, x[:, None]], [1.0])
    with pytest.raises(ShapeError, match="out must hold 2 float64 arrays"):
        kernel([x, x], [1.0], out=[x])
    with pytest.raises(UnsupportedError, match="not int64"):
        llvm.load(PAIR, np.int64)


def test_parts_of_many_threads_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel, rng = llvm.load(PAIR), np.random.default_rng(4)
    y, z = rng.normal(size=(2, 300_007))
    monkeypatch.setenv("LOSSMITH_THREADS", "1")
    alone = kernel([y, z], [1.5])
    monkeypatch.setenv("LOSSMITH_THREADS", "5")
    together = kernel([y, z], [1.5])
    monkeypatch.setattr(llvm, "SERIAL", 10**9)
    np.testing.assert_array_equal(alone, kernel([y, z], [1.5]))
    np.testing.assert_array_equal(alone, together)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_streaming_stores_give_the_same_numbers(dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llvm, "COSTLY", frozenset())
    kernel, rng = fresh(PAIR, dtype), np.random.default_rng(5)
    y, z = rng.normal(size=(2, 200_003)).astype(dtype)
    want = kernel([y, z], [1.5])
    monkeypatch.setattr(llvm, "STREAM", 0)
    for skip in (0, 1, 5):  # outputs that begin off the boundary, alike and not alike
        for gap in (0, 1):
            room = [np.full(y.size + 64, 7, dtype) for _ in want]
            out = [room[0][skip : skip + y.size], room[1][skip + gap : skip + gap + y.size]]
            for got, w in zip(kernel([y, z], [1.5], out=out), want, strict=True):
                np.testing.assert_array_equal(got, w)
            assert all((r == 7).sum() >= 64 for r in room)


def test_outputs_are_streamed_only_where_no_load_waits_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A load waits for a store whose address has the same last 12 bits: kernels on mapped arrays took twice as long."""
    monkeypatch.setattr(llvm, "STREAM", 0)
    kernel, dtype = llvm.load(PAIR), np.dtype(np.float64)
    monkeypatch.setattr(kernel, "_computes", False)
    place = np.empty(4 * llvm.PAGE, np.uint8)
    page = place[-llvm.address(place) % llvm.PAGE :]

    def at(start: int) -> Array:
        return page[start : start + 80].view(dtype)

    assert kernel._head([at(16)], [at(64)]) is None
    assert kernel._head([at(16)], [at(llvm.PAGE + 192)]) is None
    assert kernel._head([at(16)], [at(512), at(1024)]) == 0
    assert kernel._head([at(64)], [at(64)]) == 0
    assert llvm.address(llvm.room((llvm.LARGE,), dtype)) % llvm.PAGE == llvm.MIDDLE
    monkeypatch.setattr(kernel, "_computes", True)
    monkeypatch.setenv("LOSSMITH_THREADS", "2")
    assert kernel._head([at(16)], [at(512)]) is None
    monkeypatch.setenv("LOSSMITH_THREADS", "3")
    assert kernel._head([at(16)], [at(512)]) == 0


def test_a_forked_child_starts_its_own_threads() -> None:
    script = (
        "import os, numpy as np\n"
        "from lossmith.backends import threads\n"
        "done = []\n"
        "threads.run_chunks(lambda a, b: done.append(b - a), 0, 100, 10)\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    done.clear(); threads.run_chunks(lambda a, b: done.append(b - a), 0, 100, 10)\n"
        "    os._exit(0 if sum(done) == 100 else 1)\n"
        "raise SystemExit(os.waitpid(child, 0)[1] or sum(done) != 100)\n"
    )
    if sys.platform == "linux":
        subprocess.run([sys.executable, "-W", "ignore", "-c", script], check=True, timeout=30)


def test_a_helping_thread_asks_for_no_help(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would have moved itself to the CPU of the thread that it helps. Seen to fail without the question."""
    monkeypatch.setenv("LOSSMITH_THREADS", "2")
    caller, seen = threading.get_native_id(), set()
    began = threading.Barrier(2, timeout=20)

    def inner(a: int, b: int) -> None:
        seen.add((outer_thread[threading.get_native_id()], threading.get_native_id()))

    outer_thread: dict[int, int] = {}

    def outer(a: int, b: int) -> None:
        own = threading.get_native_id()
        outer_thread[own] = own
        if own != caller:
            monkeypatch.setattr(threads.Pool, "avoid", lambda *_: pytest.fail("a helper moved the helpers"))
            threads.run_chunks(inner, 0, 4, 1)
        began.wait()

    threads.run_chunks(outer, 0, 2, 1)
    assert len(outer_thread) == 2 and seen == {(own, own) for own in outer_thread if own != caller}


def test_a_failing_chunk_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOSSMITH_THREADS", "3")

    def work(a: int, b: int) -> None:
        raise RuntimeError("heard")

    with pytest.raises(RuntimeError, match="heard"):
        threads.run_chunks(work, 0, 1000, 10)


@pytest.mark.parametrize("width", [2, 4, 16])
def test_other_widths_give_the_same_numbers(width: int) -> None:
    rng = np.random.default_rng(6)
    y, z = rng.normal(size=(2, 45))
    narrow = fresh(PAIR, text=print_module(PAIR, Target("double", width)))
    np.testing.assert_array_equal(narrow([y, z], [1.5]), fresh(PAIR)([y, z], [1.5]))


@pytest.mark.parametrize(
    ("features", "width"), [("+avx512f,+avx512dq", 8), ("+avx,+avx2", 4), ("+sse2", 2), ("+neon", 2)]
)
def test_lanes_follow_the_host(features: str, width: int) -> None:
    assert llvm.lanes(features) == width


def test_programs_without_steps_or_with_constants() -> None:
    program = Program(("x",), ("c",), (), (("same", "x"), ("c", "c"), ("inf", -np.inf), ("one", 1.0)))
    got = fresh(program)([np.arange(11.0)], [3.5])
    np.testing.assert_array_equal(got, [np.arange(11.0), np.full(11, 3.5), np.full(11, -np.inf), np.ones(11)])


def test_equal_work_is_printed_once_and_parameters_before_the_loop() -> None:
    steps = (Step("a", "softplus", ("x",)), Step("b", "sigmoid", ("x",)), Step("k", "exp", ("c",)))
    text = llvm.source(Program(("x",), ("c",), steps, (("a", "a"), ("b", "b"), ("k", "k")), note="shared"))
    formula = text[text.index("@formula") : text.index("ret %results")]
    assert len(re.findall(r"%reduced\.\d+ = fsub", formula)) == 1  # one exponential for softplus and sigmoid
    assert text.startswith("; shared\n; inputs x; parameters c; outputs a, b, k\n")
    assert "; b = sigmoid(x)" in formula and "fast" not in text
    assert all(f"%{name} = " in text for name in "abk")


def test_names_cannot_collide() -> None:
    steps = (Step("loop", "mul", ("arrays", "mask")), Step("tail", "sub", ("loop", "rest")))
    program = Program(("arrays", "mask"), ("rest", "entry"), steps, (("value", "tail"), ("entry", "entry")))
    got = fresh(program)([np.full(9, 3.0), np.full(9, 2.0)], [1.0, 4.0])
    np.testing.assert_array_equal(got, [np.full(9, 5.0), np.full(9, 4.0)])


def test_a_pickled_kernel_is_loaded_again() -> None:
    kernel, x = llvm.load(PAIR), np.linspace(-1, 1, 7)
    again = pickle.loads(pickle.dumps(kernel))
    np.testing.assert_array_equal(again([x, x[::-1]], [2.0]), kernel([x, x[::-1]], [2.0]))


def test_equal_programs_share_a_kernel_and_numpy_agrees() -> None:
    again = Program.from_json(PAIR.to_json())
    assert llvm.load(PAIR) is llvm.load(again) is not llvm.load(PAIR, np.float32)
    y, z = np.random.default_rng(7).normal(size=(2, 50))
    for a, b in zip(
        load_any(PAIR, backend="llvm")([y, z], [1.5]), load_any(PAIR, backend="numpy")([y, z], [1.5]), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-14)
