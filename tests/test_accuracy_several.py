"""Numbers right to the last digits, of several raw outputs a row: scores of classes, and outputs of distributions.

The contract is that of one output (`test_accuracy.py`); what an ulp is where addends cancel is said in
`lossmith.accuracy.several`. Every value, slope and second derivative is measured at 2, 3 and 10 scores, over all
exponents, near ties and far from 0, one class all but sure, shares all but met. `make nightly` takes 20,000 rows.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from exceptions import SEVERAL
from test_accuracy import broken

import lossmith
from lossmith import catalogue
from lossmith.accuracy.rows import rows
from lossmith.accuracy.scores import ROWS
from lossmith.accuracy.several import SeveralTruth, cells, measure_several, output
from lossmith.accuracy.ulps import unit
from lossmith.backends.wide import WIDE
from lossmith.lifts import base
from lossmith.lifts import probabilities as chances
from lossmith.symbolic import truthscores

SCORES = (2, 3, 10)
FEW = {2: 150, 3: 250, 10: 30}
"""Rows in every run: the truth of ten scores takes milliseconds."""
NIGHTLY = 20_000
LOSSES = [kind() for kind in catalogue.every().values() if kind.lift.name in ROWS or kind.lift.joint]
SOFT = [loss for loss in LOSSES if loss.lift.name in ROWS]


def counts(loss: lossmith.Loss) -> tuple[int, ...]:
    """How many outputs a row may have."""
    if loss.lift.outputs:
        return (len(loss.lift.outputs),)
    return tuple(m for m in SCORES if m > 2 or loss.lift.multiclass)


def above(loss: lossmith.Loss, n: dict[int, int], seed: int = 0) -> list[str]:
    """The bounds that neither the contract nor a listed exception admits."""
    listed = SEVERAL.get(loss.name)
    if listed and np.isinf(listed.usual):  # of which nothing is promised but that little is lost
        n = {m: count // 5 for m, count in n.items()}
    return [b for m in counts(loss) for b in broken(measure_several(loss, n[m], m, seed), listed)]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_contract(loss: lossmith.Loss) -> None:
    assert above(loss, FEW) == []


@pytest.mark.slow
@pytest.mark.parametrize("loss", [x for x in LOSSES if x.name not in SEVERAL], ids=lambda loss: loss.name)
def test_contract_at_many_rows(loss: lossmith.Loss) -> None:
    assert above(loss, dict.fromkeys(SCORES, NIGHTLY), seed=2) == []


def test_every_exception_is_of_a_loss_and_has_a_reason() -> None:
    assert set(SEVERAL) <= {loss.name for loss in LOSSES}
    assert all(e.why and (e.worst, e.usual, e.lost, e.narrow) != (4.0, 1.5, 0.0, 2.0) for e in SEVERAL.values())


def test_few_truths_are_undecided() -> None:
    for loss in (lossmith.CrossEntropy(), lossmith.Sparsemax(), lossmith.GaussianNLL()):
        at = SeveralTruth.of(loss, 200, counts(loss)[-1])
        assert np.isnan(at.high).mean() < 0.02, loss


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_nan_in_nan_out(loss: lossmith.Loss) -> None:
    """Catches a branch that does not look at an output, or a maximum that passes over NaN."""
    m = counts(loss)[-1]
    y, z = rows(loss, 60, m)
    kept = np.abs(z).max(axis=1) < 1e30
    y, z = y[kept][:3], z[kept][:3].copy()
    z[1, m - 1] = np.nan
    for kind in (np.float64, np.float32):
        got = loss.lift.finely(loss.state, y.astype(kind), z.astype(kind), ("value", "gradient", "hessian", "block"))
        for name, values in got.items():
            assert np.isnan(values[1]).all() and not np.isnan(values[[0, 2]]).all(), (name, kind)


BLIND = [x for x in SOFT if x.lift.name in ("softmax", "simplex") and "mean_logp" not in x.tree.names]
"""Losses that do not see how many classes there are: no mean over all of them."""


@pytest.mark.parametrize("loss", BLIND, ids=lambda loss: loss.name)
def test_a_class_at_minus_infinity_is_not_there(loss: lossmith.Loss) -> None:
    """The limit exists: what is left are the other classes. Catches −∞ − (−∞), and 0 times an infinite logarithm."""
    z, y = np.array([[0.3, -1.2, 0.7], [2.0, 1.0, -0.5]]), np.array([0.0, 2.0])
    more = np.insert(z, 1, -np.inf, axis=1)
    got, want = loss.evaluate(y + (y > 0), more), loss.evaluate(y, z)
    assert np.allclose(got.value, want.value, rtol=1e-15, atol=0)
    assert np.allclose(np.delete(got.gradient, 1, axis=1), want.gradient, rtol=1e-15, atol=0)
    assert (got.gradient[:, 1] == 0).all()


# --- the measure itself ---------------------------------------------------------------------------------------------


def bad(loss: lossmith.Loss, m: int, n: int = 300) -> list[str]:
    """What breaks the contract."""
    return broken(measure_several(loss, n, m), None)


def test_one_minus_p_by_a_difference_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """1 − p of a class that is all but sure must be what the others have."""
    genuine = chances.counted

    def careless(z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        logp, p, _ = genuine(z)
        return logp, p, 1 - p

    monkeypatch.setattr(sys.modules["lossmith.lifts.softmax"], "counted", careless)
    assert bad(lossmith.Focal(), 3) and bad(lossmith.MultiClassBrier(), 3)


def test_the_others_by_a_difference_are_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(values: np.ndarray) -> np.ndarray:
        return values.sum(axis=1, keepdims=True) - values

    monkeypatch.setattr(sys.modules["lossmith.lifts.softmax"], "others", careless)
    assert bad(lossmith.GeneralizedCrossEntropy(), 3)


def test_float64_alone_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing wider is used, roundings add up: the reason for `Lift.finely`."""
    monkeypatch.setitem(base.WIDER, "d", np.float64)
    assert bad(lossmith.Poly1(), 10, 60) and bad(lossmith.SphericalScore(), 3)


def test_an_error_of_one_in_a_billion_is_noticed() -> None:
    for loss, m in ((lossmith.CrossEntropy(), 3), (lossmith.GaussianNLL(), 2), (lossmith.CumulativeLogit(), 3)):
        at = SeveralTruth.of(loss, 100, m)
        found = at.found("float64", "auto")
        assert all(b.holds for b in at.bounds("auto", found) if b.usual <= 1.5)
        for name in found:
            spoiled = {**found, name: found[name] * (1 - 1e-9)}
            assert not all(b.holds for b in at.bounds("auto", spoiled) if b.output == name), (loss, name)


def test_a_cancelling_sum_is_asked_to_an_ulp_of_its_largest_addend() -> None:
    s = truthscores.Sum.of(*map(truthscores.ball, (1.0, -1.0, 1e-20)))
    assert float(s.value) == pytest.approx(1e-20) and float(s.size) == 1.0
    assert float(s.times(truthscores.ball(-3.0)).size) == 3.0
    at = SeveralTruth.of(lossmith.KullbackLeibler(), 400, 3)
    gradient = at.cells.index((0,))
    plain = unit(at.high[:, gradient], at.low[:, gradient], np.float64)
    assert (at.size[:, gradient] < 1e3 * np.abs(at.high[:, gradient])).mean() > 0.5, "most sums do not cancel"
    assert (plain > 0).all()


def test_cells_are_all_of_three_and_a_frame_of_ten() -> None:
    assert [output(c) for c in cells(3)].count("block") == 3 and len(cells(3)) == 1 + 3 + 6
    assert {(0, 9), (9, 9), (0, 0)} <= set(cells(10)) and (1, 2) not in cells(10)


def test_rows_reach_what_is_hard() -> None:
    y, z = rows(lossmith.CrossEntropy(), 3000, 3)
    sizes = np.abs(z[z != 0])
    assert sizes.min() < 1e-300 and sizes.max() > 1e300 and (z == 0).any()
    with np.errstate(over="ignore"):
        single = z.astype(np.float32)
    assert (single == z).all(axis=1).mean() > 0.3
    assert ((z[:, 0] == z[:, 1]) & (np.abs(z[:, 0]) > 1)).any() and (y.max(axis=1) < 1).any()
    far = np.sort(z, axis=1)
    assert ((far[:, 2] - far[:, 1] > 40) & (far[:, 2] - far[:, 1] < 700)).mean() > 0.1


def test_compiled_probabilities_keep_their_digits() -> None:
    """What fits walk through: log p, p and 1 − p themselves, compiled, within 4 ulp."""
    from lossmith.backends import llvm_softmax
    from lossmith.symbolic.truth import certain

    _, z = rows(lossmith.CrossEntropy(), 400, 3)
    z = z[np.ptp(z, axis=1) < 700]
    made = np.stack(llvm_softmax.probabilities(z))
    for i, row in enumerate(z.tolist()):
        at = truthscores.Chances
        pairs = certain(lambda row=row, at=at: [*(c := at(row)).logp, *c.p, *c.rest])
        want = np.array(pairs)[:, 0].reshape(3, 3)
        off = np.abs(made[:, i] - want) / unit(want, np.zeros_like(want), np.float64)
        assert off.max() <= 4, (row, off)


def test_compiled_probabilities_with_their_rests_are_those_of_longdouble() -> None:
    """Catches a rest that is left out, or has the wrong sign: some 61 bits are right, 63 where nothing is compiled."""
    if not WIDE:
        pytest.skip("longdouble is float64 here")
    from lossmith.lifts.softmax import fine

    _, z = rows(lossmith.CrossEntropy(), 3000, 3)
    z = z[np.isfinite(z).all(axis=1)]
    made, want = fine(z.astype(np.longdouble)), chances.counted(z.astype(np.longdouble))
    with np.errstate(all="ignore"):
        off = [
            float(np.nanmax(np.abs(a - b) / np.abs(b), where=b != 0, initial=0))
            for a, b in zip(made, want, strict=True)
        ]
    assert max(off) < 2.0**-60, off


def test_longdouble_kernels_are_numpys() -> None:
    state = replace(lossmith.Focal().state, backend="llvm")
    u = np.array([-1.0, -2.0], np.longdouble)
    assert state.run(state.derived.slot, [u])["value"].dtype == np.longdouble
