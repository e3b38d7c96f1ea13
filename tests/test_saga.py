"""SAGA: it ends at the optimum of exact solvers, and its compiled steps are the plain ones."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix

import lossmith
from lossmith.backends import llvm, passes_saga, passes_sgd
from lossmith.backends.llvm import compile_text, link
from lossmith.backends.llvm_print import Target
from lossmith.errors import ParameterError, UnsupportedError
from lossmith.fit import Penalty, Solution, design, fit
from lossmith.fit.solvers import ELSEWHERE, SOLVERS, make_solver
from lossmith.rows.memory import Rows

Array = np.ndarray[Any, Any]
EXACT = {"Logistic": "newton", "Squared": "newton", "Huber": "majorise", "Poisson": "newton"}
LAYOUTS: dict[str, Any] = {
    "float64": lambda x: x,
    "float32": lambda x: x.astype(np.float32),
    "every second row": lambda x: np.repeat(x, 2, axis=0)[::2],
}


def rows(n: int = 6000, p: int = 19, layout: str = "float64", loss: str = "Logistic") -> Rows:
    """Rows with weights and offsets, columns of all scales."""
    rng = np.random.default_rng([n, p])
    x = rng.normal(size=(n, p)) * 10.0 ** rng.uniform(-2, 2, p) + 1.0
    z = (x - 1.0) @ (rng.normal(size=p) / x.std(axis=0)) / np.sqrt(p)
    kinds: dict[str, Any] = {
        "Logistic": lambda: (rng.random(n) < 1.0 / (1.0 + np.exp(-z))) * 1.0,
        "Poisson": lambda: rng.poisson(np.exp(0.5 * z)).astype(float),
    }
    y = kinds.get(loss, lambda: z + rng.standard_t(3, size=n))()
    return Rows.of(LAYOUTS[layout](x), y, rng.random(n), 0.3 * rng.normal(size=n))


def saga(some: Rows, loss: str, penalty: Penalty, **more: Any) -> Solution:
    return fit(some, lossmith.loss(loss), penalty, solver="saga", **more)


@pytest.mark.parametrize("kind", ["l2", "elasticnet"])
@pytest.mark.parametrize("loss", list(EXACT))
def test_it_ends_at_the_optimum_of_exact_solvers(loss: str, kind: str) -> None:
    """A mean that is not kept up, or a memory of slopes that is not, leaves noise: neither gets below 1e-4."""
    some, penalty = rows(loss=loss), Penalty(kind, 1e-2)
    exact = fit(some, lossmith.loss(loss), penalty, solver=EXACT[loss] if kind == "l2" else "fista", max_steps=20_000)
    found = saga(some, loss, penalty, max_steps=100)
    assert found.converged and exact.converged and found.optimality <= 1e-8
    spread = some.X.std(axis=0)
    np.testing.assert_allclose(found.coef * spread, exact.coef * spread, atol=1e-6)
    assert found.value == pytest.approx(exact.value, rel=1e-12)
    assert kind == "l2" or ((found.coef == 0.0) == (exact.coef == 0.0)).all()


@pytest.mark.parametrize("layout", list(LAYOUTS))
@pytest.mark.parametrize(("loss", "kind"), [("Logistic", "l2"), ("Huber", "l1"), ("Squared", "elasticnet")])
def test_compiled_steps_are_the_plain_ones(loss: str, kind: str, layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same epochs in NumPy, to rounding; a weight or an offset that is dropped shows."""
    monkeypatch.setattr(design, "LARGE", 0)
    some, penalty = rows(900, 13, layout, loss), Penalty(kind, 1e-2)
    quick = saga(some, loss, penalty, max_steps=2)
    monkeypatch.setattr(passes_sgd, "covers", lambda *_: False)
    plain = saga(some, loss, penalty, max_steps=2)
    spread = some.X.std(axis=0)
    np.testing.assert_allclose(quick.coef * spread, plain.coef * spread, atol=1e-12)
    for without in (replace(some, weight=None), replace(some, offset=None)):
        assert np.abs((saga(without, loss, penalty, max_steps=2).coef - plain.coef) * spread).max() > 1e-6


FAULTS = {
    "the mean is not kept up": (", %part", ", 0.0"),
    "slopes are not remembered": ("store double %slope", "; store double %slope"),
    "no edge": ("getelementptr double, ptr %edge", "getelementptr double, ptr %shrink"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_planted_faults_are_noticed(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each leads elsewhere, or nowhere."""
    right, wrong = FAULTS[fault]
    text, some = passes_sgd.source(passes_saga.Saga, Target("double", llvm.target_of(np.float64).width)), rows(8000, 13)
    broken = text.replace(right, wrong)
    assert broken != text
    engine, (address,) = link(compile_text(broken), ("saga",))
    good = saga(some, "Logistic", Penalty("l1", 1e-2), max_steps=40)
    monkeypatch.setattr(passes_saga, "compiled", lambda epoch, dtype: (engine, passes_sgd.ENTRY(address)))
    bad = saga(some, "Logistic", Penalty("l1", 1e-2), max_steps=40)
    assert good.converged and not bad.converged


@pytest.mark.parametrize("width", [2, 4])
def test_narrower_vectors_take_the_same_steps(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    some, penalty = rows(8000, 13), Penalty("elasticnet", 1e-2)
    wide = saga(some, "Logistic", penalty, max_steps=2)
    engine, (address,) = link(compile_text(passes_sgd.source(passes_saga.Saga, Target("double", width))), ("saga",))
    monkeypatch.setattr(passes_saga, "compiled", lambda epoch, dtype: (engine, passes_sgd.ENTRY(address)))
    np.testing.assert_allclose(saga(some, "Logistic", penalty, max_steps=2).coef, wide.coef, rtol=1e-9)


def test_a_step_costs_no_more_than_half_as_much_again_as_plain_descent() -> None:
    """Counted in instructions, a division as eight; the mutant that divides by 1 + rate·l2 in each step shows."""

    def cost(text: str) -> int:
        lines = [line for line in text.splitlines() if " = " in line and " = type" not in line]
        return sum(8 if "fdiv" in line else 1 for line in lines)

    target = Target("double", 8)
    saga, plain = cost(passes_sgd.source(passes_saga.Saga, target)), cost(passes_sgd.source(passes_sgd.Epoch, target))
    assert "fdiv" not in passes_sgd.source(passes_saga.Saga, target)
    assert 0.5 * plain < saga <= 1.25 * plain


def test_classes_and_sparse_rows_are_served_too() -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(150, 3)) * (rng.random((150, 3)) < 0.6)
    y = (x @ rng.normal(size=(3, 3)) + rng.gumbel(size=(150, 3))).argmax(axis=1)
    for what, truth, outputs in (("CrossEntropy", y, 3), ("Logistic", y > 0, 1)):
        for X in (x, csr_matrix(x)):
            given = Rows.of(X, truth * 1.0), lossmith.loss(what), Penalty("l2", 1e-2)
            exact, found = (fit(*given, solver=s, outputs=outputs, tol=1e-7) for s in ("newton", "saga"))
            assert found.converged
            np.testing.assert_allclose(found.coef, exact.coef, atol=1e-6)


def test_a_seed_fixes_the_path_and_another_ends_at_the_same_optimum() -> None:
    a, b, c = (saga(rows(), "Logistic", Penalty("l2", 1e-2), random_state=s, max_steps=60) for s in (1, 1, 2))
    np.testing.assert_array_equal(a.coef, b.coef)
    assert (a.coef != c.coef).any() and c.converged
    np.testing.assert_allclose(a.coef, c.coef, rtol=1e-4, atol=1e-6)


def test_a_rate_that_is_too_long_is_cut_or_said_to_be() -> None:
    """Poisson has no bound of its curvature: what it is at the start may be far too little."""
    some = rows(loss="Poisson")
    steep = replace(some, y=some.y * 40.0)
    assert saga(steep, "Poisson", Penalty("l2", 1e-2), max_steps=200).converged
    given = saga(some, "Squared", Penalty("l2", 1e-2), options={"learning_rate": 1e3}, max_steps=9)
    assert not given.converged and "not finite" in given.reason


def test_what_it_cannot_do_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="Absolute has a kink"):
        saga(rows(loss="Huber"), "Absolute", Penalty("l2", 1e-2))
    with pytest.raises(ParameterError, match="saga has no option 'momentum'"):
        make_solver("saga", {"momentum": 0.9})


@pytest.mark.parametrize(
    ("name", "meant"),
    [("gradient_descent", "gradient-descent"), ("Proximal Newton", "proximal-newton"), ("newton-cg", "newton"),
     ("l-bfgs", "lbfgs"), ("svrg", "saga"), ("adamW", "adamw"), ("lbgfs", "lbfgs")],
)  # fmt: skip
def test_a_name_from_elsewhere_gets_the_right_hint(name: str, meant: str) -> None:
    with pytest.raises(
        ParameterError, match=f"solver='{name}' is not known; did you mean '{meant}'\\? there are auto, "
    ):
        make_solver(name, {})


def test_hints_name_solvers_that_there_are() -> None:
    assert set(ELSEWHERE.values()) <= {"auto", *SOLVERS} and not set(ELSEWHERE) & set(SOLVERS)
    with pytest.raises(ParameterError, match="is not known; there are auto, gradient-descent"):
        make_solver("quux", {})
