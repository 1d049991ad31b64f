"""Records to strings and back."""

import dataclasses

import pytest
from hypothesis import given, settings

from mmm_dataset import Decoded, Failure, Item, Span, decode, encode, prompt, split_input
from tests.records import EVENTS, RELATIONS, make_record, records


def bare(items):
    return [(item.label, [(s.role, s.text) for s in item.spans]) for item in items]


@settings(max_examples=500)
@given(records())
def test_round_trip_of_hostile_records(record):
    line, output = encode(record)
    assert split_input(line, [record.word]) == (record.text, record.word)
    read = decode(output, record.word, text=record.text)
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
