"""Open labels made alike: near-identical spellings become one, the most frequent; a table of merges has the last word.

Two spellings are near-identical if they agree after NFKC (full and half width), without case, blanks, hyphens and punctuation,
with ``&`` as ``and``, and with English plurals as singulars. What this takes for two labels, a table can merge.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from build.core import KitError
from build.readers.inputs import read_table

COLUMNS: Final = ("config", "level", "label", "rows", "into")
"""Columns of a label table; ``label`` and ``into`` must be there, an empty ``config`` or ``level`` means all."""

Scope = tuple[str, str]
"""Config and level, ``text`` or ``word``: labels are compared within one."""

_KEPT: Final = frozenset("#%@*")
_POINT: Final = re.compile(r"(?<=\d)[.,](?=\d)")
_WORD: Final = re.compile(r"[a-z]+")


def fold(label: str) -> str:
    """What near-identical labels have in common; it is compared, never shown."""
    text = unicodedata.normalize("NFKC", label).casefold().replace("&", " and ")
    text = _POINT.sub("\0", text)
    text = "".join(" " if _is_break(char) else char for char in text)
    return "".join(_WORD.sub(_singular, text).split()) or label.casefold()


def _is_break(char: str) -> bool:
    return char.isspace() or (unicodedata.category(char)[0] == "P" and char not in _KEPT)


def _singular(match: re.Match[str]) -> str:
    word = match[0]
    if len(word) > 3 and word[-1] == "s" and word[-2] not in "isu":
        word = word[:-1]
    # movies and movie, categories and category, boxes and box, caches and cache: each pair meets.
    if len(word) > 3 and word.endswith("ie"):
        return word[:-2] + "y"
    return word[:-1] if len(word) > 3 and re.search(r"(?:x|ch|sh|ss|z)e$", word) else word


class Merges:
    """A user's table of labels: which are written as which others."""

    def __init__(self, path: Path | None = None) -> None:
        """Read a table, or begin an empty one.

        Raises:
            KitError: the table lacks a column, goes round in a circle, or spells one label in two ways.
        """
        self._into: dict[tuple[str, str, str], str] = {}
        self._labels: dict[tuple[str, str, str], str] = {}
        self._used: set[tuple[str, str, str]] = set()
        self._path = path
        if path is not None:
            self._read(path)

    def _read(self, path: Path) -> None:
        rows = read_table(path)
        _, header = next(rows, (0, []))
        if not {"label", "into"} <= set(header):
            raise KitError(f"{path}: name the columns label and into; found: {', '.join(header) or 'none'}")
        for number, fields in rows:
            row = dict(zip(header, fields, strict=False))
            label, into = row.get("label", "").strip(), row.get("into", "").strip()
            if not into:
                continue
            place = (row.get("config", "").strip(), row.get("level", "").strip(), fold(label))
            self._labels.setdefault(place, label)
            if self._into.setdefault(place, into) != into:
                was = self._into[place]
                raise KitError(f"{path}:{number}: {label!r} becomes {into!r} here and {was!r} before: keep one")
        written: dict[tuple[str, str, str], str] = {}
        for config, level, folded in self._into:
            key, spelling = self._follow((config, level), folded)
            first = written.setdefault((config, level, key), spelling or "")
            if first != spelling:
                raise KitError(
                    f"{path}: {first!r} and {spelling!r} in the column into are one label: keep one spelling"
                )

        self._used.clear()

    def unused(self) -> list[str]:
        """Labels of the table that no label asked about so far was the same as, in the order of the table."""
        return [label for place, label in self._labels.items() if place not in self._used]

    def key(self, scope: Scope, label: str) -> str:
        """What two labels have in common that are one label, after the table's merges."""
        return self._follow(scope, fold(label))[0]

    def preferred(self, scope: Scope, label: str) -> str | None:
        """How the table wants this label written, if it says so."""
        return self._follow(scope, fold(label))[1]

    def _follow(self, scope: Scope, folded: str) -> tuple[str, str | None]:
        spelling, seen = None, {folded}
        while (into := self._find(scope, folded)) is not None and into != spelling:
            spelling, folded, before = into, fold(into), folded
            if folded != before and folded in seen:
                raise KitError(f"{self._path}: {into!r} goes round in a circle: let one label stand for the others")
            seen.add(folded)
        return folded, spelling

    def _find(self, scope: Scope, folded: str) -> str | None:
        config, level = scope
        for place in ((config, level), (config, ""), ("", level), ("", "")):
            if (*place, folded) in self._into:
                self._used.add((*place, folded))
                return self._into[(*place, folded)]
        return None


class Spellings:
    """All spellings of a run, counted, so that each can be given the one it is written with."""

    def __init__(self, merges: Merges) -> None:
        """Begin to count; ``merges`` goes before the counts."""
        self._merges = merges
        self._counts: dict[Scope, Counter[str]] = {}
        self._chosen: dict[tuple[Scope, str], str] = {}

    def add(self, scope: Scope, label: str) -> None:
        """Count one use of a label."""
        self._counts.setdefault(scope, Counter())[label] += 1

    def settle(self) -> None:
        """Choose: the table's spelling, else the most frequent, ties by alphabet."""
        for scope, counts in self._counts.items():
            order = sorted(counts, key=lambda label: (-counts[label], label))
            wanted = [into for label in order if (into := self._merges.preferred(scope, label))]
            for label in (*wanted, *order):
                self._chosen.setdefault((scope, self._merges.key(scope, label)), label)

    def __call__(self, scope: Scope, label: str) -> str:
        """The spelling of a label, after :meth:`settle`; one that was never counted stays as it is."""
        return self._chosen.get((scope, self._merges.key(scope, label)), label)

    def rows(self) -> Iterator[dict[str, str | int]]:
        """Every spelling with its uses and what it became, for a table that a user may edit and give back."""
        for scope, counts in sorted(self._counts.items()):
            for label, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])):
                into = self(scope, label)
                yield dict(zip(COLUMNS, (*scope, label, count, "" if into == label else into), strict=True))

    def unused(self) -> list[str]:
        """Labels of the table of merges that the run did not have."""
        return self._merges.unused()

    def merged(self) -> int:
        """How many spellings became another one."""
        return sum(row["into"] != "" for row in self.rows())


def write_table(spellings: Spellings, path: Path) -> None:
    """Write the label table of a run."""
    from mmm_dataset.files import atomic

    with atomic(path) as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(spellings.rows())
