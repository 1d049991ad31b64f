"""Which side a row is on, and what leaks across.

Three ways, by name:

- ``hash`` (built data, the default): a source item is a train item if its hash, read as a number in [0, 1), is below the
  share of its family (data: ``[train_share]`` of the registry). The hash sees the source item only, so translations and
  SCPOS siblings share a side, and a set rebuilt with more rows moves none. Near duplicates are kept together: a group trains
  if any of its items would. New rows can therefore pull an old near duplicate from test to train, never from train to test.
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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from build.core import KitError
from build.duplicates import Index, digest
from mmm_dataset import Record, Registry

METHODS = ("auto", "hash", "table3", "published")
_EXAMPLES = 20
_SIDES = {"train": 0, "test": 1}


def unit(record: Record) -> int:
    """64-bit hash of the source item behind a row: the same for its translations and siblings."""
    return digest(f"{record.source}\0{record.source_id}")


@dataclass
class Ledger:
    """What the split needs to know of every row, kept in a few bytes a row; rows are numbered as they come."""

    registry: Registry
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
        self._share.append(self.registry.share(family))
        self._own.append(_SIDES.get(record.split or "", -1))
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
                f"{own:,} of {len(self):,} rows say train or test, {name!r} and others do not: "
                "complete them, or choose --split hash"
            )
        if wanted == "auto":
            wanted = "published" if own else "hash"
        if wanted != "published" and self._authors:
            raise KitError(f"--split {wanted} would split the authors' own rows anew; use --split published")
        return wanted

    def assign(self, method: str) -> tuple[NDArray[np.bool_], dict[str, Any]]:
        """Decide the side of every row, by one of ``hash``, ``table3``, ``published``.

        Returns:
            A mask over rows, True for test; and the leakage report: what crosses sides, in counts and examples.

        Raises:
            KitError: the method is unknown, a published row has no split, or Table 3 does not fit the data.
        """
        groups = self._index.groups()[np.array(self._text, dtype=np.int64)] if len(self) else np.zeros(0, np.int64)
        config = np.array(self._config, dtype=np.int64)
        units = np.array(self._unit, dtype=np.uint64)
        if method == "hash":
            test = self._by_hash(units, groups)
        elif method == "table3":
            test = self._by_table3(units, config)
        else:
            test = self._as_published()
        return test, self._leakage(test, config, units, groups)

    def _by_hash(self, units: NDArray[np.uint64], groups: NDArray[np.int64]) -> NDArray[np.bool_]:
        trains = units / 2.0**64 < np.array(self._share)
        # A source item and a near-duplicate group tie rows together: spread "trains" over both until nothing changes.
        _, unit_number = np.unique(units, return_inverse=True)
        while True:
            before = int(trains.sum())
            for key in (unit_number, groups):
                any_trains = np.zeros(int(key.max(initial=-1)) + 1, dtype=bool)
                np.logical_or.at(any_trains, key, trains)
                trains = any_trains[key]
            if int(trains.sum()) == before:
                return ~trains

    def _by_table3(self, units: NDArray[np.uint64], config: NDArray[np.int64]) -> NDArray[np.bool_]:
        test = np.ones(len(self), dtype=bool)
        for number, name in enumerate(self.configs):
            rows = np.flatnonzero(config == number)
            wanted = self.registry.config(name).train
            if wanted is None:
                raise KitError(f"{name}: Table 3 has no size for it; use --split hash")
            if len(rows) <= wanted:
                raise KitError(f"{name}: {len(rows)} rows cannot give Table 3's {wanted} train rows; use --split hash")
            test[rows[np.argsort(units[rows], kind="stable")[:wanted]]] = False
        return test

    def _as_published(self) -> NDArray[np.bool_]:
        if -1 in self._own:
            raise KitError(f"row {self._ids[self._own.index(-1)]!r} says neither train nor test; use --split hash")
        return np.equal(self._own, 1)

    def _leakage(
        self, test: NDArray[np.bool_], config: NDArray[np.int64], units: NDArray[np.uint64], groups: NDArray[np.int64]
    ) -> dict[str, Any]:
        texts = np.array(self._text, dtype=np.int64)
        report: dict[str, Any] = {}
        for name, key in (
            ("exact", texts),
            ("near", groups),
            ("source_item", np.unique(units, return_inverse=True)[1]),
        ):
            leaking = _rows_with_train_twin(key, test)
            by_config = Counter(self.configs[number] for number in config[leaking].tolist())
            report[name] = {
                "test_rows": len(leaking),
                "by_config": {name: by_config[name] for name in sorted(by_config)},
                "examples": [self._example(row, key, test) for row in leaking[:_EXAMPLES].tolist()],
            }
        return report

    def _example(self, row: int, key: NDArray[np.int64], test: NDArray[np.bool_]) -> dict[str, str]:
        twin = int(np.flatnonzero((key == key[row]) & ~test)[0])
        return {"test": self._ids[row], "train": self._ids[twin]}


def _rows_with_train_twin(key: NDArray[np.int64], test: NDArray[np.bool_]) -> NDArray[np.int64]:
    in_train = np.zeros(int(key.max(initial=-1)) + 1, dtype=bool)
    in_train[key[~test]] = True
    return np.flatnonzero(test & in_train[key])
