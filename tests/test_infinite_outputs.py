"""Losses of several outputs where one of them is infinite: the limit in 300 digits, where there is one.

Faults that were planted once and are caught here: a limit taken so far out that rounding has the last word (a ranked
probability score's slope), a 0 that annuls what is finite (its value for a width of 0), a growth that is cut off.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mpf

from lossmith.adapters.export_functions import SAMPLE, dynamic, kind_of, module, outputs_of, questions
from lossmith.catalogue import every
from lossmith.loss import Loss
from lossmith.program import Program

NAMES = [n for n, kind in every().items() if kind_of(kind()) == "outputs" and kind.target.name in SAMPLE]
LEFT = {("GammaNLL", "log_shape", 1), ("GammaNLL", "log_shape", -1)}
"""What has a limit and is NaN: of the value; `docs/hosts.md` says so."""
OTHERS = ((0.3, -0.4, 0.7), (1.5, 1.2, -0.8))


def limit(program: Program, params: Any, given: dict[str, float], end: str, sign: int) -> dict[str, float]:
    """The results in 300 digits where they have settled far out; infinite where they grow as fast as the output."""
    runs = []
    for far in (100, 200, 400):
        with mpmath.workdps(300):
            runs.append(program.run({k: mpf(v) for k, v in {**given, **params, end: sign * far}.items()}))
    known = {}
    for name in program.wants:
        a, b, c = (run[name] for run in runs)
        if not all(mpmath.isfinite(v) for v in (a, b, c)):
            continue
        if abs(c - b) <= 1e-8 * (1 + abs(c)):
            known[name] = float(c)
        elif abs(c) > 1.5 * abs(b) > 2 * abs(a):
            known[name] = math.copysign(math.inf, c)
    return known


def ends(loss: Loss) -> Iterator[tuple[str, int, dict[str, float]]]:
    """Each output in turn, both infinities, beside some truths and other outputs."""
    names = outputs_of(loss)
    for end, sign, y, others in product(names, (1, -1), SAMPLE[loss.target.name], OTHERS):
        rest = iter(others)
        truth = dict.fromkeys(loss.lift.truths, 2 * y - 1 if loss.lift.name == "pairwise" else y)
        yield end, sign, {**truth, **{o: next(rest) for o in names if o != end}}


SLOW = ("NegativeBinomialNLL", "ZeroInflatedNegativeBinomial", "GammaNLL")
"""Whose lgamma takes its time in so many digits."""


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow if n in SLOW else ()) for n in NAMES])
def test_one_infinite_output_has_its_limit(name: str) -> None:
    loss = every()[name]()
    made, checked = module(loss, "numpy"), 0
    for question in [q for q in questions(loss) if q.name in ("value", "slope")]:
        program = question.program
        for end, sign, given in ends(loss):
            if end not in program.inputs or (question.name == "value" and (name, end, sign) in LEFT):
                continue
            at = {**given, end: sign * math.inf}
            used = {k: v for k, v in given.items() if k in program.inputs}
            with np.errstate(all="ignore"):
                got = made[question.name](*(np.array([at[i]]) for i in program.inputs))
            rows = dict(zip(program.wants, got if isinstance(got, tuple) else (got,), strict=True))
            for what, wanted in limit(program, dynamic(loss), used, end, sign).items():
                found, checked = float(rows[what][0]), checked + 1
                near = found == wanted or abs(found - wanted) <= 1e-6 * (1 + abs(wanted))
                assert near, (end, sign, given, what, found, wanted)
    assert checked > 10


def test_what_is_left_is_still_left() -> None:
    """Catches a list of exceptions that nobody needs any more."""
    for name, end, sign in LEFT:
        loss = every()[name]()
        rows = [{**given, end: sign * math.inf} for e, s, given in ends(loss) if (e, s) == (end, sign)]
        program = questions(loss)[0].program
        with np.errstate(all="ignore"):
            value = module(loss, "numpy")["value"](*(np.array([r[i] for r in rows]) for i in program.inputs))
        assert np.isnan(value).any()


def test_two_infinite_outputs_have_no_limit() -> None:
    """Catches a number where the answer depends on which of the two is first."""
    value = module(every()["NormalCRPS"](), "numpy")["slope"]
    both = value(np.array([0.5]), np.array([np.inf]), np.array([np.inf]))
    assert all(np.isnan(b).all() for b in both)
