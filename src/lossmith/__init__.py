"""lossmith: write a loss once, as one line of mathematics; know it, fit it, choose it, ship it.

Everything is imported on first use; importing the package alone loads nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "Loss": "lossmith.loss",
    "loss": "lossmith.loss",
    "losses": "lossmith.catalogue",
    "residual": "lossmith.lifts",
    "margin": "lossmith.lifts",
    "score": "lossmith.lifts",
    "softmax": "lossmith.lifts",
    "LinearRegressor": "lossmith.models",
    "LinearClassifier": "lossmith.models",
    "load": "lossmith.models",
    "choose": "lossmith.choose",
}
"""Where each public name lives; the losses of the catalogue come besides."""


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name[:1].isupper():
        from lossmith.catalogue import losses

        table = losses()
        if name in table:
            return table[name]
    raise AttributeError(f"module 'lossmith' has no attribute {name!r}")


def __dir__() -> list[str]:
    from lossmith.catalogue import losses

    return sorted([*globals(), *_HOMES, *losses()])
