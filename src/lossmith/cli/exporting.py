"""`lossmith export`: a loss as a Python file that stands alone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from lossmith.adapters.export import export as exported
from lossmith.catalogue import loss as named
from lossmith.choose.write import write_text
from lossmith.cli.common import demand_suffix
from lossmith.errors import ParameterError


def export(text: str, to: str, params: Sequence[str], out: Path | None, force: bool) -> None:
    """Write the file, or print it."""
    demand_suffix("--out", out, ".py")
    loss = named(text)
    given = dict(_number(part) for part in params)
    made = exported(loss.with_params(**given) if given else loss, to=to)
    if out is None:
        sys.stdout.write(made)
        return
    write_text(out, made, force)
    sys.stderr.write(f"{out}: {loss.name} for {to}\n")


def _number(part: str) -> tuple[str, float]:
    name, _, value = part.partition("=")
    try:
        return name.strip(), float(value)
    except ValueError:
        raise ParameterError(f"--param {part}: write name=1.5") from None
