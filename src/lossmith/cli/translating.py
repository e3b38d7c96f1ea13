"""`lossmith translate`: a loss of another library here, and in other libraries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lossmith.adapters.rosetta import Reading, Row, convention, peers, read, rows, spell, written
from lossmith.catalogue import loss as named
from lossmith.cli.common import console
from lossmith.errors import UnsupportedError, nearest

if TYPE_CHECKING:
    from lossmith.loss import Loss


def translate(text: str, to: str | None) -> None:
    """What the text means, and its names in one library or in all."""
    from rich.text import Text

    screen = console()
    for line in list(lines(text, to)):
        screen.print(Text(line), soft_wrap=True)


def lines(text: str, to: str | None) -> Iterator[str]:
    """The answer, line by line."""
    source = read(text) if re.match(r"\s*\w+\s*:", text) else None
    loss = source.loss if source else named(text)
    yield f"{loss!r}: {loss.title}"
    if source:
        yield from _told(source)
    for peer in [to] if to else _elsewhere(loss, source):
        for target in spell(loss, peer):
            yield ""
            yield from _told(target)
            yield from _caveats(source, target)


def _elsewhere(loss: Loss, source: Reading | None) -> list[str]:
    """The other libraries that can express it."""
    able = {row.peer for row in rows() if row.loss == loss.name and row.theirs(loss) is not None}
    found = sorted(able - ({source.row.peer} if source else set()))
    if not found and not source:
        raise UnsupportedError(f"no library in the table has {loss!r}; `lossmith translate` knows {', '.join(peers())}")
    return found


def _told(reading: Reading) -> Iterator[str]:
    row = reading.row
    yield f"{peers()[row.peer]}: {written(reading)}"
    more = " + terms in y alone" if row.constant else ""
    yield f"  = {reading.factor:g} × {reading.loss!r}{more}"
    for label, said in (
        ("residuals in units of", row.scale),
        ("predicts", row.predicts),
        ("labels", row.labels),
        ("second derivative", row.hessian),
        ("note", row.note),
        ("not part of the loss", ", ".join(_unheard(name, row) for name in reading.ignored)),
        ("convention", convention(row.peer)),
    ):
        if said:
            yield f"  {label}: {said}"


def _unheard(name: str, row: Row) -> str:
    """An argument that says nothing about the loss, and the one that may have been meant."""
    near = nearest(name, sorted(row.heard))
    return f"{name} (did you mean {near}?)" if near else name


def _caveats(source: Reading | None, target: Reading) -> Iterator[str]:
    """What else must change for the two to be the same fit."""
    if source is None:
        return
    if source.row.scale != target.row.scale:
        first, second = source.row.scale or "y", target.row.scale or "y"
        yield f"  beware: residuals were in units of {first}, now of {second}: parameters must be converted"
    ratio = source.factor / target.factor
    if ratio != 1:
        yield f"  beware: the loss was {ratio:g} times this one; divide the strength of a penalty by {ratio:g}"
