"""The authors' released files: irregular names, bytes kept, every odd row kept and reported."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from build.core import KitError
from build.readers import published
from mmm_dataset import encode, load
from tests.build.readers.collect_rows import Rows, collect, pairs
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
    out.notes = [note for note in out.notes if note.reason not in ("missing_file", "row_count", "file_size")]
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
    assert rows.noted == {"row_count": 42, "file_size": 28, "output_no_task_word": 1, "entity_not_in_text": 1}


def test_row_counts_name_the_paper_and_known_deviations(rows: Rows, tmp_path: Path) -> None:
    counts = {note.id: note.detail for note in rows.notes if note.reason == "row_count"}
    assert counts["zh_scnm-test"] == "4 rows, 2,177 in the paper"
    row = {"input": "あ/Relation Extraction", "output": "Peachy/Relation Extraction/"}
    (tmp_path / "test_Ja_5_TCREE_2k.json").write_text(json.dumps([row] * 993), encoding="utf-8")
    (note,) = (n for n in collect(published.read(tmp_path, REGISTRY)).notes if n.reason == "row_count")
    assert note.detail.startswith("993 rows, 1,000 in the paper; known deviation: the Hub lists")
    assert note.detail.endswith("(inferred)")
    (tmp_path / "test_Ja_5_TCREE_2k.json").write_text(json.dumps([row] * 992), encoding="utf-8")
    (note,) = (n for n in collect(published.read(tmp_path, REGISTRY)).notes if n.reason == "row_count")
    assert note.detail == "992 rows, 1,000 in the paper"


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
        ("Train_En_2_SCPOS_1W_adj_n_clear2.json", ("en_scpos_adj_n", "train")),
        ("Train_En_3_SCPOS_1W_n_clear2.json", ("en_scpos_n", "train")),
        ("Train_En_4_SCPOS_1W_adj_clear2.json", ("en_scpos_adj", "train")),
        ("Train_En_5_TCREE_2k_clear2.json", ("en_tcree", "train")),
        ("test_Ch_1_SCPOS_RW_clear2.json", ("zh_scpos_rw", "test")),
        ("test_Ch_2_SCPOS_1W_adj_n_clear2.json", ("zh_scpos_adj_n", "test")),
        ("test_Ch_3_SCPOS_1W_n_clear2.json", ("zh_scpos_n", "test")),
        ("test_Ch_4_SCPOS_1W_adj_clear2.json", ("zh_scpos_adj", "test")),
        ("test_Ch_5_TCREE_2k_clear2.json", ("zh_tcree", "test")),
        ("test_En_0_SCNM_dataset.json", ("en_scnm", "test")),
        ("test_En_1_SCPOS_RW_dataset.json", ("en_scpos_rw", "test")),
        ("test_En_2_SCPOS_1W_adj_n_clear2.json", ("en_scpos_adj_n", "test")),
        ("test_En_3_SCPOS_1W_n_clear2.json", ("en_scpos_n", "test")),
        ("test_En_4_SCPOS_1W_adj_clear2.json", ("en_scpos_adj", "test")),
        ("TEST-JA-5-TCREE 2k.jsonl", ("ja_tcree", "test")),
        ("train-cn-3-scpos.JSON", ("zh_scpos_n", "train")),
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


@pytest.mark.parametrize(
    ("size", "noted"), [(275_000, False), (248_400, False), (303_600, False), (248_000, True), (304_000, True)]
)
def test_a_size_far_from_the_known_one_is_noted(tmp_path: Path, size: int, noted: bool) -> None:
    assert published.known_size("en_scnm", "train") == 276_000 and published.known_size("ja_tconer", "test") is None
    row = json.dumps(COLON)
    (tmp_path / "Train_En_0_SCNM_dataset.json").write_text(f"[{row}{' ' * (size - len(row) - 2)}]")
    rows = collect(published.read(tmp_path, REGISTRY))
    assert ("file_size" in rows.noted) == noted
    if noted:
        assert rows.detail("file_size") == f"Train_En_0_SCNM_dataset.json: {size // 1000} kB, 276 kB at the Hub"


def test_made_up_names_are_all_different() -> None:
    names = {file_name(c.language, c.task, split) for c in REGISTRY.configs.values() for split in ("train", "test")}
    assert len(names) == 42


def test_missing_unmatched_and_second_files_are_reported(tmp_path: Path) -> None:
    make_published_folder(tmp_path, rows_per_file=1)
    (tmp_path / "test_Ja_5_TCREE_2k.json").unlink()
    (tmp_path / "notes.json").write_text("[]")
    (tmp_path / "tset_Ja_5.csv.GZ").write_text("")
    (tmp_path / "fetch.lock.json").write_text("{}")
    (tmp_path / "Train_Cn_0_SCNM_dataset.json").write_text(json.dumps([COLON, {"input": "\ud800"}, 3]))
    rows = collect(published.read(tmp_path, REGISTRY))
    assert [note.id for note in rows.notes if note.reason == "missing_file"] == ["ja_tcree-test"]
    assert rows.detail("missing_file").endswith("; not matched: tset_Ja_5.csv.GZ, notes.json")
    assert {note.id for note in rows.notes if note.reason == "unmatched_file"} == {"notes.json", "tset_Ja_5.csv.GZ"}
    assert rows.dropped == {"second_file": 3} and len(rows.records) == 41
    assert {drop.id for drop in rows.drops} == {f"Train_Cn_0_SCNM_dataset.json[{index}]" for index in range(3)}
    assert "Train_Ch_0_SCNM_dataset.json" in rows.drops[0].detail and COLON["input"] in (rows.drops[0].raw or "")
    assert rows.drops[1].raw == '{"input":"\\ud800"}'


def test_of_identical_files_the_shorter_name_is_read(tmp_path: Path) -> None:
    content = json.dumps([COLON])
    for name in ("Train_Ja_0_SCNM (1).json", "Train_Ja_0_SCNM.json", "train-cn-3-scpos.JSON", "Train_En_0_SCNM.json"):
        (tmp_path / name).write_text(content)
    rows = collect(published.read(tmp_path, REGISTRY))
    assert not rows.drops and {record.config for record in rows.records} == {"ja_scnm", "zh_scpos_n", "en_scnm"}
    (note,) = (note for note in rows.notes if note.reason == "identical_copy")
    assert note.id == "Train_Ja_0_SCNM (1).json" and note.detail == "read instead: Train_Ja_0_SCNM.json, the same bytes"


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
    assert rows.detail("whole_file") == "3 of 3 rows: no_input_output"


def test_rows_that_can_be_no_record_are_dropped(tmp_path: Path) -> None:
    (tmp_path / "Train_Ja_0_SCNM.json").write_text(
        json.dumps([{"input": "\ud800/NER", "output": "x"}, COLON, {"input": "あ/NER", "output": "\ud800"}])
    )
    rows = collect(published.read(tmp_path, REGISTRY))
    assert rows.dropped == {"bad_record": 2} and len(rows.records) == 1
    assert rows.drops[0].id == "Train_Ja_0_SCNM.json[0]"
    for row in (*rows.drops, *rows.notes):
        json.dumps(row.as_dict(), ensure_ascii=False).encode()


def test_notes_on_rows_name_the_place_and_hold_the_string(tmp_path: Path) -> None:
    rows = one_file(tmp_path, "Train_Ja_0_SCNM.json", COLON, {"input": "東" * 300, "output": "社会 NER 地名;東京"})
    details = {note.reason: note.detail for note in rows.notes}
    assert details["input_no_task_word"].startswith("Train_Ja_0_SCNM.json[1]: the input ends in none of /NER: ")
    assert details["input_no_task_word"].endswith(f": '{'東' * 200}'")
    assert details["output_no_task_word"].endswith(": '社会 NER 地名;東京'")


def test_keys_that_are_not_read_are_noted_once(tmp_path: Path) -> None:
    rows = one_file(tmp_path, "Train_Ja_0_SCNM.json", COLON | {"id": 1}, COLON | {"id": 2})
    assert rows.noted == {"extra_keys": 1} and rows.detail("extra_keys") == "keys that are not read: 'id' (2 x)"


SWAPPED = {"input": COLON["output"], "output": COLON["input"]}
OTHER = {"input": "清潔/Sentiment N", "output": "ポジティブ/Sentiment N/:ポジティブ;清潔"}
CITY = {"input": "東京/NER", "output": "社会/NER/:都市;東京"}


@pytest.mark.parametrize(
    ("name", "given", "detail"),
    [
        ("Train_Ja_0_SCNM.json", [SWAPPED] * 20, "20 of 20 rows: input and output are swapped"),
        ("Train_Ja_0_SCNM.json", [SWAPPED] * 19 + [COLON], "19 of 20 rows: input and output are swapped"),
        ("Train_Ja_0_SCNM.json", [SWAPPED] * 18 + [COLON] * 2, None),
        ("Train_Ja_0_SCNM.json", [SWAPPED] * 2, None),
        (
            "Train_Ja_4_SCPOS_adj.json",
            [OTHER] * 3,
            "3 of 3 rows: rows end in /Sentiment N, the file name says Sentiment Adj",
        ),
        ("Train_Ja_0_SCNM.json", [CITY] * 3, "3 of 3 rows: unknown_label"),
        ("Train_Ja_0_SCNM.json", [COLON] * 3, None),
    ],
)
def test_a_file_that_fails_as_a_whole(
    tmp_path: Path, name: str, given: list[dict[str, str]], detail: str | None
) -> None:
    rows = one_file(tmp_path, name, *given)
    assert [note.detail for note in rows.notes if note.reason == "whole_file"] == ([detail] if detail else [])
    assert len(rows.records) == len(given)


@pytest.mark.parametrize(
    ("row", "reasons", "text", "label", "items"),
    [
        ({"input": "東京", "output": "社会/NER/:地名;東京"}, ["input_no_task_word"], "東京", "社会", 1),
        ({"input": "東京/NER", "output": "/NER/:地名;東京"}, ["output_empty_label"], "東京", None, None),
        ({"input": "東京/NER", "output": "社会/NER/地名;東京"}, ["output_broken_pair"], "東京", "社会", None),
        ({"input": "東京/NER", "output": "社会/NER/:地名;"}, ["output_empty_field"], "東京", "社会", None),
        ({"input": "東 京/NER", "output": "社会/NER/:地名; "}, ["output_empty_field"], "東 京", "社会", None),
        (
            {"input": "東京/NER", "output": "社会/NER/:地名;\u3000:地名;東京"},
            ["output_empty_field"],
            "東京",
            "社会",
            None,
        ),
        ({"input": "東京/NER", "output": "社会/NER/:\n;東京"}, ["output_empty_field"], "東京", "社会", None),
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


def test_all_broken_files_are_named_in_one_line(tmp_path: Path) -> None:
    make_published_folder(tmp_path, rows_per_file=1)
    (tmp_path / "Train_Ja_0_SCNM_5343.json").write_text("")
    (tmp_path / "test_Ja_0_SCNM_5343.json").write_text('{"data": [{"input": "a", "output": "b"}]}')
    (tmp_path / "test_Ja_0_SCNM_5343 (1).json").write_text("[oops")
    (tmp_path / "test_Cn_MRE_OIEDataset.json").write_text(json.dumps({"rows": [], "n": 0}, indent=1))
    found = []
    with pytest.raises(KitError) as error:
        found += published.read(tmp_path, REGISTRY)
    message = str(error.value)
    assert message.startswith("4 files cannot be read: ") and "\n" not in message
    assert "Train_Ja_0_SCNM_5343.json: holds no rows: a JSON array or JSON lines with the keys input, output" in message
    assert "test_Ja_0_SCNM_5343.json: a JSON array or JSON lines was due, found an object with keys data;" in message
    assert "test_Ja_0_SCNM_5343 (1).json:1: not JSON" in message
    assert message.endswith("found an object with keys rows, n")


def test_a_file_of_one_row(tmp_path: Path) -> None:
    (tmp_path / "Train_Ja_0_SCNM.jsonl").write_text(json.dumps(COLON))
    assert len(collect(published.read(tmp_path, REGISTRY)).records) == 1


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(KitError, match="ganchengguang.*CC-BY-NC-4.0"):
        collect(published.read(tmp_path, REGISTRY))
    (tmp_path / "other.json").write_text("[]")
    with pytest.raises(
        KitError,
        match=r"no file named like Train_Ja_0_SCNM_5343\.json .*\(42 in all\); not matched: other\.json here.*CC-BY-NC",
    ):
        collect(published.read(tmp_path, REGISTRY))
    for content, place in (
        ('[{"input": 1},\noops]', r"5343\.json:2: not JSON"),
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
