"""Facts of a loss: proved, refuted at a witness, or unknown; never asserted.

    facts(slot, {"delta": 1.345}, "residual")["convex"]

`slot` is the Program of the formula in its slot (inputs: the slot first, then y or mean_logp where the formula has it;
outputs value, d1, d2 in the first slot, the derivatives almost everywhere). The value is what is proved about; d1 and
d2 are derived again unless algebra shows them to be its derivatives. Everything is proved at the given parameters and
constants, as exact doubles. Each verdict is made when it is asked for, and may be kept as text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict
from functools import cached_property
from typing import TYPE_CHECKING

from lossmith.domain import Interval
from lossmith.facts import Fact
from lossmith.program import Program

if TYPE_CHECKING:
    from lossmith.symbolic.case import Case

Keep = Callable[[str, Callable[[], str]], str]
"""(key, make) → text: how verdicts are kept between processes."""

RECIPE = 18
"""Raise it whenever a verdict could come out differently; kept ones are then made anew."""


class Facts(Mapping[str, Fact]):
    """The facts of one loss by name, each made on first use; one that was kept is read without any prover."""

    def __init__(
        self,
        slot: Program,
        params: Mapping[str, float],
        lift: str,
        target: Interval,
        literal: Program | None,
        keep: Keep | None,
    ) -> None:
        self._given, self._keep = (slot, dict(params), lift, target), keep
        self._literal, self._key = literal, key_of(*self._given, {}, literal)
        self._made: dict[str, Fact] = {}

    @cached_property
    def case(self) -> Case:
        """The loss as its provers see it."""
        from lossmith.symbolic.case import Case

        return Case(*self._given, literal=self._literal)

    @cached_property
    def _names(self) -> Collection[str]:
        from lossmith.symbolic.provers import PROVERS

        return PROVERS[self._given[2]]

    def __getitem__(self, name: str) -> Fact:
        if name not in self._made:
            text = (self._keep or _made)(f"{self._key}-{RECIPE}-{name.replace(' ', '-')}", lambda: self._text(name))
            self._made[name] = loaded(text)
        return self._made[name]

    def _text(self, name: str) -> str:
        """A verdict, made now."""
        from lossmith.symbolic.provers import answer

        if name not in self._names:
            raise KeyError(name)
        return dumped(answer(self.case, name))

    def __contains__(self, name: object) -> bool:
        return name in self._made or name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return "\n".join(str(self[name]) for name in self)


def _made(key: str, make: Callable[[], str]) -> str:
    return make()


def facts(
    slot: Program,
    params: Mapping[str, float],
    lift: str,
    *,
    target: Interval | None = None,
    literal: Program | None = None,
    keep: Keep | None = None,
) -> Facts:
    """The facts of the loss with this slot Program at these parameters; asking raises KeyError where a lift has none.

    target: where y lies, for formulas that use it. literal: the formula as it stands, a second chance.
    keep: stores and finds verdicts as text by key.
    """
    return Facts(slot, params, lift, target or Interval(), literal, keep)


def key_of(
    program: Program,
    params: Mapping[str, float],
    lift: str,
    target: Interval,
    ranges: Mapping[str, tuple[float, float]],
    literal: Program | None,
) -> str:
    """A key for everything that a verdict depends on."""
    ends = [target.low.hex(), target.high.hex()]
    parts = [program.digest, lift, sorted((k, v.hex()) for k, v in params.items()), ends]
    parts += [sorted((k, a.hex(), b.hex()) for k, (a, b) in ranges.items())] if ranges else []
    parts += [literal.digest] if literal else []
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]


def dumped(fact: Fact) -> str:
    """A fact as JSON."""
    return json.dumps(asdict(fact))


def loaded(text: str) -> Fact:
    """The fact that `dumped` wrote."""
    return Fact(**json.loads(text))
