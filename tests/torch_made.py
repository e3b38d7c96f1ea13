"""Modules and rows for the tests of PyTorch."""

from __future__ import annotations

from typing import Any

import pytest
from export_rows import drawn

import lossmith
from lossmith.catalogue import every

torch = pytest.importorskip("torch", reason="PyTorch is not installed (the extra `peers` brings it)")


def made(name: str, **options: Any) -> Any:
    """The module of a loss by its name."""
    return getattr(lossmith.torch, name)(**options)


def rows(name: str) -> tuple[Any, Any, Any, Any]:
    """A loss, its module, truths and raw predictions."""
    loss = every()[name]()
    y, z = drawn(loss)
    return loss, made(name, reduction="none"), torch.tensor(y), torch.tensor(z, requires_grad=True)
