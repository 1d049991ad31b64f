"""Fixtures for all tests."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from hypothesis import settings

# The same examples on every run, whatever the machine's speed; HYPOTHESIS_PROFILE=explore looks further.
settings.register_profile("kit", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=2_000, deadline=None)
# Workers share the cores: two threads each would wait for one another. Child processes inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Tests are offline: a look-up on a Hub fails at once instead of being tried again and again.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "kit"))

_BESIDE = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data_folder() -> Path:
    """Where the real data are looked for: ``MMM_REAL_DATA``, else ``../shared/data`` beside the checkout."""
    return Path(os.environ.get("MMM_REAL_DATA") or _BESIDE)


@pytest.fixture(scope="session")
def real_data(real_data_folder: Path) -> Path:
    """Folder of the real data; skips where there is none."""
    if not real_data_folder.is_dir():
        pytest.skip(f"no real data: {real_data_folder} is not there (set MMM_REAL_DATA)")
    return real_data_folder


@pytest.fixture(scope="session")
def demo_release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a release of the embedded corpus, built once; tests that change it work on a copy."""
    from build.export import build_release
    from build.readers import demo
    from mmm_dataset import load

    out = tmp_path_factory.mktemp("release") / "mmm"
    build_release(demo.read(demo.FOLDER, load()), out, load(), inputs={"x.jsonl": "0" * 64})
    return out


def pytest_configure() -> None:
    """A shell that starts the tests in the background makes them deaf to Ctrl-C, which some of them press."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
