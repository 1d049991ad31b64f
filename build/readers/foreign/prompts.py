"""Formats of prompts and answers: UIE (PaddleNLP), IEPile, UniversalNER, whose rows are joined by their text, and GLiNER2."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from build.files import strict_load
from build.readers.foreign.document import Document, Mention, Relation, ShapeError, expect, get, list_of, offsets, rest

UIE: Final = '{"content": "Mia ran.", "result_list": [{"text": "Mia", "start": 0, "end": 3}], "prompt": "PER"}'
IEPILE: Final = (
    '{"instruction": "{\\"schema\\": [\\"PER\\"], \\"input\\": \\"Mia ran.\\"}", "output": "{\\"PER\\": [\\"Mia\\"]}"}'
)
GLINER2: Final = '{"input": "Mia ran.", "output": {"entities": {"PER": ["Mia"]}}}'
UNIVERSALNER: Final = (
    '{"conversations": [{"from": "human", "value": "Text: Mia ran."}, {"from": "gpt", "value": "..."}, {"from": "human", '
    '"value": "What describes PER in the text?"}, {"from": "gpt", "value": "[\\"Mia\\"]"}]}'
)

_CHOICE = re.compile(r"(?s)(.*?)\s*\[(.*)\]")
_ABSENT: Final = (None, "", "NAN", "NaN", "nan")


def parse_uie(row: Any) -> Document:
    """One prompt about a text. Answers at offsets below 0 are in the prompt, labels of the text: ``情感倾向[正向，负向]``."""
    prompt = get(row, "prompt", str, UIE)
    document = Document(get(row, "content", str, UIE), meta=rest(row, ("content", "prompt", "result_list")))
    for answer in get(row, "result_list", list, UIE):
        text = get(answer, "text", str, UIE)
        start, end = offsets(answer.get("start"), answer.get("end"), UIE)
        if start < 0 and (choice := _CHOICE.fullmatch(prompt)):
            if any(subject in str(document.text) for subject, _ in _parts(choice[1])):
                document.notes.append(("choice_of_entity", f"{prompt!r}: {text!r} is no label of the text"))
            else:
                document.labels.setdefault(choice[1] or "label", []).append(text)
        else:
            document.add(Mention(prompt, start, end, text))
    if _CHOICE.fullmatch(prompt):
        document.is_annotated = False
    return document


def relations_of_prompts(document: Document) -> None:
    """Turn the answers to UIE's prompts of relations, ``作品的作者`` or ``author of the work``, into relations.

    A prompt is one if it names another entity of the document: ``X的R``, ``R of X``. Of equal entities it is the first one.
    In ``X的R``, which UIE writes itself, any piece of the text will do.
    """
    by_text: dict[str, list[Any]] = {}
    for key, mention in document.mentions.items():
        if mention.text and mention.label and not _parts(mention.label):
            by_text.setdefault(mention.text, []).append(key)
    for key, mention in list(document.mentions.items()):
        for subject, label in _parts(mention.label or ""):
            if subject not in by_text and mention.label == f"{subject}的{label}" and subject in str(document.text):
                by_text[subject] = [document.add(Mention(None, text=subject))]
            if heads := by_text.get(subject):
                if len({document.mentions[head].start for head in heads}) > 1:
                    document.notes.append(("several_mentions", f"{mention.label!r}: the first {subject!r} is taken"))
                document.relations.append(Relation(label, [(None, heads[0]), (None, key)]))
                mention.label = None
                break


def _parts(prompt: str) -> list[tuple[str, str]]:
    """The ways to read a prompt as a subject and a relation."""
    found = [(prompt[: m.start()], prompt[m.end() :]) for m in re.finditer("的", prompt)]
    found += [(prompt[m.end() :], prompt[: m.start()]) for m in re.finditer(r" of (?:the )?", prompt)]
    return [(subject, label) for subject, label in found if subject and label]


def parse_iepile(row: Any) -> Document:
    """An instruction with ``schema`` and ``input``, and its output: entities by type, relations, or events."""
    instruction = _inner(get(row, "instruction", str, IEPILE), "instruction")
    document = Document(get(instruction, "input", str, IEPILE), meta=rest(row, ("instruction", "output", "task")))
    answer = expect(_inner(get(row, "output", str, IEPILE), "output"), dict, "'output'", IEPILE)
    _add_listed(document, answer, IEPILE)
    return document


def parse_gliner2(row: Any) -> Document:
    """GLiNER2's training data: listed entities, classifications as labels of the text, relations."""
    keys = ("input", "output") if "input" in row else ("text", "schema")
    document = Document(get(row, keys[0], str, GLINER2), meta=rest(row, keys))
    answer = get(row, keys[1], dict, GLINER2)
    _add_listed(document, expect(answer.get("entities") or {}, dict, "'entities'", GLINER2), GLINER2)
    for task in list_of(answer.get("classifications"), dict, "'classifications'", GLINER2):
        given = task.get("true_label")
        given = [given] if isinstance(given, str) else list_of(given, str, "'true_label'", '["positive"]')
        document.labels[get(task, "task", str, GLINER2)] = given
    for relation in list_of(answer.get("relations"), dict, "'relations'", GLINER2):
        _add_listed(document, {name: [value] for name, value in relation.items()}, GLINER2)
    document.is_annotated = "entities" in answer or "relations" in answer
    if answer.get("json_structures"):
        document.notes.append(("not_read", "json_structures"))
    return document


def _add_listed(document: Document, answer: dict[str, Any], shape: str) -> None:
    """Add what is listed for each label: strings are entities, objects relations or events."""
    strings: dict[str, Any] = {}

    def argument(text: str) -> Any:
        if text not in strings:
            strings[text] = document.add(Mention(None, text=text))
        return strings[text]

    for label, found in answer.items():
        for value in found if isinstance(found, list) else [found]:
            if isinstance(value, str):
                if value not in _ABSENT:
                    document.add(Mention(label, text=value))
            elif isinstance(value, dict):
                document.relations += _relations(label, value, argument)
            else:
                raise ShapeError(f"{label!r} has {value!r:.80}; expected {shape}")


def _relations(label: str, value: dict[str, Any], argument: Any) -> list[Relation]:
    event = "arguments" in value or "trigger" in value
    given = expect(value.get("arguments") or {}, dict, "'arguments'", IEPILE) if event else value
    pairs = [(role, text) for role, texts in given.items() for text in (texts if isinstance(texts, list) else [texts])]
    trigger = value.get("trigger") if event else None
    for text in (trigger, *(text for _, text in pairs)):
        expect(text, (str, type(None)), f"an argument of {label!r}", IEPILE)
    arguments = [(role, argument(text.strip())) for role, text in pairs if text not in _ABSENT]
    key = None if trigger in _ABSENT else argument(trigger.strip())
    if {role for role, _ in arguments} == {"subject", "object"} and not event:
        arguments = [(None, key) for _, key in sorted(arguments, key=lambda pair: pair[0] != "subject")]
    return [Relation(label, list(arguments), key)] if arguments or key is not None else []


def _inner(text: str, key: str) -> Any:
    try:
        return strict_load(text)
    except (ValueError, RecursionError) as error:
        raise ShapeError(f"{key!r} is not JSON ({error}); expected {IEPILE}") from error


def parse_universalner(row: Any) -> Document:
    """A conversation about a text, or SLIMER's row of one type: see :mod:`build.readers.tconer`."""
    from build.readers.tconer import entities_of, take_apart

    parts = take_apart(row)
    if parts is None:
        raise ShapeError(
            f"neither a conversation that begins with 'Text: ' nor a row of SLIMER; expected {UNIVERSALNER}"
        )
    name, text, answers = parts
    document = Document(text, meta={"source_id": name} if name else {})
    for answer in answers:
        if not isinstance(answer, tuple):
            document.notes.append((answer.reason, f"{answer.detail}: {answer.turn[:80]!r}"))
            continue
        label, given = answer
        found = entities_of(given)
        if found is None:
            document.notes.append(("bad_answer", f"{label!r} is answered by no JSON list of strings: {given[:80]!r}"))
        for entity in found or ():
            document.add(Mention(label, text=entity))
    return document


def join(documents: Sequence[tuple[str, Document]]) -> list[tuple[str, Document]]:
    """One document per text, with the mentions of all its rows; a mention that is there already is not added again."""
    by_text: dict[str, tuple[str, Document]] = {}
    for where, document in documents:
        if document.text is None or document.text not in by_text:
            by_text[document.text or where] = (where, document)
            continue
        target = by_text[document.text][1]
        had = {_face(mention) for mention in target.mentions.values()}
        keys = {key: _added(target, mention, had) for key, mention in document.mentions.items()}
        for relation in document.relations:
            relation.arguments = [(role, keys[key]) for role, key in relation.arguments]
            relation.trigger = keys.get(relation.trigger)
        target.relations += document.relations
        for field, labels in document.labels.items():
            target.labels.setdefault(field, []).extend(
                label for label in labels if label not in target.labels.get(field, ())
            )
        target.meta = {**document.meta, **target.meta}
        target.is_annotated = target.is_annotated or document.is_annotated
        target.notes += document.notes
    return list(by_text.values())


def _face(mention: Mention) -> tuple[Any, ...]:
    return mention.label, mention.start, mention.end, mention.text


def _added(target: Document, mention: Mention, had: set[tuple[Any, ...]]) -> Any:
    if _face(mention) in had:
        return next(key for key, other in target.mentions.items() if _face(other) == _face(mention))
    return target.add(mention)
