"""`lossmith export`: a loss as a Python file that stands alone."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from lossmith.adapters.export import export as exported
from lossmith.catalogue import loss as named
from lossmith.catalogue import setting
from lossmith.choose.write import write_text
from lossmith.cli.common import demand_suffix


def export(text: str, to: str, params: Sequence[str], out: Path | None, force: bool) -> None:
    """Write the file, or print it."""
    demand_suffix("--out", out, ".py")
    loss = named(text)
    given = dict(setting(part) for part in params)
    made = exported(loss.with_params(**given) if given else loss, to=to)
    if out is None:
        sys.stdout.write(made)
        return
    write_text(out, made, force)
    sys.stderr.write(f"{out}: {loss.name} for {to}\n")
