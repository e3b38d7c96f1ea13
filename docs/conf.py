"""How Sphinx builds this documentation: Markdown through MyST, the theme furo, nothing fetched from anywhere."""

from importlib.metadata import version as installed

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
html_copy_source = False
