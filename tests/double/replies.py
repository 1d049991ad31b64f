"""How chat models write an answer that is right: on lines, in tables, in fences, with thoughts, marks, nearly JSON."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from build.annotate.labels import Merges
from build.annotate.prompts import Prompts
from build.annotate.replies import field_key
from build.annotate.rows import Annotator
from mmm_dataset import Failure, Record, Registry, encode
from mmm_dataset.codec import item_fields
from mmm_dataset.files import dump
from mmm_f1.unified import is_tuple, shape
from oiellm.baselines import objects
from oiellm.baselines.chat import Chat
from oiellm.baselines.instruction import read_instruction
from oiellm.baselines.labels import ConfigLabels
from oiellm.llm.calls import Reply as LlmReply
from oiellm.predict.engine import Reply
from oiellm.predict.questions import questions
from oiellm.recipe import View
from tests.dialogues import drive

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


@dataclass
class Readings:
    """What was made of replies that say the gold: rows read as gold, not read, and read as something else, by way."""

    whole: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)

    def count(self, way: str, gold: str, read: str | None) -> None:
        """Count one reply."""
        if read == gold:
            self.whole += 1
        else:
            (self.failed if read is None else self.wrong)[way] += 1

    @property
    def total(self) -> int:
        """Number of replies."""
        return self.whole + self.failed.total() + self.wrong.total()


def read_by_baselines(rows: Sequence[Record], registry: Registry, structured: bool) -> Readings:
    """Every way of writing the gold of every row, read leniently by the style ``chat``."""
    own = {config: [row for row in rows if row.config == config] for config in {row.config for row in rows}}
    labels = {name: ConfigLabels(registry, registry.config(name), some) for name, some in own.items()}
    style = Chat(read_instruction(None, structured), labels, {}, registry, structured=structured)
    found = Readings()
    for row, plain in zip(rows, questions(rows, registry, False, {}, View(), None), strict=True):
        gold, asked = encode(row, registry.task_words)[1], style.question(row, plain)
        closed = registry.word_labels(registry.config(row.config), row.word) is not None
        ways = as_json(row, registry.task_words) if structured else as_text(row, registry.task_words, closed)
        for way, reply in ways:
            answer = style.read(asked, Reply(0, reply, "stop", 1, -1))
            stands = not isinstance(answer.read, Failure) and not answer.deviations
            found.count(way, gold, answer.lenient or (answer.output if stands else None))
    return found


def read_by_annotation(rows: Sequence[Record], registry: Registry) -> Readings:
    """Every way of writing the gold of every row as JSON, as the first reply to an annotator, who asks once more if need be."""
    annotator = Annotator("double", Prompts(), registry, Merges())
    found = Readings()
    for row in rows:
        roles = registry.task_words[row.word]
        items = [dict(zip(map(field_key, roles), item_fields(item, roles), strict=True)) for item in row.items or ()]
        texts = {"text": {"label": row.label}, "word": {"items": items}}
        right = {level: dump({**answer, "confidence": 0.9}) for level, answer in texts.items()}
        gold = None
        # Items of annotators stand in the order of the text: what the plain reply gives is the measure.
        for number, write in enumerate((lambda text: text, *JSONS)):
            said = {level: write(text) for level, text in right.items()}
            made = drive(
                annotator.start(replace(row, label=None, items=None)),
                lambda call, said=said, right=right: LlmReply(said.get(call.purpose) or right[call.purpose[:4]]),
            )
            read = encode(made.record, registry.task_words)[1] if made.record.is_annotated else None
            gold = gold if number else read
            assert gold is not None
            found.count(f"JSON {number}", gold, read)
    return found
