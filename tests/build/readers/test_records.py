"""Records of one's own."""

from __future__ import annotations

import gzip
import json
from inspect import signature
from pathlib import Path
from typing import Any

import pytest

from build.core import KitError
from build.readers import READERS, find_reader, records
from mmm_dataset import load, to_dict
from tests.build.readers.collect_rows import collect, pairs

REGISTRY = load()
ROW: dict[str, Any] = {
    "id": "en_scnm-1",
    "language": "en",
    "task": "scnm",
    "word": "NER",
    "text": "Ann left.",
    "label": "Society",
    "items": [{"label": "Person", "text": "Ann", "start": 0, "end": 3}],
    "origin": "own",
    "source": "user",
    "source_id": "1",
    "licence": "CC0-1.0",
}


def write(folder: Path, *rows: Any, name: str = "mine.jsonl") -> Path:
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_records_come_back(tmp_path: Path) -> None:
    path = write(tmp_path, ROW, ROW | {"id": "2", "label": None, "items": None})
    rows = collect(records.read(path, REGISTRY))
    assert pairs(rows.records[0]) == [("Person", "Ann")] and not rows.records[1].is_annotated
    again = write(tmp_path, *map(to_dict, rows.records), name="again.jsonl")
    assert collect(records.read(again, REGISTRY)).records == rows.records


def test_a_folder_of_files(tmp_path: Path) -> None:
    write(tmp_path, ROW)
    write(tmp_path, ROW | {"id": "b"}, name="b.jsonl")
    assert [record.id for record in collect(records.read(tmp_path, REGISTRY)).records] == ["b", "en_scnm-1"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ([1], r"mine\.jsonl:2: a list where a record"),
        (42, r"mine\.jsonl:2: a int where a record"),
        (ROW | {"id": "2", "label": " "}, r"mine\.jsonl:2: .*nothing but blanks"),
        (ROW | {"id": "2", "items": [{"label": "\u200b ", "text": "Ann"}]}, r"mine\.jsonl:2: .*nothing but blanks"),
        (ROW | {"colour": 1}, r"mine\.jsonl:2: record 'en_scnm-1': unknown key 'colour'"),
        (
            ROW | {"items": [{"label": "Person", "text": "Bob", "start": 0, "end": 3}]},
            r"mine\.jsonl:2: .*is 'Ann', not 'Bob'",
        ),
        (ROW | {"items": [{"text": "Ann"}]}, r"mine\.jsonl:2: .*lacks the key 'label'"),
        (
            ROW | {"language": "ko"},
            r"mine\.jsonl:2: no config 'ko_scnm' in the registry: add it \(--registry FILE\.toml\)",
        ),
        (ROW, r"mine\.jsonl:2: the id 'en_scnm-1' is in en_scnm already"),
    ],
)
def test_mistakes_name_file_and_line(tmp_path: Path, row: Any, message: str) -> None:
    with pytest.raises(KitError, match=message):
        collect(records.read(write(tmp_path, ROW, row), REGISTRY))


def test_a_file_may_be_empty(tmp_path: Path) -> None:
    assert collect(records.read(write(tmp_path), REGISTRY)).records == []


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(KitError, match=r"no \*\.jsonl here; give its path"):
        collect(records.read(tmp_path, REGISTRY))


def spans(record: Any) -> list[tuple[str, int | None]]:
    return [(span.text, span.start) for item in record.items for span in item.spans]


def item(text: str, start: int | None = None, label: str = "Person", **more: Any) -> dict[str, Any]:
    return {"label": label, "text": text, "start": start, "end": None if start is None else start + len(text), **more}


@pytest.mark.parametrize(
    "packed", [lambda text: f"[{text}]".encode(), lambda text: gzip.compress(f"\ufeff{text}\r\n".encode())]
)
def test_arrays_and_gzip(packed: Any, tmp_path: Path) -> None:
    path = tmp_path / "mine.json"
    path.write_bytes(packed(json.dumps(ROW)))
    assert pairs(collect(records.read(path, REGISTRY)).records[0]) == [("Person", "Ann")]


@pytest.mark.parametrize(("unit", "start", "end"), [("utf16", 4, 7), ("bytes", 7, 10)])
def test_offsets_in_other_units_are_put_right(unit: str, start: int, end: int, tmp_path: Path) -> None:
    ann = {"text": "Ann", "start": start, "end": end}
    far = ROW | {"text": "😀é Ann", "items": [{"label": "Person", **ann}]}
    typed = far | {"id": "2", "items": [{"label": "Person", "spans": [ann]}]}
    rows = collect(records.read(write(tmp_path, ROW | {"id": "0"}, far, typed), REGISTRY))
    assert [spans(record) for record in rows.records] == [[("Ann", 0)], [("Ann", 3)], [("Ann", 3)]]
    assert rows.noted == {"offsets_converted": 1}
    right = ROW | {"id": "3", "text": "😀é Ann", "items": [item("Ann", 3)]}
    with pytest.raises(KitError, match="--offsets"):
        collect(records.read(write(tmp_path, right, far), REGISTRY))
    fits_both = ROW | {"id": "4", "text": "😀é" + "aaaaaaaa", "items": [item("a", start)]}
    path = write(tmp_path, fits_both, far)
    with pytest.raises(KitError, match=f"--offsets {unit}"):
        collect(records.read(path, REGISTRY))
    forced = collect(records.read(path, REGISTRY, offsets=unit)).records
    assert [spans(record) for record in forced] == [[("a", 3)], [("Ann", 3)]]


def test_offsets_that_are_not_there_are_found_by_the_rule(tmp_path: Path) -> None:
    text = "Ann met Ann Lee."
    rows = [
        ROW | {"text": text, "items": [item("Ann"), item("Ann Lee"), item("Bob"), item("Ann", 0, "Event")]},
        ROW | {"id": "2", "text": text, "items": [item("Ann", 8), item("Ann")]},
        ROW | {"id": "4", "text": text, "items": [item("Ann", 0), item("Ann")]},
        ROW | {"id": "3", "text": text, "items": [item("Ann"), item("Ann"), item("Ann")]},
    ]
    found = collect(records.read(write(tmp_path, *rows), REGISTRY))
    assert [spans(record) for record in found.records] == [
        [("Ann", 0), ("Ann Lee", 8), ("Bob", None), ("Ann", 0)],
        [("Ann", 8), ("Ann", 0)],
        [("Ann", 0), ("Ann", 8)],
        [("Ann", 0), ("Ann", 8), ("Ann", None)],
    ]
    assert found.noted == {"offsets_added": 4}
    relation = {"label": "所属", "spans": [{"text": "Ann", "role": "head"}, {"text": "Ann Lee", "role": "tail"}]}
    tree = ROW | {
        "language": "ja",
        "task": "tcree",
        "word": "Relation Extraction",
        "text": text,
        "items": [relation] * 2,
    }
    (record,) = collect(records.read(write(tmp_path, tree | {"label": None}), REGISTRY)).records
    assert spans(record) == [("Ann", 0), ("Ann Lee", 8)] * 2


def test_blanks_at_the_ends_of_labels_are_no_part_of_them(tmp_path: Path) -> None:
    rows = [
        ROW | {"items": [item("Ann", 0, "Person\u200b "), item("Ann", 0)]},
        ROW | {"id": "2", "raw": ["a", "b"], "items": [item("Ann", None, " x ")]},
        ROW | {"id": "3", "label": " Society", "items": None},
    ]
    found = collect(records.read(write(tmp_path, *rows), REGISTRY))
    assert [pairs(record) for record in found.records[:2]] == [[("Person", "Ann")] * 2, [(" x ", "Ann")]]
    assert (found.records[2].label, found.records[2].items, found.noted) == ("Society", None, {"label_trimmed": 2})


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (json.dumps(ROW)[:-1] + ', "label": "Sports"}', "mine.jsonl:1: .*'label' is there twice"),
        (json.dumps(ROW).replace('"start": 0', '"start": NaN'), "mine.jsonl:1: .*NaN is not JSON"),
        (json.dumps(ROW).replace("left", "\\ud83d"), "mine.jsonl:1: .*text must be a string that UTF-8 can hold"),
        ('{"text": "Ann left."}', "missing 'id', 'language', .*; expected {\"id\": \"1\""),
        ('{"text": "Ann left.", "label": [[0, 3, "Person"]]}', "looks like doccano: read it with `read foreign`"),
        ('["Ann left.", {"entities": []}]', "looks like spacy"),
    ],
)
def test_what_is_refused_says_the_shape(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(KitError, match=message):
        collect(records.read(path, REGISTRY))


def test_the_table_of_readers() -> None:
    registry = load("xsid")
    assert list(READERS) == ["published", "scnm", "scpos", "tcree", "tconer", "conll", "foreign", "records"]
    for name, reader in READERS.items():
        assert find_reader(name) is reader and registry.source(reader.source) and reader.help
        parameters = signature(reader.read).parameters
        takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
        options = {option.replace("-", "_") for option in reader.options}
        assert list(parameters)[:2] == ["path", "registry"] and (
            takes_any or options == {*parameters} - {"path", "registry"}
        )
        assert set(reader.paths) <= set(reader.options)
    assert {name: reader.paths for name, reader in READERS.items() if reader.paths} == {
        "scnm": ("classes",),
        "scpos": ("lexicon",),
    }
    with pytest.raises(KitError, match="no reader 'x'; there are: published, scnm"):
        find_reader("x")
