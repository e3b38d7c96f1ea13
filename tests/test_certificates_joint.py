"""Certificates of losses of several outputs: what is proved is tried as a whole, what is refuted at its witness."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from lossmith import catalogue, certificates
from lossmith.facts import Fact
from lossmith.symbolic import jointly, recheckjoint

SEVERAL = [n for n, kind in catalogue.every().items() if kind().lift.joint]


LONG = ("QuantileTriple", "ZeroInflatedNegativeBinomial", "NegativeBinomialNLL", "ZeroInflatedPoisson", "StudentTNLL")
"""Seconds each, some of them half a minute."""


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in LONG else n for n in SEVERAL])
def test_facts_of_several_outputs_have_certificates(name: str) -> None:
    loss = catalogue.every()[name]()
    made = [certificates.certificate(loss, fact) for fact in loss.facts()]
    loose = [
        (c.fact.name, c.checks) for c in made if certificates.way(c) in certificates.LOOSE and c.fact.name != "twice"
    ]
    assert loose == []


JOINT_MUTANTS: dict[str, tuple[Any, str, Any, str, str]] = {
    "every term is convex": (jointly, "_term_convex", lambda *a: True, "GaussianNLL", "convex"),
    "every term is nonnegative": (jointly, "_term_nonnegative", lambda *a: True, "LaplaceNLL", "nonnegative"),
}  # fmt: skip


@pytest.mark.parametrize("mutant", JOINT_MUTANTS)
def test_the_second_routine_contradicts_a_broken_joint_prover(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, name, replacement, loss, fact = JOINT_MUTANTS[mutant]
    monkeypatch.setattr(where, "points", lambda *a: [])  # nor does it look for negative values
    monkeypatch.setattr(where, name, replacement)
    made = certificates.certificate(catalogue.every()[loss](), fact)
    assert made.fact.holds is True and made.stands is False, made.checks


@pytest.mark.parametrize("fact", ["Lipschitz", "smooth"])
def test_a_constant_that_is_too_small_is_contradicted(fact: str) -> None:
    loss = catalogue.every()["RankNet"]()
    true = loss.facts()[fact]
    for share, holds in ((1.0, True), (0.9, False)):
        (found,) = recheckjoint.tried(loss, (0.0, 1.0), replace(true, constant=true.constant * share))
        assert found.holds is holds


WRONG_WITNESSES = [
    ("GaussianNLL", Fact("convex", False, "", [[0.0], [0.0, 0.0], [1.0, 0.0]])),
    ("GaussianNLL", Fact("nonnegative", False, "", {"y": 0.0, "mu": 3.0, "log_sigma": 0.5, "value": -1.0})),
    ("GaussianNLL", Fact("convex in mu", False, "", {"mu": 1.0, "y": 0.25, "log_sigma": 0.25, "d2": -1.0})),
    ("GaussianNLL", Fact("bounded below", False, "", {"mu": -1024.0, "y": 0.25, "log_sigma": 0.25})),
    ("IntervalScore", Fact("Lipschitz", False, "", {"lower": -1024.0, "y": 0.25, "gap": 0.25, "d1": -9e9})),
    ("GaussianNLL", Fact("smooth", False, "the slope jumps", {"mu": 1.0, "y": 1.0, "log_sigma": 1.0})),
    ("GaussianNLL", Fact("finite in float32", False, "", {"mu": 1.0, "y": 1.0, "log_sigma": 1.0})),
]


@pytest.mark.parametrize(("name", "fact"), WRONG_WITNESSES, ids=str)
def test_a_wrong_witness_of_several_outputs_is_contradicted(name: str, fact: Fact) -> None:
    (found,) = recheckjoint.seen(catalogue.every()[name](), fact, {})
    assert found.holds is False
