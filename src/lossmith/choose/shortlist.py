"""Which losses to compare: those asked for, or at most eight whose domain admits the target, the default among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lossmith.choose.learners import LINEAR, Learner
from lossmith.choose.profile import Target
from lossmith.choose.score import Score
from lossmith.choose.shift import Shift, demand_link, plain_loss, with_link
from lossmith.errors import DomainError, ParameterError, UnsupportedError

if TYPE_CHECKING:
    from lossmith.loss import Loss

LISTED, MOST = 8, 16
"""So many losses are compared where none are named, and so many may be named, the default included."""

_MEAN = ("Huber", "PseudoHuber", "LogCosh", "Absolute", "StudentT", "Welsch", "Tukey")
_RATES = ("Poisson", "NegativeBinomial", "Tweedie", "Gamma", "Huber", "PseudoHuber", "LogCosh", "Absolute")
_SHORTLISTS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("mean", "real"): _MEAN,
    ("mean", "counts"): _RATES,
    ("mean", "positive"): ("Gamma", "Poisson", "Tweedie", "InverseGaussian", "Huber", "PseudoHuber", "LogCosh"),
    ("mean", "nonnegative"): ("Tweedie", "Poisson", "Huber", "PseudoHuber", "LogCosh", "Absolute", "StudentT"),
    ("median", ""): ("Absolute", "Huber", "PseudoHuber", "LogCosh", "StudentT", "Cauchy", "Tukey"),
    ("quantile", ""): ("Squared", "QuantileHuber", "SmoothQuantile"),
    ("expectile", ""): ("Squared", "Huber", "PseudoHuber"),
    ("Huber", ""): _MEAN,
    ("probability", "binary"): ("Probit", "Focal", "Brier", "Exponential", "AlphaLoss", "DWD", "LabelSmoothing"),
    ("probability", "classes"): (
        "LabelSmoothing",
        "Focal",
        "GeneralizedCrossEntropy",
        "Poly1",
        "TaylorCrossEntropy",
        "SymmetricCrossEntropy",
        "PartiallyHuberisedCrossEntropy",
    ),
}
"""Names by functional and kind of target, in order of preference; those not in the catalogue are passed over."""

_DEFAULTS: Mapping[str, str] = {
    "quantile": "Quantile",
    "expectile": "Expectile",
    "binary": "Logistic",
    "classes": "CrossEntropy",
}

_GRIDS: Mapping[str, tuple[float, ...]] = {
    "nu": (2.0, 3.0, 8.0, 20.0),
    "power": (1.2, 1.35, 1.65, 1.8),
    "gamma": (0.5, 1.0, 3.0, 5.0),
    "theta": (0.3, 3.0, 10.0, 30.0),
}
"""Values to try for a parameter beside its own; any other is tried at these multiples of it."""

MULTIPLES = (0.5, 0.75, 1.5, 2.5)
FIXED = frozenset({"tau"})
"""Parameters that say what is predicted, and are therefore never tuned."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A learner and its loss in the comparison; `grid` has the values to try for each parameter that is tuned, and
    `told` says whether learners must be told apart."""

    loss: Loss
    grid: Mapping[str, tuple[float, ...]]
    default: bool = False
    learner: Learner = LINEAR
    told: bool = False

    @property
    def name(self) -> str:
        """The name to show: that of the loss, after that of the learner if not all are linear."""
        return f"{self.learner.name} {name_of(self.loss)}" if self.told else name_of(self.loss)

    @property
    def simplicity(self) -> tuple[bool, int, bool, int]:
        """The declared order: the default first, linear before boosted, convex before the rest, fewer tuned parameters
        first."""
        convex = self.loss.facts().get("convex")
        return not self.default, self.learner.rank, not (convex is not None and convex.holds), len(self.grid)


def name_of(loss: Loss) -> str:
    """The name of a loss, or its text where it has none."""
    return loss.formula if loss.name == "Formula" else loss.name


def paired(
    candidates: Sequence[Candidate], learners: Sequence[Learner], target: Target, asked: bool
) -> list[Candidate]:
    """Every loss with every learner that it can train: the default loss with the first learner is the default.

    Raises what the learner says of a loss that was asked for; others that it refuses are passed over.
    """
    told = any(learner.name != LINEAR.name for learner in learners)
    out = []
    for i, learner in enumerate(learners):
        for one in candidates:
            why = learner.refusal(one.loss, target)
            if why is not None and (asked or one.default):
                raise why
            if why is None:
                out.append(replace(one, default=one.default and i == 0, learner=learner, told=told))
    return out


def shortlist(score: Score, target: Target, asked: Sequence[Any] | None, shift: Shift | None = None) -> list[Candidate]:
    """The default and the losses asked for, or else those of the list for this functional and kind of target.

    `asked` holds names, formulas or Loss objects. Raises DomainError or UnsupportedError for one that cannot be used;
    those of the list that cannot are passed over. With a shift all have one link.
    """
    default = Candidate(first_loss(score, target, shift), {}, default=True)
    chosen = list(_asked(asked, score, target) if asked else _listed(score, target))
    chosen = chosen if shift is None else _linked(chosen, default.loss, shift.log, bool(asked))
    seen = {_identity(default.loss)}
    unique = [default]
    for loss in chosen:
        if _identity(loss) not in seen:
            seen.add(_identity(loss))
            unique.append(Candidate(loss, grid(loss)))
    if asked and len(unique) > MOST:
        raise ParameterError(f"{len(unique)} losses are too many to compare at once; at most {MOST} with the default")
    return unique if asked else unique[:LISTED]


def first_loss(score: Score, target: Target, shift: Shift | None) -> Loss:
    """The plain loss; where a shift makes predictions exp(raw prediction), that of a rate."""
    if shift is None or not shift.log:
        return default_loss(score, target)
    loss = _with_power(_make(plain_loss(score)), score)
    loss.check(target.y)
    return loss


def _with_power(loss: Loss, score: Score) -> Loss:
    return loss.with_params(power=score.level) if "power" in type(loss).declared and score.level is not None else loss


def _linked(losses: list[Loss], default: Loss, log: bool, asked: bool) -> list[Loss]:
    """The losses with the link of the default; one that was asked for and has another is refused."""
    if not asked:
        return with_link(losses, default, log)
    for loss in losses:
        demand_link(loss, default, log)
    return losses


def order(candidates: Sequence[Candidate]) -> list[int]:
    """Indices of the candidates, simplest first."""
    return sorted(range(len(candidates)), key=lambda k: (*candidates[k].simplicity, k))


def grid(loss: Loss) -> dict[str, tuple[float, ...]]:
    """Values to try for each parameter that is at its default; one that the user set stays as it is."""
    declared = type(loss).declared
    free = {k: p for k, p in declared.items() if k not in FIXED and loss.params[k] == p.default}
    values = {k: _GRIDS.get(k, tuple(m * p.default for m in MULTIPLES)) for k, p in free.items()}
    legal = {k: tuple(v for v in vs if v in free[k].domain and v != free[k].default) for k, vs in values.items()}
    return {k: vs for k, vs in legal.items() if vs}


def default_loss(score: Score, target: Target) -> Loss:
    """The plain loss that everyone would take: squared, or log; the quantile or expectile loss where one is asked."""
    functional = _functional(score)
    name = _DEFAULTS.get(target.kind if score.classes else functional, "Squared")
    return _with_level(_make(name), score)


def _functional(score: Score) -> str:
    """mean, median, quantile, expectile, Huber or probability."""
    return next(word for word in _WORDS if word in score.functional)


_WORDS = ("probability", "median", "quantile", "expectile", "Huber", "mean")


def _listed(score: Score, target: Target) -> Iterable[Loss]:
    functional = _functional(score)
    names = _SHORTLISTS.get((functional, target.kind)) or _SHORTLISTS.get((functional, "")) or _MEAN
    known = _catalogue()
    losses = [_with_level(_make(name), score) for name in names if name in known]
    return [loss for loss in losses if refusal(loss, score, target) is None]


def _asked(asked: Sequence[Any], score: Score, target: Target) -> Iterable[Loss]:
    losses = [_with_level(_make(one), score) for one in asked]
    for loss in losses:
        why = refusal(loss, score, target)
        if why is not None:
            raise why
    return losses


def refusal(loss: Loss, score: Score, target: Target) -> Exception | None:
    """Why a loss cannot be trained on this target for this score, or None."""
    count = len(target.labels)
    if loss.lift.joint:
        return UnsupportedError(f"{loss.name} {several(loss)}; choose compares losses of one score, or of softmax")
    if is_for_classes(loss) != score.classes:
        kind = "classes" if score.classes else "numbers"
        return UnsupportedError(f"{loss.name} is no loss for {kind}, and {target.name!r} is judged by {score.name}")
    if score.classes and not loss.lift.multiclass and count > 2:
        return UnsupportedError(f"{loss.name} knows two classes, {target.name!r} has {count}; CrossEntropy takes any")
    try:
        loss.check(target.y)
        if score.classes:
            loss.mean(_probe(loss, target))
    except (DomainError, UnsupportedError) as error:
        return error
    return None


def several(loss: Loss) -> str:
    """What a loss of several outputs has, and what fits it."""
    named = f" ({', '.join(loss.lift.outputs)})" if loss.lift.outputs else ""
    model = _FITTED_BY.get(loss.lift.name.partition("(")[0], "LinearClassifier")
    return f"has several raw outputs a row{named}, which {model} fits in Python"


_FITTED_BY = {
    "several": "DistributionRegressor",
    "censored": "DistributionRegressor",
    "ordinal": "OrdinalClassifier",
    "all_threshold": "OrdinalClassifier",
    "pairwise": "PairwiseRanker",
}


def is_for_classes(loss: Loss) -> bool:
    """Does it take classes as targets?"""
    return loss.lift.name in ("margin", "softmax")


def _probe(loss: Loss, target: Target) -> Any:
    import numpy as np

    return np.zeros((1, len(target.labels))) if loss.lift.multiclass and len(target.labels) > 2 else np.zeros(1)


def _with_level(loss: Loss, score: Score) -> Loss:
    """The same loss at the quantile or expectile asked for, if it has a τ that nobody set."""
    declared = type(loss).declared
    if "tau" not in declared or score.level is None or loss.params["tau"] != declared["tau"].default:
        return loss
    return loss.with_params(tau=score.level)


def _make(one: Any) -> Loss:
    from lossmith.catalogue import loss as make
    from lossmith.loss import Loss

    return one if isinstance(one, Loss) else make(one)


def _catalogue() -> Mapping[str, Any]:
    from lossmith.catalogue import losses

    return losses()


def _identity(loss: Loss) -> tuple[str, str, tuple[tuple[str, float], ...]]:
    return loss.name, loss.formula, tuple(sorted(loss.params.items()))
