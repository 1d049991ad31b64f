"""Items in the many ways in which models list them. What looks like an item and is not understood is a failure, not nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from mmm_f1.unified import LABEL, Failure, is_span, is_tuple, parse, role_name, shape
from oiellm.baselines.labels import Labels
from oiellm.baselines.marks import (
    CLOSING,
    COLUMNS,
    HEAD,
    HEADS,
    LEAD,
    LISTED,
    LONG_LABEL,
    MARKS,
    NO_MORE,
    RULE,
    SEPARATOR,
    WIDE,
    dressed,
    is_part,
    outer,
    unlisted,
    unquoted,
)
from oiellm.baselines.parsed import Fields, TaskWords
from oiellm.llm.answers import is_nothing
from oiellm.predict.deviations import ENTITY_SPELLING, PUNCTUATION
from oiellm.predict.reading import Question
from oiellm.predict.surface import find_surface


@dataclass(frozen=True)
class Reader:
    """How the items of a row may be written.

    Attributes:
        question: what was asked.
        labels: of its items.
        known: their spellings, those of the model's own included; None if labels are open.
        task_words: roles by task word.
    """

    question: Question
    labels: Labels
    known: Collection[str] | None
    task_words: TaskWords

    @cached_property
    def roles(self) -> Sequence[str]:
        """Of the fields of an item."""
        return shape(self.question.word, self.task_words)

    @cached_property
    def _folded(self) -> frozenset[str]:
        return frozenset(label.casefold() for label in self.known or ())

    @cached_property
    def _next_label(self) -> re.Pattern[str] | None:
        """A comma before a label and its separator: there the next pair begins."""
        if self.known is None:
            return None
        labels = "|".join(map(re.escape, sorted(self.known, key=len, reverse=True)))
        return re.compile(rf"\s*[,，、]\s*(?=(?:{labels})\s*[;；])", re.IGNORECASE)

    def is_label(self, words: str) -> bool:
        """Whether words can be a label."""
        if self.known is not None:
            return words.casefold() in self._folded or self.labels.read(words) is not None
        return 0 < len(words) <= LONG_LABEL and find_surface(self.question.text, words) is None

    # ---------------------------------------------------------------------------------------------------------- reading

    def collect(self, tail: str, lines: Sequence[str]) -> tuple[tuple[Fields, ...], tuple[str, ...], bool] | None:
        """The items of an answer.

        Args:
            tail: what follows the task word on its line, and the lines after it that begin with a colon.
            lines: what follows them, up to the next answer or the end.

        Returns:
            The items, the format errors that were tolerated, and whether other words follow; None if something that looks
            like an item cannot be read, or if nobody can say whether there are any.
        """
        bare, lines = outer(unquoted([tail])[0]), unquoted(lines)
        nothing = is_nothing(bare) or bool(NO_MORE.fullmatch(bare))
        found = [] if nothing or not bare else self._written(bare)
        if found is None:
            return None
        nothing |= bool(bare) and not found
        headed = words = open_words = gap = between = False
        inline = bool(bare)
        for line in lines:
            kind, more = self._line(line)
            gap |= kind == "blank"
            headed |= kind == "heading"
            nothing |= kind == "nothing"
            words |= kind in ("words", "nothing", "listed")
            if kind == "words" and not CLOSING.search(line):
                open_words = True
                between |= not inline and not (gap and found)
            elif kind == "listed" and not (gap and (found or nothing)):
                return None
            if not more:
                continue
            if not inline and not nothing and not between:
                found, gap = found + more, False
            elif inline and not nothing and not gap:
                found = found + [item for item in more if item not in found]
            elif not set(more) <= set(found):
                return None  # two lists that differ, or one with a line that is not understood
        # Words under an answer without items may say which there are.
        unclear = between if found else (headed or open_words) and not nothing
        return None if unclear else self._finish(found, tail, bool(found) and not inline, words)

    def _finish(
        self, found: Iterable[Fields], tail: str, listed: bool, words: bool
    ) -> tuple[tuple[Fields, ...], tuple[str, ...], bool]:
        items, copied = self.place(found)
        as_written = self._parsed(tail) if tail and not listed else []
        mended = listed or as_written is None or (list(items) != as_written and not copied)
        errors = (PUNCTUATION,) if mended else ()
        return items, (*errors, *((ENTITY_SPELLING,) if copied else ())), words

    def _line(self, line: str) -> tuple[str, list[Fields]]:
        """What a line below the answer is: blank, rule, heading, nothing, items, something else that is listed, or words."""
        bare = line.strip()
        if not bare:
            return "blank", []
        if RULE.fullmatch(bare):
            return "rule", []
        if self._is_heading(bare):
            return "heading", []
        if is_nothing(unlisted(bare)) or NO_MORE.fullmatch(bare):
            return "nothing", []
        if (items := self._listed(bare)) is not None:
            return "items", items
        looks = LISTED.match(line) or re.search("[;；|\t→⇒]|->|=>", bare)
        return ("listed" if looks else "words"), []

    def _is_heading(self, line: str) -> bool:
        head = line.strip("*_#:： |`").casefold()
        cells = [cell.strip(" *_`").casefold() for cell in line.strip("| ").split("|")]
        columns = COLUMNS | {role_name(role) for role in self.roles if role != LABEL}
        return (
            head in HEADS
            or LEAD.fullmatch(line) is not None
            or (len(cells) > 1 and all(cell in columns for cell in cells))
        )

    def _listed(self, line: str) -> list[Fields] | None:
        """The items on a line of a list; None if it is none."""
        if (head := HEAD.match(line)) and head[1].casefold() in HEADS:
            line = line[head.end() :]
        bare = outer(unlisted(line)).strip("| ")
        cells = line.strip().removeprefix("|").removesuffix("|").split("|")
        if is_tuple(self.roles) and len(cells) == len(self.roles):
            bare = ";".join(map(str.strip, cells))
        elif line.lstrip().startswith("|"):
            return self._pairs([(cells[0], cells[1])]) if len(cells) == 2 else None
        if ";" in bare or "；" in bare:
            items, other = self._written(bare), None if is_tuple(self.roles) else self.pairs(bare)
            if items and other and len(items) == 1 and is_part(items, other):
                return other
            if items and (line.lstrip().startswith(":") or all(map(self._fits, items))):
                return items
        return None if is_tuple(self.roles) else self.pairs(bare)

    def _fits(self, item: Fields) -> bool:
        label = item[list(self.roles).index(LABEL)]
        places = [
            find_surface(self.question.text, field) for role, field in zip(self.roles, item) if is_span(role) and field
        ]
        return bool(places) and None not in places and (self.known is None or self.is_label(label) or len(places) == 1)

    # ------------------------------------------------------------------------------------------------------ one way each

    def _parsed(self, line: str) -> list[Fields] | None:
        question = self.question
        read = parse(
            f"-/{question.word}/{line}",
            question.word,
            form=question.form,
            task_words=self.task_words,
            labels=self.known,
            text=question.text,
        )
        return None if isinstance(read, Failure) else list(read.items)

    def _written(self, line: str) -> list[Fields] | None:
        """Items in the unified format, with separators of other width, blanks, commas between pairs, or the fields swapped."""
        if (":" not in line or ";" not in line) and ("：" in line or "；" in line):
            line = line.translate(WIDE)
        if not line.startswith(":"):
            line = f":{line}"
        if not is_tuple(self.roles):
            line = line.rstrip(":; ")
        tries = [line, self._next_label.sub(":", line)] if self._next_label else [line]
        for tried in dict.fromkeys(tries):
            if (items := self._parsed(tried)) is not None and (tried == tries[-1] or all(map(self._fits, items))):
                return self._plain(items)
        return None

    def _plain(self, items: Iterable[Fields]) -> list[Fields]:
        """Items without marks around their fields, in the order of the roles, and without those that say there is none."""
        plain = []
        for item in items:
            fields = [self._field(role, field) for role, field in zip(self.roles, item)]
            if self._is_swapped(fields):
                fields.reverse()
            spans = [field for role, field in zip(self.roles, fields) if is_span(role) and field]
            if spans and all(is_nothing(field) and field not in self.question.text for field in spans):
                continue
            plain.append(tuple(fields))
        return plain

    def _is_swapped(self, fields: Sequence[str]) -> bool:
        if len(fields) != 2 or self.known is None or self.is_label(fields[0]) or not self.is_label(fields[1]):
            return False
        return find_surface(self.question.text, fields[0]) is not None

    def _field(self, role: str, field: str) -> str:
        text, bare = self.question.text, field.strip()
        if is_span(role) and bare in text:
            return bare
        if role.endswith("?") and is_nothing(bare):
            return ""
        if is_span(role) and find_surface(text, bare) is not None:
            return bare
        other = bare.strip(MARKS) or bare
        if is_span(role) and find_surface(text, other) is None and find_surface(text, other.rstrip(".。,，、")):
            return other.rstrip(".。,，、")
        return other if is_span(role) or self.known is None or self.is_label(other) else bare

    def pairs(self, line: str) -> list[Fields] | None:
        """Items of a line such as ``Label: Entity``, ``Entity (Label)``, ``Label -> Entity``; None unless one way fits."""
        separators = list(SEPARATOR.finditer(line))[:20]
        return self._pairs([(line[: match.start()], line[match.end() :]) for match in separators])

    def _pairs(self, halves: Iterable[tuple[str, str]]) -> list[Fields] | None:
        ways: list[list[Fields]] = []
        for left, right in (tuple(map(dressed, pair)) for pair in halves):
            for labels, words in ((left, right), (right, left)):
                label = self._label(labels)
                fields = None if label is None else self._entities(words)
                way: list[Fields] = [(label, field) for field in fields or ()] if label is not None else []
                if way and way not in ways:
                    ways.append(way)
        whole = [way for way in ways if not any(is_part(way, other) for other in ways)]
        return whole[0] if len(whole) == 1 else None

    def _label(self, dressed: Sequence[str]) -> str | None:
        if self.known is None:  # it is what is left without marks
            return dressed[-1] if self.is_label(dressed[-1]) else None
        label = next(filter(self.is_label, dressed), None)
        return label and (self.labels.read(label) or label)

    def _entities(self, dressed: Sequence[str]) -> list[str] | None:
        """The entity that a piece of a line says, or several between commas; None if one is not in the text."""
        text = self.question.text
        for words in dressed:
            if words and find_surface(text, words) is not None:
                return [words]
        fields = [self._field("entity", word) for word in re.split(r"\s*[,，、;；]\s*", dressed[-1]) if word]
        return fields if all(field and find_surface(text, field) is not None for field in fields) else None

    # --------------------------------------------------------------------------------------------------------- their text

    def place(self, items: Iterable[Fields]) -> tuple[tuple[Fields, ...], bool]:
        """The items with every span as the text spells it, and whether one was spelled otherwise."""
        given = tuple(items)
        placed = tuple(
            tuple(
                (find_surface(self.question.text, field) or field) if is_span(role) else field
                for role, field in zip(self.roles, item)
            )
            for item in given
        )
        return placed, placed != given
