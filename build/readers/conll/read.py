"""Read CoNLL: files of a run, their columns and tag scheme found over all of them, and the records that they give."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Final

from build.core import KitError, Note, Row
from build.files import read_text
from build.readers.conll.columns import ROLES, Columns, Profile, choose, surface
from build.readers.conll.misc import read_misc
from build.readers.conll.records import GLUED, LANGUAGE, FileReader, Settings
from build.readers.inputs import Unique, find_all, listed, stem, suffix
from build.readers.labels import LABEL_OPTIONS, TextLabels, by_language, split_of
from build.readers.provenance import PROVENANCE_OPTIONS, Provenance, resolve_provenance
from build.readers.schemes import Scheme, Sequences, describe, detect
from mmm_dataset import Registry
from mmm_dataset.record import Split
from mmm_f1.conll_tables import Sentence, Table, find_column, read_table
from mmm_f1.lines import is_table
from mmm_f1.schemes import OUTSIDE, Style, Tag, parse_tag

OPTIONS: Final = {
    "task": "code of the task in the registry; ner-only (--registry ner-only) if there are no text-level labels (required)",
    "language": "code, if neither files nor folders begin with it; in a folder, the only language read",
    **PROVENANCE_OPTIONS,
    **LABEL_OPTIONS,
    "columns": "token=N,tag=N by number (negative: from the end) or name of the header; also type=N, id=N and sentence=N",
    "type": "the type of all tags, if these are letters alone (B, I, O)",
    "delimiter": "tab, space, comma, pipe or a character (default: found by looking)",
    "scheme": "iob1, iob2, io, ioe, bioes, bilou, bmes, bmewo or types (default: found by looking)",
}
"""Options of the reader; their help."""

_SPLITS: Final = (".train", ".dev", ".test", ".testa", ".testb")
"""Suffixes of CoNLL-2002 and 2003: ``eng.testa``."""
SUFFIXES: Final = (".conll", ".iob2", ".bio", ".conllu", ".txt", ".tsv", ".csv", *_SPLITS)
_PLAIN: Final = frozenset({".txt", ".tsv", ".csv", *_SPLITS})
"""Suffixes that other files have as well: without any tag such a file of a folder is noted, not refused."""
_NAMED: Final = 20
"""Files of a folder that a summary names one by one."""


@dataclass
class _Run:
    """What all files of a run share."""

    registry: Registry
    task: str
    provenance: Provenance
    labels: TextLabels
    unknown_labels: str
    columns: Mapping[str, str]
    delimiter: str | None
    type: str
    profiles: dict[tuple[int, tuple[str, ...]], Profile] = field(default_factory=dict)
    chosen: dict[tuple[int, tuple[str, ...]], Columns] = field(default_factory=dict)
    found: Sequences = field(default_factory=Sequences)
    scheme: Scheme = field(default_factory=lambda: Scheme("iob2", "prefix"))
    glued: re.Pattern[str] | None = None
    characters: bool = False
    tables: dict[Path, Table] = field(default_factory=dict)

    def table(self, file: Path) -> Table:
        if file not in self.tables:
            wanted = [value for value in self.columns.values() if not re.fullmatch("-?[0-9]+", value)]
            self.tables[file] = read_table(file, _lines(file), self.delimiter, wanted, self.columns.get("sentence"))
            if self.tables[file].is_conllu:
                read_misc(self.tables[file])
        return self.tables[file]

    def settings(self, file: Path, root: Path, language: str, split: Split | None) -> Settings:
        """What the records of a file have in common. Raises KitError if the registry or the options do not fit it."""
        config = self.registry.configs.get(f"{language}_{self.task}")
        if config is None:
            raise KitError(
                f"{file}: no config {language}_{self.task} in the registry: add it with --registry FILE.toml"
            )
        if self.labels.given and self.registry.fixed_text_label(config) is not None:
            raise KitError(f"--label, --label-from: {self.task} has no text-level labels; leave the option out")
        columns = self.chosen[self.tables[file].columns]
        column = None
        if self.labels.kind == "column":
            column = find_column(self.labels.key, self.tables[file].names, columns.width, "--label-from column")
        key = self.labels.key if self.labels.kind == "comment" else ""
        label = self.labels.of_file(file, root, language)
        return Settings(
            self.registry,
            config,
            self.provenance,
            columns,
            self.scheme,
            label,
            key,
            column,
            self.unknown_labels,
            split,
            self.glued,
            self.characters,
        )

    def look(self, files: Sequence[Path], scheme: str | None) -> None:
        """Find the columns and the scheme over all files."""
        for file in files:
            table = self.table(file)
            self.profiles.setdefault(table.columns, Profile(*table.columns)).add(table)
        self.chosen = {
            key: choose(profile, self.columns, scheme and scheme.lower(), self.type)
            for key, profile in self.profiles.items()
        }
        # A file without entities says nothing of how tags are written.
        styles = {one.style for key, one in self.chosen.items() if self.profiles[key].types(one)} or {"prefix"}
        if len(styles) > 1:
            raise KitError(
                f"{files[0].parent}: files with different kinds of tags: {', '.join(sorted(styles))}: read each alone"
            )
        style: Style = styles.pop()
        sentences = [(self.chosen[table.columns], one) for table in map(self.table, files) for one in table.sentences]
        for columns, sentence in sentences:
            tags = [parse_tag(cell, style) for cell in _tags(columns, sentence)]
            self.found.add([tag or Tag() for tag in tags])
        self.scheme = detect(self.found, style, scheme, str(files[0]))
        self.found = Sequences()
        for columns, sentence in sentences:
            read_tags = [self.scheme.parse(cell) for cell in _tags(columns, sentence)]
            self.found.add([tag or Tag() for tag in read_tags], self.scheme.name)
        if 2 * (broken := self.found.faults.total()) > self.found.entities:
            kinds = ", ".join(f"{count:,} x {kind}" for kind, count in sorted(self.found.faults.items()))
            raise KitError(
                f"{files[0]}: {broken:,} places in {self.found.entities:,} entities break the rules of "
                f"{self.scheme.name.upper()} ({kinds}): choose with --scheme"
            )
        self._look_at_tokens([row[columns.token] for columns, one in sentences for row in one.rows])
        self._look_at_labels()

    def _look_at_tokens(self, tokens: Sequence[str]) -> None:
        filled = [token for token in tokens if token.strip(" ")]
        self.characters = " " in tokens and sum(len(token) == 1 for token in filled) >= 0.95 * len(filled)
        if filled and all(map(LANGUAGE.fullmatch, filled)):
            self.glued = LANGUAGE
        elif _are_glued(tokens):
            self.glued = GLUED

    def notes(self, name: str) -> Iterator[Note]:
        """What was found over all files."""
        yield Note(name, f"columns: {' and '.join(sorted({str(one) for one in self.chosen.values()}))}")
        yield Note(name, f"scheme: {self.scheme.name.upper()}", describe(self.found, self.scheme))
        yield from self._header_notes()
        if self.glued is GLUED:
            yield Note(name, "glued_positions", "every token ends in its position in the word: cut off")
        elif self.glued:
            yield Note(name, "glued_language", "every token begins with its language (en:Mia): cut off")
        if self.characters:
            yield Note(
                name, "characters", "the tokens are characters, with blanks between words: joined without others"
            )

    def _header_notes(self) -> Iterator[Note]:
        """Notes on first rows that may be a header: with bare types any word is one."""
        for file, table in self.tables.items() if self.scheme.name == "types" else ():
            columns = self.chosen[table.columns]
            tag = next(iter(columns.tags(table.sentences[0])), "O")
            if tag not in OUTSIDE and self.profiles[table.columns].values[columns.tag][tag] == 1:
                detail = f"{tag!r} occurs in the first row alone: if this is a header, name the columns with --columns"
                yield Note(file.name, "header", detail)

    def _look_at_labels(self) -> None:
        """Raises KitError if no sentence has the comment or a cell in the column that the text-level labels should be in."""
        comments = [sentence.comments for table in self.tables.values() for sentence in table.sentences]
        if self.labels.kind == "comment" and not any(one.get(self.labels.key) for one in comments):
            there = listed(sorted({key for one in comments for key in one}), "; there are: ")
            raise KitError(f"--label-from comment:{self.labels.key}: no sentence has this comment{there}")
        if self.labels.kind == "column":
            option = "--label-from column"
            places = [(one, find_column(self.labels.key, one.names, one.width, option)) for one in self.tables.values()]
            if not any(
                row[at].strip(" _") for one, at in places for sentence in one.sentences for row in sentence.rows
            ):
                raise KitError(f"{option}:{self.labels.key}: the column is empty")


def read(
    path: Path,
    registry: Registry,
    task: str | None = None,
    language: str | None = None,
    source: str | None = None,
    license: str | None = None,
    label: str | None = None,
    label_from: str | None = None,
    split_from: str | None = None,
    unknown_labels: str = "stop",
    columns: str | None = None,
    delimiter: str | None = None,
    scheme: str | None = None,
    type: str | None = None,
) -> Iterator[Row]:
    """Read a file or a folder of them; the options are described in ``OPTIONS``.

    Columns and tag scheme are found over all files before the first record comes; both are noted.

    Raises:
        KitError: no file to read, an option that does not fit, a config that the registry lacks, columns or tags that are not
            understood, or a file of which no sentence can be read.
    """
    provenance = resolve_provenance(registry, source, license)
    if task is None or task not in registry.tasks:
        raise KitError(
            f"--task {task or ''}: not in the registry, which has {', '.join(registry.tasks)}; more with --registry FILE "
            "(xsid and ner-only ship)"
        )
    run = _Run(
        registry,
        task,
        provenance,
        TextLabels.parse(label, label_from),
        unknown_labels,
        _parse_columns(columns),
        delimiter,
        type or "",
    )
    files, notes = _find_files(path, registry, language)
    yield from notes
    if 1 < len(files) <= _NAMED:  # a folder may hold more than the data: outputs of systems look the same
        yield from (Note(path.name, f"file: {file.relative_to(path)}") for file in files)
    splits = {file: split_of(file, path, split_from) for file in files}
    run.look(list(files), scheme)
    yield from run.notes(path.name)
    unique: dict[str, Unique] = {}
    for file, code in files.items():
        settings = run.settings(file, path, code, splits[file])
        ids = unique.setdefault(code, Unique())(_stem(file, path, code))
        yield from FileReader(run.tables.pop(file), ids, settings).rows()


def _find_files(path: Path, registry: Registry, language: str | None) -> tuple[dict[Path, str], list[Note]]:
    """The files to read with their languages, and notes on the others."""
    found, notes = find_all(path, registry.source("user"), *SUFFIXES)
    files, others = by_language(found, path, registry, language)
    notes += others
    for file in list(files):
        if path.is_dir() and suffix(file) in _PLAIN and not is_table(_lines(file)):
            notes.append(Note(file.name, "unmatched_file", "no tokens with tags: not read"))
            del files[file]
    if not files:
        raise KitError(f"{path}: no file with tokens and tags: expected CoNLL (a token and a tag per line)")
    return files, notes


def _parse_columns(given: str | None) -> dict[str, str]:
    pairs = [piece.partition("=") for piece in given.split(",")] if given else []
    out = {role.strip(): value.strip() for role, _, value in pairs}
    if wrong := [role for role, value in out.items() if role not in ROLES or not value]:
        raise KitError(f"--columns {given}: {wrong[0]!r} is not one of {', '.join(f'{role}=N' for role in ROLES)}")
    return out


def _stem(file: Path, root: Path, language: str) -> str:
    """The beginning of the ids: the name without language and suffix, after its folders below the one that is read."""
    folders = file.relative_to(root).parts[:-1] if root.is_dir() else ()
    plain = file.name if suffix(file) in _SPLITS else stem(file)
    name = ".".join(part for part in plain.split(".") if part != language) or plain
    return "-".join([*folders, name])


def _lines(file: Path) -> list[str]:
    return read_text(file).split("\n")


def _tags(columns: Columns, sentence: Sentence) -> list[str]:
    """The cells of the tags of a sentence's words."""
    cells = columns.tags(sentence)
    return [cells[word] for _, words in surface(sentence, columns.id) for word in words]


def _are_glued(tokens: Sequence[str]) -> bool:
    """Whether the tokens are characters with their positions in a word: 科0 技1. A few may be out of order."""
    found = [GLUED.fullmatch(token) for token in tokens]
    numbers = [int(one[2]) if one else -1 for one in found]
    steps = sum(now == 0 or now == before + 1 for before, now in pairwise([-1, *numbers]))
    words = sum(not token.isdecimal() for token in tokens)
    return bool(tokens) and min(numbers) >= 0 and steps >= 0.95 * len(tokens) and 2 * words >= len(tokens)
