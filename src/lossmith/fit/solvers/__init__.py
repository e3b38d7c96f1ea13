"""The solvers by name, and what every one of them promises.

A solver is a frozen value: its fields are its options. It sees an `Objective` and nothing else (no rows, no loss):

    objective.size                       how many numbers w has; w is a flat float64 vector in standardised coordinates
    objective.rows_count                 how many rows there are
    objective.at(w, want)                Evaluation(value, gradient, hessian) over all rows; want is a tuple out of
                                         "value" "gradient" "hessian" "majorant" (the last two fill `hessian`), and
                                         "rough" where single precision will do for these
    objective.batch(w, rows)             the same for a slice or an index array of rows: value and gradient are unbiased
                                         estimates of those of `at` (the penalty is whole)
    objective.intercepts                 which coordinates are intercepts, which nothing may shrink
    objective.l1, objective.l2           the penalty per coordinate (0 for an intercept): l1·|w| + ½ l2·w²
    objective.prox(w, rate)              the proximal map of rate·l1 (w itself without an l1 penalty)
    objective.optimality(w, evaluation)  the relative distance from 0 to the subdifferential: what `tol` is held against

`Evaluation.value` is the whole objective, loss + all penalties; `Evaluation.gradient` is of its smooth part, loss + l2.
`step` is one unit of work worth looking at (an iteration; for stochastic solvers an epoch): the loop in `drive.py`
looks at the state it returns, keeps time, trace and limits, and stops on `optimality <= tol` or a non-empty `halt`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, ClassVar, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from lossmith.domain import Param
from lossmith.errors import ParameterError
from lossmith.fit.schedule import known_or_refused

Vector = NDArray[np.float64]
Option = Param | tuple[str, ...]
"""What an option may be: a number in a domain, or one of some words (the first is the default)."""

BASIC = ("value", "gradient")
CURVED = (*BASIC, "hessian")
ROUGH = (*CURVED, "rough")
"""What is asked of an objective at a point; of a rough Hessian no more digits than single precision has."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The objective at a point: its value, the gradient of its smooth part, and a Hessian where one was asked for.

    `rough` says that the Hessian was summed in single precision.
    """

    value: float
    gradient: Vector
    hessian: Vector | None = None
    rough: bool = False


@dataclass(frozen=True, slots=True)
class State:
    """Where a solver stands: the point, the objective there, why it cannot go on ("" if it can), and its own memory.

    `gap` bounds how far the value is above the optimum, where the solver has such a bound; `measured` is the relative
    optimality where the solver knows it better than `objective.optimality` can (kinked losses).
    """

    w: Vector
    evaluation: Evaluation
    halt: str = ""
    memory: Any = None
    gap: float | None = None
    measured: float | None = None


class Objective(Protocol):
    """What a solver sees of a problem."""

    size: int
    rows_count: int
    l1: Vector | None
    l2: Vector

    @property
    def intercepts(self) -> NDArray[np.bool_]: ...
    def at(self, w: Vector, want: tuple[str, ...] = BASIC) -> Evaluation: ...
    def batch(self, w: Vector, rows: slice | NDArray[np.intp]) -> Evaluation: ...
    def prox(self, w: Vector, rate: float | Vector) -> Vector: ...
    def descend(
        self, point: tuple[Vector, Vector], rows: NDArray[np.intp], batch: int, rates: Vector, shares: Vector | None
    ) -> tuple[Vector, Vector] | None: ...
    def optimality(self, w: Vector, evaluation: Evaluation) -> float: ...


class Solver(Protocol):
    """A way to walk downhill; `needs` names the facts that a problem must have, `options` what may be set."""

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]]
    options: ClassVar[Mapping[str, Option]]

    def start(self, objective: Any, w0: Vector) -> State: ...
    def step(self, objective: Any, state: State) -> State: ...


SOLVERS: Mapping[str, str] = {
    "gradient-descent": "gradient_descent:GradientDescent",
    "newton": "newton:Newton",
    "lbfgs": "lbfgs:Lbfgs",
    "majorise": "majorise:Majorise",
    "proximal-newton": "proximal_newton:ProximalNewton",
    "working-set": "working_set:WorkingSet",
    "fista": "fista:Fista",
    "interior-point": "interior_point:InteriorPoint",
    "rounding": "rounding:Rounding",
    "primal-dual": "primal_dual:PrimalDual",
    "soft-rivals": "soft_rivals:SoftRivals",
    "saga": "saga:Saga",
    "sgd": "stochastic:Sgd",
    "momentum": "stochastic:Momentum",
    "nesterov": "stochastic:Nesterov",
    "rmsprop": "stochastic:RmsProp",
    "adagrad": "stochastic:Adagrad",
    "adam": "stochastic:Adam",
    "adamw": "stochastic:AdamW",
}
"""Every solver: its name, and the module and class that hold it (imported when asked for)."""

STOCHASTIC = frozenset({"sgd", "momentum", "nesterov", "rmsprop", "adagrad", "adam", "adamw"})


def solver_class(name: str) -> type[Any]:
    """The class behind a name; a ParameterError lists the names."""
    if name not in SOLVERS:
        raise ParameterError(f"solver={name!r} is not known; {_hint(str(name))}there are auto, {', '.join(SOLVERS)}")
    module, _, cls = SOLVERS[name].partition(":")
    return cast(type[Any], getattr(import_module(f"{__name__}.{module}"), cls))


ELSEWHERE: Mapping[str, str] = {
    "gd": "gradient-descent", "steepest-descent": "gradient-descent", "gradient": "gradient-descent",
    "newton-cg": "newton", "newton-cholesky": "newton", "newton-raphson": "newton", "irls": "newton", "bfgs": "lbfgs",
    "l-bfgs": "lbfgs", "l-bfgs-b": "lbfgs", "sag": "saga", "svrg": "saga", "mm": "majorise", "em": "majorise",
    "majorize": "majorise", "ista": "fista", "proximal-gradient": "fista", "prox-newton": "proximal-newton",
    "coordinate-descent": "working-set", "cd": "working-set", "celer": "working-set", "lp": "interior-point",
    "highs": "interior-point", "simplex": "interior-point", "barrier": "interior-point", "pdhg": "primal-dual",
    "liblinear": "auto", "svd": "auto", "cholesky": "auto", "default": "auto", "none": "auto",
}  # fmt: skip
"""What other libraries call their solvers, and which of ours comes nearest."""


def _hint(name: str) -> str:
    """ "did you mean 'gradient-descent'? " for a name that is nearly one, or that another library has."""
    plain = name.strip().lower().replace("_", "-").replace(" ", "-")
    near = [ELSEWHERE[plain]] if plain in ELSEWHERE else get_close_matches(plain, ["auto", *SOLVERS], n=1)
    return f"did you mean {near[0]!r}? " if near else ""


def make_solver(name: str, options: Mapping[str, Any], random_state: int | None = None) -> Solver:
    """The solver with its options checked; `random_state` goes to those that have an option `seed`."""
    cls = solver_class(name)
    schema: Mapping[str, Option] = cls.options
    checked = {key: _check(name, key, value, schema) for key, value in options.items()}
    if "seed" in schema and random_state is not None:
        checked.setdefault("seed", random_state)
    return cast(Solver, cls(**checked))


def _check(solver: str, key: str, value: Any, schema: Mapping[str, Option]) -> Any:
    known_or_refused(key, list(schema), f"{solver} has no option")
    option = schema[key]
    if isinstance(option, Param):
        return option.check(value, solver, key)
    if value not in option:
        raise ParameterError(f"{solver}({key}={value!r}): {key} must be one of {', '.join(option)}")
    return value
