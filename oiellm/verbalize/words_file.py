"""Label words as a file: tab-separated, one word a line, to be read, edited and passed back."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Final

from mmm_dataset.files import atomic
from oiellm.errors import OiellmError
from oiellm.verbalize.words import LabelWord

COLUMNS: Final = tuple(field.name for field in fields(LabelWord))
_NEEDED: Final = ("label", "word")


def write_words(path: Path, words: Mapping[str, Sequence[LabelWord]]) -> None:
    """Write the words, dropped ones with the reason, whole or not at all."""
    with atomic(path) as file:
        # With the module's own line ends: a word may hold either half of them, and only then are both quoted.
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(COLUMNS)
        for one in (one for entry in words.values() for one in entry):
            writer.writerow([_cell(getattr(one, name)) for name in COLUMNS])


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def read_words(path: Path, labels: Sequence[str]) -> dict[str, list[LabelWord]]:
    """Read words back. Columns ``label`` and ``word`` are needed; a line with text under ``dropped`` is not used.

    Args:
        path: the file.
        labels: the labels of the config; one without a line gets its own word.

    Raises:
        OiellmError: the file is missing or is no table; a line has an unknown label, no word, or one that stood before.
    """
    found: dict[str, list[LabelWord]] = {label: [] for label in labels}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, delimiter="\t", strict=True)
            missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
            if missing:
                raise OiellmError(
                    f"{path}:1: no column {missing[0]!r}; the first line names the columns, separated by tabs"
                )
            for row in reader:
                one = _word(row, f"{path}:{reader.line_num}", labels)
                if any(other.word == one.word for other in found[one.label]):
                    raise OiellmError(f"{path}:{reader.line_num}: {one.word!r} stands twice under {one.label!r}")
                found[one.label].append(one)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OiellmError(f"{path}: cannot be read ({error})") from error
    return {label: entry or [LabelWord(label, label, 0, 0, 0.0, 0.0)] for label, entry in found.items()}


def _word(row: Mapping[str | None, Any], where: str, labels: Sequence[str]) -> LabelWord:
    label, word = row["label"], (row["word"] or "").strip()
    if label not in labels:
        raise OiellmError(f"{where}: no label {label!r}; the labels are {', '.join(labels)}")
    if not word:
        raise OiellmError(f"{where}: no word; take the line out, or write one")
    if None in row:
        raise OiellmError(f"{where}: more cells than the first line has columns")
    try:
        numbers = {name: float(row.get(name) or 0) for name in ("count", "rows", "pmi", "tfidf")}
        known = {name: float(row[name]) if row.get(name) else None for name in ("prior", "relevance")}
    except ValueError as error:
        raise OiellmError(f"{where}: {error}; numbers may be left empty") from error
    return LabelWord(
        label,
        word,
        int(numbers["count"]),
        int(numbers["rows"]),
        numbers["pmi"],
        numbers["tfidf"],
        known["prior"],
        known["relevance"],
        (row.get("dropped") or "").strip(),
    )
