"""The file under review: a row is read when it is asked for, so that 200,000 rows cost tens of megabytes, not their text."""

from __future__ import annotations

import hashlib
import json
import os
from array import array
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from sys import intern
from typing import Any

from build.core import KitError
from build.files import strict_load
from build.review.options import Order
from build.review.rules import Weights, weights
from mmm_dataset import Record, RecordError, Registry, from_dict, to_dict
from mmm_dataset.files import dump, progress

_KEYS = ("source", "target", "flags", "rung", "risk")


@dataclass(frozen=True, slots=True)
class Flag:
    """What a check found; start and end are half-open code points of the target's text, or both None."""

    check: str
    detail: str
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One row to be reviewed.

    Attributes:
        source: what the target was made from, if anything.
        target: the record under review.
        flags: findings of the checks.
        rung: how the target came about, such as ``tagged``; empty if nothing is said.
        risk: from 0 to 1, the file's own or that of ``risk.toml``.
    """

    source: Record | None
    target: Record
    flags: tuple[Flag, ...]
    rung: str
    risk: float

    @property
    def sha256(self) -> str:
        """Digest of the target, by which a decision knows the row that it was made about."""
        return digest(self.target)


def digest(record: Record) -> str:
    """SHA-256 of a record, whatever the order of keys and the spacing of the line that it was read from."""
    row = to_dict(record)
    if record.origin == "own":
        row["origin"] = "stand-in"  # its name when the first decisions were made, which still hold
    return hashlib.sha256(dump(row).encode()).hexdigest()


def row_key(config: str, id: str) -> str:
    """What a row is called across rebuilds."""
    return f"{config}\0{id}"


class ReviewFile:
    """An index of the file's rows, by number from 0; it keeps the file that it was made of open, even if that is replaced."""

    def __init__(self, path: Path, rules: Weights | None = None) -> None:
        """Read the file through once.

        Args:
            path: JSON lines of ``{"source", "target", "flags", "rung", "risk"}``, or of plain records.
            rules: for rows without a risk; default: ``risk.toml``.

        Raises:
            KitError: there is no such file or no row in it, or a line is not valid; the message names the line.
        """
        self.path, self._rules = path, rules or weights()
        try:
            self._file = path.open("rb")
        except FileNotFoundError as error:
            raise KitError(f"{path}: no such file; `build translate` writes review.jsonl") from error
        self._stat = _signature(os.fstat(self._file.fileno()))
        self._starts, self._sizes, self._lines = array("q"), array("q"), array("q")
        self._risks, self._digests = array("d"), bytearray()
        self._rungs: list[str] = []
        self._checks: list[tuple[str, ...]] = []
        self._numbers: dict[str, int] = {}
        self._kinds: dict[tuple[str, str], int] = {}
        sets: dict[tuple[str, ...], tuple[str, ...]] = {}
        for start, line, content in progress(_lines(self._file), f"reading {path.name}"):
            row = self._parse(content, line)
            key = row_key(row.target.config, row.target.id)
            if key in self._numbers:
                raise KitError(
                    f"{path}:{line}: the id {row.target.id!r} is in {row.target.config} already: make it unique"
                )
            self._numbers[key] = len(self._starts)
            self._kinds.setdefault((row.target.config, row.target.word), line)
            self._starts.append(start)
            self._sizes.append(len(content))
            self._lines.append(line)
            self._risks.append(row.risk)
            self._digests += bytes.fromhex(row.sha256)
            self._rungs.append(intern(row.rung))
            checks = tuple(dict.fromkeys(flag.check for flag in row.flags))
            self._checks.append(sets.setdefault(checks, checks))
        if not self._starts:
            raise KitError(f"{path}: no rows to review")

    def __len__(self) -> int:
        return len(self._starts)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def check(self, registry: Registry) -> None:
        """Raises KitError: the registry lacks a config or task word of the file."""
        for (name, word), line in self._kinds.items():
            if name not in registry.configs:
                raise KitError(f"{self.path}:{line}: no config {name!r} in the registry: add it (--registry FILE.toml)")
            if word not in registry.task_words:
                raise KitError(
                    f"{self.path}:{line}: no task word {word!r} in the registry: add it (--registry FILE.toml)"
                )

    def changed(self) -> bool:
        """Whether the file was rebuilt or removed since it was read."""
        try:
            return _signature(self.path.stat()) != self._stat
        except FileNotFoundError:
            return True

    def __getitem__(self, number: int) -> ReviewRow:
        return self._parse(self.line(number), self._lines[number])

    def line(self, number: int) -> bytes:
        """The row's line as it stands in the file."""
        # A position of its own for each read: several threads of the server may ask at once.
        return os.pread(self._file.fileno(), self._sizes[number], self._starts[number]).rstrip(b"\r\n")

    def sha256(self, number: int) -> str:
        """Digest of the row's target."""
        return self._digests[32 * number : 32 * number + 32].hex()

    def rung(self, number: int) -> str:
        """Rung of the row, or an empty string."""
        return self._rungs[number]

    def checks(self, number: int) -> Collection[str]:
        """Names of the checks that flag the row."""
        return self._checks[number]

    def find(self, config: str, id: str) -> int | None:
        """Number of the row of this name."""
        return self._numbers.get(row_key(config, id))

    def order(self, name: Order) -> Sequence[int]:
        """Numbers of all rows in this order."""
        numbers = range(len(self))
        if name == "risk":
            return array("q", sorted(numbers, key=lambda number: -self._risks[number]))
        if name == "random":
            digests = [hashlib.sha256(key.encode()).digest() for key in self._numbers]
            return array("q", sorted(numbers, key=digests.__getitem__))
        return numbers

    def count(self) -> tuple[Counter[str], Counter[str]]:
        """Rows by check and by rung."""
        return Counter(check for checks in self._checks for check in checks), Counter(self._rungs)

    def _parse(self, content: bytes, line: int) -> ReviewRow:
        where = f"{self.path}:{line}"
        try:
            return parse_row(strict_load(content.decode("utf-8-sig")), self._rules)
        except json.JSONDecodeError as error:
            raise KitError(f"{where}: not JSON ({error.msg} at column {error.colno})") from error
        except UnicodeDecodeError as error:
            raise KitError(f"{where}: not UTF-8 (byte {error.start}): save the file as UTF-8") from error
        except (RecordError, RecursionError, ValueError) as error:
            raise KitError(f"{where}: {error}") from error


def parse_row(value: Any, rules: Weights) -> ReviewRow:
    """Make a row of JSON types: a review row, or a plain record.

    Raises:
        ValueError: it is neither; RecordError where a record is not valid.
    """
    if not isinstance(value, dict):
        raise ValueError(f"a {type(value).__name__} where a row (a JSON object) was due")
    if "target" not in value:
        return ReviewRow(None, from_dict(value), (), "", rules.risk((), ""))
    if unknown := set(value) - set(_KEYS):
        raise ValueError(f"unknown key {min(unknown)!r}; known keys: {', '.join(_KEYS)}")
    source, target = value.get("source"), value["target"]
    if not isinstance(target, dict) or not isinstance(source, dict | None):
        raise ValueError("source and target must be records, the source null if there is none")
    record = from_dict(target)
    flags = tuple(_flag(flag, len(record.text)) for flag in value.get("flags") or ())
    rung, risk = value.get("rung") or "", value.get("risk")
    if not isinstance(rung, str):
        raise ValueError(f"rung must be a text or null, not {rung!r}")
    if risk is None:
        risk = rules.risk([flag.check for flag in flags], rung)
    elif type(risk) not in (int, float) or not 0 <= risk <= 1:
        raise ValueError(f"risk must be null or a number from 0 to 1, not {risk!r}")
    return ReviewRow(None if source is None else from_dict(source), record, flags, rung, float(risk))


def _flag(value: Any, length: int) -> Flag:
    try:
        flag = Flag(intern(value["check"]), str(value.get("detail") or ""), value.get("start"), value.get("end"))
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError('a flag must be {"check": NAME, "detail": TEXT, "start": null, "end": null}') from error
    placed = type(flag.start) is int and type(flag.end) is int
    if (flag.start, flag.end) != (None, None) and not (placed and 0 <= flag.start <= flag.end <= length):  # type: ignore[operator]
        raise ValueError(f"the flag {flag.check!r} is at {flag.start!r}:{flag.end!r}, outside of the text")
    return flag


def _lines(file: Any) -> Iterator[tuple[int, int, bytes]]:
    """Where each line that is not blank begins, its number from 1, and its bytes."""
    start = 0
    for number, line in enumerate(file, 1):
        if line.strip():
            yield start, number, line
        start += len(line)


def _signature(stat: os.stat_result) -> tuple[int, int, int]:
    return stat.st_ino, stat.st_mtime_ns, stat.st_size
