"""What is asked of a prediction, and the score that is strictly consistent for it: fixed before anything is trained.

A score here is never the loss that trains: it is the judge. Each says which functional of the target it elicits
(Gneiting 2011; Gneiting & Raftery 2007), so that a loss may win only by predicting that functional well.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.domain import Target, halfline, positive_line, real
from lossmith.errors import ParameterError, UnsupportedError

Array = NDArray[Any]
PER_ROW = Callable[[Array, Array], Array]


@dataclass(frozen=True, slots=True)
class Score:
    """A judge: its name, the functional that it elicits, a formula, and its value per row.

    `rows(y, p)` is lower-is-better, shape (n,): p (n,) is the predicted functional, and for probabilities (n, K) with
    y the class index. `positive` says that predictions must be > 0; `level` is τ of a quantile or expectile.
    """

    name: str
    functional: str
    formula: str
    rows: PER_ROW
    target: Target = real
    positive: bool = False
    level: float | None = None
    root: bool = False

    @property
    def classes(self) -> bool:
        """Does it judge probabilities of classes?"""
        return self.functional == "probability"

    @property
    def label(self) -> str:
        """What it is called in a sentence."""
        name, _, level = self.name.partition(":")
        return _LABELS[name] + (f" ({level})" if level else "")

    def shown(self, value: float) -> float:
        """The value as it is displayed: the root for `rmse`, itself otherwise."""
        return float(np.sqrt(max(value, 0.0))) if self.root else value


def score(text: str) -> Score:
    """The score of that name, `name` or `name:number`; refuses those that no functional makes consistent."""
    name, _, level = text.strip().lower().partition(":")
    name = _ALIASES.get(name, name)
    if name in _REFUSED:
        raise UnsupportedError(f"score {text!r}: {_REFUSED[name]}")
    if name not in _MAKERS:
        near = difflib.get_close_matches(name, [*_MAKERS, *_ALIASES], 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(_MAKERS)}"
        raise ParameterError(f"no score {text!r}; {hint}")
    make, default = _MAKERS[name]
    if default is None and level:
        raise ParameterError(f"score {text!r}: {name} takes no number")
    return make(_level(level, default, text)) if default is not None else make(0.0)


def judge_for(asked: str | None, functional: str | None) -> Score | None:
    """The score of a name, of a functional, or both where they agree; None where the target decides.

    Raises UnsupportedError for a score that is not consistent for the functional, and for one that no score elicits.
    """
    wanted = None if functional is None else _functional(functional)
    named = "" if wanted is None else _judge(wanted)
    if asked is None:
        return score(named) if named else None
    found = score(asked)
    if wanted is not None and found.functional != wanted:
        raise UnsupportedError(
            f"score {asked!r} is consistent for the {found.functional}, not for the {wanted} that you ask for: where"
            f" they differ, it rewards the wrong loss; judge by {named or 'squared, poisson, gamma or tweedie'}"
        )
    return found


_JUDGES = {"mean": "", "median": "absolute", "probability": "log"}
"""The score for each functional; for the mean the target decides."""


def _judge(functional: str) -> str:
    level, _, kind = functional.partition("-")
    return f"{'pinball' if kind == 'quantile' else kind}:{level}" if kind else _JUDGES[functional]


def _functional(text: str) -> str:
    """The functional as scores write it: mean, median, 0.9-quantile, 0.7-expectile, probability."""
    from lossmith.functionals import ALSO, LEVEL, NOT_ELICITABLE

    name = " ".join(text.lower().removeprefix("the ").split())
    name = ALSO.get(name, name)
    if name in NOT_ELICITABLE:
        raise UnsupportedError(f"functional {text!r} is not elicitable: {NOT_ELICITABLE[name]}")
    if name == "label":
        raise UnsupportedError(
            "functional 'label': ask for the probability; the label to act on follows from it and from what errors cost"
        )
    level = LEVEL.fullmatch(name)
    if level:
        return "median" if level[2] == "quantile" and float(level[1]) == 0.5 else f"{float(level[1]):g}-{level[2]}"
    if name not in _JUDGES:
        raise ParameterError(f"no functional {text!r}; there are {', '.join(_JUDGES)}, 0.9-quantile, 0.7-expectile")
    return name


def names() -> list[str]:
    """Every score's name."""
    return list(_MAKERS)


def _level(text: str, default: float, whole: str) -> float:
    try:
        return float(text) if text else default
    except ValueError:
        raise ParameterError(f"score {whole!r}: {text!r} is not a number; write for example pinball:0.9") from None


def _squared(_: float) -> Score:
    return Score("squared", "mean", "(y − ŷ)²", lambda y, p: (y - p) ** 2)


def _rmse(_: float) -> Score:
    return Score("rmse", "mean", "√ of the mean of (y − ŷ)²", lambda y, p: (y - p) ** 2, root=True)


def _absolute(_: float) -> Score:
    return Score("absolute", "median", "|y − ŷ|", lambda y, p: np.abs(y - p))


def _pinball(tau: float) -> Score:
    _inside(tau, 0.0, 1.0, "pinball")
    return Score(
        f"pinball:{tau:g}",
        f"{tau:g}-quantile" if tau != 0.5 else "median",
        f"({tau:g} − 1[y < ŷ])·(y − ŷ)",
        lambda y, p: (tau - (y < p)) * (y - p),
        level=tau,
    )


def _expectile(tau: float) -> Score:
    _inside(tau, 0.0, 1.0, "expectile")
    return Score(
        f"expectile:{tau:g}",
        f"{tau:g}-expectile",
        f"|{tau:g} − 1[y < ŷ]|·(y − ŷ)²",
        lambda y, p: np.abs(tau - (y < p)) * (y - p) ** 2,
        level=tau,
    )


def _huber(delta: float) -> Score:
    _inside(delta, 0.0, np.inf, "huber")
    return Score(
        f"huber:{delta:g}",
        f"Huber functional (δ = {delta:g})",
        f"Huber's ρ of y − ŷ, δ = {delta:g} in units of y",
        lambda y, p: np.where(np.abs(y - p) <= delta, (y - p) ** 2 / 2, delta * (np.abs(y - p) - delta / 2)),
        level=delta,
    )


def _poisson(_: float) -> Score:
    def rows(y: Array, p: Array) -> Array:
        return 2.0 * (_xlogy(y, y / p) - y + p)

    return Score("poisson", "mean", "2·(y·log(y/ŷ) − y + ŷ)", rows, halfline, positive=True)


def _gamma(_: float) -> Score:
    return Score(
        "gamma",
        "mean",
        "2·(y/ŷ − 1 − log(y/ŷ))",
        lambda y, p: 2.0 * (y / p - 1.0 - np.log(y / p)),
        positive_line,
        positive=True,
    )


def _tweedie(power: float) -> Score:
    _inside(power, 1.0, 2.0, "tweedie")
    a, b = 1.0 - power, 2.0 - power

    def rows(y: Array, p: Array) -> Array:
        return 2.0 * (y**b / (a * b) - y * p**a / a + p**b / b)

    return Score(
        f"tweedie:{power:g}", "mean", f"Tweedie deviance of power {power:g}", rows, halfline, positive=True, level=power
    )


def _log(_: float) -> Score:
    def rows(y: Array, p: Array) -> Array:
        return -np.log(np.maximum(p[np.arange(len(y)), y], 1e-15))

    return Score("log", "probability", "−log p̂(y)", rows)


def _brier(_: float) -> Score:
    def rows(y: Array, p: Array) -> Array:
        own = p[np.arange(len(y)), y]
        return np.asarray((p**2).sum(axis=1) - 2.0 * own + 1.0)

    return Score("brier", "probability", "Σ (p̂ − 1[class])²", rows)


def _xlogy(x: Array, ratio: Array) -> Array:
    return np.where(x > 0, x * np.log(np.where(x > 0, ratio, 1.0)), 0.0)


def _inside(value: float, low: float, high: float, name: str) -> None:
    if not low < value < high:
        raise ParameterError(f"score {name}:{value:g}: the number must lie between {low:g} and {high:g}")


_MAKERS: dict[str, tuple[Callable[[float], Score], float | None]] = {
    "squared": (_squared, None),
    "rmse": (_rmse, None),
    "absolute": (_absolute, None),
    "pinball": (_pinball, 0.5),
    "expectile": (_expectile, 0.5),
    "huber": (_huber, 1.345),
    "poisson": (_poisson, None),
    "gamma": (_gamma, None),
    "tweedie": (_tweedie, 1.5),
    "log": (_log, None),
    "brier": (_brier, None),
}

_LABELS = {
    "squared": "squared error",
    "rmse": "squared error",
    "absolute": "absolute error",
    "pinball": "pinball loss",
    "expectile": "expectile loss",
    "huber": "Huber loss",
    "poisson": "Poisson deviance",
    "gamma": "gamma deviance",
    "tweedie": "Tweedie deviance",
    "log": "log score",
    "brier": "Brier score",
}

_ALIASES = {
    "mse": "squared",
    "l2": "squared",
    "r2": "squared",
    "mae": "absolute",
    "l1": "absolute",
    "median": "absolute",
    "mean": "squared",
    "quantile": "pinball",
    "poisson_deviance": "poisson",
    "gamma_deviance": "gamma",
    "tweedie_deviance": "tweedie",
    "log_loss": "log",
    "logloss": "log",
    "cross_entropy": "log",
}

_REFUSED = {
    "mape": "MAPE is minimised by forecasts that are too low (Gneiting 2011); use absolute (median), or gamma (mean)",
    "smape": "sMAPE is consistent for no functional; use absolute (median), or gamma (mean)",
    "accuracy": "accuracy cannot tell good probabilities from bad; use log or brier, then set a threshold from costs",
    "f1": "F1 depends on a threshold, not on probabilities; use log or brier, then set a threshold from costs",
    "auc": "AUC sees ranks only and no probability; use log or brier",
    "variance": "the variance is not elicitable alone; ask for the mean (squared) or quantiles (pinball:0.9)",
    "es": "the expected shortfall is not elicitable alone (Fissler & Ziegel 2016); ask for quantiles (pinball:0.95)",
}
