"""brat's standoff: a ``.txt`` and a ``.ann`` file for each document; ``visual.conf`` above them has labels with other signs.

Read are the lines ``T``, ``R`` (relations), ``E`` (events), ``A`` and ``M`` (attributes), and notes on ``*``, whose type
is a key. Pieces of a span with only blanks between them are one; other discontinuous spans are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Final

from build.core import KitError
from build.files import read_text
from build.readers.foreign.document import Document, Mention, Relation, ShapeError
from build.readers.inputs import stem

SHAPE: Final = "T1<tab>PER 0 3<tab>Mia, R1<tab>works_for Arg1:T1 Arg2:T2, E1<tab>Move:T1 Goal:T2, or A1<tab>Negated E1"

_NUMBER = re.compile(r"(?<=[^\W\d_])\d+$")
_TYPE = re.compile(r"(\S.*?) (\d+ \d+(?:;\d+ \d+)*)")
_CONF: Final = "visual.conf"


def read_brat(path: Path, root: Path) -> Iterator[tuple[str, Document]]:
    """The document of an ``.ann`` file.

    Raises:
        KitError: there is no text beside it, or a line is not of the format; the message says what is expected.
    """
    texts = [file for name in (".txt", ".txt.gz") if (file := path.with_name(stem(path) + name)).is_file()]
    if not texts:
        raise KitError(f"{path}: no {stem(path)}.txt beside it: brat keeps the text there")
    try:
        yield path.name, parse_brat(read_text(texts[0], newline=""), read_text(path), _labels(path.parent, root))
    except ShapeError as error:
        raise KitError(f"{path}:{error}") from error


def parse_brat(text: str, annotations: str, labels: dict[str, str] | None = None) -> Document:
    """The text with its annotations.

    Args:
        text: of the ``.txt`` file, line breaks as they are.
        annotations: of the ``.ann`` file.
        labels: what is shown for a type, from ``visual.conf``.

    Raises:
        ShapeError: a line is not of the format; the message begins with its number.
    """
    document, names = Document(text), labels or {}
    meta: dict[str, str] = {}
    events: dict[str, Relation] = {}
    later: list[tuple[str, list[str]]] = []
    for number, line in enumerate(annotations.split("\n"), 1):
        fields = line.split("\t", 2)  # a span may hold a tab
        if not line.strip():
            continue
        if len(fields) < 2 or not fields[1].split(" ")[0]:
            raise ShapeError(f"{number}: {line!r:.80}; expected {SHAPE}")
        try:
            if line[0] == "T":
                _entity(document, fields, names)
            elif line[0] in "RE":
                events[fields[0]] = _relation(fields, names)
                document.relations.append(events[fields[0]])
            elif line[0] in "AM":
                later.append((str(number), fields[1].split(" ")))
            elif line[0] == "#" and fields[1].endswith(" *"):
                meta[fields[1][:-2]] = fields[2]
            elif line[0] in "#*N":
                document.notes.append(("not_read", f"line {number}: {fields[1][:40]!r}"))
            else:
                raise ValueError
        except ShapeError as error:
            raise ShapeError(f"{number}: {error}") from error
        except (ValueError, IndexError) as error:
            raise ShapeError(f"{number}: {line!r:.80}; expected {SHAPE}") from error
    _attributes(document, events, later, names)
    document.meta = meta
    return document


def _entity(document: Document, fields: list[str], names: dict[str, str]) -> None:
    found = _TYPE.fullmatch(fields[1])
    if found is None:
        raise ValueError
    kind = found[1]
    pieces = [tuple(map(int, piece.split())) for piece in found[2].split(";")]
    start, end = pieces[0][0], pieces[-1][1]
    mention = Mention(names.get(kind, kind), start, end, fields[2])
    for (_, left), (right, _) in pairwise(pieces):
        if (document.text or "")[left:right].strip():
            document.notes.append(("discontinuous_span", f"{fields[2]!r} ({kind}) left out"))
            mention.start = mention.end = -1
    document.add(mention, fields[0])


def _relation(fields: list[str], names: dict[str, str]) -> Relation:
    kind, *arguments = fields[1].split()
    pairs = [(role, key) for role, _, key in (argument.partition(":") for argument in arguments)]
    if fields[0][0] == "R":
        by_role = dict(pairs)
        if set(by_role) == {"Arg1", "Arg2"}:
            return Relation(names.get(kind, kind), [(None, by_role["Arg1"]), (None, by_role["Arg2"])])
        return Relation(names.get(kind, kind), [(names.get(role, role), key) for role, key in pairs])
    kind, trigger = kind.split(":", 1)
    # brat numbers the second argument of a role and the next: Theme2.
    named = [(names.get(role, names.get(plain := _NUMBER.sub("", role), plain)), key) for role, key in pairs]
    return Relation(names.get(kind, kind), list(named), trigger)


def _attributes(
    document: Document, events: dict[str, Relation], lines: list[tuple[str, list[str]]], names: dict[str, str]
) -> None:
    for number, (name, *given) in lines:
        target = events.get(given[0]) or document.mentions.get(given[0]) if given else None
        if target is None:
            raise ShapeError(f"{number}: attribute {name!r} of nothing; expected {SHAPE}")
        value = " ".join(given[1:]) or name
        target.attributes[names.get(name, name)] = names.get(value, value)


def _labels(folder: Path, root: Path) -> dict[str, str]:
    """Type to what is shown for it, from the nearest ``visual.conf`` in the folder or above it, up to ``root``."""
    for place in (folder, *folder.parents):
        if (file := place / _CONF).is_file():
            section = re.search(r"(?ms)^\[labels\]$(.*?)(?=^\[|\Z)", read_text(file))
            rows = [line.split("|") for line in (section[1] if section else "").split("\n")]
            return {row[0].strip(): row[1].strip() for row in rows if len(row) > 1 and row[1].strip()}
        if place == root:
            break
    return {}
