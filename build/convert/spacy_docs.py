"""spaCy: ``.spacy`` files (DocBin) that ``spacy train`` and ``spacy.training.Corpus`` read, a folder of them per split.

``doc.spans["sc"]`` holds every item in its order, ``doc.ents`` those that do not overlap, ``doc.cats`` the label of the text,
``doc.user_data`` the metadata. Relations and events have no place in it; entities of such rows are unknown, not absent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import islice, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from build.convert.losses import Losses, Placed, placed_pairs, without_overlaps
from build.convert.rows import attributes_of, has_pairs, is_readable, metadata, text_label
from build.convert.tokens import Offsets
from build.core import KitError
from mmm_dataset import Record, Registry

if TYPE_CHECKING:
    from spacy.tokens import Doc, Span

SPANS_KEY: Final = "sc"
"""Where spaCy's span categorizer looks for spans."""

DOCS: Final = 20_000
"""Rows in a file: one file is held in memory as a whole, and may not grow over 2 GB."""

_ATTRS: Final = ("ORTH", "SPACY", "ENT_IOB", "ENT_TYPE")


def write(records: Iterator[Record], folder: Path, registry: Registry, losses: Losses) -> int:
    """Write a folder of ``.spacy`` files; returns the number of docs."""
    try:
        from spacy.tokens import DocBin
    except ImportError as error:
        raise KitError("spaCy is not installed: pip install spacy") from error
    folder.mkdir()
    count = 0
    docs = (doc for record in records if (doc := to_doc(record, registry, losses)) is not None)
    while batch := list(islice(docs, DOCS)):
        file = DocBin(attrs=_ATTRS, store_user_data=True, docs=batch)
        file.to_disk(folder / f"{count // DOCS:05}.spacy")
        count += len(batch)
    return count


def to_doc(record: Record, registry: Registry, losses: Losses) -> Doc | None:
    """The record as a ``Doc`` whose text is the record's; None if the items are not known or there is no text."""
    from spacy.tokens import Doc

    if not is_readable(record, losses):
        return None
    if not record.text:
        losses.add(record, "no_tokens")
        return None
    losses.add(record, "attributes", attributes_of(record))
    pairs = placed_pairs(record, losses)
    nlp = _nlp(record.language)
    tokens = [(token.idx, token.idx + len(token)) for token in nlp.make_doc(record.text)]
    doc = Doc(nlp.vocab, *_pieces(record.text, tokens, [(start, end) for _, start, end in pairs]))
    doc.user_data.update(metadata(record))
    doc.cats = _cats(record, registry)
    if has_pairs(record, registry):
        doc.spans[SPANS_KEY] = [_span(doc, pair) for pair in pairs]
        doc.set_ents([_span(doc, pair) for pair in without_overlaps(record, pairs, Losses())], default="outside")
    else:
        losses.add(record, "relations", len(record.items or ()))
        doc.set_ents([], default="missing")
    return doc


def _cats(record: Record, registry: Registry) -> dict[str, float]:
    """The text's label, and 0 for the others of a closed set, as spaCy takes a label that is not there as unknown."""
    label = text_label(record, registry)
    name = registry.task(record.task).text_labels
    closed = [row.label for row in registry.labels if (row.set, row.language) == (name, record.language)]
    return {} if label is None else {**dict.fromkeys(closed, 0.0), label: 1.0}


def _span(doc: Doc, pair: Placed) -> Span:
    label, start, end = pair
    span = doc.char_span(start, end, label=label)
    assert span is not None, "words end where items do"
    return span


@cache
def _nlp(language: str) -> Any:
    import spacy

    try:
        return spacy.blank(language)
    except ImportError:  # no such language, or the tokenizer that it wants is not installed
        return spacy.blank("xx")


def _pieces(text: str, tokens: Iterable[Offsets], spans: Sequence[Offsets]) -> tuple[list[str], list[bool]]:
    """Words, and whether a space follows each, that make up the text to the letter; no word reaches over a span's edge."""
    starts, ends = {start for start, _ in spans}, {end for _, end in spans}
    edges = sorted({0, len(text), *starts, *ends, *(at for token in tokens for at in token)})
    words: list[str] = []
    spaces: list[bool] = []
    for start, end in pairwise(edges):
        if text[start:end] == " " and words and not spaces[-1] and start not in starts and end not in ends:
            spaces[-1] = True
        else:
            words.append(text[start:end])
            spaces.append(False)
    return words, spaces
