"""Records to strings and back."""

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_dataset import Decoded, Failure, Item, Span, decode, encode, from_dict, prompt, split_input, to_dict
from mmm_dataset.record import RecordError
from mmm_dataset.schema import arrow_schema, from_row, to_row
from mmm_f1 import score
from mmm_f1.unified import TASK_WORDS
from tests.records import EVENTS, RELATIONS, make_record, records
from tests.strategies import TYPED, garbage

WORDS = {**TASK_WORDS, **TYPED}


def bare(items):
    """What a string holds of items: the first mention of each argument, and the attributes."""
    return [(item.label, {s.role: s.text for s in reversed(item.spans)}, dict(item.attributes)) for item in items]


@settings(max_examples=500)
@given(records() | records(words=list(TYPED)))
def test_round_trip_of_hostile_records(record):
    line, output = encode(record, WORDS)
    assert split_input(line, [record.word]) == (record.text, record.word)
    read = decode(output, record.word, text=record.text, task_words=WORDS)
    assert isinstance(read, Decoded)
    assert read.label == record.label and bare(read.items) == bare(record.items)
    for item in read.items:
        for span in item.spans:
            assert span.start is None or record.text[span.start : span.end] == span.text


@given(records())
def test_without_the_text_offsets_are_null(record):
    read = decode(encode(record)[1], record.word)
    assert all(span.start is None for item in read.items for span in item.spans)


def test_the_published_example_byte_for_byte():
    text = (
        'In 1953, filming of "On the Waterfront" starring Marlon Brando began, and Kazan struggled with Spiegel\'s '
        "persistent budget cuts and managed to complete the film, which was released the following year in 1954 and "
        "became a huge hit with support from the laborer class."
    )
    pairs = [
        ("Person", "Marlon Brando"),
        ("Product Name", "On the Waterfront"),
        ("Person", "Kazan"),
        ("Person", "Spiegel"),
    ]
    record = make_record(text, [Item.pair(*pair) for pair in pairs], "Literature", language="en")
    assert encode(record) == (
        text + "/NER",
        "Literature/NER/:Person;Marlon Brando:Product Name;On the Waterfront:Person;Kazan:Person;Spiegel",
    )
    read = decode(encode(record)[1], "NER", text=text)
    places = [(text.index(entity), text.index(entity) + len(entity)) for _, entity in pairs]
    assert [(s.start, s.end) for item in read.items for s in item.spans] == places


def test_relations_and_events_are_closed_by_a_colon():
    relation = Item("所在地", (Span("支社", 0, 2, "head"), Span("東京", 3, 5, "tail")))
    record = make_record("支社は東京", [relation], "news", "tcree", RELATIONS)
    assert encode(record)[1] == "news/Relation Extraction/:支社;所在地;東京:"
    event = Item("敗北", (Span("支社", 0, 2, "subject"), Span("東京", 3, 5, "time")))
    record = make_record("支社は東京", [event], "news", "tcree", EVENTS)
    assert encode(record)[1] == "news/Event Extraction/:支社;敗北;;東京:"
    assert bare(decode(encode(record)[1], EVENTS).items) == bare([event])


@given(records(words=(*TYPED, RELATIONS)))
def test_round_trip_of_release_rows(record):
    pa = pytest.importorskip("pyarrow")
    table = pa.Table.from_pylist([to_row(record, WORDS)], arrow_schema())
    (row,) = table.to_pylist()
    assert from_row(row) == record


def span(text, piece, role, start=0):
    at = text.index(piece, start)
    return Span(piece, at, at + len(piece), role)


def test_aspects_relations_and_quads_of_other_corpora():
    text = "Great pasta, but rude waiters; not cheap."
    aspects = [  # dimabsa: an aspect, its category, valence and arousal, an opinion; aspect and opinion may be implicit
        Item("7.1#6.9", (span(text, "pasta", "aspect"), span(text, "Great", "opinion")), None, (("category", "FOOD"),)),
        Item("3.5#5.2", (span(text, "not cheap", "opinion"),), attributes=(("category", "PRICE"),)),
        Item("4.0#5.0", (), attributes=(("category", "PLACE"),)),
    ]
    written = ":pasta;FOOD;7.1#6.9;Great:;PRICE;3.5#5.2;not cheap:;PLACE;4.0#5.0;:"
    cases = {"Aspect Sentiment": (aspects, written)}
    quads = [
        Item("neg", (span(text, "waiters", "target"), span(text, "rude", "opinion")))
    ]  # DiaASQ: any may be missing
    cases["Quad"] = quads, ":neg;waiters;;rude"
    typed = (("head_type", "Food"), ("tail_type", "Peop"))  # conll04, and JacRED's several mentions of an argument
    heads = (span(text, "pasta", "head"), span(text, "Great", "head"), span(text, "waiters", "tail"))
    cases["Typed Relation"] = [Item("served_by", heads, attributes=typed)], ":pasta;Food;served_by;waiters;Peop:"
    cases["Typed Entity"] = [Item("Food", (span(text, "pasta", "entity"),), attributes=(("number", "sg"),))], None
    for word, (items, expected) in cases.items():
        record = make_record(text, items, "review", word=word)
        output = encode(record, WORDS)[1]
        assert expected is None or output == f"review/{word}/{expected}"
        read = decode(output, word, text=text, labels={item.label for item in items}, task_words=WORDS)
        once = [dataclasses.replace(i, spans=tuple({s.role: s for s in reversed(i.spans)}.values())) for i in items]
        assert bare(read.items) == bare(once) and read.issues == ()
        assert {s for i in read.items for s in i.spans} == {s for i in once for s in i.spans}
        assert from_dict(to_dict(record)) == record == from_row(to_row(record, WORDS))
        result = score([output], [output], [text], task_words=WORDS, extended=True)
        assert result["all"] == result["span_micro_f1"] == 1 and result["hallucinated_entities"] == 0


@pytest.mark.parametrize("spans", [(), (Span("", role="object"),), (Span("", role="object"), Span("", role="time"))])
def test_an_absent_argument_comes_back_however_it_was_written(spans):
    text = "支社は東京"
    record = make_record(text, [Item("敗北", (Span("支社", 0, 2, "subject"), *spans))], "news", "tcree", EVENTS)
    read = decode(encode(record)[1], EVENTS, text=text)
    assert read.items == record.items == from_dict(to_dict(record)).items == from_row(to_row(record, WORDS)).items


@settings(max_examples=200)
@given(garbage, st.sampled_from(sorted(WORDS)), st.sampled_from(("escaped", "published")))
def test_whatever_decode_returns_a_record_may_hold(rest, word, form):
    read = decode(f"x/{word}/{rest}", word, form=form, task_words=WORDS)
    if isinstance(read, Decoded):
        assert make_record("x", read.items, word=word).items == read.items


def test_items_that_say_nothing_are_refused():
    for item in (Item("x", ()), Item("x", (Span("", role="object"),))):
        with pytest.raises(RecordError, match="item 0"):
            make_record("ab", [item])
    assert decode("x/Quad/:pos;;;", "Quad", task_words=WORDS).kind == "empty_field"
    assert decode("x/Aspect Sentiment/:;;pos;:", "Aspect Sentiment", task_words=WORDS).kind == "empty_field"
    for word, item in (
        ("NER", Item("x", (Span("a"),), attributes=(("category", "y"),))),
        ("NER", Item("x", (Span("a"), Span("b")))),
        ("Aspect Sentiment", Item("x", (Span("a", role="aspect"),))),
    ):
        with pytest.raises(ValueError, match="record 'r1': item 'x' has "):
            encode(make_record("ab", [item], word=word), WORDS)


def test_an_item_without_the_fields_of_its_task_word_is_refused():
    with pytest.raises(ValueError, match="record 'r1': item 'x' has no head"):
        encode(make_record("ab", [Item.pair("x", "a")], word=RELATIONS))
    with pytest.raises(ValueError, match="does not write: head"):
        encode(make_record("ab", [Item("x", (Span("a"), Span("b", role="head")))]))


def test_unannotated_records_have_no_string():
    with pytest.raises(ValueError, match="worklist"):
        encode(dataclasses.replace(make_record("ab", []), label=None))


def test_published_rows_give_back_their_own_bytes():
    raw = ("x /NER", "y/NER/:a;b:c")
    assert encode(dataclasses.replace(make_record("x ", []), raw=raw)) == raw


def test_issues_and_strict():
    read = decode("社会/NER/:国;日本:人名;東京:人名;東京", "NER", text="東京", labels={"人名"})
    assert [issue.kind for issue in read.issues] == ["unknown_label", "entity_not_in_text", "repeated_pair"]
    strict = decode("社会/NER/:国;日本", "NER", text="東京", labels={"人名"}, strict=True)
    assert isinstance(strict, Failure) and strict.kind == "unknown_label"
    twice = decode("社会/NER/:人名;東京:人名;東京", "NER", text="東京と東京")
    assert twice.issues == () and [s.start for i in twice.items for s in i.spans] == [0, 3]


def test_one_prompt_function():
    assert prompt("ab", "NER") == "ab/NER"
    assert split_input("a/b/NER", ["NER", "b/NER"]) == ("a", "b/NER")
    assert split_input("ab", ["NER"]).kind == "no_task_word"
