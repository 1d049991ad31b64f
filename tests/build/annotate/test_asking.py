"""The dialogues of a row: second tries, repairs, reasons, offsets."""

import json
from dataclasses import replace

import pytest
from hypothesis import given

from build.annotate.asking import Asked, word_vote
from build.annotate.prompts import Prompts
from build.annotate.question import Example, make_question
from build.annotate.votes import consensus
from mmm_dataset import encode
from mmm_f1.unified import TASK_WORDS
from oiellm.llm.calls import Reply
from tests.build.annotate.driver import REGISTRY, annotator, drive, row, say, script
from tests.records import EVENTS, RELATIONS
from tests.strategies import TYPED, hostile

REVIEW = "高い。とにかく高い。でも料理は悪くない。"
RW = {"text": REVIEW, "label": "ポジティブ", "task": "scpos_rw", "word": "Sentiment Relation Word"}
NEWS = {
    "text": "青い森製作所は6月1日、青い森製作所の新型「ソラン」を発売した。",
    "label": "ITライフハック",
    "task": "tcree",
}


def text_level(*replies, **changes):
    return drive(annotator(**changes).start(row(items=())), script(*replies))


def word_level(fields, *replies, **changes):
    return drive(annotator(**changes).start(row(**fields)), script(*replies))


def test_a_label_is_asked_for_greedily_and_once():
    result, asked = text_level(say(label="社会", confidence=0.8))
    assert result.record.label == "社会" and result.record.is_annotated and result.confidence == 0.8
    (call,) = asked
    assert (call.temperature, call.vote, call.purpose, call.max_tokens) == (0.0, 0, "text", 100)
    assert call.schema["properties"]["label"]["anyOf"][0]["enum"] == ["社会", "文芸", "学問", "技術", "自然"]


@pytest.mark.parametrize("said, label", [("文艺学", "文艺"), ("学问", "学术"), ("学問", None)])
def test_aliases_are_read(said, label):
    result, asked = drive(annotator().start(row(items=(), language="zh")), script(say(label=said), say(label=said)))
    assert result.record.label == label and len(asked) == (1 if label else 2)


def test_case_and_width_do_not_matter_in_a_closed_set():
    result, _ = drive(annotator().start(row(items=(), language="en")), script(say(label="ｓociety")))
    assert result.record.label == "Society"


@pytest.mark.parametrize(
    "replies, reason, calls",
    [
        (["what?", "社会か"], "malformed_reply", 2),
        ([say(label="経済"), say(label="政治")], "unknown_label", 2),
        ([say(label="経済"), "?"], "malformed_reply", 2),
        ([say(label=None)], "abstained", 1),
        ([Reply("", "filter")], "filter", 1),
        ([Reply("too long", "refused")], "refused", 1),
        ([Reply("500: no", "failed")], "no_reply", 1),
        ([Reply('{"label"', "length"), Reply('{"label"', "length")], "truncated", 2),
        (["?", Reply("", "filter")], "filter", 2),
    ],
)
def test_every_failure_has_its_reason_and_keeps_the_raw_replies(replies, reason, calls):
    result, asked = text_level(*replies)
    ((level, decision),) = result.failures()
    assert (level, decision.reason, len(asked)) == ("text", reason, calls)
    assert result.record.label is None
    assert decision.votes[0].replies == tuple(r.text if isinstance(r, Reply) else r for r in replies)


def test_a_second_try_is_told_what_was_wrong():
    result, asked = text_level("社会か", say(label="社会"))
    assert result.record.label == "社会"
    *_, (role, said), (user, complaint) = asked[1].messages
    assert (role, said, user) == ("assistant", "社会か", "user") and "not one JSON object" in complaint
    assert asked[1].purpose == "text_again"
    _, asked = text_level(say(label="経済"), say(label="社会"))
    assert "社会, 文芸, 学問, 技術, 自然" in asked[1].messages[-1][1]


def test_an_empty_reply_is_not_repeated_to_the_model():
    _, asked = text_level("", say(label="社会"))
    assert [role for role, _ in asked[1].messages[-2:]] == ["user", "user"]


def test_a_reply_that_was_cut_gets_twice_the_room():
    _, asked = text_level(Reply("{", "length"), say(label="社会"))
    assert [call.max_tokens for call in asked] == [100, 200] and asked[0].messages == asked[1].messages


def test_votes_are_asked_together_with_a_temperature_and_numbers():
    answers = {0: say(label="社会"), 1: say(label="自然"), 2: say(label="社会")}
    result, asked = drive(annotator(votes=3).start(row(items=())), lambda call: answers[call.vote])
    assert result.record.label == "社会" and result.decisions["text"].agreement == 0.6667
    assert [call.vote for call in asked] == [0, 1, 2] and {call.temperature for call in asked} == {0.7}
    assert len({call.key for call in asked}) == 3


def test_open_labels_vote_by_what_they_mean():
    answers = {0: say(label="sports"), 1: say(label="Sport"), 2: say(label="Sport")}
    record = row("They won.", items=(), task="tconer", language="en")
    result, _ = drive(annotator(votes=3).start(record), lambda call: answers[call.vote])
    assert result.record.label == "Sport" and result.decisions["text"].agreement == 1.0


@pytest.mark.parametrize("label", ["", "a\nb", "x" * 61])
def test_an_open_label_must_be_a_label(label):
    record = row("They won.", items=(), task="tconer", language="en")
    result, _ = drive(annotator().start(record), script(say(label=label), say(label=label)))
    assert result.failures()[0][1].reason == "malformed_reply"


def test_sentiment_words_have_the_place_of_each_occurrence_in_text_order():
    given_ = [("悪くない", "ポジティブ"), ("高い", "ネガティブ"), ("高い", "消極")]
    reply = say(items=[{"label": label, "text": text} for text, label in given_], confidence=0.9)
    result, asked = word_level(RW, reply)
    assert [(i.label, i.spans[0].start, i.spans[0].end) for i in result.record.items] == [
        ("ネガティブ", 0, 2),
        ("ネガティブ", 7, 9),
        ("ポジティブ", 15, 19),
    ]
    assert len(asked) == 1 and asked[0].max_tokens == 200 + 4 * len(REVIEW)


def test_an_item_that_is_not_in_the_text_is_asked_for_once_more():
    first = say(items=[{"label": "ネガティブ", "text": "高い"}, {"label": "ポジティブ", "text": "わるくない"}])
    result, asked = word_level(RW, first, say(items=[{"label": "ポジティブ", "text": "悪くない"}]))
    assert [item.spans[0].text for item in result.record.items] == ["高い", "悪くない"]
    assert "わるくない" in asked[1].messages[-1][1] and "高い" not in asked[1].messages[-1][1]
    assert asked[1].purpose == "word_repair" and not result.decisions["word"].notes


def test_a_model_that_repeats_its_whole_list_loses_and_doubles_nothing():
    first = [{"label": "ネガティブ", "text": "高い"}, {"label": "ポジティブ", "text": "わるくない"}]
    result, _ = word_level(RW, say(items=first), say(items=[first[0], {"label": "ポジティブ", "text": "悪くない"}]))
    assert [item.spans[0].text for item in result.record.items] == ["高い", "悪くない"]


@pytest.mark.parametrize("second", ["?", say(items=None), say(items=[]), Reply("", "filter"), Reply("{", "length")])
def test_what_cannot_be_repaired_is_dropped_and_noted(second):
    items = [
        {"label": "ネガティブ", "text": "高い"},
        {"label": "ポジティブ", "text": "わるくない"},
        {"label": "怒り", "text": "高い"},
    ]
    result, _ = word_level(RW, say(items=items), second)
    assert [item.spans[0].text for item in result.record.items] == ["高い"]
    assert [reason for reason, _ in result.decisions["word"].notes] == ["item_not_in_text", "unknown_label"]
    assert "わるくない" in result.decisions["word"].notes[0][1]


def test_an_entity_in_other_width_is_placed_and_counted():
    text = "ﾍﾞﾄﾅﾑ料理は“最高”だ。"
    items = [{"label": "ポジティブ", "text": "ベトナム料理"}, {"label": "ポジティブ", "text": '"最高"'}]
    result, asked = word_level({**RW, "text": text}, say(items=items))
    assert [item.spans[0].text for item in result.record.items] == ["ﾍﾞﾄﾅﾑ料理", "“最高”"] and len(asked) == 1
    assert [reason for reason, _ in result.decisions["word"].notes] == ["entity_spelling"] * 2


def test_the_note_names_the_item_that_was_not_corrected():
    items = [{"label": "ポジティブ", "text": "わるくない"}, {"label": "ネガティブ", "text": "たかい。"}]
    result, _ = word_level(RW, say(items=items), say(items=[{"label": "ポジティブ", "text": "悪くない"}]))
    assert [json.loads(detail)["text"] for _, detail in result.decisions["word"].notes] == ["たかい。"]


def test_an_item_listed_more_often_than_it_occurs_is_left_out():
    result, _ = word_level(RW, say(items=[{"label": "ネガティブ", "text": "高い"}] * 3))
    assert len(result.record.items) == 2
    assert [reason for reason, _ in result.decisions["word"].notes] == ["repeated_pair"]


def test_no_item_is_an_answer_and_null_is_not():
    assert word_level(RW, say(items=[]))[0].record.items == ()
    result, _ = word_level(RW, say(items=None))
    assert result.record.items is None and result.failures()[0][1].reason == "abstained"


def test_relations_have_their_roles_and_share_the_place_of_a_mention():
    fields = {**NEWS, "word": RELATIONS}
    relation = {"head": "ソラン", "label": "製造元", "tail": "青い森製作所"}
    result, asked = word_level(fields, say(items=[relation, relation, {**relation, "head": "青い森製作所の新型"}]))
    first, second = result.record.items
    assert [(span.role, span.start, span.end) for span in first.spans] == [("head", 12, 21), ("tail", 0, 6)]
    assert [(span.role, span.text) for span in second.spans] == [("head", "ソラン"), ("tail", "青い森製作所")]
    assert [reason for reason, _ in result.decisions["word"].notes] == ["repeated_pair"]
    labels = asked[0].schema["properties"]["items"]["anyOf"][0]["items"]["properties"]["label"]["enum"]
    assert "製造元" in labels and "発売" not in labels
    assert encode(result.record)[1].endswith(
        "/Relation Extraction/:青い森製作所の新型;製造元;青い森製作所:ソラン;製造元;青い森製作所:"
    )


def test_events_may_lack_object_and_time():
    fields = {**NEWS, "word": EVENTS}
    events = [
        {"subject": "青い森製作所", "label": "発売", "object": "ソラン", "time": "6月1日"},
        {"subject": "ソラン", "label": "開催", "object": None},
    ]
    result, _ = word_level(fields, say(items=events))
    roles = [[span.role for span in item.spans] for item in result.record.items]
    assert roles == [["subject", "object", "time"], ["subject"]]


def test_an_argument_that_must_be_there_and_is_empty_is_no_argument():
    fields = {**NEWS, "word": EVENTS}
    result, _ = word_level(fields, say(items=[{"subject": "", "label": "発売", "object": "ソラン"}]), "?")
    assert result.record.items == () and result.decisions["word"].notes[0][0] == "item_not_in_text"


def test_attributes_are_answers_and_no_pieces_of_the_text():
    words, word = {**TASK_WORDS, **TYPED}, "Aspect Sentiment"
    prompts = Prompts()
    example = Example("Good pasta.", None, ({"label": "pos", "category": "FOOD", "aspect": "pasta"},))
    phrases = prompts.question("word", REGISTRY.config("en_scnm"), "NER", REGISTRY).phrases
    labels = {"pos": "pos", "neg": "neg"}
    question = make_question("word", "{labels}", [], labels, words[word], [example], phrases, prompts.limits)
    asked = Asked(question, "Rude waiters, good pasta.", "m", 0.0, words, word)
    items = [
        {"aspect": "waiters", "category": "SERVICE", "label": "neg", "opinion": "Rude"},
        {"aspect": None, "category": "PLACE", "label": "neg", "opinion": None},
        {"aspect": "pasta", "category": "", "label": "pos", "opinion": "good"},
        {"aspect": "PLACE", "category": "PLACE", "label": "pos", "opinion": None},
    ]
    vote, _ = drive(word_vote(asked, 0), script(say(items=items), say(items=[])))
    assert [(item.attributes, [s.text for s in item.spans]) for item in vote.items] == [
        ((("category", "SERVICE"),), ["waiters", "Rude"]),
        ((("category", "PLACE"),), []),
    ]
    assert [reason for reason, _ in vote.notes] == ["item_not_in_text"] * 2
    other = replace(vote, answer=(replace(vote.items[0], attributes=(("category", "FOOD"),)),))
    assert consensus([vote, vote, other], 0.0, str).items == vote.items[::-1]


@given(hostile, hostile, hostile)
def test_any_text_and_any_piece_of_it_survive(before, piece, after):
    text = f"x{before}{piece}{after}x"
    fields = {**RW, "text": text}
    result, _ = word_level(fields, say(items=[{"label": "中立", "text": piece}] * 2), say(items=[]))
    for item in result.record.items:
        (span,) = item.spans
        assert text[span.start : span.end] == span.text == piece.strip()
    assert len({item.spans[0].start for item in result.record.items}) == len(result.record.items)
