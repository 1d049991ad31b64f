"""Label Studio's exports JSON and JSON_MIN: regions, relations, labels of the text. The import of reviews reads with this, too.

Of several annotations of a task the one marked as ground truth counts, else the one updated last; the others are noted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from build.readers.foreign.document import Document, Mention, Relation, ShapeError, expect, key_of, list_of, offsets
from build.readers.offsets import CODE_POINTS, UNITS, Marked, Offsets, Scale

ARGUMENT: Final = "(argument)"
"""In a review: the label of regions that are further roles of an item; the relation that ends there says which."""
LABEL_STUDIO: Final = (
    '[{"data": {"text": "Mia ran."}, "annotations": [{"result": [{"from_name": "label", "to_name": "text", "type": "labels", '
    '"value": {"start": 0, "end": 3, "text": "Mia", "labels": ["PER"]}}]}]}]'
)

_LABEL_KEYS: Final = ("labels", "hypertextlabels", "paragraphlabels")
_CHOICE_KEYS: Final = ("choices", "taxonomy")
_FIELD_KEYS: Final = (*_CHOICE_KEYS, "text", "rating", "number", "datetime")
_OPEN: Final = "open_label"
"""The text field of our own projects that holds the text-level label."""
_MIN_KEYS: Final = ("id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time")


@dataclass(slots=True)
class Region:
    """A region: place and text as the export says them, its labels, and what was chosen for it alone."""

    key: Any
    start: int
    end: int
    text: str | None
    labels: list[str]
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Link:
    """A relation from one region to another, with its names."""

    head: Any
    tail: Any
    labels: list[str]


@dataclass(slots=True)
class Annotation:
    """The results of one annotation, taken apart.

    Attributes:
        regions: those with a label, by key, in order.
        links: relations.
        fields: choices for the whole text by the name of the field.
        remarks: what was written or rated, by the name of the field: no labels unless somebody asks for them.
        bare: texts of regions that have no label.
    """

    regions: dict[Any, Region] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    fields: dict[str, list[str]] = field(default_factory=dict)
    remarks: dict[str, list[str]] = field(default_factory=dict)
    bare: list[str] = field(default_factory=list)


def parse_results(results: Sequence[Mapping[str, Any]]) -> Annotation:
    """Take the results of an annotation apart. Raises ShapeError if they are not in Label Studio's form."""
    found = Annotation()
    fields: list[Mapping[str, Any]] = []
    bare: dict[Any, str] = {}
    for number, result in enumerate(list_of(results, dict, "'result'", LABEL_STUDIO)):
        value = expect(result.get("value") or {}, dict, "'value'", LABEL_STUDIO)
        key = key_of(result.get("id", number), LABEL_STUDIO)
        if result.get("type") == "relation":
            ends = [key_of(result.get(end), '{"from_id": "a", "to_id": "b"}') for end in ("from_id", "to_id")]
            head, tail = ends[::-1] if result.get("direction") == "left" else ends
            found.links.append(Link(head, tail, list_of(result.get("labels"), str, "'labels'", '["works for"]')))
        elif any(name in value for name in _FIELD_KEYS if name != "text") or isinstance(value.get("text"), list):
            fields.append(result)
        elif _is_region(result):
            region = _region(key, value)
            if not region.labels:
                bare[key] = region.text or ""
            elif (known := found.regions.setdefault(key, region)) is not region:  # two tags label one region
                if (known.start, known.end) != (region.start, region.end):
                    raise ShapeError(f"two regions have the id {key!r}")
                known.labels += [label for label in region.labels if label not in known.labels]
        elif result.get("type") == "textarea" and "text" in value:
            fields.append(result)
        else:
            raise ShapeError(f"a result of type {result.get('type')!r} is none of labels, choices, textarea, relation")
    found.bare = [text for key, text in bare.items() if key not in found.regions]
    for result in fields:
        if result.get("id") in found.regions or result.get("id") not in bare:
            _add_field(found, result)
    return found


def _is_region(result: Mapping[str, Any]) -> bool:
    value = result.get("value")
    return isinstance(value, dict) and any(name in value for name in ("start", "end", "globalOffsets", *_LABEL_KEYS))


def _of_text(results: list[Any], key: str, data: Mapping[str, Any], document: Document) -> list[Any]:
    """The results without the regions on another field of the data than the text, which are noted."""
    marks = {id(one): str(one["to_name"]) for one in results if _is_region(one) and one.get("to_name") is not None}
    names = set(marks.values())
    others = names - {key} if key in names else names & data.keys()
    if len(names - others) > 1:
        raise ShapeError(f"regions are on {', '.join(sorted(names - others))}, none is named as the text, {key!r}")
    elsewhere = {repr(one["id"]) for one in results if marks.get(id(one)) in others and "id" in one}
    for name in sorted(others):
        document.notes.append(("region_of_other_field", f"regions on {name!r} left out: the text is {key!r}"))
    return [one for one in results if marks.get(id(one)) not in others and repr(one.get("id")) not in elsewhere]


def _region(key: Any, value: Mapping[str, Any]) -> Region:
    places = expect(value.get("globalOffsets") or value, dict, "'globalOffsets'", '{"start": 0, "end": 3}')
    labels = list_of(
        next((value[name] for name in _LABEL_KEYS if value.get(name)), None), str, "'labels'", LABEL_STUDIO
    )
    text = value.get("text")
    start, end = (
        int(place) if isinstance(place, str) and place.isdigit() else place
        for place in (places.get("start"), places.get("end"))
    )
    return Region(key, *offsets(start, end, LABEL_STUDIO), text if isinstance(text, str) else None, labels)


def _add_field(found: Annotation, result: Mapping[str, Any]) -> None:
    value = result["value"]
    given = next(value[name] for name in _FIELD_KEYS if name in value)
    chosen = (
        [given] if isinstance(given, str | int | float) else expect(given, list, "'choices'", '{"choices": ["news"]}')
    )
    # A path of a taxonomy is a list itself.
    values = ["/".join(map(str, one)) if isinstance(one, list) else str(one) for one in chosen]
    name = str(result.get("from_name") or "label")
    region = found.regions.get(result.get("id"))
    if region is not None:
        region.attributes[name] = ", ".join(values)
    else:
        is_label = name == _OPEN or any(key in value for key in _CHOICE_KEYS)
        (found.fields if is_label else found.remarks).setdefault(name, []).extend(values)


def place_region(text: str, region: Region) -> Offsets:
    """Where a region stands in a text that is known: code points, else the unit in which its text fits.

    Raises:
        ShapeError: it fits in none.
    """
    marked = Marked(text, region.start, region.end, region.text)
    scales = [Scale(unit, short) for unit in UNITS for short in (False, True)]
    fitting = next((scale for scale in scales if scale.fits(marked)), None if region.text else CODE_POINTS)
    place = fitting.place(marked) if fitting else None
    if place is None:
        raise ShapeError(f"a region says {region.text!r}, the text at its place {text[region.start : region.end]!r}")
    return place


def choose_annotation(annotations: Sequence[Any]) -> tuple[Any, int]:
    """The annotation of a task that counts (None if there is none), and how many others were finished."""
    done = [one for one in annotations if isinstance(one, dict) and not one.get("was_cancelled")]
    if not done:
        return None, 0
    order = [
        (bool(one.get("ground_truth")), str(one.get("updated_at") or ""), number) for number, one in enumerate(done)
    ]
    return done[max(order)[2]], len(done) - 1


def parse_task(task: Any, text_key: str | None = None) -> Document:
    """A task of the export JSON, or a row of JSON_MIN.

    Args:
        task: as it stands in the file.
        text_key: where the text is in its data; default: ``text``, else the only string.
    """
    if not isinstance(task, dict):
        raise ShapeError(f"the task is {task!r:.80}; expected {LABEL_STUDIO}")
    if "data" not in task:
        return _parse_min(task, text_key)
    data = expect(task["data"], dict, "'data'", LABEL_STUDIO)
    key = _text_key(data, text_key)
    document = Document(data[key], meta={"id": task.get("id"), **_meta(data, key)})
    given = task.get("annotations", task.get("completions"))
    annotation, others = choose_annotation(
        expect(given or [], list, "'annotations' (export the project as JSON)", LABEL_STUDIO)
    )
    document.is_annotated = annotation is not None
    if others:
        document.notes.append(("more_annotations", f"{others:,} more annotations of task {task.get('id')}"))
    if annotation is not None:
        results = list_of(annotation.get("result"), dict, "'result'", LABEL_STUDIO)
        _fill(document, parse_results(_of_text(results, key, data, document)))
    return document


def _meta(data: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in data.items() if name != key and not name.startswith("mmm_")}


def _parse_min(task: Mapping[str, Any], text_key: str | None) -> Document:
    key = _text_key({name: value for name, value in task.items() if name not in _MIN_KEYS}, text_key)
    meta = {name: value for name, value in task.items() if name not in (key, *_MIN_KEYS[1:])}
    document = Document(task[key], is_annotated=task.get("annotation_id") is not None)
    found = Annotation()
    for name, value in list(meta.items()):
        if isinstance(value, list) and all(isinstance(region, dict) and "start" in region for region in value):
            del meta[name]
            document.is_annotated = True
            for number, region in enumerate(value):
                parsed = _region((name, number), region)
                if parsed.labels:
                    found.regions[parsed.key] = parsed
                else:
                    found.bare.append(parsed.text or "")
        elif isinstance(value, dict) and isinstance(value.get("choices"), list):
            found.fields[name] = [str(choice) for choice in meta.pop(name)["choices"]]
    document.meta = meta
    _fill(document, found)
    return document


def _text_key(data: Mapping[str, Any], text_key: str | None) -> str:
    names = [name for name, value in data.items() if isinstance(value, str) and not name.startswith("mmm_")]
    key = text_key or ("text" if "text" in names else names[0] if len(names) == 1 else None)
    if key not in names:
        there = ", ".join(names) or "none"
        raise ShapeError(
            f"the data of the task have no {text_key or 'text'!r}: name the key with --text-key; strings are: {there}"
        )
    return str(key)


def _fill(document: Document, found: Annotation) -> None:
    """Mentions, relations and labels of an annotation; a region with two labels is two mentions."""
    for region in found.regions.values():
        for number, label in enumerate(region.labels):
            mention = Mention(
                None if label == ARGUMENT else label, region.start, region.end, region.text, region.attributes
            )
            document.add(mention, (region.key, number))
    document.notes += [("region_without_label", f"{text!r} left out") for text in found.bare]
    document.labels = found.fields
    document.meta = {**found.remarks, **document.meta}
    arguments: dict[Any, Relation] = {}
    for link in found.links:
        head, tail = (found.regions.get(end) for end in (link.head, link.tail))
        if head is None or tail is None:
            document.notes.append(("relation_left_out", "a relation of a region that is not there or has no label"))
        elif tail.labels == [ARGUMENT]:
            relation = arguments.setdefault(head.key, Relation(head.labels[0], [(None, (head.key, 0))]))
            relation.arguments.append((link.labels[0] if link.labels else None, (tail.key, 0)))
        elif not link.labels:
            document.notes.append(("relation_left_out", f"from {head.text!r} to {tail.text!r}: it has no label"))
        else:
            ends: list[tuple[str | None, Any]] = [(None, (head.key, 0)), (None, (tail.key, 0))]
            document.relations += [Relation(label, list(ends)) for label in link.labels]
    document.relations = [*arguments.values(), *document.relations]


def latest(documents: Sequence[tuple[str, Document, Any]]) -> Iterator[tuple[str, Document]]:
    """Of the rows that JSON_MIN has for one task, one for each annotator, the one updated last."""
    chosen: dict[Any, tuple[str, int]] = {}
    for number, (_, _, row) in enumerate(documents):
        if "data" not in row and "annotation_id" in row and isinstance(row.get("id"), int | str):
            chosen[row["id"]] = max(chosen.get(row["id"], ("", -1)), (str(row.get("updated_at") or ""), number))
    for number, (where, document, row) in enumerate(documents):
        known = "data" not in row and isinstance(row.get("id"), int | str)
        at = chosen.get(row["id"], ("", number))[1] if known else number
        if at == number:
            yield where, document
        else:
            documents[at][1].notes.append(("more_annotations", f"{where}: another annotation of task {row['id']}"))
