"""Check any release tree against itself and the registry, and say what is wrong, row by row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from build.duplicates import digest
from build.export import SPLITS
from build.files import progress, sha256
from build.steps import KitError
from mmm_dataset import Failure, Record, RecordError, Registry, RegistryError, decode, split_input
from mmm_dataset.schema import COLUMNS, arrow_schema, from_row, to_row

_SHOWN = 5


@dataclass
class Report:
    """What a check found: errors make the tree invalid, remarks do not. Messages of a kind are counted past the first few."""

    errors: Counter[str] = field(default_factory=Counter)
    remarks: Counter[str] = field(default_factory=Counter)
    messages: list[str] = field(default_factory=list)
    rows: int = 0

    def error(self, kind: str, message: str) -> None:
        """Something that must be mended."""
        self._say(self.errors, "error", kind, message)

    def remark(self, kind: str, message: str) -> None:
        """Something to know."""
        self._say(self.remarks, "note", kind, message)

    def _say(self, counts: Counter[str], level: str, kind: str, message: str) -> None:
        counts[kind] += 1
        if counts[kind] <= _SHOWN:
            self.messages.append(f"{level}: {kind}: {message}")

    def __str__(self) -> str:
        more = [
            f"{level}: {kind}: {count - _SHOWN} more"
            for level, counts in (("error", self.errors), ("note", self.remarks))
            for kind, count in counts.items()
            if count > _SHOWN
        ]
        verdict = f"{sum(self.errors.values())} errors" if self.errors else "valid"
        return "\n".join([*self.messages, *more, f"{self.rows:,} rows checked: {verdict}"])


def validate(tree: Path, registry: Registry) -> Report:
    """Check a release tree: card, manifest, file hashes, schema, ids, offsets, round trip, label sets, sizes, splits.

    Raises:
        KitError: ``tree`` is no release at all.
    """
    manifest, card = _read_manifest(tree), _read_card(tree)
    report = Report()
    _check_card(card, manifest, report)
    for script in sorted(tree.glob("*.py")):
        report.error(
            "script", f"{script.name}: a script in the tree breaks load_dataset on datasets 4 and later; remove it"
        )
    sides: dict[int, str] = {}
    for name, config in manifest["configs"].items():
        try:
            registry.config(name)
        except RegistryError as error:
            report.error("unknown_config", str(error))
            continue
        _check_config(tree, name, config, registry, sides, manifest["options"]["split"], report)
    return report


def _read_manifest(tree: Path) -> Any:
    path = tree / "manifest.json"
    if not path.is_file():
        raise KitError(f"{tree}: no manifest.json: not a release tree of this kit")
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        return manifest if manifest["configs"] and manifest["options"]["split"] else None
    except (json.JSONDecodeError, KeyError, TypeError) as error:
        raise KitError(f"{path}: not a manifest of this kit ({error}); build the release again") from error


def _read_card(tree: Path) -> dict[str, Any]:
    path = tree / "README.md"
    if not path.is_file():
        raise KitError(f"{path}: no card: load_dataset cannot know the configs; build the release again")
    parts = path.read_text(encoding="utf-8").split("---\n", 2)
    try:
        card = yaml.safe_load(parts[1]) if len(parts) == 3 and not parts[0] else None
    except yaml.YAMLError as error:
        raise KitError(f"{path}: the YAML at its top is broken: {error}".replace("\n", " ")) from error
    if not isinstance(card, dict) or "configs" not in card:
        raise KitError(f"{path}: no YAML with `configs:` at its top; build the release again")
    return card


def _check_card(card: Mapping[str, Any], manifest: Mapping[str, Any], report: Report) -> None:
    on_card = {c["config_name"]: {f["split"]: f["path"] for f in c["data_files"]} for c in card["configs"]}
    built = {name: {s: f["path"] for s, f in c["files"].items()} for name, c in manifest["configs"].items()}
    for name in sorted(on_card.keys() | built.keys()):
        if on_card.get(name) != built.get(name):
            report.error("card", f"{name}: the card says {on_card.get(name)}, the manifest {built.get(name)}")


def _check_config(
    tree: Path,
    name: str,
    config: Mapping[str, Any],
    registry: Registry,
    sides: dict[int, str],
    method: str,
    report: Report,
) -> None:
    seen: set[int] = set()
    facts, items = registry.config(name), 0
    for split in SPLITS:
        if split not in config["files"]:
            report.remark("empty_split", f"{name} has no {split} rows")
            continue
        file = config["files"][split]
        path = tree / file["path"]
        if not _check_file(path, file, report):
            continue
        for number, row in enumerate(progress(_rows(path), f"{name} {split}", file["rows"]), 1):
            where = f"{file['path']}:{number}"
            if (key := digest(row["id"] or "")) in seen:
                report.error("repeated_id", f"{where}: {row['id']!r}")
            seen.add(key)
            items += len(row["entities"] or ()) + len(row["tuples"] or ())
            _check_row(row, name, registry, where, report)
            if method == "hash":
                unit = digest(f"{row['source']}\0{row['source_id']}")
                if sides.setdefault(unit, split) != split:
                    report.error("split", f"{where}: source item {row['source_id']!r} is on both sides")
        expected = getattr(facts, split)
        if "published" in config["origins"] and expected is not None and file["rows"] != expected:
            known = f" (known: {facts.deviation['why']})" if facts.deviation else ""
            report.remark("size", f"{name} {split}: {file['rows']:,} rows, the paper says {expected:,}{known}")
    if not report.errors and items != config["items"]:
        report.error("manifest", f"{name}: {items} items in the files, {config['items']} in the manifest")


def _check_file(path: Path, file: Mapping[str, Any], report: Report) -> bool:
    if not path.is_file():
        report.error("missing_file", f"{file['path']}: the manifest lists it")
        return False
    if sha256(path) != file["sha256"]:
        report.error("checksum", f"{file['path']}: the bytes are not the ones the manifest was written for")
    try:
        schema, rows = pq.read_schema(path), pq.read_metadata(path).num_rows
    except (OSError, ValueError) as error:
        report.error("parquet", f"{file['path']}: {error}")
        return False
    if b"huggingface" in (schema.metadata or {}):
        report.error("schema", f"{file['path']}: holds `huggingface` metadata, which older readers refuse")
    if not schema.remove_metadata().equals(arrow_schema()):
        report.error(
            "schema", f"{file['path']}: columns {', '.join(schema.names)}, not {', '.join(COLUMNS)} of the right types"
        )
        return False
    if rows != file["rows"]:
        report.error("manifest", f"{file['path']}: {rows} rows, {file['rows']} in the manifest")
    report.rows += rows
    return True


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=4096):
            yield from batch.to_pylist()


def _check_row(row: Mapping[str, Any], config: str, registry: Registry, where: str, report: Report) -> None:
    try:
        record = from_row(row)
    except RecordError as error:
        report.error("record", f"{where}: {error}")
        return
    if record.config != config:
        report.error("config", f"{where}: the row is of {record.config}")
    if record.word not in registry.task(record.task).words:
        report.error("task_word", f"{where}: {record.word!r} is no task word of {record.task}")
    if not record.is_annotated:
        kind = (report.remark, "not_parsed") if record.raw else (report.error, "not_annotated")
        kind[0](kind[1], f"{where}: no label or no items")
        return
    if record.form == "escaped" and to_row(record, registry.task_words)["output"] != row["output"]:
        report.error("output", f"{where}: the output string is not what the row's label and items give")
    _check_round_trip(record, row, registry, where, report)


def _check_round_trip(record: Record, row: Mapping[str, Any], registry: Registry, where: str, report: Report) -> None:
    tell = report.remark if record.raw else report.error  # published rows are kept as they are
    if split_input(row["input"], (record.word,)) != (record.text, record.word):
        tell("input", f"{where}: the input is not the text with /{record.word}")
    config = registry.config(record.config)
    labels = registry.word_labels(config, record.word)
    read = decode(
        row["output"], record.word, text=record.text, labels=labels, form=record.form, task_words=registry.task_words
    )
    if isinstance(read, Failure):
        report.error("output", f"{where}: {read.kind}: {read.detail}")
        return
    if read.label != record.label or _bare(read.items) != _bare(record.items or ()):
        report.error("round_trip", f"{where}: reading the output back gives another label or other items")
    for issue in read.issues:
        tell(issue.kind, f"{where}: {issue.detail}")
    text_labels = registry.text_labels(config)
    if text_labels is not None and record.label not in text_labels:
        tell("unknown_text_label", f"{where}: {record.label!r}")


def _bare(items: Any) -> list[Any]:
    return [(item.label, [(span.role, span.text) for span in item.spans if span.text]) for item in items]
