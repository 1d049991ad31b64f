"""The repair ladder, rung by rung, with scripted replies."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build.core import Drop
from build.translate.rows import Translator
from build.translate.rules import Plan, read_rules
from mmm_dataset import Item, Record, load
from oiellm.llm.calls import Reply
from tests.dialogues import asked, drive, translation
from tests.records import make_record

TEXT = "大森は名古屋で青葉社を創業した。"
SOURCE = make_record(
    TEXT,
    [Item.pair("人名", "大森", 0, 2), Item.pair("地名", "名古屋", 3, 6), Item.pair("法人名", "青葉社", 7, 10)],
    id="ja_scnm-1",
)
GOOD = "<1>Omori</1> founded <3>Aoba</3> in <2>Nagoya</2>."
LOST = "<1>Omori</1> founded Aoba in <2>Nagoya</2>."
ENTITIES = [("Person", "Omori"), ("Place", "Nagoya"), ("Corporation", "Aoba")]


def run(*replies, record=SOURCE, target="en", **plan):
    """Translate with replies in order; returns the outcome and the calls."""
    plan.setdefault("rules", read_rules())
    left, log = list(replies), []
    made = Translator(load(), record.config, target, Plan("weak", **plan))
    outcome = drive(made.start(record), lambda call: left.pop(0), log)
    assert not left, f"not asked for: {left}"
    return outcome, log


SCPOS = {"label": "ポジティブ", "task": "scpos_adj", "word": "Sentiment Adj"}


def span(text):
    return json.dumps({"span": text}, ensure_ascii=False)


def entities(outcome):
    return [(item.label, item.spans[0].text) for item in outcome.row.items]


def test_level_1_tagged_text_in_one_call():
    outcome, log = run(translation(GOOD))
    row = outcome.row
    assert entities(outcome) == ENTITIES and row.text == "Omori founded Aoba in Nagoya." and row.label == "Society"
    assert [row.text[i.spans[0].start : i.spans[0].end] for i in row.items] == [text for _, text in ENTITIES]
    assert [item.source_item for item in row.items] == [0, 1, 2]
    assert (row.id, row.config, row.source_id) == ("en_scnm-1", "en_scnm", SOURCE.source_id)
    assert outcome.result.repair_level == "tagged" and outcome.is_whole
    assert asked(log[0])["text"] == "<1>大森</1>は<2>名古屋</2>で<3>青葉社</3>を創業した。"
    assert log[0].temperature == 0 and log[0].schema


def test_labels_are_never_shown_to_the_model():
    _, log = run(translation(LOST), span("Aoba"))
    shown = json.dumps([call.messages for call in log], ensure_ascii=False)
    assert not any(label in shown for label in ("人名", "法人名", "社会", "Person", "Corporation", "Society"))


def test_level_2_a_lost_tag_is_asked_for():
    outcome, log = run(translation(LOST), span("Aoba"))
    assert entities(outcome) == ENTITIES and outcome.result.repair_level == "span" and outcome.is_whole
    assert asked(log[1]) == {
        "source": TEXT.replace("青葉社", "<3>青葉社</3>"),
        "translation": "Omori founded Aoba in Nagoya.",
    }
    assert outcome.result.tried == {"span_tried": 1, "span_repaired": 1}


def test_level_2_an_answer_that_is_not_in_the_text_is_told_so():
    outcome, log = run(translation(LOST), span("Aoba Inc."), span("Aoba"))
    assert entities(outcome) == ENTITIES
    assert asked(log[2])["not_in_translation"] == {"3": "Aoba Inc."} and log[2].key != log[1].key


def test_level_2_an_answer_that_is_no_text_is_no_answer():
    outcome, log = run(translation(LOST), '{"span": "\\ud83d"}', span("Aoba"))
    assert entities(outcome) == ENTITIES and all(call.key for call in log)


def test_level_2_a_doubled_tag_chooses_among_its_places():
    doubled = "<1>Omori</1> founded <3>Aoba</3> in <2>Nagoya</2>, <3>Aoba</3> of Nagoya."
    outcome, _ = run(translation(doubled), span("Aoba"))
    assert outcome.row.items[2].spans[0].start == 14


def test_level_3_the_text_is_written_again():
    outcome, log = run(translation(LOST), span("Acme"), span("Acme"), translation(GOOD))
    assert entities(outcome) == ENTITIES and outcome.result.repair_level == "rewrite"
    told = asked(log[3])
    assert told["previous"] == LOST and told["problems"] == ["the piece <3> '青葉社' is not marked"]


def test_level_3_also_mends_what_a_check_finds():
    outcome, log = run(translation(GOOD.replace("Nagoya", "名古屋")), translation(GOOD))
    assert outcome.result.repair_level == "rewrite" and asked(log[1])["problems"] == ["名古屋 is not translated"]


def test_level_4_a_stronger_model():
    bad = translation(LOST.replace("Aoba", "青葉社"))
    outcome, log = run(*[bad, span("x"), span("x")] * 3, translation(GOOD), stronger="strong")
    assert [call.model for call in log] == ["weak"] * 9 + ["strong"]
    assert outcome.result.repair_level == "stronger_model" and outcome.result.model == "strong"
    assert outcome.result.tried["stronger_model_repaired"] == 1


WITHOUT = translation("<1>Omori</1> founded it in <2>Nagoya</2>.")


def test_level_5_no_counterpart_drops_the_item():
    outcome, _ = run(*[WITHOUT, span(None)] * 3)
    assert entities(outcome) == ENTITIES[:2] and [item.source_item for item in outcome.row.items] == [0, 1]
    assert [(note.reason, note.detail) for note in outcome.notes] == [("no_counterpart", "item 2: 法人名;青葉社")]
    assert not outcome.is_whole and [flag.check for flag in outcome.flags] == ["no_counterpart"]


def test_level_5_or_the_row():
    outcome, _ = run(*[WITHOUT, span(None)] * 3, drop_items=False)
    assert isinstance(outcome.row, Drop) and outcome.row.reason == "no_counterpart"
    assert "青葉社" in outcome.row.detail and outcome.row.raw


def test_level_5_a_rewriting_may_find_words_for_it():
    outcome, log = run(WITHOUT, span(None), translation(GOOD))
    assert entities(outcome) == ENTITIES and "choose a wording that has some" in asked(log[2])["problems"][0]


@pytest.mark.parametrize(
    "reply, reason",
    [
        ("Omori founded Aoba.", "lost_tag"),  # no JSON: a draft like any other
        ("I'm sorry, I cannot help with that.", "malformed_reply"),
        ("", "malformed_reply"),
        ('{"text": "x"}', "malformed_reply"),
        ('{"translation": 3}', "malformed_reply"),
        ('{"translation": "\\ud800"}', "malformed_reply"),
        (translation(" "), "empty_translation"),
        (Reply(translation(GOOD), "length"), "truncated"),
        (translation(LOST), "lost_tag"),
        (translation(GOOD.replace("</3>", "")), "broken_tag"),
        (translation(GOOD + " <3>Co</3>."), "doubled_tag"),
        (translation(GOOD + "</3>"), "broken_tag"),
        (translation(GOOD + " ＜4＞"), "markup_left"),
        (translation(GOOD.replace("<2>", "<2")), "markup_left"),
        (translation(GOOD.replace("</2>", "</2")), "markup_left"),
        (translation(GOOD.replace("<2>", "[2]").replace("</2>", "[/2]")), "markup_left"),
        (translation(GOOD.replace("<3>", "&quot;<3>")), "markup_left"),
        (translation(f"<b>{GOOD}</b><br/>"), "markup_left"),
        # Python refuses to read a number of that length.
        pytest.param(translation(GOOD + f" <{'1' * 5000}>"), "markup_left", id="huge tag"),
        (translation(GOOD.replace("Aoba", "\u200b")), "lost_tag"),
        (translation(GOOD.replace("Nagoya</2>.", "Nagoya <2>.</2>").replace("<2>N", "N")), "lost_tag"),
        (translation(GOOD.replace("Nagoya", "なごや")), "residual_kana"),
        (translation(GOOD.replace("Nagoya", "名古屋")), "residual_kanji"),
    ],
)
def test_level_6_every_reason(reply, reason):
    def model(call):
        return span("not there") if call.purpose == "span" else reply

    made = Translator(load(), "ja_scnm", "en", Plan("weak", read_rules()))
    log = []
    outcome = drive(made.start(SOURCE), model, log)
    assert isinstance(outcome.row, Drop) and outcome.row.reason == reason
    assert outcome.row.id == SOURCE.id and (outcome.row.raw is not None)
    rewrites = [call for call in log if call.purpose == "rewrite"]
    assert len({call.key for call in rewrites}) == len(rewrites) == 2  # a second try is not the cached first one


def test_an_item_that_is_not_in_its_own_text_cannot_be_tagged():
    outcome, log = run(record=make_record("青葉社は名古屋にある。", [Item.pair("人名", "大森")]))
    assert outcome.row.reason == "source_item_not_in_text" and "大森" in outcome.row.detail and not log


def test_items_without_offsets_are_looked_for():
    record = make_record("東京大学は東京にある。", [Item.pair("地名", "東京"), Item.pair("施設名", "東京大学")])
    outcome, log = run(translation("<1>The University of Tokyo</1> is in <2>Tokyo</2>."), record=record)
    assert asked(log[0])["text"] == "<1>東京大学</1>は<2>東京</2>にある。"
    assert [item.spans[0].text for item in outcome.row.items] == ["Tokyo", "The University of Tokyo"]


def test_a_server_that_refuses_a_row_costs_that_row_and_one_call():
    outcome, log = run(Reply("too long", "refused"))
    assert outcome.row.reason == "reply_refused" and outcome.row.detail == "too long" and len(log) == 1
    outcome, _ = run(Reply("", "filter"))
    assert outcome.row.reason == "reply_filter"


@pytest.mark.parametrize("method", ["tags", "paper"])
def test_a_call_that_never_got_an_answer_costs_its_row(method):
    outcome, log = run(Reply("500: boom", "failed"), method=method)
    assert (outcome.row.reason, outcome.row.detail) == ("no_reply", "500: boom") and len(log) == 1


def test_a_stronger_model_is_asked_where_the_first_gave_no_answer():
    outcome, log = run(Reply("500", "failed"), translation(GOOD), stronger="strong")
    assert outcome.is_whole and [call.model for call in log] == ["weak", "strong"]


def test_a_blank_row_is_dropped_and_not_counted_as_translated():
    for text in (" ", "\u3000\n"):
        outcome, log = run(record=make_record(text, [], id="ja_scnm-1"))
        assert outcome.row.reason == "blank_source" and not log


def test_an_invented_tag_is_taken_out():
    outcome, _ = run(translation(f"<9>{GOOD}</9>"))
    assert entities(outcome) == ENTITIES and [flag.check for flag in outcome.flags] == ["invented_tag"]


def test_code_fences_are_read():
    outcome, _ = run(f"```json\n{translation(GOOD)}\n```")
    assert entities(outcome) == ENTITIES


def test_a_doubt_is_asked_about_once_and_then_flagged():
    record = make_record(
        "とても面倒です。", [Item.pair("ポジティブ", "面倒", 3, 5)], "ポジティブ", "scpos_adj", "Sentiment Adj"
    )
    outcome, log = run(*[translation("非常<1>面倒</1>。")] * 2, record=record, target="zh")
    assert [flag.check for flag in outcome.flags] == ["copied_span"] and len(log) == 2
    better, _ = run(translation("非常<1>面倒</1>。"), translation("非常<1>麻烦</1>。"), record=record, target="zh")
    assert better.row.items[0].spans[0].text == "麻烦" and not better.flags
    worse, _ = run(translation("非常<1>面倒</1>。"), *["{}"] * 3, record=record, target="zh")
    assert worse.row.reason == "malformed_reply"  # a doubt that was not cleared up is none that was


PHOTO = "会社の部屋と返事と料金が好きだ。"


def photo(*words):
    """A translation that renders three words so."""
    return translation("我喜欢单位的<1>{}</1>、<2>{}</2>和<3>{}</3>。".format(*words))


def test_a_doubt_that_comes_up_last_is_told_too_and_then_flagged():
    """Each rewriting leaves another word as it was: the row is kept, as an insisting model is right as often as not."""
    items = [
        Item.pair("ポジティブ", word, PHOTO.index(word), PHOTO.index(word) + 2) for word in ("部屋", "返事", "料金")
    ]
    record = make_record(PHOTO, items, **SCPOS)
    chain = [photo("部屋", "答复", "价格"), photo("房间", "返事", "价格"), photo("房间", "答复", "料金")]
    outcome, log = run(*chain, photo("房间", "答复", "料金"), record=record, target="zh")
    assert outcome.is_whole and [flag.check for flag in outcome.flags] == ["copied_span"] and len(log) == 4
    outcome, log = run(*chain, chain[0], record=record, target="zh")  # told three times of such words
    assert outcome.is_whole and len(log) == 4
    outcome, _ = run(*chain, photo("房间", "答复", "价格"), record=record, target="zh")
    assert outcome.is_whole and not outcome.flags


def test_a_doubt_that_was_cleared_up_and_comes_again_is_new():
    record = make_record("とても面倒です。", [Item.pair("ポジティブ", "面倒", 3, 5)], **SCPOS)
    copied, lost, good = "非常<1>面倒</1>。", "非常麻烦。", "非常<1>麻烦</1>。"
    replies = [translation(copied), translation(lost), span("x"), span("x"), translation(copied), translation(good)]
    outcome, _ = run(*replies, record=record, target="zh")
    assert outcome.row.items[0].spans[0].text == "麻烦" and not outcome.flags


def test_without_rewriting_a_doubt_is_a_flag(tmp_path):
    (tmp_path / "mine.toml").write_text("[ladder]\nrewrites = 0\n")
    record = make_record("とても面倒です。", [Item.pair("ポジティブ", "面倒", 3, 5)], **SCPOS)
    rules = read_rules(tmp_path / "mine.toml")
    outcome, log = run(translation("非常<1>面倒</1>。"), record=record, target="zh", rules=rules)
    assert [flag.check for flag in outcome.flags] == ["copied_span"] and len(log) == 1


def test_two_mentions_that_become_one_are_one_item():
    expensive = [Item.pair("ネガティブ", "高い", start, start + 2) for start in (0, 7)]
    record = make_record("高い。とにかく高い。", expensive, **SCPOS)
    outcome, _ = run(translation("It is really <1>expensive</1>."), span("expensive"), record=record)
    assert len(outcome.row.items) == 1 and [note.reason for note in outcome.notes] == ["merged_item"]


def test_a_span_is_not_set_into_another_one():
    """Nagoya is taken; the model's answer for the company must not land there."""
    outcome, _ = run(translation(LOST), span("Nagoya"), span("Nagoya"), translation(GOOD))
    assert entities(outcome) == ENTITIES and outcome.result.repair_level == "rewrite"


def test_relations_share_a_tag_for_one_argument():
    from mmm_dataset import Span

    spans = {"a": (0, 3), "b": (4, 6), "c": (7, 9)}
    text = "山田社と東京と大阪。"
    part = {name: text[a:b] for name, (a, b) in spans.items()}
    items = [
        Item("所在地", (Span(part["a"], *spans["a"], "head"), Span(part[x], *spans[x], "tail"))) for x in ("b", "c")
    ]
    record = make_record(text, items, "ITライフハック", "tcree", "Relation Extraction")
    outcome, log = run(translation("<1>Yamada</1>, <2>Tokyo</2> and <3>Osaka</3>."), record=record)
    assert [[(s.role, s.text) for s in item.spans] for item in outcome.row.items] == [
        [("head", "Yamada"), ("tail", "Tokyo")],
        [("head", "Yamada"), ("tail", "Osaka")],
    ]
    assert asked(log[0])["text"].count("<1>") == 1


def dense(sentences):
    pieces, items, at = [], [], 0
    for number in range(sentences):
        piece = f"味{number}は良い、床{number}は汚い。"
        for word, label in (("良い", "ポジティブ"), ("汚い", "ネガティブ")):
            start = at + piece.index(word)
            items.append(Item.pair(label, word, start, start + 2))
        pieces.append(piece)
        at += len(piece)
    return make_record("".join(pieces), items, "ポジティブ", "scpos_adj", "Sentiment Adj")


WORDS = {"味": "Taste ", "は": " is ", "良い": "good", "、": ", ", "床": "floor ", "汚い": "dirty", "。": ". "}


def english(call):
    text = asked(call)["text"]
    for a, b in WORDS.items():
        text = text.replace(a, b)
    return translation(text.strip())


def test_dense_rows_go_in_parts():
    record = dense(20)
    made, log = Translator(load(), "ja_scpos_adj", "en", Plan("weak", read_rules())), []
    outcome = drive(made.start(record), english, log)
    assert outcome.is_whole and len(outcome.row.items) == 40 and len(log) == 4
    assert all(asked(call)["context"] == record.text for call in log)
    assert "dirty. Taste 6 is" in outcome.row.text  # a blank between sentences of a language that has them
    assert [item.spans[0].text for item in outcome.row.items] == ["good", "dirty"] * 20


NAMES = "甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未"


def test_a_dense_sentence_is_repaired_in_one_call():
    """One sentence, 18 tags, and a model that gives none back: one call asks for them all."""
    text = "、".join(f"大森{name}" for name in NAMES) + "が集まった。"
    items = [Item.pair("人名", f"大森{n}", text.index(f"大森{n}"), text.index(f"大森{n}") + 3) for n in NAMES]
    target = ", ".join(f"Omori{number}" for number in range(10, 28)) + " met."
    log = []

    def model(call):
        if call.purpose != "span":
            return translation(target)
        pieces = re.findall(r"<(\d+)>(.+?)</", asked(call)["source"])
        return json.dumps({number: f"Omori{10 + NAMES.index(piece[-1])}" for number, piece in pieces})

    made = Translator(load(), "ja_scnm", "en", Plan("weak", read_rules()))
    outcome = drive(made.start(make_record(text, items, id="ja_scnm-1")), model, log)
    assert outcome.is_whole and [item.spans[0].text for item in outcome.row.items] == target[:-5].split(", ")
    assert [call.purpose for call in log] == ["tagged", "span"]


@pytest.mark.parametrize("target, went, at", [("en", " went to ", "."), ("zh", "去了", "。")])
def test_line_breaks_between_parts_stay(target, went, at):
    """Models strip the ends of what they write."""
    text = "\n".join(f"大森{n}は東京{n}へ行った。" for n in "甲乙丙丁戊己庚辛") + "\n"
    items = []
    for name in "甲乙丙丁戊己庚辛":
        for label, word in (("人名", f"大森{name}"), ("地名", f"東京{name}")):
            items.append(Item.pair(label, word, text.index(word), text.index(word) + 3))

    def model(call):
        out = re.sub(r"<(\d+)>[^<]*</\1>", r"<\1>N\1</\1>", asked(call)["text"])
        return translation(out.replace("は", went).replace("へ行った。", at).strip())

    log = []
    made = Translator(load(), "ja_scnm", target, Plan("weak", read_rules()))
    outcome = drive(made.start(make_record(text, items, id="ja_scnm-1")), model, log)
    assert len(log) > 1 and outcome.row.text == "".join(f"N{n}{went}N{n + 1}{at}\n" for n in range(1, 17, 2))


def test_a_part_of_a_long_text_sees_the_sentences_around_it():
    text = "".join(f"大森は東京へ{number}回行った。" for number in range(1000))
    log = []
    made = Translator(load(), "ja_scnm", "en", Plan("weak", read_rules()))
    drive(made.start(make_record(text, [Item.pair("人名", "大森", 0, 2)], id="ja_scnm-1")), lambda call: "?", log)
    first = [asked(call) for call in log if call.purpose == "tagged"]
    assert len(first) > 5
    for told in first:
        plain, context = told["text"].replace("<1>", "").replace("</1>", ""), told["context"]
        assert plain in context and len(context) <= len(plain) + 2000
        assert context.startswith("大森") and context.endswith("。") and context in text
    assert "".join(told["text"] for told in first).replace("<1>", "").replace("</1>", "") == text


def test_one_part_that_fails_drops_the_row():
    made = Translator(load(), "ja_scpos_adj", "en", Plan("weak", read_rules()))
    outcome = drive(made.start(dense(20)), lambda call: "?" if "味8" in asked(call)["text"] else english(call))
    assert outcome.row.reason == "malformed_reply"


HANT = "<1>大森</1>在<2>名古屋</2>創辦了<3>青葉社</3>。"
HANS = "<1>大森</1>在<2>名古屋</2>创办了<3>青叶社</3>。"


@pytest.mark.parametrize(
    "said, plan, kept",
    [
        (HANS, {}, True),
        (HANT, {}, False),
        (HANT, {"script": "Hant"}, True),
        (HANS, {"script": "Hant"}, False),
        (HANT, {"convert_script": True}, True),
        (HANS, {"script": "Hant", "convert_script": True}, True),
    ],
)
def test_a_script_is_kept_to_and_converted_when_asked(said, plan, kept):
    log = []
    made = Translator(load(), "ja_scnm", "zh", Plan("weak", read_rules(), **plan))
    outcome = drive(made.start(SOURCE), lambda call: translation(said), log)
    assert isinstance(outcome.row, Record) == kept and (kept or outcome.row.reason == "residual_kanji")
    if kept:
        assert outcome.row.items[2].spans[0].text == ("青葉社" if "script" in plan else "青叶社") and len(log) == 1
    assert ("Traditional Chinese" in log[0].messages[0][1]) == ("script" in plan)


def test_all_lost_spans_are_asked_for_in_one_call():
    log = []
    replies = iter([translation("Omori founded Aoba in Nagoya."), '{"1": "Omori", "2": "Nagoya", "3": "Aoba"}'])
    made = Translator(load(), "ja_scnm", "en", Plan("weak", read_rules()))
    outcome = drive(made.start(SOURCE), lambda call: next(replies), log)
    assert entities(outcome) == ENTITIES and len(log) == 2
    assert asked(log[1])["source"] == "<1>大森</1>は<2>名古屋</2>で<3>青葉社</3>を創業した。"


def test_a_judge_sees_the_tags():
    log = []
    made = Translator(load(), "ja_scnm", "en", Plan("weak", read_rules(), judge="judge"))
    outcome = drive(
        made.start(SOURCE), lambda call: '{"score": 30}' if call.purpose == "judge" else translation(GOOD), log
    )
    assert asked(log[1])["translation"] == GOOD and [flag.check for flag in outcome.flags] == ["quality"]


BROKEN = ["<", "<2", "</3", ">", "1>", "<x2>", "[1]", "[/3]", "&quot;", "&#39;", "<br/>"]
PIECES = [*(f"<{n}>" for n in range(1, 5)), *(f"</{n}>" for n in range(1, 4)), *"a .東い", "&lt;", "\\", *BROKEN]
ANSWERS = [span(None), span(""), span("a"), "null", "[]", "{}", '{"span": 3}', translation(GOOD), translation(LOST)]
hostile_replies = st.one_of(
    st.text(max_size=40),
    st.lists(st.sampled_from(PIECES), max_size=14).map("".join).map(translation),
    st.sampled_from(ANSWERS),
)


@given(
    st.lists(
        st.tuples(hostile_replies, st.sampled_from(["stop", "length", "filter", "refused"])), min_size=1, max_size=9
    )
)
def test_whatever_a_model_says_a_kept_row_is_valid(replies):
    """Replies of any kind, over and over: the ladder ends, and what it keeps can be released."""
    from build.row_checks import Report, check_row
    from mmm_dataset.schema import to_row

    count = 0

    def model(call):
        nonlocal count
        count += 1
        text, finish = replies[count % len(replies)]
        return Reply(text, finish)

    outcome = drive(
        Translator(load(), "ja_scnm", "en", Plan("weak", read_rules(), stronger="strong")).start(SOURCE), model
    )
    assert count <= 2 * (1 + 2 + 3 * 2) * (1 + 2 * 3)  # two models; rewrites for faults, and for doubts of two checks
    if isinstance(outcome.row, Record):
        assert not re.search(r"[<>]|&\w+;|&#|\[/?\d", outcome.row.text)
        report = Report()
        check_row(to_row(outcome.row, load().task_words), "en_scnm", load(), "row", report)
        assert not report.errors
