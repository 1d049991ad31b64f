"""Fixtures for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_BESIDE = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real data: ``MMM_REAL_DATA``, else ``../shared/data`` beside the checkout; skips where there is none."""
    folder = Path(os.environ.get("MMM_REAL_DATA") or _BESIDE)
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is not there (set MMM_REAL_DATA)")
    return folder
