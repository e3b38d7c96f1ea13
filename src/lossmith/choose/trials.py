"""What the tuning of one candidate in one fold has seen, and which setting comes next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.choose.bench import Judged, Part
from lossmith.choose.learners import Setting
from lossmith.choose.shortlist import Candidate

Array = NDArray[Any]


@dataclass(slots=True, eq=False)
class Trials:
    """What the tuning of one candidate in one fold has seen: the score of every setting tried, and what is next."""

    candidate: Candidate
    total: int
    part: Part
    most: int
    seen: dict[Setting, list[Judged]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.proposals = self.candidate.learner.proposals(self.candidate.grid, self.best, self.part)

    proposals: Iterator[Setting] = field(init=False)

    def score(self, setting: Setting) -> float:
        """The mean over the parts that a setting was tried on."""
        return float(np.mean([one.score for one in self.seen[setting]]))

    def ranked(self) -> list[Setting]:
        """Those tried on most parts, the best first."""
        most = max(map(len, self.seen.values()))
        return sorted((s for s, judged in self.seen.items() if len(judged) == most), key=self.score)

    def best(self) -> Setting:
        """The best setting so far."""
        return self.ranked()[0]

    def half(self) -> list[Setting]:
        """The better half of those tried on most parts."""
        ranked = self.ranked()
        return ranked[: -(-len(ranked) // 2)]

    def next(self) -> Setting | None:
        """The next setting to try, or None when the budget is spent."""
        if len(self.seen) >= self.most:
            return None
        return next((setting for setting in self.proposals if setting not in self.seen), None)

    def note(self, setting: Setting, judged: Sequence[Judged]) -> None:
        """What came of a setting on further parts."""
        self.seen.setdefault(setting, []).extend(judged)

    def held(self) -> list[Array]:
        """The predictions of the best setting for the rows that each part holds out."""
        return [one.predictions for one in self.seen[self.best()]]

    def chosen(self) -> Setting:
        """The best setting, as it is for all rows."""
        best = self.best()
        solutions = [one.solution for one in self.seen[best]]
        return self.candidate.learner.settled(best, solutions, self.part.rows.n / self.total)
