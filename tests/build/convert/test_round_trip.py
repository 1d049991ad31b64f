"""Out in a format and in again through its reader: the same records, or exactly the losses that were counted."""

from collections import Counter
from dataclasses import replace

import pytest

from build.convert import conll
from build.convert.command import convert
from build.convert.losses import Losses
from build.core import Note
from build.export import build_release
from build.readers import find_reader
from mmm_dataset import Item, Record, Span, load
from mmm_dataset.record import SPLITS
from oiellm.data import open_release
from tests.records import make_record

FOREIGN = ("gliner", "spacy", "doccano", "brat", "label-studio")
HARMLESS = {"offsets_assumed"}


def read_back(folder, to, config, registry, source):
    """Records of a converted config by id, and what was said of them; every other option is told by the rows."""
    language, task = config.split("_", 1)
    options = {"task": task, "language": language, "source": source}
    if source == "user":
        options["license"] = "CC-BY-4.0"
    reader, more = ("conll", {}) if to == "conll" else ("foreign", {"format": to})
    rows = list(find_reader(reader).read(folder / config, registry, **options, **more))
    notes = [row for row in rows if not isinstance(row, Record)]
    return {row.id: row for row in rows if isinstance(row, Record)}, notes


def kept(record):
    """A record as it should come back: no tool keeps the origin, the alignment or a published row's strings."""
    items = tuple(Item(item.label, item.spans, None, item.attributes) for item in record.items)
    return replace(record, origin="own", raw=None, items=items)


def rows(release, config):
    return [record for split in SPLITS for record in release.records(config, split)]


def differences(release, to, out, source, expected=kept):
    """How many rows of a release do not come back, by config."""
    found = Counter()
    for config in release.configs:
        wanted = {record.id: expected(record) for record in rows(release, config)}
        back, notes = read_back(out, to, config, release.registry, source)
        assert not [note for note in notes if not isinstance(note, Note) or note.reason not in HARMLESS], notes[:3]
        found[config] = sum(back.get(name) != record for name, record in wanted.items()) + len(
            back.keys() - wanted.keys()
        )
    return +found


@pytest.mark.parametrize("to", FOREIGN)
def test_the_embedded_corpus_comes_back(to, demo_release, tmp_path):
    release = open_release(demo_release, load())
    convert(release, to, None, tmp_path / to)

    def expected(record):
        relations = record.task == "tcree" and to == "spacy"
        return replace(kept(replace(record, items=())), items=None) if relations else kept(record)

    assert differences(release, to, tmp_path / to, "demo", expected) == {}


def test_conll_comes_back_but_for_what_was_counted(demo_release, tmp_path):
    release = open_release(demo_release, load())
    convert(release, "conll", None, tmp_path / "conll")
    lossy = 0
    for config in release.configs:
        if config.endswith("tcree"):
            assert not (tmp_path / "conll" / config).exists()
            continue
        back, _ = read_back(tmp_path / "conll", "conll", config, release.registry, "demo")
        for record in rows(release, config):
            losses = Losses()
            conll.to_block(record, release.registry, losses)
            same = back[record.id] == kept(record)
            assert same == (losses.kinds[config].keys() <= {"alignment"}), record.id
            lossy += not same
    assert 0 < lossy < 250


@pytest.mark.slow
@pytest.mark.parametrize("to", [*FOREIGN, "conll"])
def test_ner_wikipedia_comes_back(to, real_data, tmp_path):
    registry = load()
    found = find_reader("scnm").read(real_data / "stockmark-ner/ner.json", registry)
    records = (replace(row, label="社会") for row in found if isinstance(row, Record))
    build_release(records, tmp_path / "release", registry, inputs={"ner.json": "0" * 64})
    release = open_release(tmp_path / "release", registry)
    summary = convert(release, to, None, tmp_path / to)
    assert len(summary.splitlines()) == 2, f"nothing is lost: {summary}"
    assert sum(release.size("ja_scnm", split) for split in SPLITS) == 5343
    reasons = {"columns", "file", "scheme"} if to == "conll" else HARMLESS
    back, notes = read_back(tmp_path / to, to, "ja_scnm", registry, "stockmark-ner")
    assert {note.reason.split(":")[0] for note in notes} <= reasons
    assert back == {record.id: kept(record) for record in rows(release, "ja_scnm")}


REGISTRY = """[language.en]
name = "English"

[task_word]
"Typed Relation" = ["head", "@head_type", "LABEL", "tail", "@tail_type"]
Opinion = ["aspect?", "@category", "LABEL", "opinion?"]

[task.mine]
title = "Mine"
description = "Relations and opinions"
family = "mine"
words = ["Typed Relation", "Opinion"]

[config.en_mine]
language = "en"
task = "mine"
version = "1.0.0"
"""
TEXT = "Kim runs Acme; Ms Kim\nlikes the old plant."


def span(text, role):
    return Span(text, TEXT.index(text), TEXT.index(text) + len(text), role)


@pytest.fixture
def own_release(tmp_path):
    """Relations with types and two mentions of an argument; opinions with a category and an absent argument."""
    (tmp_path / "my.toml").write_text(REGISTRY)
    registry = load(str(tmp_path / "my.toml"))
    types = (("head_type", "PER"), ("tail_type", "ORG|CO"))
    relation = Item("works for", (span("Kim", "head"), span("Acme", "tail")), None, types)
    mentions = Item("works for", (span("Kim", "head"), span("Ms Kim", "head"), span("Acme", "tail")), None, types)
    opinion = Item(
        "good", (span("old plant", "aspect"), span("Kim\nlikes", "opinion")), None, (("category", "SITE general"),)
    )
    alone = Item("bad", (span("plant", "aspect"),), None, (("category", "SITE"),))
    more = {"task": "mine", "language": "en", "label": "news", "origin": "own", "source": "user"}
    records = [
        make_record(TEXT, [relation, mentions], id="a", word="Typed Relation", **more),
        make_record(TEXT, [opinion, alone], id="b", word="Opinion", **more),
    ]
    build_release(records, tmp_path / "release", registry, inputs={"x.jsonl": "0" * 64})
    return open_release(tmp_path / "release", registry)


def test_brat_keeps_attributes_and_mentions(own_release, tmp_path):
    convert(own_release, "brat", None, tmp_path / "brat")
    back, _ = read_back(tmp_path / "brat", "brat", "en_mine", own_release.registry, "user")
    expected = {record.id: record for record in rows(own_release, "en_mine")}
    assert back["b"].items == expected["b"].items
    for found, wanted in zip(back["a"].items, expected["a"].items, strict=True):
        assert (found.label, set(found.spans)) == (wanted.label, set(wanted.spans))
        assert found.attributes[0] == ("head_type", "PER")


@pytest.mark.parametrize("to", ["doccano", "gliner", "label-studio"])
def test_types_of_arguments_are_labels_of_their_entities(to, own_release, tmp_path):
    convert(own_release, to, None, tmp_path / to)
    back, _ = read_back(tmp_path / to, to, "en_mine", own_release.registry, "user")
    wanted = {record.id: record for record in rows(own_release, "en_mine")}["a"].items[0]
    assert back["a"].items == (wanted, wanted), "the second mention is counted, and left out"
