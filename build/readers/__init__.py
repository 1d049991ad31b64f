"""Readers of the real sources: each takes a local file or folder and yields records, drops with a reason, and notes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from build.core import KitError, Row
from build.readers import conll, foreign, published, records, scnm, scpos, tconer, tcree
from build.readers.labels import UNKNOWN_LABELS


@dataclass(frozen=True, slots=True)
class Reader:
    """A reader of one shape of data.

    Attributes:
        name: what the command line calls it.
        source: the source of the registry that it reads, or fetches if no path is given.
        read: ``read(path, registry, **options)``; option values are strings.
        help: one line.
        options: name of each option to a line of help.
        paths: the options whose value is the path of a file or folder.
    """

    name: str
    source: str
    read: Callable[..., Iterator[Row]]
    help: str
    options: Mapping[str, str] = field(default_factory=dict)
    paths: tuple[str, ...] = ()


_ALL = (
    Reader("published", "mmm", published.read, "the authors' released JSON: a folder of 42 files"),
    Reader(
        "scnm",
        "stockmark-ner",
        scnm.read,
        "sentences with entities (stockmark ner.json); sentence classes joined if given",
        {"classes": "SCNM_Dataset.csv, or JSON with text and sc: the sentence classes", **UNKNOWN_LABELS},
        paths=("classes",),
    ),
    Reader(
        "scpos",
        "jrte-pn",
        scpos.read,
        "reviews (JGLUE MARC-ja JSON lines, or jrte-pn TSV as a stand-in) and a polarity lexicon",
        {
            "lexicon": "folder of the two Tohoku polarity files (required)",
            "annotator": "how lexicon words are found: substring (default) or morpheme",
        },
        paths=("lexicon",),
    ),
    Reader(
        "tcree",
        "livedoor",
        tcree.read,
        "the authors' TCREE_dataset.csv, or snippets of the livedoor news corpus",
        UNKNOWN_LABELS,
    ),
    Reader(
        "tconer", "pile-ner-type", tconer.read, "UniversalNER conversations (Pile-NER-type, CrossNER) or SLIMER rows"
    ),
    Reader(
        "conll",
        "user",
        conll.read,
        "CoNLL and its kin: a token and its tag per line, in any layout and tag scheme",
        conll.OPTIONS,
    ),
    Reader(
        "foreign", "user", foreign.read, "files of other tools: doccano, brat, spaCy, Label Studio ...", foreign.OPTIONS
    ),
    Reader("records", "user", records.read, "your own JSON lines of records", records.OPTIONS),
)

READERS: Final[Mapping[str, Reader]] = {reader.name: reader for reader in _ALL}


def find_reader(name: str) -> Reader:
    """The reader of this name. Raises KitError with the names there are."""
    if name not in READERS:
        raise KitError(f"no reader {name!r}; there are: {', '.join(READERS)}")
    return READERS[name]
