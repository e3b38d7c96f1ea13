"""A loss in the clothes of scikit-learn's compiled loss classes: it fills the arrays that scikit-learn hands over.

    from sklearn._loss.loss import BaseLoss
    from sklearn._loss.link import IdentityLink

    BaseLoss(closs=PointLoss(lossmith.Cauchy()), link=IdentityLink())

scikit-learn's conventions are kept here and nowhere else: weights multiply every quantity (a negative one too), labels
of binary losses may be shares in [0, 1], a curvature that is zero almost everywhere is given as 1, and `n_threads` is
accepted but not needed, because the kernels share out long arrays by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lossmith.domain import between, real
from lossmith.lifts import score
from lossmith.loss import Loss

Array = NDArray[Any]
Quantities = Mapping[str, Array]


class TweedieLog(Loss, lift=score, target=real):
    """Half the Tweedie deviance under a log link for any power, without the terms in y alone; a plain square for 0."""

    formula = (
        "where(power == 0, (y - exp(z))**2/2, where(power == 1, exp(z) - y*z, where(power == 2, z + y*exp(-z),"
        " exp((2 - power)*z)/(2 - power) - y*exp((1 - power)*z)/(1 - power))))"
    )
    mean_formula = "exp(z)"
    power: float = between(-16.0, 16.0, 1.5, "variance ∝ mean^power", static=True)
    cite = "Jørgensen 1987, doi:10.1111/j.2517-6161.1987.tb01685.x"


class TweedieIdentity(Loss, lift=score, target=real):
    """Half the Tweedie deviance of a mean z > 0 for any power: 0 where z = y."""

    formula = (
        "where(power == 0, (y - z)**2/2, where(power == 1,"
        " where(y > 0, y*(log(y/z) + z/y - 1), z), where(power == 2,"
        " y/z - log(y/z) - 1, z**(2 - power)*(1/(2 - power) - (y/z)/(1 - power)"
        " + where(y > 0, (y/z)**(2 - power)/((1 - power)*(2 - power)), 0)))))"
    )
    mean_formula = "z"
    power: float = between(-16.0, 16.0, 1.5, "variance ∝ mean^power", static=True)
    cite = "Jørgensen 1987, doi:10.1111/j.2517-6161.1987.tb01685.x"


@dataclass
class PointLoss:
    """One loss as `BaseLoss` wants its `closs`: methods that fill arrays, for one raw prediction a row or K of them.

    y_true (n,), raw_prediction (n,) or (n, K), sample_weight (n,) or None; float32 or float64, read-only allowed. What
    is to be filled may have another of these two types; the wider one is computed in.
    """

    made: Loss
    backend: str = "auto"
    flat: bool = False
    """Is the second derivative zero almost everywhere? Then 1 is given for it, as scikit-learn's trees need."""

    def loss(
        self, y_true: Array, raw_prediction: Array, sample_weight: Array | None, loss_out: Array, n_threads: int = 1
    ) -> None:
        """The loss of each row."""
        self._fill(y_true, raw_prediction, sample_weight, value=loss_out)

    def gradient(
        self, y_true: Array, raw_prediction: Array, sample_weight: Array | None, gradient_out: Array, n_threads: int = 1
    ) -> None:
        """The derivative with respect to each raw prediction."""
        self._fill(y_true, raw_prediction, sample_weight, gradient=gradient_out)

    def loss_gradient(
        self,
        y_true: Array,
        raw_prediction: Array,
        sample_weight: Array | None,
        loss_out: Array,
        gradient_out: Array,
        n_threads: int = 1,
    ) -> None:
        """Both of them."""
        self._fill(y_true, raw_prediction, sample_weight, value=loss_out, gradient=gradient_out)

    def gradient_hessian(
        self,
        y_true: Array,
        raw_prediction: Array,
        sample_weight: Array | None,
        gradient_out: Array,
        hessian_out: Array,
        n_threads: int = 1,
    ) -> None:
        """The first two derivatives; of K raw predictions the diagonal."""
        self._fill(y_true, raw_prediction, sample_weight, gradient=gradient_out, hessian=hessian_out)

    def gradient_proba(
        self,
        y_true: Array,
        raw_prediction: Array,
        sample_weight: Array | None,
        gradient_out: Array,
        proba_out: Array,
        n_threads: int = 1,
    ) -> None:
        """The gradient, and the probabilities of the classes."""
        self._fill(y_true, raw_prediction, sample_weight, gradient=gradient_out)
        proba_out[...] = self.made.mean(raw_prediction)

    def _fill(self, y: Array, z: Array, weight: Array | None, **out: Array) -> None:
        kind = np.result_type(z, *out.values())
        found = self.quantities(np.asarray(y, kind), np.asarray(z, kind), tuple(out))
        for name, target in out.items():
            values = found[name]
            target[...] = values if weight is None else values * weight.reshape(-1, *[1] * (values.ndim - 1))

    def quantities(self, y: Array, z: Array, want: tuple[str, ...]) -> Quantities:
        """What is wanted, by name, before weights."""
        evaluate = shares if self.made.lift.name == "margin" else plain
        found = dict(evaluate(self, y, z, want))
        if self.flat and "hessian" in found:
            found["hessian"] = np.ones_like(z)
        return found


def plain(one: PointLoss, y: Array, z: Array, want: tuple[str, ...]) -> Quantities:
    """The kernel's answer."""
    return one.made.lift.evaluate(replace(one.made.state, backend=one.backend), y, z, want)


def shares(one: PointLoss, y: Array, z: Array, want: tuple[str, ...]) -> Quantities:
    """A label in between is that share of a positive row and the rest of a negative one."""
    hard = (y == 0) | (y == 1)
    whole = plain(one, y, z, want)
    if hard.all():
        return whole
    up, down = plain(one, np.ones_like(y), z, want), plain(one, np.zeros_like(y), z, want)
    return {name: np.where(hard, whole[name], y * up[name] + (1 - y) * down[name]) for name in want}


def _named(name: str) -> Callable[..., PointLoss]:
    def make(**params: float) -> PointLoss:
        from lossmith.catalogue import losses

        return PointLoss(losses()[name](**params), flat=name in ("Absolute", "Quantile"))

    return make


CLASSES: dict[str, Callable[..., PointLoss]] = {
    "CyHalfSquaredError": _named("Squared"),
    "CyAbsoluteError": _named("Absolute"),
    "CyPinballLoss": lambda quantile: _named("Quantile")(tau=quantile),
    "CyHuberLoss": _named("Huber"),
    "CyHalfPoissonLoss": _named("Poisson"),
    "CyHalfGammaLoss": _named("Gamma"),
    "CyHalfTweedieLoss": lambda power: PointLoss(TweedieLog(power)),
    "CyHalfTweedieLossIdentity": lambda power: PointLoss(TweedieIdentity(power)),
    "CyHalfBinomialLoss": _named("BinaryCrossEntropy"),
    "CyHalfMultinomialLoss": _named("CrossEntropy"),
    "CyExponentialLoss": _named("Exponential"),
}
"""scikit-learn's compiled classes, and what stands in for each."""
