"""The embedded corpus: every row is right in form, aligned over languages, and clean in script."""

import csv
import re
from collections import Counter

import pytest

from build.core import KitError
from build.files import read_json_lines
from build.markup import untag
from build.readers import demo
from mmm_dataset import decode, encode, load

KANA = re.compile("[\u3041-\u3096\u30a1-\u30fa\u30fc\u31f0-\u31ff\uff66-\uff9f]")
CJK = re.compile("[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff01-\uffef]")
FILES = ["scnm", "scpos", "scpos_rw", "tcree", "tconer"]
TRAITS = {"no_item", "repeated_item", "separator_in_entity", "kanji_only", "nested", "two_labels", "long"}


@pytest.fixture(scope="module")
def corpus():
    return list(demo.read(demo.FOLDER, load()))


@pytest.fixture(scope="module")
def lines():
    return {name: [line for _, line in read_json_lines(demo.FOLDER / f"{name}.jsonl")] for name in FILES}


def test_at_least_forty_rows_in_each_of_21_configs(corpus):
    counts = Counter(record.config for record in corpus)
    assert set(counts) == set(load().configs) and min(counts.values()) >= 40 and len(corpus) >= 840
    assert {record.origin for record in corpus} == {"demo"} and {r.licence for r in corpus} == {"CC-BY-4.0"}


def test_every_row_survives_the_round_trip(corpus):
    for record in corpus:
        read = decode(encode(record)[1], record.word, text=record.text)
        assert read.label == record.label and read.issues == ()
        assert [(i.label, [s.text for s in i.spans]) for i in read.items] == [
            (i.label, [s.text for s in i.spans]) for i in record.items
        ]


def test_labels_are_of_the_sets(corpus):
    registry = load()
    for record in corpus:
        config = registry.config(record.config)
        texts, words = registry.text_labels(config), registry.word_labels(config, record.word)
        assert texts is None or record.label in texts
        assert words is None or all(item.label in words for item in record.items)


def test_rows_are_aligned_over_languages(corpus):
    rows = {}
    for record in corpus:
        rows.setdefault((record.task, record.source_id), {})[record.language] = record
    registry = load()
    for (task, _), by_language in rows.items():
        assert set(by_language) == {"ja", "en", "zh"}
        pivot = by_language["ja"]
        for language in ("en", "zh"):
            record = by_language[language]
            assert record.word == pivot.word and len(record.items) == len(pivot.items)
            assert [item.source_item for item in record.items] == list(range(len(record.items)))
            label_set = registry.task(task).word_labels.get(record.word)
            if label_set:
                keys = [registry.label_set(label_set, language)[item.label] for item in record.items]
                assert keys == [registry.label_set(label_set, "ja")[item.label] for item in pivot.items]


def test_no_japanese_residue(corpus):
    for record in corpus:
        strings = [
            record.text,
            record.label,
            *(i.label for i in record.items),
            *(s.text for i in record.items for s in i.spans),
        ]
        if record.language == "zh":
            assert not any(map(KANA.search, strings)), record.id
            # A kana test is blind to kanji: Japanese-only characters do not fit the character set of simplified Chinese.
            han = "".join(re.findall("[\u4e00-\u9fff]", "".join(strings)))
            assert han.encode("gb18030") and not set(han) & set("発気対図売価駅円広県観経転歳楽応辺続団関総")
        if record.language == "en":
            assert not any(map(CJK.search, strings)), record.id
        if record.language == "ja":
            han = "".join(re.findall("[\u4e00-\u9fff]", "".join(strings)))
            assert han.encode("euc_jp"), record.id


def test_spans_hug_their_words(lines):
    for rows in lines.values():
        for line in rows:
            for language in ("ja", "en", "zh"):
                text, spans = untag(line[language])
                for start, end in spans.values():
                    assert text[start:end].strip(' 　「」『』《》“”"') == text[start:end], (line["id"], text[start:end])


def test_labels_are_balanced(lines):
    for name in ("scnm", "scpos", "scpos_rw", "tcree"):
        counts = Counter(line["label"] for line in lines[name])
        assert max(counts.values()) - min(counts.values()) <= 1, (name, counts)


def test_the_hard_cases_are_there(lines):
    for name, rows in lines.items():
        held = Counter(trait for line in rows for trait in line["traits"])
        assert all(held[trait] >= 2 for trait in TRAITS), (name, TRAITS - set(held))
    words = {"tuples": 0, "relation": 0, "event": 0}
    for line in lines["tcree"]:
        for entry in line["tuples"]:
            words["relation" if "relation" in entry else "event"] += 1
    assert words["relation"] >= 20 and words["event"] >= 20


def test_traits_say_the_truth(lines):
    for name, rows in lines.items():
        for line in rows:
            text, spans = untag(line["ja"])
            entities = [text[a:b] for a, b in spans.values()]
            if "no_item" in line["traits"]:
                assert not line["items"], line["id"]
            if "separator_in_entity" in line["traits"]:
                assert any(set(e) & set(":;") for e in entities), line["id"]
            if "kanji_only" in line["traits"]:
                assert entities and not any(map(KANA.search, entities)), line["id"]
            if "nested" in line["traits"]:
                pairs = [(a, b) for a in spans.values() for b in spans.values()]
                assert any(a != b and a[0] <= b[0] and b[1] <= a[1] for a, b in pairs), line["id"]
            if "two_labels" in line["traits"] and name != "tcree":
                assert len(set(spans.values())) < len(spans), line["id"]


def test_every_row_was_read_twice(lines):
    with (demo.FOLDER / "review.csv").open(encoding="utf-8", newline="") as file:
        review = {row["id"]: row for row in csv.DictReader(file)}
    assert set(review) == {line["id"] for rows in lines.values() for line in rows}
    for row in review.values():
        assert {row["pass_a"], row["pass_b"]} <= {"ok", "fix"}
        if "fix" in (row["pass_a"], row["pass_b"]):
            assert row["problem"] and row["resolution"] and row["reason"], row["id"]


def test_a_broken_row_is_named(tmp_path):
    for name in FILES:
        (tmp_path / f"{name}.jsonl").write_bytes((demo.FOLDER / f"{name}.jsonl").read_bytes())
    with (tmp_path / "scpos.jsonl").open("a", encoding="utf-8") as file:
        file.write(
            '{"id": "x", "label": "positive", "items": {"1": "positive/adj"}, "ja": "a", "en": "a", "zh": "a"}\n'
        )
    with pytest.raises(KitError, match=r"scpos\.jsonl:45 \(ja\): tags \[\] do not fit the items \['1'\]"):
        list(demo.read(tmp_path, load()))
