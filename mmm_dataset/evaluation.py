"""What an evaluation refers to: the standard test ids of a release, and the figures that the paper prints in its Table 1."""

from __future__ import annotations

import csv
import hashlib
import heapq
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final, NamedTuple

STANDARD: Final = "evaluation/standard.json"
"""Path of the standard ids inside a release: config to ids, in file order."""

SIZE: Final = 1000
"""Rows of a config that the standard protocol takes at most: as many as the paper draws at once."""


def standard_ids(config: str, ids: Sequence[str], size: int = SIZE) -> list[str]:
    """The standard test ids of a config, in the order of ``ids``.

    They are the ``size`` ids whose SHA-256, with the config's name, is smallest. So which of two rows is taken depends on
    these two alone: rows that come or go elsewhere move at most as many ids as came or went.

    Args:
        config: name of the config.
        ids: ids of all its test rows.
        size: ids wanted at most.
    """

    def key(at: int) -> bytes:
        return hashlib.sha256(f"{config}\0{ids[at]}".encode()).digest()

    return [ids[at] for at in sorted(heapq.nsmallest(size, range(len(ids)), key=key))]


class Printed(NamedTuple):
    """One model on one config in Table 1 of the paper: TL, WL and ALL as printed, in percent."""

    config: str
    model: str
    tl: str
    wl: str
    all: str


@lru_cache(maxsize=1)
def table_1() -> tuple[Printed, ...]:
    """Table 1 in the order of the paper."""
    with (Path(__file__).parent / "data" / "table1.csv").open(encoding="utf-8", newline="") as file:
        return tuple(Printed(**row) for row in csv.DictReader(file))
