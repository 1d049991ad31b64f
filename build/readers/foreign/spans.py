"""Formats of spans in a text: doccano, LangExtract and GLiNER's lists of words."""

from __future__ import annotations

from typing import Any

from build.readers.foreign.document import (
    Document,
    Mention,
    Relation,
    ShapeError,
    expect,
    get,
    key_of,
    list_of,
    offsets,
    rest,
)

DOCCANO = (
    '{"text": "Mia ran.", "label": [[0, 3, "PER"]]}, or with '
    '"entities": [{"id": 1, "start_offset": 0, "end_offset": 3, "label": "PER"}]'
)
DOCCANO_RELATION = '{"from_id": 1, "to_id": 2, "type": "works_for"}'
GLINER = '{"tokenized_text": ["Mia", "ran"], "ner": [[0, 0, "PER"]]}'
LANGEXTRACT = (
    '{"text": "Mia ran.", "extractions": [{"extraction_class": "PER", "extraction_text": "Mia", '
    '"char_interval": {"start_pos": 0, "end_pos": 3}}]}'
)

_SPAN_KEYS = ("label", "labels", "entities")


def parse_doccano(row: Any) -> Document:
    """A row of doccano's JSONL: spans as lists or objects, relations, categories."""
    expect(row, dict, "the row", DOCCANO)
    text = get(row, "text" if "text" in row or "data" not in row else "data", str, DOCCANO)
    document = Document(text, meta=rest(row, ("text", "data", "relations", "cats", "Comments", *_SPAN_KEYS)))
    given = [key for key in _SPAN_KEYS if row.get(key) is not None]
    spans = [span for key in given for span in expect(row[key], list, repr(key), DOCCANO)]
    document.is_annotated = bool(given)
    if words := [span for span in row.get("entities") or () if isinstance(span, str)]:
        raise ShapeError(f"'entities' has {words[0]!r:.80}; expected {DOCCANO}")
    labels = [span for span in spans if isinstance(span, str)]
    for span in spans:
        if isinstance(span, dict):
            places = offsets(span.get("start_offset"), span.get("end_offset"), DOCCANO)
            key = None if span.get("id") is None else key_of(span["id"], DOCCANO)
            document.add(Mention(get(span, "label", str, DOCCANO), *places), key)
        elif not isinstance(span, str):
            expect(span, list, "an entity", DOCCANO)
            start, end, label = span if len(span) == 3 else (None, None, None)
            document.add(Mention(expect(label, str, "an entity's label", DOCCANO), *offsets(start, end, DOCCANO)))
    for relation in list_of(row.get("relations"), dict, "'relations'", DOCCANO_RELATION):
        ends = [(None, key_of(relation.get(key), DOCCANO_RELATION)) for key in ("from_id", "to_id")]
        document.relations.append(Relation(get(relation, "type", str, DOCCANO_RELATION), list(ends)))
    document.labels["cats"] = [*labels, *list_of(row.get("cats"), str, "'cats'", '["news"]')]
    if labels and len(labels) == len(spans):  # a project of categories: nobody was asked for spans
        document.is_annotated = "entities" in row
    return document


def parse_gliner(row: Any) -> Document:
    """A row of GLiNER's training data; places are words, the last one included. The text is in ``text``, if it is there."""
    tokens = get(row, "tokenized_text", list, GLINER)
    document = Document(
        None,
        meta=rest(row, ("tokenized_text", "ner", "relations", "text")),
        tokens=list_of(tokens, str, "'tokenized_text'", GLINER),
    )
    if isinstance(row.get("text"), str):
        document.text = row["text"]
    for number, span in enumerate(get(row, "ner", list, GLINER)):
        if not isinstance(span, list) or len(span) < 3:
            raise ShapeError(f"'ner' has {span!r:.80}; expected {GLINER}")
        document.add(
            Mention(expect(span[2], str, "an entity's label", GLINER), *offsets(span[0], span[1], GLINER)), number
        )
    for relation in list_of(row.get("relations"), list, "'relations'", "[head, tail, label]"):
        if len(relation) != 3:
            raise ShapeError(
                f"'relations' has {relation!r:.80}; expected [head, tail, label], head and tail numbers of 'ner'"
            )
        document.relations.append(
            Relation(
                expect(relation[2], str, "a relation's label", GLINER),
                [(None, key_of(e, GLINER)) for e in relation[:2]],
            )
        )
    return document


def parse_langextract(row: Any) -> Document:
    """An annotated document of LangExtract; an extraction that it aligned fuzzily has the text at its place."""
    document = Document(get(row, "text", str, LANGEXTRACT), meta=rest(row, ("text", "extractions", "document_id")))
    if isinstance(row.get("document_id"), str):
        document.meta = {"source_id": row["document_id"], **document.meta}
    given = row.get("extractions")
    document.is_annotated = given is not None
    for found in list_of(given, dict, "'extractions'", LANGEXTRACT):
        label, text = (get(found, f"extraction_{part}", str, LANGEXTRACT) for part in ("class", "text"))
        attributes = expect(found.get("attributes") or {}, dict, "'attributes'", '{"state": "acute"}')
        texts = {key: value for key, value in attributes.items() if isinstance(value, str) and value}
        if odd := [key for key, value in attributes.items() if value and key not in texts]:
            document.notes.append(("attribute_not_read", f"{', '.join(odd)} of {text!r}: no string"))
        mention = Mention(label, text=text, attributes=texts)
        interval = expect(found.get("char_interval") or {}, dict, "'char_interval'", LANGEXTRACT)
        if interval.get("start_pos") is not None:
            mention.start, mention.end = offsets(interval["start_pos"], interval.get("end_pos"), LANGEXTRACT)
            if found.get("alignment_status") not in (None, "match_exact"):
                mention.text = None
                document.notes.append(("aligned_loosely", f"{text!r} ({label!r}): {found['alignment_status']}"))
        document.add(mention)
    return document
