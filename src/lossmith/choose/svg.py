"""Drawing: a frame that maps numbers to places, and a few marks. Text is always escaped; colours are classes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from markupsafe import Markup, escape
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Frame:
    """A rectangle of the picture (left, top, width, height, in pixels) and the numbers at its edges."""

    left: float
    top: float
    width: float
    height: float
    x0: float
    x1: float
    y0: float
    y1: float

    def x(self, value: float) -> float:
        """The place of a number along the horizontal axis."""
        return self.left + (value - self.x0) / (self.x1 - self.x0) * self.width

    def y(self, value: float) -> float:
        """The place of a number along the vertical axis, which points up."""
        return self.top + self.height - (value - self.y0) / (self.y1 - self.y0) * self.height

    @property
    def bottom(self) -> float:
        """The lower edge, in pixels."""
        return self.top + self.height


def picture(width: float, height: float, says: str, parts: Iterable[Markup]) -> Markup:
    """A whole picture; `says` is its description for those who cannot see it."""
    body = Markup("").join(parts)
    head = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(_n(width), _n(height), says)
    return head + body + Markup("</svg>")


def line(x0: float, y0: float, x1: float, y1: float, kind: str) -> Markup:
    """A straight line."""
    return _tag("line", kind, x1=x0, y1=y0, x2=x1, y2=y1)


def rect(x: float, y: float, width: float, height: float, kind: str, says: str = "") -> Markup:
    """A rectangle, with what a pointer over it is told."""
    return _tag("rect", kind, says, x=x, y=y, width=max(width, 0.0), height=max(height, 0.0))


def dot(x: float, y: float, r: float, kind: str, says: str = "") -> Markup:
    """A filled circle."""
    return _tag("circle", kind, says, cx=x, cy=y, r=r)


def text(x: float, y: float, words: Any, kind: str = "") -> Markup:
    """Words at a place; the class decides their anchor."""
    place = Markup('<text x="{}" y="{}" class="{}">').format(_n(x), _n(y), kind)
    return place + escape(words) + Markup("</text>")


def curve(frame: Frame, x: NDArray[Any], y: NDArray[Any], kind: str) -> Markup:
    """A line through points; what leaves the frame is cut off at its edge, and gaps stay gaps."""
    pieces: list[str] = []
    pen = "M"
    for a, b in zip(x, y, strict=True):
        if not np.isfinite(b) or not frame.y0 <= b <= frame.y1:
            pen = "M"
            continue
        pieces.append(f"{pen}{_n(frame.x(a))} {_n(frame.y(b))}")
        pen = "L"
    return Markup('<path class="{}" d="{}"/>').format(kind, "".join(pieces))


def area(frame: Frame, x: NDArray[Any], low: NDArray[Any], high: NDArray[Any], kind: str) -> Markup:
    """The room between two curves, cut off at the edges of the frame."""
    there = np.isfinite(low) & np.isfinite(high)
    edges = [*zip(x[there], high[there], strict=True), *zip(x[there][::-1], low[there][::-1], strict=True)]
    inside = [(frame.x(a), frame.y(min(max(b, frame.y0), frame.y1))) for a, b in edges]
    return Markup('<path class="{}" d="M{}Z"/>').format(kind, "L".join(f"{_n(a)} {_n(b)}" for a, b in inside))


def ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Round numbers between two numbers, about `count` of them."""
    span = high - low
    if not span > 0:
        return [low]
    raw = span / max(count, 1)
    power = 10.0 ** np.floor(np.log10(raw))
    step = float(next(m for m in (1.0, 2.0, 2.5, 5.0, 10.0) if m * power >= raw * 0.999) * power)
    first = int(np.ceil(low / step - 1e-9))
    last = int(np.floor(high / step + 1e-9))
    return [round(k * step, 12) for k in range(first, last + 1)]


def axis(frame: Frame, places: Sequence[float], labels: Sequence[str]) -> Markup:
    """The horizontal axis below a frame, with its labels."""
    parts = [line(frame.left, frame.bottom, frame.left + frame.width, frame.bottom, "axis")]
    for place, label in zip(places, labels, strict=True):
        at = frame.x(place)
        parts += [line(at, frame.bottom, at, frame.bottom + 4, "axis"), text(at, frame.bottom + 17, label, "tick mid")]
    return Markup("").join(parts)


def short(value: float) -> str:
    """A number in at most four digits, with a true minus sign."""
    shown = f"{value:,.0f}" if 1000 <= abs(value) < 1e6 else f"{value:.4g}"
    return shown.replace("-", "−")


def _tag(name: str, kind: str, says: str = "", **numbers: float) -> Markup:
    places = Markup(" ").join(Markup('{}="{}"').format(k, _n(v)) for k, v in numbers.items())
    inner = Markup("<title>{}</title>").format(says) if says else Markup("")
    return Markup('<{} class="{}" {}>{}</{}>').format(Markup(name), kind, places, inner, Markup(name))


def _n(value: float) -> str:
    return f"{value:.1f}".rstrip("0").rstrip(".")
