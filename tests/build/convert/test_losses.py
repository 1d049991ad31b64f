"""What a format cannot hold is left out and counted, and nothing else changes, whatever the text."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build.convert import brat, conll, doccano, gliner, spacy_docs
from build.convert.losses import Losses
from build.convert.tokens import words
from mmm_dataset import Item, Span, load
from tests.records import EVENTS, RELATIONS, make_record, records
from tests.strategies import hostile

REGISTRY = load()
TEXT = "Ann Lee\nmet Bo."


def span(text, role="entity", whole=TEXT):
    start = whole.index(text)
    return Span(text, start, start + len(text), role)


def english(items, **changes):
    return make_record(TEXT, items, label="Society", language="en", **changes)


PAIRS = english(
    [
        Item("Place", (span("Bo"),)),
        Item("Person", (span("Ann Lee"),), 0),
        Item("Person", (span("Lee"),)),
        Item("Person", (Span("Cy"),)),
    ]
)
RELATION = english(
    [Item("knows", (span("Ann Lee", "head"), span("Bo", "tail"), span("Lee", "head")))], word=RELATIONS, task="tcree"
)
EVENT = english(
    [Item("meet", (span("Ann", "subject"), span("Bo", "object"))), Item("leave", (span("Bo", "subject"),))],
    word=EVENTS,
    task="tcree",
)
UNKNOWN = make_record(TEXT, [], language="en", label=None, raw=("a/NER", "b"))
UNKNOWN = type(UNKNOWN)(**{name: getattr(UNKNOWN, name) for name in UNKNOWN.__slots__} | {"items": None})

WRITERS = {
    "gliner": lambda record, losses: gliner.to_row(record, REGISTRY, losses),
    "doccano": lambda record, losses: doccano.to_row(record, REGISTRY, losses),
    "conll": lambda record, losses: conll.to_block(record, REGISTRY, losses),
    "spacy": lambda record, losses: spacy_docs.to_doc(record, REGISTRY, losses),
}


def lost(to, record):
    losses = Losses()
    written = WRITERS[to](record, losses)
    return written, dict(losses.kinds[record.config])


@pytest.mark.parametrize(
    ("to", "record", "expected"),
    [
        ("gliner", PAIRS, {"no_offsets": 1, "alignment": 1}),
        ("doccano", PAIRS, {"no_offsets": 1, "alignment": 1}),
        ("spacy", PAIRS, {"no_offsets": 1, "alignment": 1}),
        ("conll", PAIRS, {"no_offsets": 1, "overlapping": 1, "item_order": 1, "line_breaks": 1, "alignment": 1}),
        ("gliner", RELATION, {"several_mentions": 1}),
        ("doccano", EVENT, {"one_argument": 1}),
        ("spacy", EVENT, {"relations": 2}),
        ("conll", EVENT, {"relations": 2, "row_of_relations": 1}),
        *((to, UNKNOWN, {"not_parsed": 1}) for to in WRITERS),
    ],
)
def test_losses_are_counted_by_kind(to, record, expected):
    written, kinds = lost(to, record)
    assert kinds == expected
    assert (written is None) == bool(kinds.keys() & {"not_parsed", "row_of_relations"})


def test_conll_keeps_the_longer_of_two_and_the_first_of_equal_ones():
    twice = english([Item("A", (span("Ann"),)), Item("B", (span("Ann Lee"),)), Item("C", (span("Ann Lee"),))])
    block, kinds = lost("conll", twice)
    assert [line.split("\t") for line in block.splitlines() if "\t" in line][:3] == [
        ["Ann", "B-B"],
        ["Lee", "I-B"],
        ["met", "O"],
    ]
    assert kinds["overlapping"] == 2


def test_an_event_is_relations_from_an_entity_of_its_own():
    two = english(
        [Item("meet", (span("Ann", "subject"), span("Bo", "object"), span("Lee", "time")))] * 2,
        word=EVENTS,
        task="tcree",
    )
    row, _ = lost("doccano", two)
    assert [(one["from_id"], one["to_id"]) for one in row["relations"]] == [(0, 1), (0, 2), (3, 1), (3, 2)]
    assert [one["label"] for one in row["entities"]] == ["subject", "object", "time", "subject"]


def test_brat_holds_mentions_attributes_and_spans_over_line_breaks(tmp_path):
    losses, names = Losses(), brat.Names()
    both = english(
        [
            Item(
                "met with",
                (span("Lee\nmet", "subject"), span("Bo", "object"), span("Ann", "object")),
                None,
                (("sure", "not so"),),
            )
        ],
        word=EVENTS,
        task="tcree",
    )
    lines = brat.annotation_lines(both, REGISTRY, names, losses)
    assert lines[0] == "T1\tmet_with 4 7;8 11\tLee met"
    assert lines[4:6] == ["E1\tmet_with:T1 subject:T2 object:T3 object2:T4", "A1\tsure E1 not_so"]
    assert "sure\tArg:<ANY>, Value:not_so" in names.annotation_conf()
    assert "met_with | met with" in names.visual_conf()
    assert not losses.kinds


@given(record=records())
def test_any_record_is_written_or_counted(record):
    for to in WRITERS:
        written, kinds = lost(to, record)
        assert written is not None or kinds
        if to in ("gliner", "doccano") and written is not None:
            json.dumps(written)
            relations = written.get("relations", ())
            assert bool(relations) <= (record.word != "NER")
    brat.annotation_lines(record, REGISTRY, brat.Names(), Losses())


@given(record=records())
def test_spacy_keeps_text_and_items_to_the_letter(record):
    doc, _ = lost("spacy", record)
    assert doc.text == record.text
    if record.word == "NER":
        assert [(one.label_, one.text) for one in doc.spans["sc"]] == [
            (item.label, item.spans[0].text) for item in record.items
        ]


@given(text=hostile, language=st.sampled_from(["ja", "en", "zh"]), data=st.data())
def test_words_lose_no_character_and_end_at_cuts(text, language, data):
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=3))
    found = words(text, language, cuts)
    assert "".join(text[start:end] for start, end in found) == "".join(text.split())
    assert not [cut for cut in cuts for start, end in found if start < cut < end]
    assert all(a[1] <= b[0] for a, b in pairwise(found))
