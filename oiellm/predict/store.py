"""Predictions on disk: part files while a run lasts, one Parquet file in the order of the input when it is done.

``OUT/run.json`` holds the settings, ``OUT/parts/`` what is there so far, ``OUT/predictions.parquet`` the finished run.
Every file appears whole or not at all, so a killed run goes on from its last part.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mmm_dataset.files import atomic, dump, pretty
from oiellm.errors import OiellmError

if TYPE_CHECKING:
    import pyarrow as pa

RUN: Final = "run.json"
PREDICTIONS: Final = "predictions.parquet"
PARTS: Final = "parts"
ROW: Final = "row"
"""Column of the parts: number of the record in the input."""


def schema() -> pa.Schema:
    """Columns of ``predictions.parquet``: what was asked, what came back, what it says, and how it was made.

    ``output`` is the string that is scored, in the form that ``form`` names; ``raw`` is what the model wrote. ``label``,
    ``entities`` and ``tuples`` are those of a release row, null if ``failure`` (one of ``mmm_f1.unified.PARSE_FAILURES``)
    is not. ``issues`` are kinds of ``CONTENT_FAILURES``. ``lenient`` is what would be scored if an answer among other words
    counted, null if it is the same. ``deviations`` are kinds of :mod:`oiellm.predict.deviations`. ``dropped_items`` were cut
    off by the limit, or listed more often than the text holds them. ``label_confidence`` and ``item_confidences``, one per
    item, are mean token probabilities (:mod:`oiellm.predict.confidence`), null where they are not known.
    """
    import pyarrow as pa

    from mmm_dataset.schema import arrow_schema

    rows, text = arrow_schema(), pa.string()
    names = ("id", "config", "task_word", "text", "input", "output", "raw", "form", "label")
    return pa.schema(
        [
            *((name, text) for name in names),
            rows.field("entities"),
            rows.field("tuples"),
            *((name, text) for name in ("failure", "failure_detail")),
            ("issues", pa.list_(text)),
            ("lenient", text),
            ("deviations", pa.list_(text)),
            ("finish", text),
            *((name, pa.int32()) for name in ("dropped_items", "new_tokens", "batch")),
            ("label_confidence", pa.float32()),
            ("item_confidences", pa.list_(pa.float32())),
            *((name, text) for name in ("engine", "dtype")),
            ("constrained", pa.bool_()),
            ("model", text),
        ]
    )


def same_settings(out: Path, before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
    """Raise OiellmError naming the first setting of the run in ``out`` that is another now; both as JSON gives them back."""
    for name in dict.fromkeys((*before, *now)):
        old, new = before.get(name), now.get(name)
        if old != new:
            raise OiellmError(f"{out}: holds a run with {name} = {dump(old)}, not {dump(new)}; choose another --out")


class Store:
    """The folder of one run."""

    def __init__(self, out: Path, settings: Mapping[str, Any]) -> None:
        """Open or begin a run.

        Args:
            out: its folder.
            settings: all that decides the predictions, as JSON types; a run goes on only under the same.

        Raises:
            OiellmError: the folder holds a run of other settings, or something that is no run, or cannot be written.
        """
        self.out, self.settings = out, json.loads(dump(dict(settings)))
        if (out / RUN).exists():
            same_settings(out, _read_run(out)["settings"], self.settings)
        elif (out / PREDICTIONS).exists() or (out / PARTS).exists():
            raise OiellmError(f"{out}: holds predictions but no {RUN}; choose another --out")
        else:
            self._write_run(None)

    def _write_run(self, summary: Mapping[str, Any] | None) -> None:
        try:
            with atomic(self.out / RUN) as file:
                file.write(pretty({"settings": self.settings, "summary": summary}))
        except OSError as error:
            raise OiellmError(f"{self.out}: cannot be written ({error}); choose another --out") from error

    def summary(self) -> dict[str, Any] | None:
        """What :meth:`finish` was given, if the run is finished."""
        found: dict[str, Any] | None = _read_run(self.out)["summary"]
        return found if (self.out / PREDICTIONS).is_file() else None

    def so_far(self) -> tuple[set[int], int]:
        """Numbers of the records that are predicted, and the next number of a batch."""
        done, batches = set(), -1
        for part in self._parts():
            table = _read(part, [ROW, "batch"])
            done.update(table[ROW].to_pylist())
            batches = max([batches, *table["batch"].to_pylist()])
        return done, batches + 1

    def add(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write a part: rows of :func:`schema` with the number of their record under ``row``.

        Raises:
            OiellmError: the disk is full or the folder gone; what was written before stays.
        """
        import pyarrow as pa

        if rows:
            folder = self.out / PARTS
            last = max((int(part.stem) for part in self._parts()), default=-1)
            columns = schema().append(pa.field(ROW, pa.int64()))
            self._write(pa.Table.from_pylist(list(rows), schema=columns), folder / f"{last + 1:06d}.parquet")

    def merged(self) -> pa.Table:
        """All parts as one table, in the order of the input."""
        import pyarrow as pa

        parts = self._parts()
        if not parts:
            return schema().empty_table()
        table = pa.concat_tables([_read(part) for part in parts], promote_options="default")
        return table.sort_by(ROW).drop_columns([ROW])

    def finish(self, table: pa.Table, summary: Mapping[str, Any]) -> None:
        """Write the finished run and remove the parts."""
        self._write(table, self.out / PREDICTIONS)
        self._write_run(summary)
        shutil.rmtree(self.out / PARTS, ignore_errors=True)

    def _parts(self) -> list[Path]:
        return sorted((self.out / PARTS).glob("[0-9]*.parquet"))

    def _write(self, table: pa.Table, path: Path) -> None:
        import pyarrow.parquet as pq

        unfinished = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, unfinished)
            with unfinished.open("rb+") as file:
                os.fsync(file.fileno())
            os.replace(unfinished, path)
        except OSError as error:
            unfinished.unlink(missing_ok=True)
            raise OiellmError(
                f"{path}: cannot be written ({error}); what was predicted before is kept: make room and run again"
            ) from error


def read_predictions(folder: str | Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """A finished run, for scoring it again without the model.

    Returns:
        Its rows, with the columns of :func:`schema` and in the order of the input; and ``{"settings", "summary"}``.

    Raises:
        OiellmError: there is no run, or it is not finished.
    """
    path = Path(folder)
    run = _read_run(path)
    if run["summary"] is None or not (path / PREDICTIONS).is_file():
        raise OiellmError(
            f"{path}: the run is not finished; run the same predict command again, it goes on where it stopped"
        )
    return _read(path / PREDICTIONS).to_pylist(), run


def _read(path: Path, columns: list[str] | None = None) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path, columns=columns)
    except (pa.ArrowInvalid, OSError) as error:
        reason = (str(error).splitlines() or [""])[0]
        raise OiellmError(f"{path}: cannot be read ({reason}); delete this file and predict again") from error


def _read_run(folder: Path) -> dict[str, Any]:
    try:
        run = json.loads((folder / RUN).read_bytes())
        return {"settings": dict(run["settings"]), "summary": run["summary"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OiellmError(f"{folder}: no predictions there: {RUN} is missing or broken ({error})") from error
