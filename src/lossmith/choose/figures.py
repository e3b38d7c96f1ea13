"""Pictures of several losses at once: contamination, calibration, and Murphy diagrams."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from lossmith.choose import theory
from lossmith.choose.contaminate import RATES, Scenario
from lossmith.choose.murphy import Murphy
from lossmith.choose.svg import Frame, area, axis, curve, line, picture, rect, short, text, ticks

if TYPE_CHECKING:
    from lossmith.choose.summary import Line

Array = NDArray[Any]
COLOURS = 8
"""Colours of the style sheet; candidates beyond them begin again with the first."""


def contamination(scenario: Scenario, names: Sequence[str], shown: int, trimmed: bool = False) -> Markup:
    """Curves over the share of bad rows; bands of ± 2 standard errors for the default and the loss `shown`."""
    mean, error = scenario.curve(trimmed)
    rates = np.array(RATES)
    finite = mean[np.isfinite(mean)]
    low, high = float(finite.min()), min(float(finite.max()), max(1.15, 1.1 * float(mean[:, 0].max())))
    pad = 0.07 * max(high - low, 0.02)
    frame = Frame(58, 14, 470, 250, 0.0, rates[-1], low - pad, high + pad)
    parts = [_grid(frame), *(_level(frame, 1.0, "the best constant") if frame.y0 < 1 < frame.y1 else [])]
    for k in sorted({0, shown}):
        parts.append(area(frame, rates, mean[k] - 2 * error[k], mean[k] + 2 * error[k], f"band {_colour(k)}"))
    fine = np.linspace(0, rates[-1], 81)
    for k in range(len(names)):
        parts.append(curve(frame, fine, np.interp(fine, rates, mean[k]), f"curve {_colour(k)}"))
    ends = [(_last(frame, fine, np.interp(fine, rates, m)), k) for k, m in enumerate(mean)]
    parts += _labels(frame, ends, names)
    places = [float(r) for r in rates if r == 0 or r >= 0.05]
    parts.append(axis(frame, places, [f"{100 * r:g} %" for r in places]))
    parts.append(
        text(frame.left + frame.width / 2, frame.bottom + 36, "share of training rows that are bad", "tick mid")
    )
    says = f"Score against the share of bad training rows: {scenario.says}"
    return picture(680, 306, says, parts)


def murphy(found: Murphy, shown: int) -> Markup:
    """Differences of elementary scores to the default, with a band for the loss `shown`."""
    values = np.concatenate([mean for _, mean, _ in found.lines])
    bands = [2 * error for i, (_, _, error) in enumerate(found.lines) if i + 1 == shown]
    reach = float(np.quantile(np.abs(values), 0.98)) + float(max((b.max() for b in bands), default=0.0)) or 1.0
    t = found.thresholds
    frame = Frame(70, 30, 458, 230, float(t[0]), float(t[-1]), -reach, reach)
    parts = [_grid(frame), *_level(frame, 0.0, "")]
    parts.append(text(frame.left, frame.top - 14, "above 0 the default is better, below 0 it is worse", "tick"))
    for i, (_, mean, error) in enumerate(found.lines, start=1):
        if i == shown:
            parts.append(area(frame, t, mean - 2 * error, mean + 2 * error, f"band {_colour(i)}"))
        parts.append(curve(frame, t, mean, f"curve {_colour(i)}"))
    ends = [(_last(frame, t, mean), i) for i, (_, mean, _) in enumerate(found.lines, start=1)]
    parts += _labels(frame, ends, ["", *(one.name for one, _, _ in found.lines)])
    places = ticks(frame.x0, frame.x1, 6)
    parts.append(axis(frame, places, [short(p) for p in places]))
    parts.append(text(frame.left + frame.width / 2, frame.bottom + 36, "threshold", "tick mid"))
    return picture(680, 304, "Murphy diagram: elementary scores minus the default's", parts)


def reliability(name: str, k: int, shares: bool, guess: Array, came: Array, every: Array) -> Markup:
    """What came of predictions, against the diagonal, above a histogram of them; `shares` are drawn from 0 to 1."""
    low, high = (0.0, 1.0) if shares else (float(v) for v in np.quantile(every, (0.005, 0.995)))
    high = high if high > low else low + 1.0
    frame = Frame(58, 10, 232, 240, low, high, low, high)
    counts, edges = np.histogram(every, np.linspace(low, high, 41))
    top = max(int(counts.max()), 1)
    parts = [_grid(frame, 0.25 if shares else None)]
    for count, a, b in zip(counts, edges[:-1], edges[1:], strict=True):
        tall = 44 * count / top
        parts.append(rect(frame.x(a) + 0.5, frame.bottom - tall, frame.x(b) - frame.x(a) - 1, tall, "bar faint"))
    parts.append(line(frame.x(low), frame.y(low), frame.x(high), frame.y(high), "zero"))
    inside = np.flatnonzero((guess >= low) & (guess <= high))
    keep = inside[np.unique(np.linspace(0, len(inside) - 1, 400).astype(int))]
    parts.append(curve(frame, guess[keep], came[keep], f"curve {_colour(k)}"))
    places = [0.0, 0.25, 0.5, 0.75, 1.0] if shares else ticks(low, high, 4)
    parts.append(axis(frame, places, [f"{100 * p:g} %" if shares else short(p) for p in places]))
    return picture(310, 282, f"Calibration of {name}", parts)


def influence(lines: Sequence[Line]) -> Markup | None:
    """How far one row moves the fit, by its residual, at the normal law; None where no loss is one of residuals."""
    r = np.linspace(-8.0, 8.0, 161) + 1e-9
    found = [(k, one.name, v) for k, one in enumerate(lines) if (v := theory.influence(one.loss, r)) is not None]
    if not found:
        return None
    frame = Frame(58, 14, 470, 220, -8.0, 8.0, -4.2, 4.2)
    parts = [_grid(frame), *_level(frame, 0.0, "")]
    parts += [curve(frame, r, v, f"curve {_colour(k)}") for k, _, v in found]
    parts += _labels(frame, [(_last(frame, r, v), k) for k, _, v in found], [one.name for one in lines])
    places = [-8.0, -4.0, 0.0, 4.0, 8.0]
    parts.append(axis(frame, places, [short(p) for p in places]))
    parts.append(text(frame.left + frame.width / 2, frame.bottom + 36, "residual, in units of scale", "tick mid"))
    return picture(680, 276, "Influence function of each loss", parts)


def _grid(frame: Frame, step: float | None = None) -> Markup:
    """Horizontal lines with their numbers at the left."""
    places = ticks(frame.y0, frame.y1, 5) if step is None else list(np.arange(0, 1.01, step))
    parts = []
    for place in places:
        y = frame.y(place)
        words = short(place) if step is None else f"{100 * place:g} %"
        parts += [
            line(frame.left, y, frame.left + frame.width, y, "grid"),
            text(frame.left - 6, y + 4, words, "tick end"),
        ]
    return Markup("").join(parts)


def _level(frame: Frame, value: float, words: str) -> list[Markup]:
    y = frame.y(value)
    said = [text(frame.left + 6, y - 5, words, "tick")] if words else []
    return [line(frame.left, y, frame.left + frame.width, y, "zero"), *said]


def _last(frame: Frame, x: Array, y: Array) -> float:
    """The height, in pixels, at which a curve leaves the frame or ends."""
    inside = np.flatnonzero(np.isfinite(y) & (y >= frame.y0) & (y <= frame.y1))
    return frame.y(float(y[inside[-1]])) if len(inside) else frame.top


def _colour(k: int) -> str:
    """The class of the k-th candidate in the style sheet."""
    return f"s{k % COLOURS}"


def _labels(frame: Frame, ends: Sequence[tuple[float, int]], names: Sequence[str]) -> list[Markup]:
    """Names to the right of a frame, at the heights of their curves, pushed apart where they would overlap."""
    ordered = sorted(ends)
    places = _apart([y for y, _ in ordered], frame.bottom)
    x = frame.left + frame.width
    out = []
    for place, (y, k) in zip(places, ordered, strict=True):
        name = names[k] if len(names[k]) <= 16 else names[k][:15] + "…"
        out += [
            line(x + 2, y, x + 14, place, f"lead {_colour(k)}"),
            text(x + 18, place + 4, name, f"label {_colour(k)}"),
        ]
    return out


def _apart(places: list[float], most: float, room: float = 15.0) -> list[float]:
    """Ascending places moved as little as needed to lie `room` apart, none beyond `most`."""
    for i in range(1, len(places)):
        places[i] = max(places[i], places[i - 1] + room)
    limit = most
    for i in range(len(places) - 1, -1, -1):
        places[i] = min(places[i], limit)
        limit = places[i] - room
    return places
