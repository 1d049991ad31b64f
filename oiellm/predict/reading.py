"""From a row to its request, and from the reply to what it says. Runs, extraction and serving all go through here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from mmm_dataset import Decoded, Failure, Item, decode
from mmm_dataset.codec import item_fields
from mmm_f1.unified import NO_TASK_WORD, Form, is_span, render, shape
from oiellm.predict.confidence import UNKNOWN, Confidence, confidence
from oiellm.predict.deviations import CUT, deviations
from oiellm.predict.engine import Messages, Reply, Request
from oiellm.predict.grammar import Repeats, grammar, repair

NO_ANSWER: Final = {
    "too_long": "the prompt does not fit the model",
    "refused": "the server rejects the request",
    "filter": "the reply was withheld or declined",
}
"""Finishes of replies that say nothing, in words."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about a text.

    Attributes:
        text, word: the text and its task word.
        prompt: what ``mmm_dataset.prompt`` made of them, or a style of its own.
        text_labels, word_labels: the closed sets, or None where labels are open.
        form: the form that the output is scored in; a free reply is taken to be written in it.
        constrained: whether the reply must parse; it is then written in escaped form whatever ``form`` says.
        config: of the row; empty for a text that is of none.
        messages, schema: of a chat, see :class:`oiellm.predict.engine.Request`.
    """

    text: str
    word: str
    prompt: str
    text_labels: Collection[str] | None
    word_labels: Collection[str] | None
    form: Form = "escaped"
    constrained: bool = False
    config: str = ""
    messages: Messages = ()
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, read.

    Attributes:
        output: the string to score, in the question's form, by the strict reading: any deviation from the format costs.
        read: what it says.
        dropped_items: items that were cut off by the limit, or that a constrained output listed more often than the text holds
            them.
        lenient: the string of the lenient reading, which finds an answer among other words; None if it is ``output`` as well.
        deviations: what is not as it should be, kinds of :mod:`oiellm.predict.deviations`.
        confidence: in the label and the items of ``read``; without items where they are not known one by one.
    """

    output: str
    read: Decoded | Failure
    dropped_items: int = 0
    lenient: str | None = None
    deviations: tuple[str, ...] = ()
    confidence: Confidence = UNKNOWN


def ask(key: int, question: Question, task_words: Mapping[str, Sequence[str]]) -> Request:
    """The request for an engine, with its grammar if the reply is constrained."""
    if not question.constrained:
        return Request(key, question.prompt, messages=question.messages, schema=question.schema)
    allowed = grammar(
        question.text,
        question.word,
        text_labels=question.text_labels,
        word_labels=question.word_labels,
        task_words=task_words,
    )
    return Request(key, question.prompt, allowed.lark, allowed.reserve)


def no_answer(question: Question, reply: Reply) -> Answer:
    """What is known of a row that the model wrote nothing for; the reply's finish is one of ``NO_ANSWER``."""
    said = f" ({reply.text})" if reply.text.strip() else ""
    failed = Failure(NO_TASK_WORD, f"{NO_ANSWER[reply.finish]}{said}, so nothing was predicted")
    return Answer("", failed, deviations=deviations(question.text_labels, reply, failed))


def answer(question: Question, reply: Reply, task_words: Mapping[str, Sequence[str]]) -> Answer:
    """Read a reply. A constrained one that was cut is repaired, and repeats are left out; a free one is taken as it is."""
    if reply.finish in NO_ANSWER:
        return no_answer(question, reply)
    output, dropped, word = reply.text, 0, question.word
    if question.constrained and reply.finish in (*CUT, "looped"):
        output, dropped = repair(output, word, task_words)
    sure = confidence(output, word, reply.probabilities)
    read = _decode(question, output, task_words)
    if isinstance(read, Decoded):
        sure = sure if len(sure.items) == len(read.items) else replace(sure, items=())
        if question.constrained and len(kept := _kept(question, read, task_words)) < len(read.items):
            dropped += len(read.items) - len(kept)
            sure = replace(sure, items=tuple([sure.items[at] for at in kept if sure.items]))
            output = _render(question, read.label, [read.items[at] for at in kept], "escaped", task_words)
            read = _decode(question, output, task_words)
    if question.constrained and question.form == "published" and isinstance(read, Decoded):
        output = _render(question, read.label, read.items, "published", task_words)
    return Answer(output, read, dropped, deviations=deviations(question.text_labels, reply, read), confidence=sure)


def _decode(question: Question, output: str, task_words: Mapping[str, Sequence[str]]) -> Decoded | Failure:
    return decode(
        output,
        question.word,
        text=question.text,
        labels=question.word_labels,
        form="escaped" if question.constrained else question.form,
        task_words=task_words,
    )


def _render(
    question: Question, label: str, items: Sequence[Item], form: Form, task_words: Mapping[str, Sequence[str]]
) -> str:
    fields = [item_fields(item, shape(question.word, task_words)) for item in items]
    return render(label, question.word, fields, form=form, task_words=task_words)


def _kept(question: Question, read: Decoded, task_words: Mapping[str, Sequence[str]]) -> list[int]:
    """Indices of the items that are not one too many for the text."""
    roles = shape(question.word, task_words)
    repeats = Repeats(question.text, [at for at, role in enumerate(roles) if is_span(role)])
    return [at for at, item in enumerate(read.items) if not repeats.one_too_many(item_fields(item, roles))]
