"""Plots: the same bytes whatever the machine's settings, readable in all languages, none that shows nothing."""

import struct

import pytest

from cards.built import kept_by_config
from cards.fonts import Fonts, fonts_for
from cards.labels import Entry
from cards.plot_labels import _name
from cards.plots import alt_texts, draw
from cards.recorded import read_manifest
from cards.stats import stats
from mmm_dataset import load
from mmm_dataset.files import pretty
from mmm_dataset.registry import Label
from tests.cards.trees import make_own

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def chunks(data):
    assert data.startswith(SIGNATURE)
    at = len(SIGNATURE)
    while at < len(data):
        (size,) = struct.unpack(">I", data[at : at + 4])
        yield data[at + 4 : at + 8].decode(), data[at + 8 : at + 8 + size]
        at += size + 12


def test_the_same_bytes_whatever_the_settings(demo, tmp_path, monkeypatch):
    import matplotlib as mpl

    monkeypatch.setitem(mpl.rcParams, "font.size", 31)
    monkeypatch.setitem(mpl.rcParams, "savefig.facecolor", "black")
    names = ["sizes.png", "labels.png", "lengths.png", "yields.png"]
    assert [path.name for path in draw(demo[0], demo[1], tmp_path)] == names
    for name in names:
        assert (tmp_path / name).read_bytes() == (demo[0] / "plots" / name).read_bytes(), name
    assert mpl.rcParams["font.size"] == 31


def test_no_picture_says_when_or_by_what_it_was_made(demo):
    for path in sorted((demo[0] / "plots").iterdir()):
        kinds = {kind for kind, _ in chunks(path.read_bytes())}
        assert kinds <= {"IHDR", "pHYs", "IDAT", "IEND"}, path
        width, height = struct.unpack(">II", next(chunks(path.read_bytes()))[1][:8])
        assert 800 <= width <= 1300 and height <= 3000


def test_every_label_of_the_registry_can_be_read():
    found = fonts_for(label.label for label in load().labels)
    assert not found.missing
    assert found.families[0] == "Noto Sans SC"


def test_other_scripts_are_looked_for_and_what_nobody_has_is_known():
    found = fonts_for(["Seoul", "\U000f0000"])
    assert found.missing == {"\U000f0000"} and found.can("Seoul") and not found.can("a\U000f0000")


def test_a_label_that_cannot_be_shown_gets_its_english_name():
    poor = Fonts(("DejaVu Sans",), frozenset("文芸艺"))
    spellings = {"ja": "文芸", "en": "Literature", "zh": "文艺"}
    entry = Entry(
        "literature", {code: Label("s", "literature", code, text, (), "ours") for code, text in spellings.items()}
    )
    assert _name(entry, poor) == "Literature"
    del entry.labels["en"]
    assert _name(entry, poor) == "literature"
    assert _name(Entry("文"), poor) == r"\u6587"
    assert _name(Entry("$5 $6"), poor) == r"\$5 \$6"
    assert len(_name(Entry("x" * 100), poor)) < 50


def test_a_plot_with_nothing_to_show_is_not_made_and_an_old_one_goes(tmp_path):
    (tmp_path / "yields.png").write_bytes(b"old")
    folder = tmp_path / "own"
    folder.mkdir()
    own, mine = make_own(folder)
    manifest = read_manifest(own)
    manifest["steps"].pop("ko_mine-en")
    (own / "manifest.json").write_text(pretty(manifest))
    assert [path.name for path in draw(own, mine, tmp_path)] == ["sizes.png", "labels.png", "lengths.png"]
    assert not (tmp_path / "yields.png").exists()


@pytest.mark.parametrize("tree", ["demo", "own"])
def test_every_plot_has_words_that_tell_its_figures(tree, request):
    folder, registry = request.getfixturevalue(tree)
    found = stats(folder)
    words = alt_texts(found, registry, kept_by_config(list(found), read_manifest(folder)["steps"], registry))
    assert {path.stem for path in (folder / "plots").iterdir()} == set(words)
    assert f"{len(found)} configs" in words["sizes"]
    if tree == "demo":
        assert words["yields"].endswith("in the paper from 39 % (zh_scpos_n) to 96 % (en_tcree).")
