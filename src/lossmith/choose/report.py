"""The report: one HTML file without scripts, and the same content as plain values."""

from __future__ import annotations

import base64
import hashlib
import platform
from functools import cache
from importlib import metadata, resources
from typing import TYPE_CHECKING, Any

import numpy as np

from lossmith.choose import charts
from lossmith.choose.caveats import caveats
from lossmith.choose.summary import Line, most_robust, worst
from lossmith.choose.svg import short

if TYPE_CHECKING:
    from lossmith.choose.choice import Choice

PACKAGES = ("lossmith", "numpy", "scipy", "scikit-learn", "pyarrow")


def records(choice: Choice) -> list[dict[str, Any]]:
    """One dict per candidate, best score first."""
    return [_record(choice, line) for line in sorted(choice.lines, key=lambda x: x.mean)]


def document(choice: Choice) -> dict[str, Any]:
    """Everything that the report says, as plain values for JSON."""
    plan = choice.plan
    return {
        "verdict": {"answer": choice.verdict.answer, "use": choice.winner.name, "sentence": choice.verdict.sentence},
        "target": {"column": plan.target.name, **dict(plan.profile.facts)},
        "functional": plan.score.functional,
        "score": {"name": plan.score.name, "formula": plan.score.formula, "why": plan.reason},
        "losses": records(choice),
        "margin": choice.margin,
        "expected score of the whole procedure": choice.honest,
        "score of the best constant": choice.constant,
        "residual scale": choice.scale,
        "model": {"loss": repr(choice.best), "alpha": choice.alpha, "columns": choice.columns},
        "worst rows": [_plain(w) for w in _worst(choice)],
        "folds": {"repeats": plan.shape[0], "folds": plan.shape[1], "kind": plan.job.splitting.says},
        "seed": plan.seed,
        "seconds": choice.seconds,
        "versions": versions(),
        "caveats": caveats(choice),
    }


def html(choice: Choice, command: str = "") -> str:
    """The whole report as text; `command` is the command line that made it, if one did."""
    from jinja2 import Environment

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["short"] = short
    environment.filters["tied"] = lambda text: text.replace(" %", "\u00a0%")
    style = _resource("report.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    template = environment.from_string(_resource("report.html.j2"))
    return template.render(style=_safe(style), digest=digest, **_context(choice, command))


def versions() -> dict[str, str]:
    """Of Python and of the packages that decide the numbers."""
    return {"Python": platform.python_version(), **{name: _version(name) for name in PACKAGES}}


def code(choice: Choice) -> str:
    """Python that repeats the comparison, and the fit alone."""
    plan, best = choice.plan, choice.best
    names = [line.name for line in choice.lines if not line.default]
    repeats, folds = plan.shape
    kind = "LinearClassifier" if plan.target.labels else "LinearRegressor"
    scale = f", scale={choice.scale:.6g}" if best.lift.name == "residual" else ""
    return (
        "import lossmith\n\n"
        f"choice = lossmith.choose(table, y={plan.target.name!r}, score={plan.score.name!r},\n"
        f"                         losses={names!r},\n"
        f"                         folds='{repeats}x{folds}', seed={plan.seed})\n\n"
        f"model = lossmith.{kind}(lossmith.{best!r}, alpha={choice.alpha:.3g}{scale})\n"
    )


def _context(choice: Choice, command: str) -> dict[str, Any]:
    plan = choice.plan
    ordered = sorted(choice.lines, key=lambda x: x.mean)
    return {
        "choice": choice,
        "plan": plan,
        "target": plan.target.name,
        "records": records(choice),
        "answer": choice.verdict.answer,
        "histogram": charts.target(plan.profile),
        "forest": charts.forest(choice.lines, choice.winner, choice.margin) if len(choice.lines) > 1 else None,
        "shapes": [(x, *charts.shape(x.loss, _typical(choice), len(plan.target.labels))) for x in ordered],
        "worst": _worst(choice),
        "robust": most_robust(choice.lines),
        "caveats": caveats(choice),
        "code": code(choice),
        "command": command,
        "versions": versions(),
        "shown": plan.score.shown,
    }


def _record(choice: Choice, line: Line) -> dict[str, Any]:
    d = line.versus
    return {
        "loss": line.name,
        "formula": line.loss.formula,
        "title": line.loss.title,
        "parameters": dict(line.loss.params),
        "alpha": line.alpha,
        "score": choice.plan.score.shown(line.mean),
        "default": line.default,
        "chosen": line is choice.winner,
        "convex": line.convex,
        "difference": None if d is None else d.mean,
        "low": None if d is None else d.low,
        "high": None if d is None else d.high,
        "p": None if d is None else d.p_holm,
        "better": None if d is None else d.better,
        "same": None if d is None else d.same,
        "bias": line.bias,
        "converged": line.converged,
        "fits": line.fits,
        "seconds": line.seconds,
    }


def _worst(choice: Choice) -> list[Any]:
    return worst(choice.plan, choice.winner, most_robust(choice.lines), choice.scale)


def _plain(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}


def _typical(choice: Choice) -> float:
    """The target at which likelihoods are drawn: near its median, and something that they accept."""
    y = choice.plan.target.y
    return 1.0 if choice.plan.target.labels else max(float(np.median(y)), 1.0)


@cache
def _resource(name: str) -> str:
    return resources.files("lossmith.choose").joinpath(name).read_text(encoding="utf-8")


def _safe(text: str) -> Any:
    from markupsafe import Markup

    return Markup(text)


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "unknown"
