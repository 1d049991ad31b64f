"""What the rows of one task word hold: forms of items, labels, empty rows, and what the kit's own parser makes of them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection
from typing import Any, Final

from build.census.strings import RowText, Strings
from mmm_dataset import Failure, Registry, decode
from mmm_f1.unified import LABEL, NOTHING_MARKER, shape

_SEPARATORS: Final = {":": "colon", ";": "semicolon", "/": "slash", "\\": "backslash", "\n": "newline"}
_NOTHING: Final = NOTHING_MARKER.strip(":;")
_FORMS: Final = 40
_FIELDS: Final = 6


class WordCensus:
    """Counts over the rows of one task word in one file."""

    def __init__(self, word: str, labels: Collection[str] | None, registry: Registry) -> None:
        self._word, self._labels, self._registry = word, labels, registry
        self._label_at = list(shape(word, registry.task_words)).index(LABEL)
        self._rows: Counter[str] = Counter(
            rows=0, without_items=0, trailing_colon=0, word_twice=0, with_repeated_items=0, repeated_items=0
        )
        self._parsed: Counter[str] = Counter()
        self._empty_forms: Counter[str] = Counter()
        self._item_forms: Counter[str] = Counter()
        self._per_row: Counter[int] = Counter()
        self._fields: dict[tuple[int, int], Strings] = {}
        self._empty_strings = Strings({_NOTHING})
        self._in_entities: Counter[str] = Counter(dict.fromkeys(_SEPARATORS.values(), 0))
        self._in_texts: Counter[str] = Counter(dict.fromkeys(_SEPARATORS.values(), 0))
        self._order: Counter[str] = Counter(rows=0, ascending=0)

    def add(self, text: RowText, output: str) -> None:
        """Count a row."""
        _, mark, rest = output.partition(f"/{self._word}/")
        self._rows["rows"] += 1
        self._rows["word_twice"] += rest.count(mark) > 0
        self._rows["trailing_colon"] += rest.rstrip().endswith(":")
        self._in_texts.update(name for sign, name in _SEPARATORS.items() if sign in text.text)
        pieces = [piece.split(";") for piece in rest.split(":") if piece.strip()]
        if any(sum(bool(part.strip()) for part in fields) > 1 for fields in pieces):
            self._add_items(pieces, text)
        else:
            self._rows["without_items"] += 1
            self._empty_forms[_form(rest)] += 1
            for part in filter(str.strip, (part for fields in pieces for part in fields)):
                self._empty_strings.add(part, text)
            self._per_row[0] += 1
        self._add_parsed(text.text, output)

    def _add_items(self, pieces: list[list[str]], text: RowText) -> None:
        self._per_row[len(pieces)] += 1
        repeated = len(pieces) - len({tuple(fields) for fields in pieces})
        self._rows["with_repeated_items"] += repeated > 0
        self._rows["repeated_items"] += repeated
        for fields in pieces:
            self._item_forms[_form(";".join(fields))] += 1
            for at, part in enumerate(fields if len(fields) <= _FIELDS else ()):
                if part.strip():
                    known = self._labels if at == self._label_at else None
                    self._fields.setdefault((len(fields), at), Strings(known)).add(part, text)

    def _add_parsed(self, text: str, output: str) -> None:
        parsed = decode(
            output, self._word, text=text, labels=self._labels, form="published", task_words=self._registry.task_words
        )
        if isinstance(parsed, Failure):
            self._parsed[parsed.kind] += 1
            return
        self._parsed["read"] += 1
        self._parsed["ambiguous"] += parsed.ambiguous
        self._parsed["items"] += len(parsed.items)
        self._parsed.update(issue.kind for issue in parsed.issues)
        spans = [span for item in parsed.items for span in item.spans]
        for span in spans:
            self._in_entities.update(name for sign, name in _SEPARATORS.items() if sign in span.text)
        starts = [span.start for span in spans if span.start is not None]
        if len(starts) > 1 and len(starts) == len(spans):
            self._order["rows"] += 1
            self._order["ascending"] += starts == sorted(starts)

    def as_dict(self) -> dict[str, Any]:
        """The counts; see ``docs/paper_notes.md`` for what each settles."""
        fields: dict[str, dict[str, Any]] = {}
        for (size, at), strings in sorted(self._fields.items()):
            fields.setdefault(f"of {size}", {})[str(at + 1)] = strings.as_dict()
        return {
            **self._rows,
            "empty_forms": _top(self._empty_forms),
            "empty_strings": self._empty_strings.as_dict(),
            "item_forms": _top(self._item_forms),
            "items_per_row": {str(count): rows for count, rows in sorted(self._per_row.items())},
            "fields": fields,
            "parsed": dict(sorted(self._parsed.items())),
            "separators_in_entities": dict(self._in_entities),
            "separators_in_texts": dict(self._in_texts),
            "items_in_text_order": dict(self._order),
        }


def _form(string: str) -> str:
    """A string with every run of other characters than separators and blanks as ``x``: it tells the form and nothing else."""
    return re.sub(r"[^:;/\s]+(?:[ \u3000]+[^:;/\s]+)*", "x", string)


def _top(forms: Counter[str]) -> dict[str, int]:
    """The most frequent short forms; all others together under ``other``."""
    kept = sorted((form for form in forms if len(form) <= _FORMS), key=lambda form: (-forms[form], form))[:_FORMS]
    other = forms.total() - sum(forms[form] for form in kept)
    return {form: forms[form] for form in kept} | ({"other": other} if other else {})
