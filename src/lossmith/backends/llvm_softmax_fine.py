"""Probabilities of K classes to the last digits, compiled: what `llvm_softmax` gives, each with its rest.

    void softmax_fine(i64 from, i64 to, ptr arrays, ptr sizes)

`arrays` holds the addresses of the scores, of log p, p and 1 − p, and of what rounding took from the three, laid out as
there. A number and its rest are together right to some 61 bits, which NumPy's `longdouble` holds; exponentials of that
type take ten times as long. For rows whose scores are less than 700 apart.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.backends import llvm
from lossmith.backends.llvm_power import log_pair
from lossmith.backends.llvm_print import Target
from lossmith.backends.llvm_rests import exp_fine_rest, lost
from lossmith.backends.llvm_softmax import SIZES, added, highest, same
from lossmith.backends.llvm_values import Value
from lossmith.backends.llvm_words import WORDS
from lossmith.backends.passes_text import Code, Module, load, named, store

Array = NDArray[Any]
NAMES = ("z", "logp", "p", "rest", "logp_rest", "p_rest", "rest_rest")

FEW = 2.0**-12
"""Odds of which the logarithm of 1 + R is R and a few terms."""


def probabilities(z: Array) -> tuple[Array, Array, Array]:
    """(log p, p, 1 − p), all (n, K) in `longdouble`, of float64 scores (n, K)."""
    n, count = z.shape
    width = llvm.target_of(np.float64).width
    padded = -(-n // width) * width
    scores, *found = (llvm.room((count, padded), np.dtype(np.float64)) for _ in NAMES)
    scores[:, :n] = z.T
    scores[:, n:] = 0.0
    table, sizes = (ctypes.c_void_p * len(NAMES))(*map(llvm.address, (scores, *found))), SIZES(count, padded)
    _, entry = _compiled()
    entry(0, padded, table, sizes)
    both = zip(found[:3], found[3:], strict=True)
    logp, p, rest = (np.add(a[:, :n].T, b[:, :n].T, dtype=np.longdouble) for a, b in both)
    return logp, p, rest


@lru_cache(maxsize=1)
def _compiled() -> tuple[Any, Any]:
    """(engine, function), kept in the cache."""
    return llvm.built("softmax_fine", source)


def source() -> str:
    """The LLVM IR for this machine."""
    module = Module(Target("double", llvm.target_of(np.float64).width))
    _print(module)
    return module.text((__doc__ or "").split("\n\n")[0], [])


def _print(module: Module) -> None:
    code = Code(module, "define void @softmax_fine(i64 %from, i64 %to, ptr %arrays, ptr %sizes)")
    places = {name: code.read("ptr", "%arrays", i, name) for i, name in enumerate(NAMES)}
    count, stride = (code.read("i64", "%sizes", i, "size") for i in range(2))
    code.do(f"%best = alloca %bits, align {8 * code.width}")

    def at(name: str, k: str, row: str) -> str:
        return code.at(places[name], code.let("k", f"add i64 {code.let('k', f'mul i64 {k}, {stride}')}, {row}"))

    def rows(row: str) -> None:
        top, best = highest(code, count, lambda k: at("z", k, row), code.at(places["z"], row))

        def odds(k: str, carried: Any) -> list[str]:
            e = code.vectors("odds")
            apart, less = _apart(load(e, at("z", k, row)), named(e, top))
            own = WORDS["exp"](apart)
            own_rest = exp_fine_rest(apart, own) + own * less
            store(code, own, at("p", k, row))
            store(code, own_rest, at("p_rest", k, row))
            leads = same(e, code, k, best)
            total, rest = added(named(e, carried[0]), named(e, carried[1]), leads.where(0.0, own))
            return [total.text, (rest + leads.where(0.0, own_rest)).text]

        sums = code.loop("k", 0, count, 1, ["zeroinitializer"] * 2, odds, "%reals")
        e = code.vectors("whole")
        shared = [v.text for v in _whole(named(e, sums[0]), named(e, sums[1]))]

        def finish(k: str) -> None:
            e = code.vectors("class")
            log_whole, log_rest, share, share_rest, sure, sure_rest = (named(e, text) for text in shared)
            apart, less = _apart(load(e, at("z", k, row)), named(e, top))
            logp = apart - log_whole
            store(code, logp, at("logp", k, row))
            store(code, (lost(apart, -log_whole, logp) + less) - log_rest, at("logp_rest", k, row))
            own, own_rest = load(e, at("p", k, row)), load(e, at("p_rest", k, row))
            p, p_rest = _product(own, own_rest, share, share_rest)
            store(code, p, at("p", k, row))
            store(code, p_rest, at("p_rest", k, row))
            leads, other = same(e, code, k, best), 1.0 - p
            store(code, leads.where(sure, other), at("rest", k, row))
            store(code, leads.where(sure_rest, ((1.0 - other) - p) - p_rest), at("rest_rest", k, row))

        code.each("k", 0, count, 1, finish)

    code.each("row", "%from", "%to", module.width, rows)
    code.done()


def _apart(z: Value, top: Value) -> tuple[Value, Value]:
    """z − top and what rounding took from it."""
    apart = z - top
    return apart, lost(z, -top, apart)


def _product(a: Value, da: Value, b: Value, db: Value) -> tuple[Value, Value]:
    """(a + da)·(b + db) as a sum of two."""
    p = a * b
    return p, a.emitter.fma(a, b, -p) + (a * db + b * da)


def _whole(total: Value, rest: Value) -> tuple[Value, ...]:
    """Of the others' odds R = total + rest: log(1 + R), 1/(1 + R) and R/(1 + R), each with its rest."""
    e = total.emitter
    odds = total + rest
    less = rest - (odds - total)
    whole = odds + 1.0
    whole_rest = lost(odds, e.lift(1.0, "real"), whole) + less
    share = 1.0 / whole
    share_rest = (e.fma(-share, whole, 1.0) - share * whole_rest) * share
    sure, sure_rest = _product(odds, less, share, share_rest)
    log_whole, log_rest = log_pair(whole)
    few = odds < FEW
    series = odds * odds * (odds * (odds * (odds * 0.2 - 0.25) + 1.0 / 3.0) - 0.5)
    logs = few.where(odds, log_whole), few.where(less + series, log_rest + whole_rest * share)
    return *logs, share, share_rest, sure, sure_rest
