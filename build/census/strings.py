"""The rule by which a census shows a string of a row, and otherwise only counts it.

A string is shown if it is one of the registry's own, a task word or a label. Any other is shown only if all of this holds:

- it stands in the same place (the same field of the same kind of item) in rows of at least ``TEXTS`` different texts;
- it is at most ``LENGTH`` characters, on one line, all printable;
- it is a part of the text, or a word of it is, whatever the width, case and blanks, in at most ``IN_TEXT`` of its rows;
- its place holds parts of the text in less than half of all cases: where entities stand, nothing is shown.

Strings are only taken from rows whose input ends in ``/WORD`` and whose output holds ``/WORD/``: of a row in any other form
nothing is shown. So what is shown is no text of a row and no part of one, even where a file is not laid out as expected.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

from build.duplicates import digest, normalise

TEXTS: Final = 5
LENGTH: Final = 40
IN_TEXT: Final = 0.1
MOST: Final = 500
"""So many strings of a place are shown, the most frequent."""


@dataclass(frozen=True, slots=True)
class RowText:
    """The text of a row, in the forms in which strings are looked for in it, and a number that stands for it."""

    text: str
    plain: str
    words: frozenset[str]
    key: int

    @classmethod
    def of(cls, text: str) -> RowText:
        """Made of the text; texts that differ in width, case or blanks alone have the same number."""
        plain = normalise(text)
        return cls(text, plain, frozenset(_words(text)), digest(plain))

    def holds(self, string: str) -> bool:
        """Whether the string, or a word of it, is a part of the text."""
        plain, latin, others = _parts(string)
        return plain in self.plain or not self.words.isdisjoint(latin) or any(word in self.plain for word in others)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())


@lru_cache(maxsize=1 << 16)
def _parts(string: str) -> tuple[str, list[str], list[str]]:
    """A string in plain form, its ASCII words, and its other words, which stand in a text without blanks around them."""
    words = _words(string)
    return normalise(string), [w for w in words if w.isascii()], [w for w in words if not w.isascii()]


@dataclass(slots=True)
class _Seen:
    count: int = 0
    in_text: int = 0
    texts: set[int] = field(default_factory=set)

    def why_hidden(self, string: str) -> str | None:
        if len(string) > LENGTH or not string.isprintable():
            return "long"
        if len(self.texts) < TEXTS:
            return "rare"
        return "in_text" if self.in_text > IN_TEXT * self.count else None


class Strings:
    """The strings of one place; ``known`` are those of the registry, None where it has no closed set for the place."""

    def __init__(self, known: Collection[str] | None = None) -> None:
        self._is_closed, self._known = known is not None, frozenset(known or ())
        self._seen: dict[str, _Seen] = {}

    def add(self, string: str, text: RowText) -> None:
        """Count a string of the row with this text."""
        seen = self._seen.setdefault(string, _Seen())
        seen.count += 1
        seen.in_text += text.holds(string)
        if len(seen.texts) < TEXTS:
            seen.texts.add(text.key)

    def shown(self) -> dict[str, int]:
        """The strings that may be shown, with their counts, the most frequent first."""
        place = self._holds_text()
        shown = {
            string: seen.count
            for string, seen in self._seen.items()
            if string in self._known or not (place or seen.why_hidden(string))
        }
        return dict(sorted(shown.items(), key=lambda item: (-item[1], item[0]))[:MOST])

    def as_dict(self) -> dict[str, Any]:
        """What is shown; how many strings there are, how many of them the registry does not have; what is hidden, and why."""
        shown, hidden = self.shown(), dict[str, dict[str, int]]()
        for string, seen in self._seen.items():
            if string not in shown:
                why = seen.why_hidden(string) or ("place" if self._holds_text() else "more")
                counts = hidden.setdefault(why, {"strings": 0, "count": 0})
                counts["strings"] += 1
                counts["count"] += seen.count
        return {
            "count": self._total(),
            "in_text": sum(seen.in_text for seen in self._seen.values()),
            "strings": len(self._seen),
            "not_in_registry": sum(string not in self._known for string in self._seen) if self._is_closed else None,
            "shown": shown,
            "hidden": dict(sorted(hidden.items())),
        }

    def _holds_text(self) -> bool:
        return 2 * sum(seen.in_text for seen in self._seen.values()) >= self._total() > 0

    def _total(self) -> int:
        return sum(seen.count for seen in self._seen.values())
