"""The authors' released files: irregular names, bytes kept, every odd row kept and reported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from build.sources import published
from build.steps import KitError
from mmm_dataset import encode, load
from tests.build.sources.collect_rows import Rows, collect, pairs
from tests.published_folder import COLON, NOT_IN_TEXT, UNPARSABLE, file_name, make_published_folder

REGISTRY = load()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_published_folder(tmp_path_factory.mktemp("published"), rows_per_file=4)


@pytest.fixture(scope="module")
def rows(folder: Path) -> Rows:
    return collect(published.read(folder, REGISTRY))


def one_file(folder: Path, name: str, *rows: object) -> Rows:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    out = collect(published.read(folder, REGISTRY))
    out.notes = [note for note in out.notes if note.reason not in ("missing_file", "row_count")]
    return out


def test_42_files_give_21_configs(folder: Path, rows: Rows) -> None:
    assert len(list(folder.iterdir())) == 42
    assert {record.config for record in rows.records} == set(REGISTRY.configs)
    assert len(rows.records) == 42 * 4 and not rows.drops
    for split in ("train", "test"):
        assert sum(record.split == split for record in rows.records) == 21 * 4


def test_rows_keep_their_bytes_and_say_where_they_are_from(folder: Path, rows: Rows) -> None:
    for record in rows.records:
        assert encode(record) == record.raw
        assert (record.origin, record.source, record.licence) == ("published", "mmm", "CC-BY-NC-4.0")
        assert record.source_id == record.id
    text = (folder / "test_Cn_MRE_OIEDataset.json").read_text(encoding="utf-8")
    for record in rows.records:
        if (record.config, record.split) == ("zh_tconer", "test"):
            assert record.raw is not None and record.raw[0] in text and record.raw[1] in text


def test_order_and_ids(rows: Rows) -> None:
    ids = [record.id for record in rows.records if record.config == "ja_scnm"]
    assert ids[:2] == ["ja_scnm-train-000000", "ja_scnm-train-000001"] and ids[4] == "ja_scnm-test-000000"


def test_both_task_words_of_tcree(rows: Rows) -> None:
    for language in ("ja", "en", "zh"):
        records = [record for record in rows.records if record.config == f"{language}_tcree"]
        assert {record.word for record in records} == {"Relation Extraction", "Event Extraction"}
        for record in records:
            assert record.items and [span.role for span in record.items[0].spans][0] in ("head", "subject")


def test_an_entity_with_a_separator_is_put_together(rows: Rows) -> None:
    (record,) = (record for record in rows.records if record.raw == (COLON["input"], COLON["output"]))
    assert pairs(record) == [("法人名", "J:COM春日部"), ("地名", "春日部市")]
    assert record.items and record.items[0].spans[0].start == 0


def test_odd_rows_are_kept_and_reported(rows: Rows) -> None:
    (record,) = (record for record in rows.records if record.raw == (UNPARSABLE["input"], UNPARSABLE["output"]))
    assert (record.text, record.label, record.items) == ("The sun rose.", None, None)
    (record,) = (record for record in rows.records if record.raw == (NOT_IN_TEXT["input"], NOT_IN_TEXT["output"]))
    assert record.items and record.items[0].spans[0].start is None
    assert rows.noted == {"row_count": 42, "output_no_task_word": 1, "entity_not_in_text": 1}


def test_row_counts_name_the_paper_and_known_deviations(rows: Rows, tmp_path: Path) -> None:
    counts = {note.id: note.detail for note in rows.notes if note.reason == "row_count"}
    assert counts["zh_scnm-test"] == "4 rows, 2,177 in the paper"
    row = {"input": "あ/Relation Extraction", "output": "Peachy/Relation Extraction/"}
    (tmp_path / "test_Ja_5_TCREE_2k.json").write_text(json.dumps([row] * 993), encoding="utf-8")
    (note,) = (n for n in collect(published.read(tmp_path, REGISTRY)).notes if n.reason == "row_count")
    assert note.detail.startswith("993 rows, 1,000 in the paper; known deviation: the Hub lists")
    assert note.detail.endswith("(inferred)")


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Train_Ch_0_SCNM_dataset.json", ("zh_scnm", "train")),
        ("Train_Ch_1_SCPOS_RW_clear2.json", ("zh_scpos_rw", "train")),
        ("Train_Ch_2_SCPOS_1W_adj_n_clear2.json", ("zh_scpos_adj_n", "train")),
        ("Train_Ch_3_SCPOS_1W_n_clear2.json", ("zh_scpos_n", "train")),
        ("Train_Ch_4_SCPOS_1W_adj_clear2.json", ("zh_scpos_adj", "train")),
        ("Train_Ch_5_TCREE_2k_clear2.json", ("zh_tcree", "train")),
        ("Train_Ch_MRE_OIEDataset.json", ("zh_tconer", "train")),
        ("Train_En_0_SCNM_dataset.json", ("en_scnm", "train")),
        ("Train_En_1_SCPOS_RW_dataset.json", ("en_scpos_rw", "train")),
        ("Train_Ja_0_SCNM_5343.json", ("ja_scnm", "train")),
        ("Train_Ja_2_SCPOS_18W_adj_n.json", ("ja_scpos_adj_n", "train")),
        ("test_Ch_0_SCNM_dataset.json", ("zh_scnm", "test")),
        ("test_Cn_MRE_OIEDataset.json", ("zh_tconer", "test")),
        ("test_Ja_5_TCREE_2k.json", ("ja_tcree", "test")),
        ("TEST-JA-5-TCREE 2k.jsonl", ("ja_tcree", "test")),
        ("Train_Ja_3_SCPOS_1_test_MRE_OIE.json", ("ja_scpos_n", "train")),
        ("dev_Ja_5_TCREE_2k.json", None),
        ("latest_Ja_5_TCREE_2k.json", None),
        ("Train_Ko_0_SCNM.json", None),
        ("Train_Ja_9_OTHER.json", None),
        ("README.json", None),
    ],
)
def test_names(name: str, key: tuple[str, str] | None) -> None:
    assert published.match_name(name, REGISTRY) == key


def test_made_up_names_are_all_different() -> None:
    names = {file_name(c.language, c.task, split) for c in REGISTRY.configs.values() for split in ("train", "test")}
    assert len(names) == 42


def test_missing_unmatched_and_second_files_are_reported(tmp_path: Path) -> None:
    make_published_folder(tmp_path, rows_per_file=1)
    (tmp_path / "test_Ja_5_TCREE_2k.json").unlink()
    (tmp_path / "notes.json").write_text("[]")
    (tmp_path / "fetch.lock.json").write_text("{}")
    (tmp_path / "Train_Cn_0_SCNM_dataset.json").write_text("[]")
    rows = collect(published.read(tmp_path, REGISTRY))
    assert [note.id for note in rows.notes if note.reason == "missing_file"] == ["ja_tcree-test"]
    assert [note.id for note in rows.notes if note.reason == "unmatched_file"] == ["notes.json"]
    assert rows.dropped == {"second_file": 1} and "Train_Ch_0_SCNM_dataset.json" in rows.detail("second_file")


def test_files_in_subfolders_and_download_caches(tmp_path: Path) -> None:
    make_published_folder(tmp_path / "MMM-dataset-Trainset" / ".cache", rows_per_file=1)
    with pytest.raises(KitError, match=r"no \*\.json or"):
        collect(published.read(tmp_path, REGISTRY))
    make_published_folder(tmp_path / "MMM-dataset-Trainset", rows_per_file=1)
    assert len(collect(published.read(tmp_path, REGISTRY)).records) == 42


def test_rows_without_strings_are_dropped(tmp_path: Path) -> None:
    rows = one_file(tmp_path, "Train_Ja_0_SCNM.json", {"input": "a/NER"}, {"input": "a/NER", "output": 3}, "text")
    assert rows.dropped == {"no_input_output": 3} and not rows.records
    assert rows.drops[0].raw == '{"input":"a/NER"}'


@pytest.mark.parametrize(
    ("row", "reasons", "text", "label", "items"),
    [
        ({"input": "東京", "output": "社会/NER/:地名;東京"}, ["input_no_task_word"], "東京", "社会", 1),
        ({"input": "東京/NER", "output": "/NER/:地名;東京"}, ["output_empty_label"], "東京", None, None),
        ({"input": "東京/NER", "output": "社会/NER/地名;東京"}, ["output_broken_pair"], "東京", "社会", None),
        ({"input": "東京/NER", "output": "社会/NER/:地名;"}, ["output_empty_field"], "東京", "社会", None),
        ({"input": "東京/NER", "output": "社会/NER/:都市;東京"}, ["unknown_label"], "東京", "社会", 1),
        ({"input": "東京/NER", "output": "世間/NER/:地名;東京"}, ["unknown_text_label"], "東京", "世間", 1),
        ({"input": "東京/NER", "output": "社会/NER/:地名;東京:地名;東京"}, ["repeated_pair"], "東京", "社会", 2),
        ({"input": "a;地名;b/NER", "output": "社会/NER/:地名;a;地名;b"}, [], "a;地名;b", "社会", 1),
        ({"input": "東京/NER", "output": "社会/NER/:無い;"}, [], "東京", "社会", 0),
        ({"input": "東京/NER", "output": "社会/NER/"}, [], "東京", "社会", 0),
    ],
)
def test_every_oddity_is_named(
    tmp_path: Path, row: dict[str, str], reasons: list[str], text: str, label: str | None, items: int | None
) -> None:
    rows = one_file(tmp_path, "test_Ja_0_SCNM_5343.json", row)
    (record,) = rows.records
    assert [note.reason for note in rows.notes] == reasons
    assert (record.text, record.label) == (text, label)
    assert (None if record.items is None else len(record.items)) == items
    assert record.raw == (row["input"], row["output"])


def test_an_ambiguous_row_is_reported(tmp_path: Path) -> None:
    row = {"input": "a:地名;b/NER", "output": "社会/NER/:地名;a:地名;b"}
    assert one_file(tmp_path, "test_Ja_0_SCNM.json", row).noted == {"ambiguous": 1}


def test_a_row_without_task_word_takes_it_from_the_output(tmp_path: Path) -> None:
    row = {"input": "青空社が優勝。", "output": "Sports Watch/Event Extraction/"}
    rows = one_file(tmp_path, "test_Ja_5_TCREE.json", row)
    assert rows.records[0].word == "Event Extraction"


@pytest.mark.parametrize("content", ["", "[]"])
def test_an_empty_file_counts_as_no_rows(tmp_path: Path, content: str) -> None:
    (tmp_path / "Train_Ja_0_SCNM_5343.json").write_text(content)
    rows = collect(published.read(tmp_path, REGISTRY))
    assert not rows.records and rows.detail("row_count") == "0 rows, 1,000 in the paper"


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(KitError, match="ganchengguang.*CC-BY-NC-4.0"):
        collect(published.read(tmp_path, REGISTRY))
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(KitError, match=r"no file named like Train_Ja_0_SCNM_5343\.json .*\(42 in all\).*CC-BY-NC"):
        collect(published.read(tmp_path, REGISTRY))
    for content, place in (
        ('[{"input": 1},\n]', r"5343\.json:2: not JSON"),
        ('{"input": 1}\n{', r"5343\.json:2: not JSON"),
    ):
        (tmp_path / "Train_Ja_0_SCNM_5343.json").write_text(content)
        with pytest.raises(KitError, match=place):
            collect(published.read(tmp_path, REGISTRY))
    (tmp_path / "Train_Ja_0_SCNM_5343.json").write_bytes('["日本"]'.encode("shift-jis"))
    with pytest.raises(KitError, match="not UTF-8"):
        collect(published.read(tmp_path, REGISTRY))


def test_a_byte_order_mark_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "Train_Ja_0_SCNM_5343.json").write_text(json.dumps([COLON]), encoding="utf-8-sig")
    assert len(collect(published.read(tmp_path, REGISTRY)).records) == 1
