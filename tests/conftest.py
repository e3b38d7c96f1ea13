"""What every test shares: a cache of its own, and how hard hypothesis tries."""

from __future__ import annotations

import os
import shutil
import tempfile

import pytest
from hypothesis import settings

# Set before any test imports lossmith; the workers of pytest-xdist inherit it, so that they share one cache.
if "PYTEST_XDIST_WORKER" not in os.environ:
    os.environ["LOSSMITH_CACHE_DIR"] = tempfile.mkdtemp(prefix="lossmith-tests-")

settings.register_profile("default", deadline=None, derandomize=True)
settings.register_profile("nightly", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_unconfigure(config: pytest.Config) -> None:
    """Remove the cache once the whole session, not one worker, is over."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        shutil.rmtree(os.environ["LOSSMITH_CACHE_DIR"], ignore_errors=True)
