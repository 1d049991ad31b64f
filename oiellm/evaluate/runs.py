"""The predictions of one system, from wherever they come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmm_dataset import Record
from oiellm.errors import OiellmError
from oiellm.evaluate import closed
from oiellm.evaluate.columns import Key, Output


@dataclass(frozen=True, slots=True)
class Run:
    """The predictions of one system.

    Attributes:
        outputs: what it wrote.
        texts: the text that it was given for each row, held against the release; empty where that is not known.
        about: how it was made, as JSON types.
        note: what must stand beside its figures.
    """

    outputs: Mapping[Key, Output]
    texts: Mapping[Key, str] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""

    def check(self, name: str, record: Record) -> None:
        """Raise OiellmError if the system was given another text under this record's id."""
        key = (record.config, record.id)
        if self.texts.get(key, record.text) != record.text:
            raise OiellmError(
                f"{name}: {record.config} {record.id!r} was predicted from another text: take the same release"
            )


def read_run(folder: Path) -> Run:
    """The predictions of a folder; a run whose settings hold ``closed`` is noted as of the closed setting.

    Raises:
        OiellmError: there are none, or a row comes twice.
    """
    from oiellm.predict.store import read_predictions

    rows, run = read_predictions(folder)
    outputs = {(row["config"], row["id"]): Output(row["output"], row["form"]) for row in rows}
    if len(outputs) != len(rows):
        raise OiellmError(f"{folder}: {len(rows) - len(outputs):,} rows come twice; predict into a new folder")
    texts = {(row["config"], row["id"]): row["text"] for row in rows}
    return Run(outputs, texts, run, closed.NOTE if run["settings"].get("closed") else "")
