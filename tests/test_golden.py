"""Ten losses printed for every backend, as committed text: a refactor leaves them untouched or shows the difference.

LOSSMITH_GOLDEN=write pytest tests/test_golden.py    prints them anew
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

import lossmith
from lossmith import backends
from lossmith.backends.llvm_print import Target, print_module

FOLDER = Path(__file__).parent / "golden" / "kernels"
LOSSES = [
    lossmith.Huber(), lossmith.PseudoHuber(), lossmith.Tukey(), lossmith.Cauchy(), lossmith.Quantile(),
    lossmith.Logistic(), lossmith.Probit(), lossmith.Poisson(), lossmith.Tweedie(), lossmith.Focal(),
]  # fmt: skip
AVX2 = Target("double", 4)
PRINTERS = {
    "py": lambda loss: backends.source(loss.program, np.float64, "numpy"),
    "ll": lambda loss: print_module(loss.program, AVX2),
    "txt": lambda loss: f"{loss.program}\n",
}


@pytest.mark.parametrize("kind", PRINTERS)
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_generated_code_is_what_was_committed(loss: lossmith.Loss, kind: str) -> None:
    path = FOLDER / f"{loss.name}.{kind}"
    text = PRINTERS[kind](loss)
    if os.environ.get("LOSSMITH_GOLDEN") == "write":
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{path.name} would change: look, then print anew"
