"""Kernels above the contract of `test_accuracy.py`, each with what was measured and why: the list to work off.

`docs/accuracy.md` shows the same as measured. An entry may only shrink; a loss that keeps the contract has none.
"""

from __future__ import annotations

from typing import NamedTuple


class Above(NamedTuple):
    """What is allowed of one loss; what is not said keeps to the contract."""

    why: str
    worst: float = 4.0
    """The largest error in float64, in ulp; 1e16 is every digit."""
    usual: float = 1.5
    """The 99th percentile."""
    lost: float = 0.0
    """The share of rows that may be infinite or NaN where the true value is finite."""
    narrow: float = 2.0
    """The largest error in float32."""


EXCEPTIONS: dict[str, Above] = {}

SEVERAL: dict[str, Above] = {}
"""The same for losses of several raw outputs a row, of `test_accuracy_several.py`."""
