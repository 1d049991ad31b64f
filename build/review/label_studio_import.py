"""From Label Studio: the annotations of its JSON export as decisions."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from build.core import KitError
from build.files import read_text, strict_load
from build.readers.foreign.label_studio import ARGUMENT, Annotation, Link, Region, parse_results, place_region
from build.review.book import Book
from build.review.decisions import Decision, DecisionLog, now
from build.review.edits import check_complete, corrected, same
from build.review.label_studio import CLOSED, OPEN, REJECT, roles_of
from build.review.rows import ReviewFile
from build.review.rules import reasons
from mmm_dataset import Item, Record, Registry, Span, to_dict
from mmm_dataset.files import dump


def read_tasks(book: Book, log: DecisionLog, path: Path, registry: Registry, reviewer: str = "") -> tuple[str, int]:
    """Add the annotations of an export to the log.

    An unchanged task is an ``accept``, a changed one an ``edit``, one with a reason a ``reject``; skipped tasks say nothing. An
    annotation that was read before adds nothing.

    Args:
        book: the file and its decisions.
        log: of the file.
        path: the export, in Label Studio's format JSON.
        registry: what corrections are checked against.
        reviewer: whose decisions they are; default: the annotators' own names. What was read before under another name adds
            nothing either.

    Returns:
        A summary for people that lists what was refused, and the number of annotations that were.

    Raises:
        KitError: the file is no such export, or the log cannot be written.
    """
    decisions: list[Decision] = []
    refused: list[str] = []
    skipped = known = 0
    for place, task in enumerate(_load(path), 1):
        for annotation in _annotations(task):
            try:
                if not isinstance(annotation, dict):
                    raise KitError("its annotations are not there as a whole: export the project as JSON")
                if annotation.get("was_cancelled"):
                    skipped += 1
                    continue
                decision = to_decision(book.file, task["data"], annotation, registry, reviewer)
            except (KitError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
                words = f"lacks {error}" if isinstance(error, KeyError) else str(error)
                refused.append(f"  refused: task {place}: {words}")
                continue
            if decision.key in book.keys:
                known += 1
            else:
                decisions.append(decision)
                book.add(decision)
    if decisions:
        log.append(decisions)
    counts = (
        f"{len(decisions):,} decisions added, {known:,} were there, {skipped:,} tasks skipped, {len(refused):,} refused"
    )
    return "\n".join([f"{log.path}: {counts}", *refused]), len(refused)


def _load(path: Path) -> list[dict[str, Any]]:
    try:
        tasks = strict_load(read_text(path).strip())
    except (ValueError, RecursionError) as error:
        raise KitError(f"{path}: not JSON ({error}); export the project as JSON") from error
    if not isinstance(tasks, list) or not all(isinstance(task, dict) and "data" in task for task in tasks):
        raise KitError(f"{path}: not a list of tasks; export the project as JSON, not as JSON-MIN")
    return tasks


def _annotations(task: Mapping[str, Any]) -> Sequence[Any]:
    given = task.get("annotations") or ()
    return given if isinstance(given, list | tuple) else (given,)


def to_decision(
    file: ReviewFile, data: Mapping[str, Any], annotation: Mapping[str, Any], registry: Registry, reviewer: str = ""
) -> Decision:
    """The decision that one annotation of a task stands for.

    Raises:
        KitError: the row is gone or was rebuilt, or the annotation makes no valid record.
        ValueError, KeyError, TypeError, AttributeError, IndexError: the annotation is not in Label Studio's form.
    """
    if "mmm_config" not in data:
        raise KitError(
            "the task is none of a review; `read foreign --format label-studio` reads a project of one's own"
        )
    names = (data["mmm_config"], data["mmm_id"], data["mmm_sha256"])
    number = file.find(*names[:2])
    if number is None or file.sha256(number) != names[2]:
        raise KitError(f"the row {names[1]!r} is gone or was rebuilt since the export: export it again")
    row, results = file[number], annotation["result"]
    annotator, time = _name(annotation.get("completed_by")), annotation.get("updated_at")
    who = reviewer or annotator
    # Of the annotation, not of the name that it is taken under: under two names it would agree with itself.
    key = "label-studio:" + hashlib.sha256(dump([names, annotator, time, results]).encode()).hexdigest()
    found = parse_results(results)
    if why := found.fields.get(REJECT):
        keys = {text: reason for reason, text in reasons().items()}
        if why[0] not in keys:
            raise KitError(f"row {names[1]!r}: {why[0]!r} is no reason of reasons.toml")
        return Decision(time or now(), who, *names, "reject", reason=keys[why[0]], key=key)
    before = to_dict(row.target)
    try:
        change = {**before, **_said(row.target, data, found, registry)}
        record = row.target if change == before else corrected(row.target, change, registry, row.source)
        if same(record, row.target):
            check_complete(row.target, row.source)
    except KitError as error:
        raise KitError(f"row {names[1]!r}: {error}") from error
    if same(record, row.target):
        return Decision(time or now(), who, *names, "accept", key=key)
    return Decision(time or now(), who, *names, "edit", to_dict(record), key=key)


def _name(who: Any) -> str:
    """Exports name the annotator by number or, from the API, as an object."""
    if isinstance(who, dict):
        return str(who.get("email") or f"label-studio-{who.get('id')}")
    return f"label-studio-{who}"


def _said(target: Record, data: Mapping[str, Any], found: Annotation, registry: Registry) -> dict[str, Any]:
    """Label and items of an annotation, as JSON types."""
    label = next((found.fields[name][0] for name in (CLOSED, OPEN) if found.fields.get(name)), None)
    if label is None and target.label is not None:
        raise KitError("the label of the text was removed")
    before, unplaced = list(target.items or ()), set(data["mmm_unplaced"])
    drawn = [(number, item) for number, item in enumerate(before) if number not in unplaced]
    aligned = _aligned(_items(target, found, roles_of(target, registry)), drawn, len(before))
    numbered = sorted([*aligned, *((number, before[number]) for number in unplaced)], key=lambda pair: pair[0])
    items = [
        {
            "label": item.label,
            "spans": [_as_dict(span) for span in item.spans],
            "source_item": item.source_item,
            **({"attributes": dict(item.attributes)} if item.attributes else {}),
        }
        for _, item in numbered
    ]
    return {"label": label, "items": None if target.items is None and not items else items}


def _as_dict(span: Span) -> dict[str, Any]:
    return {"text": span.text, "start": span.start, "end": span.end, "role": span.role}


def _items(target: Record, found: Annotation, roles: Sequence[str]) -> list[Item]:
    """The items that regions and relations spell, in the order of their first regions; one for each label of a region."""
    if found.bare:
        raise KitError(f"the region {found.bare[0]!r} has no label: give it one, or delete it")
    ends = _relations(found.links, roles)
    arguments = {end for named in ends.values() for end in named.values()}
    items = []
    for key, region in found.regions.items():
        if key in arguments:
            continue
        spans = [_span(target.text, region, roles[0])]
        spans += [_span(target.text, found.regions[ends[key][role]], role) for role in roles[1:] if role in ends[key]]
        if region.labels == [ARGUMENT]:
            raise KitError(f"the region {spans[0].text!r} belongs to no item: relate it, or give it a label")
        items += [Item(label, tuple(spans)) for label in region.labels]
    return items


def _relations(links: Sequence[Link], roles: Sequence[str]) -> dict[str, dict[str, str]]:
    """First region to role to the region of this role."""
    ends: dict[str, dict[str, str]] = defaultdict(dict)
    for link in links:
        named = link.labels or roles[1:]
        if len(named) != 1 or named[0] not in roles[1:]:
            raise KitError(
                f"a relation must have one name of: {', '.join(roles[1:]) or 'none, for items have one role'}"
            )
        if named[0] in ends[link.head]:
            raise KitError(f"an item has two relations named {named[0]!r}")
        ends[link.head][named[0]] = link.tail
    return ends


def _span(text: str, region: Region, role: str) -> Span:
    start, end = place_region(text, region)
    return Span(text[start:end], start, end, role)


def _aligned(items: Sequence[Item], before: Sequence[tuple[int, Item]], last: int) -> Iterator[tuple[int, Item]]:
    """Each item with the number of the one that it was, whose alignment and attributes it keeps; new ones get ``last``."""
    left, waiting = list(before), list(items)
    for test in (_same_item, _same_spans, _same_label_nearby):
        for item in list(waiting):
            was = next((pair for pair in left if test(item, pair[1])), None)
            if was is not None:
                left.remove(was)
                waiting.remove(item)
                yield was[0], was[1] if test is _same_item else replace(was[1], label=item.label, spans=item.spans)
    yield from ((last, item) for item in waiting)


def _same_item(one: Item, other: Item) -> bool:
    return one.label == other.label and _same_spans(one, other)


def _same_spans(one: Item, other: Item) -> bool:
    return set(one.spans) == set(other.spans)


def _same_label_nearby(one: Item, other: Item) -> bool:
    def touch(a: Span, b: Span) -> bool:
        return a.text == b.text or ((a.start or 0) < (b.end or 0) and (b.start or 0) < (a.end or 0))

    return one.label == other.label and any(touch(a, b) for a in one.spans for b in other.spans)
