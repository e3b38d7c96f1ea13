"""A formula as LaTeX keeps its meaning: brackets stand where a weaker sign is inside a stronger one."""

from __future__ import annotations

import pytest

from lossmith.formula import parse
from lossmith.latex import latex

CASES = {
    "r**2/2": r"\frac{r^{2}}{2}",
    "(r/c)**2": r"\left(\frac{r}{c}\right)^{2}",
    "log(r)**2": r"\left(\log\left(r\right)\right)^{2}",
    "(y - z)**2": r"\left(y - z\right)^{2}",
    "y - (z - r)": r"y - \left(z - r\right)",
    "delta*(abs(r) - delta/2)": r"\delta \, \left(\left|r\right| - \frac{\delta}{2}\right)",
    "-(a + b)": r"-\left(a + b\right)",
    "(-2)**y": r"\left(-2\right)^{y}",
    "where(r > 0, a, where(r < 0, b, c))": (
        r"\begin{cases} a & r > 0 \\ b & r < 0 \\ c & \text{otherwise} \end{cases}"
    ),
    "1 + where(r > 0, a, b)": r"1 + \left(\begin{cases} a & r > 0 \\ b & \text{otherwise} \end{cases}\right)",
}


@pytest.mark.parametrize(("formula", "expected"), CASES.items(), ids=list(CASES))
def test_brackets_stand_where_they_are_needed(formula: str, expected: str) -> None:
    assert latex(parse(formula)) == expected
