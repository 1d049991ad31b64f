"""Entities out of text: ``load("FOLDER").extract("...", task="NER", language="ja")``."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any, Final, overload

from mmm_dataset import Registry, prompt, registry_of
from mmm_dataset.registry import Config
from oiellm.errors import OiellmError
from oiellm.predict.engine import Engine, Reply
from oiellm.predict.extraction import Argument, Entity, Extraction, Relation, extraction, merged
from oiellm.predict.reading import Question, ask
from oiellm.predict.spellings import own_spellings
from oiellm.predict.windows import Window, windows

__all__ = ["Argument", "Entity", "Extraction", "Extractor", "Relation", "TextError", "lines", "load"]

LabelSets = tuple[Mapping[str, str] | None, Mapping[str, str] | None]
"""Text-level and item labels by spelling; None where they are open."""
WINDOW: Final = 150
"""Characters of a window of :meth:`Extractor.extract_long`."""


class TextError(OiellmError):
    """A text that a model cannot be asked about."""


class Extractor:
    """A model that is asked about texts."""

    def __init__(self, engine: Engine, registry: Registry) -> None:
        """Take an engine and the registry that knows its tasks and labels."""
        self.engine, self.registry = engine, registry
        self._labels = own_spellings(registry)

    @overload
    def extract(self, text: str, *, task: str, language: str, **options: Any) -> Extraction: ...

    @overload
    def extract(self, text: Path | Iterable[str], *, task: str, language: str, **options: Any) -> list[Extraction]: ...

    def extract(
        self, text: str | Path | Iterable[str], *, task: str, language: str, **options: Any
    ) -> Extraction | list[Extraction]:
        """Ask about one text, about a list of them, or about the lines of a file that are not blank.

        Args:
            text: a text; or texts; or the path of a file, which must be a :class:`pathlib.Path`.
            task, language, options: see :meth:`extract_many`.

        Returns:
            What the model says about the text; of several texts a list, in order.
        """
        if isinstance(text, str):
            return self.extract_many([text], task=task, language=language, **options)[0]
        texts = [line for _, line in lines(str(text))] if isinstance(text, Path) else text
        return self.extract_many(texts, task=task, language=language, **options)

    def extract_long(self, text: str, *, task: str, language: str, window: int = WINDOW, **options: Any) -> Extraction:
        """Ask about a text of any length, by windows of whole sentences; offsets are those of the text.

        Args:
            text: the text.
            task, language, options: see :meth:`extract_many`.
            window: characters of a window at most. Longer ones hold relations over more sentences; best are windows as long
                as the texts that the model was trained on.
        """
        return self.extract_many([text], task=task, language=language, window=window, **options)[0]

    def extract_many(
        self,
        texts: Iterable[str],
        *,
        task: str,
        language: str,
        constrain: bool = True,
        max_new_tokens: int = 512,
        window: int | None = None,
    ) -> list[Extraction]:
        """Ask about many texts, in batches.

        Args:
            texts: none of them empty.
            task: a task word (``NER``, ``Relation Extraction``), or the code of a task that has one word (``scnm``). A word
                that several tasks of the language share has the labels of the one whose labels are closed: ``NER`` is
                ``scnm``, open labels are those of ``tconer``. Where two closed sets differ, it is refused.
            language: code of the language (``ja``). The prompt does not hold it: it chooses the label sets.
            constrain: guarantee the form, the label sets, and that every entity is in the text.
            max_new_tokens: limit of one output.
            window: ask about texts of more characters than this in windows; None: about whole texts.

        Raises:
            OiellmError: no such task or language; as a :class:`TextError` a text that is empty or longer than the model
                takes. Nothing is returned then.
        """
        word, text_labels, word_labels = self._resolve(task, language)
        places: list[tuple[int, Window]] = []
        questions, whole = [], []
        for number, text in enumerate(texts):
            if not isinstance(text, str) or not text or not _is_utf8(text):
                raise TextError(f"text {number + 1} is empty or no text that UTF-8 can hold; leave it out")
            whole.append(text)
            for place in _places(text, window):
                piece = text[place.start : place.end]
                places.append((number, place))
                questions.append(
                    Question(piece, word, prompt(piece, word), text_labels, word_labels, constrained=constrain)
                )
        found = zip(places, self._ask(questions, [number for number, _ in places], max_new_tokens))
        by_text = groupby(found, key=lambda pair: pair[0][0])
        return [merged(whole[number], [(place, one) for (_, place), one in pairs]) for number, pairs in by_text]

    def _ask(self, questions: Sequence[Question], numbers: Sequence[int], max_new_tokens: int) -> list[Extraction]:
        """Answers to questions, the first of which are about the texts of these numbers."""
        words = self.registry.task_words
        replies: dict[int, Reply] = {}
        for reply in self.engine.generate([ask(at, q, words) for at, q in enumerate(questions)], max_new_tokens):
            if reply.finish == "too_long":
                raise TextError(self._too_long(numbers[reply.key] + 1, len(questions[reply.key].text)))
            replies[reply.key] = reply
        return [extraction(question, replies[at], words) for at, question in enumerate(questions)]

    def _too_long(self, number: int, characters: int) -> str:
        limit = getattr(self.engine, "positions", None)
        most = f"{limit} tokens, prompt and output together" if limit else "less"
        return (
            f"text {number} has {characters} characters; the model {self.engine.model} takes {most}: split the text, or "
            f"take shorter windows (extract_long, --window {WINDOW})"
        )

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
        return word, *self._label_sets(configs, word)

    def _label_sets(self, configs: Sequence[Config], word: str) -> LabelSets:
        """Those that all tasks of a word share; else those of the only one whose labels are closed."""
        sets = {c.task: (self._labels.text_labels(c), self._labels.word_labels(c, word)) for c in configs}
        closed = [labels for labels in sets.values() if None not in labels]
        first, *others = closed or sets.values()
        if any(other != first for other in others):
            raise OiellmError(
                f"{word!r} is the word of several tasks whose labels differ: name the task, {' or '.join(map(repr, sets))}"
            )
        return first

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


def lines(name: str) -> Iterator[tuple[int, str]]:
    """Number and text of the lines of a file that are not blank; ``-`` is standard input.

    Raises:
        OiellmError: the file cannot be read or is not UTF-8.
    """
    try:
        with nullcontext(sys.stdin) if name == "-" else open(name, encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield number, line.rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise OiellmError(f"{name}: not UTF-8 text (byte {error.start}): save it as UTF-8") from error
    except OSError as error:
        raise OiellmError(f"{name}: cannot be read ({error.strerror})") from error


def _places(text: str, window: int | None) -> list[Window]:
    """The windows of a text, without those that hold nothing but blanks; the whole text without windows."""
    whole = Window(0, len(text), (0, len(text)))
    if window is None or len(text) <= window:
        return [whole]
    found = [replace(one, end=one.start + len(text[one.start : one.end].rstrip())) for one in windows(text, window)]
    return [one for one in found if one.end > one.start] or [whole]
