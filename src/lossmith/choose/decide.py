"""From differences to an answer: prefer a loss, keep the default, or say that the data do not tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lossmith.choose.compare import Difference

LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Standing:
    """A candidate when the decision is taken: its mean score, and its difference to the default (None for itself)."""

    name: str
    mean: float
    versus: Difference | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer (`prefer`, `equivalent` or `undecided`), which candidate to use, and why, in one sentence."""

    answer: str
    winner: int
    sentence: str
    gain: float


def decide(
    standings: list[Standing],
    order: list[int],
    default: int,
    margin: float,
    unit: str,
    apart: Callable[[int, int], Difference],
) -> Verdict:
    """The verdict on candidates; `order` is that of simplicity, `margin` what counts as equal, in units of the score.

    A loss is preferred if it is better with a Holm-corrected p below 0.05 and by more than the margin; among such
    losses the simplest wins that is within one corrected standard error of the best (`apart(i, j)` is the difference
    between two). If every other has at most a 5 % chance to be better by more than the margin, the default is as good
    as any; otherwise the data do not tell.
    """
    better = [k for k, s in enumerate(standings) if s.versus is not None and _clear(s.versus, margin)]
    if better:
        best = min(better, key=lambda k: standings[k].mean)
        winner = next(k for k in order if k in better and (k == best or _near(apart(k, best))))
        return _prefer(standings, winner, default, unit)
    rivals = [s for s in standings if s.versus is not None]
    open_ = [s for s in rivals if s.versus is not None and s.versus.better > LEVEL]
    if open_:
        return _undecided(standings, open_, default, margin)
    return _equivalent(standings, rivals, default, margin)


def _clear(d: Difference, margin: float) -> bool:
    return d.p_holm < LEVEL and d.mean < -margin


def _near(d: Difference) -> bool:
    """Within one corrected standard error."""
    return d.mean <= d.se


def _percent(part: float, whole: float) -> str:
    return f"{_digits(100 * abs(part) / abs(whole))} %" if whole else f"{abs(part):.3g}"


def _prefer(standings: list[Standing], winner: int, default: int, unit: str) -> Verdict:
    best, plain = standings[winner], standings[default]
    d = best.versus
    assert d is not None
    sentence = (
        f"prefer {best.name}: its {unit} is {_percent(d.mean, plain.mean)} lower than {plain.name}'s "
        f"(95 % interval {_percent_range(d, plain.mean)}; {p_says(d.p_holm)} after Holm)"
    )
    return Verdict("prefer", winner, sentence, -d.mean)


def _percent_range(d: Difference, whole: float) -> str:
    scale = 100 / abs(whole) if whole else 1.0
    return f"{_digits(-d.high * scale)} to {_digits(-_reachable(d.low, whole) * scale)}{' %' if whole else ''}"


def _digits(value: float) -> str:
    """Two digits, and no power of ten below 1000."""
    return f"{value:.0f}" if 99.5 <= abs(value) < 1000 else f"{value:.2g}"


def _reachable(low: float, whole: float) -> float:
    """The lower end of an interval, no further down than to a score of 0: no score that judges is negative."""
    return max(low, -whole) if whole > 0 else low


def p_says(value: float) -> str:
    """A p-value in words."""
    return f"p = {value:.2g}" if value >= 1e-4 else "p < 0.0001"


def _equivalent(standings: list[Standing], rivals: list[Standing], default: int, margin: float) -> Verdict:
    plain = standings[default]
    limit = _percent(margin, plain.mean)
    count = f"none of the {len(rivals)} other losses" if len(rivals) > 1 else "the other loss"
    verb = "is" if len(rivals) > 1 else "is not"
    sentence = f"equivalent, keep {plain.name}: {count} {verb} better by more than the {limit} that would matter"
    return Verdict("equivalent", default, sentence if rivals else f"keep {plain.name}: nothing else was compared", 0.0)


def _undecided(standings: list[Standing], open_: list[Standing], default: int, margin: float) -> Verdict:
    plain = standings[default]
    rival = max(open_, key=lambda s: s.versus.better if s.versus else 0.0)
    assert rival.versus is not None
    d = rival.versus
    best = _reachable(d.low, plain.mean)
    sentence = (
        f"undecided, keep {plain.name} for now: {rival.name} may be up to {_percent(best, plain.mean)} better or "
        f"{_reverse(d, plain.mean)}; more rows, more folds or a wider margin would tell"
    )
    return Verdict("undecided", default, sentence, 0.0)


def _reverse(d: Difference, whole: float) -> str:
    if d.high > 0:
        return f"{_percent(d.high, whole)} worse"
    return f"as little as {_percent(d.high, whole)} better"
