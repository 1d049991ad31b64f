"""What models write around a translation and into its tags: stripped where that is safe, found where it is not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build.markup import scan
from build.row_checks import Report, check_row
from build.translate.drafts import read_draft
from build.translate.language import read_language
from build.translate.wrapping import added_text, unwrap
from mmm_dataset import Item, load
from mmm_dataset.schema import to_row
from oiellm.llm.calls import Reply
from tests.double.mistakes import INSIDES, SPELLINGS, WRAPPINGS, spelled
from tests.records import make_record

SOURCE = "大森は名古屋で青葉社を創業した。"
TAGS = {1: (0, 2), 2: (3, 6), 3: (7, 10)}
GOOD = "<1>Omori</1> founded <3>Aoba</3> in <2>Nagoya</2>."
LANGUAGES = read_language("ja", load()), read_language("en", load())


def read(text, source=SOURCE, tags=None, languages=LANGUAGES):
    return read_draft(Reply(text), TAGS if tags is None else tags, source, languages)


def as_json(text):
    return json.dumps({"translation": text}, ensure_ascii=False)


@pytest.mark.parametrize("form", [as_json, str], ids=["json", "bare"])
@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_what_stands_around_is_stripped(wrapping, form):
    tagged = "<1>大森</1>は<2>名古屋</2>で<3>青葉社</3>を創業した。"
    draft = read(form(wrapping.replace("{source}", tagged).replace("{target}", "English").replace("{}", GOOD)))
    assert (draft.tagged, draft.faults, draft.loose) == (GOOD, [], {})
    assert draft.is_unwrapped


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_tags_of_another_spelling_are_tags(spelling):
    assert read(as_json(spelled(GOOD, spelling))).tagged == GOOD


@pytest.mark.parametrize("inside", INSIDES)
@pytest.mark.parametrize("number, word", [(1, "Omori"), (3, "Aoba"), (2, "Nagoya")])
def test_what_stands_in_a_tag_is_stripped(inside, number, word):
    wrong = inside.replace("{n}", str(number)).replace("{}", word)
    draft = read(as_json(GOOD.replace(f"<{number}>{word}</{number}>", wrong)))
    assert (draft.tagged, draft.faults) == (GOOD, [])


def test_every_reply_of_the_shared_cases(real_data):
    """Replies that real models gave, which do not ship."""
    path = real_data.parent / "cases" / "replies" / "replies.json"
    if not path.is_file():
        pytest.skip(f"no shared cases: {path} is not there")
    cases = json.loads(path.read_text(encoding="utf-8"))
    for wrapping in cases["translation_wrapped"]:
        for form in (as_json, str):
            draft = read(form(wrapping.replace("{}", GOOD)))
            assert (draft.tagged, draft.faults) == (GOOD, []), wrapping
    for tagged in cases["translation_tags"]:
        draft = read(as_json(f"{tagged} came."), "美亜が来た。", {1: (0, 2)})
        assert (draft.tagged, draft.faults) == ("<1>Mia</1> came.", []), tagged


@pytest.mark.parametrize(
    "source, target",
    [
        ("「部屋は広い。」", "“The room is large.”"),
        ("翻訳：山田太郎", "Translation: Taro Yamada"),
        ("値は**大きい**。", "The value is **large**."),
        ("部屋は広い（注：南側）。", "The room is large (note: the south side)."),
        ("もっと、もっと。もっと、もっと。", "More, more. More, more."),
        ("タグは<1>と書く。", "Write &lt;1&gt; for a tag."),
        ("\n部屋は広い。\n", "\nThe room is large.\n"),
        ("「広い」と「静か」", '"Large" and "quiet"'),
        ("株式会社青葉を訪ねた。", "I visited Aoba Co., Ltd."),
    ],
)
def test_what_the_source_has_too_stays(source, target):
    draft = read(as_json(target), source, {})
    assert draft.text == scan(target).text and not draft.faults


def test_an_abbreviation_keeps_its_full_stop():
    source, tags = "株式会社青葉は広い。", {1: (0, 6)}
    assert read(as_json("<1>Aoba Co., Ltd.</1> is large."), source, tags).tagged == "<1>Aoba Co., Ltd.</1> is large."


def test_a_text_keeps_its_closing_bracket_when_its_source_is_taken_off():
    source = "実行せよ：\nprint(items[3])"
    draft = read(as_json(f"{source}\nRun this:\nprint(items[3])"), source, {})
    assert draft.text == "Run this:\nprint(items[3])"


@pytest.mark.parametrize(
    "wrong, check",
    [
        ("I translated the names as well.\n" + GOOD, "added_text"),
        (f"{GOOD}\nLet me know if you need more.", "added_text"),
        (f"As asked, {SOURCE} {GOOD}", "added_text"),
        (GOOD.replace("Omori", "**Omori"), "markup_left"),
        (GOOD.replace("Aoba</3> in", "Aoba.</3> In"), "span_mark"),
    ],
)
def test_what_cannot_be_stripped_safely_is_found(wrong, check):
    assert check in {fault.check for fault in read(as_json(wrong)).faults}


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "null",
        "...",
        '{"translation": "<1>Om',
        '```json\n{"translation"',
        "<think>The name",
        "I'm sorry, I can't help.",
        "抱歉，我无法翻译。",
    ],
)
def test_a_reply_without_a_translation_is_no_draft(reply):
    assert [fault.check for fault in read(reply).faults] == ["malformed_reply"]


def test_thoughts_are_no_part_of_a_bare_text():
    assert read(f"<think>Names first.</think>\n{GOOD}").tagged == GOOD


@given(st.text("<>/1Tab .“”*():\n译文：", max_size=60))
def test_whatever_a_model_writes_is_read(text):
    once = unwrap(text, TAGS, SOURCE, LANGUAGES)
    added_text(SOURCE, scan(once).text)
    for languages in (LANGUAGES, LANGUAGES[::-1]):
        read(as_json(text), languages=languages)
    assert len(once) <= len(text) + text.count("<") + text.count("<") * 2


@pytest.mark.parametrize(
    "text, entity, kind",
    [
        ("Translation: Omori came.", "Omori", "added_text"),
        ("译文：大森来了。", "大森", "added_text"),
        ("Omori came. (Note: a name)", "Omori", "added_text"),
        ("**Omori came.**", "Omori", "added_text"),
        ("Omori came. Omori came.", "Omori", "added_text"),
        ("Omori  came.", "Omori ", "span_edges"),
        ("\u200bOmori came.", "\u200bOmori", "span_edges"),
        ("**Omori** came.", "**Omori**", "span_edges"),
    ],
)
def test_validate_knows_them_in_translated_rows(text, entity, kind):
    at = text.index(entity)
    for source_item, is_translated in ((0, False), (None, True), (None, False)):
        item = Item.pair("Person", entity, at, at + len(entity), source_item=source_item)
        report, record = Report(), make_record(text, [item], "Society", language="en")
        row = to_row(record, load().task_words)
        check_row(row, record.config, load(), "row 1", report, is_translated=is_translated)
        assert (kind in report.errors) == (source_item is not None or is_translated), report
