"""Loss: a declaration that can compute.

    class Huber(Loss, lift=residual):
        \"\"\"Quadratic for small residuals, linear for large ones.\"\"\"

        formula = "where(abs(r) <= delta, r**2/2, delta*(abs(r) - delta/2))"
        delta: float = positive(1.345, "residual, in units of scale, at which the loss turns linear")
        cite = "Huber 1964, doi:10.1214/aoms/1177703732"

The declaration checks itself when the class is created; everything else is derived from its formula.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from types import SimpleNamespace, new_class
from typing import Any, ClassVar, Self, dataclass_transform

import numpy as np
from numpy.typing import DTypeLike, NDArray

from lossmith import backends
from lossmith.derived import derived, question
from lossmith.domain import Param, Target, anynumber, between, fraction, nonnegative, positive
from lossmith.errors import FormulaError, ParameterError
from lossmith.facts import Fact
from lossmith.formula import Expr, parse
from lossmith.lifts import LIFTS, Derived, Lift, State, lift_of
from lossmith.program import Program
from lossmith.total import Total, check_weight


@dataclass_transform(
    frozen_default=True, kw_only_default=False, field_specifiers=(positive, nonnegative, fraction, between, anynumber)
)
class Loss:
    """A loss function of truth y and raw prediction z, frozen, with its parameters as attributes."""

    formula: ClassVar[str] = ""
    mean_formula: ClassVar[str] = ""
    averages: ClassVar[str] = "y"
    """The function of y whose average the best constant's mean reproduces; "" for none (a likelihood's own mean)."""
    cite: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()
    lift: ClassVar[Lift]
    target: ClassVar[Target]
    declared: ClassVar[Mapping[str, Param]] = {}
    tree: ClassVar[Expr]

    def __init_subclass__(cls, lift: Lift | None = None, target: Target | None = None, **rest: Any) -> None:
        super().__init_subclass__(**rest)
        if lift is None:
            raise FormulaError(f"class {cls.__name__}(Loss, lift=…): name the lift, one of {', '.join(LIFTS)}")
        cls.lift = lift
        cls.target = target or lift.target
        cls.declared = {n: p for n, p in vars(cls).items() if isinstance(p, Param)}
        cls.tree = checked(cls.__name__, cls.formula, lift, tuple(cls.declared))
        cls.__signature__ = _signature(cls.declared)  # type: ignore[attr-defined]
        for name, param in cls.declared.items():
            setattr(cls, name, param.default)

    def __init__(self, *args: float, **kwargs: float) -> None:
        who = type(self).__name__
        try:
            given = inspect.signature(type(self)).bind(*args, **kwargs).arguments
        except TypeError as e:
            names = ", ".join(self.declared) or "none"
            raise ParameterError(f"{who}: {e}; its parameters are: {names}") from None
        values = {n: p.check(given.get(n, p.default), who, n) for n, p in self.declared.items()}
        vars(self).update(values)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"{self!r} is frozen; {type(self).__name__}({name}={value!r}) makes another")

    @property
    def name(self) -> str:
        """The name under which the field knows it."""
        return type(self).__name__

    @property
    def title(self) -> str:
        """One sentence that says what it is."""
        return (type(self).__doc__ or self.formula).strip().splitlines()[0]

    @property
    def params(self) -> Mapping[str, float]:
        """The parameters and their values."""
        return {n: getattr(self, n) for n in self.declared}

    def with_params(self, **values: float) -> Self:
        """The same loss with other parameters."""
        return type(self)(**{**self.params, **values})

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{n}={v!r}' for n, v in self.params.items())})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Loss) and type(self) is type(other) and self.params == other.params

    def __hash__(self) -> int:
        return hash((type(self), tuple(self.params.values())))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), tuple(self.params.values())

    @cached_property
    def derived(self) -> Derived:
        """Every Program of this loss (static parameters substituted)."""
        return derived(question(self))

    @cached_property
    def state(self) -> State:
        """What the lift computes with."""
        values = tuple(getattr(self, n) for n, p in self.declared.items() if not p.static)
        return State(repr(self), self.derived, values)

    @property
    def program(self) -> Program:
        """(y, z) → value, gradient, hessian[, majorant], as straight-line code."""
        return self.derived.pointwise

    def check(self, y: Any) -> None:
        """Raise a DomainError that names the first row of y that this loss does not admit."""
        self.lift.check(self.target, np.asarray(y), self.name)

    def evaluate(self, y: Any, z: Any, want: Sequence[str] = ("value", "gradient")) -> Any:
        """Several quantities from one pass, as attributes of the result.

        y, z: arrays (n,) of the same shape (softmax losses: also z (n, K) with y class indices (n,) or distributions
        (n, K); losses of several outputs: z (n, m), a column for each); z is the raw prediction, before any link.
        want: of "value", "gradient", "hessian", and the curvatures "majorant" and "floor" (see `curvature`); where z is
        (n, m) also "block", the whole Hessian of each row; one name may stand alone. "value" has one entry per row, the
        others one per entry of z, on the scale of z.
        Raises ShapeError, DomainError, UnsupportedError (something wanted that cannot be derived).
        """
        want = (want,) if isinstance(want, str) else want
        y, z = self.lift.arrays(y, z)
        self.check(y)
        ready = [w for w in want if w not in ("majorant", "floor")]
        found = self.lift.finely(self.state, y, z, ready) if ready else {}
        found |= {w: self.curvature(y, z, w) for w in want if w not in ready}
        return SimpleNamespace(**found)

    def value(self, y: Any, z: Any) -> NDArray[Any]:
        """The loss of each row; shapes as in `evaluate`."""
        return np.asarray(self.evaluate(y, z, ("value",)).value)

    def gradient(self, y: Any, z: Any) -> NDArray[Any]:
        """The derivative with respect to each entry of z (at a kink the midpoint subgradient)."""
        return np.asarray(self.evaluate(y, z, ("gradient",)).gradient)

    def hessian(self, y: Any, z: Any) -> NDArray[Any]:
        """The second derivative with respect to each entry of z, almost everywhere (the diagonal for K scores)."""
        return np.asarray(self.evaluate(y, z, ("hessian",)).hessian)

    def curvature(self, y: Any, z: Any, rule: str = "exact", floor: float = 1e-6) -> NDArray[Any]:
        """How strongly the loss bends in each entry of z, by one of four rules; shapes as in `evaluate`.

        "exact" is the Hessian (of K scores its diagonal); "majorant" lies above the loss everywhere and is given only
        where that is proved; "gradient" is |gradient|, for cross-entropy |p − y|; "floor" is the exact one, at least
        `floor`. Raises UnsupportedError with the missing fact.
        """
        from lossmith.curvature import curvature

        return curvature(self, y, z, rule, floor)

    def efficiency(self, scale: float = 1.0) -> float:
        """The asymptotic efficiency at the normal law, beside the mean's, with residuals in units of `scale`.

        For even losses of a residual; UnsupportedError for others.
        """
        from lossmith.tuning import efficiency_of

        return efficiency_of(self, scale)

    def tune(self, efficiency: float = 0.95) -> Self:
        """The same loss with its constants scaled to this efficiency at the normal law: Huber().tune(0.95) has δ 1.345.

        Raises UnsupportedError for a loss whose efficiency no constant changes, or never reaches the wanted one.
        """
        from lossmith.tuning import tuned

        return tuned(self, efficiency)

    def total(self, y: Any, z: Any, weight: Any = None) -> Total:
        """(Σwℓ, Σw), which adds over blocks and machines. weight: (n,), nonnegative, or None for 1 each."""
        values = np.atleast_1d(self.value(y, z)).astype(np.float64)
        w = check_weight(weight, len(values))
        with np.errstate(all="ignore"):
            return Total(float(np.sum(values if weight is None else w * values)), float(w.sum()))

    def __call__(self, y: Any, z: Any, weight: Any = None, reduction: str = "mean") -> Any:
        """The loss as a number: "mean" = Σwℓ/Σw, "sum" = Σwℓ, "count" = Σwℓ/n; "none" gives wℓ per row."""
        if reduction == "none":
            values = self.value(y, z)
            return values if weight is None else values * check_weight(weight, len(values))
        total = self.total(y, z, weight)
        table = {
            "mean": lambda: total.mean().value,
            "sum": lambda: total.value,
            "count": lambda: total.value / max(1, np.shape(z)[0] if np.ndim(z) else 1),
        }
        if reduction not in table:
            raise ParameterError(f"unknown reduction {reduction!r}; there are mean, sum, count and none")
        return table[reduction]()

    def mean(self, z: Any) -> NDArray[Any]:
        """The inverse link: the prediction on the scale of y (a probability for classifiers). z: (n,) or (n, K)."""
        return self.lift.mean(self.state, np.asarray(z))

    def start(self, y: Any, weight: Any = None, classes: int | None = None, offset: Any = None) -> Any:
        """The best constant raw prediction: argmin over z of Σ w ℓ(y, z). A float; an array (K,) for K > 2 classes.

        With an offset (n,), for losses of one score, of Σ w ℓ(y, z + offset).
        """
        from lossmith.start import best_constant

        return best_constant(self, y, weight, classes, offset)

    def over(self, lift: str | Lift) -> Loss:
        """The same formula in the slots of another lift: `Logistic().over("pairwise")` is RankNet."""
        spelling = lift if isinstance(lift, str) else lift.spelling
        return relifted(type(self), spelling)(**self.params)  # type: ignore[arg-type]

    def facts(self) -> Mapping[str, Fact]:
        """What is known of this loss, each fact proved, refuted at a witness, or unknown."""
        from lossmith.knowledge import facts_of

        return facts_of(self)

    def source(self, backend: str = "numpy", dtype: DTypeLike = np.float64) -> str:
        """The kernel that a backend generates, as readable text."""
        return backends.source(self.program, dtype, backend)

    def latex(self) -> str:
        """The formula as LaTeX."""
        from lossmith.latex import latex

        return latex(self.tree)


def checked(who: str, formula: str, lift: Lift, params: Sequence[str]) -> Expr:
    """The tree of a formula that uses the lift's slots and every parameter, or a FormulaError that says what is off."""
    clash = sorted(set(params) & set(lift.slots))
    if clash:
        raise FormulaError(f"{who}: {clash[0]!r} is a slot of the {lift.name} lift and cannot be a parameter")
    tree = parse(formula, {*lift.slots, *params})
    if not tree.names & set(lift.main):
        slots = "; ".join(f"{s} = {lift.slots[s]}" for s in lift.main)
        raise FormulaError(f"{who}: the formula never uses a slot of the {lift.name} lift ({slots})", formula, 0)
    unused = sorted(set(params) - tree.names)
    if unused:
        raise FormulaError(f"{who}: the parameter {unused[0]!r} does not occur in the formula", formula, 0)
    return tree


def _signature(declared: Mapping[str, Param]) -> inspect.Signature:
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return inspect.Signature(
        [inspect.Parameter(n, kind, default=p.default, annotation=float) for n, p in declared.items()]
    )


def from_formula(text: str, lift: str | None, params: Mapping[str, float]) -> Loss:
    """A loss of the user's own, from its text; pickles and saves by its text."""
    where = lift_of(lift or _guess(text))
    body = {n: anynumber(float(v), "a number in the formula") for n, v in params.items()}
    kind: type[Loss] = new_class(
        "Formula", (Formula,), {"lift": where}, lambda space: space.update(formula=text, **body)
    )
    return kind()


def _guess(text: str) -> str:
    names = parse(text).names
    for lift in ("residual", "margin", "softmax", "score"):
        if names & set(LIFTS[lift].main):
            return lift
    main = ", ".join(f"{lift.main[0]} ({n})" for n, lift in LIFTS.items())
    raise FormulaError(f"a formula needs a slot: {main}", text, 0)


@cache
def relifted(kind: type[Loss], lift: str) -> type[Loss]:
    """A loss with another lift; made once, so that equal losses have one class."""
    kept = {n: getattr(kind, n) for n in ("formula", "cite", "__doc__", "__module__")}
    body = {**kept, **kind.declared, "__repr__": _relifted_repr, "__reduce__": _relifted_reduce, "plain": (kind, lift)}
    return new_class(kind.__name__, (Loss,), {"lift": lift_of(lift)}, lambda space: space.update(body))


def _relifted_repr(self: Any) -> str:
    kind, lift = self.plain
    return f"{kind(**self.params)!r}.over({lift!r})"


def _relifted_reduce(self: Any) -> tuple[Any, ...]:
    kind, lift = self.plain
    return kind.over, (kind(**self.params), lift)


class Formula(Loss, lift=LIFTS["residual"]):
    """A loss given as a formula."""

    formula = "r**2/2"

    def __reduce__(self) -> tuple[Any, ...]:
        return from_formula, (self.formula, self.lift.spelling, dict(self.params))

    def __repr__(self) -> str:
        extra = "".join(f", {n}={v!r}" for n, v in self.params.items())
        return f"loss({self.formula!r}, lift={self.lift.spelling!r}{extra})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Formula) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))

    def with_params(self, **values: float) -> Any:
        """The same formula with other numbers."""
        return from_formula(self.formula, self.lift.spelling, {**self.params, **values})
