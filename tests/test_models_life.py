"""The life of an estimator: losses by name or formula, warm starts, searches, copies, warnings and files."""

from __future__ import annotations

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from model_data import apart, counts, labelled, numbers
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import lossmith
from lossmith.catalogue import loss as make_loss
from lossmith.domain import halfline, positive
from lossmith.errors import UnsupportedError
from lossmith.lifts import LIFTS
from lossmith.loss import Loss
from lossmith.models import inputs, store
from lossmith.models.linear import LinearClassifier, LinearRegressor


@pytest.mark.parametrize("loss", ["huber", "Huber", "abs(r)**1.5"])
def test_a_loss_by_name_value_or_formula(loss: str) -> None:
    X, y = numbers()
    model = LinearRegressor(loss).fit(X, y)
    assert model.loss_ == make_loss(loss)
    again = LinearRegressor(make_loss(loss)).fit(X, y)
    assert np.array_equal(model.coef_, again.coef_)
    assert clone(again).loss == again.loss
    assert apart(model.coef_, LinearRegressor().fit(X, y).coef_) > 1e-4


def test_a_formula_in_the_score_is_a_classifier_or_a_regressor() -> None:
    X, y = labelled()
    model = LinearClassifier("softplus(z) - y*z").fit(X, y)
    assert apart(model.coef_, LinearClassifier().fit(X, y).coef_) < 1e-7
    assert not hasattr(model, "predict_proba")
    X, y = numbers()
    assert np.allclose(LinearRegressor("(y - z)**2/2").fit(X, y).predict(X), LinearRegressor().fit(X, y).predict(X))


def test_a_warm_start_takes_fewer_steps_to_the_same_end() -> None:
    X, y = counts()
    cold = LinearRegressor("poisson", alpha=1e-3, solver="lbfgs").fit(X, y)
    warm = LinearRegressor("poisson", alpha=2e-3, solver="lbfgs", warm_start=True).fit(X, y).set_params(alpha=1e-3)
    warm.fit(X, y)
    assert warm.n_iter_ < cold.n_iter_ and apart(warm.coef_, cold.coef_) < 1e-6
    forgetful = clone(warm).set_params(warm_start=False, alpha=2e-3).fit(X, y).set_params(alpha=1e-3).fit(X, y)
    assert forgetful.n_iter_ == cold.n_iter_
    assert warm.fit(X[:, :2], y).coef_.shape == (2,)  # another shape begins anew


def test_a_forgotten_start_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant of the warm start: a fit that always begins anew."""
    monkeypatch.setattr("lossmith.models.base.Linear._starts", lambda self, count, p, outputs: [None] * count)
    with pytest.raises(AssertionError):
        test_a_warm_start_takes_fewer_steps_to_the_same_end()


@pytest.mark.parametrize("loss", ["logistic", "crossentropy"])
def test_a_warm_start_of_several_classes(loss: str) -> None:
    X, y = labelled(classes=3)
    model = LinearClassifier(loss, solver="lbfgs", warm_start=True).fit(X, y)
    first, coef = model.n_iter_, model.coef_
    assert model.fit(X, y).n_iter_ < first and apart(model.coef_, coef) < 1e-6


def test_grid_search_in_a_pipeline() -> None:
    X, y = numbers()
    pipe = make_pipeline(StandardScaler(), LinearRegressor("huber", scale="mad"))
    grid = {"linearregressor__alpha": [1e-4, 100.0], "linearregressor__loss": ["squared", lossmith.Huber(2.0)]}
    search = GridSearchCV(pipe, grid, cv=3, scoring="neg_mean_absolute_error").fit(X, y)
    assert search.best_params_["linearregressor__alpha"] == 1e-4
    assert search.best_params_["linearregressor__loss"] == lossmith.Huber(2.0)


def test_cloning_and_pickling() -> None:
    X, y = numbers()
    model = LinearRegressor(lossmith.Huber(2.0), penalty="elasticnet", alpha=0.1, scale="mad", options={}).fit(X, y)
    copy = clone(model)
    assert copy.get_params() == model.get_params() and not hasattr(copy, "coef_")
    assert np.array_equal(pickle.loads(pickle.dumps(model)).predict(X), model.predict(X))


def test_a_warning_says_why_a_fit_stopped_early() -> None:
    X, y = counts()
    with pytest.warns(ConvergenceWarning, match="Poisson by lbfgs: .*limit of 1 step"):
        model = LinearRegressor("poisson", solver="lbfgs", max_iter=1).fit(X, y)
    assert model.n_iter_ == 1 and not model.solution_.converged
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert LinearRegressor("poisson", solver="lbfgs").fit(X, y).solution_.converged


def test_a_seed_makes_stochastic_fits_repeatable() -> None:
    X, y = counts()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        a, b, c = (LinearRegressor(solver="adam", max_iter=3, random_state=s).fit(X, y).coef_ for s in (1, 1, 2))
        d, e = (
            LinearRegressor(solver="adam", max_iter=3, random_state=np.random.RandomState(5)).fit(X, y).coef_
            for _ in "ab"
        )
    assert np.array_equal(a, b) and not np.array_equal(a, c) and np.array_equal(d, e)


class Reach(Loss, lift=LIFTS["score"], target=halfline):
    """A user's own loss, with a link and a parameter."""

    formula = "exp(z/c) - y*z/c"
    mean_formula = "exp(z/c)"
    c: float = positive(2.0, "how far a unit reaches")


SAVED: list[tuple[Any, Any]] = [
    (LinearRegressor(), numbers),
    (LinearRegressor("huber", scale="mad", alpha=0.1), numbers),
    (LinearRegressor("abs(r)**1.5", tol=1e-5), numbers),
    (LinearRegressor(Reach(3.0)), counts),
    (LinearClassifier(class_weight={0: 1.0, 1: 2.5}), labelled),
    (LinearClassifier("crossentropy", options={}), lambda: labelled(classes=3)),
    (LinearClassifier("logistic", warm_start=True), lambda: labelled(classes=3)),
]


def saved_and_loaded(model: Any, path: Path) -> Any:
    model.save(path, force=True)
    return store.load(path)


def same_model(a: Any, b: Any, X: Any) -> bool:
    """Equal in parameters, in what was learned and in predictions, bit for bit."""
    methods = [m for m in ("predict", "decision_function", "predict_proba") if hasattr(a, m)]
    return (
        type(a) is type(b)
        and {**a.get_params(), "loss": str(a.loss)} == {**b.get_params(), "loss": str(b.loss)}
        and vars(a).keys() == vars(b).keys()
        and a.coef_.tobytes() == b.coef_.tobytes()
        and np.asarray(a.intercept_).tobytes() == np.asarray(b.intercept_).tobytes()
        and repr(a.solution_) == repr(b.solution_)
        and all(hasattr(b, m) and getattr(a, m)(X).tobytes() == getattr(b, m)(X).tobytes() for m in methods)
    )


@pytest.mark.parametrize(("model", "rows"), SAVED, ids=[str(m.loss) for m, _ in SAVED])
def test_a_model_comes_back_from_its_file_bit_for_bit(model: Any, rows: Any, tmp_path: Path) -> None:
    X, y = rows()
    model = clone(model).fit(X, y)
    back = saved_and_loaded(model, tmp_path / "m")
    assert same_model(model, back, X)
    assert np.array_equal(back.fit(X, y).coef_, model.fit(X, y).coef_)  # a warm start goes on where it was


def test_a_file_with_rounded_weights_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mutant of the round trip: coefficients written in single precision."""
    X, y = numbers()
    model = LinearRegressor().fit(X, y)
    to_state = LinearRegressor.to_state

    def rounded(self: Any) -> store.State:
        values, arrays = to_state(self)
        return values, {k: a.astype(np.float32) if a.dtype == np.float64 else a for k, a in arrays.items()}

    monkeypatch.setattr(LinearRegressor, "to_state", rounded)
    assert not same_model(model, saved_and_loaded(model, tmp_path / "m"), X)


def test_names_and_text_labels_survive(tmp_path: Path) -> None:
    X, y = labelled()
    for labels in (np.array(["late", "on time"]), np.array(["x", "y"], dtype=object)):
        model = LinearClassifier().fit(pd.DataFrame(X, columns=["a", "b", "ç"]), labels[y])
        back = saved_and_loaded(model, tmp_path / "m")
        assert back.feature_names_in_.tolist() == ["a", "b", "ç"]
        assert back.classes_.dtype == model.classes_.dtype and back.classes_.tolist() == model.classes_.tolist()
        assert np.array_equal(
            back.predict(pd.DataFrame(X, columns=["a", "b", "ç"])),
            model.predict(pd.DataFrame(X, columns=["a", "b", "ç"])),
        )


def test_an_unsavable_parameter_says_so(tmp_path: Path) -> None:
    model = LinearRegressor(random_state=np.random.RandomState(0)).fit(*numbers())
    with pytest.raises(UnsupportedError, match="RandomState cannot be saved"):
        model.save(tmp_path / "m")


def test_a_hostile_formula_is_parsed_never_run(tmp_path: Path) -> None:
    from lossmith.errors import FileError

    class Hostile(store.Storable):
        kind = "linear-regressor"

        def to_state(self) -> store.State:
            values, arrays = LinearRegressor("abs(r)**1.5").fit(*numbers()).to_state()
            values["loss"]["formula"] = "__import__('os').system('touch pwned')"
            return values, arrays

        @classmethod
        def from_state(cls, state: store.State) -> Any:
            return LinearRegressor.from_state(state)

    Hostile().save(tmp_path / "m")
    with pytest.raises(FileError, match="FormulaError"):
        store.load(tmp_path / "m")
    assert not Path("pwned").exists()


def test_the_log_link_is_recognised() -> None:
    assert inputs.has_log_link(lossmith.Poisson())
    assert not inputs.has_log_link(lossmith.Squared())
    assert not inputs.has_log_link(lossmith.Hinge())


@pytest.mark.parametrize("name", lossmith.losses())
def test_every_loss_of_the_catalogue_fits_predicts_and_saves(name: str, tmp_path: Path) -> None:
    loss = lossmith.losses()[name]()
    targets = LinearRegressor.fits.get(loss.lift.name, frozenset())
    model = LinearRegressor(loss) if loss.target.name in targets else LinearClassifier(loss)
    X, y = counts(120) if loss.target.name in targets else labelled(120, classes=3)
    inside = {"unit_interval": y / (1 + y), "open_interval": (y + 0.5) / (y + 2), "positive_line": y + 0.5}
    y = inside.get(loss.target.name, y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    assert np.isfinite(model.predict(X)).all()
    back = saved_and_loaded(model, tmp_path / "m")
    assert same_model(model, back, X) and back.loss == back.loss_ == loss
