"""Numbers right to the last digits: every kernel on every backend against ball arithmetic, and mutants of each part.

The contract: at most 4 ulp in float64 and 2 in float32, 99 % of the points within 1.5, nothing lost to overflow. The
points cover all exponents with subnormals, both zeros, and the joins ± 4 ulp. Near a place where an output changes its
sign a unit is what one ulp of the slot changes, if that is more; for likelihoods, of y. `make nightly` tries more.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import mpmath
import numpy as np
import pytest
from exceptions import EXCEPTIONS, Above
from kernel_tools import one_word, points

import lossmith
from lossmith.accuracy import LIMITS, USUAL, Accuracy, Truth, accuracy, measure
from lossmith.accuracy.narrow import Everywhere, beside, one_argument
from lossmith.accuracy.points import PAIRS, joins, slots
from lossmith.accuracy.ulps import errors, turning, unit
from lossmith.backends import careful, llvm, llvm_polynomials, llvm_print, load
from lossmith.formula import parse
from lossmith.program import Program, Step
from lossmith.symbolic import finish, together, truth
from lossmith.words import COMPARISONS, WORDS

sys.path.insert(0, str(Path(__file__).parents[1] / "tools"))
import every_float32

ROWS, FEW = 20_000, 3_000
SLOW = {"lgamma", "digamma", "trigamma"}
LOSSES = [kind() for kind in lossmith.losses().values() if kind.lift.name in PAIRS]


def rows_for(loss: lossmith.Loss) -> int:
    """Fewer where the truth takes milliseconds a row."""
    return FEW if SLOW & {step.word for step in loss.program.steps} else ROWS


def broken(found: Accuracy, listed: Above | None) -> list[str]:
    """The bounds that neither the contract nor a listed exception admits."""
    at = listed or Above("")
    worst = {"float64": max(LIMITS["float64"], at.worst), "float32": max(LIMITS["float32"], at.narrow)}
    return [
        str(b)
        for b in found.bounds
        if b.worst > worst[b.dtype] or b.usual > max(USUAL, at.usual) or b.lost > at.lost * b.rows
    ]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_contract(loss: lossmith.Loss) -> None:
    assert broken(measure(loss, rows_for(loss)), EXCEPTIONS.get(loss.name)) == []


@pytest.mark.slow
@pytest.mark.parametrize("loss", [x for x in LOSSES if x.name not in EXCEPTIONS], ids=lambda loss: loss.name)
def test_contract_at_other_points(loss: lossmith.Loss) -> None:
    assert broken(measure(loss, rows_for(loss), seed=2), None) == []


SOME = [lossmith.Logistic(), lossmith.Huber(), lossmith.Cauchy(), lossmith.VonMises()]
PIECE = 2**20
ONES = 0x3F800000 // PIECE * PIECE
"""The bits of the first number of the piece that holds 1."""


@pytest.mark.parametrize("loss", SOME, ids=lambda loss: loss.name)
def test_some_of_every_float32(loss: lossmith.Loss) -> None:
    """The piece that holds 1, both signs, and the ends; the same with a planted error of 3·10⁻⁷ is noticed."""
    ends = [(start, start + 1) for start in (0, 2**23, 0x7F7FFFFF, 2**31, 0xFF7FFFFF)]
    pieces = [(ONES, ONES + PIECE), (2**31 + ONES, 2**31 + ONES + PIECE), *ends]
    assert all(w.holds for w in Everywhere(loss).look(pieces).values())
    assert not all(w.holds for w in Everywhere(loss).look(pieces, planted=3e-7).values())


def test_shares_of_nights_make_up_all_losses() -> None:
    names = [loss.name for loss in LOSSES if one_argument(loss)]
    shares = [every_float32.share(names, k, 7) for k in range(1, 8)]
    assert sorted(n for s in shares for n in s) == sorted(names) and len({*map(len, shares)}) <= 2
    nights = [every_float32.tonight(names, 7, date(2026, 11, 20) + timedelta(k)) for k in range(7)]
    assert sorted(n for s in nights for n in s) == sorted(names)
    with pytest.raises(ValueError, match="8/7"):
        every_float32.share(names, 8, 7)


def test_a_run_that_was_stopped_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was found before counts: catches a resume that forgets the worst so far, or begins anew."""
    monkeypatch.setattr(every_float32, "STEP", 2**15)
    looked: list[tuple[int, int]] = []

    class Seen(Everywhere):
        def look(self, numbers: Any, planted: float = 0.0) -> Any:
            looked.extend(numbers)
            return super().look(numbers, planted=1e-6 if looked[-1][0] == 0x3F800000 else 0.0)

    place: dict[str, Any] = {"next": 0x3F800000}
    ends = 0x3F800000 + 4 * 2**15
    assert every_float32.look("", Seen(lossmith.Cauchy()), place, time.monotonic() - 1, ends) is False
    assert not looked
    monkeypatch.setattr(every_float32.time, "monotonic", iter([0.0, 2.0]).__next__)
    assert every_float32.look("", Seen(lossmith.Cauchy()), place, 1.0, ends) is False
    monkeypatch.undo()
    monkeypatch.setattr(every_float32, "STEP", 2**15)
    again = Seen(lossmith.Cauchy())
    assert every_float32.look("", again, json.loads(json.dumps(place)), np.inf, ends) is True
    assert looked == [(0x3F800000 + k * 2**15, 0x3F800000 + (k + 1) * 2**15) for k in range(4)]
    assert not again.worst["value"].holds and again.worst["value"].at < 1.01, "the planted error of the first run"


def test_the_unit_near_a_sign_change_is_what_an_ulp_of_the_slot_changes() -> None:
    turns = Everywhere(lossmith.Cauchy(c=1.0)).turns["hessian"]
    assert {1.0, -1.0} <= set(np.round(turns, 2).tolist()), "the curvature of Cauchy's loss turns at ±c"
    x = np.array([0.4, 0.6, 1.9, 2.1, -1.5, 0.0], np.float32)
    assert beside(x, np.array([1.0])).tolist() == [False, True, True, False, False, False]


def test_what_is_one_argument() -> None:
    assert one_argument(lossmith.Huber()) and one_argument(lossmith.Focal())
    assert not one_argument(lossmith.Poisson()) and not one_argument(lossmith.SymmetricPercentage())


def test_every_exception_is_of_a_loss_has_a_reason_and_is_needed() -> None:
    assert set(EXCEPTIONS) <= {loss.name for loss in LOSSES}
    assert all(e.why for e in EXCEPTIONS.values())
    tight = [e for e in EXCEPTIONS.values() if (e.worst, e.usual, e.lost, e.narrow) == (4.0, 1.5, 0.0, 2.0)]
    assert not tight, "an exception that excepts nothing"


@pytest.mark.parametrize("backend", ["numpy", "llvm"])
@pytest.mark.parametrize("kind", ["f4", "f8"])
def test_nan_in_nan_out(backend: str, kind: str) -> None:
    for loss in LOSSES:
        program = loss.program.only("value", "gradient", "hessian")
        y, z = np.ones(3, kind), np.array([0.5, np.nan, 0.5], kind)
        value = load(program, kind, backend)([y, z], loss.state.params)[0]
        assert np.isnan(value[1]) and not np.isnan(value[0]), loss


# --- the measure itself ---------------------------------------------------------------------------------------------


def test_a_perturbed_coefficient_breaks_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    coefficients = list(llvm_polynomials.POLYNOMIALS["EXP"])
    coefficients[3] *= 1 + 1e-9
    monkeypatch.setitem(llvm_polynomials.POLYNOMIALS, "EXP", tuple(coefficients))
    monkeypatch.setattr(llvm, "_kernels", {})
    load.cache_clear()
    monkeypatch.setattr(llvm, "printer", lambda: "mutant")
    found = Accuracy("", tuple(Truth.of(lossmith.Logistic(), 500).bounds("llvm")))
    load.cache_clear()
    assert broken(found, None)


@pytest.mark.parametrize("name", ["Welsch", "Tukey", "Brier", "Andrews"])
def test_without_care_the_contract_breaks(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llvm_print, "careful", lambda program: program)
    loss = lossmith.losses()[name]()
    at = Truth.of(loss, 500)
    kernel = llvm.LlvmKernel(at.program, np.float64, text=llvm.source(at.program, np.float64))
    results = dict(zip(at.program.wants, kernel([at.y, at.z], loss.state.params), strict=True))
    assert not all(at.bound(n, "llvm", "float64", got).holds for n, got in results.items())


@pytest.mark.parametrize("rule", finish.JOINTLY, ids=lambda rule: rule.__name__)
def test_each_finishing_rewrite_is_the_same_mathematics(rule: object, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = {
        "one_minus_power": "1 - (1 - r**2)**3",
        "squared_serpentine": "log(1 + r**2)",
        "shared_sigmoid": "sigmoid(r)**2 + sigmoid(r)",
        "common_factor": "sigmoid(r)**2",
        "one_minus_saturation": "log(1 + r**2)",
        "one_plus_tanh": "sigmoid(r) + softplus(r)",
        "double_angle": "1 - cos(r)",
        "exp_minus_one": "exp(r)*exp(-r**2) - exp(r)",
        "sigmoid_gap": "softplus(r) + softplus(-r)",
        "one_minus_share": "1 - sigmoid(r)*exp(-r**2)",
    }
    text = texts[rule.__name__]
    with_it = together.several(parse(text), (), ("r",), {})
    monkeypatch.setattr(together, "JOINTLY", tuple(f for f in finish.JOINTLY if f is not rule))
    without = together.several(parse(text), (), ("r",), {})
    assert with_it.steps != without.steps
    for r in (-3.0, -1e-3, 0.7, 5.0):
        ours, plain = with_it.run({"r": r}), without.run({"r": r})
        assert all(mpmath.almosteq(ours[k], plain[k], rel_eps=mpmath.mpf(10) ** -15) for k in ours), r


def test_care_changes_no_mathematics() -> None:
    """In exact arithmetic every rest is 0: run by the definitions, a plan gives what its Program gives."""
    for loss in (lossmith.Welsch(), lossmith.Tukey(), lossmith.Focal(), lossmith.GeneralizedCrossEntropy()):
        plan = careful.careful(loss.program)
        assert {s.word for s in plan.steps} & set(careful.REST_WORDS), loss
        assert [n for n, _ in plan.outputs] == list(loss.program.wants)
        names = [s.name for s in plan.steps]
        assert len(set(names)) == len(names)


def test_few_roundings_are_left_alone() -> None:
    for loss in (lossmith.Huber(), lossmith.Logistic(), lossmith.Poisson(), lossmith.Squared(), lossmith.Absolute()):
        program = loss.program.only("value", "gradient", "hessian")
        assert len(careful.careful(program).steps) <= len(program.steps) + 4, loss


def test_the_truth_is_the_definition() -> None:
    assert set(truth.words()) >= set(WORDS)
    for word in sorted(set(WORDS) - COMPARISONS - {"where"}):
        program, arguments = one_word(word), [a[:12] for a in points(word, 24, np.float64)]
        high, low = truth.exact(program, arguments, ())["value"]
        for i, row in enumerate(zip(*arguments, strict=True)):
            want = program.run(dict(zip(program.inputs, map(float, row), strict=True)))["value"]
            with mpmath.workdps(60):
                got = mpmath.mpf(float(high[i])) + mpmath.mpf(float(low[i]))
                near = abs(got - want) <= abs(want) * mpmath.mpf(2) ** -70
            same = near or (float(want) == high[i] and not 1e-290 < abs(high[i]) < np.inf)
            assert same or (mpmath.isnan(want) and np.isnan(high[i])), (word, row, high[i], want)


def test_the_truth_sees_through_cancellation() -> None:
    steps = (Step("s", "mul", ("x", "x")), Step("t", "add", ("s", 1.0)), Step("u", "sqrt", ("t",)))
    program = Program(("x",), (), (*steps, Step("v", "sub", ("u", 1.0))), (("value", "v"),))
    assert truth.exact(program, [np.array([1e-108])], ())["value"][0][0] == pytest.approx(5e-217)


def test_points_reach_every_exponent_and_every_join() -> None:
    x = slots(np.random.default_rng(0), 4000)
    exponents = np.frexp(x[x != 0])[1]
    assert exponents.min() < -1060 and exponents.max() > 1020 and {0.0} <= set(x.tolist())
    with np.errstate(over="ignore"):
        assert (x == x.astype(np.float32)).mean() > 0.45
    places = joins(lossmith.Huber(1.5))
    assert {-1.5, 0.0, 1.5} <= set(places.tolist())


def test_units_and_errors() -> None:
    high, zero = np.array([1.0, 1.0, 5e-324, 1e308]), np.zeros(4)
    assert unit(high, np.array([0, -1e-20, 0, 0]), np.float64)[:3].tolist() == [2.0**-52, 2.0**-53, 5e-324]
    got = np.array([1 + 2.0**-51, np.inf, 0.0, np.nan])
    assert errors(got, high, zero, unit(high, zero, np.float64)).tolist() == [2.0, np.inf, 1.0, np.inf]
    assert errors(np.array([np.inf]), np.array([np.inf]), np.zeros(1), np.ones(1)) == 0
    slot = np.array([0.1, 1.0, 2.0, 3.0, 100.0])
    assert turning(slot, np.array([1.0, 1.0, -1.0, -1.0, -1.0])).tolist() == [False, True, True, False, False]


def test_a_formula_that_cancels_is_called_poor() -> None:
    right = accuracy("abs(r)**1.5", rows=300)
    assert right.poor is None and "warning" not in str(right)
    found = accuracy("(r + 1)**2 - r**2 - 2*r - 1 + exp(r) - cosh(r)", rows=300)
    assert found.poor is not None and found.poor.worst > 16 and "warning: more than 16 ulp" in str(found)


def test_the_page_was_measured() -> None:
    page = (Path(__file__).parents[1] / "docs/accuracy.md").read_text(encoding="utf-8")
    assert "| llvm, float64 |" in page and "Beside other libraries" in page
