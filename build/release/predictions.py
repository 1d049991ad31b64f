"""Predictions of rows whose texts may not go out: figures and failures stay, so that every score can be followed; words go."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Final

from build.core import KitError
from oiellm.predict.store import PREDICTIONS

if TYPE_CHECKING:
    import pyarrow as pa

_WORDLESS: Final = frozenset(
    {
        *("id", "config", "task_word", "form", "failure", "issues", "finish", "dropped_items", "new_tokens", "batch"),
        *("engine", "dtype", "constrained", "model", "deviations"),
    }
)
"""Columns without words of a text or of a model; any other is emptied, so that a new one cannot carry words out."""


def without_texts(folder: Path, barred: Collection[str]) -> None:
    """Empty what holds text in the rows of some configs, in all predictions of a folder; without any, no file is touched.

    A file is replaced whole and never changed in place, because a staged one may be a link to that of the user.

    Args:
        folder: the staged results; predictions are in ``*/predictions.parquet``.
        barred: the configs.

    Raises:
        KitError: a file cannot be read or written, or does not say which config a row is of.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    for path in sorted(folder.rglob(PREDICTIONS)) if barred else ():
        try:
            table = pq.read_table(path)
            if "config" not in table.column_names:
                raise KitError(f"{path}: has no column config, so nobody can tell which rows may go out; predict again")
            emptied = _emptied(table, barred)
            if emptied is not None:
                _replace(path, emptied)
        except (pa.ArrowException, OSError) as error:
            reason = (str(error).splitlines() or [""])[0]
            raise KitError(f"{path}: cannot be rewritten without texts ({reason}); predict again") from error


def _emptied(table: pa.Table, barred: Collection[str]) -> pa.Table | None:
    """The table with the same columns; None if it has no row of these configs."""
    import pyarrow as pa
    import pyarrow.compute as pc

    config = table["config"].combine_chunks()
    # A row of no config is nobody's to release.
    goes = pc.and_(pc.is_valid(config), pc.invert(pc.is_in(config, value_set=pa.array(sorted(barred), config.type))))
    if pc.all(goes).as_py() is not False:
        return None
    places = pc.if_else(goes, pa.array(range(table.num_rows), pa.int64()), None)  # taking from no place gives null
    columns = [
        table.column(field.name) if field.name in _WORDLESS else table.column(field.name).take(places)
        for field in table.schema
    ]
    return pa.Table.from_arrays(columns, schema=table.schema)


def _replace(path: Path, table: pa.Table) -> None:
    import pyarrow.parquet as pq

    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        pq.write_table(table, unfinished)
        os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
