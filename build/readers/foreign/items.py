"""From the mentions and relations of a document to the items of a record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from build.readers.foreign.document import Document, Mention, Relation
from build.readers.inputs import clean_label
from build.readers.offsets import Marked, Offsets, Scale, nearest
from mmm_dataset import Item, Span
from mmm_f1.locate import locate
from mmm_f1.unified import LABEL, is_span, role_name

TRIGGER: Final = "trigger"


@dataclass
class Findings:
    """Reason and detail of everything that was put right or left out in one row."""

    notes: list[tuple[str, str]] = field(default_factory=list)

    def add(self, reason: str, detail: str) -> None:
        """Note something."""
        self.notes.append((reason, detail))


@dataclass(frozen=True)
class Shape:
    """What an item of a task word needs, by the roles of the registry."""

    roles: Sequence[str]

    @cached_property
    def spans(self) -> list[str]:
        """Names of the roles that are pieces of the text."""
        return [role_name(role) for role in self.roles if is_span(role)]

    @cached_property
    def attributes(self) -> list[str]:
        """Names of the further labels."""
        return [role_name(role) for role in self.roles if role != LABEL and not is_span(role)]

    @cached_property
    def needed(self) -> list[str]:
        """Names of the fields that must be there."""
        return [role_name(role) for role in self.roles if role != LABEL and not role.endswith("?")]

    def missing(self, item: Item) -> list[str]:
        """Names of the fields that must be there and are not."""
        had = {span.role for span in item.spans} | {name for name, _ in item.attributes}
        return [name for name in self.needed if name not in had]


def marked(document: Document) -> list[Marked]:
    """The mentions of a document that have offsets in its text."""
    if document.tokens is not None or document.text is None:
        return []
    return [
        Marked(document.text, mention.start, mention.end, mention.text)
        for mention in document.mentions.values()
        if mention.start is not None and mention.end is not None and mention.start >= 0
    ]


def place_mentions(
    document: Document, text: str, scale: Scale, tokens: Sequence[Offsets], findings: Findings
) -> dict[Any, Offsets]:
    """Where the mentions stand in the text, by their keys; one that cannot be placed is left out and noted."""
    places: dict[Any, Offsets] = {}
    unplaced: list[Any] = []
    for key, mention in document.mentions.items():
        if mention.start is None or mention.end is None:
            unplaced.append(key)
        elif document.tokens is not None:
            places[key] = tokens[mention.start][0], tokens[mention.end][1]
        elif mention.start >= 0 and (
            place := _place(Marked(text, mention.start, mention.end, mention.text), scale, findings)
        ):
            places[key] = place
    # An argument without a label of its own names an entity that may be listed as well: they share a place.
    for group in (
        [key for key in unplaced if document.mentions[key].label is not None],
        [key for key in unplaced if document.mentions[key].label is None],
    ):
        mentions = [document.mentions[key] for key in group]
        pairs = [(m.label or "", m.text if m.text and m.text in text else (m.text or "").strip()) for m in mentions]
        for key, (label, entity), found in zip(group, pairs, locate(text, pairs), strict=True):
            if found:
                places[key] = found
            else:
                reason = "repeated_pair" if entity and entity in text else "entity_not_in_text"
                findings.add(reason, f"{entity!r} ({label!r}) left out")
    return places


def _place(span: Marked, scale: Scale, findings: Findings) -> Offsets | None:
    place = scale.place(span)
    if place is not None and (span.piece is None or scale.fits(span)):
        return place
    found = nearest(span, scale)
    if found is not None:
        findings.add("offset_error", f"{span.piece!r} is at {found[0]}, not at {span.start}")
    elif place is None:
        findings.add(
            "offset_outside", f"{span.start} to {span.end} is no span of a text of {len(span.text):,}: left out"
        )
    else:
        findings.add("entity_not_in_text", f"{span.piece!r} at {span.start} left out")
    return found


def pair_items(
    document: Document, text: str, places: Mapping[Any, Offsets], shape: Shape, findings: Findings
) -> list[Item]:
    """Label-entity pairs: one for each mention with a label, in order."""
    items = []
    for key, mention in document.mentions.items():
        if key in places and mention.label is not None:
            spans = (Span(text[slice(*places[key])], *places[key], shape.spans[0]),)
            items.append(_item(mention.label, spans, mention.attributes, shape, findings))
    if document.relations:
        findings.add(
            "relations_not_read", f"{len(document.relations):,} relations: items of the task are single entities"
        )
    return [item for item in items if item is not None]


def relation_items(
    document: Document, text: str, places: Mapping[Any, Offsets], shape: Shape, findings: Findings
) -> list[Item]:
    """Relations and events, in order."""
    items = []
    used = {key for relation in document.relations for _, key in relation.arguments} | {
        r.trigger for r in document.relations
    }
    for relation in _grouped(document, shape):
        if several := sorted(
            role for role, count in Counter(role for role, _ in relation.arguments).items() if role and count > 1
        ):
            findings.add("several_mentions", f"{relation.label!r}: {', '.join(several)}: the first one is written")
        lost = [key for _, key in relation.arguments if key not in places]
        if lost or not (named := _named(relation, document.mentions, shape, places, findings)):
            if lost:
                findings.add("relation_left_out", f"{relation.label!r}: an argument has no place in the text")
            continue
        spans = tuple(Span(text[slice(*places[key])], *places[key], role) for role, key in named)
        types = {f"{role}_type": document.mentions[key].label for role, key in named}
        given = {
            name: label for name, label in types.items() if label and name in shape.attributes
        } | relation.attributes
        items.append(_item(relation.label, spans, given, shape, findings))
    alone = sum(key not in used and mention.label is not None for key, mention in document.mentions.items())
    if alone:
        findings.add("entity_without_relation", f"{alone:,} entities that are in no relation")
    return [item for item in items if item is not None]


def _item(
    label: str, spans: tuple[Span, ...], attributes: Mapping[str, str], shape: Shape, findings: Findings
) -> Item | None:
    clean = clean_label(label)
    if clean != label:
        findings.add("label_trimmed", f"{label!r} is taken as {clean!r}")
    if not clean:
        findings.add("empty_label", f"{[span.text for span in spans]} left out")
        return None
    if extra := [name for name in attributes if name not in shape.attributes]:
        findings.add("attribute_not_read", f"{', '.join(extra)} of {clean!r}")
    item = Item(clean, spans, attributes=tuple((n, attributes[n]) for n in shape.attributes if attributes.get(n)))
    if missing := shape.missing(item):
        findings.add("item_left_out", f"{clean!r} {[span.text for span in spans]} has no {' and no '.join(missing)}")
        return None
    return item


def _grouped(document: Document, shape: Shape) -> Iterator[Relation]:
    """The relations; for events, those of one label that leave one mention are one, as tools without events have them."""
    groups: dict[Any, Relation] = {}
    order: list[Relation] = []
    for relation in document.relations:
        binary = len(relation.arguments) == 2 and all(role is None for role, _ in relation.arguments)
        key = (relation.label, relation.arguments[0][1]) if binary and len(shape.spans) > 2 else None
        if key in groups:
            groups[key].arguments.append(relation.arguments[1])
            continue
        own = Relation(relation.label, list(relation.arguments), relation.trigger, dict(relation.attributes))
        order.append(own)
        if key is not None:
            groups[key] = own
    yield from order


def _named(
    relation: Relation, mentions: Mapping[Any, Mention], shape: Shape, places: Mapping[Any, Offsets], findings: Findings
) -> list[tuple[str, Any]]:
    """Role of each argument: by its name, by its mention's label, else by its place. Empty, and noted, if one has none."""
    known = {role.casefold(): role for role in shape.spans}
    plain = len(relation.arguments) == len(shape.spans) and not any(
        (r or "").casefold() in known for r, _ in relation.arguments
    )
    by_label = [known.get((mentions[key].label or "").casefold()) for _, key in relation.arguments]
    named: list[tuple[str, Any]] = []
    for number, (role, key) in enumerate(relation.arguments):
        if role is not None and role.casefold() in known:
            found = known[role.casefold()]
        elif role is None and by_label[number] and len(set(by_label)) == len(by_label):
            found = str(by_label[number])
        elif number < len(shape.spans) and (plain or (role is None and (len(shape.spans) == 2 or number == 0))):
            found = shape.spans[number]
        else:
            shown = f"{role or mentions[key].label!r}"
            findings.add("unknown_role", f"{relation.label!r}: {shown} is none of {', '.join(shape.spans)}: left out")
            return []
        named.append((found, key))
    if relation.trigger is not None and relation.trigger in places:
        role = TRIGGER if TRIGGER in shape.spans else shape.spans[0]
        is_argument = places[relation.trigger] in [places[key] for _, key in named]
        if role not in dict(named) and (role == TRIGGER or not is_argument):
            named.insert(0, (role, relation.trigger))
        elif not is_argument:
            findings.add("trigger_not_read", f"{relation.label!r}: the task has no role for a trigger")
    return named


def fitting_relations(document: Document, shape: Shape) -> int:
    """How well the relations fit the shape; what a task word is chosen by.

    A relation counts if its arguments have all roles that are needed, and counts more if roles and trigger are there by name.
    """
    places = {key: (number, number + 1) for number, key in enumerate(document.mentions)}
    known = {role.casefold() for role in shape.spans}
    fit = 0
    for relation in _grouped(document, shape):
        if any(key not in places for _, key in relation.arguments):
            continue
        named = _named(relation, document.mentions, shape, places, Findings())
        if named and set(shape.needed) & set(shape.spans) <= {role for role, _ in named}:
            strange = any(role is not None and role.casefold() not in known for role, _ in relation.arguments)
            fit += 3 - strange - (relation.trigger is not None and TRIGGER not in known)
    return fit
