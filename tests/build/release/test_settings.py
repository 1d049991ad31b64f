"""release.yaml: what is released, and where a mistake is."""

import pytest

from build.core import KitError
from build.release.settings import SHIPPED, read_settings


def test_the_shipped_file_releases_what_the_main_command_makes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = read_settings(None)
    assert settings.dataset.tree == "release/mmm" and settings.models[0].folder == "release/oiellm-nano"
    assert settings.space.model == settings.models[0].name and not settings.affiliated
    assert read_settings(SHIPPED) == settings


def test_a_file_of_ones_own_and_overrides(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "release.yaml").write_text(
        "dataset:\n  tree: release/mine\n  name: news\nauthors: [Ann]\ncitation: mine.bib\n"
    )
    settings = read_settings(None)
    assert (settings.dataset.name, settings.metric, settings.models, settings.authors) == ("news", None, (), ("Ann",))
    with pytest.raises(KitError, match="mine.bib: the citation cannot be read"):
        settings.bibtex  # noqa: B018
    (tmp_path / "mine.bib").write_text("@misc{x}\n")
    assert settings.bibtex == "@misc{x}"
    assert read_settings(None, ["dataset.name=other", "authors=[]"]).dataset.name == "other"


@pytest.mark.parametrize(
    "text, message",
    [
        ("datset: 3\n", "release.yaml:1: datset: unknown key; did you mean dataset?"),
        ("dataset:\n  tree: x\n", "release.yaml:1: dataset.name: missing"),
        ("dataset:\n  tree: x\n  name: a/b\n", "release.yaml:3: dataset.name: expected text of the form"),
        ("space:\n  name: s\n  model: m\n", "release.yaml:1: space.model 'm' is none of the models: none"),
        (
            "models:\n- {folder: a, name: m}\n- {folder: b, name: m}\n",
            "release.yaml:1: two models have the same name",
        ),
        ("", "release.yaml:1: no release: it must have keys"),
    ],
)
def test_mistakes_name_their_line(tmp_path, text, message):
    path = tmp_path / "release.yaml"
    path.write_text(text)
    with pytest.raises(KitError) as error:
        read_settings(path)
    assert str(error.value).startswith(message)


def test_no_such_file(tmp_path):
    with pytest.raises(KitError, match="nowhere.yaml: cannot be read"):
        read_settings(tmp_path / "nowhere.yaml")
