"""Facts: spans hold every value, algebra knows only true identities, and known verdicts come out."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cache
from typing import Any

import mpmath
import pytest

from lossmith import catalogue
from lossmith.catalogue import loss
from lossmith.facts import Fact
from lossmith.loss import Loss
from lossmith.program import Program, Step
from lossmith.symbolic import balls, exact, exactwords, pieces, prove, slopes, spanwords
from lossmith.symbolic.provers import PROVERS
from lossmith.symbolic.spans import Span
from lossmith.words import COMPARISONS, WORDS, definitions


def of(what: Loss) -> prove.Facts:
    """The facts of a loss."""
    slot = what.derived.slot
    params = {n: what.params[n] for n in slot.params}
    return prove.facts(slot, params, what.lift.name, target=what.target.interval)


@cache
def made(formula: str, lift: str, **params: float) -> Loss:
    return loss(formula, lift=lift, **params)


def text(formula: str, lift: str = "residual", **params: float) -> prove.Facts:
    return of(made(formula, lift, **params))


# ---------------------------------------------------------------------------------------------- spans and words


def _draw(rng: random.Random) -> float:
    if rng.random() < 0.15:
        return rng.choice([0.0, 1.0, -1.0, 0.5, 2.0])
    return rng.choice([-1, 1]) * 10 ** rng.uniform(-8, 2 if rng.random() < 0.8 else 6)


POWERS: list[Fraction | int] = [0, 0, 1, 2, -1, Fraction(1, 2)]
POSITIVE = ("log", "lgamma", "digamma", "trigamma", "sqrt")


def _arguments(word: str, rng: random.Random, tail: bool) -> list[Span]:
    spans_: list[Span] = []
    for i in range(WORDS[word]):
        a, b = sorted((_draw(rng), _draw(rng)))
        if word in POSITIVE or (word, i) in (("pow", 0), ("xlogy", 1)):
            a, b = sorted((abs(a), abs(b)))
        if word == "pow" and i == 1:
            a = b = rng.choice([2.0, 3.0, -1.0, 0.5, 1.5, -2.0, -0.3, 4.0])
        power: Fraction | int = rng.choice(POWERS) if tail and not (word == "pow" and i == 1) else 0
        spans_.append(Span(power, a, b))
    return spans_


def _inside(x: Span, rng: random.Random, t: float) -> Any:
    share = rng.choice([0, 1, rng.random()])
    c = mpmath.mpf(x.low) + (mpmath.mpf(x.high) - mpmath.mpf(x.low)) * share
    return min(max(c, x.low), x.high) * _power(x, t)


def _power(x: Span, t: float) -> Any:
    return mpmath.mpf(t) ** (mpmath.mpf(Fraction(x.power).numerator) / Fraction(x.power).denominator)


HARD = {
    **dict.fromkeys(("lgamma", "digamma", "trigamma", "sin", "cos"), 1e6), "pow": 1e9,
    **dict.fromkeys(("log_ndtr", "mills", "mills_slope", "erf"), 1e3),
    **dict.fromkeys(("exp", "expm1", "tanh", "sech2", "sigmoid", "softplus", "logcosh"), 2e3),
    **dict.fromkeys(("expm1mx", "log_cloglog", "cloglog_slope", "cloglog_bend"), 600.0),
}  # fmt: skip


def escapes(word: str, draws: int) -> Iterator[str]:
    """Cases in which a word's value at a point of a span lies outside the span that it is given."""
    rng = random.Random(word)
    with mpmath.workprec(160):
        for _ in range(draws):
            tail = rng.random() < 0.4
            start = 2.0 ** rng.choice([3, 6, 12, 20]) if tail else 1.0
            t = start * 2 ** rng.uniform(0, 6) if tail else 1.0
            xs = _arguments(word, rng, tail)
            at = [_inside(x, rng, t) for x in xs]
            if max(abs(a) for a in at) > HARD.get(word, math.inf) or (word in POSITIVE and at[0] <= 0):
                continue
            found = spanwords.SPANS[word](spanwords.State(start, rng.random() < 0.5), *xs)
            true = definitions()[word](*at)
            if isinstance(true, bool):
                if found is not None and found != true:
                    yield f"{word}{xs}: {found} but {true}"
            elif found.low == found.low and not mpmath.isnan(true):
                f = _power(found, t)
                low = found.low * f if found.low else 0
                high = found.high * f if found.high else 0
                if not low - abs(true) * 2.0**-120 <= true <= high + abs(true) * 2.0**-120:
                    yield f"{word}{xs} at {start}: {found} misses {true}"


def test_every_word_is_in_every_table() -> None:
    assert set(spanwords.SPANS) == set(WORDS) == set(exactwords.WORDS_EXACT)
    assert set(balls.LIMITS) | {"lgamma"} == set(balls.RANGES)
    without = set(WORDS) - COMPARISONS - set(slopes.RULES) - set(slopes.BINARY)
    assert without == {"trigamma", "mills_slope", "cloglog_bend"}


@pytest.mark.parametrize("word", [w for w in WORDS if w not in ("and", "where")])
def test_spans_hold_every_value(word: str) -> None:
    assert list(escapes(word, 150)) == []


@pytest.mark.parametrize("word", ["exp", "softplus", "mills", "logcosh", "add", "mul", "div"])
def test_a_span_rounded_inwards_is_noticed(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    good = spanwords.SPANS[word]

    def narrow(*args: Any) -> Span:
        x = good(*args)
        gap = 1e-6 * (x.high - x.low) if math.isfinite(x.high - x.low) else 0.0
        return Span(x.power, x.low + gap + abs(x.low) * 1e-9, x.high - gap - abs(x.high) * 1e-9)

    monkeypatch.setitem(spanwords.SPANS, word, narrow)
    assert list(escapes(word, 600))


def test_without_flint_bounds_are_wider_never_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(balls, "_words", balls._mpmath_words)
    monkeypatch.setattr(balls, "_enclose", balls._enclose.__wrapped__)
    for word in ("exp", "expm1", "log", "tanh", "softplus", "sigmoid", "erf", "mills"):
        assert list(escapes(word, 60)) == []
    assert of(catalogue.losses()["LogCosh"]())["convex"].holds


# --------------------------------------------------------------------------------------------- exact algebra, slopes


def _points(program: Program, rng: random.Random, most: float) -> dict[str, float]:
    shown = {n: rng.choice([0.37, 1.9, 4.4]) for n in (*program.inputs, *program.params)}
    return shown if most > 1 else shown | {"y": 0.37}


@pytest.mark.parametrize("name", sorted(catalogue.losses()))
def test_derivatives_twins_and_pieces_agree_with_the_program(name: str) -> None:
    """On its pieces a program is its own value, its slopes are its outputs, its twin is itself (40 digits)."""
    what = catalogue.losses()[name]()
    c = of(what).case
    rng = random.Random(name)
    for region in c.regions:
        if c.lift == "softmax" or c.limits:
            t = -0.6
        else:
            low, high = (-9 if region.low is None else region.low), (9 if region.high is None else region.high)
            t = float(low + (high - low) * Fraction(rng.randint(1, 99), 100))
        if (region.low is not None and t <= region.low) or (region.high is not None and t >= region.high):
            continue
        values = {**_points(c.program, rng, c.target.high), **c.params, c.variable: t}
        whole, here = c.program.run(values), region.program.run(values)
        assert all(_close(whole[n], here[n]) for n in whole)
        for below, above in (("value", "d1"), ("d1", "d2")):
            try:
                slope = slopes.differentiate(region.program, c.variable, below).run(values)[below]
            except slopes.NoSlope:
                continue
            assert _close(slope, whole[above]), (below, slope, whole[above])
        for n in ("value", "d1", "d2"):
            twin = region.twin(n)
            assert twin is None or _close(twin.program.run(values)[n], whole[n])


def _close(a: Any, b: Any) -> bool:
    return bool(abs(a - b) <= mpmath.mpf(10) ** -14 * max(abs(a), abs(b), mpmath.mpf(10) ** -300))


def test_algebra_knows_identities_and_only_true_ones() -> None:
    def zero(*steps: tuple[Any, ...]) -> bool:
        program = Program(("t",), (), tuple(Step(s[0], s[1], tuple(s[2:])) for s in steps), (("o", steps[-1][0]),))
        field = exact.Exact()
        return not field.run(program, {"t": field.atom("t")})["o"].top

    flip = (("n", "neg", "t"), ("a", "sigmoid", "t"), ("b", "sigmoid", "n"), ("s", "add", "a", "b"))
    assert zero(*flip, ("o", "sub", "s", 1.0))
    assert not zero(*flip, ("o", "sub", "s", 1.0 + 2**-52))
    assert zero(("h", "hypot1", "t"), ("q", "mul", "h", "h"), ("x", "mul", "t", "t"), ("y", "sub", "q", "x"),
                ("o", "sub", "y", 1.0))  # fmt: skip
    plus = (("n", "neg", "t"), ("a", "softplus", "t"), ("b", "softplus", "n"), ("d", "sub", "a", "b"))
    assert zero(*plus, ("o", "sub", "d", "t"))
    assert not zero(("a", "tanh", "t"), ("b", "atan", "t"), ("o", "sub", "a", "b"))


def test_pieces_cut_where_a_choice_changes_and_nowhere_else() -> None:
    choice = (Step("b", "le", ("a", "d")), Step("q", "mul", ("t", "t")), Step("v", "where", ("b", "q", "a")))
    program = Program(("t",), ("d",), (Step("a", "abs", ("t",)), *choice), (("value", "v"),))
    found = pieces.pieces(program, {"d": 1.345}, "t", None, None)
    cut = Fraction(1.345)
    assert [p.low for p in found] == [None, -cut, 0, cut] and [p.high for p in found] == [-cut, 0, cut, None]
    assert [len(p.program.steps) for p in found] == [1, 1, 1, 0]  # −t, t², t², t


# ------------------------------------------------------------------------------------------------- known verdicts

YES, NO, ANY = True, False, object()
KNOWN: dict[str, tuple[object, ...]] = {
    # name: convex, twice, smooth, majorant, scalable, bounded influence (with its constant), redescending
    "Squared": (YES, YES, YES, YES, NO, NO, NO),
    "Absolute": (YES, NO, NO, YES, NO, 1.0, NO),
    "Huber": (YES, NO, YES, YES, YES, 1.345, NO),
    "SmoothL1": (YES, NO, YES, YES, YES, 1.0, NO),
    "PseudoHuber": (YES, YES, YES, YES, YES, 1.2871, NO),
    "LogCosh": (YES, YES, YES, YES, YES, 1.2047, NO),
    "Cauchy": (NO, YES, YES, YES, YES, 2.3849 / 2, YES),
    "GemanMcClure": (NO, YES, YES, YES, YES, 3.7874 * 9 * math.sqrt(3) / 48, YES),
    "Welsch": (NO, YES, YES, YES, YES, 2.9846 * math.exp(-0.5) / math.sqrt(2), YES),
    "Tukey": (NO, YES, YES, YES, YES, 4.6851 * 16 / (25 * math.sqrt(5)), YES),
    "Talwar": (NO, NO, NO, YES, YES, 2.7955, YES),
    "StudentT": (NO, YES, YES, YES, YES, 1.25, YES),
    "Arctan": (NO, YES, YES, YES, YES, ANY, YES),
    "Barron": (YES, YES, YES, YES, YES, 1 / 1.2871, NO),
    "Lq": (YES, NO, NO, YES, NO, NO, NO),
    "Quantile": (YES, NO, NO, YES, NO, 0.5, NO),
    "QuantileHuber": (YES, NO, YES, YES, YES, 0.5, NO),
    "Expectile": (YES, ANY, YES, YES, NO, NO, NO),
    "EpsilonInsensitive": (YES, NO, NO, NO, YES, 1.0, NO),
    "SquaredEpsilonInsensitive": (YES, NO, YES, YES, YES, NO, NO),
    "CappedAbsolute": (NO, NO, NO, YES, YES, 1.0, YES),
    "Logistic": (YES, YES, YES, YES, NO, 1.0, NO),
    "Hinge": (YES, NO, NO, NO, NO, 1.0, NO),
    "SquaredHinge": (YES, NO, YES, YES, NO, NO, NO),
    "ModifiedHuber": (YES, NO, YES, YES, NO, 4.0, NO),
    "Exponential": (YES, YES, NO, NO, NO, NO, NO),
    "Probit": (YES, YES, YES, YES, NO, NO, NO),
    "SigmoidMargin": (NO, YES, YES, YES, NO, 0.25, YES),
    "Savage": (NO, YES, YES, YES, NO, ANY, YES),
    "Ramp": (NO, NO, NO, NO, NO, 1.0, YES),
    "Brier": (NO, YES, YES, YES, NO, 8 / 27, YES),
    "Perceptron": (YES, NO, NO, YES, NO, 1.0, NO),
    "Poisson": (YES, YES, NO, NO, NO, NO, ANY),
    "Gamma": (YES, YES, NO, NO, NO, NO, ANY),
    "InverseGaussian": (NO, YES, NO, NO, NO, NO, ANY),
    "Tweedie": (YES, YES, NO, NO, NO, NO, ANY),
    "NegativeBinomial": (YES, YES, NO, NO, NO, NO, ANY),
    "BinaryCrossEntropy": (YES, YES, YES, YES, NO, 1.0, ANY),
    "CrossEntropy": (YES, YES, YES, YES, NO, 1.0, NO),
    "LabelSmoothing": (YES, YES, YES, YES, NO, 1.0, NO),
    "Focal": (NO, YES, YES, YES, NO, 1.1302, NO),
    "GeneralizedCrossEntropy": (NO, YES, YES, YES, NO, ANY, YES),
    "Poly1": (YES, YES, YES, YES, NO, 1.0, NO),
}
COLUMNS = ("convex", "twice", "smooth", "majorant", "scalable", "bounded influence", "redescending")


@pytest.mark.parametrize("name", KNOWN)
def test_known_verdicts(name: str) -> None:
    found = of(catalogue.losses()[name]())
    for column, expected in zip(COLUMNS, KNOWN[name], strict=True):
        if expected is ANY:
            continue
        fact = found[column]
        if isinstance(expected, float):
            assert fact.holds and fact.constant == pytest.approx(expected, rel=2e-3), fact
        else:
            assert fact.holds is expected, fact


@pytest.mark.slow
def test_few_facts_of_the_catalogue_are_unknown() -> None:
    verdicts = [fact.holds for kind in catalogue.losses().values() for fact in of(kind()).values()]
    assert verdicts.count(None) <= 0.1 * len(verdicts)


@pytest.mark.parametrize("epsilon", [-1.0, 0.0, 0.5, 1.0])
def test_poly1_is_convex_up_to_one(epsilon: float) -> None:
    assert of(catalogue.losses()["Poly1"](epsilon=epsilon))["convex"].holds is True


@pytest.mark.parametrize("epsilon", [1.0 + 1e-9, 1.001, 2.0])
def test_poly1_is_not_convex_beyond_one(epsilon: float) -> None:
    fact = of(catalogue.losses()["Poly1"](epsilon=epsilon))["convex"]
    assert not fact.holds
    assert epsilon < 1.001 or fact.holds is False


@pytest.mark.parametrize("name", list(catalogue.losses()))
def test_constants_bound_and_are_tight(name: str) -> None:
    """Each constant is at least every sampled value, and at most 1 % above the largest."""
    found = of(catalogue.losses()[name]())
    c = found.case
    joins = [float(j.at) * (1 + e) for j in c.joins for e in (-1e-9, 1e-9)]
    ts = [s * 1.13**k for k in range(-60, 60) for s in (-1, 1)] + joins
    ts += [s * math.sqrt(v) * (1 - 1e-9) for v in c.params.values() if v > 0 for s in (-1, 1)]
    ts += [s * k / 25 for k in range(50, 90) for s in (-1, 1)]
    for fact, output in (("smooth", "d2"), ("bounded influence", "d1")):
        bound = None if c.limits or c.lift == "softmax" else found[fact].constant
        if bound is None:
            continue
        part = c.program.only(output)
        runs = (part.run({**c.params, c.variable: t}, bits=64, agree=40)[output] for t in ts)
        most = max(abs(float(x)) for x in runs)
        assert most <= bound <= 1.01 * most, (fact, most, bound)


def test_facts_are_lazy_kept_as_text_and_keyed_by_content() -> None:
    kept: dict[str, str] = {}

    def keep(key: str, make: Callable[[], str]) -> str:
        return kept.setdefault(key, make()) if key not in kept else kept[key]

    slot = catalogue.losses()["Huber"]().derived.slot
    first = prove.facts(slot, {"delta": 1.345}, "residual", keep=keep)
    assert not kept and "convex" in first and len(first) == len(PROVERS["residual"])
    assert first["convex"].holds and len(kept) == 1
    again = prove.facts(slot, {"delta": 1.345}, "residual", keep=lambda key, make: kept[key])
    assert again["convex"] == first["convex"]
    other = prove.facts(slot, {"delta": 2.0}, "residual", keep=keep)
    assert other["bounded influence"].constant == pytest.approx(2.0) and len(kept) == 2
    assert all(isinstance(json.loads(t), dict) for t in kept.values())
    assert "convex: proved" in repr(first)


def test_a_witness_shows_what_it_says() -> None:
    fact = of(catalogue.losses()["Cauchy"]())["convex"]
    witness: Any = fact.witness
    slot = catalogue.losses()["Cauchy"]().derived.slot
    assert isinstance(fact, Fact) and fact.holds is False
    assert slot.run({"r": witness["r"], "c": 2.3849})["d2"] == pytest.approx(witness["d2"]) and witness["d2"] < 0
