"""A loss is one declaration: a toy one, declared here, is accepted everywhere with nothing else touched."""

from __future__ import annotations

import numpy as np
import pytest

import lossmith
from lossmith import residual
from lossmith.domain import positive
from lossmith.loss import Loss


class Kettle(Loss, lift=residual):
    """A toy: squares that fade into a logarithm."""

    formula = "heat*log(1 + r**2/(2*heat))"
    heat: float = positive(2.0, "residual², in units of scale², at which the loss fades")
    cite = "nobody"


RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3))
Y = X @ [1.0, -2.0, 0.5] + 0.1 * RNG.standard_t(2, size=300)


def test_kernels() -> None:
    toy = Kettle(heat=3.0)
    for backend in ("numpy", "llvm"):
        assert "heat" in toy.source(backend)
    z = np.zeros(2000)
    assert np.allclose(toy.value(np.full(2000, 2.0), z), 3 * np.log(1 + 4 / 6))
    assert np.allclose(toy.gradient(np.full(2000, 2.0), z), -2 / (1 + 4 / 6))


def test_laws() -> None:
    from laws import LAWS

    for law in LAWS.values():
        if law.__name__ != "returns":
            law(Kettle())


def test_facts_and_start() -> None:
    facts = Kettle().facts()
    assert facts["convex"].holds is False and facts["twice"].holds
    assert facts["bounded influence"].holds and facts["majorant"].holds
    assert abs(Kettle().start([0.0, 0.1, -0.1, 50.0])) < 0.2


def test_fit() -> None:
    model = lossmith.LinearRegressor(loss=Kettle(), alpha=0.0, scale="mad").fit(X, Y)
    assert model.solution_.converged
    assert np.allclose(model.coef_, [1, -2, 0.5], atol=0.05)


def test_listing_and_page(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    from pathlib import Path

    from lossmith import catalogue

    # a declaration in one of the catalogue's own files is found by looking at the classes in it
    monkeypatch.setattr(catalogue.regression, "Kettle", Kettle, raising=False)
    monkeypatch.setattr(Kettle, "__module__", catalogue.regression.__name__)
    catalogue.losses.cache_clear(), catalogue._index.cache_clear()
    try:
        assert lossmith.losses()["Kettle"] is Kettle and lossmith.Kettle is Kettle
        assert lossmith.loss("kettle", heat=1.0) == Kettle(1.0)
        monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "docs"))
        page = __import__("loss_pages").page(Kettle())
        assert "squares that fade" in page and "heat" in page
        sys.modules.pop("loss_pages")
    finally:
        monkeypatch.undo()
        catalogue.losses.cache_clear(), catalogue._index.cache_clear()


def test_choose() -> None:
    choice = lossmith.choose(X, Y, losses=["squared", Kettle()], seed=0)
    assert {line["loss"].split("(")[0] for line in choice.table} == {"Squared", "Kettle"}
