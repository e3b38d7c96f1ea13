"""Where kernels are measured: all exponents, both signs, the middle of the line densely, and the joins ± 4 ulp."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.backends import load
from lossmith.loss import Loss
from lossmith.program import Arg, Program, Step
from lossmith.words import COMPARISONS

Array = NDArray[Any]
RANGES = (1.0, 3.0, 10.0, 40.0, 750.0)
"""Half-widths of the intervals about 0 that are drawn from evenly."""

EDGES = (0.0, -0.0, 5e-324, 2.0**-1022, 1.4e-45, 2.0**-126, 1.0, 3.4028234663852886e38, 1.7976931348623157e308)


def exponents(rng: np.random.Generator, n: int, kind: Any) -> Array:
    """n numbers of one dtype, every exponent from subnormal to huge alike, both signs."""
    limits = np.finfo(kind)
    powers = rng.integers(limits.minexp - limits.nmant, limits.maxexp, n)
    return np.asarray(np.ldexp(rng.uniform(1, 2, n), powers) * rng.choice([-1.0, 1.0], n))


def line(rng: np.random.Generator, n: int, kind: Any) -> Array:
    """n points of the line for one dtype: two fifths over all exponents, the rest where losses bend."""
    wide = exponents(rng, 2 * n // 5, kind)
    dense = [rng.uniform(-r, r, n // 10) for r in RANGES]
    close = rng.choice([-1.0, 1.0], n // 10) * np.exp2(rng.uniform(-30, 10, n // 10))
    with np.errstate(all="ignore"):
        return np.concatenate([wide, *dense, close]).astype(kind).astype(np.float64)


def slots(rng: np.random.Generator, n: int) -> Array:
    """n points, half of them exact in float32."""
    edges = np.concatenate([EDGES, np.negative(EDGES)])
    return np.concatenate([edges, line(rng, n // 2, np.float32), line(rng, n - n // 2, np.float64)])


def neighbours(places: Array, kind: Any) -> Array:
    """The eight numbers of a dtype around each place, and the nearest to it."""
    with np.errstate(all="ignore"):
        found = [places.astype(kind)]
        for end in (kind(-np.inf), kind(np.inf)):
            at = places.astype(kind)
            for _ in range(4):
                at = np.nextafter(at, end)
                found.append(at)
    return np.concatenate(found).astype(np.float64)


def conditions(program: Program) -> Program | None:
    """The differences whose sign a Program's choices hang on, as outputs; None where it never chooses."""
    steps = list(program.steps)
    outputs: list[tuple[str, Arg]] = []
    for step in program.steps:
        if step.word in (COMPARISONS - {"and"}) | {"min", "max"}:
            steps.append(Step(f"join{len(outputs)}", "sub", step.args))
            outputs.append((f"join{len(outputs)}", f"join{len(outputs)}"))
        elif step.word in ("abs", "sign"):
            outputs.append((f"join{len(outputs)}", step.args[0]))
    return replace(program, steps=tuple(steps), outputs=tuple(outputs)) if outputs else None


def joins(loss: Loss) -> Array:
    """Where a choice of the Program changes sides (at y = 1, where y is no slot), to neighbouring doubles."""
    program = conditions(loss.program)
    if program is None:
        return np.zeros(0)
    kernel = load(program, np.float64, "numpy")

    def sides(x: Array) -> Array:
        signs: Array = np.sign(np.array(kernel(at_slot(loss, x), loss.state.params)))
        return signs

    grid = np.concatenate([np.linspace(-60, 60, 4001), np.exp2(np.arange(-60, 60.0)), -np.exp2(np.arange(-60, 60.0))])
    grid = np.unique(grid)
    at = sides(grid)
    turns = np.unique(np.nonzero(at[:, :-1] != at[:, 1:])[1])
    low, high = grid[turns], grid[turns + 1]
    for _ in range(80):
        middle = low + (high - low) / 2
        same = (sides(middle) == sides(low)).all(axis=0)
        low, high = np.where(same, middle, low), np.where(same, high, middle)
    return np.unique(np.concatenate([low, high]))


def at_slot(loss: Loss, x: Array) -> tuple[Array, Array]:
    """y and z that put the slot at x, y being 0 or 1 throughout."""
    residual = loss.lift.name == "residual"
    return (x, np.zeros_like(x)) if residual else (np.ones_like(x), x)


def truths(loss: Loss, rng: np.random.Generator, n: int) -> Array:
    """n admissible truths for a likelihood: small and large, whole and broken, the ends of the domain."""
    low, high = loss.target.interval.low, loss.target.interval.high
    if high == 1:
        y = np.concatenate([rng.uniform(0, 1, n // 2), rng.choice([0.0, 0.25, 0.5, 1.0], n - n // 2)])
    else:
        counts = rng.poisson(3.0, n // 4) + (1.0 if loss.target.name == "positive_line" else 0.0)
        sizes = [np.exp2(rng.uniform(-s, s, n // 4)) for s in (3, 20)]
        y = np.concatenate([counts, *sizes, np.abs(exponents(rng, n - 3 * (n // 4), np.float32))])
    y = rng.permutation(y).astype(np.float32).astype(np.float64)
    y = y if low >= 0 else y * rng.choice([-1.0, 1.0], n)
    return np.where(loss.target.holds(y), y, (low + high) / 2 if np.isfinite(low + high) else 1.0)


def residual(loss: Loss, x: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """y and z with y − z = x exactly: one of them 0, in turns."""
    turn = np.arange(x.size) % 2 == 0
    return np.where(turn, x, 0.0), np.where(turn, 0.0, -x)


def labelled(loss: Loss, x: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Both labels, with z = ±x."""
    y = np.arange(x.size) % 2 * 1.0
    return y, np.where(y > 0, x, -x)


def scored(loss: Loss, x: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Truths of the loss's own domain."""
    return truths(loss, rng, x.size), x


PAIRS = {"residual": residual, "margin": labelled, "softmax": labelled, "score": scored}
"""By lift: y and z that put a slot exactly at x."""


def points(loss: Loss, n: int, seed: int = 0) -> tuple[Array, Array, Array]:
    """About n rows: (slot, y, z); y and z never round between them and the slot."""
    rng = np.random.default_rng(seed)
    pair = PAIRS[loss.lift.name]
    near = joins(loss)
    x = np.concatenate([slots(rng, n), neighbours(near, np.float32), neighbours(near, np.float64)])
    x = x[np.isfinite(x)]
    y, z = pair(loss, x, rng)
    return x, y, z
