"""All 2³² float32 numbers through the compiled kernels of losses of one argument: the largest error of each output.

python tools/every_float32.py                  every loss of one argument, at its default parameters (hours on a core)
python tools/every_float32.py Huber LogCosh    these; one to three minutes each on a quiet core
python tools/every_float32.py --part 3/30      the third of thirty shares of the losses
python tools/every_float32.py --tonight 30     the share of today's date: thirty nights see every loss
    --minutes 20                               stop after so long, in the middle of a loss if need be
    --resume build/every_float32.json          go on where the last run stopped, and begin anew once all are done

The exit status is 1 if any output is off by more than the contract of docs/accuracy.md allows. `make nightly` runs a
share, and goes on from night to night.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import lossmith
from lossmith.accuracy.narrow import EVERY, Everywhere, Worst, one_argument

STEP = 2**26
"""Numbers between two looks at the clock: a few seconds."""

Places = dict[str, dict[str, Any]]
"""By loss: where to go on, and what was found so far."""


def share(names: Sequence[str], part: int, parts: int) -> list[str]:
    """The part (1, 2, …) of the names: every so manyth, so that the shares are alike."""
    if not 1 <= part <= parts:
        raise ValueError(f"--part {part}/{parts}: a part is one of 1 … {parts}")
    return list(names[part - 1 :: parts])


def tonight(names: Sequence[str], parts: int, today: date) -> list[str]:
    """The share of a date: on so many days in a row every name has its turn."""
    return share(names, today.toordinal() % parts + 1, parts)


def restored(place: dict[str, Any], worst: dict[str, Worst]) -> int:
    """Put back what was found, and tell where to go on."""
    for name, values in place.get("worst", {}).items():
        for field, value in values.items():
            setattr(worst[name], field, value)
    return int(place.get("next", 0))


def kept(worst: dict[str, Worst]) -> dict[str, Any]:
    """What was found, as plain values."""
    fields = ("ulps", "at", "got", "true", "off")
    return {name: {f: getattr(w, f) for f in fields} for name, w in worst.items()}


def look(name: str, everywhere: Everywhere, place: dict[str, Any], deadline: float, every: int = EVERY) -> bool:
    """Look at a loss's numbers from its place on until all are seen (True) or time is up."""
    worst = everywhere.worst
    start = restored(place, worst)
    while start < every and time.monotonic() < deadline:
        stop = min(start + STEP, every)
        everywhere.look([(start, stop)])
        start = stop
        place.update(next=start, worst=kept(worst))
        bar = "#" * (30 * start // every)
        print(f"\r{name:32} [{bar:30}] {start / every:4.0%}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return start >= every


def remembered(path: Path | None, names: Sequence[str]) -> Places:
    """The places of the last run; none once all of these losses are done."""
    places: Places = json.loads(path.read_text(encoding="utf-8")) if path and path.exists() else {}
    done = all(places.get(name, {}).get("next") == EVERY for name in names)
    return {} if done else places


def write(path: Path | None, places: Places) -> None:
    """The places for the next run."""
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(places, indent=1), encoding="utf-8")


def chosen(options: argparse.Namespace) -> list[str]:
    """The names of the losses to look at."""
    names = [name for name, kind in lossmith.losses().items() if one_argument(kind())]
    unknown = set(options.losses) - set(names)
    if unknown:
        raise SystemExit(f"no loss of one argument: {', '.join(sorted(unknown))}")
    names = list(options.losses) or names
    if options.tonight:
        return tonight(names, options.tonight, date.today())
    return share(names, *map(int, options.part.split("/"))) if options.part else names


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("losses", nargs="*")
    parser.add_argument("--part", help="i/n: the ith of n shares")
    parser.add_argument("--tonight", type=int, metavar="N", help="the share of today's date, of N")
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--resume", type=Path, metavar="FILE")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    """Print a paragraph for each loss that is done."""
    options = arguments(given)
    names, deadline, broken = chosen(options), time.monotonic() + 60 * options.minutes, 0
    places = remembered(options.resume, names)
    for name in names:
        place = places.setdefault(name, {})
        if place.get("next") == EVERY or time.monotonic() >= deadline:
            continue
        everywhere = Everywhere(lossmith.losses()[name]())
        done = look(name, everywhere, place, deadline)
        write(options.resume, places)
        if done:
            print(name, *everywhere.worst.values(), sep="\n  ", flush=True)
        broken += not all(w.holds for w in everywhere.worst.values())
    seen = sum(places[name].get("next") == EVERY for name in names)
    print(f"{seen} of {len(names)} losses seen whole")
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
