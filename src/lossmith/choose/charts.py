"""The pictures of the report: the target, the differences, and the shape of each loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from lossmith.choose.profile import Profile
from lossmith.choose.summary import Line, weights
from lossmith.choose.svg import Frame, axis, curve, dot, line, picture, rect, short, text, ticks

if TYPE_CHECKING:
    from lossmith.loss import Loss

Array = NDArray[Any]


def target(profile: Profile) -> Markup:
    """The histogram of numbers, or a bar for every class."""
    return _histogram(profile) if profile.edges else _bars(profile)


def _histogram(profile: Profile) -> Markup:
    counts, edges = profile.counts, profile.edges
    top = max(counts)
    frame = Frame(12, 12, 596, 168, edges[0], edges[-1], 0, top)
    bars = [
        rect(
            frame.x(a) + 0.5,
            frame.y(count),
            frame.x(b) - frame.x(a) - 1,
            frame.bottom - frame.y(count),
            "bar",
            f"{short(a)} to {short(b)}: {count:,} rows",
        )
        for count, a, b in zip(counts, edges[:-1], edges[1:], strict=True)
    ]
    places = ticks(edges[0], edges[-1], 8)
    return picture(620, 206, "Histogram of the target", [*bars, axis(frame, places, [short(p) for p in places])])


def _bars(profile: Profile, most: int = 14) -> Markup:
    total = sum(profile.counts)
    shown = sorted(zip(profile.bars, profile.counts, strict=True), key=lambda pair: -pair[1])[:most]
    top = shown[0][1]
    parts = []
    for i, (name, count) in enumerate(shown):
        y = 8 + 26 * i
        width = 330 * count / top
        parts += [
            text(130, y + 15, _cut(name, 18), "tick end"),
            rect(140, y + 2, width, 18, "bar", f"{name}: {count:,} rows"),
            text(148 + width, y + 15, f"{count:,} ({count / total:.1%})", "tick"),
        ]
    if len(profile.bars) > most:
        parts.append(text(140, 22 + 26 * most, f"and {len(profile.bars) - most} more", "tick"))
    return picture(620, 26 * len(shown) + (34 if len(profile.bars) > most else 14), "Rows of each class", parts)


def forest(lines: Sequence[Line], winner: Line, margin: float) -> Markup:
    """The differences to the default in percent of its score, with intervals, the margin, and every fold as a dot."""
    plain = next(x for x in lines if x.default)
    unit = 100.0 / abs(plain.mean) if plain.mean else 1.0
    rivals = sorted((x for x in lines if x.versus is not None), key=lambda x: x.mean)
    frame = _forest_frame(rivals, unit, margin)
    band = frame.x(margin * unit) - frame.x(-margin * unit)
    parts = [
        rect(frame.x(-margin * unit), frame.top - 6, band, frame.height, "rope"),
        line(frame.x(0), frame.top - 6, frame.x(0), frame.bottom - 6, "zero"),
        text(frame.left, frame.top - 14, f"← better than {plain.name}", "tick"),
        text(frame.left + frame.width, frame.top - 14, "worse →", "tick end"),
    ]
    for i, rival in enumerate(rivals):
        parts += _row(frame, rival, plain, unit, frame.top + 12 + 34 * i, rival is winner)
    places = ticks(frame.x0, frame.x1, 6)
    foot = Frame(frame.left, frame.top, frame.width, frame.height - 4, frame.x0, frame.x1, 0, 1)
    labels = [f"{'+' if p > 0 else ''}{short(p)} %" for p in places]
    return picture(900, frame.bottom + 30, "Differences to the default", [*parts, axis(foot, places, labels)])


def _forest_frame(rivals: Sequence[Line], unit: float, margin: float) -> Frame:
    """Wide enough for every interval, unless one is ten times worse than the others: that one is cut."""
    edges = [e * unit for x in rivals if x.versus for e in (x.versus.low, x.versus.high)]
    low = min([*edges, -2 * margin * unit])
    typical = float(np.median(np.abs(edges))) if edges else 1.0
    high = min(max([*edges, 2 * margin * unit]), max(10 * typical, -low, 4 * margin * unit))
    pad = 0.06 * (high - low)
    return Frame(226, 34, 464, 34 * len(rivals) + 6, low - pad, high + pad, 0, 1)


def _row(frame: Frame, rival: Line, plain: Line, unit: float, y: float, wins: bool) -> list[Markup]:
    d = rival.versus
    assert d is not None
    kind = " good" if d.high < 0 else " bad" if d.low > 0 else ""
    low, mean, high = (_inside(frame, v * unit) for v in (d.low, d.mean, d.high))
    folds = [v * unit for v in rival.folds - plain.folds]
    label = f"{d.mean * unit:+.2f} %  [{d.low * unit:+.2f}, {d.high * unit:+.2f}]".replace("-", "−")
    parts = [text(frame.left - 14, y + 4, _cut(rival.name, 27), "label end" + (" strong" if wins else ""))]
    parts += [dot(frame.x(v), y + 9, 1.6, "fold") for v in folds if frame.x0 <= v <= frame.x1]
    parts += [
        line(frame.x(low), y, frame.x(high), y, "whisker" + kind),
        dot(frame.x(mean), y, 5, "mean" + kind, f"{rival.name}: {label}"),
        text(frame.left + frame.width + 18, y + 4, label, "label num"),
    ]
    return parts


def _inside(frame: Frame, value: float) -> float:
    return min(max(value, frame.x0), frame.x1)


def _cut(words: str, most: int) -> str:
    return words if len(words) <= most else words[: most - 1] + "…"


def shape(loss: Loss, y: float, classes: int) -> tuple[Markup, tuple[str, str, str]]:
    """Three small pictures of a loss side by side, and what they are called.

    Residual losses: ρ, ψ and the weight ψ(r)/r against r in units of scale, on axes shared by all. Margin losses:
    value, slope and curvature against the margin. Others: the same against the raw prediction at the target `y`, or
    at one that the loss admits.
    """
    draw = _SHAPES.get(loss.lift.name, _likelihood)
    x, columns, limits, names = draw(loss, _admitted(loss, y), classes)
    panels = [_panel(i, x, v, lim, c) for i, (v, lim, c) in enumerate(zip(columns, limits, _KINDS, strict=True))]
    return picture(340, 92, f"Shape of {loss.name}", panels), names


def _admitted(loss: Loss, y: float) -> float:
    return next((v for v in (y, 1.0, 0.5) if bool(np.all(loss.target.holds(np.array([v]))))), y)


_KINDS = ("rho", "psi", "weight")
Drawing = tuple[Array, tuple[Array, Array, Array], tuple[tuple[float, float], ...], tuple[str, str, str]]


def _panel(i: int, x: Array, v: Array, limits: tuple[float, float], kind: str) -> Markup:
    low, high = limits
    frame = Frame(4 + 114 * i, 4, 104, 84, float(x[0]), float(x[-1]), low, high)
    parts = [rect(frame.left, frame.top, frame.width, frame.height, "panel")]
    if low < 0 < high:
        parts.append(line(frame.left, frame.y(0), frame.left + frame.width, frame.y(0), "grid"))
    if frame.x0 < 0 < frame.x1:
        parts.append(line(frame.x(0), frame.top, frame.x(0), frame.bottom, "grid"))
    return Markup("").join([*parts, curve(frame, x, v, f"curve {kind}")])


def _residual(loss: Loss, y: float, classes: int) -> Drawing:
    r = np.linspace(-6, 6, 121) + 1e-9
    found = loss.evaluate(np.ones_like(r), 1.0 - r, ("value", "gradient"))  # y = 1: percentages are of it
    weight = weights(loss, r, 1.0)
    assert weight is not None
    limits = ((-0.3, 8.3), (-3.2, 3.2), (-0.06, 1.3))
    return r, (found.value, -found.gradient, weight), limits, ("ρ(r)", "ψ(r)", "weight")


def _margin(loss: Loss, y: float, classes: int) -> Drawing:
    m = np.linspace(-4, 4, 121) + 1e-9
    return _three(loss, np.ones_like(m), m, ("φ(m)", "slope", "curvature"))


def _likelihood(loss: Loss, y: float, classes: int) -> Drawing:
    z = np.linspace(-4, 4, 121)
    return _three(loss, np.full_like(z, y), z, ("ℓ(z)", "slope", "curvature"))


def _softmax(loss: Loss, y: float, classes: int) -> Drawing:
    """Two classes: the margin is the difference of their scores."""
    m = np.linspace(-6, 6, 121)
    return _three(loss, np.ones_like(m), m, ("ℓ(m)", "slope", "curvature"))


_SHAPES = {"residual": _residual, "margin": _margin, "softmax": _softmax}


def _three(loss: Loss, y: Array, z: Array, names: tuple[str, str, str]) -> Drawing:
    with np.errstate(all="ignore"):
        found = loss.evaluate(y, z, ("value", "gradient", "hessian"))
    columns = (found.value, found.gradient, found.hessian)
    return z, columns, tuple(_limits(v) for v in columns), names


def _limits(v: Array) -> tuple[float, float]:
    """The middle of what is finite, with a little room; steep ends are cut off."""
    seen = v[np.isfinite(v)]
    low, high = (float(q) for q in np.quantile(seen, (0.0, 0.97))) if len(seen) else (0.0, 1.0)
    low = max(low, float(np.quantile(seen, 0.03)) - 2 * (high - float(np.median(seen)))) if len(seen) else low
    pad = 0.08 * (high - low) or 0.5
    return low - pad, high + pad
