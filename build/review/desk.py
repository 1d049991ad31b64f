"""The reviewer's desk: which row comes next, what is shown of it, and taking decisions. It knows nothing of HTTP.

Everything it gives is made of JSON types. One desk serves all browsers of one server; other servers on the same file are seen
through the log.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from build.core import KitError
from build.review.book import Book
from build.review.decisions import Decision, DecisionLog, log_path, now, person
from build.review.edits import check_complete, corrected, move_items, same
from build.review.filters import Filter, holds, passes
from build.review.options import Order
from build.review.rows import ReviewFile, ReviewRow
from build.review.rules import reasons
from mmm_dataset import Registry, from_dict, to_dict
from mmm_f1.unified import ATTRIBUTE, is_span, shape


class Changed(KitError):
    """The row is no longer as it was shown: the file was rebuilt."""


class Desk:
    """One file, its log and its registry, for any number of reviewers. Safe to use from several threads."""

    def __init__(self, path: Path, registry: Registry, order: Order = "risk", adjudicator: str | None = None) -> None:
        """Read the file and what was decided about it. Raises KitError as ReviewFile and DecisionLog do."""
        self.path, self.registry, self.adjudicator = path, registry, adjudicator
        self.order: Order = order
        self._lock = threading.RLock()
        self._open()
        self._fresh()  # a broken log is told at the start, not to the first page

    def _open(self) -> None:
        """Read the file anew; until all of it is read and found good, what was open before stays."""
        file, log = ReviewFile(self.path), DecisionLog(log_path(self.path))
        file.check(self.registry)
        log.mend()
        self._file, self._log, self._book = file, log, Book(file)
        self._places = file.order(self.order)
        self._found: tuple[str, frozenset[int]] = ("", frozenset())

    def _fresh(self) -> Book:
        """The book with what others added since, and of the file as it is now."""
        if self._file.changed():
            before = self._file
            self._open()
            before.close()
        for decision in self._log.fresh():
            self._book.add(decision)
        return self._book

    def overview(self, reviewer: str) -> dict[str, Any]:
        """What the page shows around the rows: names, counts to filter by, reasons, progress."""
        with self._lock:
            book = self._fresh()
            checks, rungs = self._file.count()
            reviewer = book.name(reviewer)
            return {
                "reviewer": reviewer,
                "file": self.path.name,
                "order": self.order,
                "adjudicator": self.adjudicator,
                "reasons": reasons(),
                "checks": dict(checks.most_common()),
                "rungs": {name: count for name, count in rungs.most_common() if name},
                "progress": self._progress(book, reviewer),
            }

    def step(self, reviewer: str, place: int, step: int, filters: Filter, wrap: bool = False) -> dict[str, Any]:
        """The next row in the order.

        Args:
            reviewer: who asks.
            place: place in the order to start from, from 0; -1 is before the first row.
            step: 1 for the next row that passes the filter, -1 for the one before, 0 for the row at this place.
            filters: which rows to show; not asked at step 0.
            wrap: go on from the other end.

        Returns:
            The row as :meth:`_show` gives it, or ``{"found": false}``, with the progress.
        """
        with self._lock:
            book, total = self._fresh(), len(self._places)
            reviewer = book.name(reviewer)
            if step == 0:
                route: Sequence[int] = [min(max(place, 0), total - 1)]
            else:
                ahead = range(place + 1, total) if step > 0 else range(place - 1, -1, -1)
                behind = range(place + 1) if step > 0 else range(total - 1, place - 1, -1)
                route = [*ahead, *behind] if wrap else ahead
            hits = self._search(filters.query) if step else None
            for at in route:
                if not step or self._passes(book, self._places[at], reviewer, filters, hits):
                    return {"found": True, **self._show(book, at, reviewer), "progress": self._progress(book, reviewer)}
            return {"found": False, "progress": self._progress(book, reviewer)}

    def count(self, reviewer: str, filters: Filter) -> int:
        """Number of rows that pass the filter."""
        with self._lock:
            book, hits = self._fresh(), self._search(filters.query)
            reviewer = book.name(reviewer)
            return sum(self._passes(book, number, reviewer, filters, hits) for number in range(len(self._file)))

    def decide(
        self, row: Mapping[str, Any], reviewer: str, action: str, filtered: bool = False, **more: Any
    ) -> dict[str, Any]:
        """Log a decision; it is on the disk when this returns.

        Args:
            row: ``config``, ``id`` and ``sha256`` of the row as it was shown.
            reviewer: who decides.
            action: ``accept``, ``edit``, ``reject`` or ``undo``.
            filtered: whether a filter chose the row; then not even ``random`` order speaks for the whole file.
            more: ``record``, ``reason``, ``detail`` and ``key`` of :class:`Decision`.

        Returns:
            The progress.

        Raises:
            Changed: the row was rebuilt since.
            KitError: the decision or the corrected record is not valid, or cannot be saved.
        """
        with self._lock:
            book = self._fresh()
            reviewer = book.name(reviewer)
            config, id = str(row.get("config")), str(row.get("id"))
            if book.has(str(more.get("key", "")), reviewer, config, id):
                return self._progress(book, reviewer)
            number = self._file.find(config, id)
            if number is None or self._file.sha256(number) != row.get("sha256"):
                raise Changed("the file was rebuilt and this row is not as it was shown: look at it again")
            if action == "edit":
                action, more["record"] = self._corrected(self._file[number], more.get("record"))
            if action == "accept":
                shown = self._file[number]
                check_complete(shown.target, shown.source)
            if action == "reject" and more.get("reason") not in reasons():
                raise KitError(f"a rejection needs one of the reasons {', '.join(reasons())}")
            try:
                names = {name: row[name] for name in ("config", "id", "sha256")}
                order = f"{self.order}, filtered" if filtered else self.order
                decision = Decision(now(), reviewer, **names, action=action, order=order, **more)  # type: ignore[arg-type]
            except (ValueError, TypeError) as error:
                raise KitError(str(error)) from error
            self._log.append([decision])
            return self._progress(self._fresh(), reviewer)

    def _corrected(self, row: ReviewRow, change: Any) -> tuple[str, dict[str, Any] | None]:
        if not isinstance(change, Mapping):
            raise KitError("an edit needs the corrected record")
        record = corrected(row.target, change, self.registry, row.source)
        return ("accept", None) if same(record, row.target) else ("edit", to_dict(record))

    def move(self, old: str, new: str, items: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Items moved to a changed text, see :func:`build.review.edits.move_items`. Raises KitError."""
        try:
            return move_items(old, new, items)
        except (ValueError, KeyError, TypeError) as error:
            raise KitError(f"the spans cannot be moved: {error}") from error

    def _progress(self, book: Book, reviewer: str) -> dict[str, int]:
        return {
            "rows": len(self._file),
            "mine": book.decided_by[reviewer],
            "all": book.decided,
            "stale": book.stale_rows(),
        }

    def _passes(self, book: Book, number: int, reviewer: str, filters: Filter, hits: frozenset[int] | None) -> bool:
        found = hits is None or number in hits
        return found and passes(filters, book, number, reviewer, self.adjudicator)

    def _search(self, query: str) -> frozenset[int] | None:
        """Numbers of the rows that hold the text, None if there is nothing to look for; the last answer is remembered."""
        if not query:
            return None
        wanted = query.casefold()
        if self._found[0] != wanted:
            hits = (number for number in range(len(self._file)) if holds(self._file.line(number), wanted))
            self._found = (wanted, frozenset(hits))
        return self._found[1]

    def _show(self, book: Book, place: int, reviewer: str) -> dict[str, Any]:
        number = self._places[place]
        row, standing = self._file[number], book.standing(number)
        mine = standing.get(reviewer)
        others = [decision for name, decision in standing.items() if name != reviewer]
        # What the others say is told to who has decided, so that it cannot sway them; an adjudicator must know it.
        told = mine is not None or person(reviewer) == person(self.adjudicator or "")
        return {
            "place": place,
            "total": len(self._places),
            "sha256": self._file.sha256(number),
            "target": to_dict(row.target),
            "source": None if row.source is None else to_dict(row.source),
            "flags": [asdict(flag) for flag in row.flags],
            "rung": row.rung,
            "risk": row.risk,
            "mine": None if mine is None else _brief(mine),
            "others": [_brief(decision) for decision in others] if told else [],
            "others_count": len(others),
            "stale": [_brief(decision) for decision in book.stale(number).values()],
            **self._choices(row),
        }

    def _choices(self, row: ReviewRow) -> dict[str, Any]:
        """What the labels and roles of the row may be; null for open labels."""
        target = row.target
        config = self.registry.config(target.config)
        roles = shape(target.word, self.registry.task_words)
        return {
            "text_labels": _spellings(self.registry.text_labels(config)),
            "item_labels": _spellings(self.registry.word_labels(config, target.word)),
            "roles": [role for role in roles if is_span(role)],
            "attributes": [role.removeprefix(ATTRIBUTE) for role in roles if role.startswith(ATTRIBUTE)],
        }


def _spellings(labels: Mapping[str, str] | None) -> list[str] | None:
    """One spelling of each label, the table's own, which stands before its aliases."""
    if labels is None:
        return None
    first: dict[str, str] = {}
    for spelling, key in labels.items():
        first.setdefault(key, spelling)
    return list(first.values())


def _brief(decision: Decision) -> dict[str, Any]:
    """A decision for the page: its record is read again, so that what a hand changed in the log is not shown as valid."""
    brief = {name: getattr(decision, name) for name in ("time", "reviewer", "action", "reason", "detail")}
    return {**brief, "record": None if decision.record is None else to_dict(from_dict(decision.record))}
