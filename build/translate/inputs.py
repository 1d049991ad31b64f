"""What is translated: the rows of a config in a release, or of a file of records."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from build.sources import records as record_files
from build.steps import KitError
from mmm_dataset import Record, Registry
from mmm_dataset.files import sha256
from mmm_dataset.record import SPLITS
from oiellm.data import open_release
from oiellm.errors import OiellmError


@dataclass(frozen=True, slots=True)
class Given:
    """Rows of one config, as often as they are wanted.

    Attributes:
        config: its name.
        rows: reads them from the beginning, in the order of the file.
        inputs: file name to SHA-256, for the manifest.
    """

    config: str
    rows: Callable[[], Iterable[Record]]
    inputs: dict[str, str]


def open_source(source: str, release: str, registry: Registry) -> list[Given]:
    """The rows that a source names, config by config.

    Args:
        source: a config of the release, or a file of records (JSON lines), whose configs are taken one by one.
        release: a release: a folder, a name under ``release/``, or ORG/NAME on the Hub.
        registry: knows the configs.

    Raises:
        KitError: there is no such file, or the release lacks the config; a bad line is named when it is read.
    """
    path = Path(source)
    if path.suffix == ".jsonl" or path.is_file():
        return _of_file(path, registry)
    return [_of_release(registry.config(source).name, release, registry)]


def _of_file(path: Path, registry: Registry) -> list[Given]:
    if not path.is_file():
        raise KitError(f"{path}: no such file; give a file of records, or the name of a config")
    configs = list(dict.fromkeys(record.config for record in _records(path, registry)))
    if not configs:
        raise KitError(f"{path}: holds no records")
    inputs = {path.name: sha256(path)}

    def of(config: str) -> Callable[[], Iterable[Record]]:
        return lambda: (record for record in _records(path, registry) if record.config == config)

    return [Given(config, of(config), inputs) for config in configs]


def _records(path: Path, registry: Registry) -> Iterator[Record]:
    return (row for row in record_files.read(path, registry) if isinstance(row, Record))


def _of_release(config: str, where: str, registry: Registry) -> Given:
    try:
        release = open_release(where, registry)
    except OiellmError as error:
        raise KitError(str(error)) from error
    files = release.manifest["configs"].get(config, {}).get("files")
    if not files:
        raise KitError(f"{release.path}: has no config {config}; name another one with --release, or a file of records")

    def rows() -> Iterator[Record]:
        try:
            for split in SPLITS:
                yield from release.records(config, split)
        except OiellmError as error:
            raise KitError(str(error)) from error

    return Given(config, rows, {file["path"]: file["sha256"] for file in files.values()})


def sampled(given: Given, total: int, size: int | None, seed: int) -> Callable[[], Iterable[Record]]:
    """A reader of ``size`` of the ``total`` rows, drawn without replacement by the seed, in the order of the file."""
    if size is None or size >= total:
        return given.rows
    chosen = set(random.Random(seed).sample(range(total), size))
    return lambda: (record for number, record in enumerate(given.rows()) if number in chosen)
