"""Data of other tools: what each format says beyond spans, how a file is told, and what is refused."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from build.core import KitError
from build.readers import foreign
from mmm_dataset import Record, load
from mmm_dataset.files import dump
from tests.build.readers.collect_rows import Rows, collect, pairs

REGISTRY_TEXT = """
[task_word]
Typed = ["head", "@head_type?", "LABEL", "tail", "@tail_type?"]
Move = ["trigger", "LABEL", "agent?", "goal?"]
[task.mine]
title = "Mine"
description = "Entities, relations and events"
family = "mine"
words = ["NER", "Typed", "Move"]
[task.entities]
title = "Mine"
description = "Entities"
family = "mine"
words = ["NER"]
[config]
en_mine = { language = "en", task = "mine", version = "1.0.0" }
en_entities = { language = "en", task = "entities", version = "1.0.0" }
"""


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Write files (bytes, text, or JSON) and read them."""
    (tmp_path / "my.toml").write_text(REGISTRY_TEXT)
    registry = load("ner-only", str(tmp_path / "my.toml"))

    def run(files: dict[str, Any], **options: str) -> Rows:
        for name, content in files.items():
            path = tmp_path / "data" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            text = content if isinstance(content, (str, bytes)) else json.dumps(content)
            path.write_bytes(text.encode() if isinstance(text, str) else text)
        named = {"task": "entities", "language": "en", "source": "own", "license": "CC0-1.0"} | options
        return collect(foreign.read(tmp_path / "data", registry, **named))

    return run


def spans(record: Record) -> list[Any]:
    return [
        (item.label, {span.role: span.text for span in item.spans}, dict(item.attributes))
        for item in record.items or ()
    ]


MIA = {"text": "Mia ran.", "label": [[0, 3, "PER"]]}
ROWS: dict[str, Any] = {
    "doccano": MIA,
    "langextract": {"text": "Mia ran.", "extractions": [{"extraction_class": "PER", "extraction_text": "Mia"}]},
    "spacy": ["Mia ran.", {"entities": [[0, 3, "PER"]]}],
    "gliner2": {"text": "Mia ran.", "schema": {"entities": {"PER": ["Mia"]}}},
    "gliner": {"tokenized_text": ["Mia", "ran."], "ner": [[0, 0, "PER"]]},
    "hf-tokens": {"tokens": ["Mia", "ran."], "ner_tags": ["S-PER", "O"]},
    "uie": {"content": "Mia ran.", "result_list": [{"text": "Mia", "start": 0, "end": 3}], "prompt": "PER"},
    "iepile": {"instruction": '{"schema": ["PER"], "input": "Mia ran."}', "output": '{"PER": ["Mia"]}'},
    "label-studio": {"id": 1, "text": "Mia ran.", "ner": [{"start": 0, "end": 3, "text": "Mia", "labels": ["PER"]}]},
    "universalner": {"input": "Mia ran.", "tagName": "PER", "output": '["Mia"]', "doc_question_pairID": "1:0"},
}


@pytest.mark.parametrize("name", ROWS)
def test_the_format_is_told_by_the_file_however_it_is_packed(name: str, read: Any) -> None:
    text = json.dumps(ROWS[name])
    packed = {
        "bom.jsonl": "\ufeff" + text + "\r\n\r\n",
        "array.json": json.dumps([ROWS[name]], indent=1),
        "zip.jsonl.gz": gzip.compress(text.encode()),
        "one.json": json.dumps(ROWS[name], indent=2),
    }
    rows = read(packed)
    assert [pairs(record) for record in rows.records] == [[("PER", "Mia")]] * len(packed)
    assert {record.text for record in rows.records} == {"Mia ran."} and not rows.drops


def test_text_level_labels(read: Any) -> None:
    task = {"data": {"text": "Mia ran.", "topic": "sport"}, "annotations": [{"result": []}]}
    fields = [
        {"type": "choices", "from_name": name, "value": {"choices": [name.upper()]}} for name in ("mood", "style")
    ]
    task["annotations"][0]["result"] = fields  # type: ignore[index]
    with pytest.raises(KitError, match="--label-from key:mood"):
        read({"a.json": [task]})
    labels = [read({"a.json": [task]}, label_from=f"key:{key}").records[0].label for key in ("style", "topic")]
    assert labels == ["STYLE", "sport"]
    with pytest.raises(KitError, match="no row has the key 'none'"):
        read({"a.json": [task]}, label_from="key:none")
    assert read({"a.json": [task]}, label="x").records[0].label == "x"
    assert read({"a.json": {**MIA, "cats": [" news "]}}).records[0].label == "news"
    rows = read({"a.json": {**MIA, "cats": ["news", "sport"]}})
    assert rows.records[0].label is None and rows.noted == {"several_text_labels": 1}
    assert read({"a.json": ["Mia", {"entities": [], "cats": {"x": 0.4, "news": 1.0}}]}).records[0].label == "news"
    sentiment = [
        ROWS["uie"],
        ROWS["uie"],
        {**ROWS["uie"], "prompt": "mood[good, bad]", "result_list": [{"text": "good", "start": -10, "end": -6}]},
    ]
    assert [(r.label, pairs(r)) for r in read({"a.json": sentiment}).records] == [("good", [("PER", "Mia")])]


def test_a_task_with_one_text_label_gives_it(read: Any) -> None:
    rows = read({"a.json": {**MIA, "cats": ["news"]}}, task="ner-only")
    assert rows.records[0].is_annotated and rows.noted == {"text_label_not_read": 1}
    odd = read({"a.json": {**MIA, "cats": ["\ud83d"]}}, task="ner-only").detail("text_label_not_read")
    assert odd.encode(), "what is noted can be written"


TYPED = [("works for", {"head": "Mia", "tail": "Acme"}, {"head_type": "PER", "tail_type": "ORG"})]
ENTITIES = [(7, 0, 3, "PER"), (9, 11, 15, "ORG")]
ACME = "Mia joined Acme"


RELATIONS: list[Any] = [
    {
        "text": ACME,
        "entities": [{"id": n, "start_offset": a, "end_offset": b, "label": x} for n, a, b, x in ENTITIES],
        "relations": [{"from_id": 7, "to_id": 9, "type": "works for"}],
    },
    {
        "tokenized_text": ACME.split(),
        "ner": [[2, 2, "ORG"], [0, 0, "PER"]],
        "relations": [[1, 0, "works for"]],
    },
    {
        "data": {"t": ACME},
        "annotations": [
            {
                "result": [
                    *(
                        {
                            "id": str(n),
                            "type": "labels",
                            "value": {"start": a, "end": b, "text": ACME[a:b], "labels": [x]},
                        }
                        for n, a, b, x in ENTITIES
                    ),
                    {
                        "type": "relation",
                        "from_id": "9",
                        "to_id": "7",
                        "direction": "left",
                        "labels": ["works for"],
                    },
                ]
            }
        ],
    },
]


@pytest.mark.parametrize("row", RELATIONS)
def test_relations_with_types(row: Any, read: Any) -> None:
    (record,) = read({"a.json": [row]}, task="mine").records
    assert (record.word, spans(record)) == ("Typed", TYPED)
    rows = read({"a.json": [row]})
    assert sorted(pairs(rows.records[0])) == [("ORG", "Acme"), ("PER", "Mia")] and rows.noted["relations_not_read"] == 1


def test_relations_and_events_of_instructions(read: Any) -> None:
    def row(output: Any) -> Any:
        return {"instruction": json.dumps({"schema": [], "input": "Mia moved to Oslo."}), "output": json.dumps(output)}

    relation = row({"lives in": [{"subject": "Mia", "object": "Oslo"}], "died in": []})
    (record,) = read({"a.json": [relation]}, task="mine").records
    assert (record.word, spans(record)) == ("Typed", [("lives in", {"head": "Mia", "tail": "Oslo"}, {})])
    event = row(
        {
            "move": [
                {"trigger": "moved ", "arguments": {"Agent": "Mia", "goal": ["Oslo"]}},
                {"trigger": "NAN", "arguments": {}},
            ]
        }
    )
    (record,) = read({"a.json": [event]}, task="mine").records
    assert (record.word, spans(record)) == (
        "Move",
        [("move", {"trigger": "moved", "agent": "Mia", "goal": "Oslo"}, {})],
    )
    with pytest.raises(KitError, match="nothing in it fits the task entities"):
        read({"a.json": [relation]})
    output = {"entities": {"PER": ["Mia"]}, "relations": [{"lives in": {"head": "Mia", "tail": "Oslo"}}]}
    mood = [{"task": "mood", "labels": ["good", "bad"], "true_label": ["good"]}]
    gliner2 = {"input": "Mia moved to Oslo.", "output": {**output, "classifications": mood}}
    (record,) = read({"a.json": [gliner2]}, task="mine").records
    assert (record.label, spans(record)) == ("good", [("lives in", {"head": "Mia", "tail": "Oslo"}, {})])
    assert pairs(read({"a.json": [gliner2]}).records[0]) == [("PER", "Mia")]
    twice = {"input": "Mia saw Mia.", "output": {**output, "relations": [{"saw": {"head": "Mia", "tail": "Mia"}}]}}
    assert [span.start for span in read({"a.json": [twice]}, task="mine").records[0].items[0].spans] == [0, 0]


def test_prompts_of_relations(read: Any) -> None:
    rows = [
        {
            "content": "红楼梦的作者是曹雪芹",
            "prompt": prompt,
            "result_list": [{"text": text, "start": start, "end": start + 3}],
        }
        for prompt, text, start in (("作品", "红楼梦", 0), ("红楼梦的作者", "曹雪芹", 7))
    ]
    (record,) = read({"a.jsonl": "".join(json.dumps(row) + "\n" for row in rows)}, task="mine").records
    assert spans(record) == [("作者", {"head": "红楼梦", "tail": "曹雪芹"}, {"head_type": "作品"})]


BRAT = "\n".join(
    [
        "T1\tPER 0 3\tMia",
        "T2\tmove 4 9\tmoved",
        "T3\tLOC 13 17;19 24\tOslo South",
        "T4\tPER 0 3;13 17\tMia Oslo",
        "E1\tmove:T2 Agent:T1 Goal2:T3",
        "A1\tNegated E1",
        "N1\tReference T1 Wikidata:Q1\tx",
        "#1\ttopic *\tnews",
    ]
)


def test_brat(read: Any) -> None:
    files = {"d/a.txt": "Mia moved to Oslo\r\nSouth.", "d/a.ann": BRAT, "visual.conf": "[labels]\nmove | moves to\n"}
    (record,) = (rows := read(files | {"b.txt": "alone"}, task="mine", label_from="key:topic")).records
    assert (record.word, record.label) == ("Move", "news")
    assert spans(record) == [("moves to", {"trigger": "moved", "agent": "Mia", "goal": "Oslo\r\nSouth"}, {})]
    assert rows.noted == {
        "unmatched_file": 1,
        "discontinuous_span": 1,
        "attribute_not_read": 1,
        "not_read": 1,
        "entity_without_relation": 1,
    }
    for line, words in (
        ("T1 PER 0 3 Mia", "expected T1<tab>PER"),
        ("A1\tNegated T9", "of nothing"),
        (f"{BRAT}\nT1\tX 0 1\tM", "two entities"),
    ):
        with pytest.raises(KitError, match=rf"a\.ann:\d.*({words})"):
            read(files | {"d/a.ann": line}, task="mine")
    (Path(files_root(read)) / "d/a.txt").unlink()
    with pytest.raises(KitError, match=r"no a\.txt beside it"):
        read({}, task="mine")


def files_root(read: Any) -> Path:
    """The folder that the fixture writes to."""
    return Path(read.__closure__[[*read.__code__.co_freevars].index("tmp_path")].cell_contents) / "data"


def test_tags(read: Any) -> None:
    rows = '{"tokens": ["Mia", "Ono", "ran"], "ner_tags": [1, 2, 0]}\n{"tokens": ["Bo"], "ner_tags": [3]}\n'
    with pytest.raises(KitError, match="give --labels O,B-PER"):
        read({"a.jsonl": rows})
    with pytest.raises(KitError, match="there are 3 labels"):
        read({"a.jsonl": '{"tokens": ["Bo"], "ner_tags": [3]}\n'}, labels="O,B-PER,I-PER")
    found = read({"a.jsonl": rows}, labels="O,B-PER,E-PER,S-PER")
    assert [pairs(record) for record in found.records] == [[("PER", "Mia Ono")], [("PER", "Bo")]]
    info = {"features": {"ner_tags": {"feature": {"names": ["O", "B-PER", "I-PER", "B-LOC"]}, "_type": "Sequence"}}}
    found = read({"dataset_info.json": info})
    assert [pairs(record) for record in found.records] == [[("PER", "Mia Ono")], [("LOC", "Bo")]]
    with pytest.raises(KitError, match="2 tokens, but 1 ner_tags"):
        read({"a.jsonl": '{"tokens": ["Mia", "ran"], "ner_tags": ["O"]}'})


NAMES = ["O", "B-PER", "I-PER"]


def features(**names: Any) -> Any:
    return {"features": {key: {"feature": {"names": value}} for key, value in names.items()}}


@pytest.mark.parametrize(
    ("info", "options", "expected"),
    [
        (features(ner_tags={"2": "I-PER", "0": "O", "1": "B-PER"}), {}, ["PER Mia Ono"]),
        (features(tags=["X", "Y", "Z"], ner_tags=NAMES), {}, ["PER Mia Ono"]),
        ({"a": features(ner_tags=NAMES), "b": features(ner_tags=NAMES)}, {}, ["PER Mia Ono"]),
        (features(ner_tags=NAMES, fine=["O", "B-A"]), {"tags": "fine"}, ["A Mia", "A Ono"]),
        ({"a": features(ner_tags=NAMES), "b": features(ner_tags=["O", "B-LOC", "I-LOC"])}, {}, "2 lists of names"),
        (features(ner_tags={"0": "O", "2": "B-PER"}), {}, "the names of 'ner_tags' are"),
        (features(other=NAMES), {}, "give --labels"),
    ],
)
def test_the_names_of_tags_by_number(info: Any, options: Any, expected: Any, read: Any) -> None:
    files = {
        "dataset_infos.json": info,
        "a.jsonl": json.dumps({"tokens": ["Mia", "Ono"], "ner_tags": [1, 2], "fine": [1, 1]}),
    }
    if isinstance(expected, str):
        with pytest.raises(KitError, match=expected):
            read(files, **options)
        return
    rows = read(files, **options)
    assert [" ".join(pair) for pair in pairs(rows.records[0])] == expected
    assert rows.noted["extra_keys"] == 1, "the tags that are not chosen"


def test_words_that_are_characters(read: Any) -> None:
    rows = [
        {"tokens": list("나는 성룡 이"), "ner_tags": ["O", "O", "O", "B-PS", "I-PS", "O", "O"]},
        {"tokens": list("성룡"), "ner_tags": ["B-PS", "I-PS"]},
    ]
    found = read({"a.json": rows}).records
    assert [(record.text, pairs(record)) for record in found] == [
        ("나는 성룡 이", [("PS", "성룡")]),
        ("성룡", [("PS", "성룡")]),
    ]
    odd = {"tokens": ["Mia", " ", "ran"], "ner_tags": ["B-PER", "O", "O"]}
    assert read({"a.json": [odd]}).records[0].text.split() == ["Mia", "ran"], (
        "a stray blank makes no characters of words"
    )


def test_the_names_of_tags_in_a_parquet_file(read: Any) -> None:
    from datasets import ClassLabel, Dataset, Features, Sequence, Value

    features = Features({"tokens": Sequence(Value("string")), "ner_tags": Sequence(ClassLabel(names=["O", "B-PER"]))})
    read_root = files_root(read)
    read_root.mkdir()
    Dataset.from_dict({"tokens": [["Mia", "ran"]], "ner_tags": [[1, 0]]}, features).to_parquet(
        read_root / "train.parquet"
    )
    (record,) = read({}, split_from="file-name").records
    assert (pairs(record), record.split) == ([("PER", "Mia")], "train")


def test_words_are_counted_with_the_last_one(read: Any) -> None:
    with pytest.raises(KitError, match="the end is the last word"):
        read({"a.json": [{"tokenized_text": ["Go", "Mia"], "ner": [[1, 2, "PER"]]}]})
    rows = read({"a.json": [{"tokenized_text": ["東", "京"], "ner": [[0, 1, "LOC"]]}]}, task="ner-only", language="ja")
    assert (rows.records[0].text, pairs(rows.records[0]), rows.noted) == ("東京", [("LOC", "東京")], {"no_text": 1})


def test_annotations_of_a_task(read: Any) -> None:
    def result(label: Any, **more: Any) -> Any:
        return {
            "result": [{"id": "a", "type": "labels", "value": {"start": 0, "end": 3, "text": "Mia", "labels": label}}],
            **more,
        }

    def task(*annotations: Any, **more: Any) -> Any:
        return {"id": 5, "data": {"text": "Mia ran.", **more}, "annotations": list(annotations)}

    old, new = result(["OLD"], updated_at="2024"), result(["NEW"], updated_at="2025")
    cancelled = result(["X"], was_cancelled=True, updated_at="2026")
    rows = read(
        {"a.json": [task(old, new, cancelled), task(new, old | {"ground_truth": True}), task(result(["A", "B"]))]}
    )
    assert [pairs(record) for record in rows.records] == [
        [("NEW", "Mia")],
        [("OLD", "Mia")],
        [("A", "Mia"), ("B", "Mia")],
    ]
    assert rows.noted == {"more_annotations": 2}
    rows = read({"a.json": [task(new), task(result([])), task(), task(cancelled)]})
    assert [record.items is None for record in rows.records] == [False, False, True, True]
    assert rows.noted == {"region_without_label": 1}
    with pytest.raises(KitError, match="no region of it has a label"):
        read({"a.json": [task(result([]))]})
    two = [task(new) | {"data": {"a": "Mia ran.", "b": "x"}}]
    with pytest.raises(KitError, match="--text-key; strings are: a, b"):
        read({"a.json": two})
    assert pairs(read({"a.json": two}, text_key="a").records[0]) == [("NEW", "Mia")]
    row = ROWS["label-studio"]
    annotators = [row | {"annotation_id": n, "annotator": n, "updated_at": f"202{n}", "mood": f"m{n}"} for n in (1, 2)]
    rows = read({"a.json": annotators}, label_from="key:mood")
    assert [record.label for record in rows.records] == ["m2"] and rows.noted["more_annotations"] == 1


def region(start: int, end: int, label: str | None, **more: Any) -> Any:
    labels = [] if label is None else [label]
    return {"type": "labels", "value": {"start": start, "end": end, "labels": labels}, "id": "a"} | more


TITLE = {"text": "Later Mia ran", "title": "Mia wins"}


@pytest.mark.parametrize(
    ("results", "found", "label", "noted"),
    [
        ([region(6, 9, "PER", to_name="text"), region(0, 3, "PER", to_name="title", id="b")], ["PER Mia"], None, 1),
        ([region(6, 9, "PER", to_name="t1"), region(0, 3, "X", to_name="title", id="b")], ["PER Mia"], None, 1),
        ([region(6, 9, "PER", to_name="t1")], ["PER Mia"], None, 0),
        ([region(6, 9, "PER"), region(6, 9, "Agent")], ["PER Mia", "Agent Mia"], None, 0),
        ([region(6, 9, "PER"), region(6, 9, None)], ["PER Mia"], None, 0),
        ([region(6, 9, "PER", to_name="t1"), region(0, 3, "PER", to_name="t2")], None, None, 1),
        ([region(6, 9, "PER"), region(0, 3, "PER")], None, None, 1),
        ([region(6, 9, "PER"), {"from_name": "c", "type": "textarea", "value": {"text": ["x"]}}], ["PER Mia"], "x", 0),
        ([region(6, 9, "PER"), {"from_name": "c", "type": "rating", "value": {"rating": 4}}], ["PER Mia"], "4", 0),
        ([region(6, 9, "PER"), {"from_name": "c", "type": "number", "value": {"number": 3}}], ["PER Mia"], "3", 0),
    ],
)
def test_results_of_a_task(results: Any, found: Any, label: str | None, noted: int, read: Any) -> None:
    good = {"data": {"text": "Ann"}, "annotations": [{"result": [region(0, 3, "PER")]}]}
    files = {"a.json": [{"data": TITLE, "annotations": [{"result": results}]}, good, good]}
    rows = read(files)
    records = [record for record in rows.records if record.text != "Ann"]
    assert [[f"{label} {entity}" for label, entity in pairs(record)] for record in records] == [found][found is None :]
    assert [record.label for record in records] in ([None], []), "a remark is no label unless it is asked for"
    assert rows.noted["region_of_other_field"] + rows.dropped["bad_row"] == noted
    if label is not None:
        assert [record.label for record in read(files, label_from="key:c").records if record.text != "Ann"] == [label]


def uie(content: str, **answers: tuple[str, int]) -> list[Any]:
    return [
        {"content": content, "prompt": prompt, "result_list": [{"text": text, "start": at, "end": at + len(text)}]}
        for prompt, (text, at) in answers.items()
    ]


PRODIGY: dict[str, Any] = {"text": ACME, "spans": [{"start": a, "end": b, "label": x} for _, a, b, x in ENTITIES]}
JOINED = {"head_span": {"start": 0, "end": 3}, "child_span": {"start": 11, "end": 15}, "label": "works for"}
ZHANG = "张三是中国人，张三在"


@pytest.mark.parametrize(
    ("rows", "expected", "label", "noted"),
    [
        (uie(ZHANG, 人名=("张三", 0), 张三的国籍=("中国", 3)), [("人名", "张三")], None, "relations_not_read"),
        (
            uie(ZHANG, 人名=("张三", 0)) + uie(ZHANG, 李四的国籍=("中国", 3)),
            [("人名", "张三"), ("李四的国籍", "中国")],
            None,
            None,
        ),
        (uie(ZHANG, 地名=("中国", 3), 张三的国籍=("中国", 3)), [("地名", "中国")], None, "relations_not_read"),
        (
            uie("屏幕好", 物=("屏幕", 0), **{"屏幕的情感倾向[正向，负向]": ("正向", -7)}),
            [("物", "屏幕")],
            None,
            "choice_of_entity",
        ),
        (uie("屏幕好", 物=("屏幕", 0), **{"情感倾向[正向，负向]": ("正向", -7)}), [("物", "屏幕")], "正向", None),
        ([PRODIGY | {"label": "pos", "answer": "reject"}], None, None, None),
        ([PRODIGY | {"accept": ["pos"], "answer": "ignore"}], None, None, None),
        ([PRODIGY | {"label": "pos", "answer": "accept"}], [("PER", "Mia"), ("ORG", "Acme")], "pos", None),
        ([PRODIGY | {"relations": [JOINED]}], [("PER", "Mia"), ("ORG", "Acme")], None, "relations_not_read"),
        (
            [PRODIGY | {"relations": [JOINED | {"head_span": {"start": 4, "end": 10}}]}],
            [("PER", "Mia"), ("ORG", "Acme")],
            None,
            "relation_left_out",
        ),
        (
            [{"text": ACME, "ents": PRODIGY["spans"], "tokens": [{"id": 0}]}],
            [("PER", "Mia"), ("ORG", "Acme")],
            None,
            None,
        ),
    ],
)
def test_what_a_row_says_beside_spans(
    rows: Any, expected: Any, label: str | None, noted: str | None, read: Any
) -> None:
    found = read({"a.json": rows}, **({} if "content" in rows[0] else {"format": "spacy"}))
    (record,) = found.records
    assert (record.items and pairs(record), record.label) == (expected, label)
    assert list(found.noted) == [noted][noted is None :]


def test_attributes_that_are_no_strings_are_noted(read: Any) -> None:
    mia = {"extraction_class": "PER", "extraction_text": "Mia", "attributes": {"age": 3, "empty": None}}
    assert read({"a.json": [{"text": "Mia", "extractions": [mia]}]}).noted == {"attribute_not_read": 1}


def test_relations_of_prodigy_and_of_uie(read: Any) -> None:
    (record,) = read({"a.json": [PRODIGY | {"relations": [JOINED]}]}, task="mine").records
    assert spans(record) == TYPED
    twice = [*uie(ZHANG, 人名=("张三", 7)), *uie(ZHANG, 人名=("张三", 0), 张三的国籍=("中国", 3))]
    rows = read({"a.json": twice}, task="mine")
    assert rows.records[0].items[0].spans[0].start == 7 and rows.noted["several_mentions"] == 1


@pytest.mark.parametrize(
    "output",
    [
        {"works": [{"subject": {"text": "Mia"}, "object": "x"}]},
        {"works": {"a": {"text": "Mia"}}},
        {"works": [{"a": 1}]},
    ],
)
def test_an_argument_that_is_no_string(output: Any, read: Any) -> None:
    row = {"instruction": json.dumps({"schema": [], "input": "Mia"}), "output": json.dumps(output)}
    with pytest.raises(KitError, match="an argument of 'works' is"):
        read({"a.json": [row]}, task="mine")


def test_a_finished_row_of_json_min_without_regions_has_no_entities(read: Any) -> None:
    rows = [{"id": n, "text": "Mia", "annotator": 1, "annotation_id": done} for n, done in ((1, 7), (2, None))]
    assert [record.items for record in read({"a.json": rows}).records] == [(), None]


def test_regions_on_another_field_alone(read: Any) -> None:
    task = {"data": TITLE, "annotations": [{"result": [region(0, 3, "PER", to_name="title")]}]}
    with pytest.raises(KitError, match=r"--text-key.*'title'"):
        read({"a.json": [task]})
    assert pairs(read({}, text_key="title").records[0]) == [("PER", "Mia")]


def test_systematic_faults_are_errors_of_the_file(read: Any) -> None:
    def prodigy(*spans: tuple[str, int]) -> str:
        rows = [
            {"text": "So Mia ran.", "spans": [{"start": a, "end": a + 3, "label": "PER", "text": p}]} for p, a in spans
        ]
        return "".join(json.dumps(row) + "\n" for row in rows)

    with pytest.raises(KitError, match=r"fit the text in no unit.*--offsets none"):
        read({"a.jsonl": prodigy(("Mia", 4), ("Mia", 4), ("Mia", 3))})
    assert pairs(read({}, offsets="none").records[0]) == [("PER", "Mia")]
    rows = read({"a.jsonl": prodigy(("Mia", 4), ("Mia", 3), ("Ono", 3), ("Mia", 3))})
    assert rows.noted == {"offset_error": 1, "entity_not_in_text": 1} and [len(r.items) for r in rows.records] == [
        1,
        1,
        0,
        1,
    ]
    with pytest.raises(KitError, match="2 of 2 entities have no place"):
        read({"a.jsonl": prodigy(("Ono", 3), ("Ono", 3))})
    bad = json.dumps({"text": "Mia", "label": [["0", 3, "PER"]]})
    with pytest.raises(KitError, match=r"an offset is '0'; expected .*\(2 of 3 rows"):
        read({"a.jsonl": f"{bad}\n{json.dumps(MIA)}\n{bad}\n"})
    assert read({"a.jsonl": f"{bad}\n{json.dumps(MIA)}\n{json.dumps(MIA)}\n"}).dropped == {"bad_row": 1}
    with pytest.raises(KitError, match="nothing in it fits the task mine: .*in no relation"):
        read({"a.jsonl": json.dumps({"text": "Mia ran.", "label": [[0, 3, "PER"]], "task_word": "Typed"})}, task="mine")


@pytest.mark.parametrize(
    ("row", "options", "words"),
    [
        ({"sentence": "Mia"}, {}, "none that is known.*give --format"),
        ({"text": "Mia", "entities": [[0, 3, "PER"]]}, {}, "may be doccano or spacy: give --format"),
        (MIA, {"format": "word"}, "--format word: must be one of"),
        (MIA, {"format": "gliner"}, "the key 'tokenized_text' is missing; expected"),
        (MIA, {"task": ""}, "--task is missing"),
        (MIA, {"task": "scnm", "language": "ko"}, "no config ko_scnm"),
        (MIA, {"source": ""}, "--source is missing"),
        (MIA, {"offsets": "chars"}, "--offsets chars: must be one of"),
        (MIA, {"task": "scnm", "label": "社会"}, "--unknown-labels drop"),
        ({"text": "Mia", "label": "x", "source_id": "1", "origin": "own"}, {}, "read records"),
        ({"text": "Mia \ud83d", "label": []}, {}, "none of its 1 rows makes a record"),
        ({"text": "", "label": []}, {}, "the text is empty"),
        ({"text": "Mia", "entities": ["Mia"]}, {}, "'entities' has 'Mia'"),
        (MIA, {"format": "spacy"}, "no row is of the format spacy; they look like doccano"),
        (MIA, {"format": "label-studio"}, "they look like doccano"),
        ({"text": "Mia", "spans": []}, {"format": "doccano"}, "they look like spacy"),
        (MIA, {"labels": "O"}, "--labels is for hf-tokens, this is doccano"),
        (MIA, {"text_key": "x"}, "--text-key is for label-studio"),
        (MIA, {"task": "scnm", "label": "社会", "unknown_labels": "drop"}, "none of its 1 rows makes a record"),
        ({"curid": "1", "text": "Mia", "entities": []}, {}, "`read scnm`"),
        ({"text": "Mia", "tokens": [{"text": "Mia"}]}, {}, "none that is known.*doccano"),
        ({"tokens": ["Mia"], "my_tags": ["O"]}, {}, "--tags"),
        ({"tokens": ["Mia"], "tags": ["1x"], "ner": ["O"]}, {}, "--tags"),
        (
            {"tokens": ["Mia", "Ono"], "ner_tags": ["B-X", "O"], "text": "<Mia:X> Ono"},
            {},
            "no text is made of the words",
        ),
        ('{"text": "Mia", "label": [], "label": []}', {}, "the key 'label' is there twice"),
        ('{"text": "Mia", "label": [[NaN, 3, "PER"]]}', {}, "NaN is not JSON"),
        ("", {}, "no rows found"),
        (b"PK\x03\x04\xff", {}, "a zip archive: unpack it"),
    ],
)
def test_what_is_refused(row: Any, options: dict[str, str], words: str, read: Any) -> None:
    with pytest.raises(KitError, match=words):
        read({"a.jsonl": row if isinstance(row, str | bytes) else json.dumps(row)}, **options)


def spoiled(value: Any, random: Random) -> Any:
    """The value with some of its parts replaced, left out or said twice."""
    if random.random() < 0.15:
        return random.choice([None, 0, -1, 10**9, 1.5, True, "", "x", "\ud83d", [], {}, [1], [[0, 3, "P"]], {"a": 1}])
    if isinstance(value, dict):
        return {key: spoiled(inner, random) for key, inner in value.items() if random.random() > 0.05}
    if isinstance(value, list):
        return [spoiled(inner, random) for inner in value for _ in range(random.choice([0, 1, 1, 1, 1, 1, 2]))]
    return value


@given(random=st.randoms(use_true_random=False))
@settings(max_examples=300)
def test_any_row_is_read_dropped_or_refused(random: Random, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("f")
    name, good = random.choice([*ROWS.items(), *[("relations", row) for row in RELATIONS]])
    rows = [spoiled(good, random) for _ in range(3)] + [good] * random.choice([0, 4])
    (folder / "a.json").write_text(json.dumps(rows))
    (folder / "my.toml").write_text(REGISTRY_TEXT)
    options = {"task": random.choice(["mine", "entities"]), "language": "en", "source": "own", "license": "CC0-1.0"}
    if name in foreign.FORMATS and random.random() < 0.5:
        options["format"] = name
    try:
        found = collect(foreign.read(folder / "a.json", load("ner-only", str(folder / "my.toml")), **options))
    except KitError as error:
        assert "\n" not in str(error)
    else:
        for row in (*found.notes, *found.drops):
            dump(row.as_dict()).encode()


def test_spacy_is_needed_for_its_own_files_alone(read: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spacy", None)
    with pytest.raises(KitError, match="pip install spacy"):
        read({"a.spacy": b"x"})
    monkeypatch.undo()
    with pytest.raises(KitError, match="not a DocBin"):
        read({"a.spacy": b"x"})


def test_a_row_that_convert_wrote_keeps_what_it_says(read: Any) -> None:
    written = {
        "id": "x-1",
        "task_word": "NER",
        "source": "wiki",
        "source_id": "s",
        "license": "MIT",
        "split": "validation",
    }
    own = {"id": "x-1", "source": "https://example.org", "split": "test", "meta": {"topic": "news"}}
    one, two = (read({"a.json": {**MIA, **more}}).records[0] for more in (written, own))
    assert (one.id, one.source, one.source_id, one.licence, one.split) == ("x-1", "wiki", "s", "MIT", "validation")
    assert (two.id, two.source, two.licence, two.split, two.origin) == (
        "en_entities-x-1",
        "own",
        "CC0-1.0",
        None,
        "own",
    )


def test_questions_as_the_reader_of_its_own_has_them(real_data: Path) -> None:
    from build.readers import tconer

    path = real_data / "universalner-crossner"
    options = {"task": "tconer", "language": "en", "source": "universalner"}
    found = collect(foreign.read(path, load(), **options))
    same = collect(tconer.read(path, load()))
    assert [(r.text, r.items) for r in found.records] == [(r.text, r.items) for r in same.records]
