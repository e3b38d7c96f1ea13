"""Rows for every kind of loss, and the child process that runs exported files where lossmith cannot be imported.

As a script: `python -I -S export_rows.py HOST FOLDER SITE_PACKAGES` runs every file of the folder against rows.npz, and
prints one line for each number that is off.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

FRAMEWORKS = ("torch", "jax", "keras")
BOOSTERS = ("lightgbm", "xgboost", "catboost")


def drawn(loss: Any, n: int = 60) -> tuple[Any, Any]:
    """Truths and raw predictions of any loss, with spread."""
    import numpy as np

    rng = np.random.default_rng(3)
    table = {
        "real": lambda: rng.normal(scale=3, size=n),
        "halfline": lambda: rng.poisson(2.0, n) * 1.0,
        "positive_line": lambda: rng.gamma(2.0, size=n) + 0.01,
        "unit_interval": lambda: rng.integers(0, 2, n) * 1.0,
        "open_interval": lambda: rng.uniform(0.05, 0.95, n),
        "binary": lambda: rng.integers(0, 2, n) * 1.0,
        "classes": lambda: rng.integers(0, 3, n) * 1.0,
        "bounds": lambda: intervals(rng, n),
    }
    y = table[loss.target.name]()
    if loss.lift.name in ("ordinal", "all_threshold"):
        return y, np.column_stack([2 * rng.normal(size=n), np.sort(2 * rng.normal(size=(n, 2)), axis=1)])
    if loss.lift.outputs:
        return y, rng.normal(size=(n, len(loss.lift.outputs)))
    return y, 3 * rng.normal(size=(n, 3) if loss.lift.multiclass or loss.lift.joint else n)


def intervals(rng: Any, n: int) -> Any:
    """Exact values, both kinds of open ends, and intervals."""
    import numpy as np

    low = rng.normal(size=n)
    high = low + rng.exponential(size=n) * (rng.random(n) < 0.6)
    return np.column_stack([np.where(np.arange(n) < 8, -np.inf, low), np.where(np.arange(n) % 9 == 8, np.inf, high)])


def off(got: Any, wanted: Any, tolerance: float) -> str:
    """How far two arrays are apart where that is more than the tolerance."""
    import numpy as np

    got, wanted = np.asarray(got), np.asarray(wanted)
    if got.shape != wanted.shape:
        return f"shape {got.shape} instead of {wanted.shape}"
    gap = np.abs(got - wanted) / (1e-3 * np.abs(wanted).max() + np.abs(wanted) + 1e-9)
    worst = float(np.where(got == wanted, 0, gap).max())
    return "" if worst <= tolerance else f"off by {worst:.3g}"


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"exported_{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def answers(host: str, module: ModuleType, name: str, y: Any, z: Any) -> dict[str, Any]:
    """Value, gradient and, where the host has it, the Hessian (for several outputs the block times a vector)."""
    if host in FRAMEWORKS:
        return globals()[f"from_{host}"](getattr(module, name), y, z)
    if host == "sklearn":
        made = getattr(module, f"{name}Model").loss
    else:
        made = [v for v in vars(module).values() if hasattr(v, "gradient") or hasattr(v, "derivatives")][-1]
    if host in BOOSTERS:
        made = made.many if made.many is not None else made.loss
    if host == "sklearn" and z.ndim == 2:  # a model of one score: of the second class, say
        y, z = y[y < 2], z[y < 2, 0]
    return {"value": made.value(y, z), "gradient": made.gradient(y, z), "hessian": made.hessian(y, z)}


def from_torch(kind: Any, y: Any, z: Any) -> dict[str, Any]:
    import torch

    free = torch.tensor(z, requires_grad=True)
    value = kind(reduction="none")(free, torch.tensor(y))
    (gradient,) = torch.autograd.grad(value.sum(), free)
    return {"value": value.detach().numpy(), "gradient": gradient.numpy()}


def from_jax(kind: Any, y: Any, z: Any) -> dict[str, Any]:
    import jax

    jax.config.update("jax_enable_x64", True)
    made = kind()
    y = y.astype(int) if hasattr(made, "class_weight") else y
    value, back = jax.vjp(lambda z: made(z, y), z)
    return {"value": value, "gradient": back(jax.numpy.ones_like(value))[0]}


def from_keras(kind: Any, y: Any, z: Any) -> dict[str, Any]:
    import torch

    free = torch.tensor(z, requires_grad=True)
    value = kind(reduction=None, dtype="float64")(torch.tensor(y), free)
    (gradient,) = torch.autograd.grad(value.sum(), free)
    return {"value": value.detach().numpy(), "gradient": gradient.numpy()}


def faults(host: str, folder: Path) -> Iterator[str]:
    """One line for each number of each exported file that is off."""
    import numpy as np

    rows = np.load(folder / "rows.npz")
    for path in sorted(folder.glob("*.py")):
        name = path.stem
        found = answers(host, loaded(path), name, rows[f"{name}.y"], rows[f"{name}.z"])
        for what, got in found.items():
            wrong = off(got, rows[f"{name}.{what}"], 1e-8)
            if wrong:
                yield f"{name} {what}: {wrong}"


class Absent:
    """lossmith, where it is not installed."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if name.split(".")[0] == "lossmith":
            raise ModuleNotFoundError(f"no module named {name!r}: an exported file stands alone")


if __name__ == "__main__":
    sys.path.append(sys.argv[3])  # without its .pth files, through which an editable lossmith would be found
    sys.meta_path.insert(0, Absent())
    lines = list(faults(sys.argv[1], Path(sys.argv[2])))
    assert "lossmith" not in sys.modules
    print("\n".join(lines) or "nothing is off")
