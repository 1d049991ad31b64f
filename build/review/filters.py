"""Which rows a reviewer wants to see."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

from build.review.book import Book

Show = Literal["all", "undecided", "decided", "stale", "conflict"]


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows to show; empty values let all pass.

    Attributes:
        show: by what became of the row; ``undecided`` and ``decided`` are meant of this reviewer.
        check: name of a check that flags the row.
        rung: of the row.
        query: a text that the row's source, target, label, items or id hold; case does not matter.
    """

    show: Show = "all"
    check: str = ""
    rung: str = ""
    query: str = ""


def passes(filters: Filter, book: Book, number: int, reviewer: str, adjudicator: str | None) -> bool:
    """Whether a row passes all of a filter but the query, which needs the row's text: see :func:`holds`."""
    if filters.check and filters.check not in book.file.checks(number):
        return False
    if filters.rung and filters.rung != book.file.rung(number):
        return False
    if filters.show == "undecided":
        return not book.is_decided(number, reviewer)
    if filters.show == "decided":
        return book.is_decided(number, reviewer)
    if filters.show == "stale":
        return bool(book.stale(number))
    return filters.show == "all" or book.outcome(number, adjudicator).state == "conflict"


def holds(line: bytes, wanted: str) -> bool:
    """Whether a row's id, texts or labels hold what is wanted, which is casefolded."""
    content = line.decode("utf-8-sig")
    if "\\" not in content and wanted not in content.casefold():  # nothing is escaped, so it is not there
        return False
    row = json.loads(content)
    records = [row["target"], row.get("source") or {}] if "target" in row else [row]
    texts = [str(record.get(name) or "") for record in records for name in ("id", "text", "label")]
    labels = [item["label"] for record in records for item in record.get("items") or ()]
    return wanted in "\n".join([*texts, *labels]).casefold()
