"""Which loss for what is asked: a functional of the law of y, and the losses whose minimiser is just that."""

from __future__ import annotations

import re
from collections.abc import Mapping

from lossmith.catalogue import losses
from lossmith.errors import ParameterError, UnsupportedError
from lossmith.loss import Loss

NOT_ELICITABLE: Mapping[str, str] = {
    "variance": "no loss of one output has the variance as its minimiser (Osband 1985: its level sets are not convex);"
    " GaussianNLL gives mean and variance together",
    "standard deviation": "no loss of one output has the standard deviation as its minimiser (Osband 1985); GaussianNLL"
    " gives mean and standard deviation together",
    "expected shortfall": "the expected shortfall alone has no loss (Gneiting 2011); only with its quantile has"
    " it one (Fissler and Ziegel 2016): fit the quantile, then the mean beyond it",
    "mode": "the mode of a continuous law has no loss (Heinrich 2014), only its smoothed versions: Welsch or Tukey,"
    " whose constant is the width of the window",
    "range": "the range has no loss: it depends on two points of the law alone; fit two quantiles (QuantileTriple)",
}
"""Functionals that no strictly consistent loss has: why, and what to do instead."""
ALSO: Mapping[str, str] = {
    "var": "variance", "std": "standard deviation", "es": "expected shortfall", "cvar": "expected shortfall",
    "average": "mean", "expectation": "mean", "50-quantile": "median", "likeliest class": "label", "class": "label",
}  # fmt: skip
SAYS: Mapping[str, str] = {
    "mean": "the mean", "median": "the median", "geometric mean": "the geometric mean",
    "huber functional": "the Huber functional", "probability": "the probability", "label": "the likeliest class",
}  # fmt: skip
"""How the fact "elicits" begins for each functional."""
LEVEL = re.compile(r"(0?\.\d+)[- ](quantile|expectile)")


def eliciting(functional: str) -> list[Loss]:
    """The losses that are proved to have this functional of y as their minimiser, in the order of the catalogue.

    functional: "mean", "median", "0.9-quantile", "0.2-expectile", "geometric mean", "Huber functional", "probability",
    "label". Raises UnsupportedError for what no loss can give (variance, mode, expected shortfall), with what to do.
    """
    asked = " ".join(functional.lower().removeprefix("the ").split())
    asked = ALSO.get(asked, asked)
    if asked in NOT_ELICITABLE:
        raise UnsupportedError(f"{functional} is not elicitable: {NOT_ELICITABLE[asked]}")
    level = LEVEL.fullmatch(asked)
    if level:
        made = losses()["Quantile" if level[2] == "quantile" else "Expectile"](float(level[1]))
        return [made]
    if asked not in SAYS:
        known = ", ".join((*SAYS, "0.9-quantile", "0.2-expectile"))
        raise ParameterError(f"no functional {functional!r}; there are {known}")
    return [one for one in (kind() for kind in losses().values()) if _gives(one, SAYS[asked])]


def _gives(loss: Loss, says: str) -> bool:
    facts = loss.facts()
    fact = facts.get("elicits")
    return bool(fact and fact.holds and re.match(rf"{re.escape(says)}\b", fact.because))
