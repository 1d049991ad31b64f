"""Any chat model, told what to do in words: zero-shot or with examples from the train split, free or by a JSON schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from mmm_dataset import Record, Registry, encode
from oiellm.baselines import objects
from oiellm.baselines.instruction import Instruction, free_form, structured_form
from oiellm.baselines.items import Reader
from oiellm.baselines.labels import ConfigLabels
from oiellm.baselines.lenient import find
from oiellm.baselines.parsed import ParsedAnswer, conclude, spelled, written
from oiellm.baselines.template import fill
from oiellm.predict.deviations import DECLINED, ENTITY_SPELLING, NOT_JSON
from oiellm.predict.engine import Messages, Reply
from oiellm.predict.reading import NO_ANSWER, Answer, Question, no_answer


class Chat:
    """The style of chat models."""

    def __init__(
        self,
        instruction: Instruction,
        labels: Mapping[str, ConfigLabels],
        examples: Mapping[str, Sequence[Record]],
        registry: Registry,
        *,
        structured: bool = False,
        seed: int = 0,
    ) -> None:
        """Take what is told.

        Args:
            instruction: of the same kind of replies as ``structured``.
            labels: config to its labels as the release spells them.
            examples: config to annotated training rows; every prompt of it shows those of its task word.
            registry: of configs and task words.
            structured: replies are JSON objects by a schema.
            seed: that the examples were drawn by, to be recorded.
        """
        self._instruction, self._labels, self._registry = instruction, labels, registry
        self._words, self._structured = registry.task_words, structured
        words = [(config, row.word) for config, rows in examples.items() for row in rows]
        self._examples = {
            (config, word): self._shown([row for row in examples[config] if row.word == word]) for config, word in words
        }
        self._heads: dict[tuple[str, str], str] = {}
        self.settings: Mapping[str, Any] = {
            "name": "chat",
            "instruction": instruction.digest,
            "structured": structured,
            "seed": seed,
            "examples": {config: [row.id for row in rows] for config, rows in examples.items()},
        }

    # ------------------------------------------------------------------------------------------------------------ asking

    def question(self, record: Record, question: Question) -> Question:
        """See :class:`oiellm.predict.style.Style`."""
        user = fill(self._instruction.user, {"prompt": question.prompt})
        head = ("system", self._head(record.config, record.word))
        messages: Messages = (head, *self._examples.get((record.config, record.word), ()), ("user", user))
        schema = None
        if self._structured:
            schema = objects.schema_of(record.word, self._labels[record.config], self._words)
        whole = "\n\n".join(content for _, content in messages)
        return replace(question, prompt=whole, messages=messages, schema=schema)

    def reply(self, record: Record) -> str:
        """What the model should write for an annotated row."""
        return objects.example(record, self._words) if self._structured else encode(record, self._words)[1]

    def _shown(self, rows: Sequence[Record]) -> Messages:
        messages: list[tuple[str, str]] = []
        for row in rows:
            user = fill(self._instruction.user, {"prompt": encode(row, self._words)[0]})
            messages += [("user", user), ("assistant", self.reply(row))]
        return tuple(messages)

    def _head(self, name: str, word: str) -> str:
        if (name, word) not in self._heads:
            form = (structured_form if self._structured else free_form)(word, self._registry)
            config, labels = self._registry.config(name), self._labels[name]
            self._heads[name, word] = self._instruction.told(self._registry, config, word, labels, form)
        return self._heads[name, word]

    # ----------------------------------------------------------------------------------------------------------- reading

    def read(self, question: Question, reply: Reply) -> Answer:
        """See :class:`oiellm.predict.style.Style`."""
        if reply.finish in NO_ANSWER:
            return no_answer(question, reply)
        if self._structured:
            return self._read_object(question, reply)
        lenient = self._as_line(reply.text, question) or self._as_json(reply.text, question)
        kind = DECLINED if lenient is None and self._declines(reply.text) else ""
        return conclude(question, reply, reply.text, lenient, self._words, kind)

    def _read_object(self, question: Question, reply: Reply) -> Answer:
        strict = objects.read_strictly(reply.text, question.word, self._words)
        lenient = self._as_json(reply.text, question) or self._as_line(reply.text, question)
        if isinstance(strict, ParsedAnswer):
            return conclude(question, reply, written(strict, question, self._words), lenient, self._words)
        if lenient is None and strict == NOT_JSON and self._declines(reply.text):
            strict = DECLINED
        return conclude(question, reply, "", lenient, self._words, strict)

    def _as_line(self, text: str, question: Question) -> ParsedAnswer | None:
        return find(text, question, self._labels[question.config], self._instruction.before, self._words)

    def _as_json(self, text: str, question: Question) -> ParsedAnswer | None:
        said = objects.read_leniently(text, question.word, self._words)
        if said is None:
            return None
        labels = self._labels[question.config]
        items, changed = Reader(question, labels.words[question.word], None, self._words).place(said.items)
        said = replace(said, items=items, tolerated=(*said.tolerated, *((ENTITY_SPELLING,) if changed else ())))
        return spelled(said, question.word, labels, self._words)

    def _declines(self, text: str) -> bool:
        return text.strip().casefold().startswith(self._instruction.declined)
