"""A residual loss as a norm of statsmodels: `sm.RLM(y, X, M=lossmith.statsmodels.Norm("welsch"))`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property
from types import new_class
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lossmith.adapters.hosts import host
from lossmith.catalogue import loss as loss_of
from lossmith.errors import UnsupportedError
from lossmith.loss import Loss

FAR = (1e9, 1e12)
"""Residuals, in units of scale, at which a loss has long shown what it does in its tails."""


class Norm:
    """What statsmodels expects of a `RobustNorm`, answered by the kernels of one residual loss.

    statsmodels divides residuals by its estimate of scale; ours are called with that quotient. Numbers and arrays of
    any shape are taken; the answers have their shape. loss: a loss, its name or a formula; params: its parameters.
    Every norm is a `RobustNorm` as well. Raises MissingExtra without statsmodels, UnsupportedError for a loss of y
    besides y − z.
    """

    def __new__(cls, *args: Any, **given: Any) -> Self:
        made: Self = _empty(cls)
        return made

    def __init__(self, loss: str | Loss | type[Loss], **params: float) -> None:
        one = loss_of(loss, None, **params)
        if one.lift.name != "residual" or "y" in one.tree.names:
            raise UnsupportedError(f"{one!r} is no function of the residual alone; a norm of statsmodels must be one")
        self.made = one

    def __repr__(self) -> str:
        return repr(self.made)

    def __call__(self, z: ArrayLike) -> Any:
        return self.rho(z)

    def rho(self, z: ArrayLike) -> Any:
        """The loss of standardised residuals."""
        return self._ask(z, "value")[0]

    def psi(self, z: ArrayLike) -> Any:
        """Its derivative, the influence function."""
        return -self._ask(z, "gradient")[0]

    def weights(self, z: ArrayLike) -> Any:
        """ψ(z)/z, at 0 its limit: the weights of iteratively reweighted least squares."""
        slope, curve = self._ask(z, "gradient", "hessian")
        r = np.asarray(z, float)
        with np.errstate(all="ignore"):
            return np.where(r == 0, curve, -slope / r)[()]

    def psi_deriv(self, z: ArrayLike) -> Any:
        """The derivative of ψ."""
        return self._ask(z, "hessian")[0]

    def max_rho(self) -> float:
        """The supremum of the loss; infinity where it has none."""
        near, far = (self._exact(r)["value"] for r in FAR)
        return float(far) if far - near <= 1e-12 * far else np.inf

    @cached_property
    def redescending(self) -> str:
        """ "hard" where ψ is 0 from some residual on, "soft" where it falls towards 0, else "not"."""
        if all(self._exact(r)["gradient"] == 0 for r in FAR):
            return "hard"
        return "soft" if self.made.facts()["redescending"].holds else "not"

    @cached_property
    def continuous(self) -> int:
        """How often the loss can be differentiated: 2 (ψ is smooth), 1 (ψ has corners) or 0 (ψ jumps)."""
        facts = self.made.facts()
        return 2 if facts["twice"].holds else 1 if facts["smooth"].holds else 0

    def _ask(self, z: ArrayLike, *want: str) -> Sequence[NDArray[Any]]:
        r = np.asarray(z, float)
        flat = np.atleast_1d(r).ravel()
        found = self.made.lift.evaluate(self.made.state, flat, np.zeros_like(flat), want)
        return [found[name].reshape(r.shape)[()] for name in want]

    def _exact(self, r: float) -> dict[str, Any]:
        """Beyond what floats resolve: e⁻ˣ² is not 0, however small."""
        made = self.made
        values = {name: value for name, value in made.params.items() if not made.declared[name].static}
        return made.program.run({"y": r, "z": 0.0, **values})


@cache
def _robust(kind: Any) -> Any:
    """The same class under statsmodels' own, which is imported with the first norm."""
    host("statsmodels")
    from statsmodels.robust.norms import RobustNorm

    if issubclass(kind, RobustNorm):
        return kind
    body = {"__module__": kind.__module__, "__reduce__": lambda self: (_empty, (kind,), vars(self))}
    return new_class(kind.__name__, (kind, RobustNorm), {}, lambda space: space.update(body))


def _empty(kind: Any) -> Any:
    """A norm that has no loss yet: what copies and pickles begin with."""
    return object.__new__(_robust(kind))
