"""SCPOS from reviews and a polarity lexicon: Adj, N and Adj & N rows of the same review, with the same source id.

Reviews are JGLUE MARC-ja (JSON lines; MMM's own source, withdrawn) or jrte-pn (TSV; the stand-in). In Adj & N rows a
word that is in both lists has the polarity it has as an adjective.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from build.core import Drop, KitError, Note, Row
from build.readers.annotate_lexicon import ANNOTATORS, Hit
from build.readers.inputs import (
    Unique,
    extra_keys,
    find,
    is_json,
    raw_text,
    read_json,
    read_table,
    record_or_drop,
    some,
    text_id,
)
from build.readers.lexicon import SOURCE as LEXICON_SOURCE
from build.readers.lexicon import Kind, load
from mmm_dataset import Item, Record, Registry
from mmm_dataset.record import Origin

LANGUAGE = "ja"
KINDS: Final[Mapping[str, tuple[Kind, ...]]] = {"scpos_adj": ("adj",), "scpos_n": ("n",), "scpos_adj_n": ("adj", "n")}
"""Task to the lists its items come from; the first list that has a word gives its polarity."""

POLARITIES: Final = ("positive", "neutral", "negative")

_ORIGINS: Final[Mapping[str, Origin]] = {"marc-ja": "rebuilt", "jrte-pn": "own"}
# MARC-ja writes labels as words or, in the hub's copy, as class numbers; jrte-pn as signs.
_LABELS: Final[Mapping[str, Mapping[str, str]]] = {
    "marc-ja": {"positive": "positive", "negative": "negative", "0": "positive", "1": "negative"},
    "jrte-pn": {"1": "positive", "-1": "negative", "0": "neutral"},
}

_JRTE = "pn.tsv of jrte-pn (id beginning with pn, label -1, 0 or 1, text)"


@dataclass(frozen=True, slots=True)
class Review:
    """A review: its place in the file, its id, text and polarity key."""

    where: str
    name: str
    text: str
    polarity: str


def read(
    path: Path, registry: Registry, lexicon: str | Path | None = None, annotator: str = "substring"
) -> Iterator[Row]:
    """Read reviews and annotate them.

    Args:
        path: ``train-v1.0.json`` of MARC-ja, ``pn.tsv`` of jrte-pn, or the folder that holds one of them.
        registry: label sets, task words and licences.
        lexicon: folder of the two Tohoku files.
        annotator: ``substring`` or ``morpheme``.

    Raises:
        KitError: a file is missing, or an option is wrong.
    """
    if lexicon is None:
        tohoku = registry.source(LEXICON_SOURCE)
        what = f"{tohoku.title}, {tohoku.url}; licence: {tohoku.licence}"
        raise KitError(f"--lexicon is missing: give the folder of {' and '.join(tohoku.files)} ({what})")
    if annotator not in ANNOTATORS:
        raise KitError(f"--annotator {annotator}: no such annotator; there are: {', '.join(ANNOTATORS)}")
    name, file = _find(path, registry)
    words = load(Path(lexicon), registry)
    yield from words.notes()
    annotate = ANNOTATORS[annotator](words)
    spelled = {key: registry.spelling("scpos_word", key, LANGUAGE) for key in POLARITIES}
    rows: Counter[str] = Counter()
    empty: Counter[str] = Counter()
    for review in _READ[name](file):
        if not isinstance(review, Review):
            yield review
            continue
        # A review that can be no record must not come before the annotators: they take only sound text.
        sound = _record("scpos_adj", name, review, (), registry)
        if isinstance(sound, Drop):
            yield sound
            continue
        hits = annotate(review.text)
        for task in KINDS:
            record = _record(task, name, review, _items(task, review.text, hits, spelled), registry)
            if isinstance(record, Record):
                rows[record.config] += 1
                empty[record.config] += not record.items
            yield record
    for config, total in rows.items():
        # The share is part of the reason, so that the summary shows it.
        share = f"{empty[config]:,} of {total:,} ({empty[config] / total:.1%})"
        yield Note(config, f"rows_without_item: {config} {share}")


def _find(path: Path, registry: Registry) -> tuple[str, Path]:
    names = [name for source in _ORIGINS for name in registry.source(source).files]
    file = find(path, registry.source("jrte-pn"), names)
    return ("marc-ja" if is_json(file) else "jrte-pn"), file


def _items(task: str, text: str, hits: list[Hit], spelled: Mapping[str, str]) -> tuple[Item, ...]:
    items = []
    for start, end, polarities in hits:
        key = next((polarities[kind] for kind in KINDS[task] if kind in polarities), None)
        if key:
            items.append(Item.pair(spelled[key], text[start:end], start, end))
    return tuple(items)


def _record(task: str, source: str, review: Review, items: tuple[Item, ...], registry: Registry) -> Record | Drop:
    return record_or_drop(
        review.where,
        review.text,
        f"{LANGUAGE}_{task}-{review.name}",
        LANGUAGE,
        task,
        registry.task(task).words[0],
        review.text,
        registry.spelling("scpos_text", review.polarity, LANGUAGE),
        items,
        _ORIGINS[source],
        source,
        review.name,
        registry.source(source).licence,
    )


def _read_marc(file: Path) -> Iterator[Review | Drop | Note]:
    unique = Unique()
    extra: Counter[str] = Counter()
    for where, row in read_json(file, ("sentence", "label", "review_id"), extra):
        text = row.get("sentence") if isinstance(row, dict) else None
        if not isinstance(text, str):
            yield Drop(where, "no_sentence", "the row lacks the key sentence", raw_text(row))
            continue
        name = unique(str(row.get("review_id") or text_id(text)))
        yield _review(where, name, text, row.get("label"), "marc-ja")
    yield from extra_keys(file, extra)


def _read_jrte(file: Path) -> Iterator[Review | Drop | Note]:
    unique = Unique()
    for number, fields in some(read_table(file, "\t", quoted=False), file, _JRTE):
        where = f"{file.name}:{number}"
        if len(fields) < 3:
            yield Drop(where, "no_sentence", "fewer than three columns", "\t".join(fields))
        elif not fields[0].startswith("pn"):
            # rhr.tsv beside it has the same columns, but its labels (0, 1) are no sentiment.
            raise KitError(f"{file}:{number}: the id is {fields[0][:40]!r}: {_JRTE} was due")
        else:
            yield _review(where, unique(fields[0]), fields[2], fields[1], "jrte-pn")


def _review(where: str, name: str, text: str, label: Any, source: str) -> Review | Drop:
    polarity = _LABELS[source].get(str(label))
    if polarity is None:
        detail = f"{where}: label {label!r} is none of {', '.join(_LABELS[source])}"
        return Drop(name, "unknown_label", detail, raw_text(text))
    if polarity == "neutral":
        return Drop(name, "neutral_row", "SCPOS has two text-level classes", raw_text(text))
    if not text.strip():
        return Drop(name, "empty_text", where, text)
    return Review(where, name, text, polarity)


_READ = {"marc-ja": _read_marc, "jrte-pn": _read_jrte}
