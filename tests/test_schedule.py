"""Learning-rate schedules against closed forms and torch's schedulers."""

from __future__ import annotations

import itertools
import json
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lossmith.errors import ParameterError
from lossmith.fit.schedule import (
    SCHEDULES,
    Constant,
    Cosine,
    Exponential,
    InverseTime,
    Schedule,
    Step,
    WarmUp,
    schedule,
)

GOLDEN = json.loads((Path(__file__).parent / "golden" / "torch_optim.json").read_text())

CLOSED: list[tuple[Schedule, Any]] = [
    (Constant(), lambda t: 1.0),
    (Step(3.0, 0.5), lambda t: 0.5 ** (t // 3)),
    (Exponential(0.9), lambda t: math.exp(t * math.log(0.9))),
    (InverseTime(2.0, 0.75), lambda t: 1 / (1 + 2 * t) ** 0.75),
    (Cosine(0.1), lambda t: 0.1 + 0.9 * math.cos(math.pi * t / 40) ** 2),
    (Cosine(0.0, over=8.0), lambda t: math.cos(math.pi * t / 16) ** 2 if t < 8 else 0.0),
    (WarmUp(Exponential(0.5), 4.0, 0.2), lambda t: 0.2 + 0.2 * t if t < 4 else 0.5 ** (t - 4)),
]


@pytest.mark.parametrize(("made", "closed"), CLOSED)
def test_a_schedule_is_its_closed_form(made: Schedule, closed: Any) -> None:
    """Over a run of 20 epochs, at whole epochs and between them."""
    for t in np.linspace(0.0, 20.0, 81):
        assert made(t, 20.0) == pytest.approx(closed(t), rel=1e-12, abs=1e-15)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("step", Step(4.0, 0.5)),
        ("exponential", Exponential(0.9)),
        ("cosine", Cosine(0.1)),
        ("warm-up", WarmUp(Exponential(0.9), 4.0, 0.1)),
    ],
)
def test_whole_epochs_agree_with_torch(name: str, made: Schedule) -> None:
    got = [made(float(epoch), 11.0) for epoch in range(12)]
    np.testing.assert_allclose(got, GOLDEN[f"schedule {name}"], rtol=1e-12)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_schedule_starts_at_one_and_never_rises(name: str) -> None:
    factors = [SCHEDULES[name]()(t, 30.0) for t in np.linspace(0.0, 35.0, 200)]
    assert factors[0] == 1.0
    assert all(later <= earlier for earlier, later in itertools.pairwise(factors))
    assert (min(factors) < 0.9) == (name != "constant")


def test_warm_up_wraps_any_and_its_run_is_the_shorter() -> None:
    made = schedule("cosine", warmup=5.0)
    assert made == WarmUp(Cosine(), 5.0)
    assert made(5.0, 25.0) == 1.0
    assert made(15.0, 25.0) == pytest.approx(0.5)
    assert made(25.0, 25.0) == pytest.approx(0.0, abs=1e-15)


def test_a_schedule_from_a_name_a_mapping_or_itself() -> None:
    mine = Step(every=2.0)
    assert schedule("exponential") == Exponential()
    assert schedule({"name": "inverse-time", "decay": 0.5}) == InverseTime(0.5)
    assert schedule(mine) is mine


def test_schedules_survive_a_pickle_and_say_what_they_are() -> None:
    made = schedule("cosine", warmup=5.0)
    assert pickle.loads(pickle.dumps(made)) == made
    assert repr(made) == "WarmUp(then=Cosine(floor=0.0, over=None), over=5.0, start=0.1)"


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("cosin", "'cosine'"),
        ({"name": "step", "evry": 3}, "'every'"),
        ({"every": 3}, "there is no schedule None"),
        ({"name": "step", "every": 0}, "every must be a number > 0"),
        ({"name": "exponential", "factor": 1.5}, "factor must be"),
        (7, "schedule=7"),
    ],
)
def test_a_wrong_schedule_is_refused_with_a_suggestion(spec: Any, says: str) -> None:
    with pytest.raises(ParameterError, match=says):
        schedule(spec)


def test_a_warm_up_of_less_than_nothing_is_refused() -> None:
    with pytest.raises(ParameterError, match="over must be"):
        schedule("constant", warmup=-1.0)
