"""The verbs ``sources``, ``read``, ``export`` and ``import``: readers to files of records, and those to a release."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from build.core import KitError, Row, Tally, write_step
from build.export import build_release
from build.fetch import fetch
from build.files import versions
from build.manifest import read_step, write_manifest
from build.readers import READERS, Reader
from build.readers.provenance import resolve_provenance
from build.splits import Shares
from build.step_record import Run
from cards.built import leakage_line
from mmm_dataset import Record, Registry, to_dict
from mmm_dataset.files import atomic, dump, progress, sha256
from mmm_dataset.record import SPLITS

_LARGEST_FOLDER = 20_000
"""A folder with more files than this is taken for a mistake: the wrong folder was named."""

_OWN_STEP = "release"
"""What the manifest of a release calls the step that made it."""

_MADE_BY = ("method", "model", "stronger_model", "prompts")
"""What a release says of the models behind its rows: ``prompts`` is a digest, or one for each file."""


def describe(registry: Registry) -> str:
    """The readers, their options, and what each source's licence allows."""
    blocks = []
    for reader in READERS.values():
        source = registry.sources.get(reader.source)
        lines = [f"{reader.name}: {reader.help}"]
        if source:
            lines += [f"  {source.title} <{source.url}>" if source.url else f"  {source.title}"]
            lines += [f"  licence {source.licence}; terms: {', '.join(source.terms) or 'not stated'}"]
            lines += [f"  files: {', '.join(source.files)}"]
        lines += [f"  --{name}: {text}" for name, text in reader.options.items()]
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def read(
    reader: Reader,
    origin: Path | None,
    out: Path,
    registry: Registry,
    options: Mapping[str, str],
    *,
    replace: bool = False,
) -> str:
    """Read a source into ``out``: ``records.jsonl``, ``worklist.jsonl``, ``report.jsonl`` and ``manifest.json``.

    Records without a text-level label or without items go to the worklist, for the annotation step; drops and notes go to
    the report. The files appear when the source has been read to its end.

    Args:
        reader: of the source.
        origin: file or folder; None fetches the source into ``download/READER`` beside ``out`` if it is public.
        out: folder to write, see :func:`build.core.write_step`.
        registry: the configs; a source whose configs it lacks needs ``--registry``.
        options: of the reader, by name.
        replace: move another result at ``out`` aside.

    Returns:
        A summary for people.

    Raises:
        KitError: a wrong file, row or option.
    """
    source = options.get("source", reader.source)
    if "source" in reader.options:
        resolve_provenance(registry, options.get("source"), options.get("license"))
    if origin is None:
        if source not in registry.sources:
            raise KitError(f"--from PATH is missing: {source} is not a source of the registry and cannot be fetched")
        origin = out.parent / "download" / reader.name
        fetch(registry.source(source), origin)
    if not origin.exists():
        raise KitError(_missing(origin, reader, registry))
    inputs = checksums(origin)
    for name in reader.paths:
        if name in options and Path(options[name]).exists():
            inputs |= {f"{name}/{file}": value for file, value in checksums(Path(options[name])).items()}
    tally = Tally()
    told = {name: Path(value).name if name in reader.paths else value for name, value in options.items()}
    with write_step(out, Run.of(f"read {reader.name}", registry, inputs, told), replace=replace) as step:
        rows = progress(tally.count(reader.read(origin, registry, **options)), f"reading {reader.name}")
        counts = write_rows(rows, step.folder)
        manifest = {
            "source": source,
            "options": told,
            "inputs": inputs,
            "counts": counts,
            "steps": tally.as_dict(),
            "versions": versions(),
            "registry": dict(registry.files),
        }
        write_manifest(step.folder, manifest)
    return _summary(out, counts, tally)


def release(
    files: Sequence[Path],
    out: Path,
    registry: Registry,
    split: str,
    shares: Shares | None = None,
    *,
    replace: bool = False,
) -> str:
    """Make a release tree of record files; what `read` noted about them travels along in the manifest.

    Args:
        files: of records.
        out: folder to write.
        registry: knows the configs.
        split: see :mod:`build.splits`.
        shares: of train and validation for a hash split; None for those of the registry.
        replace: move another result at ``out`` aside.

    Raises:
        KitError: a file or row is wrong, or the tree cannot be made.
    """
    for path in files:
        if not path.is_file():
            raise KitError(f"{path}: no such file; `python3 -m build read SOURCE` writes records.jsonl")
    inputs, steps = {}, {}
    for path, (step, name) in zip(files, _names(files)):
        inputs[f"{step}/{name}"] = sha256(path)
        earlier = path.with_name("manifest.json")
        if earlier.is_file():
            steps[step] = _steps(earlier, registry)
    rows = _all_records(files, registry)
    manifest = build_release(
        rows, out, registry, split=split, shares=shares, inputs=inputs, steps=steps, replace=replace
    )
    return _released(manifest, out)


def _names(files: Sequence[Path]) -> list[tuple[str, str]]:
    """What each file's step and the file itself are called in the manifest: by its folder, and as many of the folders above it
    as tell it from the others and from the step of the release itself."""
    paths = [path.resolve() for path in files]
    if twice := next((path for path in paths if paths.count(path) > 1), None):
        raise KitError(f"{twice}: given twice")
    folders = dict.fromkeys(path.parent for path in paths)
    steps: dict[Path, str] = {}
    for folder in folders:
        parts = folder.parts[1:]
        for depth in range(1, len(parts) + 1):
            steps[folder] = "/".join(parts[-depth:])
            others = ("/".join(other.parts[1:][-depth:]) for other in folders if other != folder)
            if steps[folder] not in (_OWN_STEP, *others):
                break
        else:
            steps[folder] = f"/{'/'.join(parts)}"
    return [(steps[path.parent], path.name) for path in paths]


def import_published(origin: Path, out: Path, registry: Registry, *, replace: bool = False) -> str:
    """Make a release tree of the authors' files, train and test verbatim. Raises KitError as :func:`read` does."""
    reader = READERS["published"]
    if not origin.is_dir():
        raise KitError(_missing(origin, reader, registry))
    rows = reader.read(origin, registry)
    inputs = checksums(origin)
    manifest = build_release(rows, out, registry, split="published", inputs=inputs, command="import", replace=replace)
    noted = manifest["steps"]["release"]["noted"]
    lines = [f"  {count:,} x {reason}" for reason, count in noted.items()]
    return "\n".join(
        [_released(manifest, out), f"notes, each in {out}.report.jsonl:" if lines else "nothing to note", *lines]
    )


def _steps(manifest: Path, registry: Registry) -> dict[str, Any]:
    """What the manifest of a release says of an earlier step: counts, and how its rows were made and reviewed."""
    found = read_step(manifest)
    carried: dict[str, Any] = {name: found[name] for name in ("yield", "review") if name in found}
    made = {**found["options"], **found}
    if made.get("model"):
        carried["made_by"] = {name: made[name] for name in _MADE_BY if made.get(name)}
    if also := _also_from(found, registry):
        carried["also_from"] = also
    return {**{name: found["steps"][name] for name in ("in", "kept", "dropped", "noted")}, **carried}


def _also_from(found: Mapping[str, Any], registry: Registry) -> list[str]:
    """Sources beside its own whose files a step read, such as a lexicon: what it made is under their terms as well."""
    given = tuple(f"{option}/" for option in found["options"])  # else it is a file in a folder of the source itself
    beside = {name.rsplit("/", 1)[1] for name in found["inputs"] if name.startswith(given)}
    others = [source for name, source in registry.sources.items() if name != found.get("source") and source.files]
    return [source.name for source in others if beside.issuperset(source.files)]


def checksums(origin: Path) -> dict[str, str]:
    """SHA-256 of a file, or of every file of a folder by relative name."""
    if origin.is_file():
        return {origin.name: sha256(origin)}
    paths = sorted(path for path in origin.rglob("*") if path.is_file())
    if len(paths) > _LARGEST_FOLDER:
        raise KitError(f"{origin}: holds {len(paths):,} files; give the folder of the source itself")
    return {path.relative_to(origin).as_posix(): sha256(path) for path in progress(paths, "checksums", unit=" files")}


def _all_records(files: Iterable[Path], registry: Registry) -> Iterator[Row]:
    for path in files:
        yield from READERS["records"].read(path, registry)


def _missing(origin: Path, reader: Reader, registry: Registry) -> str:
    if origin.exists():
        return f"{origin}: is a file; give the folder that holds the files"
    source = registry.sources.get(reader.source)
    if source is None or not source.url:
        return f"{origin}: no such file or folder"
    return f"{origin}: not there; it should be {source.title}: {', '.join(source.files)} from {source.url} ({source.licence})"


def write_rows(rows: Iterable[Row], out: Path) -> dict[str, int]:
    """Write ``records.jsonl``, ``worklist.jsonl`` (rows not annotated yet) and ``report.jsonl`` (drops and notes).

    Returns:
        Lines of each file, by name without ``.jsonl``.
    """
    counts = dict.fromkeys(("records", "worklist", "report"), 0)
    with ExitStack() as stack:
        files = {name: stack.enter_context(atomic(out / f"{name}.jsonl")) for name in counts}
        for row in rows:
            if isinstance(row, Record):
                name, value = ("records" if row.is_annotated or row.raw else "worklist"), to_dict(row)
            else:
                name, value = "report", row.as_dict()
            files[name].write(dump(value) + "\n")
            counts[name] += 1
    return counts


def _summary(out: Path, counts: dict[str, int], tally: Tally) -> str:
    lines = [
        f"{out}: {counts['records']:,} records, {counts['worklist']:,} on the worklist (label or items still missing)"
    ]
    lines += [f"  {config}: {count:,} rows" for config, count in sorted(tally.kept.items())]
    lines += [f"  dropped {count:,} x {reason}" for reason, count in sorted(tally.dropped.items())]
    lines += [f"  noted {count:,} x {reason}" for reason, count in sorted(tally.noted.items())]
    return "\n".join(lines)


def _released(manifest: dict[str, Any], out: Path) -> str:
    files = [config["files"] for config in manifest["configs"].values()]
    rows = {split: sum(sides[split]["rows"] for sides in files if split in sides) for split in SPLITS}
    total = sum(rows.values())
    counts = [f"{n:,} {split} ({n / total:.1%})" for split, n in rows.items() if n or split != "validation"]
    dropped = sum(manifest["steps"]["release"]["dropped"].values())
    asked = f", shares asked for: {manifest['options']['shares']}" if "shares" in manifest["options"] else ""
    lines = [
        f"{out}: {len(files)} configs, {', '.join(counts)} rows (split: {manifest['options']['split']}{asked}), "
        f"{dropped:,} dropped; test rows with a duplicate in train: {leakage_line(manifest['leakage'])}"
    ]
    if manifest["options"]["split"] == "hash":
        lines += [
            f"note: no {split} rows: there are too few, or duplicates tie all of them to rows of a split before it"
            for split, n in rows.items()
            if not n
            and (split != "validation" or asked.count("/") == 2)
            and not (split == "test" and asked.endswith("/0"))
        ]
    return "\n".join(lines)
