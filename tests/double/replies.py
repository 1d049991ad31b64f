"""How chat models write an answer that is right: on lines, in tables, in fences, with thoughts, marks, nearly JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from mmm_dataset import Record, encode
from mmm_dataset.codec import item_fields
from mmm_f1.unified import is_tuple, shape
from oiellm.baselines import objects

Pairs = Sequence[tuple[str, str]]

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
    lambda text: text if "'" in text or "\\\\" in text else text.replace('"', "'"),
    lambda text: f"{text[:-1]} // done\n}}",
    lambda text: text.replace('"items":', '"entities":'),
    lambda text: text.replace('"entity":', '"text":'),
    lambda text: text.replace('"label":', '"Label":').replace('"items":', '"Items":'),
    lambda text: f"<think>{{}}</think>{text}<|im_end|>",
    lambda text: f"[{text}]",
    lambda text: json.dumps(text, ensure_ascii=False),
)
"""Ways in which models write a JSON object."""


def as_text(record: Record, task_words: Mapping[str, Sequence[str]], closed: bool = True) -> Iterator[tuple[str, str]]:
    """Names and replies, each of which says the gold of a row in the unified format or near it.

    ``closed``: whether the labels of its items are.
    """
    gold = encode(record, task_words)[1]
    mark = f"/{record.word}/"
    head, _, items = gold.partition(mark)
    head += mark
    yield from ((f"around {around!r}", around.replace("{}", gold)) for around in AROUND)
    if not items:
        yield from ((f"nothing {words!r}", f"{head}{words}") for words in NOTHINGS)
        return
    yield "None after items", f"{gold}\nNone"
    yield "no more", f"{gold}\n(no other entities)"
    yield "wide", gold.translate(str.maketrans(":;/", "：；／"))
    if not is_tuple(shape(record.word, task_words)):
        pairs = [(item.label, item.spans[0].text) for item in record.items or ()]
        # Quotation marks of the reply are told from those of the text by the others alone.
        lists = {name: write for name, write in LISTS.items() if name != "quoted" or len(pairs) > 1}
        yield from ((name, f"{head}\n{write(pairs)}") for name, write in lists.items())
        if not {"/", "\\"} & set(items) and "/" not in head.removesuffix(mark):
            yield "blanks", gold.replace("/", " / ").replace(":", " : ").replace(";", " ; ")
        if closed:  # otherwise nobody can tell which is the label
            yield "swapped", head + "".join(f":{words};{label}" for label, words in pairs)
    else:
        lines = [";".join(item_fields(item, shape(record.word, task_words))) for item in record.items or ()]
        yield "bullets", "\n".join([head, *(f"- {line}" for line in lines)])
        yield "a table", "\n".join([head, *(f"| {' | '.join(line.split(';'))} |" for line in lines)])


def as_json(record: Record, task_words: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Names and replies, each of which says the gold of a row as a JSON object or nearly one."""
    whole = objects.example(record, task_words)
    yield from ((f"JSON {number}", write(whole)) for number, write in enumerate(JSONS))
