"""Probabilities of K classes from K scores a row, compiled: log p, p and 1 − p for many rows at once.

    void softmax(i64 from, i64 to, ptr arrays, ptr sizes)

`arrays` holds the addresses of the scores, of log p, p and 1 − p, each with the rows of one class side by side; `sizes`
the number of classes and of doubles from one class to the next. Whole vectors of rows are read and written, so that
arrays end in padding. As log p = (z − z_top) − log1p(Σ of the others' odds), a class that is all but certain keeps its
digits, and so does what the others have together: 1 − p is their odds over all odds, not a difference.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.backends import llvm
from lossmith.backends.llvm_print import Target
from lossmith.backends.llvm_values import Emitter, Value
from lossmith.backends.llvm_words import WORDS
from lossmith.backends.passes_text import Code, Module, load, named, store
from lossmith.backends.threads import run_chunks

Array = NDArray[Any]
SIZES = ctypes.c_int64 * 2
TABLE = ctypes.c_void_p * 4


def probabilities(z: Array) -> tuple[Array, Array, Array]:
    """(log p, p, 1 − p), all (n, K) and of z's dtype, of scores (n, K) in float64 or float32."""
    n, count = z.shape
    width = llvm.target_of(np.float64).width
    padded = -(-n // width) * width
    scores, *found = (llvm.room((count, padded), np.dtype(np.float64)) for _ in range(4))
    scores[:, :n] = z.T
    scores[:, n:] = 0.0
    table, sizes = TABLE(*map(llvm.address, (scores, *found))), SIZES(count, padded)
    _, entry = _compiled()
    if n * count < llvm.SERIAL:
        entry(0, padded, table, sizes)
    else:
        run_chunks(lambda a, b: entry(a, b, table, sizes), 0, padded, max(llvm.CHUNK // count // width, 1) * width)
    logp, p, rest = (a[:, :n].T.astype(z.dtype, copy=False) for a in found)
    return logp, p, rest


@lru_cache(maxsize=1)
def _compiled() -> tuple[Any, Any]:
    """(engine, function): the code is kept in the cache like every kernel's, and lives as long as its engine."""
    return llvm.built("softmax", source)


def source() -> str:
    """The LLVM IR for this machine."""
    module = Module(Target("double", llvm.target_of(np.float64).width))
    print_softmax(module)
    return module.text((__doc__ or "").split("\n\n")[0], [])


def print_softmax(module: Module) -> None:
    """The function, for any module."""
    code = Code(module, "define void @softmax(i64 %from, i64 %to, ptr %arrays, ptr %sizes)")
    scores, logp, p, other = (code.read("ptr", "%arrays", i, name) for i, name in enumerate(("z", "logp", "p", "rest")))
    count, stride = (code.read("i64", "%sizes", i, "size") for i in range(2))
    code.do(f"%best = alloca %bits, align {8 * code.width}")

    def at(base: str, k: str, row: str) -> str:
        return code.at(base, code.let("k", f"add i64 {code.let('k', f'mul i64 {k}, {stride}')}, {row}"))

    def rows(row: str) -> None:
        top, best = highest(code, count, lambda k: at(scores, k, row), code.at(scores, row))

        def odds(k: str, carried: Any) -> list[str]:
            e = code.vectors("odds")
            own = _odds(load(e, at(scores, k, row)), named(e, top))
            store(code, own, at(p, k, row))
            others = same(e, code, k, best).where(0.0, own)
            return [v.text for v in added(named(e, carried[0]), named(e, carried[1]), others)]

        total, lost = code.loop("k", 0, count, 1, ["zeroinitializer"] * 2, odds, "%reals")
        e = code.vectors("whole")
        rest = named(e, total) + named(e, lost)
        log_whole, share = WORDS["log1p"](rest), 1.0 / (rest + 1.0)
        sure = rest * share

        def finish(k: str) -> None:
            e = code.vectors("class")
            place = at(p, k, row)
            store(code, load(e, at(scores, k, row)) - named(e, top) - named(e, log_whole.text), at(logp, k, row))
            own = load(e, place) * named(e, share.text)
            store(code, own, place)
            store(code, same(e, code, k, best).where(named(e, sure.text), 1.0 - own), at(other, k, row))

        code.each("k", 0, count, 1, finish)

    code.each("row", "%from", "%to", module.width, rows)
    code.done()


def highest(code: Code, count: str, place: Any, first: str) -> tuple[str, str]:
    """The largest score of each row, and the first class that has it; a NaN in the first class stays."""
    e = code.vectors("first")
    begin = load(e, first)
    code.do(f"store %bits zeroinitializer, ptr %best, align {8 * code.width}")

    def larger(k: str, carried: Any) -> list[str]:
        e = code.vectors("top")
        z, top = load(e, place(k)), named(e, carried[0])
        more = z > top
        old = code.let("old", f"load %bits, ptr %best, align {8 * code.width}")
        new = code.let("new", f"select {more.typed}, %bits {every(code, k)}, %bits {old}")
        code.do(f"store %bits {new}, ptr %best, align {8 * code.width}")
        return [more.where(z, top).text]

    (top,) = code.loop("k", 1, count, 1, [begin.text], larger, "%reals")
    return top, code.let("best", f"load %bits, ptr %best, align {8 * code.width}")


def added(total: Value, lost: Value, more: Value) -> tuple[Value, Value]:
    """A sum, and what rounding took from it so far (Knuth's two-sum)."""
    new = total + more
    part = new - total
    return new, lost + ((total - (new - part)) + (more - part))


def _odds(z: Value, top: Value) -> Value:
    """exp(z − top), with what rounding took from the difference, which counts where it is large (Knuth's two-sum)."""
    apart = z - top
    back = apart - z
    lost = (z - (apart - back)) - (top + back)
    odds = WORDS["exp"](apart)
    return lost.same(lost).where(odds + odds * lost, odds)  # infinite scores have no difference to make good


def every(code: Code, k: str) -> str:
    """A vector of one integer."""
    lane = code.let("lane", f"insertelement %bits poison, i64 {k}, i64 0")
    return code.let("every", f"shufflevector %bits {lane}, %bits poison, <{code.width} x i32> zeroinitializer")


def same(e: Emitter, code: Code, k: str, best: str) -> Value:
    """The rows whose largest score is that of class k."""
    return e.line("truth", f"icmp eq %bits {every(code, k)}, {best}")
