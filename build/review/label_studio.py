"""To Label Studio: tasks with our annotation as a prediction, and the labeling configuration of their project.

Label Studio counts the offsets of a ``Text`` tag in code points, as we do (its own tests of emoji say so), a carriage return
and a line feed as two. What it cannot show stays in the task's data and comes back with it: see ``mmm_unplaced``.

An item is one region with the item's label: its entity, or the first role of a relation or event. Further roles are regions of
their own, each the end of a relation that is named after the role.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from build.core import KitError, write_files
from build.readers.foreign.label_studio import ARGUMENT
from build.review.rows import ReviewFile, ReviewRow
from build.review.rules import reasons
from mmm_dataset import Item, Record, Registry
from mmm_dataset.files import dump, progress
from mmm_f1.unified import is_span, role_name, shape

TEXT, ITEMS, CLOSED, OPEN, REJECT = "text", "items", "label", "open_label", "reject"
"""Names of the tags: the text; regions; the text-level label as a choice or as a field; reasons to reject."""


def roles_of(record: Record, registry: Registry) -> list[str]:
    """Roles of the record's items; the first is on the region that carries the item's label."""
    return [role_name(role) for role in shape(record.word, registry.task_words) if is_span(role)]


def write_tasks(file: ReviewFile, out: Path, registry: Registry, *, replace: bool = False) -> str:
    """Write all rows as tasks to import, and beside them the labeling configuration as ``.xml``.

    Args:
        file: the rows.
        out: a ``.json`` file.
        replace: move other files of these names aside.
        registry: knows the closed label sets.

    Returns:
        A summary for people.

    Raises:
        KitError: a label holds a character that XML cannot, or ``out`` is no ``.json`` file or the one under review.
    """
    setup = out.with_suffix(".xml")
    if out.suffix != ".json" or out.resolve() == file.path.resolve():
        raise KitError(f"{out}: would not be a new file of tasks; name it OUT.json")
    texts, items, roles = dict[str, None](), dict[str, None](), dict[str, None]()
    with write_files(out, setup, replace=replace) as (handle, view):
        handle.write("[")
        for number in progress(range(len(file)), "writing tasks"):
            row = file[number]
            config = registry.config(row.target.config)
            texts |= dict.fromkeys(registry.text_labels(config) or ())
            items |= dict.fromkeys(registry.word_labels(config, row.target.word) or ())
            items |= dict.fromkeys(item.label for item in row.target.items or ())
            roles |= dict.fromkeys(roles_of(row.target, registry)[1:])
            handle.write(("," if number else "") + "\n" + dump(task(row, registry)))
        handle.write("\n]\n")
        view.write(labeling_config(list(texts), list(items), list(roles)))
    return f"{out}: {len(file):,} tasks\n{setup}: the labeling configuration of their project"


def labeling_config(
    texts: Sequence[str], items: Sequence[str], relations: Sequence[str], *, review: bool = True
) -> str:
    """The XML that a Label Studio project of these tasks needs.

    Args:
        texts: closed text-level labels; where they are open, a field takes them.
        items: labels of items.
        relations: labels of relations between regions; in a review, further roles of relations and events.
        review: the tasks are rows to review: show their source, and offer reasons to reject.

    Raises:
        KitError: a label holds a character that XML cannot.
    """
    view = ElementTree.Element("View")

    def tag(kind: str, /, **attributes: str) -> ElementTree.Element:
        return ElementTree.SubElement(view, kind, attributes)

    def fill(parent: ElementTree.Element, name: str, values: Sequence[str]) -> None:
        for value in values:
            ElementTree.SubElement(parent, name, {"value": value})

    # Without this style, spaces at the ends are trimmed and offsets no longer fit.
    tag("Style").text = ".htx-text { white-space: pre-wrap; }"
    if review:
        tag("Text", name="source", value="$source")
    fill(tag("Labels", name=ITEMS, toName=TEXT), "Label", [*items, *([ARGUMENT] if review and relations else [])])
    if relations:
        fill(tag("Relations"), "Relation", relations)
    tag("Text", name=TEXT, value="$text", granularity="symbol")
    if texts:
        fill(tag("Choices", name=CLOSED, toName=TEXT, choice="single", showInline="true"), "Choice", texts)
    tag(
        "TextArea",
        name=OPEN,
        toName=TEXT,
        maxSubmissions="1",
        editable="true",
        placeholder="Label of the text, if open",
    )
    if review:
        tag("Header", value="Choose one of these only to reject the row")
        fill(tag("Choices", name=REJECT, toName=TEXT, choice="single"), "Choice", list(reasons().values()))
    ElementTree.indent(view)
    found = ElementTree.tostring(view, encoding="unicode") + "\n"
    if bad := [char for char in found if (char < " " and char not in "\t\n\r") or char in "\ufffe\uffff"]:
        raise KitError(f"a label holds {bad[0]!r}, which XML cannot hold: change the label first")
    return found


def task(row: ReviewRow, registry: Registry) -> dict[str, Any]:
    """One task: the text, its annotation as a prediction, and in ``data`` what the way back needs.

    ``mmm_unplaced`` lists the numbers of items that cannot be drawn, because a span has no place in the text.
    """
    target = row.target
    results = list(_label_result(target, registry))
    unplaced = []
    for number, item in enumerate(target.items or ()):
        found = _item_results(number, item, roles_of(target, registry))
        results += found or []
        if found is None:
            unplaced.append(number)
    return {
        "data": {
            "text": target.text,
            "source": row.source.text if row.source else "(none)",
            "mmm_config": target.config,
            "mmm_id": target.id,
            "mmm_sha256": row.sha256,
            "mmm_unplaced": unplaced,
            "mmm_flags": [f"{flag.check}: {flag.detail}" for flag in row.flags],
        },
        "predictions": [{"model_version": "mmm", "result": results}],
    }


def _label_result(record: Record, registry: Registry) -> Iterator[dict[str, Any]]:
    if record.label is not None:
        closed = registry.text_labels(registry.config(record.config)) is not None
        name, kind, key = (CLOSED, "choices", "choices") if closed else (OPEN, "textarea", "text")
        yield {"id": "label", "from_name": name, "to_name": TEXT, "type": kind, "value": {key: [record.label]}}


def _item_results(number: int, item: Item, roles: Sequence[str]) -> list[dict[str, Any]] | None:
    """Regions and relations of an item; None if it cannot be drawn."""
    spans = {span.role: span for span in item.spans}
    placed = all(span.start is not None for span in item.spans)
    if not placed or len(spans) < len(item.spans) or roles[0] not in spans or not set(spans) <= set(roles):
        return None
    regions: list[dict[str, Any]] = []
    relations: list[dict[str, Any]] = []
    for role in (role for role in roles if role in spans):
        span, id = spans[role], f"item{number}-{role}"
        label = item.label if role == roles[0] else ARGUMENT
        value = {"start": span.start, "end": span.end, "text": span.text, "labels": [label]}
        regions.append({"id": id, "from_name": ITEMS, "to_name": TEXT, "type": "labels", "value": value})
        if role != roles[0]:
            ends = {"from_id": regions[0]["id"], "to_id": id}
            relations.append({"type": "relation", "direction": "right", "labels": [role], **ends})
    return [*regions, *relations]
