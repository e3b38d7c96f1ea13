"""Certificates: the second routine confirms what is proved, contradicts what is not, and is on its own."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import mpmath
import pytest
from typer.testing import CliRunner

import lossmith
from lossmith import catalogue, certificates, proofs
from lossmith.cli import app, main
from lossmith.errors import ParameterError, UnsupportedError
from lossmith.program import Program, Step
from lossmith.symbolic import case as cases
from lossmith.symbolic import cover, dimension, families, ledger, recheck, recheckboxes, recheckwords, signs, strict
from lossmith.symbolic.cover import Outcome
from lossmith.symbolic.provers import PROVERS
from lossmith.words import COMPARISONS, definitions

WORDS = sorted(set(recheckboxes.WORDS) - COMPARISONS - {"where"})
ARGUMENTS = {"log": (1e-3, 50), "sqrt": (0, 50), "log1p": (-0.99, 50), "digamma": (0.01, 50), "trigamma": (0.01, 50),
             "lgamma": (0.01, 50)}  # fmt: skip


def escapes(word: str) -> int:
    """How often a word's value at a point of a box lies outside of the interval that it is given."""
    rng, count = random.Random(word), 0
    many = 2 if word in ("add", "sub", "mul", "div", "pow", "min", "max", "xlogy") else 1
    with mpmath.workprec(recheckwords.BITS):
        for _ in range(120):
            low, high = ARGUMENTS.get(word, (-9, 9))
            boxes = []
            for i in range(many):
                floor = 0.0 if (word, i) in (("pow", 0), ("xlogy", 1)) else low
                a, b = sorted((rng.uniform(floor, high), rng.uniform(floor, high)))
                boxes.append((mpmath.mpf(a), mpmath.mpf(a if (word, i) == ("pow", 1) else b)))
            at = [a + (b - a) * rng.choice([0, 1, rng.random()]) for a, b in boxes]
            x, true = recheckboxes.WORDS[word](*boxes), definitions()[word](*at)
            count += not x[0] <= true <= x[1] and not mpmath.isnan(true)
    return count


@pytest.mark.parametrize("word", WORDS)
def test_intervals_of_the_second_routine_hold_every_value(word: str) -> None:
    assert escapes(word) == 0


@pytest.mark.parametrize(
    "word", ["mul", "exp", "sin", "serpentine", "pow", "logcosh", "cauchit_slope", "cloglog_bend", "lgamma"]
)
def test_an_interval_rounded_inwards_is_noticed(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    good = recheckboxes.WORDS[word]

    def narrow(*args: Any) -> Any:
        a, b = good(*args)
        return a + (b - a) * 0.01, b - (b - a) * 0.01

    monkeypatch.setattr(recheckboxes, "WORDS", {**recheckboxes.WORDS, word: narrow})
    assert escapes(word)


# ------------------------------------------------------------------------------------------------------ certificates

SAMPLE = ["Squared", "Huber", "Tukey", "Quantile", "SquaredHinge", "Exponential", "Poisson", "CrossEntropy", "LogCosh"]
LONG = ["PseudoHuber", "Cauchy", "Logistic", "Savage", "Gamma", "BinaryCrossEntropy", "Focal"]
"""Seconds each."""


@pytest.mark.parametrize("name", [*SAMPLE, *(pytest.param(n, marks=pytest.mark.slow) for n in LONG)])
def test_no_proof_is_contradicted_and_most_are_confirmed(name: str) -> None:
    loss = catalogue.losses()[name]()
    made = [certificates.certificate(loss, fact) for fact in proofs.names_of(loss)]
    assert [c.fact.name for c in made if c.stands is False] == []
    checked = [c for c in made if c.fact.holds and c.checks]
    assert sum(c.stands is True for c in checked) >= 0.5 * len(checked)
    assert all(json.loads(json.dumps(c.to_json()))["fact"]["name"] for c in made)


def test_a_certificate_carries_what_another_program_needs() -> None:
    body = certificates.certificate(lossmith.Huber(), "convex").to_json()
    assert body["stands"] is True and len(body["claims"]) >= 3
    first = body["claims"][0]
    program = Program.from_json(first["program"])
    assert first["output"] == "d2" and first["kind"] == "at least" and first["bound"] == 0.0
    assert program.inputs == ("r",) and set(first["params"]) == {"delta"}
    assert sorted((c["from"] or "-", c["to"] or "+") for c in body["claims"])[0][0] == "-"


def claim(kind: str, bound: float, low: float | None, high: float | None, *steps: tuple[Any, ...]) -> ledger.Claim:
    made = tuple(Step(s[0], s[1], tuple(s[2:])) for s in steps)
    program = Program(("t",), (), made, (("o", made[-1].name),))
    ends = [None if e is None else Fraction(e) for e in (low, high)]
    return ledger.Claim("o", kind, bound, program, {}, "t", ends[0], ends[1], {})


SQUARE = ("q", "mul", "t", "t")
FALSE = [
    claim("at least", 1e-6, None, None, SQUARE), claim("within", 0.4999, None, None, ("s", "serpentine", "t")),
    claim("within", 0.999, -9, 9, ("s", "tanh", "t")), claim("at least", 0.0, -1, 2, ("e", "expm1", "t")),
    claim("zero", 0.0, 0, 1, ("a", "mul", "t", 1e-6)), claim("at least", 0.0, 0, None, SQUARE, ("d", "sub", "q", "t")),
    claim("at least", 0.0, None, None, ("c", "cos", "t"), ("o", "add", "c", 0.99999)),
    claim("within", 1.0, 0, None, ("x", "exp", "t")),
    claim("at least", 0.0, 1, 40, ("l", "log", "t"), ("m", "sub", "l", 1.0)),
    claim("at least", 0.01, None, 0, ("h", "mul", 0.5, "t"), ("s", "sech2", "h")),  # far out only t is large
]  # fmt: skip
TRUE = [
    claim("at least", 0.0, None, None, SQUARE), claim("within", 0.5, None, None, ("s", "serpentine", "t")),
    claim("at least", 0.0, None, None, ("e", "expm1mx", "t")), claim("zero", 0.0, 0, 1, ("a", "mul", "t", 0.0)),
    claim("at least", 0.0, 0, None, ("e", "exp", "t"), ("a", "sub", "e", "t"), ("b", "sub", "a", 1.0)),
]  # fmt: skip


@pytest.mark.parametrize("one", FALSE, ids=str)
def test_a_false_claim_is_contradicted_or_left_open(one: ledger.Claim) -> None:
    assert recheck.checked(one).holds is not True


@pytest.mark.parametrize("one", TRUE, ids=str)
def test_a_true_claim_is_confirmed(one: ledger.Claim) -> None:
    assert recheck.checked(one).holds is True


YES = Outcome(True)
BROKEN: dict[str, tuple[Any, str, Any, str, str]] = {
    # a broken prover, and a false fact that it then proves: the second routine must contradict it
    "cells are not looked at": (cover, "_bisect", lambda *a: YES, "r**2/2 + 0.6*exp(-((r - 12.3)**2))", "convex"),
    "signs are believed": (signs, "_nonnegative", lambda *a: YES, "r**2/2 - 0.7*cos(2*r)", "convex"),
    "jumps are called none": (cases.Case, "jump", lambda self, join, name: signs.Span(0, 0.0, 0.0),
                              "where(r < 1, 2*r, 2 + 1.5*(r - 1))", "convex"),
    "everything vanishes": (strict, "_vanishes", lambda *a: True, "log(1 + r**2)", "rejection point"),
}  # fmt: skip


@pytest.mark.parametrize("mutant", BROKEN)
def test_the_second_routine_contradicts_a_broken_prover(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    where, name, replacement, formula, fact = BROKEN[mutant]
    loss = lossmith.loss(formula, lift="residual")
    assert certificates.certificate(loss, fact).fact.holds is not True
    monkeypatch.setattr(where, name, replacement)
    made = certificates.certificate(loss, fact)
    assert made.fact.holds is True and made.stands is False, made.checks


def test_derivatives_that_are_not_the_losss_are_contradicted() -> None:
    case = proofs.case_of(lossmith.Squared())
    program = Program(("r",), (), (Step("x", "mul", ("r", 1.000001)),), (("d1", "x"),))
    wrong = ledger.Claim("d1", "at least", 0.0, program, {}, "r", Fraction(0), None, {})
    assert recheck.same_quantity(wrong, case.program, {}, {}).holds is False


def test_a_wrong_witness_is_contradicted() -> None:
    case = proofs.case_of(lossmith.Cauchy())
    fact = PROVERS["residual"]["convex"](case)
    assert recheck.witness_stands(case.program, case.params, fact.witness, "r").holds is True
    wrong = {**fact.witness, "d2": -fact.witness["d2"]}
    assert recheck.witness_stands(case.program, case.params, wrong, "r").holds is False


def test_the_two_routines_share_no_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second routine works while every word of the first raises."""
    one = certificates.certificate(lossmith.LogCosh(), "convex").claims

    def broken(*args: Any) -> Any:
        raise AssertionError("the second routine asked the first")

    for name in list(signs.cover.__globals__["Ranges"].__init__.__globals__["SPANS"]):
        monkeypatch.setitem(signs.cover.__globals__["Ranges"].__init__.__globals__["SPANS"], name, broken)
    assert all(recheck.checked(c).holds for c in one)


# ------------------------------------------------------------------------------------------------------------ ranges

Ranged = tuple[str, dict[str, tuple[float, float]], str]
PROVED: list[Ranged] = [
    ("Poly1", {"epsilon": (-1, 1)}, "convex"), ("Huber", {"delta": (0.01, 100)}, "convex"),
    ("Quantile", {"tau": (0.01, 0.99)}, "convex"), ("Quantile", {"tau": (0.01, 0.99)}, "Lipschitz"),
    ("Cauchy", {"c": (0.1, 50)}, "redescending"), ("PseudoHuber", {"delta": (0.1, 9)}, "majorant"),
    ("NegativeBinomial", {"theta": (0.1, 9)}, "convex"), ("SmoothQuantile", {"tau": (0.1, 0.9)}, "convex"),
    ("SymmetricCrossEntropy", {"alpha": (0, 3), "beta": (0, 2)}, "monotone margin"),
]  # fmt: skip
FALSE_RANGES: list[Ranged] = [
    ("Poly1", {"epsilon": (-1, 1.01)}, "convex"), ("Poly1", {"epsilon": (0, 2)}, "convex"),
    ("Cauchy", {"c": (0.1, 9)}, "convex"), ("Quantile", {"tau": (0.1, 0.9)}, "even"),
    ("Focal", {"gamma": (0, 2)}, "convex"),
    ("SymmetricCrossEntropy", {"alpha": (0, 1), "beta": (0, 1)}, "convex"), ("Barron", {"alpha": (0, 2)}, "convex"),
    ("Huber", {"delta": (0.1, 9)}, "strictly convex"), ("AlphaLoss", {"alpha": (0.5, 2)}, "convex"),
    ("Lq", {"q": (1, 3)}, "Lipschitz"),
]  # fmt: skip


def over(one: Ranged) -> Any:
    name, ranges, fact = one
    return next(iter(proofs.family(catalogue.losses()[name](), ranges, (fact,))))


@pytest.mark.parametrize("one", PROVED, ids=str)
def test_facts_of_families_are_proved(one: Ranged) -> None:
    assert over(one).holds is True


@pytest.mark.parametrize("one", FALSE_RANGES, ids=str)
def test_false_facts_of_families_are_not(one: Ranged) -> None:
    assert over(one).holds is not True


def test_a_family_is_refuted_at_a_member_that_stands() -> None:
    fact = over(("Poly1", {"epsilon": (0, 2)}, "convex"))
    assert fact.holds is False and fact.witness["parameters"]["epsilon"] > 1
    assert lossmith.Poly1(**fact.witness["parameters"]).facts()["convex"].holds is False


RANGE_MUTANTS: dict[str, tuple[Any, str, Callable[..., Any], Ranged]] = {
    "every family is a mixture": (families, "affine", lambda case, n: True, ("Hidden", {}, "convex")),
    "every parameter is a unit": (families, "scaling", lambda *a: {"a": 1}, ("Hidden", {}, "convex")),
}


@pytest.mark.parametrize("mutant", RANGE_MUTANTS)
def test_a_broken_rule_for_ranges_is_noticed(mutant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A family that dents only between the places that are tried, near a = 0.313."""
    where, name, replacement, _ = RANGE_MUTANTS[mutant]
    hidden = lossmith.loss("r**2/2 + 1.5*exp(-3e4*(a - 0.313)**2)*cos(r)", lift="residual", a=0.4)
    case, ranges = proofs.case_of(hidden), {"a": (0.1, 0.9)}
    assert families.fact_over(case, ranges, "convex").holds is not True
    monkeypatch.setattr(where, name, replacement)
    assert families.fact_over(case, ranges, "convex").holds is True
    made = certificates.over(hidden, ranges, "convex")
    assert made.fact.holds is True and made.stands is False, made.checks


@pytest.mark.parametrize(
    ("one", "way"),
    [
        (("Poly1", {"epsilon": (-1, 1)}, "convex"), certificates.OVER_BOXES),  # a mixture
        (("Huber", {"delta": (0.01, 100)}, "convex"), certificates.OVER_BOXES),  # a unit
        (("NegativeBinomial", {"theta": (0.1, 9)}, "convex"), certificates.OVER_BOXES),  # as a whole
        (("Poly1", {"epsilon": (0, 2)}, "convex"), certificates.AT_WITNESS),
        (("Barron", {"alpha": (1, 2)}, "convex"), certificates.UNKNOWN),
    ],
    ids=str,
)
def test_facts_of_families_have_certificates(one: Ranged, way: str) -> None:
    name, ranges, fact = one
    made = certificates.over(catalogue.losses()[name](), ranges, fact)
    assert certificates.way(made) == way
    covering = [c for c in made.claims if set(ranges) & set(c.others)]
    assert bool(covering) == (name == "NegativeBinomial")


def test_dimensions() -> None:
    def of(formula: str, *names: str, **params: float) -> dict[str, int] | None:
        case = proofs.case_of(lossmith.loss(formula, lift="residual", **params))
        return dimension.scaling(case.program, case.variable, names)

    assert of("where(abs(r) <= d, r**2/2, d*(abs(r) - d/2))", "d", d=1.0) == {"d": 1}
    assert of("log(1 + r**2/v)", "v", v=1.0) == {"v": 2}
    assert of("log(1 + r**2/v) + 0.1*r**2", "v", v=1.0) is None
    assert of("where(abs(r) <= 1, d*r**2, d*abs(r))", "d", d=1.0) is None
    assert of("exp(-a*abs(r))*a", "a", a=1.0) == {"a": -1}


def test_bad_ranges_are_answered() -> None:
    for ranges, says in (({"epsilon": (1.0, 0.0)}, "upwards"), ({"eps": (0.0, 1.0)}, "no parameter"),
                         ({"epsilon": (-2.0, 1.0)}, "epsilon")):  # fmt: skip
        with pytest.raises(ParameterError, match=says):
            list(proofs.family(lossmith.Poly1(), ranges, ("convex",)))
    with pytest.raises(UnsupportedError, match="several outputs"):
        list(proofs.family(lossmith.GaussianNLL(), {}, ("convex",)))


# --------------------------------------------------------------------------------------------------- the command line


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["prove", *arguments])
    assert result.exit_code == 0, result.output
    return " ".join(result.output.split())


def test_prove_on_the_command_line() -> None:
    assert "proved convex" in said("Huber", "--fact", "convex")
    assert "proved convex" in said("Poly1", "--param", "epsilon=-1..1", "--fact", "convex")
    assert "refuted convex" in said("Poly1", "--param", "epsilon=2", "--fact", "convex")
    assert "confirmed" in said("abs(r)**1.5", "--fact", "convex", "--recheck")
    body = json.loads(CliRunner().invoke(app, ["prove", "Logistic", "--fact", "convex", "--recheck", "--json"]).output)
    assert body["certificates"][0]["stands"] is True and body["certificates"][0]["claims"]
    facts = json.loads(CliRunner().invoke(app, ["prove", "Cauchy(c=2)", "--json"]).output)["facts"]
    assert {f["verdict"] for f in facts} <= {"proved", "refuted", "unknown"} and len(facts) > 12
    assert "Examples" in said("--help") and "epsilon=-1..1" in said("--help")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--all"), (["Huber", "--all"], "--all"), (["Huber", "--fact", "round"], "no fact"),
        (["Huber", "--param", "delta=x"], "name=-1..1"), (["GaussianNLL", "--param", "delta=1..2"], "parameters are"),
        (["Hubr"], "Huber"), (["Huber", "--param", "gamma=1..2"], "parameters are: delta"),
    ],
)  # fmt: skip
def test_mistakes_end_in_one_line(arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["prove", *arguments])
    assert end.value.code == 2
    assert says in capsys.readouterr().err
