"""The stochastic solvers: many small steps, each against the gradient of the objective on a few rows.

**The estimator.** An update sees a batch B of rows and uses `objective.batch`, whose loss part is
Σ_B wℓ / (|B|·w̄) with w̄ = Σw/n over all rows: an unbiased estimate of Σwℓ/Σw, so that a row of weight k pulls, in
expectation, like k copies of it. (Dividing by Σ_B w instead would be biased, and at one row per batch would cancel the
weights.) Epochs walk over a fresh shuffle, which depends on `seed` and the number of the epoch only; the last batch may
be smaller.

**The penalty** enters every update whole, as a proximal step after the move against the loss's gradient:
w ← soft(w, ηl1)/(1 + ηl2), with η as long as the move was. So no strength of l2 makes an update unstable; with the
explicit l2·w in the gradient a column in small units, whose l2 is large in standardised coordinates, would.

**The state.** After each epoch the whole objective is evaluated once. The state that is shown, and so returned whoever
stops the run, is the best epoch by what is watched (`restore_best`); with `average`, an epoch's point is the mean of
all iterates from the second epoch on.

All of it happens in the solvers' standardised coordinates: `learning_rate`, `clip_norm`, `clip_value` refer to these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from lossmith.fit.schedule import Schedule, schedule
from lossmith.fit.solvers import Evaluation, Objective, State, Vector
from lossmith.fit.solvers.rules import RULES, Memory, Rule
from lossmith.fit.solvers.settings import COMMON, settled
from lossmith.fit.solvers.watching import Indices, Watch, halt, judge, split

TRIAL, SAMPLE = 64, 4096
"""How many updates a trial run for a learning rate makes, and on how many rows it is judged."""
CHANGES = 10_000
"""How often the learning rate changes in an epoch of compiled steps, at most."""
MOST = 2.0**100
"""The largest learning rate tried, and one over the smallest."""


@dataclass(frozen=True, slots=True)
class Run:
    """What a stochastic run carries from epoch to epoch, beside the state that it shows."""

    w: Vector
    mean: Vector
    rule: Memory
    rate: float
    rows: Indices
    watch: Watch
    epoch: int = 0


class Stochastic:
    """A stochastic solver: an update rule, with the rule's own options and those that all share."""

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ("no concomitant scale",)
    rule: ClassVar[Rule]
    options: ClassVar[Mapping[str, Any]]
    settings: Mapping[str, Any]
    schedule: Schedule

    def __init_subclass__(cls) -> None:
        cls.rule = RULES[cls.name]
        cls.options = {**COMMON, **cls.rule.options}

    def __init__(self, **given: Any) -> None:
        self.settings = settled(self.options, given)
        self.schedule = schedule(self.settings["schedule"], self.settings["warmup"])

    def start(self, objective: Objective, w0: Vector) -> State:
        """The state at w0, with a learning rate, and with rows held out where early stopping watches some."""
        rows, held = split(objective.rows_count, self.settings)
        evaluation = objective.at(w0)
        watch = Watch.begin(objective, w0, evaluation, held)
        run = Run(w0, w0, Memory.empty(w0), 1.0, rows, watch)
        given = self.settings["learning_rate"]
        rate = self.first_rate(objective, run) if given == "auto" else given
        return State(w0, evaluation, memory=replace(run, rate=rate))

    def first_rate(self, objective: Objective, run: Run) -> float:
        """A learning rate that fits the problem, whatever the scales of X and y: the best of some short trial runs.

        Rates are tried in steps of a factor of four, up from 1 and down, for as long as the objective on a sample of
        rows ends lower.
        """
        batches = [rows for rows, _ in zip(shuffled(run.rows, 0, self.settings), range(TRIAL), strict=False)]
        sample = np.random.default_rng([self.settings["seed"], 3]).permutation(run.rows)[:SAMPLE]

        def ends_at(rate: float) -> float:
            trial = run
            for rows in batches:
                trial = self.update(objective, trial, self.gradient(objective, trial.w, rows), rate)
            value = objective.batch(trial.w, sample).value
            return value if np.isfinite(value) else np.inf

        with np.errstate(all="ignore"):
            return lowest(ends_at)

    def step(self, objective: Objective, state: State) -> State:
        """One epoch of updates, then a look at the whole objective."""
        with np.errstate(all="ignore"):
            run = self.epoch(objective, state.memory)
            w = run.mean if self.settings["average"] else run.w
            evaluation = objective.at(w)
            watch = judge(objective, run.watch, w, evaluation, run.epoch, self.settings)
        lost = bool(watch.broken) or evaluation.value > watch.first
        if lost and self.settings["learning_rate"] == "auto":
            return self.shown(retreat(run, watch), watch.best.w, watch.best.evaluation)
        return self.shown(replace(run, watch=watch), w, evaluation)

    def epoch(self, objective: Objective, run: Run) -> Run:
        """One update for each batch of a fresh shuffle."""
        batches = list(shuffled(run.rows, run.epoch, self.settings))
        for k, rows in enumerate(batches):
            gradient = self.gradient(objective, run.w, rows)
            if not np.isfinite(gradient).all():
                broken = f"the gradient was not finite in epoch {run.epoch + 1}, update {k + 1}"
                return replace(run, epoch=run.epoch + 1, watch=replace(run.watch, broken=broken))
            factor = self.schedule(run.epoch + k / len(batches), self.settings["epochs"])
            run = self.update(objective, run, gradient, run.rate * factor)
            run = replace(run, mean=averaged(run, len(batches))) if self.settings["average"] else run
        return replace(run, epoch=run.epoch + 1)

    def gradient(self, objective: Objective, w: Vector, rows: Indices) -> Vector:
        """The gradient of the loss on a batch, clipped."""
        return clipped(objective.batch(w, rows).gradient - objective.l2 * w, self.settings)

    def update(self, objective: Objective, run: Run, gradient: Vector, rate: float) -> Run:
        """One move against a gradient of the loss, after weight decay and before the proximal step of the penalty."""
        move = self.rule.update(run.rule, gradient, self.settings)
        decay = rate * self.settings.get("weight_decay", 0.0)
        w = np.where(objective.intercepts, run.w, (1.0 - decay) * run.w) if decay else run.w
        length = rate * move.reach
        w = objective.prox(w - rate * move.direction, length) / (1.0 + length * objective.l2)
        return replace(run, w=w, rule=move.memory)

    def shown(self, run: Run, w: Vector, evaluation: Evaluation) -> State:
        """The state to show: the best epoch, or the last if that is asked for and the run is sound."""
        best = run.watch.best
        if self.settings["restore_best"] or run.watch.broken:
            w, evaluation = best.w, best.evaluation
        return State(w, evaluation, halt(run.watch, run.epoch, run.rate, self.settings), run)


def retreat(run: Run, watch: Watch) -> Run:
    """Back to the best epoch with a quarter of the learning rate, after one that ended above where the run began."""
    w = watch.best.w
    sound = replace(watch, broken="", rising=0, last=watch.best.evaluation.value)
    return replace(run, w=w, mean=w, rule=Memory.empty(w), rate=run.rate / 4.0, watch=sound)


def shuffled(rows: Indices, epoch: int, settings: Mapping[str, Any]) -> Iterator[Indices]:
    """The batches of an epoch: every row once, in an order that depends on the seed and the epoch only."""
    rows, size = ordered(rows, epoch, settings), settings["batch_size"]
    return (rows[k : k + size] for k in range(0, len(rows), size))


def ordered(rows: Indices, epoch: int, settings: Mapping[str, Any]) -> Indices:
    """The rows in the order of an epoch."""
    return np.random.default_rng([settings["seed"], 2, epoch]).permutation(rows) if settings["shuffle"] else rows


def clipped(gradient: Vector, settings: Mapping[str, Any]) -> Vector:
    """The gradient with every entry cut to ±clip_value, then shortened to clip_norm, where these are set."""
    bound, length = settings["clip_value"], settings["clip_norm"]
    if bound is not None:
        gradient = np.clip(gradient, -bound, bound)
    if length is not None:
        most = float(np.abs(gradient).max(initial=0.0)) or 1.0
        gradient = gradient / most
        gradient = gradient * min(most, length / max(float(np.linalg.norm(gradient)), 1.0))
    return gradient


def averaged(run: Run, per_epoch: int) -> Vector:
    """The mean of all iterates from the end of the first epoch on; before that, the iterate itself."""
    return run.mean + (run.w - run.mean) / max(1, run.rule.t - per_epoch + 1)


def lowest(ends_at: Callable[[float], float]) -> float:
    """The power of four at which a function of one valley is lowest, sought from 1 downwards and then upwards."""
    rate, best = 1.0, ends_at(1.0)
    for factor in (0.25, 4.0):
        while 1.0 / MOST < rate < MOST:
            there = ends_at(rate * factor)
            if not (there < best or (best == np.inf and factor < 1.0)):
                break
            rate, best = rate * factor, there
    return rate


class Sgd(Stochastic):
    """Stochastic gradient descent: one step against the gradient of each batch; with momentum if it is asked for."""

    name = "sgd"

    def epoch(self, objective: Objective, run: Run) -> Run:
        """The same by compiled code, where plain steps are asked for and it serves; it must end at finite numbers."""
        settings = self.settings
        if settings["momentum"] or settings["clip_value"] is not None or settings["clip_norm"] is not None:
            return super().epoch(objective, run)
        rows, size = ordered(run.rows, run.epoch, settings), settings["batch_size"]
        count = -(-len(rows) // size)
        held = -(-count // CHANGES)
        at = run.epoch + np.arange(0, count, held) / count
        factors = np.array([self.schedule(t, settings["epochs"]) for t in at.tolist()])
        rates = run.rate * np.repeat(factors, held)[:count]
        seen = run.rule.t + 1.0 + np.arange(count)
        shares = 1.0 / np.maximum(1.0, seen - count + 1.0) if settings["average"] else None
        found = objective.descend((run.w, run.mean), rows, size, rates, shares)
        if found is None or not np.isfinite(found[0]).all():
            return super().epoch(objective, run)
        memory = replace(run.rule, t=run.rule.t + count)
        return replace(run, w=found[0], mean=found[1], rule=memory, epoch=run.epoch + 1)


class Momentum(Stochastic):
    """Steps along a running mean of batch gradients, v ← βv + (1−β)g, or along a heavy ball's velocity, v ← βv + g."""

    name = "momentum"


class Nesterov(Stochastic):
    """Momentum that looks ahead: steps along βv + g (Nesterov 1983, in the form of Sutskever et al. 2013)."""

    name = "nesterov"


class RmsProp(Stochastic):
    """Gradients over the root of a running mean of their squares (Tieleman and Hinton 2012)."""

    name = "rmsprop"


class Adagrad(Stochastic):
    """Gradients over the root of the sum of all their squares (Duchi, Hazan and Singer 2011)."""

    name = "adagrad"


class Adam(Stochastic):
    """A running mean of gradients over the root of that of their squares (Kingma and Ba 2015, arXiv:1412.6980)."""

    name = "adam"


class AdamW(Stochastic):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019, arXiv:1711.05101).

    Each update takes (learning rate)·weight_decay of the coefficients away, as in PyTorch. The decay is no part of the
    objective, so that the run does not quite end at its minimum, and it keeps standardised coefficients within
    ±1/weight_decay: set it with the scale of y in mind.
    """

    name = "adamw"
