"""Straight-line scalar code: the only contract between mathematics and machines.

`symbolic/` makes a `Program`, `backends/` print it, and `Program.run` is the living definition that every backend
is measured against: mpmath, with the precision doubled until two results agree to 80 bits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from lossmith.words import WORDS, definitions

Arg = str | float
"""A name (of an input, a parameter or an earlier step) or a constant."""


@dataclass(frozen=True, slots=True)
class Step:
    """`name = word(*args)`."""

    name: str
    word: str
    args: tuple[Arg, ...]

    def __str__(self) -> str:
        shown = ", ".join(a if isinstance(a, str) else repr(a) for a in self.args)
        return f"{self.name} = {self.word}({shown})"


@dataclass(frozen=True)
class Program:
    """Steps in order from named inputs (arrays) and parameters (scalars) to named outputs."""

    inputs: tuple[str, ...]
    params: tuple[str, ...]
    steps: tuple[Step, ...]
    outputs: tuple[tuple[str, Arg], ...]
    note: str = ""

    def __post_init__(self) -> None:
        known = set(self.inputs) | set(self.params)
        for step in self.steps:
            if WORDS.get(step.word) != len(step.args):
                raise ValueError(f"{step}: no such word with {len(step.args)} arguments")
            _demand(known, step.args, str(step))
            known.add(step.name)
        _demand(known, [a for _, a in self.outputs], "outputs")

    @cached_property
    def _hash(self) -> int:
        return hash((self.inputs, self.params, self.steps, self.outputs))

    def __hash__(self) -> int:
        return self._hash

    @property
    def wants(self) -> tuple[str, ...]:
        """The names of the outputs, in order."""
        return tuple(name for name, _ in self.outputs)

    @cached_property
    def digest(self) -> str:
        """A hash of the content (not of the note): equal code, equal digest."""
        body = json.dumps(replace(self, note="").to_json(), sort_keys=True)
        return hashlib.sha256(body.encode()).hexdigest()[:24]

    def only(self, *names: str) -> Program:
        """The same program for fewer outputs, in the order asked, without the steps that became dead."""
        return _only(self, names)

    def run(self, values: Mapping[str, float], *, bits: int = 128, agree: int = 80, most: int = 8192) -> dict[str, Any]:
        """Every output as an mpmath number, right to `agree` bits, for exact float inputs and parameters.

        The precision starts at `bits` and doubles until two results agree; a zero, which cancellation can fake,
        is believed only at the precision `most`.
        """
        import mpmath

        before = None
        while True:
            with mpmath.workprec(bits):
                now = self._run_once({k: mpmath.mpf(v) for k, v in values.items()})
            if before is not None and all(_agree(before[k], now[k], agree, bits >= most) for k in now):
                return now
            if bits >= most:
                return now
            before, bits = now, 2 * bits

    def _run_once(self, values: Mapping[str, Any]) -> dict[str, Any]:
        import mpmath

        words = definitions()
        table: dict[str, Any] = dict(values)

        def get(a: Arg) -> Any:
            return table[a] if isinstance(a, str) else mpmath.mpf(a)

        for step in self.steps:
            table[step.name] = words[step.word](*map(get, step.args))
        return {name: get(a) for name, a in self.outputs}

    def to_json(self) -> dict[str, Any]:
        """A plain structure for JSON; `from_json` is its inverse. Constants are written with `float.hex`."""
        return {
            "inputs": list(self.inputs),
            "params": list(self.params),
            "steps": [[s.name, s.word, *map(_dump, s.args)] for s in self.steps],
            "outputs": [[n, _dump(a)] for n, a in self.outputs],
            "note": self.note,
        }

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> Program:
        """The program that `to_json` wrote."""
        steps = tuple(Step(s[0], s[1], tuple(map(_load, s[2:]))) for s in body["steps"])
        outputs = tuple((n, _load(a)) for n, a in body["outputs"])
        return cls(tuple(body["inputs"]), tuple(body["params"]), steps, outputs, body.get("note", ""))

    def __str__(self) -> str:
        head = f"# {self.note}\n" if self.note else ""
        lines = [f"({', '.join(self.inputs)}; {', '.join(self.params)})", *map(str, self.steps)]
        return head + "\n".join([*lines, *(f"{n} <- {a}" for n, a in self.outputs)])


@lru_cache(maxsize=4096)
def _only(program: Program, names: tuple[str, ...]) -> Program:
    table = dict(program.outputs)
    missing = [n for n in names if n not in table]
    if missing:
        raise KeyError(f"no output {missing[0]!r}; there are {', '.join(table)}")
    outputs = tuple((n, table[n]) for n in names)
    alive = {a for _, a in outputs if isinstance(a, str)}
    steps: list[Step] = []
    for step in reversed(program.steps):
        if step.name in alive:
            steps.append(step)
            alive.update(a for a in step.args if isinstance(a, str))
    return replace(program, steps=tuple(reversed(steps)), outputs=outputs)


def _demand(known: set[str], args: Iterable[Arg], where: str) -> None:
    for a in args:
        if isinstance(a, str) and a not in known:
            raise ValueError(f"{where}: {a!r} is not known there")


def _dump(a: Arg) -> str | list[str]:
    return a if isinstance(a, str) else [float(a).hex()]


def _load(a: str | list[str]) -> Arg:
    return a if isinstance(a, str) else float.fromhex(a[0])


def _agree(a: Any, b: Any, bits: int, last: bool) -> bool:
    import mpmath

    if mpmath.isnan(a) or mpmath.isnan(b):
        return bool(mpmath.isnan(a) and mpmath.isnan(b))
    if a == 0 or b == 0:
        return last and bool(a == b)
    if mpmath.isinf(a) or mpmath.isinf(b):
        return bool(a == b)
    return bool(abs(a - b) <= mpmath.ldexp(abs(b), -bits))
