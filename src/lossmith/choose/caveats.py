"""What a reader must know before trusting the verdict, written from what happened."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from lossmith.choose.decide import LEVEL, p_says
from lossmith.choose.diagnose import sides
from lossmith.choose.rowwise import neighbours

if TYPE_CHECKING:
    from lossmith.choose.choice import Choice
    from lossmith.choose.contaminate import Scenario
    from lossmith.choose.plan import Plan
    from lossmith.choose.summary import Line
    from lossmith.loss import Loss

CUT = 0.02
"""The share of targets at an end of their range, other than 0, from which they look cut off."""
TIED = 0.1
"""The share of targets with one and the same value from which that is said."""


def caveats(choice: Choice) -> list[str]:
    """Sentences, the most important first; then the notes of the plan."""
    return [said for rule in _RULES for said in rule(choice)] + list(choice.notes)


def bad_rows(choice: Choice) -> list[str]:
    """For each family of bad rows, which loss to expect the least regret of, and what it costs where rows are good."""
    said = []
    for scenario in choice.scenarios:
        said.append(_bad_rows(choice, scenario, False))
        if scenario.dirty:
            said.append(_bad_rows(choice, scenario, True))
    return said


def _bad_rows(choice: Choice, scenario: Scenario, trimmed: bool) -> str:
    found, used = scenario.records(trimmed), choice.verdict.winner
    best = min(range(len(found)), key=lambda k: found[k]["regret"])
    price = found[best]["price"] - found[used]["price"]
    name, other = choice.lines[used].name, choice.lines[best].name
    share = f"{100 * scenario.expected:g} %"
    start = f"If about {share} of the training rows are bad ({scenario.name}: {scenario.says})"
    start += ", judged on test rows without outliers, " if trimmed else ", "
    regret, least = (f"{100 * found[k]['regret']:.1f} %" for k in (used, best))
    if found[used]["regret"] - found[best]["regret"] <= choice.plan.margin:
        return f"{start}{name} remains as good as any: its expected regret is {regret} of the default's score."
    return (
        f"{start}expect {other} to be best: the regret of {name} is {regret} of the default's score, against {least}; "
        f"where no row is bad, {other} scores {100 * abs(price):.1f} % {'worse' if price > 0 else 'better'}."
    )


def _repairable(choice: Choice) -> Iterator[str]:
    repaired = [line for line in choice.lines if line.recalibrated]
    if not repaired:
        return
    best = min(repaired, key=lambda line: min(line.recalibrated))
    gain = choice.winner.mean - min(best.recalibrated)
    if gain > choice.margin and best is not choice.winner:
        yield (
            f"After recalibration {best.name} would score {gain / abs(choice.winner.mean):.1%} better than "
            f"{choice.winner.name} as it is: it ranks well, and only its probabilities are off."
        )


def _useless(choice: Choice) -> Iterator[str]:
    if choice.winner.mean >= choice.constant:
        yield (
            "No loss predicts better than a constant: the features say nothing about the target in a linear model, "
            "and which loss is used does not matter here."
        )


def _too_good(choice: Choice) -> Iterator[str]:
    if 0 <= choice.winner.mean < 1e-3 * choice.constant:
        yield "The prediction is almost perfect: look for a feature that was derived from the target."


def _mismatch(choice: Choice) -> Iterator[str]:
    line, wanted = choice.winner, choice.plan.score.functional
    aim = aims_at(line.loss)
    if wanted == "probability" or aim == f"the {wanted.partition(' (')[0]}":
        return
    yield (
        f"{line.name} aims at {aim or 'a centre of its own'}, not at the {wanted} that is judged. "
        f"Its predictions are off by {line.bias:+.4g} on average, in units of the target."
    )


def aims_at(loss: Loss) -> str:
    """The functional that a loss elicits, as far as it is proved and has a name."""
    fact = loss.facts().get("elicits")
    said = re.split(r"[,:;]", fact.because)[0] if fact and fact.holds else ""
    return said if said.startswith("the ") and " at which " not in said else ""


def _totals(choice: Choice) -> Iterator[str]:
    """A median or quantile of a skewed target is far from its mean: who adds predictions up should know."""
    plan, line = choice.plan, choice.winner
    if plan.score.functional != "median" and not plan.score.functional.startswith("Huber"):
        return
    y = plan.target.y
    known = ~np.isnan(line.rows)
    weight = None if plan.job.weight is None else plan.job.weight[known]
    mean = float(np.average(y[known], weights=weight))
    if abs(line.bias) > 0.05 * float(y.std()) and mean:
        yield (
            f"The {plan.score.functional} was judged, and on skewed targets it is not the mean: predictions add up to "
            f"{100 * abs(line.bias / mean):.2g} % {'more' if line.bias * mean > 0 else 'less'} than the targets. If "
            "they are to be added up or averaged, ask for --functional mean."
        )


def _ties(choice: Choice) -> Iterator[str]:
    plan = choice.plan
    if plan.target.labels:
        return
    values, counts = np.unique(plan.target.y, return_counts=True)
    share = float(counts.max() / counts.sum())
    if share >= TIED:
        value = values[counts.argmax()]
        kinks = "median" in plan.score.functional or "quantile" in plan.score.functional
        yield f"{share:.0%} of the targets are exactly {value:g}" + (
            f": where the {plan.score.functional} is that value, losses with a kink hit it exactly and others do not."
            if kinks
            else ": their errors are not spread as one continuous law, and a share of them may need a model of its own."
        )


def _cut_off(choice: Choice) -> Iterator[str]:
    """Many targets at one end of their range look as if all beyond had been recorded as that."""
    y = choice.plan.target.y
    if choice.plan.target.labels or choice.plan.target.kind == "counts":
        return
    for end, beyond in ((float(y.max()), "above"), (float(y.min()), "below")):
        share = float((y == end).mean())
        if end and share > CUT:
            yield (
                f"{share:.1%} of the targets are exactly {end:g} and none is {beyond} it: if what lies {beyond} was "
                "recorded as that (censored), every loss here is misled; a survival model is not."
            )


def _disagreement(choice: Choice) -> Iterator[str]:
    """Folds and rows should agree about who differs from the default."""
    for line in choice.lines:
        if line.versus is None or line.by_rows is None:
            continue
        folds, rows = line.versus.p_holm < LEVEL, line.by_rows.p_holm < LEVEL
        if folds and not rows:
            yield (
                f"{line.name} differs from {choice.lines[0].name} over folds ({p_says(line.versus.p_holm)}) but not "
                f"over rows ({p_says(line.by_rows.p_holm)}, {line.by_rows.kind}): trust the larger."
            )


def serial(plan: Plan, line: Line) -> tuple[float, int]:
    """The correlation of each row's error with the error of the row before, and the number of rows; 0 for a table that
    is sorted by its target."""
    side = sides(plan, line)[0]
    steps = np.diff(side.aim)
    if (steps >= 0).all() or (steps <= 0).all():
        return 0.0, len(side.aim)
    return neighbours(side.aim - side.guess), len(side.aim)


def _profile(choice: Choice) -> Iterator[str]:
    mean = choice.plan.score.functional == "mean"
    notes = [note for note in choice.plan.profile.notes if mean or "tails" not in note]
    yield from (note[0].upper() + note[1:] + "." for note in notes)


def _small(choice: Choice) -> Iterator[str]:
    n = len(choice.plan.target.y)
    if n < 200:
        yield f"{n} rows are few; differences of a few percent cannot be seen with so little data."


def _unconverged(choice: Choice) -> Iterator[str]:
    for line in choice.lines:
        if line.converged < line.fits:
            yield f"{line.name}: {line.fits - line.converged} of {line.fits} fits stopped before they converged."


def _raised(choice: Choice) -> Iterator[str]:
    for line in choice.lines:
        if line.raised:
            yield (
                f"{line.name}: {line.raised:,} predictions were not positive and were raised to 1 % of the mean, "
                f"because {choice.plan.score.name} deviance needs positive ones."
            )


def _dependence(choice: Choice) -> Iterator[str]:
    """Errors of neighbouring rows that are alike betray a dependence that nobody named."""
    splitting = choice.plan.job.splitting
    if splitting.groups is not None or splitting.time is not None:
        return
    found, n = serial(choice.plan, choice.winner)
    if abs(found) > max(0.05, 4.0 / np.sqrt(n)):
        yield (
            "Rows were taken as independent, but errors of neighbouring rows of the table are alike "
            f"(correlation {found:.2f}): they may belong together or follow in time. Name that column by --group or "
            "--time; random folds are too optimistic then, and so are the tests by rows."
        )
        return
    yield (
        "Rows were taken as independent. If some belong together (a customer, an aircraft) or follow in time, "
        "name that column by --group or --time; random folds would be too optimistic."
    )


def _dirty(choice: Choice) -> Iterator[str]:
    if choice.plan.profile.outliers > 0.01 and choice.plan.score.functional == "mean":
        yield (
            f"{choice.plan.profile.outliers:.1%} of the targets lie far out. If they are errors of recording, squared "
            "error on test rows rewards a model that chases errors; clean them, or judge by --score absolute."
        )


_RULES: tuple[Callable[[Choice], Iterator[str]], ...] = (
    _useless,
    _too_good,
    _mismatch,
    _totals,
    _repairable,
    _disagreement,
    _profile,
    _dirty,
    _ties,
    _cut_off,
    _small,
    _unconverged,
    _raised,
    _dependence,
)
