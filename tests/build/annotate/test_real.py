"""Real worklists, annotated by a server that answers by a fixed rule: what is tested is the pipeline, not a model."""

import json
import re
import resource
from itertools import pairwise

import pytest

from build.readers import find_reader
from build.reading import read, release
from build.validate import validate
from tests.build.annotate.driver import REGISTRY, say
from tests.build.annotate.truth import call, lines
from tests.double.server import Double

LABELS = ("社会", "文芸", "学問", "技術", "自然")
pytestmark = pytest.mark.slow


def text_of(messages):
    return json.loads(messages[-1]["content"])["text"]


def test_every_scnm_sentence_gets_its_class(real_data, tmp_path):
    read(find_reader("scnm"), real_data / "stockmark-ner" / "ner.json", tmp_path / "scnm", REGISTRY, {})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with Double(lambda messages, *_: say(label=LABELS[len(text_of(messages)) % 5]), record=False) as double:
        call(tmp_path / "scnm" / "worklist.jsonl", tmp_path / "annotated", double, "--concurrency", "256")
        assert sum(double.billed.values()) == 5_343
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 100 * 1024, "KiB: memory does not follow the number of rows"
    records = lines(tmp_path / "annotated" / "records.jsonl")
    given = lines(tmp_path / "scnm" / "worklist.jsonl")
    assert records == [{**row, "label": LABELS[len(row["text"]) % 5]} for row in given]
    release([tmp_path / "annotated" / "records.jsonl"], tmp_path / "release" / "mmm", REGISTRY, "auto")
    assert not validate(tmp_path / "release" / "mmm", REGISTRY).errors


def test_livedoor_snippets_get_relations_or_events(real_data, tmp_path):
    read(find_reader("tcree"), real_data / "livedoor", tmp_path / "tcree", REGISTRY, {})

    def answer(messages, *_):
        names = re.findall(r"[ァ-ヶー]{3,}", text_of(messages))
        if '"head"' in messages[0]["content"]:
            return say(items=[{"head": a, "label": "一部", "tail": b} for a, b in pairwise(names[:2])])
        return say(items=[{"subject": name, "label": "開催", "object": None, "time": None} for name in names[2:5]])

    with Double(answer, record=False) as double:
        call(tmp_path / "tcree" / "worklist.jsonl", tmp_path / "out", double, "--word", "any", "--sample", "400")
    records = lines(tmp_path / "out" / "records.jsonl")
    assert len(records) == 400 and not lines(tmp_path / "out" / "worklist.jsonl")
    assert {row["word"] for row in records} == {"Relation Extraction", "Event Extraction"}
    assert any(not row["items"] for row in records)
    release([tmp_path / "out" / "records.jsonl"], tmp_path / "release" / "mmm", REGISTRY, "auto")
    assert not validate(tmp_path / "release" / "mmm", REGISTRY).errors


def test_reviews_get_sentiment_words(real_data, tmp_path):
    options = {"lexicon": str(real_data / "ja-polarity-tohoku")}
    read(find_reader("scpos"), real_data / "jrte-pn" / "pn.tsv", tmp_path / "scpos", REGISTRY, options)

    def answer(messages, *_):
        words = re.findall(r"[一-龠]{2,}", text_of(messages))
        return say(items=[{"label": "中立", "text": word} for word in words])

    with Double(answer, record=False) as double:
        worklist = tmp_path / "scpos" / "records.jsonl"
        call(worklist, tmp_path / "out", double, "--task", "scpos_rw", "--sample", "400")
    records = lines(tmp_path / "out" / "records.jsonl")
    assert len(records) == 400 and {row["task"] for row in records} == {"scpos_rw"}
    for row in records:
        texts = [item["spans"][0]["text"] for item in row["items"]]
        assert texts == re.findall(r"[一-龠]{2,}", row["text"])
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["left_out"] == {"not_sampled": 4_224 - 400, "same_source_item": 2 * 4_224}


@pytest.mark.parametrize(
    "source, path", [("crossner", "universalner-crossner"), ("slimer", "pile-ner-slimer/validation.jsonl")]
)
def test_passages_get_one_spelling_of_a_field(real_data, tmp_path, source, path):
    read(find_reader("tconer"), real_data / path, tmp_path / source, REGISTRY, {})
    spelled = ("Computer Science", "computer science", "Computer-Sciences", "Literature")

    def answer(messages, *_):
        return say(label=spelled[len(text_of(messages)) % 4])

    with Double(answer, record=False) as double:
        call(tmp_path / source / "worklist.jsonl", tmp_path / "out", double, "--level", "text")
    records = lines(tmp_path / "out" / "records.jsonl")
    assert len(records) > 800 and len({row["label"] for row in records}) == 2
