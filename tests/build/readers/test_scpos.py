"""SCPOS: the lexicon's rules, both annotators, both shapes of reviews."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from build.core import KitError
from build.readers import annotate_lexicon, lexicon, scpos
from mmm_dataset import encode, load
from tests.build.readers.collect_rows import Rows, collect, pairs

REGISTRY = load()

NOUNS = (
    "清潔\tp\t〜である・になる（状態）客観\n"
    '"１，２日"\te\tx\n'
    "部屋\te\tx\n"
    "屋\tn\n"
    "残念\tn\tx\n"
    "残念\tn\tx\n"
    "両極\tp\tx\n両極\tn\tx\n"
    "ボリューム\t?p?e\tx\n"
    "決壊\t　\tx\n"
    "無印\n"
    "\tp\tx\n"
    '"閉じない\tp\tx\n'
    "丁寧\tp\t〜である・になる\n"
)
PREDICATES = (
    "ポジ（評価）\t美味しい\n"
    "ネガ（評価）\t残念 だ\n"
    "ネガ（評価）\t残念 です\n"
    "ポジ（評価）\t清潔 だ\n"
    "ネガ（評価）\t気持ち が 悪い\n"
    "ネガ（評価）\t怪しげ な\n"
    "ネガ（経験）\tあがく\n"
    "ネガ（評価）\t阿鼻叫喚 だ\n"
    "ポジ（評価）\tすごい\nネガ（評価）\tすごい\n"
    "中立\t高い\n"
    "ポジ（評価）\n"
)


@pytest.fixture
def words(tmp_path: Path) -> Path:
    folder = tmp_path / "lexicon"
    folder.mkdir()
    (folder / lexicon.NOUN_FILE).write_text(NOUNS, encoding="utf-8")
    (folder / lexicon.PREDICATE_FILE).write_text(PREDICATES, encoding="utf-8")
    return folder


def read(path: Path, words: Path, annotator: str = "substring") -> Rows:
    return collect(scpos.read(path, REGISTRY, str(words), annotator))


def tsv(folder: Path, *lines: str) -> Path:
    path = folder / "pn.tsv"
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def items(rows: Rows, task: str, index: int = 0) -> list[tuple[str, str]]:
    return pairs([record for record in rows.records if record.task == task][index])


def test_lexicon_rules(words: Path) -> None:
    found = lexicon.load(words, REGISTRY)
    assert found.words["n"] == {
        "清潔": "positive",
        "１，２日": "neutral",
        "部屋": "neutral",
        "屋": "negative",
        "残念": "negative",
        '"閉じない': "positive",
        "丁寧": "positive",
    }
    # 丁寧 and 残念 are 形状詞, 清潔 a noun that is usable as one: of the noun file's words only the former are adjectives.
    assert found.words["adj"] == {
        "美味しい": "positive",
        "残念": "negative",
        "清潔": "positive",
        "気持ちが悪い": "negative",
        "怪しげ": "negative",
        "丁寧": "positive",
    }
    assert found.left_out == {
        "n_repeated": 2,
        "n_conflict": 1,
        "n_dirty_label": 4,
        "adj_repeated": 4,
        "adj_conflict": 1,
        "adj_not_adjective": 2,
        "adj_dirty_label": 2,
    }


@pytest.mark.parametrize(
    ("phrase", "word"),
    [
        ("美味しい", "美味しい"),
        ("心外だ", "心外"),
        ("心外です", "心外"),
        ("茫然と", "茫然"),
        ("気持ちが悪い", "気持ちが悪い"),
        ("汗臭い", "汗臭い"),
        ("面白かった", None),
        ("あがく", None),
        ("あきれるた", None),
        ("阿鼻叫喚の", None),
        ("うんざり", None),
        ("扱うことができる", None),
    ],
)
def test_adjective_means_the_head(phrase: str, word: str | None) -> None:
    assert lexicon.adjective(phrase, lexicon.tokenizer()) == word


def test_a_word_in_both_files_has_its_polarity_as_an_adjective(tmp_path: Path, words: Path) -> None:
    (words / lexicon.NOUN_FILE).write_text("清潔\tn\tx\n", encoding="utf-8")
    rows = read(tsv(tmp_path, "pn1\t1\t清潔\t{}\ttest"), words)
    assert items(rows, "scpos_adj") == items(rows, "scpos_adj_n") == [("ポジティブ", "清潔")]
    assert items(rows, "scpos_n") == [("ネガティブ", "清潔")]
    assert rows.noted["lexicon_conflict_between_files: 1"] == 1
    assert rows.noted["lexicon_n: 1 words (1 negative)"] == 1


def test_substring_takes_each_word_once_at_its_first_place(tmp_path: Path, words: Path) -> None:
    rows = read(tsv(tmp_path, "pn1\t1\t😀清潔な部屋、部屋が美味しい。\t{}\ttest"), words)
    assert items(rows, "scpos_n") == [("ポジティブ", "清潔"), ("中立", "部屋"), ("ネガティブ", "屋")]
    assert items(rows, "scpos_adj") == [("ポジティブ", "清潔"), ("ポジティブ", "美味しい")]
    both = next(record for record in rows.records if record.task == "scpos_adj_n")
    assert [(item.spans[0].start, item.spans[0].end) for item in both.items or ()] == [(1, 3), (4, 6), (5, 6), (10, 14)]
    assert encode(both)[1] == (
        "ポジティブ/Sentiment Adj and N/:ポジティブ;清潔:中立;部屋:ネガティブ;屋:ポジティブ;美味しい"
    )


def test_at_one_start_the_longer_word_comes_first(words: Path) -> None:
    (words / lexicon.NOUN_FILE).write_text("便\tp\tx\n便利\tp\tx\n利\tn\tx\n", encoding="utf-8")
    hits = annotate_lexicon.substring(lexicon.load(words, REGISTRY))("便利、便")
    assert [(start, end) for start, end, _ in hits] == [(0, 2), (0, 1), (1, 2)]


def test_morpheme_takes_whole_words_by_dictionary_form(tmp_path: Path, words: Path) -> None:
    text = "😀美味しかった。部屋は清潔、次の部屋は残念。気持ちが悪い。"
    rows = read(tsv(tmp_path, f"pn1\t-1\t{text}\t{{}}\ttest"), words, "morpheme")
    assert items(rows, "scpos_adj") == [("ポジティブ", "美味しかっ"), ("ポジティブ", "清潔"), ("ネガティブ", "残念")]
    # 残念 is in the noun file, but the tokenizer calls it a na-adjective and nothing else.
    assert items(rows, "scpos_n") == [("中立", "部屋"), ("ポジティブ", "清潔"), ("中立", "部屋")]


def test_adjectives_of_the_noun_file(tmp_path: Path, words: Path) -> None:
    path = tsv(tmp_path, "pn1\t1\t丁寧だ。安全だ。")
    (words / lexicon.NOUN_FILE).write_text("丁寧\tp\tx\n安全\tp\tx\n", encoding="utf-8")
    assert items(read(path, words, "morpheme"), "scpos_adj") == [("ポジティブ", "丁寧")]
    assert items(read(path, words, "morpheme"), "scpos_n") == [("ポジティブ", "安全")]
    assert items(read(path, words), "scpos_n") == [("ポジティブ", "丁寧"), ("ポジティブ", "安全")]
    assert items(read(path, words), "scpos_adj") == [("ポジティブ", "丁寧")]


def test_morpheme_takes_the_surface_as_well(tmp_path: Path, words: Path) -> None:
    (words / lexicon.PREDICATE_FILE).write_text("ポジ（評価）\t美味しく\n", encoding="utf-8")
    rows = read(tsv(tmp_path, "pn1\t1\t美味しく食べた。"), words, "morpheme")
    assert items(rows, "scpos_adj") == [("ポジティブ", "美味しく")]


def test_morpheme_offsets_hold_in_texts_longer_than_the_tokenizer_takes(words: Path) -> None:
    text = "長い文。" * 6000 + "美味しい" + "あ" * 9000 + "部屋"
    hits = annotate_lexicon.morpheme(lexicon.load(words, REGISTRY))(text)
    assert [text[start:end] for start, end, _ in hits][0] == "美味しい"


def test_three_configs_share_the_source_id(tmp_path: Path, words: Path) -> None:
    rows = read(tsv(tmp_path, "pn1\t1\t清潔。\t{}\ttest"), words)
    assert [record.config for record in rows.records] == ["ja_scpos_adj", "ja_scpos_n", "ja_scpos_adj_n"]
    assert {record.source_id for record in rows.records} == {"pn1"}
    assert {record.split for record in rows.records} == {None}
    assert {(record.origin, record.source) for record in rows.records} == {("own", "jrte-pn")}
    assert rows.records[0].id == "ja_scpos_adj-pn1" and rows.records[0].licence == "CC-BY-NC-SA-4.0"


def test_dirty_reviews(tmp_path: Path, words: Path) -> None:
    path = tsv(
        tmp_path, "pna\t0\t普通。\t{}", "pnb\t5\t変。", "pnc\t1\t  ", "pnd\t1", 'pn\t-1\t"引用で始まる', "pn\t1\t同じid"
    )
    rows = read(path, words)
    assert rows.dropped == {"neutral_row": 1, "unknown_label": 1, "empty_text": 1, "no_sentence": 1}
    assert [record.source_id for record in rows.records] == ["pn"] * 3 + ["pn-2"] * 3
    assert rows.records[0].label == "ネガティブ" and rows.records[0].text == '"引用で始まる'
    for config in ("ja_scpos_adj", "ja_scpos_n", "ja_scpos_adj_n"):
        assert rows.noted[f"rows_without_item: {config} 2 of 2 (100.0%)"] == 1


@pytest.mark.parametrize("shape", ["lines", "array"])
def test_marc_ja(tmp_path: Path, words: Path, shape: str) -> None:
    given = [
        {"review_id": "R1", "sentence": "清潔。\n残念。", "label": "positive"},
        {"sentence": "残念。", "label": 1},
        {"sentence": "残念。", "label": 0},
        {"sentence": "不明。", "label": "mixed"},
        {"text": "鍵がない"},
    ]
    lines = [json.dumps(row, ensure_ascii=False) for row in given]
    content = "\n".join(lines) if shape == "lines" else f"[{','.join(lines)}]"
    (tmp_path / "train-v1.0.json").write_text(content, encoding="utf-8")
    rows = read(tmp_path, words)
    labels = [(record.source_id[:2], record.label) for record in rows.records if record.task == "scpos_n"]
    assert [label for _, label in labels] == ["ポジティブ", "ネガティブ", "ポジティブ"] and labels[0][0] == "R1"
    assert rows.records[6].source_id == rows.records[3].source_id + "-2"
    assert {(record.origin, record.source, record.licence) for record in rows.records} == {
        ("rebuilt", "marc-ja", "withdrawn")
    }
    assert rows.dropped == {"unknown_label": 1, "no_sentence": 1}


@pytest.mark.parametrize("annotator", ["substring", "morpheme"])
def test_reviews_that_can_be_no_record_are_dropped(tmp_path: Path, words: Path, annotator: str) -> None:
    given = [{"sentence": "清潔\ud800。", "label": 0}, {"sentence": "清潔。", "label": 0, "stars": 5}]
    (tmp_path / "train-v1.0.json").write_text(json.dumps(given), encoding="utf-8")
    rows = read(tmp_path, words, annotator)
    assert rows.dropped == {"bad_record": 1} and len(rows.records) == 3 and rows.noted["extra_keys"] == 1
    assert rows.drops[0].id == "train-v1.0.json[0]"
    json.dumps(rows.drops[0].as_dict(), ensure_ascii=False).encode()


def test_other_reviews_and_empty_files_are_refused(tmp_path: Path, words: Path) -> None:
    with pytest.raises(
        KitError, match=r"pn\.tsv:1: the id is 'rhr10q1': pn\.tsv of jrte-pn .*label -1, 0 or 1.* was due"
    ):
        read(tsv(tmp_path, "rhr10q1\t0\t(笑)\t{}\tdev"), words)
    with pytest.raises(KitError, match=r"pn\.tsv: holds no rows: pn\.tsv of jrte-pn .* was due"):
        read(tsv(tmp_path), words)
    path = tsv(tmp_path, "pn1\t1\t良い")
    for name, content, due in (
        (lexicon.NOUN_FILE, "", "a noun, a tab and p, n or e"),
        (lexicon.NOUN_FILE, PREDICATES, "a noun, a tab and p, n or e"),
        (lexicon.PREDICATE_FILE, "ネガ（経験）\tあがく\n", "ポジ（評価）, a tab and an adjective"),
    ):
        before = (words / name).read_text(encoding="utf-8")
        (words / name).write_text(content, encoding="utf-8")
        with pytest.raises(KitError, match=rf"{name}: no entry can be used: lines with {due} were due"):
            read(path, words)
        (words / name).write_text(before, encoding="utf-8")


def test_mistakes_are_one_line(tmp_path: Path, words: Path) -> None:
    path = tsv(tmp_path, "pn1\t1\t良い\t{}\ttest")
    with pytest.raises(KitError, match=r"--lexicon is missing.*wago\.121808\.pn \(Japanese Sentiment.*licence: free"):
        collect(scpos.read(path, REGISTRY))
    with pytest.raises(KitError, match="--annotator x: no such annotator; there are: substring, morpheme"):
        read(path, words, "x")
    with pytest.raises(KitError, match=r"no train-v1\.0\.json or pn\.tsv here; get it from .*jrte-corpus"):
        read(words, words)
    with pytest.raises(KitError, match="no folder with pn.csv"):
        read(path, tmp_path / "nowhere")
    (words / lexicon.PREDICATE_FILE).unlink()
    with pytest.raises(KitError, match=r"no wago\.121808\.pn here; get it from https://www\.cl\.ecei.*licence: free"):
        read(path, words)


@pytest.mark.parametrize(
    ("annotator", "count", "empty"),
    [
        ("substring", 24044, {"adj": 2946, "n": 611, "adj_n": 556}),
        ("morpheme", 11126, {"adj": 2429, "n": 1841, "adj_n": 963}),
    ],
)
def test_real_data(real_data: Path, annotator: str, count: int, empty: dict[str, int]) -> None:
    rows = read(real_data / "jrte-pn", real_data / "ja-polarity-tohoku", annotator)
    assert {config: sum(r.config == config for r in rows.records) for config in {r.config for r in rows.records}} == {
        f"ja_scpos_{kind}": 4224 for kind in ("adj", "n", "adj_n")
    }
    assert rows.dropped == {"neutral_row": 1329}
    assert all(record.is_annotated for record in rows.records)
    # The exact figures follow the tokenizer's dictionary, which has no locked version: a tenth either way is the same.
    assert sum(len(record.items or ()) for record in rows.records) == pytest.approx(count, rel=0.1)
    for kind, due in empty.items():
        found = sum(not record.items for record in rows.records if record.task == f"scpos_{kind}")
        assert found == pytest.approx(due, rel=0.1)


def test_real_lexicon(real_data: Path) -> None:
    found = lexicon.load(real_data / "ja-polarity-tohoku", REGISTRY)
    assert len(found.words["n"]) == 13260 and found.left_out["n_dirty_label"] == 50
    assert len(found.words["adj"]) == pytest.approx(2068, rel=0.1)
    assert {"残念", "丁寧", "素敵", "綺麗"} <= found.words["adj"].keys() & found.words["n"].keys()
