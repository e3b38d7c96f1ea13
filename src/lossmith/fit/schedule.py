"""Learning-rate schedules: how large a step is, as a factor of the learning rate, after so many epochs.

A schedule is a pure function of time. Time is counted in epochs and runs on within one (the third of four updates of
the first epoch happens at 0.5), so that a schedule means the same whatever the batch size and the number of rows.

    constant       1
    step           factor ** floor(t / every)
    exponential    factor ** t
    inverse-time   (1 + decay·t) ** -power
    cosine         floor + (1 − floor)·(1 + cos(π·min(t, over)/over))/2
    warm-up        from start to 1 in a straight line over its epochs, then any of the others, its clock set to zero
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from difflib import get_close_matches
from typing import Any, ClassVar, Protocol, cast

from lossmith.domain import Interval
from lossmith.errors import ParameterError

POSITIVE = Interval(0.0, open_low=True)
NONNEGATIVE = Interval(0.0)
UNIT = Interval(0.0, 1.0)
SHRINKING = Interval(0.0, 1.0, open_low=True)


class Schedule(Protocol):
    """Anything that says which factor the learning rate has `t` epochs into a run of `epochs`."""

    def __call__(self, t: float, epochs: float) -> float: ...


class _Checked:
    """Checks every parameter against its declared domain, when a schedule is made."""

    domains: ClassVar[Mapping[str, Interval]] = {}

    def __post_init__(self) -> None:
        for name, domain in self.domains.items():
            value = getattr(self, name)
            if value is not None and value not in domain:
                raise ParameterError(f"{type(self).__name__}({name}={value!r}): {name} must be {domain}")


@dataclass(frozen=True)
class Constant(_Checked):
    """The same learning rate from first to last."""

    def __call__(self, t: float, epochs: float) -> float:
        return 1.0


@dataclass(frozen=True)
class Step(_Checked):
    """Multiplied by `factor` each time `every` epochs have passed."""

    every: float = 10.0
    factor: float = 0.5
    domains = {"every": POSITIVE, "factor": SHRINKING}

    def __call__(self, t: float, epochs: float) -> float:
        return float(self.factor ** math.floor(t / self.every))


@dataclass(frozen=True)
class Exponential(_Checked):
    """Multiplied by `factor` over each epoch."""

    factor: float = 0.9
    domains = {"factor": SHRINKING}

    def __call__(self, t: float, epochs: float) -> float:
        return float(self.factor**t)


@dataclass(frozen=True)
class InverseTime(_Checked):
    """Falls like one over the epochs passed: (1 + decay·t) ** -power.

    A power in (1/2, 1] is what stochastic approximation asks for (Robbins and Monro 1951, doi:10.1214/aoms/1177729586).
    """

    decay: float = 1.0
    power: float = 1.0
    domains = {"decay": NONNEGATIVE, "power": NONNEGATIVE}

    def __call__(self, t: float, epochs: float) -> float:
        return float((1.0 + self.decay * t) ** -self.power)


@dataclass(frozen=True)
class Cosine(_Checked):
    """Half a cosine wave from 1 down to `floor` over `over` epochs (default: the whole run), and `floor` from then on.

    Loshchilov and Hutter 2017, arXiv:1608.03983, without restarts.
    """

    floor: float = 0.0
    over: float | None = None
    domains = {"floor": UNIT, "over": POSITIVE}

    def __call__(self, t: float, epochs: float) -> float:
        over = epochs if self.over is None else self.over
        wave = (1.0 + math.cos(math.pi * min(t / over, 1.0))) / 2.0
        return self.floor + (1.0 - self.floor) * wave


@dataclass(frozen=True)
class WarmUp(_Checked):
    """Rises in a straight line from `start` to 1 over the first `over` epochs, then follows `then` from its start."""

    then: Schedule = Constant()
    over: float = 1.0
    start: float = 0.1
    domains = {"over": POSITIVE, "start": UNIT}

    def __call__(self, t: float, epochs: float) -> float:
        if t < self.over:
            return self.start + (1.0 - self.start) * t / self.over
        return self.then(t - self.over, max(epochs - self.over, 1.0))


SCHEDULES: Mapping[str, type[Schedule]] = {
    "constant": Constant,
    "step": Step,
    "exponential": Exponential,
    "inverse-time": InverseTime,
    "cosine": Cosine,
}


def schedule(spec: str | Mapping[str, Any] | Schedule, warmup: float = 0.0) -> Schedule:
    """A schedule from its name, from a mapping such as {"name": "step", "every": 20}, or as it is if it is one already.

    `warmup` epochs of rising learning rate are put in front where it is positive. An unknown name or parameter is a
    ParameterError that suggests the nearest one.
    """
    made = _made(spec)
    return WarmUp(made, over=warmup) if warmup else made


def _made(spec: str | Mapping[str, Any] | Schedule) -> Schedule:
    if isinstance(spec, str):
        return _lookup(spec)()
    if not isinstance(spec, Mapping):
        return _usable(spec)
    given = dict(spec)
    made = _lookup(given.pop("name", None))
    known = [f.name for f in fields(made)]  # type: ignore[arg-type]
    for name in given:
        known_or_refused(name, known, f"the schedule {spec['name']!r} has no parameter")
    return made(**given)


def _lookup(name: object) -> type[Schedule]:
    known_or_refused(name, list(SCHEDULES), "there is no schedule")
    return SCHEDULES[str(name)]


def _usable(spec: object) -> Schedule:
    if not callable(spec):
        names = ", ".join(SCHEDULES)
        raise ParameterError(f"schedule={spec!r}: give one of {names}, a mapping with its name, or a Schedule")
    return cast(Schedule, spec)


def known_or_refused(name: object, known: list[str], refusal: str) -> None:
    """Nothing if `name` is among the known names; else a ParameterError with the nearest one, and all of them."""
    if name in known:
        return
    near = get_close_matches(str(name), known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ParameterError(f"{refusal} {name!r}; {hint}known: {', '.join(known) or 'none'}")
