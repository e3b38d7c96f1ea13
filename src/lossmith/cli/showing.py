"""`lossmith list`, `lossmith show` and `lossmith source`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lossmith.backends import BACKENDS
from lossmith.catalogue import loss as named
from lossmith.cli.common import console
from lossmith.errors import ParameterError, UnsupportedError, hint
from lossmith.formula import parse

if TYPE_CHECKING:
    from lossmith.loss import Loss

HEADS = {
    "residual": "residual losses, of r = y − z",
    "margin": "margin losses for two classes, of m = ±z",
    "score": "likelihoods, of y and z",
    "softmax": "losses for classes, of the probability of the true one",
    "simplex": "losses for classes, of all their probabilities",
    "divergence": "divergences, of two distributions over classes",
    "normalised": "losses for classes, of scores that become probabilities in another way",
    "adjusted": "losses for classes, of scores beside which the classes' frequencies are known",
    "costs": "losses for classes, of what each prediction costs",
    "one_against_best": "margin losses for classes, of the true one's lead over the best other",
    "one_against_each": "margin losses for classes, of the true one's lead over each other",
    "one_against_rest": "margin losses for classes, of each class against the rest",
    "several": "whole distributions and bands, of several raw outputs a row",
    "censored": "likelihoods of what is known to lie between two bounds",
    "ordinal": "likelihoods of ordered classes, of a score and thresholds",
    "all_threshold": "margin losses for ordered classes, of a score and thresholds",
    "pairwise": "ranking losses, of the scores of two rows",
}
"""What the losses of each lift are, in the order of the list."""
TRUTHS: dict[str, Any] = {"bounds": (1.0, 1.0), "divergence": (0.2, 0.6, 0.2), "normalised": (0.2, 0.6, 0.2)}
"""The truth at which a loss of several outputs is drawn, by its target or lift; 1 for others."""
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of a braille cell, four rows of two."""


def list_losses(lift: str | None) -> None:
    """A line for every loss, under the lift that it belongs to."""
    from rich.table import Table
    from rich.text import Text

    from lossmith.catalogue import every

    table = every()
    lifts = sorted({_lift(kind) for kind in table.values()}, key=lambda name: (*HEADS, name).index(name))
    if lift is not None and lift not in lifts:
        raise ParameterError(f"no lift {lift!r}; {hint(lift, lifts)}")
    screen = console()
    for one in lifts if lift is None else [lift]:
        kinds = [kind for kind in table.values() if _lift(kind) == one]
        screen.print(Text(f"\n{HEADS.get(one, one)}", style="bold"))
        rows = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
        for kind in kinds:
            rows.add_row(Text(_signed(kind)), Text(kind().title, style="dim"))
        screen.print(rows)
    screen.print(Text(f"\n{len(table)} losses in all; `lossmith show Huber` shows one", style="dim"))


def show(text: str) -> None:
    """Formula, parameters, facts and curves of one loss."""
    from rich.text import Text

    from lossmith.adapters.rosetta import hosts, peers

    screen, loss = console(), named(text)
    screen.print(Text.assemble((loss.name, "bold"), f"  {loss.title}"))
    screen.print(Text(f"  {loss.formula}", style="cyan"))
    for name, param in type(loss).declared.items():
        screen.print(Text(f"  {name} = {loss.params[name]:g}: {param.domain}; {param.doc}"))
    machines = ", ".join(BACKENDS)
    outputs = f" of {', '.join(loss.lift.outputs)}" if loss.lift.outputs else ""
    lift = f"lift: {_lift(loss)}{outputs}"
    screen.print(Text(f"  target: {loss.target.says}; {lift}; runs on {machines}", style="dim"))
    for peer, name in hosts(loss).items():
        screen.print(Text(f"  in {peers()[peer]}: {name}", style="dim"))
    if loss.cite:
        screen.print(Text(f"  {loss.cite}", style="dim"))
    screen.print()
    for fact in loss.facts().values():
        screen.print(Text(f"  {_MARKS[fact.holds]} {fact.name}: {fact.because}"), soft_wrap=False)
    screen.print()
    for line in digits(loss):
        screen.print(Text(f"  {line}", style="dim"))
    for title, picture in _curves(loss):
        screen.print(Text(f"  {title}", style="dim"))
        screen.print(Text(picture))


def digits(loss: Loss, rows: int = 1000) -> list[str]:
    """How right the numbers are, and a warning where they are poor; nothing where it is not measured."""
    from lossmith.accuracy import POOR, measure

    try:
        found = measure(loss, rows)
    except UnsupportedError:
        return []
    worst = ", ".join(f"{off:.2g} ulp in {kind}" for kind, off in found.worst.items())
    lines = [f"measured at {rows:,} hard points: off by at most {worst}"]
    poor = found.poor
    if poor is not None and poor.worst > POOR:
        lines.append(f"warning: more than {POOR:g} ulp; rewrite the formula so that it does not cancel ({poor})")
    elif poor is not None:
        lines.append(f"warning: some rows overflow ({poor})")
    return lines


_MARKS = {True: "yes", False: "no ", None: "?  "}


def source(text: str, backend: str) -> None:
    """The generated code, as it is."""
    sys.stdout.write(named(text).source(backend).rstrip("\n") + "\n")


def _signed(kind: type[Loss]) -> str:
    params = ", ".join(f"{k}={p.default:g}" for k, p in kind.declared.items())
    return f"{kind.__name__}({params})" if params else kind.__name__


def _lift(kind: type[Loss] | Loss) -> str:
    """The name of the lift, without the outputs that some spell in parentheses."""
    return kind.lift.name.partition("(")[0]


def _curves_of_outputs(loss: Loss) -> list[tuple[str, str]]:
    """Value against one raw output after the other, the rest held: those with a name, or the first score."""
    x = np.linspace(-4, 4, 120) + 1e-9
    truth = TRUTHS.get(_lift(loss), TRUTHS.get(loss.target.name, 1.0))
    outputs = loss.lift.outputs
    ordered = not outputs and not loss.lift.multiclass
    rest = np.zeros(len(outputs)) if outputs else np.array([0.0, -1.0, 1.0]) if ordered else np.zeros(3)
    named = enumerate(outputs) if outputs else [(0, "the score")] if ordered else [(1, "the score of class 1")]
    pictures = []
    for k, name in named:
        z = np.tile(rest, (len(x), 1))
        z[:, k] = x
        with np.errstate(all="ignore"):
            value = loss.value(np.tile(truth, (len(x), 1)) if np.ndim(truth) else np.full(len(x), truth), z)
        held = "the thresholds at −1 and 1" if ordered else "the others at 0"
        pictures.append((f"loss against {name}, −4 to 4, {held}, y = {_truth(truth)}", plot(value)))
    return pictures


def _truth(truth: Any) -> str:
    return f"({', '.join(f'{v:g}' for v in truth)})" if np.ndim(truth) else f"{truth:g}"


def _curves(loss: Loss) -> list[tuple[str, str]]:
    """Value, and slope, against the residual, the margin or the raw prediction."""
    if loss.lift.joint:
        return _curves_of_outputs(loss)
    x = np.linspace(-6, 6, 120) + 1e-9
    residual = loss.lift.name == "residual"
    y, z = np.ones_like(x), 1.0 - x if residual else x
    with np.errstate(all="ignore"):
        found = loss.evaluate(y, z, ("value", "gradient"))
    axis = {
        "residual": "the residual y − z" + (", at y = 1" if "y" in parse(loss.formula).names else ""),
        "margin": "the margin",
    }.get(loss.lift.name, "z, at y = 1")
    slope = -found.gradient if residual else found.gradient
    return [
        (f"loss against {axis}, −6 to 6", plot(found.value)),
        ("pull on the fit" if residual else "slope", plot(slope)),
    ]


def plot(values: NDArray[Any], rows: int = 7) -> str:
    """A curve in braille dots, two values wide and four steps high in each character."""
    seen = values[np.isfinite(values)]
    low, high = float(np.min(seen)), float(np.quantile(seen, 0.98))
    span = high - low or 1.0
    height = 4 * rows - 1
    level = np.round((values - low) / span * height)
    cells = np.zeros((rows, (len(values) + 1) // 2), dtype=int)
    before = None
    for i, at in enumerate(level):
        if not np.isfinite(at) or at > height + 1:
            before = None
            continue
        at = min(int(at), height)
        for step in range(min(at, at if before is None else before), max(at, at if before is None else before) + 1):
            down = height - step
            cells[down // 4, i // 2] |= DOTS[down % 4][i % 2]
        before = at
    lines = ["".join(chr(0x2800 + c) for c in row) for row in cells]
    labels = {0: f"{high:8.3g}", rows - 1: f"{low:8.3g}"}
    return "\n".join(f"{labels.get(k, ''):>9} {one}" for k, one in enumerate(lines))
