"""From Label Studio: the annotations of its JSON export as decisions."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from build.core import KitError
from build.review.book import Book
from build.review.decisions import Decision, DecisionLog, now
from build.review.edits import check_complete, corrected, same
from build.review.label_studio import ARGUMENT, CLOSED, ITEMS, OPEN, REJECT, roles_of
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
        tasks = json.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError as error:
        raise KitError(f"{path}: no such file; export the project as JSON") from error
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
    names = (data["mmm_config"], data["mmm_id"], data["mmm_sha256"])
    number = file.find(*names[:2])
    if number is None or file.sha256(number) != names[2]:
        raise KitError(f"the row {names[1]!r} is gone or was rebuilt since the export: export it again")
    row, results = file[number], annotation["result"]
    annotator, time = _name(annotation.get("completed_by")), annotation.get("updated_at")
    who = reviewer or annotator
    # Of the annotation, not of the name that it is taken under: under two names it would agree with itself.
    key = "label-studio:" + hashlib.sha256(dump([names, annotator, time, results]).encode()).hexdigest()
    why = [result["value"]["choices"][0] for result in results if result.get("from_name") == REJECT]
    if why:
        keys = {text: reason for reason, text in reasons().items()}
        if why[0] not in keys:
            raise KitError(f"row {names[1]!r}: {why[0]!r} is no reason of reasons.toml")
        return Decision(time or now(), who, *names, "reject", reason=keys[why[0]], key=key)
    before = to_dict(row.target)
    try:
        change = {**before, **_said(row.target, data, results, registry)}
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


def _said(
    target: Record, data: Mapping[str, Any], results: Sequence[Mapping[str, Any]], registry: Registry
) -> dict[str, Any]:
    """Label and items of an annotation, as JSON types."""
    label = None
    for result in results:
        if result.get("from_name") in (CLOSED, OPEN):
            said = result["value"].get("choices") or result["value"]["text"]
            label = said if isinstance(said, str) else said[0]
    if label is None and target.label is not None:
        raise KitError("the label of the text was removed")
    before, unplaced = list(target.items or ()), set(data["mmm_unplaced"])
    drawn = [(number, item) for number, item in enumerate(before) if number not in unplaced]
    found = _aligned(_items(target, results, roles_of(target, registry)), drawn, len(before))
    numbered = sorted([*found, *((number, before[number]) for number in unplaced)], key=lambda pair: pair[0])
    items = [
        {"label": item.label, "spans": [_as_dict(span) for span in item.spans], "source_item": item.source_item}
        for _, item in numbered
    ]
    return {"label": label, "items": None if target.items is None and not items else items}


def _as_dict(span: Span) -> dict[str, Any]:
    return {"text": span.text, "start": span.start, "end": span.end, "role": span.role}


def _items(target: Record, results: Sequence[Mapping[str, Any]], roles: Sequence[str]) -> list[Item]:
    """The items that regions and relations spell, in the order of their first regions."""
    regions = {result["id"]: result["value"] for result in results if result.get("from_name") == ITEMS}
    ends = _relations(results, roles)
    arguments = {end for named in ends.values() for end in named.values()}
    items = []
    for id, value in regions.items():
        if id in arguments:
            continue
        spans = [_span(target.text, value, roles[0])]
        spans += [_span(target.text, regions[ends[id][role]], role) for role in roles[1:] if role in ends[id]]
        if value["labels"] == [ARGUMENT]:
            raise KitError(f"the region {spans[0].text!r} belongs to no item: relate it, or give it a label")
        items.append(Item(value["labels"][0], tuple(spans)))
    return items


def _relations(results: Sequence[Mapping[str, Any]], roles: Sequence[str]) -> dict[str, dict[str, str]]:
    """First region to role to the region of this role."""
    ends: dict[str, dict[str, str]] = defaultdict(dict)
    for result in results:
        if result.get("type") != "relation":
            continue
        turned = result.get("direction") == "left"
        start, end = (result["to_id"], result["from_id"]) if turned else (result["from_id"], result["to_id"])
        named = result.get("labels") or roles[1:]
        if len(named) != 1 or named[0] not in roles[1:]:
            raise KitError(
                f"a relation must have one name of: {', '.join(roles[1:]) or 'none, for items have one role'}"
            )
        if named[0] in ends[start]:
            raise KitError(f"an item has two relations named {named[0]!r}")
        ends[start][named[0]] = end
    return ends


def _span(text: str, value: Mapping[str, Any], role: str) -> Span:
    start, end, piece = int(value["start"]), int(value["end"]), value.get("text")
    if piece is not None and text[start:end] != piece:  # versions before late 2021 count UTF-16 units
        units = text.encode("utf-16-le")
        start, end = (len(units[: 2 * at].decode("utf-16-le", "ignore")) for at in (start, end))
        if text[start:end] != piece:
            raise KitError(f"a region says {piece!r}, the text at its place {text[start:end]!r}")
    return Span(text[start:end], start, end, role)


def _aligned(items: Sequence[Item], before: Sequence[tuple[int, Item]], last: int) -> Iterator[tuple[int, Item]]:
    """Each item with the number of the one that it was, whose alignment it keeps; new items get the number ``last``."""
    left, waiting = list(before), list(items)
    for test in (_same_item, _same_spans, _same_label_nearby):
        for item in list(waiting):
            was = next((pair for pair in left if test(item, pair[1])), None)
            if was is not None:
                left.remove(was)
                waiting.remove(item)
                yield was[0], was[1] if test is _same_item else Item(item.label, item.spans, was[1].source_item)
    yield from ((last, item) for item in waiting)


def _same_item(one: Item, other: Item) -> bool:
    return one.label == other.label and _same_spans(one, other)


def _same_spans(one: Item, other: Item) -> bool:
    return set(one.spans) == set(other.spans)


def _same_label_nearby(one: Item, other: Item) -> bool:
    def touch(a: Span, b: Span) -> bool:
        return a.text == b.text or ((a.start or 0) < (b.end or 0) and (b.start or 0) < (a.end or 0))

    return one.label == other.label and any(touch(a, b) for a in one.spans for b in other.spans)
