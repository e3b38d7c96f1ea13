"""How Sphinx builds this documentation: Markdown through MyST, formulas as MathML, nothing fetched from anywhere."""

from __future__ import annotations

from importlib.metadata import version as installed
from typing import Any

project = "lossmith"
author = "The lossmith developers"
copyright = "The lossmith developers"
release = version = installed("lossmith")

extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence", "dollarmath"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "lossmith"
html_static_path = ["_static"]
html_css_files = ["shapes.css"]
html_copy_source = False
html_math_renderer = "mathml"


def setup(app: Any) -> None:
    """Formulas become MathML while the pages are built, so that no reader's browser has to fetch a typesetter."""
    from docutils.nodes import SkipNode
    from docutils.utils.math.latex2mathml import tex2mathml

    def inline(translator: Any, node: Any) -> None:
        translator.body.append(tex2mathml(node.astext()))
        raise SkipNode

    def display(translator: Any, node: Any) -> None:
        translator.body.append(f"<div style='padding: 0.5em 0'>{tex2mathml(node.astext(), as_block=True)}</div>")
        raise SkipNode

    app.add_html_math_renderer("mathml", (inline, None), (display, None))
