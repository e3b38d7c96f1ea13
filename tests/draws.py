"""Draws of (y, z) for a loss; each asserts its own spread, so that no law is ever tried on one side of a kink only."""

from __future__ import annotations

import numpy as np

from lossmith.loss import Loss

EXTREMES = np.array([5e-324, 1e-300, 1e-160, 1e-20, 1e-8, 0.3, 1.0, 2.5, 40.0, 300.0, 1e5, 1e20, 1e160, 1e300])


def targets(loss: Loss, n: int, rng: np.random.Generator) -> np.ndarray:
    """n truths from the loss's own domain."""
    table = {
        "real": lambda: rng.normal(scale=3, size=n),
        "halfline": lambda: rng.poisson(2.0, n) * 1.0,
        "positive_line": lambda: rng.gamma(2.0, size=n) + 1e-3,
        "unit_interval": lambda: np.clip(rng.uniform(-0.1, 1.1, n), 0, 1),
        "open_interval": lambda: rng.uniform(0.01, 0.99, n),
        "binary": lambda: rng.integers(0, 2, n) * 1.0,
        "classes": lambda: rng.integers(0, 2, n) * 1.0,
    }
    return table[loss.target.name]()


def pairs(loss: Loss, n: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """n truths with raw predictions that reach every branch of the formula."""
    rng = np.random.default_rng(seed)
    y, z = targets(loss, n, rng), rng.normal(scale=3, size=n)
    slot = {"residual": y - z, "margin": np.where(y > 0, z, -z), "softmax": np.where(y > 0, z, -z), "score": z}
    values = slot[loss.lift.name]
    assert values.min() < -3 and values.max() > 3 and np.sum(np.abs(values) < 0.3) > n / 50, "a draw without spread"
    assert len(np.unique(y)) > 1
    return y, z


def extreme_pairs(loss: Loss) -> tuple[np.ndarray, np.ndarray]:
    """Slots over the whole range of float64, both signs."""
    slot = np.concatenate([-EXTREMES[::-1], [0.0], EXTREMES])
    if loss.lift.name == "residual":
        return np.zeros_like(slot), -slot
    special = {"halfline": 3.0, "positive_line": 3.0, "unit_interval": 0.25, "open_interval": 0.25}
    truth = special.get(loss.target.name, 1.0)
    return np.full_like(slot, truth), slot
