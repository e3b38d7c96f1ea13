"""Facts of losses of several outputs: joint convexity term by term, and what one output at a time shows.

A sum of terms, each a convex function of one affine combination of the outputs, is convex in all of them. The terms are
those of the formula as it stands; each is proved convex by the provers of one slot, on the line or on the half line on
which it is defined (where thresholds are in order). The logarithm of the normal measure of an interval is concave in
both ends at once (Prékopa 1973).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from lossmith.domain import Interval
from lossmith.facts import Fact
from lossmith.formula import Expr, call, name
from lossmith.program import Program
from lossmith.symbolic import binding, finitejoint, freed, paths, units
from lossmith.symbolic.bounds import largest, unbounded
from lossmith.symbolic.case import Case
from lossmith.symbolic.literal import literal
from lossmith.symbolic.spans import MAX, UNSURE
from lossmith.symbolic.strict import fixed

Factored = tuple[int, Expr]
"""±1 and what it counts."""
CONCAVE = frozenset({"log_ndtr_gap"})
"""Words that are concave in all their arguments together, on the arguments that they are made for."""
ALONG = {"negbin": 1}
"""Words that are convex along one of their arguments, whatever the others are, and which it is."""
MEASURES = frozenset({"log_ndtr_gap"})
"""Words that are the logarithm of a probability, and so never positive."""
MOST_INPUTS = 3
"""Of more inputs together the whole space is not searched."""
SPOTS = (0.0, 1.0, -1.0, 3.0, -3.0)


@dataclass(frozen=True)
class Joint:
    """A formula of several outputs with its parameters, the truths beside them and where those lie."""

    tree: Expr
    outputs: tuple[str, ...]
    truths: Mapping[str, tuple[float, float]]
    params: Mapping[str, float]
    program: Program
    """(truths, outputs) → value, the slopes d_a, and the second derivatives d_a_b."""


# ------------------------------------------------------------------------------------------------------ term by term


def convex(loss: Joint) -> Fact | None:
    """Joint convexity, where every term shows it; None where one does not."""
    if all(_term_convex(part, sign, e) for part, sign, e in terms(loss, loss.tree)):
        says = "a sum of convex functions of one affine combination of the outputs each"
        return Fact("convex", True, says)
    return None


Term = tuple[Joint, int, Expr]
"""A term with its sign, and the loss with the truths that lead to it."""


def terms(loss: Joint, e: Expr, sign: int = 1) -> Iterator[Term]:
    """The signed terms of every branch that the truths alone decide; factors without outputs only give their signs."""
    if e.word in ("add", "sub"):
        yield from terms(loss, e.args[0], sign)
        yield from terms(loss, e.args[1], sign if e.word == "add" else -sign)
    elif e.word == "neg":
        yield from terms(loss, e.args[0], -sign)
    elif e.word == "where" and not e.args[0].names & set(loss.outputs):
        yield from terms(freed.narrowed(loss, e.args[0], True), e.args[1], sign)
        yield from terms(freed.narrowed(loss, e.args[0], False), e.args[2], sign)
    elif e.word in ("mul", "div") and (found := _factored(loss, e)) is not None:
        yield from terms(loss, found[1], sign * found[0])
    else:
        yield loss, sign, e


def _factored(loss: Joint, e: Expr) -> Factored | None:
    """The sign of a factor or divisor that no output enters, and what it stands beside."""
    sides = [(e.args[1], e.args[0])] + ([(e.args[0], e.args[1])] if e.word == "mul" else [])
    for factor, rest in sides:
        sign = 0 if factor.names & set(loss.outputs) else _sign(loss, factor, e.word == "mul")
        if sign:
            return sign, rest
    return None


def _sign(loss: Joint, factor: Expr, zero: bool) -> int:
    """±1 where a function of truths and parameters has one sign for all of them (or, if allowed, is 0); else 0."""
    if factor.names <= set(loss.params):
        program = literal(factor, (), tuple(loss.params))
        value = program.only("value").run(dict(loss.params))["value"] if program is not None else 0
        return (1 if value > 0 else -1) if value == value and value != 0 else 0
    if zero and factor.word == "sub" and factor.args[0] == call("expm1", factor.args[1]):  # eˣ − 1 − x
        return 1
    x = freed.enclosed(loss, factor) if zero else UNSURE
    return 1 if x.low >= 0 else (-1 if x.high <= 0 else 0)


def is_affine(e: Expr, outputs: frozenset[str]) -> bool:
    """Is it affine in the outputs, by its form?"""
    if not e.names & outputs or e.word == "name":
        return True
    if e.word in ("add", "sub", "neg"):
        return all(is_affine(a, outputs) for a in e.args)
    if e.word == "mul":
        return all(is_affine(a, outputs) for a in e.args) and not all(a.names & outputs for a in e.args)
    return e.word == "div" and is_affine(e.args[0], outputs) and not e.args[1].names & outputs


def combinations(e: Expr, outputs: frozenset[str]) -> set[Expr]:
    """The largest parts of a term that are affine in the outputs, and not free of them."""
    if is_affine(e, outputs):
        return {e} if e.names & outputs else set()
    return {part for a in e.args for part in combinations(a, outputs)}


def _along(e: Expr) -> tuple[Expr, tuple[Expr, ...]] | None:
    """What a word of ALONG is convex in, and what must not move beside it; Binet's function in the logarithm."""
    if e.word == "binet" and e.args[0].word == "exp":
        return e.args[0].args[0], ()
    k = ALONG.get(e.word)
    return None if k is None else (e.args[k], (*e.args[:k], *e.args[k + 1 :]))


def _term_convex(loss: Joint, sign: int, e: Expr) -> bool:
    outputs = frozenset(loss.outputs)
    if is_affine(e, outputs):
        return True
    if e.word in CONCAVE:
        return sign < 0 and all(is_affine(a, outputs) for a in e.args)
    if (found := _along(e)) is not None:
        return sign > 0 and is_affine(found[0], outputs) and not any(a.names & outputs for a in found[1])
    parts = combinations(e, outputs)
    if len(parts) != 1:
        return False
    (part,) = parts
    return any(binding.convex(case).holds is True for case in _slot_cases(loss, sign, e, part))


SLOTS = (("x", name("x")), ("logp", name("logp")), ("logp", call("neg", name("logp"))))
"""Where a term may be defined: on the line, on its negative half, on its positive half."""


def _slot_cases(loss: Joint, sign: int, e: Expr, part: Expr) -> Iterator[Case]:
    """A term as a loss of one part of it: with truths as they are, and with functions of truths alone as truths."""
    for slot, inside in SLOTS:
        one = freed.exchanged(e, part, inside)
        if (case := _slot_case(loss, sign, one, slot)) is not None:
            yield case
        found = freed.freed(loss, one, slot)
        if found is not None and (case := _slot_case(replace(loss, truths=found[1]), sign, found[0], slot)) is not None:
            yield case


def _slot_case(loss: Joint, sign: int, e: Expr, slot: str) -> Case | None:
    """±e as a loss of its slot: on the line (x), or on the half line below 0 (logp), beyond which it is not real."""
    spelled = e if sign > 0 else call("neg", e)
    truths = tuple(n for n in loss.truths if n in e.names)
    program = literal(spelled, (slot, *truths), tuple(loss.params))
    if program is None:
        return None
    lift = "score" if slot == "x" else "softmax"
    case = Case(program, dict(loss.params), lift, Interval(), {n: loss.truths[n] for n in truths})
    return None if slot == "logp" and not _undefined_beyond(case) else case


def _undefined_beyond(case: Case) -> bool:
    """Is a function of a negative slot no real number for positive ones?"""
    at = {n: min(max(1.0, a), b) for n, (a, b) in case.limits.items()}
    beyond = (
        case.program.only("value").run({**case.params, **at, case.variable: t})["value"] for t in (1e-3, 1.0, 30.0)
    )
    return all(v != v for v in beyond)


# ----------------------------------------------------------------------------------------------- one output at a time


def coordinate(loss: Joint, output: str, slopes: tuple[str, str] | None = None) -> Case:
    """The loss as one of this output alone, every value of the others and of the truths meant."""
    p, own = loss.program, slopes or (f"d_{output}", f"d_{output}_{output}")
    found = dict(p.outputs)
    outputs = (("value", found["value"]), ("d1", found[own[0]]), ("d2", found[own[1]]))
    rest = tuple(n for n in p.inputs if n != output)
    program = Program((output, *rest), p.params, p.steps, outputs).only("value", "d1", "d2")
    ranges = {n: loss.truths.get(n, (-math.inf, math.inf)) for n in rest}
    case = Case(program, dict(loss.params), "score", Interval(), ranges)
    return fixed(case, **{n: a for n, (a, b) in ranges.items() if a == b})


def convex_in(loss: Joint, output: str) -> Fact:
    """Convexity in one output at a time: term by term, the other outputs like truths, or as a whole."""
    others = {n: (-math.inf, math.inf) for n in loss.outputs if n != output}
    alone = replace(loss, outputs=(output,), truths={**loss.truths, **others})
    bent = paths.bent_at_a_point(loss, output, points(loss))
    if bent is not None:
        return bent
    found = convex(alone) or units.convex_in(loss, output) or binding.convex(coordinate(loss, output))
    return replace(
        found if found.holds is not None else _met(loss, output, binding.convex) or found, name=f"convex in {output}"
    )


def _met(loss: Joint, output: str, prover: Callable[[Case], Fact]) -> Fact | None:
    """A refutation at one of a few values of the other inputs."""
    case = coordinate(loss, output)
    for values in product(*([min(max(v, a), b) for v in (1.0, -1.0)] for a, b in case.limits.values())):
        at = dict(zip(case.limits, values, strict=True))
        found = prover(fixed(case, **at))
        if found.holds is False:
            witness = found.witness if isinstance(found.witness, dict) else {}
            shown = ", ".join(f"{n} = {v:g}" for n, v in at.items())
            return replace(found, because=f"{found.because} ({shown})", witness=witness | at)
    return None


def bounded_below(loss: Joint) -> Fact:
    """f ≥ some constant for all truths and outputs; refuted along one output."""
    name = "bounded below"
    for output in loss.outputs:
        for region in coordinate(loss, output).regions:
            witness = unbounded(region, "value", -1)
            if witness is not None:
                at = {(n or output): v for n, v in witness.items()}
                shown = ", ".join(f"{n} = {v:g}" for n, v in at.items())
                return Fact(name, False, f"it sinks without end along {output}: further than {shown}", at)
    if nonnegative(loss).holds:
        return Fact(name, True, "the value is never below 0", constant=0.0)
    return paths.sinking(loss) or Fact(name, None, "no bound could be shown")


def nonnegative(loss: Joint) -> Fact:
    """f ≥ 0 for all truths and outputs."""
    name = "nonnegative"
    for at in points(loss):
        value = loss.program.only("value").run({**loss.params, **at})["value"]
        if value < 0:
            shown = ", ".join(f"{n} = {v:g}" for n, v in at.items())
            return Fact(name, False, f"the value is {float(value):.4g} at {shown}", at | {"value": float(value)})
    if all(_term_nonnegative(part, sign, e) for part, sign, e in terms(loss, loss.tree)):
        return Fact(name, True, "every term is >= 0")
    scaled = units.nonnegative(loss)
    if scaled is not None:
        return scaled
    if len(loss.program.inputs) > MOST_INPUTS:
        return Fact(name, None, "too many inputs to search, and no negative value was met")
    return binding.nonnegative_value(coordinate(loss, loss.outputs[0]))


def _term_nonnegative(loss: Joint, sign: int, e: Expr) -> bool:
    """Is a term never negative, by its word, or as a function of one affine combination of the outputs?"""
    outputs = frozenset(loss.outputs)
    if e.word in MEASURES:
        return sign < 0
    if sign > 0 and freed.never_negative(loss, e, loss.outputs):
        return True
    parts = combinations(e, outputs)
    parts = parts if len(parts) == 1 else freed.inner(e, outputs)
    if len(parts) != 1 or is_affine(e, outputs):
        return False
    (part,) = parts
    return any(binding.nonnegative_value(case).holds is True for case in _slot_cases(loss, sign, e, part))


def lipschitz(loss: Joint) -> Fact:
    """|f(s) − f(t)| ≤ L·‖s − t‖ over the outputs, for all truths."""
    name, squares = "Lipschitz", 0.0
    for output in loss.outputs:
        case = coordinate(loss, output)
        found = binding.bounded_influence(case)
        if found.holds is False:
            return Fact(name, False, f"the slope in {output} is {found.because}", found.witness)
        if found.constant is None or not (freed.seamless(loss.tree, loss.params) or case.continuous):
            missing = Fact(name, None, f"no bound of the slope in {output} could be shown")
            return paths.steepening(loss) or missing
        squares += found.constant**2
    most = math.nextafter(math.sqrt(squares) * (1 + 1e-12), math.inf)
    return Fact(name, True, f"continuous in each output, with slopes within {most:.6g} together", constant=most)


def smooth(loss: Joint) -> Fact:
    """The gradient is Lipschitz: every second derivative is bounded; the constant bounds the Hessian's norm."""
    name, rows = "smooth", dict.fromkeys(loss.outputs, 0.0)
    for output in loss.outputs:
        found = binding.smooth(coordinate(loss, output))
        found = found if found.holds is not None else _met(loss, output, binding.smooth) or found
        if found.holds is False:
            return Fact(name, False, f"in {output}: {found.because}", found.witness)
        if found.constant is None:
            missing = Fact(name, None, f"no bound of the second derivative in {output} could be shown")
            return paths.roughening(loss) or missing
        rows[output] += found.constant
    order = {n: i for i, n in enumerate(loss.outputs)}
    for a, b in product(loss.outputs, repeat=2):
        if order[a] < order[b]:
            mixed = largest(coordinate(loss, a, (f"d_{a}", f"d_{a}_{b}")).regions, "d2", smooth=False).value
            if mixed is None:
                return Fact(name, None, f"no bound of the mixed derivative in {a} and {b} could be shown")
            rows = {n: v + (mixed if n in (a, b) else 0.0) for n, v in rows.items()}
    most = max(rows.values())
    return Fact(name, True, f"every second derivative is bounded; the Hessian stays within {most:.6g}", constant=most)


def finite(loss: Joint, kind: str, most: float) -> Fact:
    """Refuted by finite truths and outputs at which the loss is too large for a format."""
    name, value = f"finite in {kind}", loss.program.only("value")
    for size in (30.0, 1e3, math.sqrt(most) * 2, most / 4):
        for at in points(loss, size):
            found = value.run({**loss.params, **at})["value"]
            if abs(found) > most:
                shown = ", ".join(f"{n} = {v:g}" for n, v in at.items())
                return Fact(name, False, f"too large a value at {shown}", at)
    return Fact(name, None, "no value was found that is too large, and none was shown to be impossible")


def points(loss: Joint, size: float = 1.0) -> Iterator[dict[str, float]]:
    """A few places in all inputs."""
    truths = [sorted({min(max(v, a), b) for v in (1.0, 0.0, 3.0)}) for a, b in loss.truths.values()]
    outputs = [tuple(size * s for s in SPOTS)] * len(loss.outputs)
    for values in product(*truths, *outputs):
        yield dict(zip((*loss.truths, *loss.outputs), values, strict=True))


FORMATS = {"float64": MAX, "float32": 3.4028234663852886e38}


def verdict(loss: Joint, name: str) -> Fact:
    """One fact of what can be asked of one output at a time."""
    if name.startswith("convex in "):
        return convex_in(loss, name.removeprefix("convex in "))
    if name.startswith("finite in "):
        kind = name.removeprefix("finite in ")
        return finitejoint.of_outputs(loss, kind, finite(loss, kind, FORMATS[kind]))
    return TABLE[name](loss)


TABLE: Mapping[str, Callable[[Joint], Fact]] = {
    "bounded below": bounded_below, "nonnegative": nonnegative, "Lipschitz": lipschitz, "smooth": smooth,
}  # fmt: skip


def names(outputs: tuple[str, ...]) -> tuple[str, ...]:
    """What is asked of a likelihood of several outputs beside convexity."""
    return (*(f"convex in {o}" for o in outputs), *TABLE, "finite in float64", "finite in float32")
