"""Records as questions: the prompt, the label sets, and what a view or a style makes of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from mmm_dataset import Record, Registry, RegistryError, prompt
from oiellm.errors import OiellmError
from oiellm.predict.engine import Request
from oiellm.predict.reading import Question, ask
from oiellm.predict.style import Style
from oiellm.recipe import View
from oiellm.view import HIDDEN, Forced, contexts, forced_labels

ClosedLabels = Mapping[tuple[str, str], Sequence[str]]
"""(config, id) of a record to the word-level labels that its prompt lists."""


def requests(records: Sequence[Record], registry: Registry, style: Style | None = None) -> list[Request]:
    """What a free run would ask about records, without beginning one."""
    plain = questions(records, registry, False, {}, View(), None)
    asked = plain if style is None else map(style.question, records, plain)
    return [ask(at, question, registry.task_words) for at, question in enumerate(asked)]


def questions(
    records: Sequence[Record],
    registry: Registry,
    constrained: bool,
    labels: ClosedLabels,
    view: View,
    forced: Forced | None,
) -> list[Question]:
    """What is asked about each record, by the unified prompt; arguments as of :class:`oiellm.predict.run.Run`.

    Raises:
        OiellmError: a config is not in the registry, or a label is forced without a grammar.
    """
    if forced and not constrained:
        raise OiellmError("a label can be forced by constrained decoding alone")
    told = contexts(records, view, registry)
    found = [_question(one, registry, constrained, labels, text) for one, text in zip(records, told)]
    if view.output == "text":
        found = [replace(question, word_labels=()) for question in found]
    elif view.output == "word":
        found = [replace(question, text_labels=(HIDDEN,)) for question in found]
    if forced:
        found = [
            question if label is None else replace(question, text_labels=(label,))
            for label, question in zip(forced_labels(records, forced), found)
        ]
    return found


def _question(
    record: Record, registry: Registry, constrained: bool, labels: ClosedLabels, context: str | None
) -> Question:
    try:
        config = registry.config(record.config)
        texts, words = registry.text_labels(config), registry.word_labels(config, record.word)
    except RegistryError as error:
        raise OiellmError(f"record {record.id!r}: {error}; name your registry file with --registry") from error
    listed = labels.get((record.config, record.id))
    if record.raw is not None and listed is None and context is None:
        line = record.raw[0]
    else:
        line = prompt(record.text, record.word, listed, context)
    return Question(
        record.text,
        record.word,
        line,
        texts,
        words if listed is None else listed,
        record.form,
        constrained,
        record.config,
    )
