"""The baselines: what they learn, what they write, and that they never look at the gold of a test row."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmm_dataset import Decoded, Item, Span, decode, load
from oiellm.errors import OiellmError
from oiellm.evaluate.baselines import BASELINES, Lookup, Majority
from tests.records import EVENTS, RELATIONS, make_record, records
from tests.strategies import TYPED

REGISTRY = load()


def row(text, *pairs, label="社会", **changes):
    return make_record(text, [Item.pair(kind, entity) for kind, entity in pairs], label, **changes)


def relation(text, head, kind, tail):
    return make_record(
        text, [Item(kind, (Span(head, role="head"), Span(tail, role="tail")))], "Peachy", "tcree", RELATIONS
    )


def event(text, subject, kind, *more):
    spans = (Span(subject, role="subject"), *(Span(part, role=role) for role, part in more))
    return make_record(text, [Item(kind, spans)], "Peachy", "tcree", EVENTS)


def test_majority_takes_the_most_frequent_label_and_the_constant_items_of_best_train_f1():
    train = [
        row("東京", ("地名", "東京")),
        row("東京と大阪", ("地名", "東京"), ("地名", "大阪"), label="自然"),
        row("東京と京都", ("地名", "東京"), ("地名", "京都")),
        row("奈良", ("地名", "奈良")),
    ]
    # k = 1: 2 * 3 / (6 + 4) = 0.6; only 東京 is in more than one row.
    assert Majority(REGISTRY).fit(train).predict(row("何でも")) == "社会/NER/:地名;東京"


def test_majority_stops_adding_items_when_train_f1_falls():
    train = [row("a b", ("人名", "a"), ("人名", "b"))] * 2 + [row("a", ("人名", "a"))] * 8
    # a: 2 * 10 / (12 + 10) = 0.909; a and b: 2 * 12 / (12 + 20) = 0.75.
    assert Majority(REGISTRY).fit(train).predict(row("x")) == "社会/NER/:人名;a"
    both = [row("a b", ("人名", "a"), ("人名", "b"))] * 8 + [row("a", ("人名", "a"))] * 2
    assert Majority(REGISTRY).fit(both).predict(row("x")) == "社会/NER/:人名;a:人名;b"


def test_majority_writes_no_items_where_none_is_common():
    names = [row(f"n{i}", ("人名", f"n{i}")) for i in range(9)]
    assert Majority(REGISTRY).fit(names).predict(row("n1")) == "社会/NER/"
    assert Majority(REGISTRY).fit([row("x"), row("y")]).predict(row("x")) == "社会/NER/"


def test_ties_go_by_order_so_that_every_run_agrees():
    train = [row("x", label="自然"), row("y", label="社会"), row("z", label="学問")]
    assert Majority(REGISTRY).fit(train).predict(row("x")) == "学問/NER/"
    assert Majority(REGISTRY).fit(train[::-1]).predict(row("x")) == "学問/NER/"


def test_lookup_finds_every_pair_it_saw_whose_entity_occurs():
    train = [
        row("東京の人", ("地名", "東京"), ("地名", "京"), ("地名", "東")),
        row("田中", ("人名", "田中"), label="自然"),
        row("田中", ("法人名", "田中"), label="自然"),
        row("田中", ("法人名", "田中"), label="自然"),
        row("遠く", ("地名", "遠く")),
    ]
    lookup = Lookup(REGISTRY).fit(train)
    # In the order of the text, longer first at one place, words inside words too, most frequent label of each.
    assert lookup.predict(row("田中は東京にいる。田中だ。")) == "自然/NER/:法人名;田中:地名;東京:地名;東:地名;京"
    assert lookup.predict(row("何もない")) == "自然/NER/"
    assert lookup.predict(row("")) == "自然/NER/"


def test_lookup_writes_relations_and_events_all_of_whose_arguments_occur():
    train = [
        relation("田中は青空社に所属", "田中", "所属", "青空社"),
        event("青空社は東京で発売", "青空社", "発売", ("object", "東京")),
        event("青空社は開催", "青空社", "開催", ("time", "明日")),
        event("青空社は訪問", "青空社", "訪問"),
    ]
    lookup = Lookup(REGISTRY).fit(train)

    def ask(text, word):
        return lookup.predict(make_record(text, [], "Peachy", "tcree", word))

    assert ask("青空社の田中", RELATIONS) == "Peachy/Relation Extraction/:田中;所属;青空社:"
    assert ask("田中だけ", RELATIONS) == "Peachy/Relation Extraction/"
    # The words of events are not those of relations; an argument that is missing in the item need not be in the text.
    assert ask("東京の青空社", EVENTS) == "Peachy/Event Extraction/:青空社;訪問;;:青空社;発売;東京;:"
    assert ask("明日、青空社", EVENTS) == "Peachy/Event Extraction/:青空社;訪問;;:青空社;開催;;明日:"


def test_lookup_writes_the_most_frequent_attributes_which_need_not_be_in_the_text():
    registry = dataclasses.replace(REGISTRY, task_words={**REGISTRY.task_words, **TYPED})

    def row(category, label, *spans):
        return make_record("pasta", [Item(label, spans, attributes=(("category", category),))], word="Aspect Sentiment")

    pasta = Span("pasta", role="aspect")
    train = [row("FOOD", "pos", pasta), row("FOOD", "pos", pasta), row("PLACE", "neg", pasta), row("PLACE", "neg")]
    found = Lookup(registry).fit(train).predict(row("x", "y"))
    assert found == "社会/Aspect Sentiment/:pasta;FOOD;pos;:"


@pytest.mark.parametrize("name", BASELINES)
def test_a_task_word_that_never_trained_gets_no_items(name):
    baseline = BASELINES[name](REGISTRY).fit([relation("a b", "a", "所属", "b")] * 3)
    assert baseline.predict(make_record("a b", [], "Peachy", "tcree", EVENTS)) == "Peachy/Event Extraction/"


@pytest.mark.parametrize("name", BASELINES)
def test_outputs_are_in_the_form_of_the_row(name):
    train = [row("J:COM", ("法人名", "J:COM"))] * 3
    baseline = BASELINES[name](REGISTRY).fit(train)
    assert baseline.predict(row("J:COM")) == r"社会/NER/:法人名;J\:COM"
    raw = row("J:COM", raw=("J:COM/NER", "x"), origin="published")
    assert baseline.predict(raw) == "社会/NER/:法人名;J:COM"


@pytest.mark.parametrize("name", BASELINES)
def test_rows_that_cannot_be_parsed_are_counted_and_left_out(name):
    bad = dataclasses.replace(row("x", raw=("x/NER", "y"), origin="published"), label=None, items=None)
    baseline = BASELINES[name](REGISTRY).fit([bad, row("x"), bad])
    assert baseline.skipped == 2 and baseline.predict(row("x")) == "社会/NER/"
    with pytest.raises(OiellmError, match="no train rows, 1 that cannot be parsed"):
        BASELINES[name](REGISTRY).fit([bad])


@pytest.mark.parametrize("name", BASELINES)
@settings(max_examples=60)
@given(train=st.lists(records(), min_size=1, max_size=5), test=records())
def test_outputs_of_hostile_rows_parse_and_do_not_depend_on_the_gold(name, train, test):
    baseline = BASELINES[name](REGISTRY).fit(train)
    output = baseline.predict(test)
    blind = dataclasses.replace(test, label=None, items=None)
    assert baseline.predict(blind) == output
    read = decode(output, test.word)
    assert isinstance(read, Decoded) and read.label in {r.label for r in train}
    if name == "lookup":
        seen = {
            (i.label, tuple((s.role, s.text) for s in i.spans)) for r in train if r.word == test.word for i in r.items
        }
        for item in read.items:
            assert (item.label, tuple((s.role, s.text) for s in item.spans)) in seen
            assert all(span.text in test.text for span in item.spans)


@settings(max_examples=60)
@given(train=records())
def test_lookup_finds_all_of_a_row_it_has_seen(train):
    read = decode(Lookup(REGISTRY).fit([train]).predict(train), train.word)
    found = {tuple((s.role, s.text) for s in item.spans) for item in read.items}
    assert found == {tuple((s.role, s.text) for s in item.spans) for item in train.items}
