"""The language: what it reads, what it refuses, and that refusing is quick and runs nothing."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lossmith
from lossmith.errors import FormulaError, ParameterError
from lossmith.formula import WORDS, Expr, call, name, number, parse, substitute


def test_a_formula_becomes_its_tree() -> None:
    assert parse("1 - 2*r") == call("sub", number(1), call("mul", number(2), name("r")))
    assert parse("where(0 < r <= 1 and r != c, r, 0)").args[0].word == "and"
    assert parse("(r > 0)*r").args[0] == call("where", call("gt", name("r"), number(0)), number(1), number(0))
    assert parse("-2**2").value == -4 and parse("2**-1").value == 0.5
    assert parse("pi").value == pytest.approx(3.14159265)


@pytest.mark.parametrize(
    ("text", "says", "column"),
    [
        ("hubber(r)", "unknown word", 0),
        ("r + q", "unknown name 'q'", 4),
        ("r + dleta", "did you mean 'delta'?", 4),
        ("exp(r, 2)", "takes 1 argument", 0),
        ("where(r, 1, 2)", "must be a comparison", 6),
        ("r ^ 2", "powers are written **", 0),
        ("r.real", "no attributes", 0),
        ("r[0]", "no indexing", 0),
        ("1 if r else 2", "where(condition, a, b)", 0),
        ("lambda: r", "not in the language", 0),
        ("exp(x=r)", "plain arguments", 0),
        ("abs(r", "never closed", 3),
        ("'r'", "not a number", 0),
        ("r + 1e999", "too large", 4),
        ("9**9**9**9", "too large", 3),
        ("r**1000", "integer power beyond", 3),
        ("(-2)**0.5*r", "not a real number", 0),
        ("1/0*r", "a division by zero", 2),
        ("r + r/-0.0", "a division by zero", 6),
        ("r/(1 - 2/2)", "a division by zero", 3),
        ("r < 1 or r > 2", "only `and` joins", 0),
        ("exp", "needs arguments", 0),
        ("__import__('os').system('true')", "only the words can be applied", 0),
        ("äöü + r + q", "unknown name 'äöü'", 0),
    ],
)
def test_what_is_not_in_the_language_is_shown_with_a_caret(text: str, says: str, column: int) -> None:
    with pytest.raises(FormulaError) as caught:
        parse(text, {"r", "delta"})
    assert says in str(caught.value), caught.value
    assert caught.value.column == column
    assert str(caught.value).splitlines()[-1] == "  " + " " * column + "^"


@pytest.mark.parametrize(
    "text",
    [
        *("", "   ", "r" * 5000, "(" * 3000 + "r" + ")" * 3000, "-" * 3900 + "r", "+".join("r" * 1500), "9" * 4000),
        *("\0r", "abs(" * 100 + "r" + ")" * 100, "9**9**9**9**9", "(9**99)**99*r", "[r for r in r]", "{r}", "r := 1"),
        *("*r", "f''"),
    ],
)
def test_hostile_text_is_refused_quickly(text: str) -> None:
    began = time.perf_counter()
    with pytest.raises(FormulaError):
        parse(text, {"r"})
    assert time.perf_counter() - began < 1


@given(st.text(max_size=60) | st.text(alphabet="r0123456789.+-*/()<>=, abexplogwhrmin", max_size=60))
def test_any_text_is_a_tree_or_a_formula_error(text: str) -> None:
    try:
        tree = parse(text, {"r"})
    except FormulaError:
        return
    assert isinstance(tree, Expr) and tree.names <= {"r"}
    assert all(e.word in {*WORDS, "number", "name", "neg"} or len(e.args) == 2 for e in tree.walk())


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("3*y", "never uses a slot"),
        ("1/0*r", "division by zero"),
        ("sqrt(-1)*r", "not a real number"),
        ("log(0)*r", "does not fit"),
    ],
)
def test_a_formula_that_is_no_loss_says_why(text: str, says: str) -> None:
    with pytest.raises(FormulaError, match=says):
        lossmith.loss(text, lift="residual").value([1.0], [0.0])


def test_a_declaration_checks_itself() -> None:
    with pytest.raises(FormulaError, match="never uses a slot"):

        class NoSlot(lossmith.Loss, lift=lossmith.residual):
            formula = "1 + 1"

    with pytest.raises(FormulaError, match="name the lift"):

        class NoLift(lossmith.Loss):
            formula = "r"

    with pytest.raises(FormulaError, match="'c' does not occur"):

        class Unused(lossmith.Loss, lift=lossmith.residual):
            formula = "r**2"
            c: float = lossmith.domain.positive(1.0, "never used")


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: lossmith.Huber(delta=-1), "delta must be a number > 0"),
        (lambda: lossmith.Huber(delta=float("nan")), "delta must be"),
        (lambda: lossmith.Huber(epsilon=1), "its parameters are: delta"),
        (lambda: lossmith.Quantile(1.0), r"in \(0, 1\)"),
        (lambda: lossmith.loss("hubr"), "did you mean Huber"),
        (lambda: lossmith.loss("r**2", lift="residue"), "unknown lift"),
    ],
)
def test_wrong_parameters_state_their_domain(make: object, says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        make()


def test_a_word_behind_a_minus_is_a_formula() -> None:
    """The plainest formula of class probabilities was once taken for a misspelt name."""
    assert lossmith.loss("-logp").lift is lossmith.softmax


def test_substitution_replaces_names_only() -> None:
    tree = substitute(parse("a*exp(b)"), {"b": parse("c + 1")})
    assert tree == parse("a*exp(c + 1)")
