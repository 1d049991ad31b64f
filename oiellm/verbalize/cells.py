"""The cells of a run: one list of words, one number of shots, one seed, one file of predictions.

``OUT/run.json`` holds the settings, ``OUT/cells/`` a file per cell that appears whole or not at all: what was stopped goes on
with the first cell that is not there. Predictions name rows by id; texts stay in the release.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mmm_dataset.files import atomic, dump, pretty
from oiellm.errors import OiellmError
from oiellm.files import refuse_others
from oiellm.predict.store import RUN, same_settings

CELLS: Final = "cells"


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell.

    Attributes:
        system: a list of words, or a baseline.
        shots: rows a label that were learnt from; None: all train rows.
        seed: of the draw; None where nothing is drawn.
    """

    system: str
    shots: int | None
    seed: int | None = None

    @property
    def name(self) -> str:
        """Of its file."""
        drawn = "" if self.seed is None else f"-seed{self.seed}"
        return f"{self.system.replace(' ', '-')}-{'all' if self.shots is None else f'k{self.shots}'}{drawn}"


def grid(system: str, shots: Sequence[int], seeds: Sequence[int]) -> Iterator[Cell]:
    """The cells of a system: every number of shots with every seed; without shots there is nothing to draw."""
    for k in shots:
        yield from (Cell(system, k, seed) for seed in seeds) if k else [Cell(system, 0)]


class Folder:
    """The folder of a run."""

    def __init__(self, out: Path, settings: Mapping[str, Any]) -> None:
        """Begin a run, or open one that has the same settings.

        Raises:
            OiellmError: the folder holds a run with other settings, or cells of one without its settings.
        """
        self.out, self.settings = out, json.loads(dump(dict(settings)))
        path = out / RUN
        if path.exists():
            same_settings(out, _read(path).get("settings", {}), self.settings)
        elif (out / CELLS).exists():
            raise OiellmError(f"{out}: holds cells but no {RUN}; choose another --out")
        else:
            refuse_others(out, ("results.json", "table.md"), lambda _: False)
            with atomic(path) as file:
                file.write(pretty({"settings": self.settings}))

    def cell(self, cell: Cell, words: str, make: Callable[[], Mapping[str, Any]]) -> dict[str, Any]:
        """What is in a cell, made and written first if it is not there.

        Args:
            cell: which.
            words: SHA-256 of its list of words, or what else it was made of.
            make: gives ``predictions`` (rows of id, label, predicted label and details) and further JSON types.

        Raises:
            OiellmError: the cell was made with other words, or cannot be read.
        """
        path = self.out / CELLS / f"{cell.name}.json"
        if not path.exists():
            with atomic(path) as file:
                file.write(
                    dump({"system": cell.system, "shots": cell.shots, "seed": cell.seed, "words": words} | dict(make()))
                    + "\n"
                )
        found = _read(path)
        if found.get("words") != words:
            raise OiellmError(f"{path}: was made with other words than are there now; choose another --out")
        return found


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except ValueError as error:
        raise OiellmError(f"{path}: cannot be read ({error}); take it out of the folder") from error
    if not isinstance(found, dict):
        raise OiellmError(f"{path}: no JSON object; take it out of the folder")
    return found
