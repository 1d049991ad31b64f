"""Formats of words with tags: the token classification of Hugging Face's data sets, as JSON or Parquet."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from build.core import KitError
from build.files import strict_load
from build.readers.foreign.document import Document, Mention, ShapeError, expect, get, rest
from build.readers.inputs import suffix
from build.readers.schemes import Sequences, describe, detect
from mmm_f1.schemes import Tag, decode, parse_tag, style_of, why_no_tags

HF_TOKENS: Final = '{"tokens": ["Mia", "ran"], "ner_tags": ["B-PER", "O"]}'
TAGS: Final = ("ner_tags", "tags", "labels", "ner")
_TEXT: Final = ("text", "sentence")
INFO_FILES: Final = ("dataset_info.json", "dataset_infos.json", "features.json", "state.json")


def key_of_tags(row: Any, named: str | None = None) -> str:
    """The key of the tags: the one that is named, else the first known one that the row has."""
    return named or next((key for key in TAGS if isinstance(row, dict) and key in row), TAGS[0])


def parse_tokens(row: Any, names: Sequence[str] | None = None, named: str | None = None) -> Document:
    """A row of words and tags; tags that are numbers are looked up in ``names``.

    Args:
        row: as it stands in the file.
        names: of the tags, in the order of their numbers.
        named: the key of the tags, if it is no usual one.

    Raises:
        ShapeError: another shape, more tags than words, a tag that is none, or numbers without names.
    """
    tokens = get(row, "tokens", list, HF_TOKENS)
    if (key := key_of_tags(row, named)) not in row:
        raise ShapeError(f"the key {key!r} is missing; expected {HF_TOKENS}; --tags KEY names another key")
    tags = get(row, key, list, HF_TOKENS)
    if len(tags) != len(tokens):
        raise ShapeError(f"{len(tokens):,} tokens, but {len(tags):,} {key}; expected {HF_TOKENS}")
    text = next((row[name] for name in _TEXT if isinstance(row.get(name), str)), None)
    document = Document(
        text, meta=rest(row, ("tokens", key, *_TEXT)), tokens=[expect(t, str, "a token", HF_TOKENS) for t in tokens]
    )
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
        raise KitError(
            f"{where}: the tags are none of a scheme: {', '.join(sorted(counts)[:5])}; expected {HF_TOKENS}; --tags KEY names "
            "another key"
        )
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


def label_names(path: Path, labels: str | None, key: str) -> list[str] | None:
    """Names of the tags by number: ``--labels``, else the ClassLabel of a ``dataset_info.json`` beside a file, or in Parquet.

    Raises:
        KitError: the file beside is not JSON, or has several lists of names for the key.
    """
    if labels is not None:
        return [name.strip() for name in labels.split(",")]
    for folder in (path.parent, path.parent.parent):
        for name in INFO_FILES:
            if (file := folder / name).is_file():
                try:
                    info = strict_load(file.read_text(encoding="utf-8-sig"))
                except (ValueError, RecursionError) as error:
                    raise KitError(f"{file}: not JSON that can be read ({error})") from error
                if found := _class_names(info, key, file):
                    return found
    return _arrow_names(path, key) if suffix(path) == ".parquet" else None


def _class_names(info: Any, key: str, file: Path) -> list[str] | None:
    """The names that a description of features has for a key, wherever they stand in it."""
    found: list[list[str]] = []
    for names in _names(info, key):
        if isinstance(names, dict):  # by number
            names = [names.get(str(number)) for number in range(len(names))]
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise KitError(f"{file}: the names of {key!r} are {names!r:.80}: give --labels O,B-PER,I-PER")
        found += [names] if names not in found else []
    if len(found) > 1:
        raise KitError(
            f"{file}: {len(found):,} lists of names for {key!r}: give --labels, with the names of these rows"
        )
    return found[0] if found else None


def _names(value: Any, key: str) -> Iterator[Any]:
    if not isinstance(value, dict):
        return
    feature = value.get(key)
    while isinstance(feature, dict | list) and "names" not in feature:
        feature = feature.get("feature") if isinstance(feature, dict) else feature[0] if feature else None
    if isinstance(feature, dict):
        yield feature["names"]
    for inner in value.values():
        yield from _names(inner, key)


def _arrow_names(path: Path, key: str) -> list[str] | None:
    import pyarrow.parquet as pq

    info = (pq.read_schema(path).metadata or {}).get(b"huggingface")
    return _class_names(json.loads(info), key, path) if info else None
