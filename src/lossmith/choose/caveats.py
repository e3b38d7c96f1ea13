"""What a reader must know before trusting the verdict, written from what happened."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lossmith.choose.choice import Choice
    from lossmith.choose.contaminate import Scenario
    from lossmith.loss import Loss


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
    _repairable,
    _profile,
    _dirty,
    _small,
    _unconverged,
    _raised,
    _dependence,
)
