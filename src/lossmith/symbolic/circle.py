"""Losses of an angle: is the slope a positive multiple of sin(u)cos(u), with u half the angle?"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from lossmith.symbolic.case import Case
from lossmith.symbolic.cover import Region, exact_inputs, mirrored
from lossmith.symbolic.exact import Exact, NotExact, Value, number
from lossmith.symbolic.strict import above_zero

DIRECTION = "the mean direction: that of the mean point on the circle"
WINDOW = "mode-like: where y is densest on the circle, in a window as wide as the loss is bent"


Share = tuple[Value, Fraction]
"""What sin(2u) is multiplied by, and how many times the slot 2u is."""


def shares(case: Case) -> list[Share]:
    """Of every piece the slope as a positive multiple of sin(2u); empty where it is not one."""
    found = [_share(r) for r in case.regions] if case.period is not None else []
    return [share for share in found if share is not None] if None not in found else []


def same(found: list[Share]) -> bool:
    """Is it one number for all pieces, and 2u the slot itself: is the slope that of 1 − cos?"""
    known = {share.constant() for share, _ in found}
    return None not in known and len(known) == 1 and all(times == 1 for _, times in found)


def _share(region: Region) -> Share | None:
    """The slope divided by sin(u)cos(u), or by sin(2u) where that is what it is made of; None if that is not > 0."""
    field = Exact()
    try:
        inputs = exact_inputs(region, field)
        slope = field.run(region.program.only("d1"), inputs)["d1"]
        angles = {word: {key[1] for key in field.atoms if key[0] == word} for word in ("sin", "cos")}
        known = [a for a in angles.values() if a]
        if not known or any(a != known[0] or len(a) != 1 for a in known):
            return None
        (angle,) = known[0]
        wave = field.atom("sin", angle)
        wave = field.mul(wave, field.atom("cos", angle)) if angles["cos"] else wave
        share = field.mul(field.div(slope, wave), number(-1 if mirrored(region) else 1))
    except NotExact:
        return None
    times = _times(angle, inputs[region.variable].key)
    if times is None or not above_zero(region, field, share):
        return None
    return share, times * (2 if angles["cos"] else 1)


def _times(angle: tuple[Any, ...], slot: tuple[Any, ...]) -> Fraction | None:
    """How many times the slot it is, without the sign; None if it is no multiple."""
    (top, bottom), (only, _) = angle, slot
    alike = len(top) == 1 and top[0][0] == only[0][0] and [m for m, _ in bottom] == [()]
    return abs(Fraction(top[0][1] / bottom[0][1])) if alike else None
