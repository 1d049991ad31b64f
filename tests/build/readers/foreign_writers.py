"""The smallest writers of other tools' formats, for tests: a text and its spans in, the files of the tool out."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import regex

Spans = list[tuple[str, int, int]]
"""Label, start and end in code points."""


class Doc(NamedTuple):
    """A text with its spans."""

    text: str
    spans: Spans


def at(text: str, place: int, unit: str) -> int:
    """A place in code points, counted in a unit."""
    codec, width = {"codepoints": ("utf-32-le", 4), "utf16": ("utf-16-le", 2), "bytes": ("utf-8", 1)}[unit]
    return len(text[:place].encode(codec)) // width


def moved(doc: Doc, unit: str) -> list[tuple[str, int, int, str]]:
    return [(label, at(doc.text, a, unit), at(doc.text, b, unit), doc.text[a:b]) for label, a, b in doc.spans]


def doccano(doc: Doc, unit: str) -> Any:
    return {"text": doc.text, "label": [[a, b, label] for label, a, b, _ in moved(doc, unit)]}


def doccano_objects(doc: Doc, unit: str) -> Any:
    rows = enumerate(moved(doc, unit))
    return {
        "text": doc.text,
        "entities": [{"id": n, "start_offset": a, "end_offset": b, "label": x} for n, (x, a, b, _) in rows],
    }


def spacy(doc: Doc, unit: str) -> Any:
    return [doc.text, {"entities": [[a, b, label] for label, a, b, _ in moved(doc, unit)]}]


def prodigy(doc: Doc, unit: str) -> Any:
    return {
        "text": doc.text,
        "spans": [{"start": a, "end": b, "label": x, "text": p} for x, a, b, p in moved(doc, unit)],
    }


def langextract(doc: Doc, unit: str) -> Any:
    found = [
        {
            "extraction_class": x,
            "extraction_text": p,
            "char_interval": {"start_pos": a, "end_pos": b},
            "alignment_status": "match_exact",
        }
        for x, a, b, p in moved(doc, unit)
    ]
    return {"text": doc.text, "extractions": found, "document_id": "d"}


def label_studio(doc: Doc, unit: str) -> Any:
    result = [
        {
            "id": f"r{n}",
            "from_name": "ner",
            "to_name": "text",
            "type": "labels",
            "value": {"start": a, "end": b, "text": p, "labels": [x]},
        }
        for n, (x, a, b, p) in enumerate(moved(doc, unit))
    ]
    return {"id": 1, "data": {"text": doc.text}, "annotations": [{"result": result}]}


def json_min(doc: Doc, unit: str) -> Any:
    return {
        "id": 1,
        "text": doc.text,
        "ner": [{"start": a, "end": b, "text": p, "labels": [x]} for x, a, b, p in moved(doc, unit)],
    }


def uie(doc: Doc, unit: str) -> list[Any]:
    spans = moved(doc, unit)
    return [
        {
            "content": doc.text,
            "prompt": label,
            "result_list": [{"text": p, "start": a, "end": b} for x, a, b, p in spans if x == label],
        }
        for label in dict.fromkeys(label for label, *_ in spans) or ["NONE"]
    ]


def _by_label(doc: Doc) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for label, start, end in doc.spans:
        found.setdefault(label, []).append(doc.text[start:end])
    return found


def iepile(doc: Doc, unit: str) -> Any:
    instruction = {"instruction": "Extract.", "schema": list(_by_label(doc)), "input": doc.text}
    return {"task": "NER", "source": "x", "instruction": json.dumps(instruction), "output": json.dumps(_by_label(doc))}


def universalner(doc: Doc, unit: str) -> Any:
    turns = [f"Text: {doc.text}", "I've read this text."]
    for label, found in _by_label(doc).items():
        turns += [f"What describes {label} in the text?", json.dumps(found)]
    return {"id": "x", "conversations": [{"from": "human", "value": turn} for turn in turns]}


def words(doc: Doc) -> list[tuple[int, int]]:
    """Words of a text that no span's edge cuts."""
    edges = sorted({0, len(doc.text), *(place for _, a, b in doc.spans for place in (a, b))})
    return [(a + m.start(), a + m.end()) for a, b in pairwise(edges) for m in regex.finditer(r"\S+", doc.text[a:b])]


def gliner(doc: Doc, unit: str) -> Any:
    places = words(doc)
    first, last = {a: n for n, (a, _) in enumerate(places)}, {b: n for n, (_, b) in enumerate(places)}
    tokens = [doc.text[a:b] for a, b in places]
    return {"tokenized_text": tokens, "ner": [[first[a], last[b], x] for x, a, b in doc.spans], "text": doc.text}


def hf_tokens(doc: Doc, unit: str) -> Any:
    places = words(doc)
    tags = ["O"] * len(places)
    for label, start, end in doc.spans:
        inside = [n for n, (a, b) in enumerate(places) if start <= a and b <= end]
        for n in inside:
            tags[n] = f"{'B' if n == inside[0] else 'I'}-{label}"
    return {"tokens": [doc.text[a:b] for a, b in places], "ner_tags": tags, "text": doc.text}


ROWS: dict[str, tuple[str, Callable[[Doc, str], Any]]] = {
    "doccano": ("doccano", doccano),
    "doccano objects": ("doccano", doccano_objects),
    "spacy": ("spacy", spacy),
    "prodigy": ("spacy", prodigy),
    "langextract": ("langextract", langextract),
    "label-studio": ("label-studio", label_studio),
    "JSON_MIN": ("label-studio", json_min),
    "uie": ("uie", uie),
    "iepile": ("iepile", iepile),
    "universalner": ("universalner", universalner),
    "gliner": ("gliner", gliner),
    "hf-tokens": ("hf-tokens", hf_tokens),
}
"""Name of a writer to the format and the writer of a row."""

WITH_TEXT = ("prodigy", "langextract", "label-studio", "JSON_MIN", "uie", "brat")
"""Formats whose spans say their text."""
LISTED = ("iepile", "universalner")
"""Formats that list entities without a place."""
FLAT = ("hf-tokens",)
WORDS = ("gliner", "hf-tokens")


def write(folder: Path, name: str, docs: list[Doc], unit: str = "codepoints") -> Path:
    """Write the documents in a format; returns the file or folder to read."""
    if name == "brat":
        for number, doc in enumerate(docs):
            lines = [
                f"T{n}\t{x} {a} {b}\t{' '.join(p.splitlines())}\n" for n, (x, a, b, p) in enumerate(moved(doc, unit), 1)
            ]
            (folder / f"{number:03}.txt").write_text(doc.text, encoding="utf-8", newline="")
            (folder / f"{number:03}.ann").write_text("".join(lines), encoding="utf-8", newline="")
        return folder
    rows = [ROWS[name][1](doc, unit) for doc in docs]
    flat = [row for found in rows for row in found] if name == "uie" else rows
    path = folder / ("rows.json" if name in ("label-studio", "JSON_MIN") else "rows.jsonl")
    text = json.dumps(flat) if path.suffix == ".json" else "".join(json.dumps(row) + "\n" for row in flat)
    path.write_text(text, encoding="utf-8")
    return path
