"""What a model is trained and tested on: the records of a release, and records of one's own.

A release is read by its manifest, file by file, each held against its checksum. Rows become the kit's one record, so that
``encode`` writes the strings that are trained on and scored against.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from mmm_dataset import Record, RecordError, Registry, encode, from_dict, load, prompt, registry_of
from mmm_dataset.files import sha256
from mmm_dataset.record import Split
from mmm_dataset.registry_files import embedded
from oiellm.errors import OiellmError

MANIFEST: Final = "manifest.json"
RELEASES: Final = Path("release")
_REPOSITORY: Final = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, slots=True)
class Release:
    """A release tree that is on disk.

    Attributes:
        path: its folder.
        manifest: what ``manifest.json`` says.
        digest: SHA-256 of ``manifest.json``, which names every data file by its checksum: the identity of the data.
        registry: what knows its configs: the one that was asked for, and the files inside the release.
    """

    path: Path
    manifest: Mapping[str, Any]
    digest: str
    registry: Registry

    @property
    def configs(self) -> tuple[str, ...]:
        """Names of the configs it holds, in the order of the manifest."""
        return tuple(self.manifest["configs"])

    def choose(self, names: Sequence[str] | None) -> tuple[str, ...]:
        """The named configs, or all of them. Raises OiellmError if one is not there."""
        for name in names or ():
            if name not in self.manifest["configs"]:
                raise OiellmError(f"{self.path} has no config {name!r}; it has: {', '.join(self.configs)}")
        return self.configs if names is None else tuple(dict.fromkeys(names))

    def size(self, config: str, split: Split) -> int:
        """Number of rows of one side of a config."""
        file = self.manifest["configs"][config]["files"].get(split)
        return int(file["rows"]) if file else 0

    def records(self, config: str, split: Split) -> Iterator[Record]:
        """The rows of one side of a config, in file order; none if it has no such side.

        Raises:
            OiellmError: the file is missing or is not the one that the manifest names, or a row is broken.
        """
        import pyarrow.parquet as pq

        from mmm_dataset.schema import from_row

        file = self.manifest["configs"][config]["files"].get(split)
        if not file:
            return
        path = self.path / file["path"]
        if not path.is_file() or sha256(path) != file["sha256"]:
            raise OiellmError(
                f"{path}: missing, or not the file that {MANIFEST} names; build or fetch the release again"
            )
        for batch in pq.ParquetFile(path).iter_batches():
            for row in batch.to_pylist():
                try:
                    yield replace(from_row(row), split=split)
                except RecordError as error:
                    raise OiellmError(f"{path}: {error}") from error

    def ids(self, split: Split) -> Iterator[tuple[str, str]]:
        """(config, id) of every row of one side, without reading anything else."""
        import pyarrow.parquet as pq

        for config in self.configs:
            if file := self.manifest["configs"][config]["files"].get(split):
                for name in pq.read_table(self.path / file["path"], columns=["id"])["id"].to_pylist():
                    yield config, name


def open_release(where: str | Path, registry: Registry) -> Release:
    """Open a release: a folder, the name of one under ``release/``, or a data set repository on the Hub.

    Raises:
        OiellmError: there is none; the message says how to get one.
    """
    if (path := release_folder(where)) is not None:
        return _open(path, registry)
    if is_repository(where):
        return _open(_download(str(where)), registry)
    if Path(where).name == "published":
        how = "put the authors' 42 files into a folder, then `python3 -m build import --from FOLDER --out release/published`"
    else:
        how = "give a folder, a name under release/, or ORG/NAME of a Hub data set; `python3 -m build main` makes release/mmm"
    raise OiellmError(f"no release {str(where)!r}: {how}")


def release_folder(where: str | Path) -> Path | None:
    """The folder of a release on this disk; None if there is none."""
    return next((path for path in (Path(where), RELEASES / where) if path.is_dir()), None)


def registry_for(where: str | Path, extra: Sequence[str] = ()) -> Registry:
    """The registry that a release on this disk is read with, before it is opened; without one, that of the files alone.

    Raises:
        RegistryError: a file is wrong.
    """
    folder = release_folder(where)
    return registry_of(folder, extra) if folder else load(*extra)


def is_repository(where: str | Path) -> bool:
    """Whether this can be the name of a data set on the Hub."""
    return _REPOSITORY.fullmatch(str(where)) is not None and not str(where).startswith("release/")


def _open(path: Path, registry: Registry) -> Release:
    from mmm_dataset.manifest import read_release

    manifest = read_release(path)
    if embedded(manifest):
        registry = registry_of(path, registry.given)
    unknown = [name for name in manifest["configs"] if name not in registry.configs]
    if unknown:
        raise OiellmError(f"{path}: the registry has no config {unknown[0]!r}; name its file with --registry")
    return Release(path, manifest, sha256(path / MANIFEST), registry)


def _download(repository: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(repository, repo_type="dataset"))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise OiellmError(
            f"{repository}: no such folder, and the Hub gave no data set ({_first_line(error)})"
        ) from error


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def own_records(path: Path) -> Iterator[Record]:
    """Records of one's own, JSON lines as ``python3 -m build read`` writes them.

    Raises:
        OiellmError: the file is missing or a line is no record; names file and line.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    try:
                        yield from_dict(json.loads(line))
                    except (ValueError, TypeError, RecursionError) as error:
                        raise OiellmError(f"{path}:{number}: no record: {error}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise OiellmError(f"{path}: cannot be read ({error})") from error


def mixture(
    release: Release,
    *,
    configs: Sequence[str] | None = None,
    rows: int | None = None,
    weights: Mapping[str, float] | None = None,
    records: Iterable[Path] = (),
    seed: int = 0,
) -> list[Record]:
    """The training records of one epoch, not yet shuffled.

    Args:
        release: whose train rows are taken, and whose test and validation rows are refused wherever they come from.
        configs: names, or None for all.
        rows: at most so many of each config, drawn with ``seed``.
        weights: how often a config's rows come in an epoch (default 1); what is left of 1 is drawn, so 2.5 is all rows twice
            and half of them once more.
        records: files of further records, all of which train.
        seed: of the draws.

    Raises:
        OiellmError: a test or validation row is among them, or its text under another id in one's own records; a row is not
            annotated or of an unknown config; or nothing is there to train on.
    """
    weights = weights or {}
    if unknown := set(weights) - set(release.registry.configs):
        raise OiellmError(f"weights: no config {min(unknown)!r}")
    chosen: list[Record] = []
    for name in release.choose(configs):
        drawn = _drawn(release.records(name, "train"), rows, f"{seed}/{name}")
        chosen += _weighted(drawn, weights.get(name, 1.0), f"{seed}/{name}/weight")
    own = [record for path in records for record in own_records(path)]
    for record in own:
        if record.config not in release.registry.configs:
            raise OiellmError(f"record {record.id!r}: no config {record.config!r}; name its registry with --registry")
    chosen += own
    _refuse_held_out_rows(chosen, release)
    _refuse_held_out_texts(own, release)
    if bare := next((record for record in chosen if record.raw is None and not record.is_annotated), None):
        raise OiellmError(f"record {bare.id!r}: no label or no items yet, so there is nothing to learn from it")
    if not chosen:
        raise OiellmError(f"{release.path}: no train rows for {', '.join(configs or release.configs)}")
    return chosen


def _drawn(records: Iterable[Record], rows: int | None, seed: str) -> list[Record]:
    found = list(records)
    if rows is None or rows >= len(found):
        return found
    return [found[at] for at in sorted(random.Random(seed).sample(range(len(found)), rows))]


def _weighted(records: list[Record], weight: float, seed: str) -> list[Record]:
    whole = int(weight)
    return records * whole + _drawn(records, round((weight - whole) * len(records)), seed)


_HELD_OUT: Final[tuple[Split, ...]] = ("test", "validation")


def _refuse_held_out_rows(records: Iterable[Record], release: Release) -> None:
    held_out = {place: split for split in _HELD_OUT for place in release.ids(split)}
    for record in records:
        split = held_out.get((record.config, record.id), record.split)
        if split in _HELD_OUT:
            raise OiellmError(
                f"record {record.id!r} of {record.config} is a {split} row of {release.path}: it must not train; take it out"
            )


def _refuse_held_out_texts(own: Sequence[Record], release: Release) -> None:
    """One's own records never went through the release's search for duplicates."""
    mine = {(record.config, record.text): record.id for record in own}
    for config in sorted({record.config for record in own} & set(release.configs)):
        for split in _HELD_OUT:
            for record in release.records(config, split):
                if (name := mine.get((config, record.text))) is not None:
                    raise OiellmError(
                        f"record {name!r} has the text of {split} row {record.id!r} of {config}: take it out"
                    )


def without_hard_negatives(records: Sequence[Record]) -> list[Record]:
    """The records without the hard negatives: those without items in whose text is a word that is an item of another record.

    Such rows teach that a word is not always an entity; what they are worth is a question for a study. Configs stay apart.
    """
    from ahocorasick_rs import AhoCorasick

    names: dict[str, set[str]] = {}
    for record in records:
        names.setdefault(record.config, set()).update(
            s.text for item in record.items or () for s in item.spans if s.text
        )
    find = {config: AhoCorasick(sorted(found)).find_matches_as_indexes for config, found in names.items() if found}
    return [
        record
        for record in records
        if record.items != () or record.config not in find or not find[record.config](record.text)
    ]


def strings(
    record: Record, registry: Registry, labels: Sequence[str] | None = None, context: str | None = None
) -> tuple[str, str]:
    """Prompt and completion of a record, as they are trained on and scored against.

    Args:
        record: an annotated or published record.
        registry: for its task words.
        labels: word-level labels to list in the prompt (the closed setting); None as in the paper.
        context: what the prompt tells of a level that is not asked (:mod:`oiellm.view`).
    """
    line, output = encode(record, registry.task_words)
    if labels is None and context is None:
        return line, output
    return prompt(record.text, record.word, labels, context), output
