"""CoNLL of one's own; xSID in three languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from build.core import KitError
from build.readers import conll
from mmm_dataset import encode, load
from tests.build.readers.collect_rows import Rows, collect, pairs

REGISTRY = load("xsid")


def read(path: Path, **options: str) -> Rows:
    return collect(conll.read(path, REGISTRY, **options))


def write(folder: Path, content: str, name: str = "en.valid.conll") -> Path:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return path


JA = """# id = 1
# text-en = Is there any fog outside today?
# text = 今日 は 霧 が 出 ます か ？
# intent = weather/find
1\t今\tweather/find\tB-datetime
2\t日\tweather/find\tI-datetime
3\tは\tweather/find\tO
4\t霧\tweather/find\tB-weather/attribute
5\tが\tweather/find\tO
6\t出\tweather/find\tO
7\tます\tweather/find\tO
8\tか\tweather/find\tO
9\t？\tweather/find\tO
"""
EN = """# text = Is there any fog outside today?
# intent = weather/find
# slots: 13:16:weather/attribute,25:30:datetime
1\tIs\tx\tO
2\tthere\tx\tO
3\tany\tx\tO
4\tfog\tx\tB-weather/attribute
5\toutside\tx\tO
6\ttoday\tx\tB-datetime
7\t?\tx\tO

# text = Set New York City alarm
# label = alarm/set
1\tSet\tx\tO
2\tNew\tx\tB-location
3\tYork\tx\tI-location
4\tCity\tx\tI-location
5\talarm\tx\tB-object"""


def test_text_is_the_text_line_and_rows_of_one_source_share_its_id(tmp_path: Path) -> None:
    write(tmp_path, EN)
    write(tmp_path, JA, "ja.valid.conll")
    rows = read(tmp_path)
    first, second, japanese = rows.records
    assert japanese.text == "今日 は 霧 が 出 ます か ？"
    assert pairs(japanese) == [("datetime", "今日"), ("weather/attribute", "霧")]
    assert japanese.source_id == first.source_id != second.source_id
    assert [record.id for record in rows.records] == [
        "en_xsid-valid-00000",
        "en_xsid-valid-00001",
        "ja_xsid-valid-00000",
    ]
    assert pairs(second) == [("location", "New York City"), ("object", "alarm")] and second.label == "alarm/set"
    assert encode(first) == (
        "Is there any fog outside today?/Slot Filling",
        "weather/find/Slot Filling/:weather/attribute;fog:datetime;today",
    )
    assert (first.origin, first.source, first.licence) == ("own", "xsid", "CC-BY-SA-4.0")
    assert not rows.notes and {record.split for record in rows.records} == {None}


def test_split_by_file_name(tmp_path: Path) -> None:
    write(tmp_path, EN)
    write(tmp_path, JA, "ja.my-test.conll")
    assert [record.split for record in read(tmp_path, split="map").records] == ["train", "train", "test"]


def test_broken_bio_begins_an_entity(tmp_path: Path) -> None:
    rows = read(write(tmp_path, "# text = a b c d\n# intent = x\na I-p\nb I-q\nc I-q\nd B-q\n"))
    assert pairs(rows.records[0]) == [("p", "a"), ("q", "b c"), ("q", "d")]
    assert rows.noted == {"broken_bio": 2}


@pytest.mark.parametrize(
    ("language", "content", "text", "entity", "reason"),
    [
        ("en", "Rome B-p\n, O\nItaly B-p\n", "Rome , Italy", "Italy", "no_text_line"),
        ("en", "# text = Roma, Italia\nRome B-p\n, O\nItaly B-p\n", "Rome , Italy", "Italy", "text_differs"),
        ("en", "# text = Rome, Italy now\nRome B-p\n, O\nItaly B-p\n", "Rome , Italy", "Italy", "text_differs"),
        ("en", "# text = Oh, Rome, Italy\nRome B-p\n, O\nItaly B-p\n", "Rome , Italy", "Italy", "text_differs"),
        ("ja", "東 B-p\n京 I-p\nへ O\n", "東京へ", "東京", "no_text_line"),
    ],
)
def test_text_is_rebuilt_where_the_tokens_do_not_fit(
    tmp_path: Path, language: str, content: str, text: str, entity: str, reason: str
) -> None:
    rows = read(write(tmp_path, content, f"{language}.mine.conll"))
    (record,) = rows.records
    assert record.text == text and pairs(record)[-1] == ("p", entity) and rows.noted == {reason: 1}
    assert record.label is None and not record.is_annotated


def test_bad_tags_drop_the_sentence(tmp_path: Path) -> None:
    rows = read(write(tmp_path, "a E-p\n\n\n# text = b\nb B-\n\nc O\n"))
    assert rows.dropped == {"bad_tag": 2} and [record.text for record in rows.records] == ["c"]
    assert rows.drops[0].raw == "a E-p" and "en.valid.conll:1" in rows.drops[0].detail


def test_a_token_may_be_a_hash_or_a_number(tmp_path: Path) -> None:
    rows = read(write(tmp_path, "# text = 1 # 7\n# intent = x\n1\tNUM\tB-n\n#\tSYM\tO\n7\tNUM\tB-n\n"))
    assert rows.records[0].text == "1 # 7" and pairs(rows.records[0]) == [("n", "1"), ("n", "7")]
    rows = read(write(tmp_path, "# O\n1 B-n\n\n# SYM B-s\n#tag B-t\n"))
    assert [pairs(record) for record in rows.records] == [[("n", "1")], [("s", "#"), ("t", "#tag")]]
    assert [record.text for record in rows.records] == ["# 1", "# #tag"]


def test_comments_may_stand_anywhere_and_alone(tmp_path: Path) -> None:
    content = (
        "# from a book\n#\n\n# text = vitamin B and O\nvitamin O\n# checked twice\nB B-v\nand O\n#intent = x\nO I-v\n"
    )
    rows = read(write(tmp_path, content))
    (record,) = rows.records
    assert (record.text, record.label, pairs(record)) == ("vitamin B and O", "x", [("v", "B"), ("v", "O")])
    assert rows.dropped == {"no_tokens": 1} and rows.drops[0].raw == "# from a book\n#"
    assert rows.noted == {"broken_bio": 1} and rows.detail("broken_bio").startswith("en.valid.conll:4: I-v follows")


def test_i_after_o_joins_nothing(tmp_path: Path) -> None:
    rows = read(write(tmp_path, "a B-p\nb O\nc I-p\n"))
    assert pairs(rows.records[0]) == [("p", "a"), ("p", "c")] and rows.noted["broken_bio"] == 1


def test_a_row_that_can_be_no_record_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conll, "text_id", lambda text: "")
    rows = read(write(tmp_path, "a O\n"))
    assert rows.dropped == {"bad_record": 1} and not rows.records and not rows.notes
    assert rows.drops[0].id == "en.valid.conll:1" and rows.drops[0].raw == "a O"


def test_language_from_the_option(tmp_path: Path) -> None:
    path = write(tmp_path, EN, "mine.conll")
    write(tmp_path, JA, "ja.mine.conll")
    assert {record.config for record in read(path, language="en").records} == {"en_xsid"}
    assert read(path, language="en").records[0].id == "en_xsid-mine-00000"
    assert {record.config for record in read(tmp_path, language="en").records} == {"en_xsid"}
    rows = read(tmp_path)
    assert {record.config for record in rows.records} == {"ja_xsid"} and rows.noted == {"unmatched_file": 1}


def test_suffixes_in_any_case_and_files_that_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, EN, "en.valid.CONLL")
    for name in ("train.ZIP", "a.json", "b.txt", "notes.md", ".hidden.csv"):
        (tmp_path / name).write_text("")
    rows = read(tmp_path)
    assert len(rows.records) == 2
    assert [note.id for note in rows.notes] == ["a.json", "b.txt", "train.ZIP"] and set(rows.noted) == {
        "unmatched_file"
    }


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(KitError, match=r"no \*\.conll here; give its path"):
        read(tmp_path)
    path = write(tmp_path, EN, "mine.conll")
    with pytest.raises(KitError, match=r"no file of a known language: name it xx\.NAME\.conll or give --language xx"):
        read(path)
    with pytest.raises(
        KitError, match=r"no config en_tcree2|--task tcree2: not in the registry; add it with --registry"
    ):
        read(path, language="en", task="tcree2")
    with pytest.raises(KitError, match=r"mine\.conll:1: no config fr_xsid in the registry: add it with --registry"):
        read(path, language="fr")
    with pytest.raises(KitError, match="--split x: the only choice is map"):
        read(path, split="x")
    with pytest.raises(KitError, match=r"--task xsid: not in the registry; add it with --registry \(xsid ships\)"):
        collect(conll.read(path, load()))
    write(tmp_path, "\n\n")
    with pytest.raises(
        KitError, match=r"en\.valid\.conll: holds no rows: CoNLL \(a token and a BIO tag per line\) was due"
    ):
        read(tmp_path / "en.valid.conll")
    write(tmp_path, "a O\nlonely\n")
    with pytest.raises(KitError, match=r"en\.valid\.conll:2: needs a token and a tag"):
        read(tmp_path)
    (tmp_path / "en.valid.conll").write_bytes("# text = 東京\n".encode("euc-jp"))
    with pytest.raises(KitError, match="not UTF-8"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("split", "sizes", "triples"), [("valid", (300, 150, 300), 123), ("test", (500, 250, 500), 201)]
)
def test_real_xsid(real_data: Path, split: str, sizes: tuple[int, ...], triples: int) -> None:
    shared: set[str] | None = None
    for language, size in zip(("en", "ja", "zh"), sizes, strict=True):
        rows = read(real_data / "xsid-0.7" / f"{language}.{split}.conll")
        assert len(rows.records) == size and not rows.notes and not rows.drops
        assert all(record.is_annotated for record in rows.records)
        ids = {record.source_id for record in rows.records}
        shared = ids if shared is None else shared & ids
    assert shared is not None and len(shared) == triples


def test_real_xsid_as_a_folder(real_data: Path) -> None:
    rows = read(real_data / "xsid-0.7", split="map")
    assert len(rows.records) == 2000 and sum(record.split == "test" for record in rows.records) == 1250
    assert sum(len(record.items or ()) for record in rows.records) == 3644
    assert [note.id for note in rows.notes] == ["PROVENANCE.txt"] and not rows.drops
