"""From what a reply says to the unified output string, by the strict and by the lenient reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mmm_dataset import Failure, decode
from mmm_f1.unified import LABEL, PARSE_FAILURES, render, shape
from oiellm.baselines.labels import ConfigLabels
from oiellm.predict.deviations import SPELLING, deviations, ordered
from oiellm.predict.engine import Reply
from oiellm.predict.reading import Answer, Question

TaskWords = Mapping[str, Sequence[str]]
Fields = tuple[str, ...]
"""The fields of an item, in the order of the task word's roles."""


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """What a reply says.

    Attributes:
        label: text-level label.
        items: fields of each item, in the order of the task word's roles.
        tolerated: format errors that were tolerated to read it, by kind.
    """

    label: str
    items: tuple[Fields, ...]
    tolerated: tuple[str, ...] = ()


def spelled(said: ParsedAnswer, word: str, labels: ConfigLabels, task_words: TaskWords) -> ParsedAnswer:
    """The same with every label as the release spells it; labels that are none of a set stay as they are."""
    at = list(shape(word, task_words)).index(LABEL)
    label = labels.text.read(said.label) or said.label
    items = tuple((*item[:at], labels.words[word].read(item[at]) or item[at], *item[at + 1 :]) for item in said.items)
    changed = label != said.label or items != said.items
    return ParsedAnswer(label, items, (*said.tolerated, SPELLING) if changed else said.tolerated)


def written(said: ParsedAnswer, question: Question, task_words: TaskWords) -> str:
    """The unified output string, in the question's form; empty if an item lacks a field."""
    try:
        return render(said.label, question.word, said.items, form=question.form, task_words=task_words)
    except ValueError:
        return ""


def conclude(
    question: Question, reply: Reply, output: str, lenient: ParsedAnswer | None, task_words: TaskWords, kind: str = ""
) -> Answer:
    """The answer that a reply gives.

    Args:
        question: what was asked.
        reply: what came back.
        output: the unified string of the strict reading; empty if it finds nothing.
        lenient: what the lenient reading finds, if it finds anything.
        task_words: roles by task word.
        kind: the deviation that left the strict reading without a result, where the style has a name for it.
    """
    read = decode(
        output,
        question.word,
        text=question.text,
        labels=question.word_labels,
        form=question.form,
        task_words=task_words,
    )
    found = set(deviations(question.text_labels, reply, read))
    if kind and "empty" not in found:
        found = (found - set(PARSE_FAILURES)) | {kind}
    second = None
    if lenient is not None and (lenient.tolerated or isinstance(read, Failure)):
        second = written(lenient, question, task_words) or None
    if second is not None and second != output:
        found |= set(lenient.tolerated) if lenient else set()
        return Answer(output, read, lenient=second, deviations=ordered(found))
    return Answer(output, read, deviations=ordered(found))
