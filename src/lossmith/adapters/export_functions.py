"""A loss as functions of an array library: which Program answers which question, and where limits are needed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations_with_replacement, product
from typing import Any

import numpy as np

from lossmith.backends.arrays import DIALECTS, REACHES, Far, function, helpers, load
from lossmith.lifts.normalised import sure
from lossmith.loss import Loss
from lossmith.program import Program

KINDS = {"residual": "point", "margin": "point", "score": "point", "softmax": "classes", "pairwise": "outputs",
         "censored": "outputs", "ordinal": "ordinal", "all_threshold": "thresholds", "simplex": "slots",
         "divergence": "distribution", "adjusted": "slots", "costs": "distribution", "normalised": "normalised",
         "one_against_rest": "rivals", "one_against_each": "rivals",
         "one_against_best": "rivals"}  # fmt: skip
"""What the code around the functions must do, by lift; several(…) is of kind "outputs"."""

SAMPLE = {
    "real": (0.0, 1.5, -2.0), "halfline": (0.0, 1.0, 2.5), "positive_line": (0.5, 1.0, 3.0),
    "unit_interval": (0.0, 0.3, 1.0), "open_interval": (0.2, 0.5, 0.9), "binary": (0.0, 1.0), "classes": (0.0, 1.0),
}  # fmt: skip
"""Truths at which it is tried whether a function has a number at an infinite prediction."""

PERIODIC = frozenset({"sin", "cos"})
"""Words without a limit at infinity."""

VALUE, SLOPE, BEND = (
    "The loss of each row.",
    "The derivative in the prediction, as it was derived.",
    "The second derivative, almost everywhere.",
)


@dataclass(frozen=True)
class Question:
    """One function to print: its name, the Program that answers, and what it says of itself."""

    name: str
    program: Program
    says: str


@dataclass(frozen=True)
class Functions:
    """The printed functions of one loss."""

    kind: str
    truths: int
    """How many of the first arguments are truths."""
    outputs: tuple[str, ...]
    lines: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def text(self) -> str:
        """The functions, ready to stand in a module."""
        return "\n".join(self.lines) + "\n"


def kind_of(loss: Loss) -> str:
    """How the loss is called: point, classes, outputs, ordinal, thresholds, slots, distribution, normalised, rivals."""
    return KINDS.get(loss.lift.name, "outputs")


def differences(loss: Loss) -> bool:
    """Is it a function of y − z alone?"""
    return loss.lift.name == "residual" and "y" not in loss.tree.names


def questions(loss: Loss) -> list[Question]:
    """The functions that every framework needs, each with its Program."""
    kind, derived = kind_of(loss), loss.derived
    if (kind == "point" and differences(loss)) or kind in ("thresholds", "rivals"):
        return _three(derived.slot, "value", "d1", "d2")
    if kind == "point":
        return _three(derived.pointwise, "value", "gradient", "hessian")
    if kind == "classes":
        two = _three(derived.pointwise, "value", "gradient", "hessian", "binary_")
        mean = [w for w in derived.slot.wants if w == "d_mean_logp"]
        more = [Question("mean_slope", derived.slot.only(w), "The derivative in mean_logp.") for w in mean]
        return [*two, *_three(derived.slot, "value", "d1", "d2"), *more]
    outs = outputs_of(loss)
    slopes = [f"d_{o}" for o in outs]
    bends = [f"d_{a}_{b}" for a, b in combinations_with_replacement(outs, 2)]
    program = derived.slot if kind in ("slots", "distribution", "normalised") else derived.pointwise
    return [
        *(links(derived.mean) if kind == "normalised" and derived.mean else ()),
        Question("value", program.only("value"), VALUE),
        Question("slope", program.only(*slopes), f"The derivatives in {', '.join(outs)}."),
        Question("bend", program.only(*bends), "The second derivatives: " + ", ".join(b[2:] for b in bends) + "."),
    ]


def links(program: Program) -> list[Question]:
    """How scores above the level become probabilities, for losses that normalise them."""
    said = {"link": "The probability of a class.", "link_slope": "Its derivative.", "link_bend": "Its second one."}
    pairs = zip(said, program.wants, strict=False)
    return [Question(name, program.only(want), said[name]) for name, want in pairs]


def outputs_of(loss: Loss) -> tuple[str, ...]:
    """The raw outputs by name, where a row has several; of coupled scores the slots that the formula looks at."""
    if kind_of(loss) in ("slots", "distribution", "normalised"):
        return tuple(i for i in loss.derived.slot.inputs if i != "y")
    return ("score", "low", "high") if loss.lift.name == "ordinal" else loss.lift.outputs


def _three(program: Program, value: str, slope: str, bend: str, prefix: str = "") -> list[Question]:
    asked = (("value", value, VALUE), ("slope", slope, SLOPE), ("bend", bend, BEND))
    return [Question(prefix + name, program.only(output), says) for name, output, says in asked]


@lru_cache(maxsize=1024)
def functions(loss: Loss, dialect: str, extra: tuple[str, ...] = ()) -> Functions:
    """The functions of a loss as text; `extra`: further questions, of "mean" and "majorant"."""
    asked = [*questions(loss), *(_EXTRA[e](loss) for e in extra)]
    blocks, words = [], set[str]()
    for one in asked:
        lines, used = printed(loss, one, dialect)
        blocks.append("\n".join(lines))
        words |= used
    first = asked[-1 - len(extra)].program.inputs
    outputs = outputs_of(loss)
    truths = len([i for i in first if i not in outputs]) if outputs else len(first) - 1
    body = constants(loss) + [""] * 2 + "\n\n\n".join([*helpers(dialect, words), *blocks]).split("\n")
    return Functions(kind_of(loss), truths, outputs, tuple(body), tuple(q.name for q in asked))


def constants(loss: Loss) -> list[str]:
    """The parameters as constants."""
    lines = ['INFINITY = float("inf")']
    if kind_of(loss) == "normalised":
        lines += [f"SURE = {sure(loss.state)!r}  # how far above the level a class of probability 1 is"]
    return lines + [f"{n.upper()} = {getattr(loss, n)!r}  # {p.doc}" for n, p in loss.declared.items()]


_EXTRA = {
    "mean": lambda loss: Question("mean", loss.derived.mean, "The prediction on the scale of y."),
    "majorant": lambda loss: Question(
        "majorant", loss.program.only("majorant"), "A curvature that is nowhere too small."
    ),
}


def printed(loss: Loss, one: Question, dialect: str) -> tuple[list[str], set[str]]:
    """One function as lines, with limits where a test in NumPy finds that it needs them."""
    params = dynamic(loss)
    z = one.program.inputs[-1] if one.program.inputs[-1] != "y" else one.program.inputs[0]
    z = "logp" if "logp" in one.program.inputs else z
    shares, far = mended(loss, one, z)
    lines, used = function(dialect, one.name, one.program, params, one.says, far, shares)
    sure = z == "logp" and one.name in ("slope", "bend")
    if sure and np.isnan(at(loss, one, printed_here(loss, one, ""), z, 0.0)).any():
        lines.insert(2, f"    logp = {DIALECTS[dialect].xp}.clip(logp, -INFINITY, -1e-30)")
    return lines, used


def dynamic(loss: Loss) -> Mapping[str, float]:
    """The parameters that its Programs have."""
    return {n: getattr(loss, n) for n, p in loss.declared.items() if not p.static}


def mended(loss: Loss, one: Question, z: str) -> tuple[str, Far]:
    """What infinite predictions need: nothing, zeros that annul what is infinite, limits, or both; in this order."""
    kind, periodic = kind_of(loss), PERIODIC & {s.word for s in one.program.steps}
    if periodic or kind in ("ordinal", "slots", "normalised") or "kind" in one.program.inputs:
        return "", ()
    outs = [o for o in outputs_of(loss) if o in one.program.inputs] if kind == "outputs" else [z]
    best: tuple[int, str, Far] = (len(outs) + 1, "", ())
    for shares in ("", *outs):
        far, missed = limits(loss, one, outs, shares)
        best = min(best, (missed, shares, far), key=lambda b: (b[0], len(b[2])))
        if not missed and not far:
            break
    return best[1:]


def limits(loss: Loss, one: Question, outs: list[str], shares: str) -> tuple[Far, int]:
    """Where the limits of each output are found that needs it, and of how many outputs they are found nowhere."""
    far: Far = ()
    missed = 0
    for o in outs:
        up, down = (places(loss, one, o, sign, shares) for sign in (1, -1))
        missed += not up or not down
        if up and down and (up[0], down[0]) != (HERE, HERE):
            both = [place for place in up if place in down and place != HERE]
            far += ((o, both[0], both[0]) if both else (o, up[0], down[0]),)
    return far, missed


HERE = "INFINITY"


@lru_cache(maxsize=8192)
def places(loss: Loss, one: Question, z: str, sign: int, shares: str) -> list[str]:
    """Where the limit at +∞ or −∞ is found: at infinity itself, or where results have settled or are infinite by then.

    What disagrees with results that settled nearer by has been lost to rounding, or to a 0 that annulled too much.
    """
    if z == "logp" and sign > 0:
        return [HERE, *reversed(REACHES)]
    made = printed_here(loss, one, shares)
    limit, found = np.full(1, np.nan), list[str]()
    for place, bound in REACHES.items():
        far, near = (at(loss, one, made, z, sign * part * float(place)) for part in (1, 0.75))
        with np.errstate(all="ignore"):
            same, large = (
                np.abs(far - near) <= 1e-6 * (1 + np.abs(near)),
                np.minimum(abs(far), abs(near)) > float(bound),
            )
            settled, agrees = same & ~large, np.isnan(limit) | (np.abs(far - limit) <= 1e-3 * (1 + np.abs(limit)))
        found += [place] if ((same | large) & agrees).all() else []
        limit = np.where(settled & np.isnan(limit), far, limit)
    end = at(loss, one, made, z, sign * np.inf)
    with np.errstate(all="ignore"):
        here = ~np.isnan(end) & (np.isnan(limit) | (np.abs(end - limit) <= 1e-3 * (1 + np.abs(limit))))
    return [HERE] * bool(here.all()) + found[::-1]


@lru_cache(maxsize=4096)
def printed_here(loss: Loss, one: Question, shares: str) -> Callable[..., Any]:
    """One function in NumPy, without limits."""
    lines, used = function("numpy", one.name, one.program, dynamic(loss), one.says, (), shares)
    parts = ["import math", "import numpy as np", *constants(loss), *helpers("numpy", used), "\n".join(lines)]
    made: Callable[..., Any] = load("\n\n".join(parts) + "\n", f"{loss.name} {one.name}")[one.name]
    return made


def at(loss: Loss, one: Question, made: Callable[..., Any], z: str, end: float) -> np.ndarray[Any, Any]:
    """The results at an end of one input, for some truths and other outputs."""
    truths = SAMPLE[loss.target.name] if "y" in one.program.inputs else (-1.0,)
    outs = outputs_of(loss) if kind_of(loss) == "outputs" else ()
    rows = []
    for truth, beside in product(truths, BESIDE if outs else BESIDE[:1]):
        others = iter(beside)
        rows.append([end if i == z else next(others) if i in outs else truth for i in one.program.inputs])
    with np.errstate(all="ignore"):
        return np.ravel(made(*np.array(rows).T))


BESIDE = ((0.3, -0.4, 0.7, 0.1), (1.5, 1.2, -0.8, 0.2))
"""What the other outputs are then, in their order; 1.5 is a location that some truths have."""


def module(loss: Loss, dialect: str, extra: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """The printed functions, loaded."""
    made = functions(loss, dialect, extra)
    head = "\n".join(("import math", *DIALECTS[dialect].imports))
    return load(f"{head}\n\n{made.text}", f"{loss!r} in {dialect}")


def triple(found: Mapping[str, Any], prefix: str = "") -> tuple[Any, Any, Any]:
    """value, slope and bend among loaded functions."""
    return found[f"{prefix}value"], found[f"{prefix}slope"], found[f"{prefix}bend"]


def harmless(loss: Loss) -> float:
    """A target that is legal and of which every function has a number."""
    return 1 if 1.0 in loss.target.interval else 0.5


def legality(loss: Loss, xp: str) -> str:
    """A function that says which targets are legal, elementwise."""
    where = loss.target.interval
    tests = [f"{xp}.isfinite(y)"]
    if loss.target.name == "binary":
        tests = ["(y == 0) | (y == 1) | (y == -1)"]
        if xp == "np":  # a batch of 0 and -1 is neither kind of labels
            tests = ["np.isin(y, (-1, 1) if (y == -1).any() else (0, 1))"]
    elif loss.target.name == "bounds":
        tests = ["(y[..., 0] <= y[..., 1])", f"({xp}.isfinite(y[..., 0]) | {xp}.isfinite(y[..., 1]))"]
    else:
        low, high = (">" if where.open_low else ">="), ("<" if where.open_high else "<=")
        tests += [f"(y {low} {where.low:g})"] * (where.low > -np.inf)
        tests += [f"(y {high} {where.high:g})"] * (where.high < np.inf)
        tests += ["(y % 1 == 0)"] * where.whole
    return "\n".join(("def legal(y):", '    """Which targets are legal."""', f"    return {' & '.join(tests)}")) + "\n"


def targets(loss: Loss) -> str:
    """What an exported file for NumPy calls the targets that the loss admits."""
    if loss.target.name == "classes" or kind_of(loss) in ("slots", "distribution", "normalised", "rivals"):
        says = loss.target.says if loss.target.name == "classes" else "class indices, or shares of the classes"
        return f"Labels({loss.name!r}, {says!r})"
    if loss.target.name == "bounds":
        return f"Ends({loss.name!r}, {loss.target.says!r})"
    return f"Targets({loss.name!r}, {loss.target.says!r}, legal)"
