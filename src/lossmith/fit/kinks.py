"""Where a loss's gradient jumps, and how high: found on the residual or the margin by bisection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Kinks:
    """Kinks of ℓ as a function of u (the residual y − z, or the margin ỹz): places, and the jumps of dℓ/du there.

    `linear` says that ℓ is convex and straight between them: ℓ(u) = level + first·u + Σ jump·max(0, u − place).
    `rivals` says of a loss of K scores where it kinks: "each" of several margins has these kinks; "best": the least
    margin has them, and another kink is where the best rival changes; "jump": the value jumps where scores tie.
    `by_row` says that the formula looks at y itself, so that kinks differ from row to row: these are those at y = 1.
    """

    places: tuple[float, ...] = ()
    jumps: tuple[float, ...] = ()
    linear: bool = False
    first: float = 0.0
    level: float = 0.0
    rivals: str = ""
    by_row: bool = False

    @property
    def any(self) -> bool:
        """Is there a kink?"""
        return bool(self.places) or self.rivals in ("best", "jump")


SMOOTH = Kinks()
# A slot u and the (y, z) that show it: residuals by y = u at z = 0 (by z at y = 1, where the formula looks at y
# itself), margins by the label +1, scores by themselves at two truths that must agree.
PROBES: Mapping[tuple[str, bool], Any] = {
    ("residual", False): (lambda u: (u, np.zeros_like(u)), -1.0),
    ("residual", True): (lambda u: (np.ones_like(u), 1.0 - u), -1.0),
    ("margin", False): (lambda u: (np.ones_like(u), u), 1.0),
    ("score", True): (lambda u: (np.full_like(u, 0.25), u), 1.0),
}
RIVALS: Mapping[str, str] = {"one_against_rest": "each", "one_against_each": "each", "one_against_best": "best"}
_FOUND: dict[Any, Kinks] = {}


def kinks_of(loss: Any) -> Kinks:
    """The kinks of a loss: of its residual, its margin or margins, or where scores tie.

    None for other lifts, whose losses kink nowhere we can look.
    """
    key = (loss.lift.name, loss.formula, tuple(sorted(loss.params.items())))
    if key not in _FOUND:
        _FOUND[key] = _kinks(loss)
    return _FOUND[key]


def _kinks(loss: Any) -> Kinks:
    if loss.lift.name in RIVALS:
        return replace(kinks_of(loss.over("margin")), rivals=RIVALS[loss.lift.name])
    if "rival" in loss.tree.names:
        return Kinks(rivals="jump")
    by_row = "y" in loss.tree.names
    probe = PROBES.get((loss.lift.name, by_row))
    if probe is None or loss.facts()["smooth"].holds:
        return SMOOTH
    found = replace(_search(loss, *probe), by_row=by_row)
    if loss.lift.name != "score":
        return found
    other = _search(loss, lambda u: (np.full_like(u, 0.75), u), 1.0)
    return found if found.linear and found.places == other.places else SMOOTH


def _search(loss: Any, show: Any, sign: float) -> Kinks:
    def slope(u: Array) -> Array:
        with np.errstate(all="ignore"):
            return sign * np.asarray(loss.evaluate(*show(u), ("value", "gradient")).gradient)

    grid = _grid()
    g = slope(grid)
    sound = np.isfinite(g)
    grid, g = grid[sound], g[sound]
    places, jumps = _bisect(slope, grid, g)
    if not len(places):
        return SMOOTH
    linear = bool((jumps > 0.0).all() and _straight(grid, g, places))
    if not linear:
        return Kinks(tuple(places), tuple(jumps))
    at = np.array([places[0]])
    with np.errstate(all="ignore"):
        value = float(np.asarray(loss.evaluate(*show(at), ("value", "gradient")).value)[0])
    first = float(g[0])
    return Kinks(tuple(places), tuple(jumps), True, first, value - first * float(places[0]))


def _grid() -> Array:
    far = np.logspace(-6, 4, 161)
    near = np.linspace(-8.0, 8.0, 803)
    return np.unique(np.concatenate([-far, [0.0], far, near]))


def _bisect(slope: Any, grid: Array, g: Array) -> tuple[Array, Array]:
    """Halve every interval that the slope changes over, to adjacent doubles; a change that remains is a jump."""
    noise = 1e-6 * float(np.median(np.abs(g)))

    def steep(ga: Array, gb: Array) -> NDArray[np.bool_]:
        return np.asarray(np.abs(gb - ga) > noise + 1e-4 * np.maximum(np.abs(ga), np.abs(gb)))

    rough = steep(g[:-1], g[1:])
    a, b, ga, gb = grid[:-1][rough], grid[1:][rough], g[:-1][rough], g[1:][rough]
    for _ in range(64):
        if not len(a):
            break
        c = 0.5 * (a + b)
        gc = slope(c)
        left = np.abs(gc - ga) >= np.abs(gb - gc)
        a, ga = np.where(left, a, c), np.where(left, ga, gc)
        b, gb = np.where(left, c, b), np.where(left, gc, gb)
        keep = steep(ga, gb)
        a, b, ga, gb = a[keep], b[keep], ga[keep], gb[keep]
    middle = 0.5 * (a + b)
    where = np.unique(np.where(np.abs(middle) < 1e-12, 0.0, middle))
    places = where[np.diff(where, prepend=-np.inf) > 1e-9 * np.maximum(1.0, np.abs(where))]
    width = 1e-7 * np.maximum(1.0, np.abs(places))
    below, above = slope(places - width), slope(places + width)
    jump = np.abs(above - below)
    real = steep(below, above) & (jump > 1e-5 * jump.max(initial=0.0))
    return places[real], (above - below)[real]


def _straight(grid: Array, g: Array, places: Array) -> bool:
    """Is the slope constant on every piece?"""
    piece = np.searchsorted(places, grid)
    inside = np.abs(grid[:, None] - places[None, :]).min(axis=1) > 1e-6
    return all(np.ptp(g[inside & (piece == k)]) <= 1e-12 * np.abs(g).max() for k in range(len(places) + 1))
