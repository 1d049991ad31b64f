"""SCNM from stockmark's entities and the authors' sentence classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from build.core import KitError
from build.readers import scnm
from mmm_dataset import encode, load
from tests.build.readers.collect_rows import Rows, collect, pairs

REGISTRY = load()
TEXT = "田中は東京の青空社に入社。田中は喜んだ。"


def entity(name: str, start: int, label: str = "人名") -> dict[str, Any]:
    return {"name": name, "span": [start, start + len(name)], "type": label}


def read(folder: Path, rows: list[Any], classes: Path | None = None) -> Rows:
    (folder / "ner.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    return collect(scnm.read(folder, REGISTRY, classes))


def row(*entities: dict[str, Any], text: str = TEXT, **more: Any) -> dict[str, Any]:
    return {"curid": "7", "text": text, "entities": list(entities)} | more


def test_items_keep_order_offsets_and_repetition(tmp_path: Path) -> None:
    given = (entity("青空社", 6, "法人名"), entity("田中", 0), entity("田中", 13))
    rows = read(tmp_path, [row(*given)])
    (record,) = rows.records
    assert pairs(record) == [("法人名", "青空社"), ("人名", "田中"), ("人名", "田中")]
    assert [(item.spans[0].start, item.spans[0].end) for item in record.items or ()] == [(6, 9), (0, 2), (13, 15)]
    assert record.label is None and record.config == "ja_scnm" and record.word == "NER"
    assert (record.origin, record.source, record.licence) == ("rebuilt", "stockmark-ner", "CC-BY-SA-3.0")
    assert record.id == f"ja_scnm-{record.source_id}" and not rows.notes


def test_ids_do_not_depend_on_other_rows(tmp_path: Path) -> None:
    (alone,) = read(tmp_path, [row()]).records
    both = read(tmp_path, [row(text="別の文。"), row(), row()]).records
    assert both[1] == alone and both[2].source_id == alone.source_id + "-2"


def test_wrong_offsets_are_corrected_and_reported(tmp_path: Path) -> None:
    rows = read(tmp_path, [row(entity("東京", 0, "地名"), entity("大阪", 3, "地名"), {"name": "田中"})])
    assert pairs(rows.records[0]) == [("地名", "東京")]
    assert rows.records[0].items and rows.records[0].items[0].spans[0].start == 3
    assert rows.noted == {"offset_error": 1, "entity_not_in_text": 1, "broken_entity": 1}
    assert rows.detail("entity_not_in_text") == f"ner.json[0]: '大阪' left out: {TEXT!r}"


@pytest.mark.parametrize(
    "broken",
    [
        {"name": None},
        {"name": ""},
        {"type": ["人名"]},
        {"type": ""},
        {"span": ["0", "2"]},
        {"span": [-2, -1], "name": TEXT[-2:-1]},
        {"span": [0, 2, 3]},
        {"span": [2, 2]},
        {"span": [18, 99], "name": TEXT[18:]},
        {"span": [False, True], "name": TEXT[0]},
        {"span": None},
    ],
)
def test_broken_entities_are_left_out(tmp_path: Path, broken: dict[str, Any]) -> None:
    given = entity("田中", 0) | broken
    rows = read(tmp_path, [row(entity("東京", 3, "地名"), given)])
    assert pairs(rows.records[0]) == [("地名", "東京")] and rows.noted == {"broken_entity": 1}
    detail = rows.detail("broken_entity")
    assert detail.startswith("ner.json[0]: needs a name") and json.dumps(given["span"], separators=(",", ":")) in detail


def test_rows_that_can_be_no_record_are_dropped(tmp_path: Path) -> None:
    (tmp_path / "ner.json").write_text(json.dumps([row(), row(text="\ud800")]), encoding="utf-8")
    rows = collect(scnm.read(tmp_path, REGISTRY))
    assert len(rows.records) == 1 and rows.dropped == {"bad_record": 1} and rows.drops[0].id == "ner.json[1]"
    json.dumps(rows.drops[0].as_dict(), ensure_ascii=False).encode()


def test_keys_that_are_not_read_are_noted_once(tmp_path: Path) -> None:
    rows = read(tmp_path, [row(tag=1), row(tag=2, note="x")])
    assert rows.noted == {"extra_keys": 1}
    assert rows.detail("extra_keys") == "keys that are not read: 'note' (1 x), 'tag' (2 x)"


def test_labels_are_the_tables_own(tmp_path: Path) -> None:
    known = row(entity("青空社", 6, "そのほかの組織名"))
    assert pairs(read(tmp_path, [known]).records[0]) == [("その他の組織名", "青空社")]
    rows = [known, row(entity("田中", 0, "役職"))]
    with pytest.raises(KitError, match=r"ner\.json\[1\].*'役職'.*--unknown-labels drop"):
        read(tmp_path, rows)
    assert collect(scnm.read(tmp_path, REGISTRY, unknown_labels="drop")).dropped == {"unknown_label": 1}


def test_broken_rows_are_dropped(tmp_path: Path) -> None:
    rows = read(tmp_path, [{"text": "x"}, 3, row()])
    assert rows.dropped == {"no_text_or_entities": 2} and len(rows.records) == 1


CLASSES = (
    "text,sc,con,entities\n"
    f'"{TEXT}",社会,1,"x"\n'
    '"カンマ, と ""引用""",文芸,0,\n'
    "使わない文。,自然,0,\n"
    "知らない分類。,天文,0,\n"
)


@pytest.mark.parametrize("shape", ["csv", "json", "jsonl", "folder"])
def test_classes_are_joined_by_text(tmp_path: Path, shape: str) -> None:
    path = tmp_path / ("SCNM_Dataset.csv" if shape == "folder" else f"classes.{shape}")
    table = [
        {"text": TEXT, "sc": "社会", "con": "1"},
        {"text": 'カンマ, と "引用"', "sc": "文芸", "con": "0"},
        {"text": "使わない文。", "sc": "自然", "con": "0"},
        {"text": "知らない分類。", "sc": "天文", "con": "0"},
    ]
    lines = "\n".join(map(json.dumps, table))
    content = {"json": json.dumps(table), "jsonl": lines}.get(shape, CLASSES)
    path.write_text(content, encoding="utf-8-sig" if shape == "csv" else "utf-8")
    given = [
        row(entity("田中", 0)),
        row(text='カンマ, と "引用"'),
        row(text="分類のない文。"),
        row(text="知らない分類。"),
    ]
    rows = read(tmp_path, given, tmp_path if shape == "folder" else path)
    assert [record.label for record in rows.records] == ["社会", "文芸", None, None]
    assert rows.noted == {"no_sentence_class": 1, "unknown_text_label": 1, "classes_unused": 1}
    assert rows.detail("classes_unused").startswith("1 of 4 sentences")
    assert encode(rows.records[0]) == (f"{TEXT}/NER", "社会/NER/:人名;田中")


def test_con_is_checked_against_the_entities(tmp_path: Path) -> None:
    texts = ["田中は一人。", "田中は二人。", "誰も居ない。", "何も無い。", "何も言わない。"]
    lines = [f"{text},社会{con}" for text, con in zip(texts, (",0", ",1", ",1", ",0", ""), strict=True)]
    (tmp_path / "c.csv").write_text("text,sc,con\n" + "\n".join(lines), encoding="utf-8")
    given = [row(*[entity("田中", 0)] * text.startswith("田中"), text=text) for text in texts]
    rows = read(tmp_path, given, tmp_path / "c.csv")
    assert rows.noted == {"con_differs": 2} and {record.label for record in rows.records} == {"社会"}
    assert [note.detail.partition(":")[0] for note in rows.notes] == ["ner.json[0]", "ner.json[2]"]
    assert "con is '0' among the classes, and the row has 1 entities" in rows.notes[0].detail


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(KitError, match="no ner.json here; get it from https://github.com/stockmark.*CC-BY-SA-3.0"):
        collect(scnm.read(tmp_path, REGISTRY))
    with pytest.raises(KitError, match=r"no SCNM_Dataset\.csv.*licence: unstated"):
        read(tmp_path, [row()], tmp_path / "none.csv")
    bad = tmp_path / "bad.csv"
    bad.write_text("sentence,class\na,b\n", encoding="utf-8")
    with pytest.raises(KitError, match="line 2 needs the fields text and sc, and has: sentence, class"):
        read(tmp_path, [row()], bad)
    for content in ("", "text,sc,con\n"):
        bad.write_text(content, encoding="utf-8")
        with pytest.raises(KitError, match=r"bad\.csv: holds no rows: a table with the columns text and sc.* was due"):
            read(tmp_path, [row()], bad)
    with pytest.raises(KitError, match=r"ner\.json: holds no rows: .* with the keys curid, text, entities was due"):
        read(tmp_path, [])
    for content in ('{"data": [{"text": "a", "entities": []}]}', '{\n "data": [],\n "version": 2\n}'):
        (tmp_path / "ner.json").write_text(content, encoding="utf-8")
        with pytest.raises(
            KitError,
            match=r"ner\.json: a JSON array or JSON lines was due, found an object with keys data(, version)?$",
        ):
            collect(scnm.read(tmp_path, REGISTRY))
    bad.write_text("text,sc\na,社会\na,自然\n", encoding="utf-8")
    with pytest.raises(KitError, match="line 3 gives 'a' a second class"):
        read(tmp_path, [row()], bad)


def test_real_data(real_data: Path) -> None:
    rows = collect(scnm.read(real_data / "stockmark-ner", REGISTRY))
    assert len(rows.records) == 5343
    assert sum(len(record.items or ()) for record in rows.records) == 13185
    assert sum(not record.items for record in rows.records) == 484
    assert not rows.notes and not rows.drops
    assert all(span.start is not None for record in rows.records for item in record.items or () for span in item.spans)
    assert len({record.source_id for record in rows.records}) == 5343
