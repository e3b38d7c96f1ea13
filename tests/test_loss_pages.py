"""The page of a loss is made from its declaration: a loss that nobody has seen gets one as well."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

import lossmith
from lossmith.domain import positive
from lossmith.lifts import residual
from lossmith.loss import Loss

SCRIPT = Path(__file__).parents[1] / "docs" / "loss_pages.py"


class Bent(Loss, lift=residual):
    """Bends at a | b.

    A second paragraph.
    """

    formula = "where(abs(r) <= a, r**2/2, a*abs(r) - a**2/2)"
    a: float = positive(2.5, "where it bends")
    cite = "Nobody 2001"


@pytest.fixture(scope="module")
def pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("loss_pages", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_page_says_all_that_the_declaration_says(pages: ModuleType) -> None:
    loss = Bent()
    text = pages.page(loss)
    assert text.startswith("# Bent\n\nBends at a | b.\n\nA second paragraph.\n\nSource: Nobody 2001.\n")
    for part in (loss.latex(), loss.formula, "Lift: `residual`", "| `a` | 2.5 | a number > 0 | where it bends |"):
        assert part in text
    assert loss.source("numpy").strip() in text
    for fact in loss.facts().values():
        assert f"| {fact.name} | {fact.verdict} |" in text


def test_a_loss_without_parameters_has_no_empty_table(pages: ModuleType) -> None:
    assert "## Parameters" not in pages.page(lossmith.Squared())


def test_a_bar_stays_within_its_cell(pages: ModuleType) -> None:
    assert pages.cell("a | b\nc") == "a \\| b c"


def test_every_loss_gets_its_page_and_its_line(pages: ModuleType, tmp_path: Path) -> None:
    chosen = {name: lossmith.losses()[name] for name in ("Huber", "Logistic", "Poisson", "CrossEntropy")}
    assert pages.write(tmp_path, {**chosen, "Bent": Bent}) == 5
    index = (tmp_path / "index.md").read_text(encoding="utf-8")
    for name in (*chosen, "Bent"):
        assert (tmp_path / f"{name}.md").read_text(encoding="utf-8").startswith(f"# {name}\n")
        assert f"| [{name}]({name}.md) | " in index
    assert index.index("[Bent]") < index.index("[Huber]") < index.index("(`margin`)")


def test_curves_and_names_elsewhere_are_on_the_page(pages: ModuleType) -> None:
    """One line of SVG, so that Markdown neither ends it nor makes paragraphs of it; nothing where there is nothing."""
    text, nobody = pages.page(lossmith.Huber()), pages.page(Bent())
    figure = next(line for line in text.splitlines() if line.startswith("<figure"))
    assert figure.count('class="curve') == 3 and "ρ(r), ψ(r), weight</figcaption></figure>" in figure
    assert "| scikit-learn 1.9 | `HuberRegressor(epsilon=1.345)` |" in text
    assert "<figure" in nobody and "## In other libraries" not in nobody
    row = pages.entry(lossmith.Huber())
    assert row.count("|") == 3 and "<svg" in row and "\n" not in row


def test_every_lift_has_words_for_its_heading(pages: ModuleType) -> None:
    from lossmith.cli.showing import HEADS

    index = pages.index([kind() for kind in (lossmith.Huber, lossmith.losses()["Hinge"])])
    assert "## Residual losses, of r = y − z (`residual`)\n" in index
    assert {kind().lift.name.partition("(")[0] for kind in pages.every().values()} == set(HEADS)


def test_losses_of_several_outputs_have_pages(pages: ModuleType, tmp_path: Path) -> None:
    """Catches pages that are written for the losses of one output only."""
    from lossmith.catalogue import every

    chosen = {name: every()[name] for name in ("GaussianNLL", "CensoredNormal", "CumulativeLogit", "RankNet")}
    assert pages.write(tmp_path, chosen) == 4
    text = (tmp_path / "GaussianNLL.md").read_text(encoding="utf-8")
    assert "Raw outputs: `mu`, `log_sigma`." in text and "def kernel(y, mu, log_sigma)" in text
    index = (tmp_path / "index.md").read_text(encoding="utf-8")
    assert "## Whole distributions and bands, of several raw outputs a row (`several`)\n" in index
    assert "<svg" not in index  # no curve of one number
    assert pages.every() == every()
