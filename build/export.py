"""Records in, release tree out: ``release/mmm`` with a card, Parquet files, a manifest and a leakage report.

Rows stream: the first pass stages every config as Parquet and keeps a few bytes a row for the split, the second copies each
side out of the staged columns without touching Python objects. The same records and options give the same bytes.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import mmm_dataset
from build.core import Drop, KitError, Row, Step, Tally, write_step
from build.duplicates import digest
from build.files import versions
from build.manifest import write_manifest
from build.splits import Ledger, Shares, Sides
from build.step_record import Run
from cards.dataset_card import render_card
from cards.errors import CardError
from cards.licence import FILE as LICENCE
from cards.licence import render_licence
from mmm_dataset import Record, Registry
from mmm_dataset.evaluation import STANDARD, standard_ids
from mmm_dataset.files import atomic, dump, pretty, progress, sha256
from mmm_dataset.record import SPLITS
from mmm_dataset.registry_files import embed
from mmm_dataset.schema import arrow_schema, to_row

BATCH = 2048
ROW_GROUP = 4096
REPORT = "report.jsonl"
"""Every drop and note of the run, one a line, beside the release: it may hold source text and is not part of it."""


@dataclass
class Facts:
    """What the manifest says of a config's rows; :mod:`build.validate` counts them again."""

    counts: Counter[str] = field(default_factory=Counter)
    sources: set[str] = field(default_factory=set)
    licences: set[str] = field(default_factory=set)
    origins: set[str] = field(default_factory=set)

    def add(self, record: Record) -> None:
        """Count one row."""
        self.sources.add(record.source)
        self.licences.add(record.licence)
        self.origins.add(record.origin)
        self.counts["items"] += len(record.items or ())
        self.counts["rows_without_item"] += record.items == ()
        self.counts["rows_not_parsed"] += record.items is None

    def as_dict(self) -> dict[str, Any]:
        """Entries of the manifest, in a fixed order."""
        names = ("sources", "licences", "origins")
        counts = {key: self.counts[key] for key in ("items", "rows_without_item", "rows_not_parsed")}
        return {**counts, **{name: sorted(getattr(self, name)) for name in names}}


@dataclass
class _Stage:
    """One config while its rows come in: a staged Parquet file and the rows' place in the ledger."""

    path: Path
    writer: pq.ParquetWriter
    rows: list[dict[str, Any]] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    facts: Facts = field(default_factory=Facts)

    def add(self, record: Record, row: dict[str, Any], place: int) -> None:
        self.rows.append(row)
        self.places.append(place)
        self.facts.add(record)
        if len(self.rows) == BATCH:
            self.flush()

    def flush(self) -> None:
        if self.rows:
            self.writer.write_batch(pa.RecordBatch.from_pylist(self.rows, schema=self.writer.schema))
            self.rows = []


def build_release(
    rows: Iterable[Row],
    out: Path,
    registry: Registry,
    *,
    split: str = "auto",
    shares: Shares | None = None,
    inputs: Mapping[str, str] | None = None,
    steps: Mapping[str, Any] | None = None,
    command: str = "export",
    replace: bool = False,
) -> dict[str, Any]:
    """Write a release.

    Args:
        rows: records of any configs; drops and notes on the way are counted.
        out: the folder to write, see :func:`build.core.write_step`.
        registry: what knows the configs.
        split: ``auto``, ``hash``, ``table3`` or ``published``, see :mod:`build.splits`.
        shares: of train and validation for ``hash``; None for those of the registry.
        inputs: file name to SHA-256 of what was read, for the manifest.
        steps: earlier steps' counts, for the manifest.
        command: the verb, part of the run's identity.
        replace: move another result at ``out`` aside.

    Returns:
        The manifest, as written.

    Raises:
        KitError: ``out`` holds something else, an id comes twice, no row can be released, or the split cannot be made.
    """
    tally, ledger = Tally(), Ledger(registry, shares)
    inputs = dict(sorted((inputs or {}).items()))
    options = {"split": split, **({"shares": str(shares)} if shares else {})}
    with write_step(out, Run.of(command, registry, inputs, options), replace=replace) as step:
        tree = step.folder
        with _staged(step) as staged:
            stages = _stage(tally.count(_releasable(rows)), staged, ledger, registry)
            if not stages:
                raise KitError(f"nothing to release: {_reasons(tally)}")
            split = ledger.method(split)
            sides, leakage = ledger.assign(split)
            names = progress([name for name in registry.configs if name in stages], "writing", unit=" configs")
            configs = {name: _write_config(name, stages[name], sides, tree) for name in names}
            os.replace(staged / REPORT, step.beside(f".{REPORT}"))
        manifest = {
            "name": step.target.name,
            "versions": {"kit": mmm_dataset.__version__, **versions()},
            "inputs": inputs,
            "registry": dict(registry.files),
            "options": {**options, "split": split},
            "steps": {**(steps or {}), "release": tally.as_dict()},
            "leakage": {name: {k: v for k, v in part.items() if k != "examples"} for name, part in leakage.items()},
            "evaluation": _write_standard(configs, tree),
            "configs": configs,
        }
        _write(tree / "leakage.json", pretty(leakage))
        _write_about(tree, manifest, registry)
    return manifest


def _write_about(tree: Path, manifest: Mapping[str, Any], registry: Registry) -> None:
    """Manifest, registry files, license and card; each of the last two is rendered from the ones before."""
    write_manifest(tree, manifest)
    embed(registry, tree)
    _write(tree / LICENCE, render_licence(manifest, registry))
    _write(tree / "README.md", _card(tree, registry))


@contextmanager
def _staged(step: Step) -> Iterator[Path]:
    """A folder for what is not kept, inside the one that is being written."""
    folder = step.path(".staged/x").parent
    yield folder
    shutil.rmtree(folder)


def _releasable(rows: Iterable[Row]) -> Iterator[Row]:
    for row in rows:
        if isinstance(row, Record) and not row.is_annotated and row.raw is None:
            yield Drop(row.id, "not_annotated", "no text-level label or no items yet: annotate it first")
        else:
            yield row


def _stage(rows: Iterable[Row], folder: Path, ledger: Ledger, registry: Registry) -> dict[str, _Stage]:
    schema, stages, seen = arrow_schema(), {}, set()
    with (folder / REPORT).open("w", encoding="utf-8") as report:
        for row in progress(rows, "staging"):
            if not isinstance(row, Record):
                report.write(dump(row.as_dict()) + "\n")
                continue
            name = row.config
            if name not in stages:
                registry.config(name)
                path = folder / f"{name}.parquet"
                stages[name] = _Stage(path, pq.ParquetWriter(path, schema, compression="snappy"))
            if (key := digest(f"{name}\0{row.id}")) in seen:
                raise KitError(f"{name}: the id {row.id!r} comes twice; ids must be unique within a config")
            seen.add(key)
            try:
                if row.raw is None:  # published rows are kept, and reported, as they are
                    _check(row, registry)
                stages[name].add(row, to_row(row, registry.task_words), len(ledger))
            except ValueError as error:
                raise KitError(f"{name}: {error}") from error
            ledger.add(row)
    for stage in stages.values():
        stage.flush()
        stage.writer.close()
    return stages


def _check(record: Record, registry: Registry) -> None:
    registry.check_labels(record)
    for item in record.items or ():
        for span in item.spans:
            if span.text not in record.text:
                raise KitError(f"{record.config}: record {record.id!r}: {span.text!r} is not in the text")


def _write_config(name: str, stage: _Stage, sides: Sides, tree: Path) -> dict[str, Any]:
    of_config = sides[stage.places]
    folder = tree / "data" / name
    folder.mkdir(parents=True)
    files = {}
    for number, split in enumerate(SPLITS):
        wanted = pa.array(of_config == number)
        if pc.sum(wanted).as_py():
            files[split] = _write_side(stage.path, wanted, folder, split)
    return {"files": files, **stage.facts.as_dict()}


def _write_side(staged: Path, wanted: pa.BooleanArray, folder: Path, split: str) -> dict[str, Any]:
    path, at, rows = folder / f"{split}.parquet", 0, 0
    with (
        pq.ParquetFile(staged, pre_buffer=False) as source,
        pq.ParquetWriter(path, arrow_schema(), compression="zstd") as writer,
    ):
        for batch in source.iter_batches(batch_size=ROW_GROUP):
            side = batch.filter(wanted[at : at + len(batch)])
            at += len(batch)
            rows += len(side)
            if len(side):
                writer.write_batch(side)
    # The name carries the bytes' hash: the cache of `datasets` is blind to changed bytes under an unchanged name.
    checksum = sha256(path)
    final = path.with_name(f"{split}-{checksum[:16]}.parquet")
    path.rename(final)
    return {"path": f"data/{folder.name}/{final.name}", "rows": rows, "bytes": final.stat().st_size, "sha256": checksum}


def _write_standard(configs: Mapping[str, Any], tree: Path) -> dict[str, Any]:
    """The ids of the standard evaluation, so that whoever scores a model on this release scores the same rows."""
    _write(tree / STANDARD, pretty(standard(configs, tree)))
    return {"path": STANDARD, "sha256": sha256(tree / STANDARD)}


def standard(configs: Mapping[str, Any], tree: Path) -> dict[str, list[str]]:
    """Config to its standard test ids, of the configs that have test rows; ``configs`` as in the manifest."""
    tests = {name: config["files"]["test"]["path"] for name, config in configs.items() if "test" in config["files"]}
    return {
        name: standard_ids(name, pq.read_table(tree / path, columns=["id"])["id"].to_pylist())
        for name, path in tests.items()
    }


def _card(tree: Path, registry: Registry) -> str:
    try:
        return render_card(tree, registry)
    except CardError as error:
        raise KitError(str(error)) from error


def _reasons(tally: Tally) -> str:
    counts = [f"{count} x {reason}" for reason, count in sorted(tally.dropped.items())]
    return "dropped " + ", ".join(counts) if counts else "there was no row"


def _write(path: Path, text: str) -> None:
    with atomic(path) as file:
        file.write(text)
