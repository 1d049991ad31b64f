"""How a model is asked and how its replies are read: each published model has a prompt and a format of its own.

Whatever the style, the reply becomes the one unified output string, so that scorer, tables and comparison are the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from mmm_dataset import Record
from oiellm.predict.engine import Reply
from oiellm.predict.reading import Answer, Question, answer


class Style(Protocol):
    """A prompt and a parser.

    Attributes:
        settings: what decides prompts and readings, as JSON types, for ``run.json``; empty for the unified style.
    """

    settings: Mapping[str, Any]

    def question(self, record: Record, question: Question) -> Question:
        """The question about a row, with this style's prompt; ``question`` is the unified style's. Gold is not looked at."""
        ...

    def read(self, question: Question, reply: Reply) -> Answer:
        """What a reply to :meth:`question` says, in the question's form."""
        ...


class Unified:
    """The prompt and the format of OIELLM: the text and the task word, nothing else."""

    def __init__(self, task_words: Mapping[str, Sequence[str]]) -> None:
        """``task_words``: roles by task word."""
        self.settings: Mapping[str, Any] = {}
        self._words = task_words

    def question(self, record: Record, question: Question) -> Question:
        """See :class:`Style`."""
        return question

    def read(self, question: Question, reply: Reply) -> Answer:
        """See :class:`Style`."""
        return answer(question, reply, self._words)
