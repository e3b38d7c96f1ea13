"""PROVISIONAL facts by sampling until symbolic/prove.py lands (then: proofs)."""

from __future__ import annotations
from functools import lru_cache
from typing import Any
from collections.abc import Mapping
import numpy as np
from lossmith.facts import Fact


@lru_cache(maxsize=512)
def facts_of(loss: Any) -> Mapping[str, Fact]:
    z = np.concatenate([np.linspace(-30, 30, 4001), np.linspace(-3, 3, 3001)])
    z.sort()
    y = 0.0 if loss.lift.name == "residual" else 1.0
    s = loss.lift.evaluate(loss.state, np.full(len(z), y), z, ("value", "gradient", "hessian"))
    g, h = s["gradient"], s["hessian"]
    jumps = np.abs(np.diff(g)) > 10 * np.maximum(np.abs(h[1:]), np.abs(h[:-1])) * np.diff(z) + 1e-2
    convex = bool(np.all(np.diff(g) >= -1e-12 * np.maximum(1, np.abs(g[1:]))))
    twice = not jumps.any() and not (np.abs(np.diff(h)) > 0.2).any()
    const = float(h.max())
    return {
        "convex": Fact("convex", convex, "sampled"),
        "smooth": Fact("smooth", (not jumps.any()) and const < 1e3, "sampled", constant=const),
        "twice": Fact("twice", twice, "sampled"),
        "majorant": Fact("majorant", "majorant" in loss.program.wants, "sampled"),
        "bounded influence": Fact(
            "bounded influence", bool(np.abs(g).max() < 20), "sampled", constant=float(np.abs(g).max())
        ),
        "redescending": Fact("redescending", bool(abs(g[0]) < 1e-2 or abs(g[-1]) < 1e-2) and not convex, "sampled"),
        "bounded below": Fact("bounded below", None, "sampled"),
        "scalable": Fact(
            "scalable",
            loss.lift.name == "residual" and loss.name not in ("Squared", "Absolute", "Quantile", "Expectile", "Lq"),
            "sampled",
        ),
    }
