"""From a row to its request, and from the reply to what it says. Runs, extraction and serving all go through here."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from mmm_dataset import Decoded, Failure, decode
from mmm_dataset.codec import item_fields
from mmm_f1.unified import NO_TASK_WORD, Form, render, shape
from oiellm.predict.deviations import CUT, deviations
from oiellm.predict.engine import Messages, Reply, Request

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
        dropped_items: items that were cut off by the limit.
        lenient: the string of the lenient reading, which finds an answer among other words; None if it is ``output`` as well.
        deviations: what is not as it should be, kinds of :mod:`oiellm.predict.deviations`.
    """

    output: str
    read: Decoded | Failure
    dropped_items: int = 0
    lenient: str | None = None
    deviations: tuple[str, ...] = ()


def ask(key: int, question: Question, task_words: Mapping[str, Sequence[str]]) -> Request:
    """The request for an engine, with its grammar if the reply is constrained."""
    if not question.constrained:
        return Request(key, question.prompt, messages=question.messages, schema=question.schema)
    from oiellm.predict.grammar import grammar

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
    failed = Failure(NO_TASK_WORD, f"{NO_ANSWER[reply.finish]}, so nothing was predicted")
    return Answer("", failed, deviations=deviations(question.text_labels, reply, failed))


def answer(question: Question, reply: Reply, task_words: Mapping[str, Sequence[str]]) -> Answer:
    """Read a reply. A constrained one that was cut is repaired; a free one is taken as it is."""
    if reply.finish in NO_ANSWER:
        return no_answer(question, reply)
    output, dropped, word = reply.text, 0, question.word
    if question.constrained and reply.finish in CUT:
        from oiellm.predict.grammar import repair

        output, dropped = repair(output, word, task_words)
    read = decode(
        output,
        word,
        text=question.text,
        labels=question.word_labels,
        form="escaped" if question.constrained else question.form,
        task_words=task_words,
    )
    if question.constrained and question.form == "published" and isinstance(read, Decoded):
        fields = [item_fields(item, shape(word, task_words)) for item in read.items]
        output = render(read.label, word, fields, form="published", task_words=task_words)
    return Answer(output, read, dropped, deviations=deviations(question.text_labels, reply, read))
