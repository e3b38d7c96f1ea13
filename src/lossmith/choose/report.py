"""The report: one HTML file without scripts, and the same content as plain values."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import numpy as np

from lossmith.choose import charts, diagnose, figures
from lossmith.choose.caveats import bad_rows, caveats
from lossmith.choose.contaminate import RATES
from lossmith.choose.decisions import decided
from lossmith.choose.murphy import murphy
from lossmith.choose.repeat import code, fingerprint, fold_ids, versions
from lossmith.choose.subgroups import served
from lossmith.choose.summary import Line, most_robust, worst
from lossmith.choose.svg import short
from lossmith.choose.theory import theory

if TYPE_CHECKING:
    from lossmith.choose.choice import Choice
    from lossmith.choose.contaminate import Scenario
    from lossmith.choose.learners import Growth

PROPERTIES = ("convex", "bounded influence", "redescending", "proper composite", "calibrated")
"""Facts that a candidate is shown with, those of them that it has."""


def records(choice: Choice) -> list[dict[str, Any]]:
    """One dict per candidate, best score first."""
    return [_record(choice, line) for line in sorted(choice.lines, key=lambda x: x.mean)]


def document(choice: Choice) -> dict[str, Any]:
    """Everything that the report says, as plain values for JSON."""
    plan = choice.plan
    body = {
        "verdict": {"answer": choice.verdict.answer, "use": choice.winner.name, "sentence": choice.verdict.sentence},
        "target": {"column": plan.target.name, **dict(plan.profile.facts)},
        "functional": plan.score.functional,
        "score": {"name": plan.score.name, "formula": plan.score.formula, "why": plan.reason},
        "losses": records(choice),
        "margin": choice.margin,
        "expected score of the whole procedure": choice.honest,
        "score when chosen inside each training fold": choice.nested,
        "score of the best constant": choice.constant,
        "residual scale": choice.scale,
        "exposure and offset": None if plan.job.shift is None else plan.job.shift.to_json(),
        "model": {
            "learner": choice.winner.learner.name,
            "loss": repr(choice.best),
            "alpha": choice.alpha,
            "trees": _growth(choice.setting.growth),
            "columns": choice.columns,
        },
        "worst rows": [_plain(w) for w in _worst(choice)],
        "folds": {"repeats": plan.shape[0], "folds": plan.shape[1], "kind": plan.job.splitting.says},
        "fold of each row": fold_ids(plan),
        "seed": plan.seed,
        "seconds": choice.seconds,
        "versions": versions(plan),
        "caveats": caveats(choice),
        "bad rows": [_scenario(choice, one) for one in choice.scenarios],
        "theory": [_plain(theory(x.name, x.loss)) for x in choice.lines],
        "score in parts": {
            "score": diagnose.parts_of(plan),
            "losses": [_plain(p) for p in diagnose.parts(plan, choice.lines)],
        },
        "groups": {
            "column": plan.by.column if plan.by else None,
            "worst": [_plain(s) for s in served(plan, choice.lines)],
        },
        "errors": [_plain(e) for e in diagnose.errors(plan, choice.lines)],
        "decisions": [_decision(d) for d in decided(plan, choice.lines)],
        "recalibrated": {x.name: list(x.recalibrated) for x in choice.lines if x.recalibrated},
    }
    return {name: finite(value) for name, value in body.items()}


def finite(value: Any) -> Any:
    """The value with null for every number that is none or has no end: strict JSON knows neither."""
    if isinstance(value, dict):
        return {name: finite(v) for name, v in value.items()}
    if isinstance(value, list | tuple):
        return [finite(v) for v in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def _decision(one: Any) -> dict[str, Any]:
    return _plain(one) | {"versus": None if one.versus is None else _plain(one.versus)}


def _scenario(choice: Choice, one: Scenario) -> dict[str, Any]:
    """One family of bad rows as plain values."""
    mean, error = one.curve()
    without = one.curve(trimmed=True)[0]
    found = zip(choice.lines, one.records(), mean.tolist(), error.tolist(), without.tolist(), strict=True)
    return {
        "family": one.name,
        "strength": one.strength,
        "flagged test rows": one.flagged,
        "says": one.says,
        "expected share": one.expected,
        "shares": list(RATES),
        "losses": [
            {"loss": line.name, **record, "curve": curve, "standard error": error, "without flagged rows": other}
            for line, record, curve, error, other in found
        ],
    }


def html(choice: Choice, command: str = "") -> str:
    """The whole report as text; `command` is the command line that made it, if one did."""
    from jinja2 import Environment

    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters["short"] = short
    environment.filters["limit"] = _limit
    environment.filters["tied"] = lambda text: text.replace(" %", "\u00a0%")
    style = _resource("report.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    template = environment.from_string(_resource("report.html.j2"))
    return template.render(style=_safe(style), digest=digest, **_context(choice, command))


def _context(choice: Choice, command: str) -> dict[str, Any]:
    plan = choice.plan
    ordered = sorted(choice.lines, key=lambda x: x.mean)
    return {
        "choice": choice,
        "plan": plan,
        "target": plan.target.name,
        "records": records(choice),
        "by_rows": next((line.by_rows.kind for line in choice.lines if line.by_rows), ""),
        "inf": float("inf"),
        "properties": [name for name in PROPERTIES if any(name in properties(line) for line in ordered)],
        "answer": choice.verdict.answer,
        "learners": list(dict.fromkeys(c.learner.name for c in plan.candidates)),
        "most": max(c.learner.rounds for c in plan.candidates),
        "grown": any(line.growth for line in ordered),
        "histogram": charts.target(plan.profile),
        "forest": charts.forest(choice.lines, choice.winner, choice.margin) if len(choice.lines) > 1 else None,
        "shapes": [
            (x, *charts.shape(x.loss, _typical(choice), len(plan.target.labels))) for x in ordered if _first(choice, x)
        ],
        "worst": _worst(choice),
        "robust": most_robust(choice.lines),
        "caveats": caveats(choice),
        **_behind(choice),
        "code": code(choice),
        "command": command,
        "versions": versions(plan),
        "fingerprint": fingerprint(plan),
        "shown": plan.score.shown,
    }


def _behind(choice: Choice) -> dict[str, Any]:
    """What the report shows behind the score: calibration, Murphy diagram, errors, and bad rows."""
    plan, lines = choice.plan, choice.lines
    shown = _compared(choice)
    found = murphy(plan, lines) if len(lines) > 1 else None
    panels = [(one, False) for one in choice.scenarios]
    panels += [(one, True) for one in choice.scenarios if one.dirty]
    names = [line.name for line in lines]
    return {
        "parts": diagnose.parts(plan, lines),
        "errors": diagnose.errors(plan, lines),
        "murphy": figures.murphy(found, shown) if found else None,
        "murphy_says": found.says() if found else [],
        "calibration": [
            (
                names[k],
                figures.reliability(names[k], k, bool(plan.target.labels), *diagnose.reliability(plan, lines[k])),
            )
            for k in dict.fromkeys((0, shown))
        ],
        "parts_of": diagnose.parts_of(plan),
        "served": served(plan, lines),
        "decided": decided(plan, lines),
        "theories": [theory(line.name, line.loss) for line in lines if _first(choice, line)],
        "influence": figures.influence([line for line in lines if _first(choice, line)]),
        "recalibrated": [line for line in sorted(lines, key=lambda x: x.mean) if line.recalibrated],
        "bad_rows": bad_rows(choice),
        "panels": [
            (
                one,
                trimmed,
                figures.contamination(one, names, shown, trimmed),
                list(zip(names, one.records(trimmed), strict=True)),
            )
            for one, trimmed in sorted(panels, key=lambda pair: choice.scenarios.index(pair[0]))
        ],
    }


def _first(choice: Choice, line: Line) -> bool:
    """Is it of the first learner? What is said of a loss alone is said once."""
    return line.learner is choice.lines[0].learner


def _compared(choice: Choice) -> int:
    """The loss to set beside the default: the winner, or else the best of the others."""
    if choice.verdict.winner or len(choice.lines) == 1:
        return choice.verdict.winner
    return min(range(1, len(choice.lines)), key=lambda k: choice.lines[k].mean)


def _record(choice: Choice, line: Line) -> dict[str, Any]:
    d = line.versus
    return {
        "loss": line.name,
        "formula": line.loss.formula,
        "title": line.loss.title,
        "parameters": dict(line.loss.params),
        "alpha": line.alpha,
        "learner": line.learner.name,
        "trees": _growth(line.growth),
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
        "by rows": None if line.by_rows is None else _plain(line.by_rows),
        "properties": properties(line),
        "converged": line.converged,
        "fits": line.fits,
        "seconds": line.seconds,
    }


def _growth(growth: Growth | None) -> dict[str, Any] | None:
    """How trees are grown, as plain values."""
    return None if growth is None else _plain(growth)


def properties(line: Line) -> dict[str, str]:
    """Facts of the loss as tuned, each proved, refuted or unknown; and what it elicits."""
    facts = line.loss.facts()
    found = {name: facts[name].verdict for name in PROPERTIES if name in facts}
    aim = facts.get("elicits")
    return found | ({"elicits": aim.because if aim.holds else "unknown"} if aim else {})


def _worst(choice: Choice) -> list[Any]:
    return worst(choice.plan, choice.winner, most_robust(choice.lines), choice.scale)


def _plain(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__slots__}


def _limit(value: float | None) -> str:
    """A number, or words where it has no limit or is not known."""
    return "–" if value is None else "no limit" if value == float("inf") else short(value)


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
