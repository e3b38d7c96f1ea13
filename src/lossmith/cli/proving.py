"""`lossmith prove`: what is known of a loss, of a family of losses, or of the whole catalogue."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lossmith import certificates, proofs
from lossmith.catalogue import every, loss
from lossmith.cli.common import console
from lossmith.errors import ParameterError, hint
from lossmith.facts import Fact
from lossmith.loss import Formula, Loss

if TYPE_CHECKING:
    from rich.console import Console

    from lossmith.symbolic.certify import Certificate

MARKS = {True: "proved ", False: "refuted", None: "unknown"}
STANDS = {True: "confirmed", False: "CONTRADICTED", None: "not decided again"}


def prove(
    text: str | None, param: list[str], lift: str | None, fact: str | None, recheck: bool, as_json: bool, whole: bool
) -> None:
    """Print the verdicts on one loss, or on all of them."""
    if whole == (text is not None):
        raise ParameterError("name one loss or formula to prove, or pass --all")
    if whole:
        (_all_rechecked if recheck else _all)(as_json)
        return
    fixed, ranges = _given(param)
    one = _loss(str(text), lift, fixed, ranges)
    names = _names(one, fact)
    if recheck:
        _rechecked(one, ranges, names, as_json)
        return
    found = list(proofs.family(one, ranges, names)) if ranges else [one.facts()[name] for name in names]
    _show(one, ranges, found, as_json)


def _loss(text: str, lift: str | None, fixed: dict[str, float], ranges: proofs.Ranges) -> Loss:
    """The loss, with given parameters; a formula's further names are numbers, those of a range from its middle."""
    middle = {n: (a + b) / 2 for n, (a, b) in ranges.items()}
    one = loss(text, lift, **fixed, **middle)
    if lift is not None and not isinstance(one, Formula):
        raise ParameterError(f"--lift {lift}: is for formulas, and {one.name} has its own; leave it out")
    return one


def _given(param: list[str]) -> tuple[dict[str, float], dict[str, tuple[float, float]]]:
    """Parameters with one value, and those with a range: name=1.5, name=-1..1."""
    fixed: dict[str, float] = {}
    ranges: dict[str, tuple[float, float]] = {}
    for part in param:
        name, _, value = part.partition("=")
        low, dots, high = value.partition(".." if ".." in value else ":")
        try:
            if dots:
                ranges[name.strip()] = float(low), float(high)
            else:
                fixed[name.strip()] = float(low)
        except ValueError:
            raise ParameterError(f"--param {part!r}: write name=1.5, or name=-1..1 for a range") from None
    return fixed, ranges


def _names(one: Loss, fact: str | None) -> tuple[str, ...]:
    names = proofs.names_of(one)
    if fact is None:
        return names
    if fact not in names:
        raise ParameterError(f"no fact {fact!r} of a {one.lift.name} loss; {hint(fact, names)}")
    return (fact,)


def _show(one: Loss, ranges: proofs.Ranges, found: list[Fact], as_json: bool) -> None:
    if as_json:
        body = {
            "loss": repr(one),
            "ranges": {n: list(r) for n, r in ranges.items()},
            "facts": [*map(proofs.plain, found)],
        }
        _write(body)
        return
    screen = _headed(one, ranges)
    for fact in found:
        screen.print(f"  {MARKS[fact.holds]}  {fact.name}: {fact.because}", markup=False, soft_wrap=False)


def _write(body: Any) -> None:
    sys.stdout.write(json.dumps(body, indent=1, ensure_ascii=False) + "\n")


def _headed(one: Loss, ranges: proofs.Ranges) -> Console:
    """The screen, with the loss in its first line."""
    screen = console()
    over = ", ".join(f"{n} = {a:g}..{b:g}" for n, (a, b) in ranges.items())
    screen.print(f"{one!r}  {one.title}" + (f"\nfor all {over}" if over else ""), markup=False)
    return screen


def _rechecked(one: Loss, ranges: proofs.Ranges, names: tuple[str, ...], as_json: bool) -> None:
    made = certificates.every_fact(one, names, ranges)
    if as_json:
        body = {"loss": repr(one), "certificates": [c.to_json() for c in made]}
        _write(body)
        return
    screen = _headed(one, ranges)
    for c in made:
        screen.print(_line(c), markup=False, soft_wrap=False)
        for check in c.checks:
            if check.holds is not True:
                screen.print(f"      {check.claim}: {check.says}", markup=False)


def _line(c: Certificate) -> str:
    boxes, says = sum(check.boxes for check in c.checks), f"  {MARKS[c.fact.holds]}  {c.fact.name}: {c.fact.because}"
    if c.checks:
        return says + f"  [{STANDS[c.stands]}: {len(c.checks)} checks, {boxes} boxes]"
    return says if c.fact.holds is None else says + "  [no certificate]"


def _all_rechecked(as_json: bool) -> None:
    """The certificates of the whole catalogue, a line for each loss, and how many stand. It takes minutes."""
    began, screen = time.perf_counter(), console()
    counted: Counter[str] = Counter()
    body: dict[str, Any] = {}
    for name, kind in every().items():
        made = certificates.every_fact(kind(), proofs.names_of(kind()))
        ways = Counter(certificates.way(c) for c in made)
        counted.update(ways)
        if as_json:
            body[name] = [c.to_json() for c in made]
            continue
        screen.print(f"{name:36} " + ", ".join(f"{ways[w]} {w}" for w in certificates.WAYS if ways[w]), markup=False)
        for c in made:
            if certificates.way(c) in certificates.LOOSE:
                screen.print("  " + _line(c), markup=False, soft_wrap=False)
    if as_json:
        _write(body)
        return
    shares = "".join(f"\n  {counted[w]:5} {w}" for w in certificates.WAYS)
    took = time.perf_counter() - began
    screen.print(f"\n{len(every())} losses, {sum(counted.values())} facts in {took:.0f} s:{shares}", markup=False)


def _all(as_json: bool) -> None:
    """A line for each loss of the catalogue, and what is unknown."""
    began, screen = time.perf_counter(), console()
    verdicts: Counter[str] = Counter()
    body: dict[str, Any] = {}
    for name, facts in _everything():
        verdicts.update(fact.verdict for fact in facts)
        body[name] = [proofs.plain(fact) for fact in facts]
        unknown = ", ".join(fact.name for fact in facts if fact.holds is None)
        counted = Counter(fact.verdict for fact in facts)
        line = f"{name:36} {counted['proved']:3} proved {counted['refuted']:3} refuted {counted['unknown']:3} unknown"
        if not as_json:
            screen.print(line + (f": {unknown}" if unknown else ""), markup=False)
    if as_json:
        _write(body)
        return
    screen.print("\nUnknown, and what trying them by values alone says:", markup=False)
    for name, fact in unknowns(body):
        seen = proofs.suspicion(every()[name](), fact)
        screen.print(f"  {name}, {fact}: {seen}{proofs.why_open(name)}", markup=False)
    total = sum(verdicts.values())
    shares = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
    most = verdicts["unknown"] / max(1, verdicts["unknown"] + verdicts["proved"])
    shares += f" (at most {100 * most:.1f} % of what is true)"
    took = time.perf_counter() - began
    screen.print(f"\n{len(body)} losses, {total} facts: {shares}, in {took:.1f} s", markup=False)


def unknowns(body: Mapping[str, list[dict[str, Any]]]) -> list[tuple[str, str]]:
    """(loss, fact) of every fact that nobody decided."""
    return [(name, str(fact["name"])) for name, facts in body.items() for fact in facts if fact["verdict"] == "unknown"]


def _everything() -> Iterator[tuple[str, list[Fact]]]:
    for name, kind in every().items():
        yield name, list(kind().facts().values())
