"""Bring your own: JSON lines of records, as ``mmm_dataset.to_dict`` writes them; ``docs/sources.md`` has an example."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from build.core import KitError, Row
from build.files import read_json_lines
from build.readers.inputs import find_all
from mmm_dataset import RecordError, Registry, RegistryError, from_dict
from oiellm.files import fast_load


def read(path: Path, registry: Registry) -> Iterator[Row]:
    """Read a file of records, or all ``*.jsonl`` of a folder.

    Raises:
        KitError: a line is not a valid record, its config or a label is not in the registry, or its id is there twice.
    """
    seen: dict[str, set[str]] = {}
    files, notes = find_all(path, registry.source("user"), ".jsonl")
    yield from notes
    for file in files:
        for number, row in read_json_lines(file, fast_load):
            where = f"{file}:{number}"
            if not isinstance(row, dict):
                raise KitError(f"{where}: a {type(row).__name__} where a record (a JSON object) was due")
            try:
                record = from_dict(row)
            except RecordError as error:
                raise KitError(f"{where}: {error}") from error
            if record.config not in registry.configs:
                raise KitError(f"{where}: no config {record.config!r} in the registry: add it (--registry FILE.toml)")
            if record.is_annotated and record.raw is None:
                try:
                    registry.check_labels(record)
                except RegistryError as error:
                    raise KitError(f"{where}: {error}") from error
            ids = seen.setdefault(record.config, set())
            if record.id in ids:
                raise KitError(f"{where}: the id {record.id!r} is in {record.config} already: make it unique")
            ids.add(record.id)
            yield record
