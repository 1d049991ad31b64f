"""One row: which of its levels are open, the dialogue that asks for them, and the record that comes of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from build.annotate.asking import Asked, text_vote, word_vote
from build.annotate.labels import Merges, Scope
from build.annotate.options import LEVELS, Level
from build.annotate.prompts import Prompts
from build.annotate.votes import Decision, Key, Vote, consensus, majority
from build.core import KitError
from mmm_dataset import Record, Registry, RegistryError
from mmm_f1.unified import UNKNOWN_LABEL
from oiellm.llm.calls import Dialogue, together

ANY: Final = "any"
"""``--word``: ask under each task word of the row's task."""


@dataclass(frozen=True, slots=True)
class Annotated:
    """What became of a row.

    Attributes:
        record: the row with what was decided filled in.
        decisions: by level, those that were asked for.
        prompts: hash of the question by level.
        words: what was decided under each task word that items were asked for under, and the hash of its question.
        word: the one of them that ``decisions`` holds; empty if no items were asked for.
        problem: (reason, detail) of a row that was not asked about because no answer could make it whole.
    """

    record: Record
    decisions: dict[Level, Decision] = field(default_factory=dict)
    prompts: dict[Level, str] = field(default_factory=dict)
    problem: tuple[str, str] | None = None
    words: Mapping[str, tuple[Decision, str]] = field(default_factory=dict)
    word: str = ""

    def failures(self) -> list[tuple[Level, Decision]]:
        """The levels that were asked for and stay open."""
        return [(level, decision) for level, decision in self.decisions.items() if decision.reason is not None]

    @property
    def confidence(self) -> float:
        """That of the least sure level, 0 to 1."""
        return min((decision.confidence for decision in self.decisions.values()), default=1.0)


@dataclass(frozen=True)
class Annotator:
    """Makes dialogues of rows.

    Attributes:
        model: its name at the endpoint.
        prompts: what is asked.
        registry: labels and task words.
        merges: what makes two open labels the same vote.
        levels: those to fill in where they are missing.
        votes: how often each question is asked.
        least: smallest agreement that decides, 0 to 1.
        word: task word to find items for, ``ANY``, or None for the row's own.
    """

    model: str
    prompts: Prompts
    registry: Registry
    merges: Merges
    levels: Collection[str] = LEVELS
    votes: int = 1
    least: float = 0.5
    word: str | None = None

    def start(self, record: Record) -> Dialogue[Annotated]:
        """The dialogue about a row; it asks nothing where nothing is missing or nothing can be done."""
        levels = self._missing(record)
        if not levels:
            return Annotated(record)
        if problem := self._problem(record):
            return Annotated(record, problem=problem)
        words = self._words(record)
        parts = [self._text(record)] if "text" in levels else []
        parts += [self._items(replace(record, word=word)) for word in words] if "word" in levels else []
        results = yield from together(parts)
        decisions: dict[Level, Decision] = {}
        prompts: dict[Level, str] = {}
        if "text" in levels:
            decisions["text"], prompts["text"] = results.pop(0)
            record = replace(record, label=decisions["text"].label)
        if "word" not in levels:
            return Annotated(record, decisions, prompts)
        word = words[_richest([decision for decision, _ in results])]
        asked = dict(zip(words, results, strict=True))
        decisions["word"], prompts["word"] = asked[word]
        if decisions["word"].reason is None:
            record = replace(record, word=word, items=decisions["word"].items)
        return Annotated(record, decisions, prompts, words=asked, word=word)

    def check(self, record: Record) -> None:
        """Make the questions about a row, to see that they can be made.

        Raises:
            KitError: a prompt file does not fit the labels, or ``word`` is none of the task's words.
        """
        config, words = self.registry.config(record.config), self.registry.task(record.task).words
        if self.word not in (None, ANY, *words):
            raise KitError(f"--word {self.word}: no task word of {record.task}: {', '.join(words)}, or {ANY}")
        for level in self._missing(record):
            for word in self._words(record) if level == "word" else (record.word,):
                if word in words:
                    self.prompts.question(level, config, word, self.registry)

    def is_open(self, record: Record, level: Level) -> bool:
        """Whether the labels of this level are open."""
        config = self.registry.config(record.config)
        find = self.registry.text_labels(config) if level == "text" else self.registry.word_labels(config, record.word)
        return find is None

    def open_labels(self, result: Annotated) -> Iterator[tuple[Scope, str]]:
        """The open labels that were decided on, each use of one."""
        record = result.record
        for level, decision in result.decisions.items():
            if self.is_open(record, level):
                labels = [decision.label] if decision.label else [item.label for item in decision.items or ()]
                yield from (((record.config, level), label) for label in labels)

    def _missing(self, record: Record) -> list[Level]:
        if record.raw is not None:  # a published row is what it is
            return []
        missing = {"text": record.label is None, "word": record.items is None}
        return [level for level in LEVELS if missing[level] and level in self.levels]

    def _words(self, record: Record) -> tuple[str, ...]:
        if self.word is None:
            return (record.word,)
        return self.registry.task(record.task).words if self.word == ANY else (self.word,)

    def _problem(self, record: Record) -> tuple[str, str] | None:
        """Why the row cannot become whole, whatever a model says of it."""
        if not record.text.strip():
            return "empty_text", "there is nothing to annotate"
        labels = self.registry.text_labels(self.registry.config(record.config))
        label = record.label or next(iter(labels or ("-",)))
        try:
            for word in self._words(record) if record.items is None else (record.word,):
                self.registry.check_labels(replace(record, label=label, word=word))
        except RegistryError as error:
            return UNKNOWN_LABEL, f"{error}; correct the worklist"
        return None

    def _text(self, record: Record) -> Dialogue[tuple[Decision, str]]:
        return self._ask("text", record, text_vote, majority)

    def _items(self, record: Record) -> Dialogue[tuple[Decision, str]]:
        return self._ask("word", record, word_vote, consensus)

    def _ask(
        self,
        level: Level,
        record: Record,
        vote: Callable[[Asked, int], Dialogue[Vote]],
        decide: Callable[[list[Vote], float, Key], Decision],
    ) -> Dialogue[tuple[Decision, str]]:
        question = self.prompts.question(level, self.registry.config(record.config), record.word, self.registry)
        temperature = self.prompts.limits.temperature if self.votes > 1 else 0.0
        asked = Asked(question, record.text, self.model, temperature, self.registry.task_words, record.word)
        votes = yield from together([vote(asked, number) for number in range(self.votes)])
        scope = (record.config, level)
        same: Key = (lambda label: self.merges.key(scope, label)) if question.labels is None else str
        return decide(votes, self.least, same), question.hash


def _richest(decisions: list[Decision]) -> int:
    """The task word with the most items, the first of equals; one that failed, if the others found nothing."""

    def rank(at: int) -> tuple[int, bool]:
        return len(decisions[at].items or ()), decisions[at].reason is not None

    return max(range(len(decisions)), key=rank)
