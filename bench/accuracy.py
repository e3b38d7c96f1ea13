"""How right the numbers are: `python bench/accuracy.py [--rows 20000] [--write docs/accuracy.md]`.

Three tables. Every catalogued loss: the largest error and the 99th percentile of its kernels (value, gradient, hessian)
on each backend in float64 and float32, in units of the last place, against ball arithmetic; those above the contract
are listed with their worst place. The same for losses of several outputs a row, at a few per cent of the rows. And the
same functions in other libraries, as installed today, at the same points.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lossmith
from lossmith import catalogue
from lossmith.accuracy import Accuracy, Truth
from lossmith.accuracy.points import PAIRS
from lossmith.accuracy.scores import ROWS
from lossmith.accuracy.several import measure_several

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from exceptions import EXCEPTIONS, SEVERAL

Array = NDArray[Any]
MARK = "<!-- measured by bench/accuracy.py -->"
SLOW = {"lgamma", "digamma", "trigamma"}


def measured(rows: int) -> Iterator[tuple[Truth, Accuracy]]:
    """Every loss of one raw prediction; a tenth of the rows where the truth takes long."""
    for kind in lossmith.losses().values():
        loss = kind()
        if loss.lift.name in PAIRS:
            slow = SLOW & {step.word for step in loss.program.steps}
            truth = Truth.of(loss, rows // 10 if slow else rows)
            yield truth, Accuracy(loss.name, tuple(b for name in ("numpy", "llvm") for b in truth.bounds(name)))


def ours(found: list[Accuracy]) -> list[str]:
    """The summary by backend and dtype, and the losses above the contract."""
    lines = [
        "| backend, dtype | kernels within the contract | worst of those | median of the worst errors |",
        "|---|---|---|---|",
    ]
    for backend in ("numpy", "llvm"):
        for kind in ("float64", "float32"):
            bounds = [b for a in found for b in a.bounds if (b.backend, b.dtype) == (backend, kind)]
            kept = [b.worst for b in bounds if b.holds]
            share, middle = len(kept) / len(bounds), np.median([b.worst for b in bounds])
            lines.append(
                f"| {backend}, {kind} | {share:.0%} of {len(bounds)} | {max(kept):.2g} ulp | {middle:.2g} ulp |"
            )
    if all(a.holds for a in found):
        return [*lines, "", "No loss of one raw prediction is above the contract."]
    lines += ["", "Above the contract, by loss (worst output over both backends):", ""]
    lines += ["| loss | largest error | 99 % within | rows lost | at (y, z) | why |", "|---|---|---|---|---|---|"]
    return lines + [row(a) for a in found if not a.holds]


SHARE = {2: 50, 3: 50, 10: 500}
"""One row in so many, by the number of outputs: exact values of many take milliseconds."""


def of_several(rows: int) -> list[str]:
    """Losses of several outputs a row: how many keep the contract, and those that do not by dtype."""
    lines = [
        "| loss | outputs | float64: largest, 99 % within | float32: largest, 99 % within | rows lost | why |",
        "|---|---|---|---|---|---|",
    ]
    count = kept = 0
    for kind in catalogue.every().values():
        loss = kind()
        if not (loss.lift.name in ROWS or loss.lift.joint):
            continue
        sizes = (len(loss.lift.outputs),) if loss.lift.outputs else (2, 3, 10) if loss.lift.multiclass else (3, 10)
        for m in sizes:
            a = measure_several(loss, max(30, rows // SHARE[m]), m)
            count, kept = count + 1, kept + a.holds
            if not a.holds:
                lines.append(several_row(loss.name, m, a))
    said = f"{kept} of {count} losses, each at 2, 3 and 10 scores or at its own outputs, keep the contract. Above it:"
    return [said, "", *lines]


def several_row(name: str, m: int, a: Accuracy) -> str:
    """A loss above the contract, both dtypes."""
    found = []
    for dtype in ("float64", "float32"):
        bounds = [b for b in a.bounds if b.dtype == dtype]
        found.append(f"{shown(max(b.worst for b in bounds))}, {shown(max(b.usual for b in bounds))}")
    lost = max(b.lost / b.rows for b in a.bounds)
    why = SEVERAL[name].why if name in SEVERAL else ""
    return f"| {name} | {m} | {found[0]} | {found[1]} | {lost:.2%} | {why} |"


def shown(ulps: float) -> str:
    """Three digits, or that none is right."""
    return f"{ulps:.3g}" if ulps < 1e15 else "all digits"


def row(a: Accuracy) -> str:
    """A loss above the contract, by its worst output."""
    b = max((b for b in a.bounds if not b.holds), key=lambda b: (b.worst, b.usual))
    usual, lost = max(b.usual for b in a.bounds), max(b.lost / b.rows for b in a.bounds)
    where = f"({b.at[0]:.6g}, {b.at[1]:.6g})"
    why = EXCEPTIONS[a.loss].why if a.loss in EXCEPTIONS else ""
    return f"| {a.loss} | {b.worst:.3g} ulp ({b.output}, {b.dtype}) | {usual:.2g} | {lost:.2%} | {where} | {why} |"


def peers() -> dict[str, dict[str, dict[str, Callable[[Array, Array], Any]]]]:
    """Library → loss → output → function of (y, z); what is not installed is left out."""
    table: dict[str, dict[str, dict[str, Callable[[Array, Array], Any]]]] = {}
    for make in (_sklearn, _scipy, _statsmodels, _torch, _jax, _keras, _xgboost):
        try:
            table |= make()
        except ImportError:
            continue
    return table


def _sklearn() -> Any:
    from sklearn._loss import loss as losses

    def of(kind: Any, **options: Any) -> Any:
        made = kind(**options)
        pair = lambda y, z: made.gradient_hessian(y, z)  # noqa: E731
        return {
            "value": lambda y, z: made.loss(y, z),
            "gradient": lambda y, z: made.gradient(y, z),
            "hessian": lambda y, z: pair(y, z)[1],
        }

    return {
        f"scikit-learn {version('scikit-learn')}": {
            "Logistic": of(losses.HalfBinomialLoss),
            "Poisson": of(losses.HalfPoissonLoss),
            "Huber": of(losses.HuberLoss, quantile=0.5, delta=1.345),
            "Squared": of(losses.HalfSquaredError),
        }
    }


def _scipy() -> Any:
    from scipy import special

    return {
        f"scipy {version('scipy')}": {
            "Logistic": {
                "value": lambda y, z: -special.log_expit(np.where(y > 0, z, -z)),
                "gradient": lambda y, z: special.expit(z) - y,
            },
            "Huber": {"value": lambda y, z: special.huber(1.345, y - z)},
            "PseudoHuber": {"value": lambda y, z: special.pseudo_huber(1.2871, y - z)},
            "Probit": {"value": lambda y, z: -special.log_ndtr(np.where(y > 0, z, -z))},
        }
    }


def _statsmodels() -> Any:
    from statsmodels.robust import norms

    def of(norm: Any) -> Any:
        return {
            "value": lambda y, z: norm.rho(y - z),
            "gradient": lambda y, z: -norm.psi(y - z),
            "hessian": lambda y, z: norm.psi_deriv(y - z),
        }

    return {
        f"statsmodels {version('statsmodels')}": {
            "Huber": of(norms.HuberT(1.345)),
            "Tukey": of(norms.TukeyBiweight(4.6851)),
            "Andrews": of(norms.AndrewWave(1.3387)),
        }
    }


def _torch() -> Any:
    import torch
    from torch.nn import functional as F

    def value(f: Any) -> Any:
        return lambda y, z: f(torch.from_numpy(z), torch.from_numpy(y)).numpy()

    def gradient(f: Any) -> Any:
        def slope(y: Array, z: Array) -> Any:
            at = torch.from_numpy(z.copy()).requires_grad_()
            f(at, torch.from_numpy(y)).sum().backward()
            return at.grad.numpy()

        return slope

    bare = {
        "Logistic": lambda z, y: F.binary_cross_entropy_with_logits(z, y, reduction="none"),
        "Huber": lambda z, y: F.huber_loss(z, y, delta=1.345, reduction="none"),
        "Poisson": lambda z, y: F.poisson_nll_loss(z, y, log_input=True, reduction="none"),
        "Squared": lambda z, y: F.mse_loss(z, y, reduction="none") / 2,
    }
    return {f"torch {torch.__version__}": {n: {"value": value(f), "gradient": gradient(f)} for n, f in bare.items()}}


def _jax() -> Any:
    import jax

    jax.config.update("jax_enable_x64", True)
    import optax

    bare = {
        "Logistic": optax.sigmoid_binary_cross_entropy,
        "Huber": lambda z, y: optax.huber_loss(z, y, delta=1.345),
        "LogCosh": lambda z, y: 1.2047**2 * optax.log_cosh(z / 1.2047, y / 1.2047),
    }
    slopes = {n: jax.vmap(jax.grad(f)) for n, f in bare.items()}
    return {
        f"optax {version('optax')}": {
            n: {
                "value": lambda y, z, f=f: np.asarray(f(z, y)),
                "gradient": lambda y, z, n=n: np.asarray(slopes[n](z, y)),
            }
            for n, f in bare.items()
        }
    }


def _keras() -> Any:
    import os

    os.environ.setdefault("KERAS_BACKEND", "jax")
    import jax

    jax.config.update("jax_enable_x64", True)
    import keras

    width = 1.2047
    bare: dict[str, Callable[[str], Any]] = {
        "Logistic": lambda kind: keras.losses.BinaryCrossentropy(from_logits=True, reduction=None, dtype=kind),
        "Huber": lambda kind: keras.losses.Huber(delta=1.345, reduction=None, dtype=kind),
        "LogCosh": lambda kind: keras.losses.LogCosh(reduction=None, dtype=kind),
        "Squared": lambda kind: keras.losses.MeanSquaredError(reduction=None, dtype=kind),
    }
    scaled = {"LogCosh": (width, width**2), "Squared": (1.0, 0.5)}

    def value(name: str) -> Any:
        inside, outside = scaled.get(name, (1.0, 1.0))
        return lambda y, z: outside * bare[name](str(z.dtype))((y / inside)[:, None], (z / inside)[:, None])

    def gradient(name: str) -> Any:
        return lambda y, z: np.asarray(jax.grad(lambda at: value(name)(y, at).sum())(jax.numpy.asarray(z)))

    table = {n: {"value": lambda y, z, n=n: np.asarray(value(n)(y, z)), "gradient": gradient(n)} for n in bare}
    return {f"keras {version('keras')} ({keras.backend.backend()})": table}


def _xgboost() -> Any:
    import xgboost

    quiet = {"base_score": 0.5, "nthread": 1, "verbosity": 0}
    heavy = 2.0**26
    stump = {"reg_lambda": heavy, "eta": 1.0, "max_depth": 1, "min_child_weight": 0.0, "tree_method": "exact"}

    def one(y: float, z: float) -> Any:
        return xgboost.DMatrix(np.zeros((1, 1), np.float32), label=[y], base_margin=np.float32([z]))

    def metric(objective: str, name: str) -> Any:
        asked = {**quiet, "objective": objective, "eval_metric": name}

        def each(y: float, z: float) -> float:
            data = one(y, z)
            return float(xgboost.train(asked, data, 0).eval(data).rpartition(":")[2])

        return lambda y, z: np.array([each(*row) for row in zip(y, z, strict=True)])

    def leaf(objective: str, part: str) -> Any:
        """One row, one leaf, a penalty beside which the Hessian is nothing: leaf = −g/λ, cover = h."""
        asked, scale = {**quiet, **stump, "objective": objective}, {"leaf": -heavy, "cover": 1.0}[part]

        def each(y: float, z: float) -> float:
            (text,) = xgboost.train(asked, one(y, z), 1).get_dump(with_stats=True)
            return scale * float(text.partition(f"{part}=")[2].partition(",")[0])

        return lambda y, z: np.array([each(*row) for row in zip(y, z, strict=True)])

    return {
        f"xgboost {xgboost.__version__}": {
            "Logistic": {
                "value": metric("binary:logistic", "logloss"),
                "gradient": leaf("binary:logistic", "leaf"),
                "hessian": leaf("binary:logistic", "cover"),
            },
            "Squared": {"gradient": leaf("reg:squarederror", "leaf")},
        }
    }


FEW = {"xgboost": 200}
"""Rows that are tried of libraries that take a millisecond and more for one."""

SINGLE = ("xgboost",)
"""Libraries that know float32 only."""

TINY = 1e-28
"""What is less is not asked of the same: their leaves hold it divided by a penalty."""


def beside(truths: dict[str, Truth], found: dict[str, Accuracy]) -> list[str]:
    """The same functions in peers, at the same points."""
    lines = ["| function | dtype | library | largest error | 99 % within | rows lost |", "|---|---|---|---|---|---|"]
    theirs = peers()
    for loss in sorted({n for table in theirs.values() for n in table}):
        for output in ("value", "gradient", "hessian"):
            for kind in ("float64", "float32"):
                rows = [
                    peer_row(truths[loss], loss, output, kind, name, table[loss][output])
                    for name, table in theirs.items()
                    if output in table.get(loss, {}) and not (kind == "float64" and name.startswith(SINGLE))
                ]
                if rows:
                    lines += [our_row(found[loss], loss, output, kind), *rows]
    return lines


def our_row(a: Accuracy, loss: str, output: str, kind: str) -> str:
    """The worse of our backends."""
    bounds = [b for b in a.bounds if (b.output, b.dtype) == (output, kind)]
    worst, usual = max(b.worst for b in bounds), max(b.usual for b in bounds)
    return f"| {loss} {output} | {kind} | **lossmith** | {worst:.3g} | {usual:.2g} | {max(b.lost for b in bounds)} |"


def peer_row(truth: Truth, loss: str, output: str, kind: str, name: str, f: Callable[[Array, Array], Any]) -> str:
    """The errors of one peer's function."""
    few = next((n for library, n in FEW.items() if name.startswith(library)), None)
    truth = truth if few is None else Truth.of(truth.loss, 2 * few)
    rows = truth.narrow(kind)
    y, z = truth.y[rows].astype(kind), truth.z[rows].astype(kind)
    with np.errstate(all="ignore"):
        got = np.asarray(f(y, z))
    off = truth.errors(kind, output, got.astype(kind))
    off = off if few is None else off[np.abs(truth.exact[output][0][rows]) > TINY]
    lost = np.isinf(off)
    usual = np.quantile(off, 0.99, method="higher")
    return f"| {loss} {output} | {kind} | {name} | {off[~lost].max():.3g} | {usual:.2g} | {lost.sum()} of {off.size} |"


def main() -> None:
    """Measure, print, and write the tables into a page after its mark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    truths: dict[str, Truth] = {}
    found: dict[str, Accuracy] = {}
    kept = {n for table in peers().values() for n in table}
    for truth, a in measured(options.rows):
        found[a.loss] = a
        if a.loss in kept:
            truths[a.loss] = truth
    how = f"Measured with `--rows {options.rows}`; of several outputs one row in {SHARE[2]}, of ten in {SHARE[10]}."
    several = ["## Several outputs a row", "", *of_several(options.rows)]
    peers_too = ["## Beside other libraries", "", *beside(truths, found), ""]
    text = "\n".join([how, "", *ours(list(found.values())), "", *several, "", *peers_too])
    print(text)
    if options.write:
        page = options.write.read_text(encoding="utf-8").partition(MARK)[0]
        options.write.write_text(f"{page}{MARK}\n\n{text}", encoding="utf-8")


if __name__ == "__main__":
    main()
