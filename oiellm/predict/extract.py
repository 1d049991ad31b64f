"""Entities out of text: ``load("FOLDER").extract("...", task="NER", language="ja")``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from mmm_dataset import Failure, Item, Registry, prompt, registry_of
from mmm_dataset.registry import Config
from oiellm.errors import OiellmError
from oiellm.predict.engine import Engine, Reply
from oiellm.predict.reading import Question, answer, ask


class TextError(OiellmError):
    """A text that a model cannot be asked about."""


@dataclass(frozen=True, slots=True)
class Entity:
    """A labelled piece of the text: ``text`` is the input's ``[start:end]``, in code points; and its attributes."""

    label: str
    text: str
    start: int
    end: int
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Argument:
    """A piece of the text in its role in a relation (head, tail) or an event (subject, object, time)."""

    role: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation or an event, its arguments, and its attributes."""

    label: str
    arguments: tuple[Argument, ...]
    attributes: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a model says about a text.

    Attributes:
        text: the text.
        label: text-level label; None if the output could not be read.
        entities: label-entity pairs, of the task words that write these.
        relations: relations or events, of the task words that write those.
        unplaced: items that the model wrote but that have no place in the text: listed more often than they occur or,
            unconstrained, not in the text at all.
        failure: why the output could not be read, if it could not; None of a constrained one.
        output: the output string.
        cut: whether the output reached the limit of new tokens; its last item may be missing then.
    """

    text: str
    label: str | None
    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]
    unplaced: tuple[Item, ...]
    failure: str | None
    output: str
    cut: bool


class Extractor:
    """A model that is asked about texts."""

    def __init__(self, engine: Engine, registry: Registry) -> None:
        """Take an engine and the registry that knows its tasks and labels."""
        self.engine, self.registry = engine, registry

    def extract(
        self, text: str, *, task: str, language: str, constrain: bool = True, max_new_tokens: int = 512
    ) -> Extraction:
        """Ask about one text; see :meth:`extract_many`."""
        return self.extract_many(
            [text], task=task, language=language, constrain=constrain, max_new_tokens=max_new_tokens
        )[0]

    def extract_many(
        self, texts: Iterable[str], *, task: str, language: str, constrain: bool = True, max_new_tokens: int = 512
    ) -> list[Extraction]:
        """Ask about many texts, in batches.

        Args:
            texts: none of them empty.
            task: a task word (``NER``, ``Relation Extraction``), or the code of a task that has one word (``scnm``).
            language: code of the language (``ja``). The prompt does not hold it: it chooses the label sets.
            constrain: guarantee the form, the label sets, and that every entity is in the text. A word that several tasks
                of the language share has their label set where they agree, else open labels: ``NER`` leaves the choice to
                the model, ``scnm`` closes the set.
            max_new_tokens: limit of one output.

        Raises:
            OiellmError: no such task or language; as a :class:`TextError` a text that is empty or longer than the model
                takes. Nothing is returned then.
        """
        word, text_labels, word_labels = self._resolve(task, language)
        questions = []
        for number, text in enumerate(texts, 1):
            if not isinstance(text, str) or not text or not _is_utf8(text):
                raise TextError(f"text {number} is empty or no text that UTF-8 can hold; leave it out")
            questions.append(Question(text, word, prompt(text, word), text_labels, word_labels, constrained=constrain))
        words = self.registry.task_words
        replies: dict[int, Reply] = {}
        for reply in self.engine.generate([ask(at, q, words) for at, q in enumerate(questions)], max_new_tokens):
            if reply.finish == "too_long":
                raise TextError(self._too_long(reply.key + 1, len(questions[reply.key].text)))
            replies[reply.key] = reply
        return [_extraction(question, replies[at], words) for at, question in enumerate(questions)]

    def _too_long(self, number: int, characters: int) -> str:
        limit = getattr(self.engine, "positions", None)
        most = f"{limit} tokens, prompt and output together" if limit else "less"
        return f"text {number} has {characters} characters; the model {self.engine.model} takes {most}: split the text"

    def _resolve(self, task: str, language: str) -> tuple[str, Mapping[str, str] | None, Mapping[str, str] | None]:
        """Task word, and the text-level and word-level label sets."""
        registry = self.registry
        if language not in registry.languages:
            raise OiellmError(f"no language {language!r}; there are: {', '.join(registry.languages)}")
        word = task
        if task in registry.tasks:
            words = registry.tasks[task].words
            if len(words) > 1:
                raise OiellmError(f"the task {task!r} has several words: say {' or '.join(map(repr, words))}")
            word = words[0]
        configs = [c for c in registry.configs.values() if c.language == language and self._asks(c, task, word)]
        if not configs:
            known = dict.fromkeys(
                name
                for config in registry.configs.values()
                if config.language == language
                for name in (config.task, *registry.tasks[config.task].words)
            )
            raise OiellmError(f"no task {task!r} in {language!r}; there are: {', '.join(known)}")
        return (
            word,
            _agreed([registry.text_labels(config) for config in configs]),
            _agreed([registry.word_labels(config, word) for config in configs]),
        )

    def _asks(self, config: Config, task: str, word: str) -> bool:
        return config.task == task if task in self.registry.tasks else word in self.registry.tasks[config.task].words


def load(
    model: str | Path,
    *,
    device: str | None = None,
    dtype: str | None = None,
    revision: str | None = None,
    batch_size: int = 32,
    registry: Registry | None = None,
) -> Extractor:
    """Load a model to ask about texts.

    Args:
        model: a folder, or ORG/NAME on the Hub.
        device, dtype, revision: see :func:`oiellm.predict.local.load_model`.
        batch_size: texts at once.
        registry: tasks and labels; None: those of MMM, and the files that are saved with the model.

    Raises:
        OiellmError: see :func:`oiellm.predict.local.load_model`.
    """
    from oiellm.predict.checkpoint import find
    from oiellm.predict.local import LocalEngine, load_model

    loaded = load_model(model, dtype=dtype, device=device, revision=revision)
    return Extractor(LocalEngine(loaded, batch_size), registry or registry_of(find(str(model), revision)))


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _agreed(sets: list[dict[str, str] | None]) -> Mapping[str, str] | None:
    return sets[0] if all(one == sets[0] for one in sets) else None


def _extraction(question: Question, reply: Reply, task_words: Mapping[str, tuple[str, ...]]) -> Extraction:
    found = answer(question, reply, task_words)
    cut = reply.finish in ("length", "closed")
    if isinstance(found.read, Failure):
        return Extraction(question.text, None, (), (), (), f"{found.read.kind}: {found.read.detail}", found.output, cut)
    entities: list[Entity] = []
    relations: list[Relation] = []
    unplaced: list[Item] = []
    for item in found.read.items:
        arguments = [
            Argument(s.role, s.text, s.start, s.end) for s in item.spans if s.start is not None and s.end is not None
        ]
        if len(arguments) < len(item.spans):
            unplaced.append(item)
        elif item.is_pair:
            (one,) = arguments
            entities.append(Entity(item.label, one.text, one.start, one.end, item.attributes))
        else:
            relations.append(Relation(item.label, tuple(arguments), item.attributes))
    return Extraction(
        question.text,
        found.read.label,
        tuple(entities),
        tuple(relations),
        tuple(unplaced),
        None,
        found.output,
        cut,
    )
