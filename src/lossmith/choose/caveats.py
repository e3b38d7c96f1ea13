"""What a reader must know before trusting the verdict, written from what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lossmith.choose.choice import Choice


def caveats(choice: Choice) -> list[str]:
    """Sentences, the most important first; then the notes of the plan."""
    return [said for rule in _RULES for said in rule(choice)] + list(choice.notes)


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
    line, score = choice.winner, choice.plan.score
    if line.loss.lift.name == "residual" and score.functional == "mean" and line.loss.name != "Squared":
        yield (
            f"{line.name} does not aim at the mean; it won by fitting it more stably. "
            f"Its predictions are off by {line.bias:+.4g} on average, in units of the target."
        )


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
    splitting = choice.plan.job.splitting
    if splitting.groups is None and splitting.time is None:
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
    _profile,
    _dirty,
    _small,
    _unconverged,
    _raised,
    _dependence,
)
