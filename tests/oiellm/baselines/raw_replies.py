"""Rows, and replies about them as chat models write them: readable ones say the gold, see :mod:`tests.double.replies`."""

from __future__ import annotations

from collections.abc import Iterator

from mmm_dataset import Item, Record, Span
from mmm_f1.unified import TASK_WORDS
from tests.double.replies import as_json, as_text
from tests.records import make_record


def pair_rows() -> list[Record]:
    """Rows with pairs in three languages; one with open labels, one without items."""
    pair = Item.pair
    return [
        make_record(
            "Mara Lind joined Orbis in Ghent.",
            [pair("Person", "Mara Lind"), pair("Other Organization", "Orbis")],
            "Literature",
            language="en",
        ),
        make_record(
            "原田は北浜駅で本を買った。", [pair("人名", "原田"), pair("施設名", "北浜駅")], "文芸", language="ja"
        ),
        make_record("林芳昨天在南湖唱歌。", [pair("人名", "林芳"), pair("地名", "南湖")], "社会", language="zh"),
        make_record(
            "Mara Lind shot Dusk.",
            [pair("Director", "Mara Lind"), pair("Title", "Dusk")],
            "Film",
            "tconer",
            language="en",
        ),
        make_record("It rained for days.", [], "Nature", language="en"),
    ]


def event_row() -> Record:
    """A row with an event."""
    spans = (Span("Ito", role="subject"), Span("the cup", role="object"))
    return make_record("Ito won the cup.", [Item("win", spans)], "Sports", "tcree", "Event Extraction", "en")


def replies() -> Iterator[tuple[str, Record, str]]:
    """Name, row and reply; each says the gold of its row."""
    for row in (*pair_rows(), event_row()):
        yield from ((name, row, reply) for name, reply in as_text(row, TASK_WORDS, row.task != "tconer"))


def json_replies() -> Iterator[tuple[Record, str]]:
    """Row and reply; each says the gold of its row."""
    for row in (*pair_rows(), event_row()):
        yield from ((row, reply) for _, reply in as_json(row, TASK_WORDS))


UNREADABLE = (
    "Literature/NER/\n- Mara Lind, Orbis",
    "Literature/NER/\n- Mara Lind",
    "Literature/NER/\nMara Lind",
    "Literature/NER/\n\nMara Lind and Orbis",
    "Literature/NER/\nThe entities are Mara Lind and Orbis.",
    "Literature/NER/\n\nThe only person here is Mara Lind.",
    "Literature/NER/\n| Mara Lind | Orbis |",
    "Literature/NER/\n1) somebody",
    "Literature/NER/\n\nZed",
    "Literature/NER/\n\nZed -> Planet",
    "Literature/NER/\n\nZed is a planet.",
    "Literature/NER/\n\nHere are the entities\nMara Lind (Person)",
    "Literature/NER/\nEntities:",
    "Literature/NER/\nEntities:\nMara Lind",
    "Literature/NER/ Mara Lind",
    "Literature/NER/Mara Lind, Orbis",
    "Literature/NER/:Mara Lind:Orbis",
    "Literature/NER/:Person;Mara Lind\n- Orbis",
    "Literature/NER/:Person;Mara Lind\n\n:Organization;Orbis\nSociety/NER/",
    "Literature/NER/None\n- Person;Mara Lind",
    "Literature/NER/:Person;Mara Lind\n\nLiterature/NER/",
    'Literature/NER/\n{"entities": ["Mara Lind"]}',
    "Literature/NER/:Person",
    "<think>Literature/NER/",
    '[{"label": "Person", "entity": "Mara Lind"}]',
    '{"label": "Person", "entity": "Mara Lind"}',
    '{"label": "Literature"}',
    '{"label": "Literature", "items": ["Mara Lind"]}',
    '{"label": "Literature", "items": "Mara Lind"}',
    '{"label": "Literature", "items": [{"label": "Person"}]}',
    '{"label": "Literature", "items": {"Person": 3}}',
    '{"label": "Literature", "items": [{"label": "Person", "entity": "Mara',
    '{"label": "Literature", "items": []} {"label": "Society", "items": []}',
    '{"label": "Literature", "label": "Society", "items": []}',
    '{"label": "Literature", "mentions": [{"label": "Person", "entity": "Mara Lind"}]}',
)
"""Replies about the first row that hold no answer that anybody could be sure of."""
