"""What a reader must know before trusting the verdict, written from what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lossmith.choose.choice import Choice
    from lossmith.loss import Loss


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
    line, wanted = choice.winner, choice.plan.score.functional
    aim = _aim(line.loss)
    if wanted == "probability" or aim == wanted:
        return
    yield (
        f"{line.name} aims at {f'the {aim}' if aim else 'a centre of its own'}, not at the {wanted} that is judged. "
        f"Its predictions are off by {line.bias:+.4g} on average, in units of the target."
    )


def _aim(loss: Loss) -> str:
    """The functional that the best constant of a loss is, where it has a name."""
    tau = loss.params.get("tau", 0.0)
    named = {
        "Squared": "mean",
        "Absolute": "median",
        "Quantile": "median" if tau == 0.5 else f"{tau:g}-quantile",
        "Expectile": f"{tau:g}-expectile",
    }
    return "mean" if loss.lift.name == "score" else named.get(loss.name, "")


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
