"""The registry out of its files, and the files inside a release.

``mmm_dataset/data/registry.toml`` and ``labels.csv`` hold the 21 configs of MMM. More files can be loaded on top, so a new
config, language or data set is new rows of data: ``load("xsid", "my.toml")``. These files travel inside the release that is
made with them, in its folder ``registry``, so that whoever has the release has its registry.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from mmm_dataset.names import RULE, is_plain_name
from mmm_dataset.registry import Registry, RegistryError
from mmm_dataset.registry_checks import File, Mistakes, make_registry

FOLDER: Final = "registry"
"""The folder of a release, or of a model, in which the registry files beside MMM's own lie."""

_DATA: Final = Path(__file__).parent / "data"
_BASE: Final = _DATA / "registry.toml"
_LABELS: Final = _DATA / "labels.csv"
_RECORDS: Final = ("manifest.json", "mmm.json")  # of a release, of a model: they name the registry files


def load(*extra: str) -> Registry:
    """Read the registry of MMM and, on top, further files: a path to a TOML file, or the name of one that ships (``xsid``,
    ``ner-only``).

    Rows of a later file replace rows of the same name. A file may name its own label table: ``labels = "my.csv"``.

    Raises:
        RegistryError: a file is missing, is not TOML, or is wrong; the message names all mistakes, with file and line.
    """
    found: dict[Path, bytes] = {}
    for path in dict.fromkeys((_BASE, *map(_find, extra))):
        found[path] = _read(path)
        if table := _table(path, _parse(path, found[path])):
            found[table] = _read(table)
    return _load(tuple(found.items()), extra)


def registry_of(folder: Path, extra: Sequence[str] = ()) -> Registry:
    """The registry of a release or a model: MMM's, the files that travel inside the folder, and further ones on top.

    A further file takes the place of one of the same name inside the folder.

    Args:
        folder: with ``manifest.json`` or ``mmm.json``; one without either has no registry files.
        extra: as for :func:`load`.

    Raises:
        RegistryError: as :func:`load`, or a file inside the folder is not the one that was put there.
    """
    instead = {_find(name).name for name in extra}
    return load(*(str(path) for path in files_inside(folder) if path.name not in instead), *extra)


def files_inside(folder: Path) -> list[Path]:
    """The registry files, without their label tables, that a release or a model holds, in the order in which they are loaded.

    Raises:
        RegistryError: one is missing, or not the one that was put there.
    """
    paths = []
    for name, digest in _inside(folder).items():
        path = folder / name
        if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != digest:
            raise RegistryError(f"{path}: missing, or not the file that came with {folder}; build or fetch it again")
        paths += [path] if path.suffix == ".toml" else []
    return paths


def embed(registry: Registry, folder: Path) -> None:
    """Write the files of a registry beside MMM's own into a release or a model; none if there are none."""
    for name, content in registry.extra.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def embedded(record: Mapping[str, Any]) -> dict[str, str]:
    """Path and SHA-256 of the registry files inside a release or a model, by its ``manifest.json`` or ``mmm.json``."""
    files = record.get("registry")
    if not isinstance(files, dict):
        return {}
    return {
        name: str(digest)
        for name, digest in files.items()
        if name.startswith(f"{FOLDER}/") and is_plain_name(name.removeprefix(f"{FOLDER}/"))
    }


def _inside(folder: Path) -> dict[str, str]:
    for name in _RECORDS:
        try:
            record = json.loads((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            continue  # whoever opens the release says what is wrong with it
        if isinstance(record, dict):
            return embedded(record)
    return {}


def _find(name: str) -> Path:
    shipped = _DATA / f"{name}.toml"
    path = Path(name)
    if path.suffix != ".toml" and is_plain_name(name) and shipped.is_file():
        return shipped
    if not path.is_file():
        raise RegistryError(f"no registry file {name!r}: give a .toml path, or one that ships: xsid, ner-only")
    if not is_plain_name(path.name):
        raise RegistryError(f"{path}: a registry file travels inside the release: its name must be of {RULE}")
    return path


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        why = "the file is missing" if isinstance(error, FileNotFoundError) else error.strerror
        raise RegistryError(f"{path}: {why}") from error


@lru_cache(maxsize=32)
def _parse(path: Path, content: bytes) -> dict[str, Any]:
    try:
        return tomllib.loads(_decode(path, content))
    except tomllib.TOMLDecodeError as error:
        raise RegistryError(f"{path}: not valid TOML: {error}") from error


def _table(path: Path, data: Mapping[str, Any]) -> Path | None:
    """The label table of a registry file."""
    name = data.get("labels")
    if name is None:
        return None
    if not is_plain_name(name):
        raise RegistryError(f"{path}: labels = {name!r}: must be the name of a file beside it, of {RULE}")
    return path.parent / str(name)


@lru_cache(maxsize=8)
def _load(found: tuple[tuple[Path, bytes], ...], given: tuple[str, ...]) -> Registry:
    mistakes, files = Mistakes(), list[File]()
    seen: dict[str, str] = {}
    for path, content in found:
        name = path.name if path in (_BASE, _LABELS) else f"{FOLDER}/{path.name}"
        data = {} if path.suffix == ".csv" else _parse(path, content)
        file = File(path, name, content, _decode(path, content), data)
        if seen.setdefault(name, file.digest) != file.digest:
            raise RegistryError(f"{path}: two registry files have the name {path.name}: rename one of them")
        files.append(file)
    return make_registry(files, given, mistakes)


def _decode(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RegistryError(f"{path}: not UTF-8 (byte {error.start}): save the file as UTF-8") from error
