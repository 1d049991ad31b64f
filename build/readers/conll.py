"""Bring your own: CoNLL with ``# text = ``, ``# intent = `` (or ``# label = ``) and BIO tags in the last column.

The text is the ``# text`` line as it stands, in any script and with or without spaces; the tokens are searched in it
from left to right, and an entity is the text from its first token's start to its last token's end. Rows that render the
same English text (``# text-en``; an English row's own text) share their source id. xSID is the example.

A comment is a line ``# name = value`` anywhere in a block, or any other line that begins with ``# ``, holds no tab and does
not end in a BIO tag: ``#<tab>O`` and ``# O`` are the token ``#``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from build.core import Drop, KitError, Note, Row
from build.readers.inputs import find_all, record_or_drop, row_note, some, text_id
from mmm_dataset import Item, Registry
from mmm_dataset.record import Split

_COMMENT = re.compile(r"# ?([\w-]+)[^\S\t]*[=:] ?([^\t]*)")
_TAG = re.compile(r"O|[BI]-(.+)")
_LABELS = ("intent", "label")
_UNSPACED = frozenset({"han", "kana"})

Offsets = tuple[int, int]


@dataclass
class _Sentence:
    line: int
    comments: dict[str, str] = field(default_factory=dict)
    rows: list[list[str]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    def tokens(self) -> list[str]:
        """The words: the second column if the first one counts the tokens."""
        counted = all(len(row) > 2 and row[0] == str(number) for number, row in enumerate(self.rows, 1))
        return [row[counted] for row in self.rows]


def read(
    path: Path, registry: Registry, task: str = "xsid", language: str | None = None, split: str | None = None
) -> Iterator[Row]:
    """Read a CoNLL file or a folder of them.

    Args:
        path: ``xx.NAME.conll``, or a folder.
        registry: must hold the configs ``{language}_{task}``.
        task: code of the task.
        language: code of the language, for files whose name does not begin with it; in a folder, the only one read.
        split: ``map`` takes files named ``test`` as test and the others as train; else the split is left open.

    Raises:
        KitError: no file to read, a config that the registry lacks, or a line that is not CoNLL.
    """
    if split not in (None, "map"):
        raise KitError(f"--split {split}: the only choice is map; leave it out to keep the split open")
    if task not in registry.tasks:
        there = ", ".join(registry.tasks)
        raise KitError(f"--task {task}: not in the registry; add it with --registry (xsid ships); there are: {there}")
    count = 0
    files, notes = find_all(path, registry.source("user"), ".conll")
    yield from notes
    for file in files:
        code = file.name.split(".")[0]
        spoken = code if code in registry.languages else None
        if spoken is None and language is None:
            yield Note(file.name, "unmatched_file", "the name does not begin with a language code: not read")
        elif language in (None, spoken) or spoken is None:
            count += 1
            yield from _read_file(file, registry, spoken or language or "", task, split)
    if not count:
        raise KitError(f"{path}: no file of a known language: name it xx.NAME.conll or give --language xx")


def _read_file(file: Path, registry: Registry, language: str, task: str, split: str | None) -> Iterator[Row]:
    config = registry.configs.get(f"{language}_{task}")
    if config is None:
        raise KitError(f"{file}:1: no config {language}_{task} in the registry: add it with --registry FILE.toml")
    source = registry.source(config.upstream[0] if config.upstream else "user")
    word = registry.task(task).words[0]
    stem = ".".join(part for part in file.name.split(".")[:-1] if part != language) or file.stem
    side: Split | None = None if split is None else "test" if "test" in stem else "train"
    joiner = "" if _UNSPACED & set(registry.languages[language].scripts) else " "
    for number, sentence in enumerate(some(_sentences(file), file, "CoNLL (a token and a BIO tag per line)")):
        name = f"{config.name}-{stem}-{number:05d}"
        where = f"{file.name}:{sentence.line}"
        tags = [row[-1] for row in sentence.rows]
        raw = "\n".join(sentence.lines)
        if not tags:
            yield Drop(name, "no_tokens", f"{where}: a block of comments", raw)
            continue
        if bad := [tag for tag in tags if not _TAG.fullmatch(tag)]:
            yield Drop(name, "bad_tag", f"{where}: {bad[0]!r} is not a BIO tag", raw)
            continue
        text, places, notes = _place(name, sentence, joiner, where)
        items, more = _items(name, where, text, places, tags)
        label = next((sentence.comments[key] for key in _LABELS if sentence.comments.get(key)), None)
        source_id = text_id(sentence.comments.get("text-en", text))
        fields = (name, language, task, word, text, label, items)
        record = record_or_drop(where, raw, *fields, "own", source.name, source_id, source.licence, split=side)
        yield from () if isinstance(record, Drop) else notes + more
        yield record


def _sentences(file: Path) -> Iterator[_Sentence]:
    sentence = _Sentence(1)
    try:
        with file.open(encoding="utf-8-sig") as lines:
            for number, line in enumerate([*lines, ""], 1):
                line = line.rstrip("\n")
                if not line.strip():
                    if sentence.lines:
                        yield sentence
                    sentence = _Sentence(number + 1)
                    continue
                sentence.lines.append(line)
                if named := _COMMENT.fullmatch(line):
                    sentence.comments[named[1]] = named[2]
                elif not _is_comment(line):
                    sentence.rows.append(_columns(line, f"{file}:{number}"))
    except UnicodeDecodeError as error:
        raise KitError(f"{file}: not UTF-8 (byte {error.start}): save the file as UTF-8") from error


def _is_comment(line: str) -> bool:
    if "\t" in line or not line.startswith("#"):
        return False
    return line.strip() == "#" or (line.startswith("# ") and not _TAG.fullmatch(line.split()[-1]))


def _columns(line: str, where: str) -> list[str]:
    columns = line.split("\t") if "\t" in line else line.split()
    if len(columns) < 2 or not columns[0]:
        raise KitError(f"{where}: needs a token and a tag, separated by a tab or a space: {line!r}")
    return columns


def _place(name: str, sentence: _Sentence, joiner: str, where: str) -> tuple[str, list[Offsets], list[Note]]:
    tokens = sentence.tokens()
    text = sentence.comments.get("text")
    if text is not None and (places := align(text, tokens)):
        return text, places, []
    reason = "no_text_line" if text is None else "text_differs"
    rebuilt = joiner.join(tokens)
    places = align(rebuilt, tokens) or []
    return rebuilt, places, [row_note(name, reason, where, "text rebuilt from the tokens", rebuilt)]


def align(text: str, tokens: Sequence[str]) -> list[Offsets] | None:
    """Offsets of the tokens in the text, left to right with only blanks between them; None if they do not fit."""
    places, at = [], 0
    for token in tokens:
        start = text.find(token, at)
        if start < 0 or text[at:start].strip():
            return None
        at = start + len(token)
        places.append((start, at))
    return None if text[at:].strip() else places


def _items(
    name: str, where: str, text: str, places: Sequence[Offsets], tags: Sequence[str]
) -> tuple[tuple[Item, ...], list[Note]]:
    spans: list[tuple[str, int, int]] = []
    notes = []
    inside = None
    for (start, end), tag in zip(places, tags, strict=True):
        label = None if tag == "O" else tag[2:]
        if tag[0] == "I" and label == inside:
            spans[-1] = (spans[-1][0], spans[-1][1], end)
        elif label is not None:
            if tag[0] == "I":
                detail = f"{tag} follows no B-{label}: taken as its beginning"
                notes.append(row_note(name, "broken_bio", where, detail, text[start:end]))
            spans.append((label, start, end))
        inside = label
    return tuple(Item.pair(label, text[start:end], start, end) for label, start, end in spans), notes
