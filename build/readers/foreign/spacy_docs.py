"""spaCy: JSON of ``[text, {"entities": ...}]``, Prodigy's spans, and DocBin files (``.spacy``)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from build.core import KitError
from build.readers.foreign.document import (
    Document,
    Mention,
    Relation,
    ShapeError,
    expect,
    get,
    list_of,
    offsets,
    rest,
)

SPACY: Final = (
    '["Mia ran.", {"entities": [[0, 3, "PER"]]}], or '
    '{"text": "Mia ran.", "spans": [{"start": 0, "end": 3, "label": "PER"}]}'
)
_RELATION: Final = '{"head_span": {"start": 0, "end": 3}, "child_span": {"start": 8, "end": 12}, "label": "works_for"}'
_SPAN_KEYS: Final = ("entities", "spans", "ents")

_KEYS = (
    "text",
    *_SPAN_KEYS,
    "cats",
    "tokens",
    "sents",
    "answer",
    "relations",
    "_input_hash",
    "_task_hash",
    "_view_id",
    "_timestamp",
)


def parse_spacy(row: Any) -> Document:
    """A pair of text and annotations, Prodigy's object or spaCy's ``to_json``; ``cats`` of 1 are labels of the text."""
    if isinstance(row, list):
        if len(row) != 2 or not isinstance(row[0], str) or not isinstance(row[1], dict):
            raise ShapeError(f"the row is {row!r:.80}; expected {SPACY}")
        row = {**row[1], "text": row[0]}
    document = Document(get(row, "text", str, SPACY), meta=rest(row, (*_KEYS, "label", "accept")))
    there = [row[key] for key in _SPAN_KEYS if row.get(key) is not None]
    given = next(filter(None, there), there[0] if there else None)
    for span in _spans(given):
        if isinstance(span, dict):
            places = offsets(span.get("start"), span.get("end"), SPACY)
            piece = span.get("text") if isinstance(span.get("text"), str) else None
            document.add(Mention(get(span, "label", str, SPACY), *places, piece))
        else:
            start, end, label = span[:3] if isinstance(span, list) and len(span) >= 3 else (None, None, None)
            document.add(Mention(expect(label, str, "an entity's label", SPACY), *offsets(start, end, SPACY)))
    _add_relations(document, row)
    document.is_annotated = given is not None
    if row.get("answer") not in (None, "accept"):
        document.is_annotated = False
        return document
    cats = expect(row.get("cats") or {}, dict, "'cats'", '{"news": 1.0}')
    document.labels["cats"] = [label for label, value in cats.items() if value == 1]
    chosen = row.get("accept") or ([row["label"]] if isinstance(row.get("label"), str) else [])
    document.labels["label"] = [label for label in chosen if isinstance(label, str)]
    return document


def _add_relations(document: Document, row: dict[str, Any]) -> None:
    """Add Prodigy's relations; one of a piece that is no span of the row is left out and noted."""
    keys = {(mention.start, mention.end): key for key, mention in document.mentions.items()}
    for relation in list_of(row.get("relations"), dict, "'relations'", _RELATION):
        ends = [get(relation, end, dict, _RELATION) for end in ("head_span", "child_span")]
        places = [offsets(end.get("start"), end.get("end"), _RELATION) for end in ends]
        label = get(relation, "label", str, _RELATION)
        if all(place in keys for place in places):
            document.relations.append(Relation(label, [(None, keys[place]) for place in places]))
        else:
            document.notes.append(("relation_left_out", f"{label!r} of a piece that is no entity"))


def _spans(given: Any) -> list[Any]:
    if isinstance(given, dict):  # as spaCy prints doc.spans
        return [span for group in given.values() for span in expect(group, list, "'spans'", SPACY)]
    return list(expect(given or [], list, "'entities'", SPACY))


def read_docbin(path: Path) -> Iterator[tuple[str, Document]]:
    """The docs of a ``.spacy`` file: spans of every group, else entities; places in the text as it is.

    Raises:
        KitError: spaCy is not installed, or the file is no DocBin.
    """
    try:
        import spacy
        from spacy.tokens import DocBin
    except ImportError as error:
        raise KitError(f"{path}: spaCy is needed for .spacy files: pip install spacy") from error
    try:
        docs = DocBin().from_disk(path).get_docs(spacy.blank("xx").vocab)
        for number, doc in enumerate(docs):
            yield f"{path.name}[{number}]", _document(doc)
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise KitError(f"{path}: not a DocBin of spaCy ({str(error)[:200]})") from error


def _document(doc: Any) -> Document:
    meta = {key: value for key, value in doc.user_data.items() if isinstance(key, str)}
    document = Document(doc.text, meta=meta)
    groups = [span for group in doc.spans.values() for span in group]
    for span in groups or doc.ents:
        document.add(Mention(span.label_, span.start_char, span.end_char, span.text))
    document.is_annotated = bool(doc.spans) or doc.has_annotation("ENT_IOB")
    document.labels["cats"] = [label for label, value in doc.cats.items() if value == 1]
    return document
