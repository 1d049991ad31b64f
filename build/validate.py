"""Check any release tree against itself and the registry, and say what is wrong, row by row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from build.duplicates import digest, normalise
from build.export import Facts, standard
from build.manifest import read_release
from build.row_checks import Report, check_row
from build.splits import unit
from cards.dataset_card import render_card
from mmm_dataset import Record, Registry, RegistryError
from mmm_dataset.evaluation import STANDARD
from mmm_dataset.files import progress, sha256
from mmm_dataset.record import SPLITS
from mmm_dataset.schema import COLUMNS, arrow_schema, field_types


def validate(tree: Path, registry: Registry) -> Report:
    """Check a release tree: manifest, card, files, schema, ids, offsets, round trips, labels, sizes, splits.

    Raises:
        KitError: ``tree`` is no release of this kit at all.
    """
    manifest = read_release(tree)
    report = Report()
    _check_files(tree, manifest, report)
    sides = _Sides()
    for name, config in manifest["configs"].items():
        try:
            registry.config(name)
        except RegistryError as error:
            report.error("unknown_config", str(error))
            continue
        _check_config(tree, name, config, registry, sides, report, is_translated=_is_translated(name, manifest))
    if not report.errors:
        sides.check(manifest, report)
        _check_standard(tree, manifest, report)
        _check_card(tree, manifest, registry, report)
    return report


def _check_files(tree: Path, manifest: Mapping[str, Any], report: Report) -> None:
    listed = {file["path"] for config in manifest["configs"].values() for file in config["files"].values()}
    for path in sorted(tree.rglob("*")):
        name = path.relative_to(tree).as_posix()
        if path.suffix == ".py":
            report.error(
                "script", f"{name}: a script in the tree breaks load_dataset on datasets 4 and later; remove it"
            )
        elif path.suffix == ".parquet" and name not in listed:
            report.error("unlisted_file", f"{name}: not in the manifest; remove it or build the release again")
    try:
        leakage = json.loads((tree / "leakage.json").read_text(encoding="utf-8"))
        counts = {kind: {k: v for k, v in part.items() if k != "examples"} for kind, part in leakage.items()}
        if counts != manifest["leakage"]:
            report.error("leakage", "leakage.json: other counts than in the manifest")
    except (OSError, ValueError, AttributeError) as error:
        report.error("leakage", f"leakage.json: {error}")


def _check_standard(tree: Path, manifest: Mapping[str, Any], report: Report) -> None:
    """The ids of the standard evaluation: the file of the manifest, and the ids that its rule gives for these rows."""
    try:
        if manifest["evaluation"] != {"path": STANDARD, "sha256": sha256(tree / STANDARD)}:
            report.error("evaluation", f"{STANDARD}: not the file that the manifest names; build the release again")
        found = json.loads((tree / STANDARD).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        report.error("evaluation", f"{STANDARD}: {error}")
        return
    wanted = standard(manifest["configs"], tree)
    found = found if isinstance(found, dict) else {}
    for name in sorted({*wanted, *found}):
        if found.get(name) != wanted.get(name):
            report.error("evaluation", f"{STANDARD}: {name}: not the ids that the rule gives for its test rows")


def _check_card(tree: Path, manifest: Mapping[str, Any], registry: Registry, report: Report) -> None:
    """The YAML is what ``load_dataset`` goes by: it must say what the manifest says. Prose may be edited by hand."""
    try:
        text = (tree / "README.md").read_text(encoding="utf-8")
        wanted = render_card(tree, registry)
        if _front_matter(text).get("configs") != _front_matter(wanted)["configs"]:
            report.error(
                "card", "README.md: the configs in its YAML are not those of the manifest; build the release again"
            )
        elif text != wanted:
            report.remark("card", "README.md: not what the tree alone gives: it was edited, or rendered for a release")
    except (OSError, ValueError, yaml.YAMLError) as error:
        report.error("card", f"README.md: {error}".replace("\n", " "))


def _front_matter(card: str) -> Any:
    parts = card.split("---\n", 2)
    found = yaml.safe_load(parts[1]) if len(parts) == 3 and not parts[0] else None
    if not isinstance(found, dict):
        raise ValueError("no YAML at its top: load_dataset cannot know the configs")
    return found


@dataclass
class _Sides:
    """Source items and texts by side, to count again what leaks; near duplicates are left to the build."""

    train: dict[str, set[int]] = field(default_factory=lambda: {"exact": set(), "source_item": set()})
    held_out: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def add(self, record: Record, split: str) -> None:
        for kind, key in (("exact", digest(normalise(record.text))), ("source_item", unit(record))):
            if split == "train":
                self.train[kind].add(key)
            else:
                self.held_out.setdefault((split, kind), []).append(key)

    def check(self, manifest: Mapping[str, Any], report: Report) -> None:
        for split, kind in {("test", "exact"): 0, ("test", "source_item"): 0, **self.held_out}:
            found = sum(key in self.train[kind] for key in self.held_out.get((split, kind), ()))
            if manifest["options"]["split"] == "hash" and found:
                report.error(
                    "split", f"{found} {split} rows have a duplicate in train ({kind}): a hash split leaves none"
                )
            said = manifest["leakage"].get(kind, {}).get(f"{split}_rows")
            if said != found and not (kind == "source_item" and said is None):
                report.error(
                    "leakage", f"{found} {split} rows have a duplicate in train ({kind}), the manifest says {said}"
                )


def _is_translated(name: str, manifest: Mapping[str, Any]) -> bool:
    """Whether all rows of a config are translations: the steps that kept them have a yield, and they are as many at least."""
    made = [step for key, step in manifest["steps"].items() if key != "release" and step["kept"].get(name)]
    rows = sum(file["rows"] for file in manifest["configs"][name]["files"].values())
    return all("yield" in step for step in made) and sum(step["kept"][name] for step in made) >= rows


def _check_config(
    tree: Path,
    name: str,
    config: Mapping[str, Any],
    registry: Registry,
    sides: _Sides,
    report: Report,
    *,
    is_translated: bool,
) -> None:
    ids: Counter[int] = Counter()
    facts, complete = Facts(), True
    for split in SPLITS:
        if split not in config["files"]:
            if split != "validation":  # most releases have none
                report.remark("empty_split", f"{name} has no {split} rows")
            continue
        file = config["files"][split]
        if not _check_file(tree / file["path"], file, report):
            complete = False
            continue
        for where, row in _rows(tree, file, f"{name} {split}", report):
            record = check_row(row, name, registry, where, report, is_translated=is_translated)
            if record is None:
                complete = False
                continue
            facts.add(record)
            sides.add(record, split)
            ids[digest(record.id)] += 1
            if ids[digest(record.id)] == 2:
                report.error("repeated_id", f"{where}: {record.id!r}")
        _check_size(name, split, file["rows"], config, registry, report)
    for key, value in facts.as_dict().items() if complete else ():
        if config.get(key) != value:
            report.error("manifest", f"{name}: {key} is {value} in the files, {config.get(key)} in the manifest")


def _check_size(
    name: str, split: str, rows: int, config: Mapping[str, Any], registry: Registry, report: Report
) -> None:
    facts = registry.config(name)
    expected = getattr(facts, split, None)
    if "published" in config["origins"] and expected is not None and rows != expected:
        known = f" (known: {facts.deviation['why']})" if facts.deviation else ""
        report.remark("size", f"{name} {split}: {rows:,} rows, the paper says {expected:,}{known}")


def _check_file(path: Path, file: Mapping[str, Any], report: Report) -> bool:
    if not path.is_file():
        report.error("missing_file", f"{file['path']}: the manifest lists it")
        return False
    if sha256(path) != file["sha256"] or path.stat().st_size != file["bytes"]:
        report.error("checksum", f"{file['path']}: the bytes are not the ones the manifest was written for")
    try:
        schema, rows = pq.read_schema(path), pq.read_metadata(path).num_rows
    except (OSError, pa.ArrowException) as error:
        report.error("parquet", f"{file['path']}: {error}")
        return False
    if b"huggingface" in (schema.metadata or {}):
        report.error("schema", f"{file['path']}: holds `huggingface` metadata, which older readers refuse")
    if not schema.remove_metadata().equals(arrow_schema()):
        report.error("schema", f"{file['path']}: {_other_columns(schema)}")
        return False
    if rows != file["rows"]:
        report.error("manifest", f"{file['path']}: {rows} rows, {file['rows']} in the manifest")
    report.rows += rows
    return True


def _other_columns(schema: pa.Schema) -> str:
    found, wanted = field_types(schema), field_types(arrow_schema())
    for name in {**wanted, **found}:
        if found.get(name) != wanted.get(name):
            return f"column {name} is {found.get(name, 'missing')}, expected {wanted.get(name, 'no such column')}"
    return f"columns in the order {', '.join(schema.names)}, expected {', '.join(COLUMNS)}"


def _rows(tree: Path, file: Mapping[str, Any], what: str, report: Report) -> Iterator[tuple[str, dict[str, Any]]]:
    number = 0
    try:
        with pq.ParquetFile(tree / file["path"]) as source:
            for batch in progress(source.iter_batches(batch_size=4096), what):
                for row in batch.to_pylist():
                    number += 1
                    yield f"{file['path']}:{number}", row
    except (OSError, pa.ArrowException) as error:
        report.error("parquet", f"{file['path']}: cannot be read after row {number}: {error}")
