"""What it takes to repeat a comparison: code, versions, and which fold every row was tested in."""

from __future__ import annotations

import hashlib
import platform
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np

from lossmith.catalogue import loss as make
from lossmith.choose.shortlist import name_of
from lossmith.errors import LossmithError, shown

if TYPE_CHECKING:
    from lossmith.choose.choice import Choice
    from lossmith.choose.plan import Plan
    from lossmith.loss import Loss

PACKAGES = ("lossmith", "numpy", "scipy", "scikit-learn", "pyarrow")
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""A letter for each fold of a repeat; folds beyond them share the last."""


def code(choice: Choice) -> str:
    """Python that repeats the comparison, and the fit alone."""
    plan, best = choice.plan, choice.best
    plain = _said(plan.candidates[0].loss)
    names = [said for said in dict.fromkeys(_said(c.loss) for c in plan.candidates) if said != plain]
    repeats, folds = plan.shape
    more = "".join(f", {name}={shown(value)}" for name, value in plan.asked)
    return (
        "import lossmith\n\n"
        f"choice = lossmith.choose(table, y={plan.target.name!r}, score={plan.score.name!r},\n"
        f"                         losses=[{', '.join(names)}],\n"
        f"                         folds='{repeats}x{folds}', seed={plan.seed}, trials={plan.job.trials}{more})\n\n"
        f"model = {choice.winner.learner.code(best, choice.setting, choice.scale)}\n"
        f"{_fitted(plan)}"
    )


def _said(loss: Loss) -> str:
    """A loss as an argument: by its name or formula, or as Python where that alone would be another one."""
    name = name_of(loss)
    try:
        known = repr(make(name)) == repr(loss)
    except LossmithError:
        known = False
    return repr(name) if known else f"lossmith.{loss!r}"


def _fitted(plan: Plan) -> str:
    """How the model is fitted where the table alone does not do."""
    names = plan.job.shift.to_json() if plan.job.shift is not None else {}
    more = "".join(f", {role}=table[{name!r}]" for role, name in names.items() if name is not None)
    return f"model.fit(X, table[{plan.target.name!r}]{more})  # X: the table's features, encoded\n" if more else ""


def versions(plan: Plan) -> dict[str, str]:
    """Of Python and of the packages that decide the numbers."""
    names = dict.fromkeys((*PACKAGES, *(c.learner.package for c in plan.candidates if c.learner.package)))
    return {"Python": platform.python_version(), **{name: _version(name) for name in names}}


def fold_ids(plan: Plan) -> list[str]:
    """For each repeat a text with one character for every row of the table: the fold that tests it, "-" for none."""
    rows = int(plan.target.rows.max()) + 1
    out = [np.full(rows, "-", dtype="<U1") for _ in range(max(fold.repeat for fold in plan.folds) + 1)]
    for fold in plan.folds:
        out[fold.repeat][plan.target.rows[fold.test]] = DIGITS[min(fold.number, len(DIGITS) - 1)]
    return ["".join(row.tolist()) for row in out]


def fingerprint(plan: Plan) -> str:
    """Twelve hexadecimal digits that change with any row's fold."""
    return hashlib.sha256("\n".join(fold_ids(plan)).encode()).hexdigest()[:12]


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"
