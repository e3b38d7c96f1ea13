"""A fact about a loss: it holds, it does not, or nobody knows, with the reason and a witness."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fact:
    """One verdict: `holds` is True (proved), False (refuted, at `witness`) or None (unknown)."""

    name: str
    holds: bool | None
    because: str
    witness: object = None
    constant: float | None = None

    @property
    def verdict(self) -> str:
        """The verdict as a word: proved, refuted or unknown."""
        return {True: "proved", False: "refuted", None: "unknown"}[self.holds]

    def __str__(self) -> str:
        return f"{self.name}: {self.verdict} ({self.because})"
