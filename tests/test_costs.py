"""What a row costs a compiled kernel, counted in instructions and not in seconds: what makes one dearer shows.

LOSSMITH_GOLDEN=write pytest tests/test_costs.py    counts them anew
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

import lossmith
from lossmith.backends.llvm_print import Target, print_module

FILE = Path(__file__).parent / "golden" / "costs.json"
WANTS = {"value+gradient": ("value", "gradient"), "gradient+hessian": ("gradient", "hessian")}
DEAR = {"fdiv": 8, "call %reals @llvm.sqrt": 8}
"""What takes as long as so many additions on the processors of today."""
ROOM = 1.05
"""A little more is no regression."""


def cost(text: str) -> int:
    """The instructions of the formula on one vector of rows, dear ones by their weight."""
    body = re.search(r"@formula\(.*?\n}", text, re.DOTALL)
    assert body is not None
    lines = [line for line in body[0].splitlines() if " = " in line and not line.strip().startswith(";")]
    return sum(next((w for word, w in DEAR.items() if word in line), 1) for line in lines)


def costs(loss: lossmith.Loss) -> dict[str, int]:
    """Per set of outputs, for vectors of eight doubles."""
    wanted = {name: want for name, want in WANTS.items() if set(want) <= set(loss.program.wants)}
    return {name: cost(print_module(loss.program.only(*want), Target("double", 8))) for name, want in wanted.items()}


@pytest.fixture(scope="module")
def committed() -> dict[str, dict[str, int]]:
    if os.environ.get("LOSSMITH_GOLDEN") == "write":
        every = {name: costs(cls()) for name, cls in sorted(lossmith.losses().items())}
        FILE.write_text(json.dumps(every, indent=0, sort_keys=True) + "\n", encoding="utf-8")
    loaded: dict[str, dict[str, int]] = json.loads(FILE.read_text(encoding="utf-8"))
    return loaded


@pytest.mark.parametrize("name", sorted(lossmith.losses()))
def test_no_kernel_has_become_dearer(name: str, committed: dict[str, dict[str, int]]) -> None:
    now = costs(lossmith.losses()[name]())
    dearer = {k: (committed.get(name, {}).get(k, 0), v) for k, v in now.items() if v > ROOM * committed[name].get(k, 0)}
    assert not dearer, f"{name}: (before, now) = {dearer}; if it is worth it, count anew and say why"


def test_a_kernel_that_computes_an_exponential_twice_is_noticed(committed: dict[str, dict[str, int]]) -> None:
    twice = lossmith.loss("log(1 + exp(-m)) + 1e-9*exp(0.25*m)", lift="margin")
    assert costs(twice)["value+gradient"] > ROOM * committed["Logistic"]["value+gradient"]
