"""Binet's function, and the likelihoods of counts with slopes by hand, against the formulas in books at 60 digits.

Kernels are measured against their own Programs; here the Programs are. Faults that were planted and are caught: a
coefficient of Binet's quotient off in its 11th digit, a share that is not squared.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import mpmath
import pytest
import reference
from mpmath import mp, mpf

from lossmith import catalogue
from lossmith.loss import Loss
from lossmith.symbolic import binet_quotients

LOGS = (-20.0, -3.0, -0.6, -0.01, 0.01, 0.7, 2.5, 4.0, 9.0, 20.0)
"""Logarithms of a shape or a size: on either side of each choice, up to where a count is all but Poisson's."""
MEANS = (-6.0, 0.4, 5.0)
COUNTS = (0.0, 1.0, 2.0, 7.0, 400.0)
NEAR = 3e-15


def rows(loss: Loss) -> Iterator[dict[str, float]]:
    for s, mean, y in product(LOGS, MEANS, (0.2, 1.5, 30.0) if loss.name == "GammaNLL" else COUNTS):
        outputs = (mean, 0.3, s) if len(loss.lift.outputs) > 2 else (mean, s)
        yield {"y": y, **dict(zip(loss.lift.outputs, outputs, strict=True))}


def true(loss: Loss, row: dict[str, float], outputs: tuple[str, ...]) -> mpf:
    """The formula's derivative along these outputs, by differences."""

    def value(*moved: mpf) -> mpf:
        return reference.walk(loss.tree, {n: mpf(v) for n, v in row.items()} | dict(zip(outputs, moved, strict=True)))

    if not outputs:
        return value()
    if len(outputs) == 2 and outputs[0] == outputs[1]:
        at, step = mpf(row[outputs[0]]), mpf(10) ** -18
        outputs = outputs[:1]
        return (value(at + step) - 2 * value(at) + value(at - step)) / step**2
    return mpmath.diff(value, tuple(mpf(row[o]) for o in outputs), (1,) * len(outputs))


@pytest.mark.parametrize("name", ["GammaNLL", "NegativeBinomialNLL", "ZeroInflatedNegativeBinomial"])
def test_the_programs_are_the_formulas_of_books(name: str) -> None:
    loss = catalogue.every()[name]()
    *_, mean, size = ("", *loss.lift.outputs[:1], loss.lift.outputs[-1])
    asked = {"value": (), f"d_{mean}": (mean,), f"d_{size}": (size,), f"d_{size}_{size}": (size, size)}
    asked[f"d_{mean}_{size}"] = (mean, size)
    program = loss.program.only(*asked)
    with mp.workdps(90):
        for row in rows(loss):
            got = program.run({n: mpf(v) for n, v in row.items()})
            for what, outputs in asked.items():
                want = true(loss, row, outputs)
                assert abs(got[what] - want) <= NEAR * abs(want) + mpf(10) ** -30, (row, what, got[what], want)


def test_quotients_are_those_that_the_script_derives() -> None:
    """Catches a digit that was typed."""
    made = subprocess.run([sys.executable, "tools/binet.py"], capture_output=True, text=True, check=True, timeout=60)
    assert made.stdout == Path(binet_quotients.__file__).read_text(encoding="utf-8")
