"""What a model says about a text, with offsets: out of one reply, or put together from windows of the text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mmm_dataset import Failure, Item
from oiellm.predict.deviations import CUT
from oiellm.predict.engine import Reply
from oiellm.predict.reading import Question, answer
from oiellm.predict.windows import Window


@dataclass(frozen=True, slots=True)
class Entity:
    """A labelled piece of the text: ``text`` is the input's ``[start:end]``, in code points; and its attributes.

    ``confidence`` is the mean probability of its tokens, see :mod:`oiellm.predict.confidence`; None if it is not known.
    """

    label: str
    text: str
    start: int
    end: int
    attributes: tuple[tuple[str, str], ...] = ()
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Argument:
    """A piece of the text in its role in a relation (head, tail) or an event (subject, object, time)."""

    role: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation or an event, its arguments, its attributes, and the confidence in it."""

    label: str
    arguments: tuple[Argument, ...]
    attributes: tuple[tuple[str, str], ...] = ()
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Extraction:
    """What a model says about a text.

    Attributes:
        text: the text.
        label: text-level label; None if the output could not be read. Of several windows the label of most of the text,
            weighed by confidence.
        entities: label-entity pairs, of the task words that write these; none twice in one place.
        relations: relations or events, of the task words that write those; none twice.
        unplaced: items that the model wrote but that have no place in the text: not in it at all or, unconstrained, listed
            more often than they occur. None twice.
        failure: why the output could not be read, if it could not; None of a constrained one. Of several windows the first
            failure; what the others say is there.
        output: the output string; of several windows, one a line.
        cut: whether the output reached the limit of new tokens; its last item may be missing then.
        label_confidence: mean probability of the tokens of the label; None if it is not known. Of several windows, over
            all of the text: where another label was written, it counts as 0.
    """

    text: str
    label: str | None
    entities: tuple[Entity, ...]
    relations: tuple[Relation, ...]
    unplaced: tuple[Item, ...]
    failure: str | None
    output: str
    cut: bool
    label_confidence: float | None = None


def merged(text: str, parts: Sequence[tuple[Window, Extraction]]) -> Extraction:
    """What the windows of a text say about all of it, at least one window."""
    if len(parts) == 1 and parts[0][1].text == text:
        return parts[0][1]
    weights: dict[str, float] = defaultdict(float)
    entities: list[Entity] = []
    relations: list[Relation] = []
    for place, one in parts:
        if one.label is not None:
            sure = 1.0 if one.label_confidence is None else one.label_confidence
            weights[one.label] += sure * len(one.text)
        for entity in one.entities:
            if place.own[0] <= entity.start + place.start < place.own[1]:
                entities.append(replace(entity, start=entity.start + place.start, end=entity.end + place.start))
        for relation in one.relations:
            moved = tuple(replace(a, start=a.start + place.start, end=a.end + place.start) for a in relation.arguments)
            if place.own[0] <= moved[0].start < place.own[1]:
                relations.append(replace(relation, arguments=moved))
    found = [one for _, one in parts]
    known = any(one.label_confidence is not None for one in found)
    label = max(weights, key=weights.__getitem__, default=None)
    return Extraction(
        text,
        label,
        tuple(entities),
        tuple(relations),
        tuple(dict.fromkeys(item for one in found for item in one.unplaced)),
        next((one.failure for one in found if one.failure), None),
        "\n".join(one.output for one in found),
        any(one.cut for one in found),
        round(weights[label] / sum(len(one.text) for one in found), 4) if known and label is not None else None,
    )


def extraction(question: Question, reply: Reply, task_words: Mapping[str, tuple[str, ...]]) -> Extraction:
    """What a reply says."""
    found = answer(question, reply, task_words)
    cut = reply.finish in CUT
    if isinstance(found.read, Failure):
        return Extraction(question.text, None, (), (), (), f"{found.read.kind}: {found.read.detail}", found.output, cut)
    # By what an item says; of several that say the same the first.
    entities: dict[tuple[Any, ...], Entity] = {}
    relations: dict[tuple[Any, ...], Relation] = {}
    unplaced: list[Item] = []
    sure = found.confidence.items or (None,) * len(found.read.items)
    for item, likely in zip(found.read.items, sure):
        arguments = tuple(
            Argument(s.role, s.text, s.start, s.end) for s in item.spans if s.start is not None and s.end is not None
        )
        if len(arguments) < len(item.spans):
            unplaced.append(item)
        elif item.is_pair:
            (one,) = arguments
            entity = Entity(item.label, one.text, one.start, one.end, item.attributes, likely)
            entities.setdefault((item.label, one.start, one.end, item.attributes), entity)
        else:
            relation = Relation(item.label, arguments, item.attributes, likely)
            relations.setdefault((item.label, arguments, item.attributes), relation)
    return Extraction(
        question.text,
        found.read.label,
        tuple(entities.values()),
        tuple(relations.values()),
        tuple(dict.fromkeys(unplaced)),
        None,
        found.output,
        cut,
        found.confidence.label,
    )
