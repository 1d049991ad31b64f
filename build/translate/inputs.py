"""What is translated: the rows of a config in a release, or of a file of records."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from build.core import KitError
from build.readers import records as record_files
from build.translate.rows import bare_id
from mmm_dataset import Record, Registry
from mmm_dataset.files import progress, sha256
from mmm_dataset.record import SPLITS
from mmm_f1.unified import ATTRIBUTE
from oiellm.data import open_release


@dataclass(slots=True)
class Given:
    """Rows of one config, as often as they are wanted, and what one look at all of them has told.

    Attributes:
        config: its name.
        rows: reads them from the beginning, in the order of the file.
        inputs: file name to SHA-256, for the manifest.
        total: number of rows.
        sources: names of their sources.
        labels: how often each label comes, by task word; None in its place for text-level labels, ``@name`` for attributes.
    """

    config: str
    rows: Callable[[], Iterable[Record]]
    inputs: dict[str, str]
    total: int = 0
    sources: set[str] = field(default_factory=set)
    labels: Counter[tuple[str | None, str]] = field(default_factory=Counter)
    _ids: set[str] = field(default_factory=set)

    def look_at(self, record: Record) -> None:
        """Count one row.

        Raises:
            KitError: it and another would have one id in another language.
        """
        if (name := bare_id(record)) in self._ids:
            raise KitError(
                f"{self.config}: two rows are {name!r} without the config's name, and would have one id in another language: "
                f"rename {record.id!r} or the other"
            )
        self._ids.add(name)
        self.total += 1
        self.sources.add(record.source)
        if record.label is not None:
            self.labels[None, record.label] += 1
        for item in record.items or ():
            self.labels[record.word, item.label] += 1
            for name, value in item.attributes:
                self.labels[f"{ATTRIBUTE}{name}", value] += 1


def open_source(source: str, release: str, registry: Registry) -> list[Given]:
    """The rows that a source names, config by config, all of them read once.

    Args:
        source: a config of the release, or a file of records (JSON lines), whose configs are taken one by one.
        release: a release: a folder, a name under ``release/``, or ORG/NAME on the Hub.
        registry: knows the configs.

    Raises:
        KitError: there is no such file, a line of it is wrong, or the release lacks the config.
    """
    path = Path(source)
    if path.suffix == ".jsonl" or path.is_file():
        return _of_file(path, registry)
    return [_of_release(registry.config(source).name, release, registry)]


def _of_file(path: Path, registry: Registry) -> list[Given]:
    if not path.is_file():
        raise KitError(f"{path}: no such file; give a file of records, or the name of a config")
    inputs, found = {path.name: sha256(path)}, dict[str, Given]()

    def of(config: str) -> Callable[[], Iterable[Record]]:
        return lambda: (record for record in _records(path, registry) if record.config == config)

    for record in progress(_records(path, registry), f"reading {path.name}"):
        if record.config not in found:
            found[record.config] = Given(record.config, of(record.config), inputs)
        found[record.config].look_at(record)
    if not found:
        raise KitError(f"{path}: holds no records")
    return list(found.values())


def _records(path: Path, registry: Registry) -> Iterator[Record]:
    return (row for row in record_files.read(path, registry) if isinstance(row, Record))


def _of_release(config: str, where: str, registry: Registry) -> Given:
    release = open_release(where, registry)
    files = release.manifest["configs"].get(config, {}).get("files")
    if not files:
        raise KitError(f"{release.path}: has no config {config}; name another one with --release, or a file of records")

    def rows() -> Iterator[Record]:
        for split in SPLITS:
            yield from release.records(config, split)

    given = Given(config, rows, {file["path"]: file["sha256"] for file in files.values()})
    for record in progress(rows(), f"reading {config}"):
        given.look_at(record)
    return given


def sampled(given: Given, size: int | None, seed: int) -> Callable[[], Iterable[Record]]:
    """A reader of ``size`` of the rows, drawn without replacement by the seed, in the order of the file."""
    if size is None or size >= given.total:
        return given.rows
    chosen = set(random.Random(seed).sample(range(given.total), size))
    return lambda: (record for number, record in enumerate(given.rows()) if number in chosen)
