"""Trees with plots, made once."""

import shutil

import pytest

from cards.plots import draw
from mmm_dataset import load
from tests.cards import models, trees


@pytest.fixture(scope="session")
def demo(demo_release, tmp_path_factory):
    """The embedded rows with plots; folder and registry."""
    folder = tmp_path_factory.mktemp("demo") / "mmm"
    shutil.copytree(demo_release, folder)
    draw(folder, load())
    return folder, load()


@pytest.fixture(scope="session")
def published(tmp_path_factory):
    """The made-up authors' files; folder and registry."""
    return trees.make_published(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="session")
def own(tmp_path_factory):
    """Somebody's own data, with plots; folder and registry."""
    folder, registry = trees.make_own(tmp_path_factory.mktemp("own"))
    draw(folder, registry)
    return folder, registry


@pytest.fixture(scope="session")
def model(demo_release, tmp_path_factory):
    """A model that learned a few rows by heart, with what `oiellm evaluate` says of it: the two folders, beside each other."""
    return models.make_model(demo_release, tmp_path_factory.mktemp("models"))
