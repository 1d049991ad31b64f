"""Which split a row is in, and what leaks across.

Three ways, by name:

- ``hash`` (built data, the default): a source item is a train item if its hash, read as a number in [0, 1), is below the
  train share; a validation item if it is below the train and validation shares together; else a test item. The shares are
  those of ``--splits`` or ``--train-share``, else the train share of the row's family (data: ``[train_share]`` of the
  registry) and no validation. The hash sees the source item only, so translations and SCPOS siblings share a split, and a
  set rebuilt with more rows moves none. Duplicates are kept together: a duplicate group goes to train if any member does,
  else to validation if any member does, else to test. New rows can therefore pull an old near duplicate from test to train,
  never from train to test.
- ``table3``: per config, the paper's exact number of train rows (Table 3), lowest hashes first; what then crosses languages
  and siblings is reported.
- ``published``: the records' own split, verbatim; leakage is reported, nothing is moved.
- ``auto``: ``published`` if every row has a split of its own, ``hash`` if none has; a mixture is refused.

Rows of the authors' files are never split anew.
"""

from __future__ import annotations

from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from build.core import KitError
from build.duplicates import Index, digest
from mmm_dataset import Record, Registry
from mmm_dataset.record import SPLITS

METHODS = ("auto", "hash", "table3", "published")
_EXAMPLES = 20
_NUMBER: Final = {split: number for number, split in enumerate(SPLITS)}
TRAIN, VALIDATION, TEST = (_NUMBER[split] for split in ("train", "validation", "test"))

Sides = NDArray[np.int8]
"""Of every row the number of its split in ``SPLITS``."""


@dataclass(frozen=True, slots=True)
class Shares:
    """Shares of source items that go to train and to validation; the rest is tested."""

    train: float
    validation: float = 0.0

    def __str__(self) -> str:
        numbers = [self.train, *([self.validation] if self.validation else []), 1 - self.train - self.validation]
        return "/".join(f"{100 * number:.6g}" for number in numbers)


def parse_shares(splits: str | None, train_share: str | None) -> Shares | None:
    """The shares that ``--splits`` (``80/20``, ``80/10/10``) or ``--train-share`` (``0.8``) asks for; None if neither does.

    Raises:
        KitError: not numbers of this kind, or both are given.
    """
    if splits is not None and train_share is not None:
        raise KitError("--splits and --train-share exclude each other: give one of them")
    if train_share is not None:
        share = _number(train_share)
        if share is None or not 0 < share < 1:
            raise KitError(f"--train-share {train_share}: must be a number between 0 and 1, such as 0.8")
        return Shares(share)
    if splits is None:
        return None
    numbers = [number for number in map(_number, splits.split("/")) if number is not None]
    total = sum(numbers)
    if (
        len(numbers) != splits.count("/") + 1
        or len(numbers) not in (2, 3)
        or min(numbers) < 0
        or not numbers[0]
        or not any(np.isclose(total, whole) for whole in (1, 100))
    ):
        raise KitError(
            f"--splits {splits}: must be train/test or train/validation/test and add up to 100, with rows to train on, as in "
            "80/10/10"
        )
    return Shares(numbers[0] / total, numbers[1] / total if len(numbers) == 3 else 0.0)


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def unit(record: Record) -> int:
    """64-bit hash of the source item behind a row: the same for its translations and siblings."""
    return digest(f"{record.source}\0{record.source_id}")


@dataclass
class Ledger:
    """What the split needs to know of every row, kept in a few bytes a row; rows are numbered as they come."""

    registry: Registry
    shares: Shares | None = None
    configs: list[str] = field(default_factory=list)
    _config: array[int] = field(default_factory=lambda: array("H"))
    _unit: array[int] = field(default_factory=lambda: array("Q"))
    _text: array[int] = field(default_factory=lambda: array("q"))
    _share: array[float] = field(default_factory=lambda: array("d"))
    _own: array[int] = field(default_factory=lambda: array("b"))
    _ids: list[str] = field(default_factory=list)
    _index: Index = field(default_factory=Index)
    _authors: bool = False
    _config_number: dict[str, int] = field(default_factory=dict)

    def add(self, record: Record) -> None:
        """Take note of the next row."""
        if record.config not in self._config_number:
            self._config_number[record.config] = len(self.configs)
            self.configs.append(record.config)
        family = "demo" if record.origin == "demo" else self.registry.task(record.task).family
        self._config.append(self._config_number[record.config])
        self._unit.append(unit(record))
        self._text.append(self._index.add(record.text))
        self._share.append(self.shares.train if self.shares else self.registry.share(family))
        self._own.append(_NUMBER.get(record.split or "", -1))
        self._ids.append(record.id)
        self._authors |= record.origin == "published"

    def __len__(self) -> int:
        return len(self._ids)

    def method(self, wanted: str) -> str:
        """The method that ``wanted`` comes to: ``auto`` is settled by the rows. Raises KitError if it cannot be."""
        if wanted not in METHODS:
            raise KitError(f"no split method {wanted!r}; there are: {', '.join(METHODS)}")
        own = sum(side >= 0 for side in self._own)
        if wanted == "auto" and 0 < own < len(self):
            name = self._ids[self._own.index(-1)]
            raise KitError(
                f"{own:,} of {len(self):,} rows have a split, {name!r} and others have none: "
                "complete them, or choose --split hash"
            )
        if wanted == "auto":
            wanted = "published" if own else "hash"
        if wanted != "published" and self._authors:
            raise KitError(f"--split {wanted} would split the authors' own rows anew; use --split published")
        if self.shares and wanted == "published":
            raise KitError(
                "the rows have a split of their own: leave --splits and --train-share out, or split anew with --split hash"
            )
        if self.shares and wanted == "table3":
            raise KitError("--split table3 takes the sizes of the paper: leave --splits and --train-share out")
        return wanted

    def assign(self, method: str) -> tuple[Sides, dict[str, Any]]:
        """Decide the split of every row, by one of ``hash``, ``table3``, ``published``.

        Returns:
            The split of every row; and the leakage report: test and validation rows with a duplicate in train, in counts
            and examples.

        Raises:
            KitError: the method is unknown, a published row has no split, or Table 3 does not fit the data.
        """
        groups = self._index.groups()[np.array(self._text, dtype=np.int64)] if len(self) else np.zeros(0, np.int64)
        config = np.array(self._config, dtype=np.int64)
        units = np.array(self._unit, dtype=np.uint64)
        if method == "hash":
            sides = self._by_hash(units, groups)
        elif method == "table3":
            sides = self._by_table3(units, config)
        else:
            sides = self._as_published()
        return sides, self._leakage(sides, config, units, groups)

    def _by_hash(self, units: NDArray[np.uint64], groups: NDArray[np.int64]) -> Sides:
        place, train = units / 2.0**64, np.array(self._share)
        validation = train + (self.shares.validation if self.shares else 0.0)
        sides = np.where(place < train, TRAIN, np.where(place < validation, VALIDATION, TEST)).astype(np.int8)
        # A source item and a duplicate group tie rows together: spread the lowest split over both until nothing changes.
        _, unit_number = np.unique(units, return_inverse=True)
        while True:
            before = sides
            for key in (unit_number, groups):
                lowest = np.full(int(key.max(initial=-1)) + 1, TEST, dtype=np.int8)
                np.minimum.at(lowest, key, sides)
                sides = lowest[key]
            if np.array_equal(before, sides):
                return sides

    def _by_table3(self, units: NDArray[np.uint64], config: NDArray[np.int64]) -> Sides:
        sides = np.full(len(self), TEST, dtype=np.int8)
        for number, name in enumerate(self.configs):
            rows = np.flatnonzero(config == number)
            wanted = self.registry.config(name).train
            if wanted is None:
                raise KitError(f"{name}: Table 3 has no size for it; use --split hash")
            if len(rows) <= wanted:
                raise KitError(f"{name}: {len(rows)} rows cannot give Table 3's {wanted} train rows; use --split hash")
            sides[rows[np.argsort(units[rows], kind="stable")[:wanted]]] = TRAIN
        return sides

    def _as_published(self) -> Sides:
        if -1 in self._own:
            raise KitError(f"row {self._ids[self._own.index(-1)]!r} has no split; use --split hash")
        return np.array(self._own, dtype=np.int8)

    def _leakage(
        self, sides: Sides, config: NDArray[np.int64], units: NDArray[np.uint64], groups: NDArray[np.int64]
    ) -> dict[str, Any]:
        texts = np.array(self._text, dtype=np.int64)
        validation = bool((sides == VALIDATION).any())
        report: dict[str, Any] = {}
        for name, key in (
            ("exact", texts),
            ("near", groups),
            ("source_item", np.unique(units, return_inverse=True)[1]),
        ):
            leaking = _with_duplicate_in_train(key, sides, TEST)
            by_config = Counter(self.configs[number] for number in config[leaking].tolist())
            report[name] = {
                "test_rows": len(leaking),
                **({"validation_rows": len(_with_duplicate_in_train(key, sides, VALIDATION))} if validation else {}),
                "by_config": {name: by_config[name] for name in sorted(by_config)},
                "examples": [self._example(row, key, sides) for row in leaking[:_EXAMPLES].tolist()],
            }
        return report

    def _example(self, row: int, key: NDArray[np.int64], sides: Sides) -> dict[str, str]:
        duplicate = int(np.flatnonzero((key == key[row]) & (sides == TRAIN))[0])
        return {"test": self._ids[row], "train": self._ids[duplicate]}


def _with_duplicate_in_train(key: NDArray[np.int64], sides: Sides, split: int) -> NDArray[np.int64]:
    """Rows of a split whose key a train row has as well."""
    in_train = np.zeros(int(key.max(initial=-1)) + 1, dtype=bool)
    in_train[key[sides == TRAIN]] = True
    return np.flatnonzero((sides == split) & in_train[key])
