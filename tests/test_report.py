"""The report: complete, self-contained, without scripts, and safe with hostile names."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lossmith
from lossmith.choose import charts
from lossmith.choose.caveats import caveats
from lossmith.choose.summary import weights
from lossmith.choose.svg import Frame, curve, picture, short, text, ticks
from lossmith.errors import FileError

HOSTILE = '<script>alert("x")</script>'
EVIL = "</style><img src=x onerror=alert(1)>{{ 7*7 }}"


class Elements(HTMLParser):
    """Every start tag with its attributes, and whether tags close in order."""

    void = frozenset({"meta", "br", "img", "link", "input", "hr"})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.balanced = True

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in self.void:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        self.balanced &= bool(self.open) and self.open.pop() == tag


@pytest.fixture(scope="module")
def numbers() -> Any:
    rng = np.random.default_rng(0)
    X = {HOSTILE: rng.normal(size=300), "kind": np.where(rng.random(300) < 0.4, EVIL, "b")}
    y = 2 * X[HOSTILE] + rng.standard_t(3, size=300)
    y[5] = 60.0
    X[EVIL] = y
    return lossmith.choose(X, EVIL, losses=["Huber", "Tukey", "abs(r)**1.5"], folds="2x3", trials=3)


@pytest.fixture(scope="module")
def classes() -> Any:
    rng = np.random.default_rng(0)
    X = {"a": rng.normal(size=200)}
    y = np.where(rng.random(200) < 1 / (1 + np.exp(-X["a"])), HOSTILE, EVIL)
    return lossmith.choose(X, y, losses=["Brier"], folds="3", trials=3)


def _page(choice: Any, tmp_path: Path) -> str:
    return choice.report(tmp_path / "r.html", command="lossmith choose 'x'; <b>").read_text()


def test_report_has_no_scripts_and_nothing_from_elsewhere(numbers: Any, classes: Any, tmp_path: Path) -> None:
    for k, choice in enumerate((numbers, classes)):
        folder = tmp_path / str(k)
        folder.mkdir()
        page = _page(choice, folder)
        elements = Elements()
        elements.feed(page)
        assert elements.balanced and not elements.open
        tags = {tag for tag, _ in elements.found}
        assert not tags & {"script", "img", "link", "iframe", "object", "form", "base", "a"}
        for _, attributes in elements.found:
            assert not {a for a in attributes if a.startswith("on") or a in ("src", "href", "style")}
        assert "http" not in page.replace("http-equiv", "")
        assert len(page.encode()) < 300_000


def test_hostile_names_are_shown_not_run(numbers: Any, tmp_path: Path) -> None:
    page = _page(numbers, tmp_path)
    assert "<script" not in page and "<img" not in page
    assert "&lt;/style&gt;&lt;img src=x onerror=alert(1)&gt;{{ 7*7 }}" in page


def test_policy_admits_exactly_the_one_style(numbers: Any, tmp_path: Path) -> None:
    page = _page(numbers, tmp_path)
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    style = re.search(r"<style>(.*?)</style>", page, re.S)
    assert policy and style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert policy[1].startswith(f"default-src 'none'; style-src 'sha256-{digest}'")
    assert "unsafe" not in policy[1]
    assert "prefers-color-scheme: dark" in style[1]


def test_report_says_everything(numbers: Any, classes: Any, tmp_path: Path) -> None:
    page = _page(numbers, tmp_path)
    for part in (
        "What is predicted, and how it is judged",
        "The target",
        "Differences to Squared",
        "The losses compared",
        "Their properties and shapes",
        "The rows that fit worst",
        "Caveats",
        "To repeat this",
        "lossmith.choose(",
        "seed",
    ):
        assert part in page, part
    assert page.count("<figure>") == 4
    assert numbers.verdict.sentence[1:20] in page
    folder = tmp_path / "classes"
    folder.mkdir()
    assert "probability of the truth" in _page(classes, folder)


def test_everything_that_can_be_asked_for_has_its_section(tmp_path: Path) -> None:
    """All sections at once, balanced and small. Fault: a condition of the template turned round."""
    rng = np.random.default_rng(0)
    X = {"a": rng.normal(size=240), "g": np.where(np.arange(240) % 2 == 0, EVIL, "b")}
    y = X["a"] + rng.normal(size=240)
    common: dict[str, Any] = {"by": "g", "folds": "3", "trials": 3}
    flips = lossmith.choose(X, y > 0, losses=["Brier"], threshold=0.3, contaminate="flips,boundary", **common)
    bad = lossmith.choose(X, y, losses=["Huber"], score="squared", contaminate="outliers,censored", **common)
    ordered = lossmith.choose(X, y, losses=["Huber"], time=np.arange(240), functional="median", **common)
    wanted = (
        (flips, ("Venn–Abers", "Acted on where the probability of 1 is above 0.3", "no convex potential does")),
        (bad, ("efficiency at<br>the normal law", "large targets recorded as a limit", "The mean of what came")),
        (
            ordered,
            ("No training rows were spoiled to see", "with the errors of Newey and West", "which should be 50 %"),
        ),
    )
    for k, (choice, parts) in enumerate(wanted):
        page = choice.report(tmp_path / f"{k}.html").read_text()
        elements = Elements()
        elements.feed(page)
        assert elements.balanced and not elements.open and len(page.encode()) < 300_000
        for part in (*parts, "Groups of rows by g", "fingerprint", "chosen inside each training fold", "proved"):
            assert part in page, part
        assert ("Acted on" in page) == (choice is flips) and "undefined" not in page.lower()


def test_the_worst_row_is_the_planted_one_and_the_robust_loss_ignores_it(numbers: Any) -> None:
    worst = numbers.to_json()["worst rows"][0]
    assert worst["row"] == 5
    assert worst["robust"] < 0.05
    assert worst["residual"] > 40


def test_twin_is_plain_json(numbers: Any, classes: Any) -> None:
    for choice in (numbers, classes):
        body = json.loads(json.dumps(choice.to_json(), default=float))
        assert body["verdict"]["answer"] in ("prefer", "equivalent", "undecided")
        assert body["losses"][0]["score"] <= body["losses"][-1]["score"]
        assert set(body["versions"]) >= {"Python", "lossmith", "numpy"}
        assert body["score of the best constant"] > body["losses"][0]["score"]


def test_code_to_repeat_runs(numbers: Any) -> None:
    from lossmith.choose.repeat import code

    source = code(numbers)
    model = source.split("model = ")[1]
    fitted = eval(model, {"lossmith": lossmith})
    assert fitted.loss == numbers.best
    compile(source, "report", "exec")


def test_caveats_follow_from_what_happened(numbers: Any) -> None:
    said = " ".join(caveats(numbers))
    assert "taken as independent" in said
    assert ("aims at" in said) == (numbers.winner.name != "Squared")
    rng = np.random.default_rng(0)
    noise = lossmith.choose({"a": rng.normal(size=60)}, rng.normal(size=60), losses=["Huber"], folds="3", trials=3)
    assert "few" in " ".join(caveats(noise))
    X = {"a": rng.normal(size=100)}
    copy = lossmith.choose(X, 3 * X["a"], losses=["Huber"], folds="3", trials=6)
    assert "almost perfect" in " ".join(caveats(copy))


def test_reports_are_never_overwritten_unasked(numbers: Any, tmp_path: Path) -> None:
    path = numbers.report(tmp_path / "r.html")
    path.write_text("mine")
    with pytest.raises(FileError, match=r"exists already; .* force=True"):
        numbers.report(path)
    assert path.read_text() == "mine"
    numbers.report(path, force=True)
    assert path.read_text().startswith("<!doctype html>")
    assert [p.name for p in tmp_path.iterdir()] == ["r.html"]
    with pytest.raises(FileError, match="no folder"):
        numbers.report(tmp_path / "none" / "r.html")


# Drawing


def test_ticks_are_round_and_inside() -> None:
    assert ticks(0, 10, 5) == [0, 2, 4, 6, 8, 10]
    assert ticks(-0.031, 0.052, 4) == [-0.025, 0.0, 0.025, 0.05]
    assert ticks(3, 3) == [3]
    for low, high in ((1e-9, 3e-9), (-5e8, 7e8)):
        assert all(low <= t <= high for t in ticks(low, high)) and 2 <= len(ticks(low, high)) <= 8


def test_marks_escape_and_stay_in_the_frame() -> None:
    frame = Frame(0, 0, 10, 10, 0, 1, 0, 1)
    assert "<b>" not in picture(10, 10, "<b>", [text(1, 1, "<b>")])
    drawn = str(curve(frame, np.array([0, 0.5, 1.0]), np.array([0.0, np.nan, 5.0]), "k"))
    assert drawn.count("M") == 1 and "nan" not in drawn
    assert short(-1234.5) == "−1,234" and short(0.00012346) == "0.0001235"


def test_every_loss_of_the_catalogue_can_be_drawn() -> None:
    for kind in lossmith.losses().values():
        drawing, names = charts.shape(kind(), 1.0, 2)
        assert "nan" not in str(drawing) and len(names) == 3


def test_a_percentage_is_drawn_at_one_truth_not_at_its_own() -> None:
    """Drawn at y = r and z = 0, |r|/|y| would be 1 everywhere."""
    name = "AbsolutePercentage"
    loss, plain = lossmith.losses()[name](), lossmith.losses()["Absolute"]()
    r = np.array([0.5, 1.0, 2.0, 4.0])
    np.testing.assert_allclose(weights(loss, r, 1.0), weights(plain, r, 1.0), rtol=1e-9)
    curves = [re.findall(r'class="curve \w+" d="([^"]*)"', str(charts.shape(one, 3.0, 2)[0])) for one in (loss, plain)]
    assert len(curves[0]) == 3 and curves[0] == curves[1]


def test_the_longest_name_has_room_beside_the_differences(numbers: Any) -> None:
    lines = [replace(line, name="W" * 80) if not line.default else line for line in numbers.lines]
    drawn = str(charts.forest(lines, lines[0], 0.01))
    labels = re.findall(r'<text x="([\d.]+)" y="[\d.]+" class="label end[^"]*">([^<]+)<', drawn)
    assert labels and all(len(words) * 7.4 <= float(x) for x, words in labels)
    assert all(len(words) >= len("HuberisedEpsilonInsensitive") for _, words in labels)


def test_names_without_spaces_are_broken_not_cut_off() -> None:
    style = files("lossmith.choose").joinpath("report.css").read_text(encoding="utf-8")
    assert re.search(r"^p \{ overflow-wrap: anywhere; \}", style, re.M)


def test_strict_json_reads_what_has_no_end() -> None:
    """A breakdown that no share of bad rows reaches is ∞, which the plain writer would spell as no JSON reader may."""
    from lossmith.choose.report import finite

    raw = {"breakdown": float("inf"), "curve": [1.0, float("nan")], "pair": (1, "x")}
    assert json.dumps(finite(raw), allow_nan=False) == '{"breakdown": null, "curve": [1.0, null], "pair": [1, "x"]}'
