"""TCONER passages from conversations and from SLIMER's rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from build.core import KitError
from build.readers import tconer
from mmm_dataset import load
from tests.build.readers.collect_rows import Rows, collect, pairs

REGISTRY = load()


def talk(text: str, *answers: tuple[str, Any], name: str | None = "ner_0") -> dict[str, Any]:
    turns = [{"from": "human", "value": f"Text: {text}"}, {"from": "gpt", "value": "I've read this text."}]
    for label, answer in answers:
        turns.append({"from": "human", "value": f"What describes {label} in the text?"})
        turns.append({"from": "gpt", "value": answer if isinstance(answer, str) else json.dumps(answer)})
    return {"conversations": turns} | ({"id": name} if name else {})


def read(folder: Path, *rows: Any, lines: bool = False) -> Rows:
    text = "\n".join(map(json.dumps, rows)) if lines else json.dumps(rows)
    (folder / "train.json").write_text(text, encoding="utf-8")
    return collect(tconer.read(folder, REGISTRY))


@pytest.mark.parametrize("lines", [False, True])
def test_all_types_of_a_passage_make_one_record(tmp_path: Path, lines: bool) -> None:
    text = "Text: Ann met Bob.\nAnn left. "
    rows = read(
        tmp_path, talk(text, ("person", ["Bob", "Ann", "Ann"]), ("place", []), ("name:x", ["Ann met"])), lines=lines
    )
    (record,) = rows.records
    assert record.text == text and record.label is None
    assert pairs(record) == [("person", "Bob"), ("person", "Ann"), ("person", "Ann"), ("name:x", "Ann met")]
    assert [item.spans[0].start for item in record.items or ()] == [14, 19, 6, 6]
    assert (record.source_id, record.id, record.word) == ("ner_0", "en_tconer-ner_0", "NER")
    assert (record.origin, record.source, record.licence) == ("rebuilt", "pile-ner-type", "CC-BY-NC-4.0")
    assert not rows.notes and not rows.drops


def test_one_question_per_conversation_is_grouped_by_text(tmp_path: Path) -> None:
    given = [
        talk("Ann in Rome", ("person", ["Ann"]), name="CrossNER_AI_0"),
        talk("Other", ("person", []), name="CrossNER_AI_1"),
        talk("Ann in Rome", ("place", ["Rome"]), name="CrossNER_AI_2"),
        talk("Ann in Rome", ("place", ["Rome"]), name="CrossNER_AI_3"),
        talk("Ann in Rome", ("place", ["Ann"]), name="CrossNER_AI_4"),
    ]
    rows = read(tmp_path, *given)
    assert [record.source_id for record in rows.records] == ["CrossNER_AI_0", "CrossNER_AI_1"]
    assert pairs(rows.records[0]) == [("person", "Ann"), ("place", "Rome")]
    assert (rows.records[0].origin, rows.records[0].source) == ("own", "universalner")
    assert rows.noted == {"repeated_question": 1}
    rows = read(tmp_path, talk("Ann", ("a", [])), talk("Ann", ("b", "oops")), talk("Ann", ("c", ["Bob"])))
    assert [note.detail.partition(":")[0] for note in rows.notes] == ["train.json[1]", "train.json[2]"]


def test_a_file_with_several_questions_is_pile_ner_type_as_a_whole(tmp_path: Path) -> None:
    talks = [talk("One type", ("a", ["One"]), name="1"), talk("Two types", ("a", []), ("b", []), name="2")]
    (tmp_path / "other.json").write_text(json.dumps([talk("Alone", ("a", []), name="3")]), encoding="utf-8")
    rows = read(tmp_path, *talks)
    assert {record.source_id: (record.origin, record.source) for record in rows.records} == {
        "1": ("rebuilt", "pile-ner-type"),
        "2": ("rebuilt", "pile-ner-type"),
        "3": ("own", "universalner"),
    }


def test_slimer_rows_are_grouped_by_passage(tmp_path: Path) -> None:
    given = [
        {"doc_question_pairID": "41:6", "tagName": "name", "input": "a:b; c", "instruction": "x", "output": '["a:b"]'},
        {"doc_question_pairID": "42:1", "tagName": "name", "input": "d", "instruction": "x", "output": "[]"},
        {"doc_question_pairID": "41:7", "tagName": "letter", "input": "a:b; c", "instruction": "x", "output": '["c"]'},
    ]
    rows = read(tmp_path, *given, lines=True)
    assert [(record.source_id, pairs(record)) for record in rows.records] == [
        ("41", [("name", "a:b"), ("letter", "c")]),
        ("42", []),
    ]
    assert (rows.records[0].origin, rows.records[0].source) == ("own", "pile-ner-type")


def test_dirty_answers_are_reported_and_left_out(tmp_path: Path) -> None:
    dirty = talk("Ann", ("a", ["Ann", "Ann"]), ("b", ["Bob", "Cy", ""]), ("c", "[oops"), ("d", [1]), ("e", {"x": 1}))
    dirty["conversations"] += talk("Ann", ("g", "[" * 100_000))["conversations"][2:]
    dirty["conversations"] += [{"value": "What else?"}, {"value": "[]"}, {"value": "What describes f in the text?"}]
    rows = read(tmp_path, dirty)
    assert pairs(rows.records[0]) == [("a", "Ann")]
    assert rows.noted == {
        "repeated_pair": 1,
        "entity_not_in_text": 3,
        "bad_answer": 4,
        "bad_question": 1,
        "no_answer": 1,
    }
    assert rows.detail("bad_question") == "train.json[0]: asks for no type: 'What else?'"
    longest = max((note.detail for note in rows.notes), key=len)
    assert longest == f"train.json[0]: 'g' is answered by no JSON list of strings: {'[' * 200!r}"
    assert "train.json[0]: 'Cy' ('b') left out: 'Ann'" in [note.detail for note in rows.notes]


def test_rows_of_another_shape_are_dropped(tmp_path: Path) -> None:
    other: list[Any] = [
        {"conversations": []},
        {"conversations": [{"value": "Hello"}]},
        {"conversations": [{"value": 3}]},
        {"conversations": "x"},
        {"input": "x", "output": "[]"},
        "text",
        talk(" ", ("a", [])),
    ]
    rows = read(tmp_path, *other)
    assert rows.dropped == {"no_passage": 6, "empty_text": 1} and not rows.records
    assert rows.drops[0].id == "train.json[0]" and rows.drops[-1].detail == "train.json[6]: the passage is empty"


def test_a_row_that_can_be_no_record_is_dropped(tmp_path: Path) -> None:
    nameless = {"tagName": "", "input": "Ann", "output": '["Ann"]', "colour": 1}
    rows = read(tmp_path, nameless, talk("\ud800", ("a", ["x"])), talk("Bob"))
    assert rows.dropped == {"bad_record": 2} and rows.drops[0].id == "train.json[0]" and rows.drops[0].raw == "Ann"
    assert rows.noted["extra_keys"] == 1 and rows.detail("extra_keys") == "keys that are not read: 'colour' (1 x)"
    for row in (*rows.drops, *rows.notes):
        json.dumps(row.as_dict(), ensure_ascii=False).encode()


def test_ids_without_names_come_from_the_text(tmp_path: Path) -> None:
    rows = read(tmp_path, talk("Ann", ("a", []), name=None), talk("Bob", ("a", []), name="x"), talk("Cy", name="x"))
    assert len(rows.records[0].source_id) == 16
    assert [record.source_id for record in rows.records[1:]] == ["x", "x-2"]


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        KitError, match=r"no \*\.json or \*\.jsonl here; get it from https://huggingface\.co/.*CC-BY-NC"
    ):
        collect(tconer.read(tmp_path, REGISTRY))
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n{oops\n')
    with pytest.raises(KitError, match=r"a\.jsonl:2: not JSON"):
        collect(tconer.read(tmp_path, REGISTRY))
    for content in ("", "\n", "[]"):
        (tmp_path / "a.jsonl").write_text(content)
        with pytest.raises(KitError, match=r"a\.jsonl: holds no rows: a JSON array or JSON lines with the keys conv"):
            collect(tconer.read(tmp_path, REGISTRY))
    for content in ("[" * 100_000, "[" + "1" * 5000 + "]"):
        (tmp_path / "a.jsonl").write_text(content)
        with pytest.raises(KitError, match=r"a\.jsonl: not JSON that can be read"):
            collect(tconer.read(tmp_path, REGISTRY))
    (tmp_path / "a.jsonl").unlink()
    (tmp_path / "pile.zip").write_text("")
    with pytest.raises(KitError, match=r"no \*\.json or \*\.jsonl; there are: pile\.zip here"):
        collect(tconer.read(tmp_path, REGISTRY))


def test_real_conversations(real_data: Path) -> None:
    rows = collect(tconer.read(real_data / "universalner-crossner", REGISTRY))
    assert len(rows.records) == 846
    assert sum(len(record.items or ()) for record in rows.records) == 3647
    assert {(record.origin, record.source) for record in rows.records} == {("own", "universalner")}
    assert [note.id for note in rows.notes] == ["PROVENANCE.txt"] and not rows.drops
    assert all(item.spans[0].start is not None for record in rows.records for item in record.items or ())


def test_real_slimer(real_data: Path) -> None:
    rows = collect(tconer.read(real_data / "pile-ner-slimer" / "validation.jsonl", REGISTRY))
    assert len(rows.records) == 880
    assert sum(len(record.items or ()) for record in rows.records) == 1576
    assert not rows.notes and not rows.drops
