"""Formats of words with tags: the token classification of Hugging Face's data sets, as JSON or Parquet."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from build.core import KitError
from build.files import strict_load
from build.readers.conll.schemes import Sequences, Tag, decode, describe, detect, parse_tag, style_of, why_no_tags
from build.readers.foreign.document import Document, Mention, ShapeError, expect, get, rest

HF_TOKENS: Final = '{"tokens": ["Mia", "ran"], "ner_tags": ["B-PER", "O"]}'
TAGS: Final = ("ner_tags", "tags", "labels", "ner")
_TEXT: Final = ("text", "sentence")
INFO_FILES: Final = ("dataset_info.json", "dataset_infos.json", "features.json", "state.json")


def parse_tokens(row: Any, names: Sequence[str] | None = None) -> Document:
    """A row of words and tags; tags that are numbers are looked up in ``names``.

    Raises:
        ShapeError: another shape, more tags than words, a tag that is none, or numbers without names.
    """
    tokens = get(row, "tokens", list, HF_TOKENS)
    key = next((key for key in TAGS if key in row), TAGS[0])
    tags = get(row, key, list, HF_TOKENS)
    if len(tags) != len(tokens):
        raise ShapeError(f"{len(tokens):,} tokens, but {len(tags):,} {key}; expected {HF_TOKENS}")
    text = next((row[name] for name in _TEXT if isinstance(row.get(name), str)), None)
    document = Document(
        text, meta=rest(row, ("tokens", key, *_TEXT)), tokens=[expect(t, str, "a token", HF_TOKENS) for t in tokens]
    )
    document.meta = {name: value for name, value in document.meta.items() if not isinstance(value, list)}
    document.tags = [_name(tag, names, key) for tag in tags]
    return document


def decode_tags(documents: Sequence[Document], where: str, forced: str | None = None) -> str:
    """Make mentions of the tags of a file, in the scheme that its tags follow; returns what the scheme is, in words.

    Raises:
        KitError: the tags are none, or of no one scheme.
    """
    counts = Counter(tag for document in documents for tag in document.tags)
    style = style_of(counts, forced)
    if style is None:
        if why := why_no_tags(counts):
            raise KitError(f"{where}: {why}")
        raise KitError(f"{where}: the tags are none of a scheme: {', '.join(sorted(counts)[:5])}; expected {HF_TOKENS}")
    found = Sequences()
    tags = [[parse_tag(tag, style) for tag in document.tags] for document in documents]
    for row in tags:
        found.add([tag or Tag() for tag in row])
    scheme = detect(found, style, forced)
    for document, row in zip(documents, tags, strict=True):
        document.notes += [
            ("bad_tag", f"{tag!r} is no tag: read as O") for tag, t in zip(document.tags, row) if t is None
        ]
        spans, faults = decode([tag or Tag() for tag in row], scheme.name)
        document.notes += [(kind, f"tag {document.tags[at]!r} of word {at}") for at, kind in faults]
        for label, first, last in spans:
            document.add(Mention(label, first, last))
    return describe(found, scheme)


def _name(tag: Any, names: Sequence[str] | None, key: str) -> str:
    if isinstance(tag, str):
        return tag.strip()
    expect(tag, int, f"a tag of {key!r}", HF_TOKENS)
    if names is None:
        raise ShapeError(
            f"{key!r} are numbers, and nothing says what they stand for: give --labels O,B-PER,I-PER in the order of the "
            "numbers, or put the data set's dataset_info.json beside the file"
        )
    if not 0 <= tag < len(names):
        raise ShapeError(f"{key!r} has the number {tag}, but there are {len(names)} labels: {', '.join(names)}")
    return names[int(tag)]


def label_names(path: Path, labels: str | None) -> list[str] | None:
    """Names of the tags by number: ``--labels``, else the ClassLabel of a ``dataset_info.json`` beside the file.

    Raises:
        KitError: the file beside is not JSON.
    """
    if labels is not None:
        return [name.strip() for name in labels.split(",")]
    for folder in (path.parent, path.parent.parent):
        for name in INFO_FILES:
            if (file := folder / name).is_file():
                try:
                    found = _class_names(strict_load(file.read_text(encoding="utf-8-sig")))
                except (ValueError, RecursionError) as error:
                    raise KitError(f"{file}: not JSON that can be read ({error})") from error
                if found:
                    return found
    return None


def _class_names(value: Any) -> list[str] | None:
    """The names of the first tags that a description of features has, wherever they stand in it."""
    if not isinstance(value, dict):
        return None
    for key in TAGS:
        feature = value.get(key)
        while isinstance(feature, dict) and "names" not in feature:
            feature = feature.get("feature")
        if isinstance(feature, list) and len(feature) == 1:
            feature = feature[0]
        if isinstance(feature, dict):
            names = feature["names"]
            return list(names.values()) if isinstance(names, dict) else list(names)
    return next((found for inner in value.values() if (found := _class_names(inner))), None)


def arrow_names(path: Path) -> list[str] | None:
    """Names of the tags that a Parquet file of the Hub carries in its own metadata."""
    import pyarrow.parquet as pq

    info = (pq.read_schema(path).metadata or {}).get(b"huggingface")
    return _class_names(json.loads(info)) if info else None
