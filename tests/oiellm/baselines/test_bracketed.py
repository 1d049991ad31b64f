"""GIELLM and USA: their prompts and replies byte for byte as published, there and back, and what else their models write."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmm_dataset import Item, Span, encode, load
from oiellm.baselines import opening
from oiellm.baselines.bracket_file import read_layout
from oiellm.baselines.bracketed import Bracketed
from oiellm.baselines.labels import ConfigLabels
from oiellm.errors import OiellmError
from oiellm.predict.engine import Reply
from oiellm.predict.questions import questions
from oiellm.recipe import View
from tests.records import make_record
from tests.strategies import garbage

REGISTRY = load()
FOLDER = Path(opening.__file__).parent
LAYOUTS = {name: read_layout(FOLDER / f"{name}.toml", REGISTRY) for name in ("giellm", "usa")}


def style(name, **release_rows):
    labels = {
        config: ConfigLabels(REGISTRY, REGISTRY.config(config), release_rows.get(config, ()))
        for config in LAYOUTS[name].configs
    }
    return Bracketed(LAYOUTS[name], labels, REGISTRY.task_words)


def question(row, asked):
    (plain,) = questions([row], REGISTRY, False, {}, View(), False)
    return asked.question(row, plain)


def read(name, row, text, finish="stop", **release_rows):
    asked = style(name, **release_rows)
    return asked.read(question(row, asked), Reply(0, text, finish, 1, 0))


SPRINGS = make_record("SPRiNGSは東京の楽団である。", [Item.pair("その他の組織名", "SPRiNGS")], label="社会")
KISS = make_record(
    "キスの場面が多い。",
    [Item.pair("中立", "キス")],
    label="ポジティブ",
    task="scpos_adj_n",
    word="Sentiment Adj and N",
)


def test_the_prompt_of_giellm_is_that_of_its_card():
    asked = question(SPRINGS, style("giellm"))
    assert asked.prompt == "SPRiNGSは東京の楽団である。 <社会><文芸><学問><技術><自然> 固有表現抽出"
    assert asked.messages == () and LAYOUTS["giellm"].max_new_tokens == 2000


def test_the_prompt_of_usa_is_that_of_its_card():
    asked = question(KISS, style("usa"))
    roles = [role for role, _ in asked.messages]
    assert roles == ["system", "user", "assistant", "user"]
    text = KISS.text
    assert asked.messages[-1][1] == f"{text}<積極><消極>{text}POS:ポジティブ;:中立;:ネガティブ;"
    assert asked.messages[2][1] == "<積極>POS:ポジティブ;親切:中立;値段:ネガティブ;高い"
    assert asked.prompt == "\n".join(content for _, content in asked.messages)


@pytest.mark.parametrize(
    "reply", ["<社会>固有表現抽出:その他の組織名;SPRiNGS", "‹社会›固有表現抽出:その他の組織名;SPRiNGS"]
)
def test_the_reply_of_giellm_is_read_in_both_brackets_of_its_card(reply):
    found = read("giellm", SPRINGS, reply)
    assert found.output == "社会/NER/:その他の組織名;SPRiNGS" == encode(SPRINGS)[1]
    assert found.lenient is None and found.deviations == ()


def test_the_reply_of_usa_is_read_into_the_labels_of_the_release():
    row = replace(KISS, text="キスの場面が多く、ストーカーもいる。", items=())
    found = read("usa", row, "<積極>POS:中立;キス:ネガティブ;ストーカー")
    assert found.output == "ポジティブ/Sentiment Adj and N/:中立;キス:ネガティブ;ストーカー"
    # A release whose own rows write the alias gets the alias.
    other = replace(KISS, label="積極", items=(Item.pair("消極", "多"),), id="t")
    found = read("usa", row, "<積極>POS:ネガティブ;キス", ja_scpos_adj_n=[other])
    assert found.output == "積極/Sentiment Adj and N/:消極;キス"


def test_a_published_row_is_answered_in_published_form():
    raw = ("J:COM春日部は埼玉にある/NER", "社会/NER/:法人名;J:COM春日部")
    row = make_record("J:COM春日部は埼玉にある", [Item.pair("法人名", "J:COM春日部")], raw=raw, origin="published")
    assert read("giellm", row, "<社会>固有表現抽出:法人名;J:COM春日部").output == raw[1]
    assert read("giellm", replace(row, raw=None), "<社会>固有表現抽出:法人名;J:COM春日部").output == (
        r"社会/NER/:法人名;J\:COM春日部"
    )


@pytest.mark.parametrize(
    "reply, deviations, lenient",
    [
        ("", {"empty"}, None),
        ("わかりません", {"no_task_word"}, None),
        ("社会", {"no_task_word"}, None),
        ("回答：<社会>固有表現抽出:地名;東京", {"no_task_word", "surrounded", "punctuation"}, "社会/NER/:地名;東京"),
        ("＜社会＞固有表現抽出：地名；東京", {"no_task_word", "punctuation"}, "社会/NER/:地名;東京"),
        ("<社会>固有表現抽出:地名;東京\n以上です", {"entity_not_in_text", "surrounded"}, "社会/NER/:地名;東京"),
        ("<社会>:地名;東京", {"no_task_word"}, "社会/NER/:地名;東京"),
        ("<社会>固有表現抽出\n- 地名;東京", {"no_task_word", "punctuation"}, "社会/NER/:地名;東京"),
        ("<社会>固有表現抽出\n東京（地名）\n", {"no_task_word", "punctuation"}, "社会/NER/:地名;東京"),
        ("<社会>固有表現抽出 なし", {"no_task_word", "punctuation"}, "社会/NER/"),
        ("<社会>固有表現抽出\n火星 -> 惑星", {"no_task_word"}, None),
        ("<社会>固有表現抽出\n東京", {"no_task_word"}, None),
        ("<社会>固有表現抽出 東京", {"no_task_word"}, None),
        ("<社会>", {"no_task_word"}, None),
        ("<政治>固有表現抽出:地名;東京", {"unknown_text_label"}, None),
        ("<社会>固有表現抽出:地名;大阪", {"entity_not_in_text"}, None),
        ("<社会>固有表現抽出:町;東京", {"unknown_label"}, None),
    ],
)
def test_what_else_a_model_writes(reply, deviations, lenient):
    found = read("giellm", SPRINGS, reply)
    assert set(found.deviations) == deviations and found.lenient == lenient
    assert (found.output == "") == ("no_task_word" in deviations or "empty" in deviations)


def test_a_reply_that_was_cut_is_read_as_far_as_it_goes_and_one_that_never_came_is_a_failure():
    assert read("giellm", SPRINGS, "<社会>固有表現抽出:地名;東", "length").deviations == ("cut",)
    assert read("giellm", SPRINGS, "", "too_long").deviations == ("too_long",)


def test_no_items():
    bare = replace(SPRINGS, items=())
    for reply in ("<社会>固有表現抽出", "<社会>固有表現抽出:無い;"):
        assert read("giellm", bare, reply).output == "社会/NER/"
    assert style("giellm").reply(bare) == "<社会>固有表現抽出"


@st.composite
def gold(draw):
    """A style, and a row of one of its configs; entities hold no separators and are not blank: these formats have neither."""
    name = draw(st.sampled_from(sorted(LAYOUTS)))
    config = REGISTRY.config(draw(st.sampled_from(sorted(LAYOUTS[name].configs))))
    task = REGISTRY.task(config.task)
    word = draw(st.sampled_from(task.words))
    pieces = draw(
        st.lists(st.text(st.sampled_from("あいう東京abc <>‹›/'ー"), min_size=1, max_size=4), min_size=1, max_size=6)
    )
    labels = ConfigLabels(REGISTRY, config)
    roles = {"Relation Extraction": ("head", "tail"), "Event Extraction": ("subject", "object", "time")}.get(word)
    chosen = filter(str.strip, draw(st.lists(st.sampled_from(pieces), max_size=3, unique=True)))
    items = []
    for piece in chosen:
        label = draw(st.sampled_from(labels.words[word].listed))
        spans = tuple(Span(piece, role=role) for role in roles or ("entity",))
        items.append(Item(label, spans))
    label = draw(st.sampled_from(labels.text.listed))
    return name, make_record("".join(pieces), items, label, config.task, word)


@given(gold())
def test_gold_written_in_a_style_is_read_as_gold(found):
    name, row = found
    asked = style(name)
    answer = asked.read(question(row, asked), Reply(0, asked.reply(row), "stop", 1, 0))
    assert answer.output == encode(row, REGISTRY.task_words)[1]
    assert answer.lenient is None and not set(answer.deviations) - {"repeated_pair"}


@given(st.sampled_from(sorted(LAYOUTS)), garbage)
def test_any_reply_at_all_is_an_answer(name, reply):
    row = SPRINGS if name == "giellm" else KISS
    found = read(name, row, reply)
    assert found.output == "" or f"/{row.word}/" in found.output


@pytest.mark.parametrize(
    "old, new, says",
    [
        ('"<>", "‹›"', '"<"', "brackets"),
        ("{task}", "{tusk}", "user has {tusk}; there are: task, text, text_labels, word_labels"),
        ("{text} ", "", "user lacks {text}"),
        ('"society"', '"sociology"', "[labels.scnm_text] 社会 = 'sociology': the registry has academia"),
        ('NER = "固有表現抽出"', 'NAR = "固有表現抽出"', "tasks: names for NER are due"),
        ('text = "scnm_text"', 'text = "x"', "[labels] x is missing"),
        ("max_new_tokens = 2000", 'max_new_tokens = "many"', "max_new_tokens is 'many': it must be a whole number"),
        ("name = ", "name ", "not TOML"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path, old, new, says):
    text = (FOLDER / "giellm.toml").read_text(encoding="utf-8").replace('"NER" =', "NER =")
    assert old in text
    path = tmp_path / "giellm.toml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(OiellmError) as error:
        read_layout(path, REGISTRY)
    assert says in str(error.value) and str(path) in str(error.value) and "\n" not in str(error.value)
