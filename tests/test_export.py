"""Exported files: every loss × every host that carries it, run where lossmith cannot be imported, beside our kernels.

Each host gets a process of its own. What each test catches is planted once in `test_a_wrong_file_is_found`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest
from export_rows import BOOSTERS, FRAMEWORKS, drawn

import lossmith
from lossmith.adapters.export import HOSTS, snake
from lossmith.catalogue import every
from lossmith.errors import FileError, ParameterError, UnsupportedError

ROWS = Path(__file__).with_name("export_rows.py")
PRINTED = list(every())


def carries(host: str, name: str) -> bool:
    from lossmith.adapters.export_functions import kind_of

    return kind_of(every()[name]()) in HOSTS[host].modules


def wanted(name: str, host: str) -> dict[str, np.ndarray]:
    """Rows, and what our own kernels say of them."""
    loss = every()[name]()
    y, z = drawn(loss)
    rows = {"y": y, "z": z}
    if host == "sklearn" and z.ndim == 2:
        y, z = y[y < 2], z[y < 2, 0]
    bend = "block" if loss.lift.joint else "hessian"
    found = loss.evaluate(y, z, ("value", "gradient", bend))
    return {**rows, "value": found.value, "gradient": found.gradient, "hessian": getattr(found, bend)}


def run(host: str, folder: Path) -> str:
    place = sysconfig.get_paths()["purelib"]
    environment = {**os.environ, "KERAS_BACKEND": "torch", "PYTHONPATH": ""}
    command = [sys.executable, "-I", "-S", str(ROWS), host, str(folder), place]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() == "nothing is off" else done.stdout.strip()


def written(host: str, names: list[str], folder: Path) -> None:
    rows = {}
    for name in names:
        (folder / f"{name}.py").write_text(lossmith.export(name, to=host), encoding="utf-8")
        rows |= {f"{name}.{k}": v for k, v in wanted(name, host).items()}
    np.savez(folder / "rows.npz", **rows)


@pytest.mark.parametrize("host", HOSTS)
def test_every_exported_loss_agrees_with_our_kernels(host: str, tmp_path: Path) -> None:
    if host == "keras":
        pytest.importorskip("torch")
        os.environ.setdefault("KERAS_BACKEND", "torch")  # its own default is a backend that we do not install
    pytest.importorskip(host)
    names = [name for name in PRINTED if carries(host, name)]
    assert len(names) > 115
    written(host, names, tmp_path)
    assert run(host, tmp_path) == "nothing is off"


def test_every_slot_of_coupled_scores_is_known() -> None:
    """Catches a slot that formulas may use and exported files do not have."""
    from lossmith.adapters.export_scores import SEEN
    from lossmith.lifts.scores import SLOTS

    assert SEEN.keys() == SLOTS.keys()
    every_slot = "-logp + entropy*sum_p2 - mean_logp/9 + logsumexp**2/9 + rival"
    text = lossmith.export(lossmith.loss(every_slot, lift="simplex"), to="numpy")
    assert all(f"Probabilities.{name}" in text for name in SEEN.values())


def test_coupled_scores_of_two_classes_and_shares(tmp_path: Path) -> None:
    """Catches a second class that is the first, and shares that are read as labels."""
    rng = np.random.default_rng(0)
    s, z, shares = rng.normal(size=9), rng.normal(size=(9, 4)), rng.dirichlet(np.ones(4), 9)
    for name, kind in lossmith.coupled().items():
        loss, rivals = kind(), kind.lift.name.startswith("one_against")
        made = getattr(module_of(lossmith.export(name), tmp_path, name), snake(name))
        t = shares[:, 0] if kind.lift.name == "divergence" else (shares[:, 0] > 0.3) * 1.0
        for y, raw in [(t, s)] + [(shares, z)] * (not rivals):
            found = loss.evaluate(y, raw, ("value", "gradient"))
            assert np.allclose(made.value(y, raw), found.value) and np.allclose(made.gradient(y, raw), found.gradient)
        if rivals:
            with pytest.raises(ValueError, match="class indices"):
                made.value(shares, z)


def test_a_wrong_file_is_found(tmp_path: Path) -> None:
    """Planted: Huber's slope twice as steep, and a value with another parameter."""
    written("numpy", ["Huber", "Cauchy", "Focal"], tmp_path)
    huber, cauchy = tmp_path / "Huber.py", tmp_path / "Cauchy.py"
    huber.write_text(huber.read_text().replace("DELTA * np.sign(r)", "2 * DELTA * np.sign(r)"))
    cauchy.write_text(cauchy.read_text().replace("C = 2.3849", "C = 2.3850"))
    found = run("numpy", tmp_path)
    assert "Huber gradient" in found and "Cauchy value" in found and "Focal" not in found


def test_a_file_that_needs_lossmith_is_found(tmp_path: Path) -> None:
    written("numpy", ["Huber"], tmp_path)
    huber = tmp_path / "Huber.py"
    huber.write_text(huber.read_text().replace("import numpy as np", "import numpy as np\nimport lossmith"))
    with pytest.raises(AssertionError, match="stands alone"):
        run("numpy", tmp_path)


def test_a_file_says_what_it_is() -> None:
    text = lossmith.export("huber", to="lightgbm", delta=2.5)
    for said in (
        "where(abs(r) <= delta",
        "Huber 1964",
        "DELTA = 2.5",
        "f''(r)",
        "Start:",
        "Curvature: a proved majorant",
    ):
        assert said in text
    assert "lossmith" not in "\n".join(line for line in text.splitlines() if "import" in line)


def test_a_formula_of_the_users_own(tmp_path: Path) -> None:
    text = lossmith.export(lossmith.loss("abs(r)**p", p=1.5), to="numpy")
    (tmp_path / "own.py").write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", "import own; print(own.formula.value([4.0], [0.0]))"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[8.]"


def module_of(text: str, tmp_path: Path, name: str = "made"):
    from export_rows import loaded

    path = tmp_path / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return loaded(path)


@pytest.mark.parametrize("name", ["Huber", "Absolute", "Quantile", "Tukey", "Poisson", "Gamma", "Logistic", "Focal"])
def test_the_start_of_an_exported_file_is_as_low_as_ours(name: str, tmp_path: Path) -> None:
    """Catches a start that is the mean, or 0, for every loss."""
    loss = every()[name]()
    y, _ = drawn(loss, 300)
    y = np.minimum(y, 1) if loss.target.name == "classes" else y
    w = np.random.default_rng(1).uniform(0, 2, len(y))
    made = module_of(lossmith.export(name), tmp_path, name)
    number = getattr(made, f"{name.lower()}_of_two", None) or getattr(made, name.lower())
    heights = [loss(y, np.full(len(y), z), w) for z in (number.start(y, w), loss.start(y, w), float(y.mean()) + 0.3)]
    assert heights[0] <= heights[1] + 1e-9 * abs(heights[1]) and heights[0] < heights[2]


def test_the_start_of_many_classes_is_as_low_as_ours(tmp_path: Path) -> None:
    loss = lossmith.Focal()
    y = np.repeat([0, 1, 2], [10, 30, 60])
    made = module_of(lossmith.export("focal"), tmp_path).focal
    ours, theirs = (loss(y, np.tile(z, (100, 1))) for z in (loss.start(y), made.start(y)))
    assert theirs <= ours + 1e-9
    assert np.allclose(made.mean(np.tile(made.start(y), (1, 1)))[0], [0.1, 0.3, 0.6], atol=1e-6)


@pytest.mark.parametrize("name", ["Focal", "LabelSmoothing", "GeneralizedCrossEntropy", "CrossEntropy"])
def test_probabilities_of_an_exported_file(name: str, tmp_path: Path) -> None:
    z = np.random.default_rng(0).normal(size=(50, 4))
    made = module_of(lossmith.export(name), tmp_path, name)
    number = [v for v in vars(made).values() if hasattr(v, "gradient")][-1]
    assert np.allclose(number.mean(z), every()[name]().mean(z), atol=1e-12)


ONE = {
    "lightgbm": {"num_threads": 1, "learning_rate": 0.2},
    "xgboost": {"nthread": 1, "eta": 0.2},
    "catboost": {"thread_count": 1, "learning_rate": 0.2},
}
EXACT = {
    "lightgbm": {"min_data_in_leaf": 0, "min_data_in_bin": 1, "max_depth": 3, "lambda_l2": 1e-3},
    "catboost": {"bootstrap_type": "No", "boosting_type": "Plain", "random_strength": 0, "l2_leaf_reg": 1e-9},
}
"""So that a copy and a weight can mean the same."""


def regression(n: int = 800) -> tuple[np.ndarray, np.ndarray]:
    """The recipe on which custom objectives fail: y around 1000."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 5))
    return X, 1000 + 500 * np.tanh(X[:, 0] + 0.5 * X[:, 1]) + 20 * rng.normal(size=n)


@pytest.mark.parametrize("host", BOOSTERS)
@pytest.mark.parametrize("name", ["Squared", "Huber", "Absolute"])
def test_boosters_learn_from_an_exported_file(host: str, name: str, tmp_path: Path) -> None:
    """Catches a start that is not added back, an exact Hessian of 0, and residuals in the wrong unit."""
    pytest.importorskip(host)
    X, y = regression()
    model = getattr(module_of(lossmith.export(name, to=host), tmp_path), name.lower())
    few = model.fit(X, y, rounds=1, **ONE[host]).predict(X)
    assert abs(np.median(few) - np.median(y)) < 250
    many = model.fit(X, y, rounds=60, **ONE[host]).predict(X)
    assert np.abs(many - y).mean() < 0.25 * np.abs(y - np.median(y)).mean()
    scaled = model.fit(X, 1e-3 * y - 7, rounds=60, **ONE[host]).predict(X)
    assert np.allclose(scaled, 1e-3 * many - 7, atol=5e-2)


@pytest.mark.parametrize("host", BOOSTERS)
def test_boosters_take_classes_from_an_exported_file(host: str, tmp_path: Path) -> None:
    pytest.importorskip(host)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(600, 4))
    y = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)
    made = module_of(lossmith.export("focal", to=host), tmp_path).focal
    p = made.fit(X, y, rounds=20, **ONE[host]).predict(X)
    assert p.shape == (600, 3) and np.allclose(p.sum(axis=1), 1) and (p.argmax(axis=1) == y).mean() > 0.9
    two = made.fit(X, (y > 0).astype(int), rounds=20, **ONE[host]).predict(X)
    assert two.shape == (600,) and ((two > 0.5) == (y > 0)).mean() > 0.9


@pytest.mark.parametrize("host", BOOSTERS)
def test_weights_are_copies_in_boosters(host: str, tmp_path: Path) -> None:
    """Catches weights that the host leaves to the objective, and the objective forgets, or squares."""
    pytest.importorskip(host)
    X, y = regression(200)
    w = np.random.default_rng(2).integers(1, 4, len(y))
    model = module_of(lossmith.export("pseudo_huber", to=host), tmp_path).pseudo_huber
    model.scale = 300.0
    X = np.round(2 * X)  # few enough values that copies do not move the bins
    more = {**ONE[host], **EXACT.get(host, {})}
    weighted = model.fit(X, y, w, rounds=10, **more).predict(X)
    copied = model.fit(np.repeat(X, w, axis=0), np.repeat(y, w), rounds=10, **more).predict(X)
    plain = model.fit(X, y, rounds=10, **more).predict(X)
    assert np.allclose(weighted, copied, rtol=1e-5) and np.abs(weighted - plain).mean() > 1


def test_scikit_learn_models_from_an_exported_file(tmp_path: Path) -> None:
    from sklearn.base import clone
    from sklearn.model_selection import GridSearchCV

    made = module_of(lossmith.export("huber", to="sklearn"), tmp_path)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 3))
    y = 1000 + 200 * (X @ [1.0, -2.0, 0.5]) + 10 * rng.standard_t(2, 300)
    model = clone(made.HuberModel(alpha=0.0)).fit(X, y)
    ours = lossmith.LinearRegressor(loss="huber", alpha=0.0, scale=model.unit_).fit(X, y)
    assert np.allclose(model.coef_ * model.unit_, ours.coef_, rtol=1e-4)
    search = GridSearchCV(made.HuberModel(), {"alpha": [0.0, 10.0]}, scoring=made.scorer).fit(X, y)
    assert search.best_params_ == {"alpha": 0.0}


REFUSED = [
    ("GaussianNLL", "lightgbm"),
    ("CumulativeLogit", "sklearn"),
    ("RankNet", "xgboost"),
    ("CensoredNormal", "catboost"),
    ("MultiClassBrier", "lightgbm"),
    ("WestonWatkins", "sklearn"),
]


@pytest.mark.parametrize(("name", "host"), REFUSED)
def test_a_host_that_cannot_carry_a_loss_says_which_can(name: str, host: str) -> None:
    with pytest.raises(UnsupportedError, match="torch, jax, keras"):
        lossmith.export(name, to=host)


def test_an_unknown_host_is_named() -> None:
    with pytest.raises(ParameterError, match="no host 'spark'; there are numpy"):
        lossmith.export("huber", to="spark")


def test_labels_outside_the_domain_are_refused_in_an_exported_file(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    made = module_of(lossmith.export("poisson", to="torch"), tmp_path)
    with pytest.raises(ValueError, match="needs y >= 0; element 1 has -3"):
        made.Poisson()(torch.zeros(2), torch.tensor([1.0, -3.0]))


ILLEGAL = [
    ("poisson", [1.0, -2.0, 0.0, 3.0], "y >= 0; row 1 has -2"),
    ("logistic", [1.0, 0.0, -1.0, 0.0], "row 1 has 0"),
    ("focal", [1.0, 0.0, -1.0, 2.0], "class indices .* row 2 has -1"),
]
"""A loss, targets that it does not admit, and what is said."""


@pytest.mark.parametrize("host", ["numpy", "sklearn", *BOOSTERS])
@pytest.mark.parametrize(("name", "y", "says"), ILLEGAL)
def test_labels_outside_the_domain_are_refused_without_a_framework(
    host: str, name: str, y: list[float], says: str, tmp_path: Path
) -> None:
    """Catches a file that trains on counts less 2, on labels of both kinds, or on class -1 as the last class."""
    pytest.importorskip(host)
    made, X, kind = module_of(lossmith.export(name, to=host), tmp_path), np.eye(4), every_name(name)
    y = np.minimum(y, 1) if host == "sklearn" else np.array(y)
    with pytest.raises(ValueError, match=says):
        if host == "numpy":
            getattr(made, name).value(y, np.zeros((4, 3) if name == "focal" else 4))
        else:
            (getattr(made, f"{kind}Model")() if host == "sklearn" else getattr(made, name)).fit(X, y)


def every_name(name: str) -> str:
    return next(kind for kind in every() if kind.lower() == name)


def test_ends_classes_and_starts_outside_the_domain(tmp_path: Path) -> None:
    """Catches the last class for one that is too high, ends in the wrong order, and a start of illegal targets."""
    ordinal, censored = (module_of(lossmith.export(n), tmp_path, n) for n in ("cumulative_logit", "censored_normal"))
    with pytest.raises(ValueError, match="row 1 has 3"):
        ordinal.cumulative_logit.value([0, 3], [[0.0, -1.0, 1.0]] * 2)
    with pytest.raises(ValueError, match="row 0 has"):
        censored.censored_normal.value([[2.0, 1.0], [0.0, 1.0]], np.zeros((2, 2)))
    with pytest.raises(ValueError, match="row 1 has -1"):
        module_of(lossmith.export("poisson"), tmp_path).poisson.start([1.0, -1.0])


def test_the_command_writes_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from lossmith.cli import app

    path = tmp_path / "focal.py"
    app(["export", "Focal", "--to", "numpy", "--param", "gamma=3", "--out", str(path)], standalone_mode=False)
    assert "GAMMA = 3.0" in path.read_text()
    with pytest.raises(FileError, match="exists already"):
        app(["export", "Focal", "--to", "numpy", "--out", str(path)], standalone_mode=False)
    app(["export", "Focal", "--to", "numpy", "--out", str(path), "--force"], standalone_mode=False)
    app(["export", "Huber(delta=2)"], standalone_mode=False)
    assert "DELTA = 2.0" in capsys.readouterr().out
    with pytest.raises(ParameterError, match="gamma=strong"):
        app(["export", "Focal", "--param", "gamma=strong"], standalone_mode=False)


assert set(FRAMEWORKS) | set(BOOSTERS) < set(HOSTS)
