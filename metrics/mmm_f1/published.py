"""Reading the published form, in which separators inside entities are not escaped.

The search for the best reading is bounded by ``BUDGET``: what a looping model writes has millions of readings.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Final

from .roles import BROKEN_PAIR, EMPTY_FIELD, LABEL, OVERLONG, Failure, check_fields, is_span, is_tuple, shown

NOTHING_MARKER: Final = ":無い;"
"""How the authors' older converter wrote a row without any pair (inferred for MMM); read as the empty list."""

BUDGET: Final = 1 << 19
"""Characters that the search for a reading looks at, about; rows of hundreds of items need less than a tenth of it."""

_MANY: Final = 4
_START: Final = 8
"""What an item costs of the budget, whatever its length."""
_TEXT: Final = 16
"""So many characters of the text are searched in the time that one takes otherwise."""

Fields = tuple[str, ...]
Items = tuple[Fields, ...]


def split_published(
    rest: str, roles: Sequence[str], *, labels: Collection[str] | None = None, text: str | None = None
) -> tuple[Items, bool] | Failure:
    """Split what follows the task word of a published row, where separators inside entities are not escaped.

    Every ``:`` may end an item or belong to it, and every ``;`` may end a field or belong to it. A reading is good when
    each item has all its fields, its label is of ``labels`` (if given) and its entities are in ``text`` (if given). Of
    several good readings the one with the most items wins, then the one whose fields end at the earliest ``;``, and
    the row is reported as ambiguous. Where no reading is good, the same is tried without empty pieces and blanks at their
    ends, then without the text, then without the labels: then a piece without ``;`` continues the entity before it, so
    ``:法人名;J:COM春日部`` still reads well.

    A blank field is an empty one: with labels or a text to go by, an item without its last field is a failure and not the
    beginning of a longer entity. A string with more ways to read it than ``BUDGET`` allows is split as Algorithm 1 splits it.

    Returns:
        The items, and whether another reading was as good or was not looked for; or a :class:`Failure`.
    """
    if not rest or rest == NOTHING_MARKER:
        return (), False
    if rest[0] != ":":
        return Failure(BROKEN_PAIR, f"{shown(rest)} stands where ':' or the end was due")
    body = rest[1:-1] if is_tuple(roles) and rest[-1] == ":" and len(rest) > 1 else rest[1:]
    chunks = body.split(":")
    if labels is None and text is None:
        items = _plain(chunks, roles)
        if not isinstance(items, Failure):
            return items, False
    # Algorithm 1 passes over empty pieces and blanks around a piece: so does every attempt but the one the text settles.
    trimmed = [piece for chunk in chunks if (piece := chunk.strip())]
    if not trimmed:
        return (), False
    if text is not None:
        for pieces in (chunks, trimmed):
            if found := _read(pieces, trimmed, roles, labels, text):
                return found
    if (labels is not None or text is not None) and (lacking := _without_field(trimmed, roles, labels)):
        return lacking
    for label_set in (labels, None) if labels is not None else (None,):
        if found := _read(trimmed, trimmed, roles, label_set, None):
            return found
    bad = _plain(chunks, roles)
    return bad if isinstance(bad, Failure) else Failure(BROKEN_PAIR, f"{shown(body)} has no reading")


def _fields(piece: str) -> Fields:
    return _without_blanks(tuple(piece.split(";")))


def _without_blanks(fields: Fields) -> Fields:
    return tuple(["" if field.isspace() else field for field in fields]) if any(map(str.isspace, fields)) else fields


def _plain(pieces: Sequence[str], roles: Sequence[str]) -> Items | Failure:
    """Each piece as one item; the first failure if one is none."""
    made = {piece: _fields(piece) for piece in dict.fromkeys(pieces)}
    for item in made.values():
        if failure := check_fields(item, roles):
            return failure
    return tuple([made[piece] for piece in pieces])


def _without_field(pieces: Sequence[str], roles: Sequence[str], labels: Collection[str] | None) -> Failure | None:
    """The failure of a piece that lacks nothing but its last field, and is followed by an item or by nothing."""
    at_label, following = list(roles).index(LABEL), True
    for piece in reversed(pieces):
        item = _fields(piece)
        failure = check_fields(item, roles)
        labelled = len(item) > at_label and (labels is None or item[at_label] in labels)
        if failure is not None and following and labelled and failure.kind == EMPTY_FIELD and all(item[:-1]):
            return failure
        following = failure is None and labelled
    return None


def _read(
    pieces: list[str], trimmed: list[str], roles: Sequence[str], labels: Collection[str] | None, text: str | None
) -> tuple[Items, bool] | Failure | None:
    """The best reading, None if none is good; if there are too many to look at, what Algorithm 1 makes of the pieces."""
    search = _Search(pieces, roles, labels, text)
    if search.is_over:
        items = _plain(trimmed, roles)
        if isinstance(items, Failure):
            return Failure(OVERLONG, f"too many readings of {len(pieces):,} pieces; split at each ':', {items.detail}")
        return items, True
    if not search.readings:
        return None
    return search.items(), search.readings > 1 and (labels is not None or text is not None)


class _Search:
    """The readings of pieces, from the right: of each place the one with the most items, and whether there is another.

    Attributes:
        is_over: there are more readings than the budget allows to look at, so none was found.
        readings: number of good readings of all pieces, 2 standing for more.
    """

    def __init__(
        self, pieces: list[str], roles: Sequence[str], labels: Collection[str] | None, text: str | None
    ) -> None:
        self._pieces, self._roles, self._labels, self._text = pieces, roles, labels, text
        self._odd_labels = labels is not None and any(":" in label for label in labels)
        self._longest_label = max(map(len, labels or ()), default=0)
        self._inside: dict[str, bool] = {}
        self._left = BUDGET - _START * len(pieces)
        self.is_over = self._left < 0
        self.readings = 0
        if not self.is_over:
            self._search()

    def items(self) -> Items:
        """The items of the best reading."""
        items, at = [], 0
        while at < len(self._pieces):
            fields, at = self._best[at][2:]
            items.append(fields)
        return tuple(items)

    def _search(self) -> None:
        pieces, roles, text = self._pieces, self._roles, self._text
        count = len(pieces)
        reach = count if text is None else max(1, text.count(":") + 1) * len(roles)
        # Without the text a last field takes any continuation, so the shortest good item leaves room for most others, and
        # what is left to learn is whether there is a second reading.
        settled = 0 if text is not None or not is_span(roles[-1]) else 1 if self._labels is None else 2
        # Number of items (-1 without a reading), readings, fields of the first item, and where the next one begins.
        nothing: Fields = ()
        self._best = [(-1, 0, nothing, 0)] * count + [(0, 1, nothing, 0)]
        separators = [piece.count(";") for piece in pieces]
        for start in range(count - 1, -1, -1):
            if not self._can_start(pieces[start]):
                continue
            most, readings, next_start, extra = -1, 0, 0, 1 - len(roles)
            fields: Fields = ()
            for stop in range(start + 1, min(count, start + reach) + 1):
                self._left -= 1
                if self._left < 0:
                    self.is_over = True
                    return
                if stop > start + 1 and not self._can_join(stop - 1):
                    break
                extra += separators[stop - 1]
                tail, tail_readings = self._best[stop][:2]
                if tail < 0 or extra < 0:
                    continue
                ways = self._ways(":".join(pieces[start:stop]))
                readings = min(2, readings + len(ways) * tail_readings)
                if ways and tail + 1 > most:
                    most, fields, next_start = tail + 1, ways[0], stop
                if settled and readings >= settled:
                    break
            self._best[start] = (most, readings, fields, next_start)
        self.readings = self._best[0][1]

    def _can_start(self, piece: str) -> bool:
        """Whether an item can begin with a piece: a label that stands first, and holds no ``:``, must be whole in it."""
        if self._roles[0] != LABEL or self._odd_labels:
            return True
        if self._labels is None:
            return piece.rfind(";") > 0
        at = piece.find(";")
        while 0 <= at <= self._longest_label:
            if piece[:at] in self._labels:
                return True
            at = piece.find(";", at + 1)
        return False

    def _can_join(self, at: int) -> bool:
        """Whether an item can go on from one piece to the next: what is between two ``;`` is in one field, so in the text."""
        if self._text is None or self._odd_labels:
            return True
        return self._is_inside(f"{self._pieces[at - 1].rpartition(';')[2]}:{self._pieces[at].partition(';')[0]}")

    def _is_inside(self, field: str) -> bool:
        self._left -= len(field)
        known = self._inside.get(field)
        if known is None:
            assert self._text is not None
            self._left -= len(self._text) // _TEXT
            known = self._inside[field] = field in self._text
        return known

    def _ways(self, piece: str) -> list[Fields]:
        """The good ways to divide a piece among the fields of an item, those that end the first fields earliest first."""
        parts = piece.split(";")
        good = []
        for surplus in _shares(len(parts) - len(self._roles), len(self._roles)):
            self._left -= _START + len(piece)
            fields, at = [], 0
            for more in surplus:
                fields.append(";".join(parts[at : at + more + 1]) if more else parts[at])
                at += more + 1
            way = _without_blanks(tuple(fields))
            if self._is_good(way):
                good.append(way)
        return good

    def _is_good(self, fields: Fields) -> bool:
        if check_fields(fields, self._roles) is not None:
            return False
        for field, role in zip(fields, self._roles):
            if not is_span(role):
                # Without a label set a label is taken to hold no ':', else every ':' of an entity could start one.
                if field not in self._labels if self._labels is not None and role == LABEL else ":" in field:
                    return False
            elif self._text is not None and not self._is_inside(field):
                return False
        return True


@lru_cache(maxsize=256)
def _shares(surplus: int, fields: int) -> list[tuple[int, ...]]:
    """Ways to share surplus separators among the fields of an item, those that end the first fields earliest first.

    More than ``_MANY`` separators are taken for one field's: a model's endless output has millions of ways.
    """
    if surplus > _MANY:
        return [tuple(surplus if at == one else 0 for at in range(fields)) for one in range(fields - 1, -1, -1)]
    if fields == 1:
        return [(surplus,)]
    return [(first, *rest) for first in range(surplus + 1) for rest in _shares(surplus - first, fields - 1)]
