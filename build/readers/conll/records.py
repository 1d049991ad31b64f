"""The sentences of one file as records: text, offsets, text-level label, and the entities that the tags say."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from build.core import Drop, KitError, Note, Row
from build.readers.conll.columns import Columns, surface
from build.readers.conll.places import Offsets, align, join
from build.readers.inputs import record_or_drop, row_note, text_id
from build.readers.labels import check_record
from build.readers.provenance import Provenance, is_written_by_convert
from build.readers.schemes import Scheme
from mmm_dataset import Item, Record, Registry
from mmm_dataset.record import SPLITS, Split
from mmm_dataset.registry import Config
from mmm_f1.conll_tables import Sentence, Table
from mmm_f1.schemes import OUTSIDE, Tag, decode

GLUED: Final = re.compile(r"(?P<token>.+?)(0|[1-9]\d*)")
"""A character and its position in a word, as Weibo NER writes its tokens."""
LANGUAGE: Final = re.compile(r"[a-z]{2,3}(?:-[a-z-]+)?:(?P<token>.+)")
"""A token after its language, as WikiAnn writes them: ``en:Mia``."""

_LABELS: Final = ("intent", "label")
_LONGEST: Final = 1_000
"""A file of one sentence with more tokens than this lacks the blank lines between its sentences."""
UNSPACED: Final = frozenset({"han", "kana", "thai", "lao", "khmer", "myanmar"})


@dataclass(frozen=True)
class Settings:
    """What the records of a file have in common.

    Attributes:
        registry: holds the config.
        config: of the records.
        provenance: of the rows.
        columns: what stands where.
        scheme: of the tags.
        label: text-level label of all rows, if they have one in common.
        label_key: comment that holds the text-level label; empty for ``intent`` or ``label``.
        label_column: column that holds it, or None.
        unknown_labels: ``stop`` or ``drop``.
        split: of the rows.
        glued: what every token is with what is to be cut off it (``GLUED`` or ``LANGUAGE``), or None.
        characters: whether the tokens are characters, and blanks stand among them.
    """

    registry: Registry
    config: Config
    provenance: Provenance
    columns: Columns
    scheme: Scheme
    label: str | None = None
    label_key: str = ""
    label_column: int | None = None
    unknown_labels: str = "stop"
    split: Split | None = None
    glued: re.Pattern[str] | None = None
    characters: bool = False


@dataclass
class FileReader:
    """Reads the sentences of a file; ``stem`` begins their ids."""

    table: Table
    stem: str
    settings: Settings
    _dropped: Counter[str] = field(default_factory=Counter)
    _first: str = ""
    _without_text: int = 0
    _with_entities: int = 0
    _kept_with_entities: int = 0

    def rows(self) -> Iterator[Row]:
        """Records, drops and notes.

        Raises:
            KitError: every sentence, or every sentence with an entity, would be dropped, or nothing separates the sentences.
        """
        if len(self.table.sentences) == 1 and len(self.table.sentences[0].rows) > _LONGEST:
            raise KitError(
                f"{self.table.file}: one sentence of {len(self.table.sentences[0].rows):,} tokens: put a blank line between "
                "sentences, or name the column that numbers them with --columns sentence=N"
            )
        fixed = self.settings.registry.fixed_text_label(self.settings.config)
        ignored = 0
        kept = 0
        for number, sentence in enumerate(self.table.sentences):
            name = f"{self.settings.config.name}-{self.stem}-{number:05d}"
            where = f"{self.table.file.name}:{sentence.line}"
            ignored += fixed is not None and any(sentence.comments.get(key) for key in _LABELS)
            for row in self._read(name, where, sentence, fixed):
                if isinstance(row, Drop):
                    self._dropped[row.reason] += 1
                    self._first = self._first or row.detail
                kept += isinstance(row, Record)
                yield row
        if self._without_text:
            detail = f"the texts of {self._without_text:,} sentences are made of their tokens"
            yield Note(self.table.file.name, "no_text_line", detail)
        if ignored:
            detail = f"the task has no text-level labels: those of {ignored:,} sentences are not read"
            yield Note(self.table.file.name, "text_labels_ignored", detail)
        self._check(kept)

    def _check(self, kept: int) -> None:
        reasons = ", ".join(f"{count:,} x {reason}" for reason, count in sorted(self._dropped.items()))
        if not kept:
            raise KitError(f"{self.table.file}: no sentence can be read ({reasons or 'there is none'}): {self._first}")
        bad = self._dropped.total() - self._dropped["unknown_label"] - self._dropped["no_tokens"]
        if bad and self._with_entities and not self._kept_with_entities:
            raise KitError(f"{self.table.file}: no sentence with entities can be read ({reasons}): {self._first}")

    def _read(self, name: str, where: str, sentence: Sentence, fixed: str | None) -> Iterator[Row]:
        settings = self.settings
        raw = "\n".join(sentence.lines)
        if not sentence.rows:
            yield Drop(name, "no_tokens", f"{where}: a block of comments", raw)
            return
        empty = [at for at in range(len(sentence.rows)) if self._is_empty(sentence, at)]
        cells = settings.columns.tags(sentence)
        if any(self._begins_or_ends(sentence, at, cells[at]) for at in empty) or len(empty) == len(cells):
            yield Drop(name, "empty_token", f"{where}: a token of an entity is empty", raw)
            return
        units = [unit for unit in surface(sentence, settings.columns.id) if not self._is_empty(sentence, unit[0])]
        tags = self._tags(sentence, units)
        self._with_entities += any(cell not in OUTSIDE for _, cell in tags)
        parsed = [settings.scheme.parse(cell) for _, cell in tags]
        if None in parsed:
            _, cell = tags[parsed.index(None)]
            yield Drop(name, "bad_tag", f"{where}: {cell!r} is not a tag of {settings.scheme.name.upper()}", raw)
            return
        label, problem = self._label(sentence, fixed)
        if problem:
            yield Drop(name, "label_differs", f"{where}: {problem}", raw)
            return
        text, places, notes = self._place(name, where, sentence, [at for at, _ in units])
        items, more = self._items(name, where, text, places, [unit for unit, _ in tags], [tag for tag in parsed if tag])
        if items is None:
            yield Drop(name, "entities_overlap", f"{where}: two entities share a multiword token", raw)
            return
        record = self._record(name, where, raw, text, label, items, sentence.comments)
        self._kept_with_entities += isinstance(record, Record) and bool(items)
        if empty:
            more.append(Note(name, "empty_token", f"{where}: {len(empty)} tokens are empty: left out"))
        yield from () if isinstance(record, Drop) else notes + more
        yield record

    def _record(
        self,
        name: str,
        where: str,
        raw: str,
        text: str,
        label: str | None,
        items: tuple[Item, ...],
        comments: Mapping[str, str],
    ) -> Record | Drop:
        settings, config, given = self.settings, self.settings.config, self.settings.provenance
        own = comments if is_written_by_convert(comments) else {}
        words = settings.registry.task(config.task).words
        record = record_or_drop(
            where,
            raw,
            own.get("id", name),
            config.language,
            config.task,
            own["task_word"] if own.get("task_word") in words else words[0],
            text,
            label,
            items,
            given.origin,
            own.get("source", given.source),
            own.get("source_id") or text_id(comments.get("text-en", text)),
            own.get("license", given.license),
            split=settings.split or next((split for split in SPLITS if split == own.get("split")), None),
        )
        if isinstance(record, Drop):
            return record
        return check_record(
            record, settings.registry, f"{self.table.file}:{where.rpartition(':')[2]}", settings.unknown_labels
        )

    def _is_empty(self, sentence: Sentence, at: int) -> bool:
        return not sentence.rows[at][self.settings.columns.token].strip(" ")

    def _begins_or_ends(self, sentence: Sentence, at: int, cell: str) -> bool:
        """Whether an entity cannot be told without this empty token; a blank inside of one is only a blank."""
        tag = self.settings.scheme.parse(cell)
        is_blank = bool(sentence.rows[at][self.settings.columns.token])
        return cell not in OUTSIDE and not (is_blank and tag and tag.letter in ("", "I", "M"))

    def _tags(self, sentence: Sentence, units: Sequence[tuple[int, list[int]]]) -> list[tuple[int, str]]:
        """The cells of the tags in order, each with the number of its piece of the text.

        A multiword token has the tags of its words, or its own where only it has one.
        """
        cells = self.settings.columns.tags(sentence)
        out: list[tuple[int, str]] = []
        before = 0
        for unit, (at, words) in enumerate(units):
            if any(cells[gap] in OUTSIDE and self._is_empty(sentence, gap) for gap in range(before, at)):
                out.append((-1, "O"))  # an entity ends at a blank that is outside
            before = at
            own = at not in words and cells[at] not in OUTSIDE and bool(self.settings.scheme.parse(cells[at]))
            if own and all(cells[word] in OUTSIDE or not self.settings.scheme.parse(cells[word]) for word in words):
                words = [at]
            out += [(unit, cells[word]) for word in words]
        return out

    def _label(self, sentence: Sentence, fixed: str | None) -> tuple[str | None, str]:
        """The text-level label, and what is wrong with it."""
        settings = self.settings
        if fixed is not None or settings.label is not None:
            return fixed or settings.label, ""
        if settings.label_column is not None:
            values = {row[settings.label_column] for row in sentence.rows} - {"", " ", "_"}
            if len(values) > 1:
                return None, f"its tokens have several text-level labels: {', '.join(sorted(values)[:3])}"
            return next(iter(values), None), ""
        keys = (settings.label_key,) if settings.label_key else _LABELS
        return next((sentence.comments[key] for key in keys if sentence.comments.get(key)), None), ""

    def _place(
        self, name: str, where: str, sentence: Sentence, rows: Sequence[int]
    ) -> tuple[str, list[Offsets], list[Note]]:
        tokens = [sentence.rows[at][self.settings.columns.token] for at in rows]
        if glue := self.settings.glued:
            tokens = [found["token"] if (found := glue.fullmatch(token)) else token for token in tokens]
        text = sentence.comments.get("text")
        if text is not None and (places := align(text, tokens)) is not None:
            return text, places, []
        language = self.settings.registry.languages[self.settings.config.language]
        joiner = "" if self.settings.characters or UNSPACED & set(language.scripts) else " "
        joiners = ["" if sentence.misc and sentence.misc[at].get("SpaceAfter") == "No" else joiner for at in rows]
        for place, (at, after) in enumerate(pairwise(rows)):
            if any(row[self.settings.columns.token] == " " for row in sentence.rows[at:after]):
                joiners[place] = " "
        rebuilt, places = join(tokens, joiners)
        if text is None:
            self._without_text += 1
            return rebuilt, places, []
        return rebuilt, places, [row_note(name, "text_differs", where, "text rebuilt from the tokens", rebuilt)]

    def _items(
        self, name: str, where: str, text: str, places: Sequence[Offsets], units: Sequence[int], tags: Sequence[Tag]
    ) -> tuple[tuple[Item, ...] | None, list[Note]]:
        spans, faults = decode(tags, self.settings.scheme.name)
        notes = []
        for at, kind in faults:
            start, end = places[units[at]]
            tag = f"{tags[at].letter}-{tags[at].type}"
            detail = {"no_end": f"the entity that {tag} is in has no end", "no_begin": f"{tag} continues nothing"}
            notes.append(row_note(name, kind, where, detail.get(kind, f"{tag} is not needed"), text[start:end]))
        items: list[Item] = []
        before = -1
        for label, first, last in spans:
            if units[first] <= before:
                return None, notes
            before = units[last]
            start, end = places[units[first]][0], places[before][1]
            items.append(Item.pair(label, text[start:end], start, end))
            if (first and units[first - 1] == units[first]) or (last + 1 < len(units) and units[last + 1] == before):
                notes.append(
                    row_note(name, "part_of_token", where, "the whole multiword token is taken", text[start:end])
                )
        return tuple(items), notes
