"""Records of one's own."""

from __future__ import annotations

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


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(KitError, match=r"no \*\.jsonl here; give its path"):
        collect(records.read(tmp_path, REGISTRY))


def test_the_table_of_readers() -> None:
    registry = load("xsid")
    assert list(READERS) == ["published", "scnm", "scpos", "tcree", "tconer", "conll", "foreign", "records"]
    for name, reader in READERS.items():
        assert find_reader(name) is reader and registry.source(reader.source) and reader.help
        parameters = signature(reader.read).parameters
        takes_any = any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values())
        options = {option.replace("-", "_") for option in reader.options}
        assert list(parameters)[:2] == ["path", "registry"] and (takes_any or options == {*parameters} - {"path", "registry"})
        assert set(reader.paths) <= set(reader.options)
    assert {name: reader.paths for name, reader in READERS.items() if reader.paths} == {
        "scnm": ("classes",),
        "scpos": ("lexicon",),
    }
    with pytest.raises(KitError, match="no reader 'x'; there are: published, scnm"):
        find_reader("x")
