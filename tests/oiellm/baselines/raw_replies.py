"""Replies in the spirit of real chat models, each with what it says: ways of writing, put around the gold of some rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence

from mmm_dataset import Item, Record, Span, encode
from tests.records import make_record

Pairs = Sequence[tuple[str, str]]


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


LISTS: dict[str, Callable[[Pairs], str]] = {
    "bullets": lambda pairs: "\n".join(f"- {label};{words}" for label, words in pairs),
    "stars": lambda pairs: "\n".join(f"* {label}; {words}" for label, words in pairs),
    "dots": lambda pairs: "\n".join(f"• {label}；{words}" for label, words in pairs),
    "numbers": lambda pairs: "\n".join(f"{n}. {label};{words}" for n, (label, words) in enumerate(pairs, 1)),
    "numbers of another kind": lambda pairs: "\n".join(f"({n}) {a};{b}" for n, (a, b) in enumerate(pairs, 1)),
    "bare lines": lambda pairs: "\n".join(f"{label};{words}" for label, words in pairs),
    "bullets with colons": lambda pairs: "\n".join(f"- :{label};{words}" for label, words in pairs),
    "label: entity": lambda pairs: "\n".join(f"- {label}: {words}" for label, words in pairs),
    "bold labels": lambda pairs: "\n".join(f"- **{label}**: {words}" for label, words in pairs),
    "bold entities": lambda pairs: "\n".join(
        f"{n}. **{words}** ({label})" for n, (label, words) in enumerate(pairs, 1)
    ),
    "full-width parentheses": lambda pairs: "\n".join(f"・{words}（{label}）" for label, words in pairs),
    "arrows": lambda pairs: "\n".join(f"{words} -> {label}" for label, words in pairs),
    "a table": lambda pairs: "| Label | Entity |\n|---|---|\n" + "\n".join(f"| {a} | {b} |" for a, b in pairs),
    "a table the other way round": lambda pairs: "\n".join(
        ["| Entity | Label |", "| :-- | :-- |", *(f"| {b} | {a} |" for a, b in pairs)]
    ),
    "a heading": lambda pairs: "Entities:\n" + "\n".join(f"* {words} ({label})" for label, words in pairs),
    "a fence": lambda pairs: "```\n" + "\n".join(f"{label};{words}" for label, words in pairs) + "\n```",
    "an empty line": lambda pairs: "\n" + "\n".join(f"{label};{words}" for label, words in pairs),
    "quoted": lambda pairs: "\n".join(f'- {label};"{words}"' for label, words in pairs),
    "lines that begin with colons": lambda pairs: "\n".join(f":{label};{words}" for label, words in pairs),
}
"""Items on the lines below the answer."""

AROUND = (
    "{}\n",
    "\n\n{}\n\n",
    "```\n{}\n```",
    "```text\n{}",
    "`{}`",
    "Sure! Here is the annotation:\n\n{}\n\nLet me know if you need anything else.",
    "Answer: {}",
    "**Answer:** {}",
    "回答：{}",
    "答案：\n{}",
    "<think>Perhaps Society/NER/:Person;Bob</think>\n{}",
    "Perhaps Academia/NER/ then.\n</think>\n\n{}",
    "<|channel|>analysis<|message|>Society/NER/<|end|><|start|>assistant<|channel|>final<|message|>{}",
    "{}<|eot_id|>",
    "{}<|im_end|>\n<|im_start|>user\nNature/NER/",
    "{}</s>",
    "{}<end_of_turn>",
    "\ufeff{}",
    "\u200b{}\u200b",
    "{}\n\n{}",
    "Draft: Society/NER/\n\nAnswer: {}",
    "1. {}",
    "- {}",
    "{}\\n",
)
"""What models write around an answer."""

NOTHINGS = (
    *("none", "None", "null", "[]", "N/A", "(none)", "no entities", "(no entities)", "None.", ":None", ":null", "-"),
    *("無", "なし", "該当なし", "(なし)", "未提及", "没有", "无"),
    *("\nNone", "\n- None", "\n(no entities)", "\n\n該当なし", "\n- 未提及"),
)
"""What models write where there are no items."""

JSONS: tuple[Callable[[str], str], ...] = (
    lambda text: f"```json\n{text}\n```",
    lambda text: f"```json\n{text}",
    lambda text: f"Here you go: {text} Bye.",
    lambda text: f"{text}\n{text}",
    lambda text: f"{text[:-1]},}}",
    lambda text: text.replace('"', "'"),
    lambda text: f"{text[:-1]} // done\n}}",
    lambda text: text.replace('"items"', '"entities"'),
    lambda text: text.replace('"entity"', '"text"'),
    lambda text: text.replace('"label"', '"Label"').replace('"items"', '"Items"'),
    lambda text: f"<think>{{}}</think>{text}<|im_end|>",
    lambda text: f"[{text}]",
    lambda text: json.dumps(text, ensure_ascii=False),
)
"""Ways in which models write a JSON object."""


def replies() -> Iterator[tuple[str, Record, str]]:
    """Name, row and reply; each says the gold of its row."""
    rows = pair_rows()
    for row in rows:
        _, gold = encode(row)
        head = gold[: gold.index("/NER/") + 5]
        pairs = [(item.label, item.spans[0].text) for item in row.items or ()]
        for around in AROUND:
            yield f"{around!r}", row, around.replace("{}", gold)
        for name, write in LISTS.items() if pairs else ():
            yield name, row, f"{head}\n{write(pairs)}"
        if pairs:
            yield "nothing after items", row, f"{gold}\nNone"
            yield "no more", row, f"{gold}\n(no other entities)"
            yield "wide", row, gold.replace(":", "：").replace(";", "；").replace("/", "／")
            yield "blanks", row, gold.replace("/", " / ").replace(":", " : ").replace(";", " ; ")
        else:
            yield from ((f"nothing: {words!r}", row, f"{head}{words}") for words in NOTHINGS)
    event = event_row()
    _, gold = encode(event)
    head, _, items = gold.partition("/Event Extraction/")
    for around in AROUND[:9]:
        yield f"event {around!r}", event, around.replace("{}", gold)
    yield "event in a bullet", event, f"{head}/Event Extraction/\n- {items.strip(':')}"
    yield "event in a table", event, f"{head}/Event Extraction/\n| {' | '.join(items.strip(':').split(';'))} |"


def json_replies() -> Iterator[tuple[Record, str]]:
    """Row and reply; each says the gold of its row."""
    for row in pair_rows():
        items = [{"label": item.label, "entity": item.spans[0].text} for item in row.items or ()]
        whole = json.dumps({"label": row.label, "items": items}, ensure_ascii=False)
        yield from ((row, write(whole)) for write in JSONS)


UNREADABLE = (
    "Literature/NER/\n- Mara Lind, Orbis",
    "Literature/NER/\n- Mara Lind",
    "Literature/NER/\nMara Lind",
    "Literature/NER/\n\nMara Lind and Orbis",
    "Literature/NER/\nThe entities are Mara Lind and Orbis.",
    "Literature/NER/\n\nThe only person here is Mara Lind.",
    "Literature/NER/\n| Mara Lind | Orbis |",
    "Literature/NER/\n1) somebody",
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
