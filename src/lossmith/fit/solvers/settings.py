"""The options that all stochastic solvers share: what each may be, what it is by default, and what it means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from lossmith.domain import Interval, Param, between, nonnegative
from lossmith.fit.schedule import POSITIVE, SCHEDULES, schedule


@dataclass(frozen=True, slots=True)
class OneOf:
    """An option that is one of some values (the first is the default), or else a number in a domain."""

    values: tuple[Any, ...]
    domain: Interval | None = None

    @property
    def default(self) -> Any:
        """What holds when nothing is said."""
        return self.values[0]

    def __contains__(self, value: object) -> bool:
        return value in self.values or (self.domain is not None and value in self.domain)

    def __iter__(self) -> Iterator[str]:
        yield from (str(value) for value in self.values)
        if self.domain is not None:
            yield str(self.domain)


@dataclass(frozen=True, slots=True)
class OneSchedule:
    """An option that is a schedule: a name, a mapping with its parameters, or a Schedule."""

    default: str

    def __contains__(self, value: Any) -> bool:
        schedule(value)
        return True

    def __iter__(self) -> Iterator[str]:
        yield from SCHEDULES


Setting = Param | OneOf | OneSchedule
SWITCH, LIT = OneOf((False, True)), OneOf((True, False))


def whole(low: int, default: int, doc: str) -> Param:
    """A whole number of at least `low`."""
    return Param(default, Interval(low, whole=True), doc)


COMMON: Mapping[str, Setting] = MappingProxyType(
    {
        # a number; "auto" finds one by backtracking on a few batches (see `first_rate`)
        "learning_rate": OneOf(("auto",), POSITIVE),
        "schedule": OneSchedule("cosine"),
        "warmup": nonnegative(0.0, "epochs over which the learning rate rises"),
        "batch_size": whole(1, 32, "rows per update; 1 is single-sample, at least the number of rows is full-batch"),
        "epochs": whole(1, 50, "at most this many walks over all rows"),
        "shuffle": LIT,
        "seed": whole(0, 0, "of the split, the shuffles and the search for a learning rate"),
        "clip_norm": OneOf((None,), POSITIVE),
        "clip_value": OneOf((None,), POSITIVE),
        # False, or what is watched; True means "validation"
        "early_stopping": OneOf((False, True, "validation", "training")),
        "validation_fraction": between(0.0, 1.0, 0.1, "share of the rows held out, when those are watched", ends="()"),
        "patience": whole(1, 5, "epochs without progress before stopping"),
        "min_delta": nonnegative(1e-4, "least progress of an epoch, as a share of all progress so far"),
        "restore_best": LIT,
        "average": SWITCH,
    }
)


def defaults(options: Mapping[str, Setting]) -> Mapping[str, Any]:
    """What every option is when nothing is said."""
    return {name: option.default for name, option in options.items()}


def settled(options: Mapping[str, Setting], given: Mapping[str, Any]) -> Mapping[str, Any]:
    """Every option as it was given, or else by default; whole numbers as integers."""
    every = {**defaults(options), **given}
    counts = [name for name, option in options.items() if isinstance(option, Param) and option.domain.whole]
    return MappingProxyType({**every, **{name: int(every[name]) for name in counts}})
