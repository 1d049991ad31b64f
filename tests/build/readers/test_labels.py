"""What the readers of other people's data share: provenance, text-level labels, splits, closed label sets."""

from __future__ import annotations

from pathlib import Path

import pytest

from build.core import Drop, KitError
from build.readers.labels import TextLabels, check_record, split_of
from build.readers.provenance import resolve_provenance
from mmm_dataset import Item, Record, load

REGISTRY = load("xsid")


def test_a_source_is_named_and_has_a_license() -> None:
    given = resolve_provenance(REGISTRY, "wnut17", "CC-BY-4.0")
    assert (given.source, given.license, given.origin) == ("wnut17", "CC-BY-4.0", "own")
    assert resolve_provenance(REGISTRY, "own", "CC0-1.0").license == "CC0-1.0"
    assert resolve_provenance(REGISTRY, "xsid", None).license == "CC-BY-SA-4.0"
    for source, license, option in (
        (None, "CC0-1.0", "--source"),
        ("own", None, "--license"),
        ("wnut17", " ", "--license"),
        ("user", None, "--license"),
        ("xsid", "MIT", "--license"),
    ):
        with pytest.raises(KitError, match=option):
            resolve_provenance(REGISTRY, source, license)


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("en.test.conll", "test"),
        ("wnut17train.conll", "train"),
        ("en_ewt-ud-dev.iob2", "validation"),
        ("eng.testb.txt", "test"),
        ("NerTrain.conll", "train"),
        ("en.latest.conll", None),
        ("contest.conll", None),
        ("train-and-test.conll", None),
    ],
)
def test_a_split_is_a_whole_word_of_the_name(tmp_path: Path, name: str, split: str | None) -> None:
    assert split_of(tmp_path / name, tmp_path, None) is None
    if split is None:
        with pytest.raises(KitError, match="--split-from"):
            split_of(tmp_path / name, tmp_path, "file-name")
        return
    found = split_of(tmp_path / name, tmp_path, "file-name")
    assert found == split or (split == "validation" and found == "train")
    assert split_of(tmp_path / "test" / name, tmp_path, "folder") == "test"


def test_the_text_label_may_be_in_the_name_or_the_folder(tmp_path: Path) -> None:
    name = TextLabels.parse(None, "file-name")
    assert name.of_file(tmp_path / "en.it-life_hack.train.conll", tmp_path, "en") == "it-life_hack"
    with pytest.raises(KitError, match="--label-from"):
        name.of_file(tmp_path / "en.train.conll", tmp_path, "en")
    folder = TextLabels.parse(None, "folder")
    assert folder.of_file(tmp_path / "sport" / "a.conll", tmp_path) == "sport"
    with pytest.raises(KitError, match="--label-from"):
        folder.of_file(tmp_path / "a.conll", tmp_path)
    assert TextLabels.parse("weather/find", None).of_file(tmp_path / "a.conll", tmp_path) == "weather/find"
    comment = TextLabels.parse(None, "comment:domain")
    assert (comment.kind, comment.key, comment.of_file(tmp_path / "a.conll", tmp_path)) == ("comment", "domain", None)
    for label, label_from in (("a", "folder"), (" ", None), (None, "comment"), (None, "folder:x"), (None, "moon")):
        with pytest.raises(KitError, match="--label"):
            TextLabels.parse(label, label_from)
    with pytest.raises(KitError, match="--label-from"):
        TextLabels.parse(None, "column:2", ("file-name", "folder"))


def test_a_label_that_a_closed_set_lacks_stops_or_drops() -> None:
    def record(label: str | None, entity: str) -> Record:
        items = (Item.pair(entity, "Mia", 0, 3),)
        return Record("1", "en", "scnm", "NER", "Mia ran", label, items, "own", "own", "1", "CC0-1.0")

    assert isinstance(check_record(record(None, "Person"), REGISTRY, "a:1"), Record)
    for wrong in (record("Society", "PER"), record(None, "PER"), record("Sport", "Person")):
        with pytest.raises(KitError, match="a:1: .*--unknown-labels drop"):
            check_record(wrong, REGISTRY, "a:1")
        assert isinstance(check_record(wrong, REGISTRY, "a:1", "drop"), Drop)
    with pytest.raises(KitError, match="--unknown-labels x"):
        check_record(record(None, "Person"), REGISTRY, "a:1", "x")
