"""Compiled kernels: every word against its definition, every length and layout, and mutants that must be noticed."""

from __future__ import annotations

import ctypes
import math
import mmap
import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from kernel_tools import Array, one_word, points, worst

from lossmith.backends import llvm, llvm_core, llvm_polynomials, llvm_words, threads
from lossmith.backends import load as load_any
from lossmith.backends.llvm_print import Target, print_module
from lossmith.errors import ShapeError, UnsupportedError
from lossmith.program import Program, Step
from lossmith.words import COMPARISONS, WORDS

ULPS = {
    "exp": 1.1, "expm1": 2.5, "log": 1.0, "log1p": 1.0, "tanh": 3.0, "sech2": 4.0, "logcosh": 2.0, "atan": 1.2,
    "sin": 1.0, "cos": 1.0, "softplus": 1.7, "sigmoid": 2.2, "xlogy": 1.7, "pow": 1.5, "hypot1": 1.0, "log1psq": 2.0,
    "witch": 2.2, "serpentine": 2.0, "erf": 1.5, "lgamma": 3.5, "digamma": 3.5, "trigamma": 3.0, "log_ndtr": 4.0,
    "mills": 4.0, "mills_slope": 4.5, "sqrt": 0.51, "add": 0.51, "sub": 0.51, "mul": 0.51, "div": 0.51, "neg": 0,
    "abs": 0, "sign": 0, "min": 0, "max": 0,
}  # fmt: skip
"""The stated bound of every word in float64; in float32, which computes in float64, half a unit and a little."""

ULPS_SHORT = 0.6
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


def fresh(program: Program, dtype: Any = np.float64, text: str | None = None) -> llvm.LlvmKernel:
    """A kernel compiled anew, past every cache."""
    return llvm.LlvmKernel(program, dtype, text=text or llvm.source(program, dtype))


def test_every_word_has_a_printer_and_a_bound() -> None:
    assert set(llvm_words.WORDS) == set(WORDS)
    assert set(ULPS) | COMPARISONS | {"where"} == set(WORDS)


def test_points_spread_over_all_exponents() -> None:
    for dtype, least in ((np.float64, -1050), (np.float32, -140)):
        exponents = np.frexp(points("exp", 400, dtype)[0])[1]
        assert exponents.min() < least and exponents.max() > -least - 60 and len(set(exponents.tolist())) > 150


@pytest.mark.parametrize("word", ULPS)
def test_error_of_every_word(word: str) -> None:
    arguments = points(word, 500, np.float64)
    error, where = worst(word, arguments, fresh(one_word(word))(arguments)[0])
    assert error <= ULPS[word], where


@pytest.mark.parametrize("word", ULPS)
def test_error_of_every_word_in_float32(word: str) -> None:
    arguments = points(word, 200, np.float32)
    got = fresh(one_word(word), np.float32)(arguments)[0]
    assert got.dtype == np.float32
    error, where = worst(word, arguments, got)
    assert error <= ULPS_SHORT, where


@pytest.mark.parametrize(
    ("word", "name"), [("exp", "EXP"), ("log", "LOG"), ("softplus", "LOG_UNIT"), ("sin", "SIN"), ("mills", "TAIL")]
)
def test_a_perturbed_coefficient_is_noticed(word: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    coefficients = list(llvm_polynomials.POLYNOMIALS[name])
    coefficients[3] *= 1 + 1e-9
    monkeypatch.setitem(llvm_polynomials.POLYNOMIALS, name, tuple(coefficients))
    arguments = points(word, 500, np.float64)
    assert worst(word, arguments, fresh(one_word(word))(arguments)[0])[0] > ULPS[word]


def test_scaling_in_one_step_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llvm_core, "scaled", lambda x, n: x * llvm_core.power_of_two(n + llvm_core.MAGIC))
    x = np.array([-740.0, 709.7])
    got = fresh(one_word("exp"))([x])[0]
    assert worst("exp", [x], got)[0] > ULPS["exp"]


INF, NAN, TINY, HUGE = math.inf, math.nan, 5e-324, 1.7976931348623157e308
ENDS: dict[str, tuple[float, ...]] = {
    # at −∞, −huge, −tiny, 0, tiny, huge, ∞
    "exp": (0, 0, 1, 1, 1, INF, INF),
    "expm1": (-1, -1, -TINY, 0, TINY, INF, INF),
    "log": (NAN, NAN, NAN, -INF, math.log(TINY), math.log(HUGE), INF),
    "log1p": (NAN, NAN, -TINY, 0, TINY, math.log(HUGE), INF),
    "sqrt": (NAN, NAN, NAN, 0, math.sqrt(TINY), math.sqrt(HUGE), INF),
    "tanh": (-1, -1, -TINY, 0, TINY, 1, 1),
    "sech2": (0, 0, 1, 1, 1, 0, 0),
    "logcosh": (INF, HUGE, 0, 0, 0, HUGE, INF),
    "atan": (-math.pi / 2, -math.pi / 2, -TINY, 0, TINY, math.pi / 2, math.pi / 2),
    "sin": (NAN, math.sin(-HUGE), -TINY, 0, TINY, math.sin(HUGE), NAN),
    "cos": (NAN, math.cos(HUGE), 1, 1, 1, math.cos(HUGE), NAN),
    "erf": (-1, -1, -TINY * 1.1283791670955126, 0, TINY * 1.1283791670955126, 1, 1),
    "softplus": (0, 0, math.log(2), math.log(2), math.log(2), HUGE, INF),
    "sigmoid": (0, 0, 0.5, 0.5, 0.5, 1, 1),
    "hypot1": (INF, HUGE, 1, 1, 1, HUGE, INF),
    "log1psq": (INF, 2 * math.log(HUGE), 0, 0, 0, 2 * math.log(HUGE), INF),
    "witch": (0, 0, 1, 1, 1, 0, 0),
    "serpentine": (0, -1 / HUGE, -TINY, 0, TINY, 1 / HUGE, 0),
    "log_ndtr": (-INF, -INF, -math.log(2), -math.log(2), -math.log(2), 0, 0),
    "mills": (INF, HUGE, *3 * (math.sqrt(2 / math.pi),), 0, 0),
    "mills_slope": (1, 1, *3 * (2 / math.pi,), 0, 0),
    "sign": (-1, -1, -1, 0, 1, 1, 1),
    "abs": (INF, HUGE, TINY, 0, TINY, HUGE, INF),
    "neg": (INF, HUGE, TINY, 0, -TINY, -HUGE, -INF),
    "lgamma": (NAN, NAN, NAN, INF, -math.log(TINY), INF, INF),
    "digamma": (NAN, NAN, NAN, -INF, -INF, math.log(HUGE), INF),
    "trigamma": (NAN, NAN, NAN, INF, INF, 1 / HUGE, 0),
}


def test_every_word_of_one_argument_has_its_ends_stated() -> None:
    assert set(ENDS) == {w for w, count in WORDS.items() if count == 1}


@pytest.mark.parametrize("word", ENDS)
def test_ends(word: str) -> None:
    x = np.array([-INF, -HUGE, -TINY, 0, TINY, HUGE, INF])
    got, want = fresh(one_word(word))([x])[0], np.array(ENDS[word])
    if word in ("lgamma", "digamma", "trigamma"):
        got, want = got[3:], want[3:]
    np.testing.assert_allclose(got, want, rtol=1e-15, atol=0)


@pytest.mark.parametrize("word", [w for w in ULPS if w not in COMPARISONS])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_nan_stays_nan(word: str, dtype: Any) -> None:
    kernel, count = fresh(one_word(word), dtype), WORDS[word]
    for i in range(count):
        for other in (0.0, 1.0, 2.5, INF):
            arguments = [np.full(3, other, dtype) for _ in range(count)]
            arguments[i][1] = NAN
            assert np.isnan(kernel(arguments)[0][1]), (i, other)


@pytest.mark.parametrize("word", sorted(COMPARISONS - {"and"}))
def test_comparisons_and_where(word: str) -> None:
    steps = (Step("t", word, ("x", "y")), Step("u", "and", ("t", "t")), Step("v", "where", ("u", "x", 7.0)))
    x, y = map(np.ravel, np.meshgrid([-1.0, 0.0, 2.0, INF, NAN], [-1.0, 0.0, 2.0, INF, NAN]))
    got = fresh(Program(("x", "y"), (), steps, (("value", "v"),)))([x, y])[0]
    numpy = {"lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal}
    np.testing.assert_array_equal(got, np.where(numpy.get(word, np.not_equal)(x, y), x, 7.0))


@pytest.mark.parametrize("exponent", [-4.0, -3.0, -2.0, -1.5, -1.0, -0.5, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 2.5, -7.0])
def test_constant_exponents(exponent: float) -> None:
    program = Program(("x",), (), (Step("v", "pow", ("x", exponent)),), (("value", "v"),))
    x = np.abs(points("exp", 300, np.float64)[0])
    assert worst("pow", [x, np.full_like(x, exponent)], fresh(program)([x])[0])[0] <= 2.0


def test_sine_of_huge_arguments_is_the_library_s() -> None:
    x = np.array([1e9, 2.0**30, 1e22, -1e300, 3.0])
    np.testing.assert_array_equal(fresh(one_word("sin"))([x])[0][1:4], [math.sin(v) for v in x[1:4]])


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
    kernel._writable = lambda out, inputs, shape: out  # type: ignore[method-assign]
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
    kernel, rng = llvm.load(PAIR, dtype), np.random.default_rng(5)
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
    program = Program(("x",), ("c",), (), (("same", "x"), ("c", "c"), ("inf", -INF), ("one", 1.0)))
    got = fresh(program)([np.arange(11.0)], [3.5])
    np.testing.assert_array_equal(got, [np.arange(11.0), np.full(11, 3.5), np.full(11, -INF), np.ones(11)])


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


def test_equal_programs_share_a_kernel_and_numpy_agrees() -> None:
    again = Program.from_json(PAIR.to_json())
    assert llvm.load(PAIR) is llvm.load(again) is not llvm.load(PAIR, np.float32)
    y, z = np.random.default_rng(7).normal(size=(2, 50))
    for a, b in zip(
        load_any(PAIR, backend="llvm")([y, z], [1.5]), load_any(PAIR, backend="numpy")([y, z], [1.5]), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-14)


def test_polynomials_are_those_that_the_script_derives() -> None:
    script = "import sys; sys.path.insert(0, 'tools'); import minimax; print(minimax.rows('LOG', minimax.FITS['LOG']))"
    rows = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60).stdout
    with open(str(llvm_polynomials.__file__), encoding="utf-8") as file:
        assert rows.strip() in file.read()
