"""TCREE: the authors' CSV, and snippets of the livedoor corpus."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from build.core import KitError
from build.readers import livedoor, tcree
from build.readers.sentences import split_sentences
from mmm_dataset import load
from tests.build.readers.collect_rows import Rows, collect

REGISTRY = load()
HEAD = "http://news.livedoor.com/article/detail/1/\n2012-02-20T15:00:00+0900\n題名の行は本文ではないので、どんなに長くても断片にはならない。\n"
LONG = (
    "これは一文だけで十分に長いので、そのまま一つの断片になり、"
    + "次の文とは決して一緒にならず、いつでも必ず独り立ちする文である。"
)
SHORT = "短い文である。"


def read(path: Path, unknown_labels: str = "stop") -> Rows:
    return collect(tcree.read(path, REGISTRY, unknown_labels))


def article(folder: Path, body: str, name: str = "sports-watch-1") -> Path:
    place = folder / name.rpartition("-")[0]
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{name}.txt").write_text(HEAD + body, encoding="utf-8")
    (place / "LICENSE.txt").write_text(
        "「文章」です。これは記事ではないので、断片にしてはいけない文である。", encoding="utf-8"
    )
    return folder


def texts(rows: Rows) -> list[str]:
    return [record.text for record in rows.records]


@pytest.mark.parametrize(
    ("paragraph", "sentences"),
    [
        ("一つ。二つ！三つ？", ["一つ。", "二つ！", "三つ？"]),
        ("本当！？はい。", ["本当！？", "はい。"]),
        ("「はい。いいえ。」と言う。次。", ["「はい。いいえ。」と言う。", "次。"]),
        ("『外「内。」外。』終。　次。", ["『外「内。」外。』終。", "次。"]),
        ("（注。あり）文。", ["（注。あり）文。"]),
        ("閉じ」が余る。次。", ["閉じ」が余る。", "次。"]),
        ("閉じが余る。」次。", ["閉じが余る。」次。"]),
        ("「開いたまま。次。", ["「開いたまま。次。"]),
        ("終わりなし", ["終わりなし"]),
        ("", []),
    ],
)
def test_sentences(paragraph: str, sentences: list[str]) -> None:
    assert [paragraph[start:end] for start, end in split_sentences(paragraph)] == sentences


def test_snippets_are_one_or_two_sentences_verbatim(tmp_path: Path) -> None:
    second = "二つ目の文は、少し短いけれども、前の文と合わせれば良い。"
    rows = read(article(tmp_path, f"　{LONG}{SHORT}{second}\n\n{SHORT}\n"))
    assert texts(rows) == [LONG, SHORT + second]
    assert rows.dropped == {"too_short": 1}
    record = rows.records[0]
    assert (record.id, record.source_id) == ("ja_tcree-sports-watch-1-1", "sports-watch-1-1")
    assert (record.label, record.items, record.word) == ("Sports Watch", None, "Relation Extraction")
    assert (record.origin, record.source, record.licence) == ("rebuilt", "livedoor", "CC-BY-ND-2.1-JP")


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("■" + LONG[:-1] + "！", "boilerplate"),
        ("・" + LONG[:-1] + "（2009年08月19日）", "boilerplate"),
        ("——" + LONG[:-1], "boilerplate"),
        ("【特集】" + LONG[:-1] + "！", "boilerplate"),
        ("【関連リンク】" + LONG, "boilerplate"),
        ("関連記事：" + LONG, "boilerplate"),
        *(
            (word + LONG, "boilerplate")
            for word in ("関連サイト", "クチコミを見る", "販売元", "記事執筆", "もっと見る", "続きを読む", "発売日：")
        ),
        ("3.貯金の目安を決める", "boilerplate"),
        (LONG[:-1] + "http://example.com/から取得できる。", "url"),
        (LONG[:-1] + "写真：田中。", "credit"),
        (LONG[:-1] + "<br>。", "markup"),
        (LONG[:-1], "no_sentence"),
        ("ALL LATIN TEXT WITHOUT ANY KANA AT ALL, BUT LONG ENOUGH TO COUNT AS ONE!", "no_sentence"),
        ("とても" * 60 + "長い。", "too_long"),
    ],
)
def test_what_is_not_prose_is_dropped_with_its_reason(tmp_path: Path, line: str, reason: str) -> None:
    rows = read(article(tmp_path, f"{line}\n{LONG}"))
    assert rows.dropped == {reason: 1} and texts(rows) == [LONG]
    assert rows.drops[0].raw == line and rows.drops[0].id == "sports-watch-1:4"


@pytest.mark.parametrize("mark", ["——", "・", "■ ", "●　", "※", "*"])
def test_a_mark_before_prose_is_left_off(tmp_path: Path, mark: str) -> None:
    assert texts(read(article(tmp_path, mark + LONG))) == [LONG]


def test_a_question_behind_a_dash_is_prose(tmp_path: Path) -> None:
    question = LONG[:-1] + "ですか？"
    assert texts(read(article(tmp_path, "——" + question))) == [question]
    assert texts(read(article(tmp_path, "【東京】" + LONG))) == ["【東京】" + LONG]


def test_a_link_is_left_out_by_itself(tmp_path: Path) -> None:
    before, after = "前にある文も後ろにある文もそのまま残る。", "後ろの文は、前の文の隣ではないので、一緒にはならない。"
    rows = read(article(tmp_path, f"{LONG}{before}（関連リンク：これは別の記事である。）。{after * 2}"))
    assert texts(rows) == [LONG, after * 2]
    assert rows.dropped == {"boilerplate": 1, "too_short": 1}
    assert rows.drops[1].raw == "（関連リンク：これは別の記事である。）。"


@pytest.mark.parametrize(
    ("lengths", "kept"),
    [
        ((livedoor.SHORTEST,), [livedoor.SHORTEST]),
        ((livedoor.SHORTEST - 1,), []),
        ((livedoor.LONGEST,), [livedoor.LONGEST]),
        ((livedoor.LONGEST + 1,), []),
        ((livedoor.ALONE - 1, 40), [livedoor.ALONE + 39]),
        ((livedoor.ALONE, 40), [livedoor.ALONE, 40]),
        ((50, livedoor.LONGEST - 50), [livedoor.LONGEST]),
        ((50, livedoor.LONGEST - 49), [50, livedoor.LONGEST - 49]),
    ],
)
def test_lengths_at_their_edges(tmp_path: Path, lengths: tuple[int, ...], kept: list[int]) -> None:
    body = "".join(char * (length - 1) + "。" for char, length in zip("あい", lengths))
    assert [len(text) for text in texts(read(article(tmp_path, body)))] == kept


def test_repeated_snippets_count_once(tmp_path: Path) -> None:
    article(tmp_path, LONG)
    rows = read(article(tmp_path, f"{LONG}\n{LONG}", "peachy-2"))
    assert [record.label for record in rows.records] == ["Peachy"] and rows.dropped == {"repeated_snippet": 2}
    assert {drop.detail for drop in rows.drops} == {"the same text as peachy-2-1"}


def test_an_article_without_a_body_is_dropped(tmp_path: Path) -> None:
    article(tmp_path, "", "peachy-2")
    rows = read(article(tmp_path, LONG))
    assert rows.dropped == {"no_body": 1} and rows.drops[0].id == "peachy-2" and len(rows.records) == 1


@pytest.mark.parametrize("given", ["folder", "category", "archive", "folder of archive"])
def test_layouts(tmp_path: Path, given: str) -> None:
    article(tmp_path / "text", LONG, "it-life-hack-12")
    (tmp_path / "text" / "CHANGES.txt").write_text(LONG)
    path = {"folder": tmp_path, "category": tmp_path / "text" / "it-life-hack"}.get(given)
    if path is None:
        (tmp_path / "down").mkdir()
        path = tmp_path / "down" / "ldcc-20140209.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            tar.add(tmp_path / "text", "text")
        path = path if given == "archive" else path.parent
    rows = read(path)
    assert [(record.source_id, record.label) for record in rows.records] == [("it-life-hack-12-1", "ITライフハック")]


def table(folder: Path, *lines: str) -> Path:
    path = folder / "TCREE_dataset.csv"
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8-sig")
    return path


def test_the_authors_csv_in_the_unified_format(tmp_path: Path) -> None:
    path = table(
        tmp_path,
        "id,input,output",
        "1,田中は青空社に所属。/Relation Extraction,Sports Watch/Relation Extraction/:田中;所属;青空社:",
        "2,青空社が優勝。/Event Extraction,スポーツ/Event Extraction/:青空社;優勝;;:",
        "3,単語なし,Peachy/Event Extraction/",
        "4,壊れた行。/Event Extraction,Peachy",
        "5,,x",
    )
    for one in (tmp_path, path):
        with pytest.raises(KitError, match="TCREE_dataset.csv:3: .*'スポーツ'.*--unknown-labels drop"):
            read(one)
    rows = read(path, "drop")
    first, third, fourth = rows.records
    assert first.label == "Sports Watch" and first.items and len(first.items[0].spans) == 2
    assert not third.is_annotated and not fourth.is_annotated and fourth.text == "壊れた行。"
    assert first.origin == "rebuilt" and first.source == "tcree"
    assert rows.noted == {
        "input_no_task_word": 1,
        "output_no_task_word": 1,
    }
    assert rows.dropped == {"empty_text": 1, "unknown_label": 1}
    assert rows.detail("output_no_task_word").startswith("TCREE_dataset.csv:5: ")
    assert rows.detail("output_no_task_word").endswith(": 'Peachy'")


def test_the_authors_csv_with_text_and_label(tmp_path: Path) -> None:
    rows = read(table(tmp_path, "label,text", 'smax,"引用, と文。"', ",分類なし。", "smax"))
    assert [(record.text, record.label) for record in rows.records] == [
        ("引用, と文。", "エスマックス"),
        ("分類なし。", None),
    ]
    assert rows.dropped == {"empty_text": 1} and rows.noted == {"no_text_label": 1}


def test_mistakes_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(KitError, match=r"name the columns input and output, or text and label; found: 文, 類"):
        read(table(tmp_path, "文,類", "a,b"))
    with pytest.raises(
        KitError, match=r"TCREE_dataset\.csv: holds no rows: a table with rows below its header was due"
    ):
        read(table(tmp_path, "text,label"))
    (tmp_path / "TCREE_dataset.csv").unlink()
    with pytest.raises(KitError, match=r"https://www\.rondhuit\.com/download\.html.*CC-BY-ND"):
        read(tmp_path)
    with pytest.raises(KitError, match=r"none: no TCREE_dataset\.csv and no livedoor corpus"):
        read(tmp_path / "none")
    (tmp_path / "a-b.txt").write_text("x")
    with pytest.raises(KitError, match=r"no TCREE_dataset\.csv and no livedoor corpus"):
        read(tmp_path)
    (tmp_path / "x.tar.gz").write_bytes(b"no archive")
    with pytest.raises(KitError, match="not a whole tar archive"):
        read(tmp_path)
    with pytest.raises(
        KitError, match=r"a-b\.txt: not a whole tar.*: the corpus as a folder, or ldcc-20140209\.tar\.gz, was"
    ):
        read(tmp_path / "a-b.txt")
    (tmp_path / "x.tar.gz").unlink()
    article(tmp_path, LONG)
    (tmp_path / "sports-watch" / "sports-watch-2.txt").write_bytes(LONG.encode("euc-jp"))
    with pytest.raises(KitError, match=r"sports-watch-2\.txt: not UTF-8"):
        read(tmp_path)


def test_real_data(real_data: Path) -> None:
    rows = read(real_data / "livedoor")
    articles = {record.source_id.rpartition("-")[0] for record in rows.records}
    assert len(articles) == 717 and len({record.label for record in rows.records}) == 9
    assert len(rows.records) == 8368
    assert rows.dropped["boilerplate"] == 3666 and rows.dropped["repeated_snippet"] == 237
    assert all(livedoor.SHORTEST <= len(record.text) <= livedoor.LONGEST for record in rows.records)
    for record in rows.records[::500]:
        category, number, _ = record.source_id.rsplit("-", 2)
        path = real_data / "livedoor" / category / f"{category}-{number}.txt"
        assert record.text in path.read_text(encoding="utf-8")
