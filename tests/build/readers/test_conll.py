"""CoNLL and its kin: columns, tag schemes, files, and records of them; xSID and WNUT-17."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build.cli import main
from build.readers import conll, foreign
from build.readers.conll.places import align
from build.readers.schemes import Scheme, Sequences, detect
from mmm_dataset import encode, load
from mmm_f1.errors import UserError
from mmm_f1.schemes import Span, Style, decode
from tests.build.readers.collect_rows import Rows, collect, pairs

REGISTRY = load("xsid", "ner-only")
Pairs = list[tuple[str, str]]


def read(path: Path, **options: str) -> Rows:
    return collect(conll.read(path, REGISTRY, **{"task": "xsid", "source": "own", "license": "CC0-1.0", **options}))


def read_ner(path: Path, **options: str) -> Rows:
    return read(path, task="ner-only", **options)


def write(folder: Path, content: str, name: str = "en.mine.conll") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def noted(rows: Rows, reason: str) -> bool:
    return any(note.reason.startswith(reason) for note in rows.notes)


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
    write(tmp_path, EN, "en.valid.conll")
    write(tmp_path, JA, "ja.valid.conll")
    rows = read(tmp_path, source="xsid", license="CC-BY-SA-4.0")
    first, second, japanese = rows.records
    assert japanese.text == "今日 は 霧 が 出 ます か ？"
    assert pairs(japanese) == [("datetime", "今日"), ("weather/attribute", "霧")]
    assert japanese.source_id == first.source_id != second.source_id
    assert [one.id for one in rows.records] == [
        "en_xsid-valid-00000",
        "en_xsid-valid-00001",
        "ja_xsid-valid-00000",
    ]
    assert pairs(second) == [("location", "New York City"), ("object", "alarm")] and second.label == "alarm/set"
    assert encode(first) == (
        "Is there any fog outside today?/Slot Filling",
        "weather/find/Slot Filling/:weather/attribute;fog:datetime;today",
    )
    assert (first.origin, first.source, first.licence, first.split) == ("own", "xsid", "CC-BY-SA-4.0", None)
    assert {note.reason for note in rows.notes if not note.reason.startswith("file: ")} == {
        "columns: token 2, tag 4, id 1",
        "scheme: IOB2",
    }


PER = [("PER", "Mia Ono")]
LAYOUTS: dict[str, tuple[str, str, Pairs]] = {  # content, text, entities
    "bioes": ("Mia\tB-PER\nOno\tE-PER\nsaw\tO\nOslo\tS-LOC\n", "Mia Ono saw Oslo", [*PER, ("LOC", "Oslo")]),
    "bilou": ("Mia\tB-PER\nOno\tL-PER\nsaw\tO\nOslo\tU-LOC\n", "Mia Ono saw Oslo", [*PER, ("LOC", "Oslo")]),
    "bmes": ("A\tB-X\nb\tM-X\nc\tE-X\nd\tS-X\n", "A b c d", [("X", "A b c"), ("X", "d")]),
    "iob1": (
        "-DOCSTART- -X- O O\n\nMia NNP I-NP I-PER\nOno NNP I-NP I-PER\nAn NNP I-NP B-PER\n",
        "Mia Ono An",
        [*PER, ("PER", "An")],
    ),
    "io": ("Mia\tI-PER\nOno\tI-PER\nran\tO\n", "Mia Ono ran", PER),
    "bare": ("Mia\tPER\nOno\tPER\nran\tO\n", "Mia Ono ran", PER),
    "lower": ("Mia\tb-PER\nOno\ti-PER\nran\to\n", "Mia Ono ran", PER),
    "suffix": ("Mia\tPER-B\nOno\tPER-I\nran\tO\n", "Mia Ono ran", PER),
    "underscore": ("Mia\tB_PER\nOno\tI_PER\nran\tO\n", "Mia Ono ran", PER),
    "blank behind a tag": ("# text = Mia Ono ran\nMia\tB-PER \nOno\tI-PER\nran\tO \n", "Mia Ono ran", PER),
    "tab behind the tags": ("# text = Mia Ono ran\nMia\tB-PER\t\nOno\tI-PER\t\nran\tO\t\n", "Mia Ono ran", PER),
    "U+200B behind a tag": ("Mia\tB-PER\u200b\nOno\tI-PER\nran\tO\u200b\n", "Mia Ono ran", PER),
    "CRLF and BOM": ("\ufeffMia\tB-PER\r\nOno\tI-PER\r\n\t\r\nran\tO\r\n", "Mia Ono", PER),
    "ids from 0": ("# text = see Mia Ono\n0\tsee\tO\n1\tMia\tB-PER\n2\tOno\tI-PER\n", "see Mia Ono", PER),
    "ids that run on": ("7\tsee\t_\tO\n8\tMia\t_\tB-PER\n\n9\tOno\t_\tB-PER\n", "see Mia", [("PER", "Mia")]),
    "multiword token": (
        "# text = Zum Bild Mia Ono\n1-2\tZum\t_\n1\tZu\tO\n2\tdem\tO\n3\tBild\tO\n4\tMia\tB-PER\n5\tOno\tI-PER\n",
        "Zum Bild Mia Ono",
        PER,
    ),
    "multiword entity": (
        "# text = visto al Mar\n1\tvisto\tO\n2-3\tal\t_\n2\ta\tO\n3\tel\tB-LOC\n4\tMar\tI-LOC\n",
        "visto al Mar",
        [("LOC", "al Mar")],
    ),
    "empty node": ("# text = Mia ran\n1\tMia\tB-PER\n2\tran\tO\n2.1\tran\tO\n", "Mia ran", [("PER", "Mia")]),
    "comma": ("Mia,B-PER\nOno,I-PER\nsang,O\n", "Mia Ono sang", PER),
    "kaggle": (
        'Sentence #,Word,POS,Tag\nSentence: 1,Mia,NNP,B-PER\n,Ono,NNP,I-PER\n,",",",",O\nSentence: 2,An,NNP,B-PER\n',
        "Mia Ono ,",
        PER,
    ),
    "pipe": ("Mia|B-PER Ono|I-PER sang|O\nAn|B-PER sang|O\n", "Mia Ono sang", PER),
    "pipe and part of speech": ("Mia|NNP|B-PER Ono|NNP|I-PER sang|V|O\n", "Mia Ono sang", PER),
    "weibo": ("欧0\tB-PER\n文1\tI-PER\n20\tO\n走0\tO\n", "欧 文 2 走", [("PER", "欧 文")]),
    "multiconer": (
        "# id 4f8d domain=en\nmia _ _ B-PER\nono _ _ I-PER\nran _ _ O\n",
        "mia ono ran",
        [("PER", "mia ono")],
    ),
    "universal ner": (
        "# sent_id = 1\n# text = Mia Ono,\n1\tMia\tB-PER\t-\tann\n2\tOno\tI-PER\t-\tann\n3\t,\tO\t-\tann\n",
        "Mia Ono,",
        PER,
    ),
    "norne": (
        "1\tMia\tMia\tPROPN\t_\t_\t2\tnsubj\t_\tname=B-PER\n"
        "2\tOno\tOno\tPROPN\t_\t_\t0\troot\t_\tSpaceAfter=No|name=I-PER\n3\t!\t!\tPUNCT\t_\t_\t1\tpunct\t_\tname=O\n",
        "Mia Ono!",
        PER,
    ),
    "conll-u plus": (
        "# global.columns = ID FORM UPOS NER\n1\tMia\tX\tB-PER\n2\tOno\tX\tI-PER\n3\tran\tX\tO\n",
        "Mia Ono ran",
        PER,
    ),
    "hash": ("#win O\n# O\n#a:b O\nMia B-PER\nOno I-PER\n", "#win # #a:b Mia Ono", PER),
    "a layer without entities": ("Mia\tB-PER\tO\nOno\tI-PER\tO\n", "Mia Ono", PER),
    "tabs cut at the end": ("1\tMia\tB-PER\tx\n2\tOno\tI-PER\n3\tran\tO\ty\n", "Mia Ono ran", PER),
    "NBSP and U+3000": ("a\u00a0b B-X\nc\u3000d O\n", "a\u00a0b c\u3000d", [("X", "a\u00a0b")]),
    "comments anywhere": (
        "# from a book\n#\n\n# text = vitamin B and O\nvitamin\tO\n# checked\nB\tB-v\nand\tO\n#x = y\nO\tB-v\n",
        "vitamin B and O",
        [("v", "B"), ("v", "O")],
    ),
    "language before every token": ("en:Mia\tB-PER\nen:Ono\tI-PER\nen:ran\tO\n", "Mia Ono ran", PER),
    "-DOCSTART- without a blank line": ("Mia B-PER\nOno I-PER\n-DOCSTART- O\nAn I-PER\n", "Mia Ono", PER),
    "a header of its own": ("word_form\tentity_type\nMia\tPER\nOno\tPER\nran\tO\n", "Mia Ono ran", PER),
    "documents": ("doc_id,sent_id,word,tag\n1,1,Mia,B-PER\n1,1,Ono,I-PER\n2,1,An,I-PER\n", "Mia Ono", PER),
    "a cell of a whole text": ("Mia,B-PER,x\nOno,I-PER," + "y" * 200_000 + "\nran,O,z\n", "Mia Ono ran", PER),
    "numbers as tokens": ("# text = 1 # 7\n1\tNUM\tB-n\n#\tSYM\tO\n7\tNUM\tB-n\n", "1 # 7", [("n", "1"), ("n", "7")]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_of_the_field(tmp_path: Path, layout: str) -> None:
    content, text, entities = LAYOUTS[layout]
    record = read_ner(write(tmp_path, content)).records[0]
    assert (record.text, pairs(record), record.label) == (text, entities, "text")


@pytest.mark.parametrize(
    ("language", "content", "texts"),
    [
        ("ko", "는\tO\n \tO\n성\tB-PS\n룡\tI-PS\n\n성\tB-PS\n \tI-PS\n룡\tI-PS\n", ["는 성룡/성룡", "성 룡/성 룡"]),
        ("ko", "성\tPS\n \tO\n룡\tPS\n", ["성 룡/성/룡"]),
        ("th", "ไป\tO\n \tO\nกรุง\tB-LOC\nเทพ\tI-LOC\n", ["ไป กรุงเทพ/กรุงเทพ"]),
        ("en", "see\tO\n \tO\nMia\tB-PER\n", ["see Mia/Mia"]),
    ],
)
def test_a_token_that_is_a_blank_is_a_blank_of_the_text(
    tmp_path: Path, language: str, content: str, texts: list[str]
) -> None:
    rows = read_ner(write(tmp_path, content), language=language)
    assert ["/".join([one.text, *(text for _, text in pairs(one))]) for one in rows.records] == texts
    assert noted(rows, "characters") is (language == "ko")


GERMEVAL = (
    "#\tn-tv.de [2005-02-26]\n1\tMia\tB-PER\tO\n2\tvom\tO\tO\n3\tOslo-Verein\tB-ORG\tB-LOC\n\n"
    "#\thttp://x.de O\n1\tMia\tB-PER\tO\n"
)
CONLLU = "1\tMia\t_\t_\t_\t_\t_\t_\t_\tname=B-PER|ner=B-ORG\n2\tran\t_\t_\t_\t_\t_\t_\t_\tname=O|ner=O\n"
REFUSED: dict[str, tuple[str, dict[str, str], str]] = {  # content, options that help, what the message names
    "two layers": (GERMEVAL, {"columns": "tag=3"}, "tag=3 or tag=4"),
    "gold and predicted": ("Mia B-PER O\nOno B-PER B-PER\n", {"columns": "tag=2"}, "tag=2 or tag=3"),
    "two keys": (CONLLU, {"columns": "tag=name"}, "tag=name or tag=ner"),
    "no tags": ("Mia\tNNP\nran\tVBD\n", {}, "--columns"),
    "names": ("Wort,Art\nMia,B-PER\nran,O\n", {"columns": "token=Wort,tag=Art"}, "--columns"),
    "ids that do not count": ("3\tMia\tx\tB-PER\n3\tran\tx\tO\n", {"columns": "token=2"}, "token=N"),
    "text of another sentence": ("# text = Ono sat\nMia\tB-PER\nran\tO\n", {"columns": "token=1"}, "# text"),
    "ragged": ("Mia B-PER\nNew York B-LOC\nran O\n", {}, ":2: 3 columns"),
    "one cell": ("Mia\tB-PER\nlonely\n", {}, ":2: "),
    "mixed schemes": ("a\tB-X\nb\tM-X\nc\tL-X\nd\tO\n", {}, "--scheme"),
    "tags of no scheme": ("a\tB-X\nb\t<X>\nc\t<Y>\nd\tO\n", {}, "--columns"),
    "broken throughout": ("a\tE-X\nb\tO\n\nc\tB-X\nd\tO\n\ne\tE-X\nf\tS-X\n", {}, "BIOES"),
    "no blank lines": ("Mia\tB-PER\nran\tO\n" * 501, {}, "sentence=N"),
    "tags without a type": ("Mia\tB\nOno\tB\nx\tO\n", {"type": "PER"}, "--type"),
    "its type elsewhere": ("Mia\tPM\tB\tPER\nran\tVB\tO\t_\n", {"columns": "type=4"}, "type=N"),
    "letter and type": ("Mia\tB\tPER\nOno\tB\tPER\nran\tO\tO\n", {"columns": "type=3"}, "type=N"),
    "a type cut off": ("Mia\tB-\n\nOno\tB-\nran\tO\n", {"type": "PER"}, "--type"),
    "some without a prefix": ("Mia\tPER\nOno\tLOC\nran\tO\nAn\tB-PER\n", {"scheme": "types"}, "--scheme types"),
    "prefix and suffix": ("Mia\tB-PER\nOno\tPER-B\nran\tO\n", {}, "one way"),
    "tags in a cell": ("IL\tB-DNA|O\ngene\tI-DNA|B-protein\nx\tO|O\n", {}, "one tag per cell"),
    "tags in a cell, blanks": ("IL B-DNA,O\ngene I-DNA,B-protein\n", {}, "one tag per cell"),
    "no tag alone": ("IL\tB-DNA|B-protein\ngene\tO\n", {}, "several tags in one cell"),
    "NEMO": ("a\tO^B-FAC\nb\tO\nc\tB-FAC^I-X\n", {}, "several tags in one cell"),
    "ids from the start again": ("1\tMia\tB-PER\n2\tran\tO\n1\tAn\tB-PER\n", {}, "blank line"),
    "row numbers of pandas": (",tokens,tags\n0,Mia,B-PER\n1,ran,O\n", {}, "sentence=N"),
    "WebAnno": ("#FORMAT=WebAnno TSV 3.3\n\n1-1\t0-3\tMia\tPER\t\n", {}, "CoNLL 2002"),
    "CoNLL-2012": ("#begin document (a); part 000\na 0 0 Mia NNP (PERSON) -\n", {}, "IOB2"),
    "lists in cells": ("n,words,tags\n1,\"['Mia']\",\"['B-PER']\"\n", {}, "read foreign"),
    "no rows": ("\n\n# a comment = x\n", {}, "no rows found"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_not_clear_is_refused_with_the_option(tmp_path: Path, case: str) -> None:
    content, options, named = REFUSED[case]
    path = write(tmp_path, content)
    if case != "names":
        with pytest.raises(UserError, match=r"en\.mine\.conll") as error:
            read_ner(path)
        assert named in str(error.value) and "\n" not in str(error.value)
    if options:
        assert ("PER", "Mia") in pairs(read_ner(path, **options).records[0])


@pytest.mark.parametrize("tags", (["B", "I", "O"], ["B-PER", "LOC", "O"], ["B-X|O", "O|B-Y", "O"]))
def test_tags_of_hf_tokens_are_refused_alike(tmp_path: Path, tags: list[str]) -> None:
    row = {"tokens": ["a", "b", "c"], "ner_tags": tags}
    path = write(tmp_path, json.dumps(row), "hf.jsonl")
    options = {"task": "ner-only", "language": "en", "source": "own", "license": "CC0-1.0"}
    with pytest.raises(UserError, match=tags[0]):
        collect(foreign.read(path, REGISTRY, **options))


def test_both_layers_can_be_had_and_documents_have_labels(tmp_path: Path) -> None:
    path = write(tmp_path, GERMEVAL.replace("http://x.de O", "http://x.de"), "de.train.tsv")
    assert [pairs(one) for one in read_ner(path, columns="tag=4").records] == [[("LOC", "Oslo-Verein")], []]
    documents = "# label = sport\n-DOCSTART- -X- O O\n\nMia NNP I-NP B-PER\n\n# label = news\nOno NNP I-NP B-PER\n"
    rows = read(write(tmp_path, documents + "\n-DOCSTART- -X- O O\n\nAn NNP I-NP B-PER\n"))
    assert [one.label for one in rows.records] == ["sport", "news", None]


def test_a_first_row_that_may_be_a_header_is_noted(tmp_path: Path) -> None:
    for content, is_noted in (
        ("Wort\tArt\nMia\tPER\nOno\tPER\nran\tO\n", True),
        ("ran\tO\nMia\tPER\nOno\tPER\n", False),
    ):
        assert noted(read_ner(write(tmp_path, content)), "header") is is_noted


def test_faults_are_counted_by_kind_and_bad_tags_drop_the_sentence(tmp_path: Path) -> None:
    good = "Mia\tB-PER\nOno\tI-PER\nran\tO\n\n" * 9
    rows = read_ner(write(tmp_path, good + "a\tO\nb\tI-LOC\n\nc\tB-\n\nd\tO\n"))
    assert rows.dropped == {"bad_tag": 1} and rows.noted["no_begin"] == 1 and len(rows.records) == 11
    assert "en.mine.conll:40" in rows.drops[0].detail and rows.drops[0].raw == "c\tB-"
    closed = good.replace("I-PER", "E-PER") + "a\tB-LOC\nb\tO\n\nc\tE-LOC\n"
    rows = read_ner(write(tmp_path, closed))
    assert (rows.noted["no_end"], rows.noted["no_begin"]) == (1, 1)
    with pytest.raises(UserError, match="no sentence with entities can be read"):
        read_ner(write(tmp_path, "a\tO\n\nb\tM-X\nc\tE-X\n"), scheme="iob2")
    assert len(read_ner(write(tmp_path, "a\tO\n\nb\tB-X\nc\tE-X\n"), scheme="bmes").records) == 2


def test_text_is_rebuilt_where_few_sentences_differ(tmp_path: Path) -> None:
    good = "# text = Mia\nMia B-p\n\n" * 3
    for text, tokens in (("Roma, Italia", "Rome , Italy"), ("Rome, Italy now", "Rome , Italy")):
        rows = read_ner(write(tmp_path, f"{good}# text = {text}\n" + "\n".join(f"{one} O" for one in tokens.split())))
        assert rows.records[-1].text == tokens and rows.noted["text_differs"] == 1
    ja = read_ner(write(tmp_path, "東 B-p\n京 I-p\nへ O\n", "ja.mine.conll"))
    assert ja.records[0].text == "東京へ" and pairs(ja.records[0]) == [("p", "東京")] and ja.noted["no_text_line"] == 1


def test_two_entities_in_one_multiword_token_cannot_be_told(tmp_path: Path) -> None:
    joint = "1-2\tal\t_\n1\ta\tB-X\n2\tel\tB-Y\n3\tMar\tO\n"
    rows = read_ner(write(tmp_path, f"1\tMia\tB-PER\n2\tran\tO\n\n{joint}"))
    assert rows.dropped == {"entities_overlap": 1} and len(rows.records) == 1


def test_empty_tokens_are_left_out(tmp_path: Path) -> None:
    good = "1\tMia\tB-PER\n2\t\tO\n3\tran\tO\n"
    rows = read_ner(write(tmp_path, f"{good}\n1\tOno\tB-PER\n2\t\tI-PER\n"))
    assert [one.text for one in rows.records] == ["Mia ran"] and rows.noted["empty_token"] == 1
    assert rows.dropped == {"empty_token": 1}


def test_the_text_label_from_an_option(tmp_path: Path) -> None:
    path = write(tmp_path, EN.replace("\tx\t", "\talarm\t").replace("1\tSet\talarm", "1\tSet\tsport"), "en.news.conll")
    assert {one.label for one in read(path, label="weather/find").records} == {"weather/find"}
    assert {one.label for one in read(path, label_from="file-name").records} == {"news"}
    assert [one.label for one in read(path, label_from="comment:label").records] == [None, "alarm/set"]
    rows = read(path, label_from="column:3")
    assert [one.label for one in rows.records] == ["alarm"] and rows.dropped == {"label_differs": 1}
    folder = write(tmp_path, EN, "data/sport/test/en.a.conll").parents[2]
    write(tmp_path, EN, "data/sport/train/en.a.conll")
    rows = read(folder, split_from="folder", label_from="folder")
    assert {one.split for one in rows.records} == {"train", "test"}
    with pytest.raises(UserError, match="--label"):
        read_ner(path, label="x")
    write(tmp_path, "Mia\t_\tB-PER\nran\t\tO\n", "empty/en.mine.conll")
    with pytest.raises(UserError, match="column:2.*empty"):
        read(tmp_path / "empty", label_from="column:2", columns="tag=3")
    for label_from, named in (("comment:topic", "topic.*intent, label"), ("column:9", "--label-from column.*9")):
        with pytest.raises(UserError, match=named):
            read(path, label_from=label_from)


def test_one_level_alone_is_annotated(tmp_path: Path) -> None:
    rows = read_ner(write(tmp_path, EN, "de.mine.conll"))
    assert all(one.is_annotated and one.config == "de_ner-only" for one in rows.records)
    assert encode(rows.records[1])[1] == "text/NER/:location;New York City:object;alarm"
    assert noted(rows, "text_labels_ignored")


def test_a_corpus_of_one_level_is_released_as_such(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = "\n".join(f"Mia{n}\tB-PER\nsaw\tO\nBeispiel{n}\tS-LOC\n" for n in range(40)).replace("B-", "S-")
    folder, registry = write(tmp_path, rows, "de.train.tsv").parent, ["--registry", "ner-only"]
    given = ["--task", "ner-only", "--source", "village", "--license", "CC-BY-4.0"]
    assert main(["read", "conll", "--from", str(folder), *given, "--out", str(tmp_path / "read"), *registry]) == 0
    tree = tmp_path / "tree"
    assert main(["export", str(tmp_path / "read/records.jsonl"), "--out", str(tree), *registry]) == 0
    assert main(["validate", str(tree), *registry]) == 0
    assert "40 rows checked: valid" in capsys.readouterr().out
    card = (tree / "README.md").read_text(encoding="utf-8")
    assert "license: cc-by-4.0" in card and "village (CC-BY-4.0; attribution)" in card and "One level alone" in card


def test_splits_by_whole_words(tmp_path: Path) -> None:
    for name in ("en.train.conll", "en_x-ud-dev.iob2", "en.test.txt"):
        write(tmp_path, EN, name)
    assert [one.split for one in read(tmp_path, split_from="file-name").records] == [
        *("test", "test", "train", "train", "validation", "validation")
    ]
    for name in ("eng.train", "eng.testa", "eng.testb"):
        write(tmp_path, EN, f"more/{name}")
    rows = read(tmp_path / "more", split_from="file-name", language="en")
    assert {one.id.rpartition("-")[0]: one.split for one in rows.records} == {
        "en_xsid-eng.train": "train",
        "en_xsid-eng.testa": "validation",
        "en_xsid-eng.testb": "test",
    }
    write(tmp_path, EN, "en.latest.conll")
    with pytest.raises(UserError, match=r"en\.latest\.conll.*--split-from"):
        read(tmp_path, split_from="file-name")


def test_a_closed_label_set_stops_or_drops(tmp_path: Path) -> None:
    path = write(tmp_path, "Mia\tB-Person\n\nOslo\tB-location\n\nran\tO\n")
    with pytest.raises(UserError, match=r"en\.mine\.conll:3: .*'location'.*--unknown-labels drop"):
        read(path, task="scnm")
    rows = read(path, task="scnm", unknown_labels="drop")
    assert len(rows.records) == 2 and rows.dropped == {"unknown_label": 1}
    with pytest.raises(UserError, match="no sentence can be read"):
        read(write(tmp_path, "Oslo\tB-location\n"), task="scnm", unknown_labels="drop")


def test_files_of_a_folder(tmp_path: Path) -> None:
    for number, suffix in enumerate(("CONLL", "iob2", "bio", "conllu", "txt", "tsv", "csv")):
        write(tmp_path, f"Mia{number}\tB-PER\nran\tO\n", f"sub{number}/en.mine.{suffix}")
    write(tmp_path, "Mia ran to Oslo.\nNothing is tagged here.\n", "en.readme.txt")
    for name in ("train.ZIP", "notes.md", ".hidden.csv", "LICENSE.txt"):
        write(tmp_path, "", name)
    rows = read_ner(tmp_path)
    assert len(rows.records) == 7 and len({one.id for one in rows.records}) == 7
    assert {note.id for note in rows.notes if note.reason == "unmatched_file"} == {
        *("train.ZIP", "en.readme.txt", "LICENSE.txt")
    }
    write(tmp_path, "Mia\tPER\nran\tO\n", "bare/en.one.conll")
    write(tmp_path, "it\tx\tO\nran\tx\tO\n", "bare/en.two.conll")
    assert [pairs(one) for one in read_ner(tmp_path / "bare").records] == [[("PER", "Mia")], []]
    # What the files hold is one thing: a scheme that only some of them show, a layer that is empty in the others.
    write(tmp_path, "Mia\tB-PER\nOno\tE-PER\n", "more/en.one.conll")
    write(tmp_path, "Mia\tB-PER\tO\nOno\tE-PER\tO\n", "more/en.two.conll")
    write(tmp_path, "Mia\tO\tO\nOno\tO\tS-LOC\n", "more/en.three.conll")
    with pytest.raises(UserError, match="tag=2 or tag=3"):
        read_ner(tmp_path / "more")


def test_language_from_name_or_option(tmp_path: Path) -> None:
    path = write(tmp_path, EN, "mine.conll")
    write(tmp_path, JA, "ja.mine.conll")
    assert read(path, language="en").records[0].id == "en_xsid-mine-00000"
    rows = read(tmp_path, language="en")
    assert {one.config for one in rows.records} == {"en_xsid"} and rows.noted["unmatched_file"] == 1
    rows = read(tmp_path)
    assert {one.config for one in rows.records} == {"ja_xsid"} and rows.noted["unmatched_file"] == 1
    with pytest.raises(UserError, match="--language"):
        read(path)


def test_language_from_the_folder(tmp_path: Path) -> None:
    for language in ("en", "ja"):
        write(tmp_path, EN, f"release/{language}_xsid/train.conll")
        row = json.dumps({"tokens": ["Mia"], "ner_tags": ["B-PER"]})
        write(tmp_path, row, f"hf/{language}_xsid/train.jsonl")
    options = {"task": "xsid", "source": "own", "license": "CC0-1.0"}
    for reader, name in ((conll.read, "release"), (foreign.read, "hf")):
        folder = tmp_path / name
        rows = collect(reader(folder, REGISTRY, **options))
        assert [one.config for one in rows.records] == sorted(one.config for one in rows.records)
        assert {one.config for one in rows.records} == {"en_xsid", "ja_xsid"}
        for path, more in ((folder / "ja_xsid", {}), (folder, {"language": "ja"})):
            one = collect(reader(path, REGISTRY, **options, **more))
            assert {record.config for record in one.records} == {"ja_xsid"}
    write(tmp_path, EN, "de/sub/it.train.conll")  # a name says more than the folder of a language
    write(tmp_path, EN, "de/sub/train.conll")
    assert {one.config[:2] for one in read_ner(tmp_path / "de").records} == {"de", "it"}
    for reader, name in ((conll.read, "en-corpus/train.conll"), (foreign.read, "en-corpus/train.jsonl")):
        with pytest.raises(UserError, match="--language"):  # "my-corpus" would be Burmese
            collect(reader(write(tmp_path, EN, name).parent, REGISTRY, **options))


def test_mistakes_in_options_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"\*\.conll"):
        read(tmp_path)
    path = write(tmp_path, "Mia\tB-PER\nran\tO\n")
    for options, named in (
        ({"task": "moon"}, "--task moon.*ner-only"),
        ({"language": "xx"}, "xx_xsid.*--registry"),
        ({"source": ""}, "--source"),
        ({"license": ""}, "--license"),
        ({"columns": "tag=9"}, "--columns"),
        ({"columns": "tag=1"}, "tag=1"),
        ({"columns": "token=2"}, "--columns"),
        ({"columns": "word=1"}, "--columns word=1"),
        ({"delimiter": "none"}, "--delimiter"),
        ({"delimiter": ";"}, "separated by"),
        ({"scheme": "moon"}, "--scheme moon"),
        ({"label": "a", "label_from": "folder"}, "--label"),
        ({"split_from": "moon"}, "--split-from"),
    ):
        with pytest.raises(UserError, match=named):
            read(path, **options)
    with pytest.raises(UserError, match="unpack"):
        read(write(tmp_path, "PK", "en.mine.zip"))
    path.write_bytes("# text = 東京\n".encode("euc-jp"))
    with pytest.raises(UserError, match="not UTF-8"):
        read(path)


TYPES = st.sampled_from(["PER", "LOC", "work-of_art"])
TAGS: dict[str, tuple[str, str, str, str]] = {  # first, middle, last, single
    "iob2": ("B", "I", "I", "B"),
    "bioes": ("B", "I", "E", "S"),
    "bilou": ("B", "I", "L", "U"),
    "bmes": ("B", "M", "E", "S"),
    "bmewo": ("B", "M", "E", "W"),
    "ioe": ("I", "I", "E", "E"),
    "iob1": ("I", "I", "I", "I"),
    "io": ("I", "I", "I", "I"),
    "types": ("", "", "", ""),
}


@st.composite
def sentences(draw: st.DrawFn) -> tuple[int, list[Span]]:
    spans, at = [], 0
    for _ in range(draw(st.integers(1, 5))):
        first = at + draw(st.integers(0, 2))
        at = first + draw(st.integers(1, 4))
        spans.append((draw(TYPES), first, at - 1))
    return at + draw(st.integers(0, 2)), spans


def as_tags(length: int, spans: list[Span], scheme: str, style: Style) -> list[str]:
    first, middle, last, single = TAGS[scheme]
    tags, before = ["O"] * length, ("", -1, -1)
    for label, start, end in spans:
        for at in range(start, end + 1):
            letter = single if start == end else first if at == start else last if at == end else middle
            if scheme == "iob1" and at == start and before[0] == label and before[2] == start - 1:
                letter = "B"
            tags[at] = label if not letter else f"{letter}-{label}" if style == "prefix" else f"{label}_{letter}"
        before = (label, start, end)
    return tags


@given(sentences(), st.sampled_from(sorted(TAGS)), st.sampled_from(["prefix", "suffix"]))
def test_entities_survive_every_scheme(sentence: tuple[int, list[Span]], name: str, style: Style) -> None:
    length, spans = sentence
    if name in ("io", "types"):  # these cannot tell neighbors of one type apart
        spans = [one for at, one in enumerate(spans) if not at or spans[at - 1][0::2] != (one[0], one[1] - 1)]
    scheme = Scheme(name, "bare" if name == "types" else style)
    tags = [scheme.parse(tag) for tag in as_tags(length, spans, name, style)]
    assert None not in tags
    assert decode([tag for tag in tags if tag], name) == (spans, [])
    found = Sequences()
    found.add([tag for tag in tags if tag])
    assert decode([tag for tag in tags if tag], detect(found, scheme.style).name)[0] == spans


@given(
    st.lists(st.text(st.characters(blacklist_categories=["Cs", "Z", "C"]), min_size=1, max_size=4), min_size=1),
    st.data(),
)
def test_tokens_are_found_between_odd_blanks(tokens: list[str], data: st.DataObject) -> None:
    blanks = st.sampled_from(["", " ", "\u3000", "\u00a0 ", "\u200b", "\t"])
    text, places = data.draw(blanks), []
    for token in tokens:
        places.append((len(text), len(text) + len(token)))
        text += token + data.draw(blanks)
    found = align(text, tokens)
    assert found is not None and [text[start:end] for start, end in found] == tokens
    for at in (0, len(text), data.draw(st.sampled_from([end for _, end in places]))):
        assert align(f"{text[:at]}\ue000{text[at:]}", tokens) is None


@given(st.text(st.sampled_from("ab12 \t\n#=-_|,OBIESPER.\u200b\u3000東"), max_size=80))
def test_whatever_a_file_holds_it_is_read_or_refused(content: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            read_ner(write(Path(folder), content))
        except UserError as error:
            assert "\n" not in str(error) or "\n" in content


@pytest.mark.parametrize(
    ("split", "sizes", "triples"), [("valid", (300, 150, 300), 123), ("test", (500, 250, 500), 201)]
)
def test_real_xsid(real_data: Path, split: str, sizes: tuple[int, ...], triples: int) -> None:
    shared: set[str] | None = None
    for language, size in zip(("en", "ja", "zh"), sizes, strict=True):
        rows = read(real_data / "xsid-0.7" / f"{language}.{split}.conll", source="xsid", license="CC-BY-SA-4.0")
        assert len(rows.records) == size and not rows.drops
        assert all(one.is_annotated for one in rows.records)
        ids = {one.source_id for one in rows.records}
        shared = ids if shared is None else shared & ids
    assert shared is not None and len(shared) == triples


def test_real_xsid_as_a_folder(real_data: Path) -> None:
    rows = read(real_data / "xsid-0.7", source="xsid", license="CC-BY-SA-4.0", split_from="file-name")
    assert len(rows.records) == 2000 and sum(one.split == "test" for one in rows.records) == 1250
    assert sum(len(one.items or ()) for one in rows.records) == 3644
    assert {reason: count for reason, count in rows.noted.items() if not reason.startswith("file: ")} == {
        "unmatched_file": 1,
        "columns: token 2, tag 4, id 1": 1,
        "scheme: IOB2": 1,
        "empty_token": 7,
    }


def test_real_wnut(real_data: Path) -> None:
    sizes = {
        "wnut17train.conll": (3394, 1975),
        "emerging.dev.conll": (1009, 836),
        "emerging.test.annotated": (1287, 1079),
    }
    for name, (sentences_, entities) in sizes.items():
        rows = read_ner(real_data / "wnut17" / name, language="en", source="wnut17", license="CC-BY-4.0")
        assert len(rows.records) == sentences_ and not rows.drops
        assert sum(len(one.items or ()) for one in rows.records) == entities


def test_real_seqeval_vectors(real_data: Path) -> None:
    """Gold and predicted columns, whose figures conlleval.pl has confirmed."""
    path = real_data / "seqeval-vectors" / "ground_truth.txt"
    gold, predicted = (
        {
            (one.id, item.label, item.spans[0].start, item.spans[0].end)
            for one in read_ner(path, language="en", columns=f"tag={column}").records
            for item in one.items or ()
        }
        for column in (3, 4)
    )
    hits = len(gold & predicted)
    assert (round(100 * hits / len(predicted), 2), round(100 * hits / len(gold), 2)) == (68.83, 80.83)
