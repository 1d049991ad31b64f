"""Where rows of other people's data come from: source, license and origin, always named by the user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from build.core import KitError
from mmm_dataset import Registry
from mmm_dataset.record import Origin

OWN: Final = "own"
"""The source of rows whose author is the user."""

PROVENANCE_OPTIONS: Final = {
    "source": "name of the data set that the rows are from, or own (required)",
    "license": "its license, such as CC-BY-4.0 (required unless the registry knows the source)",
}

WRITTEN: Final = ("id", "task_word", "source", "source_id", "license")
"""Keys of a row that ``build convert`` wrote."""


def is_written_by_convert(values: Mapping[str, Any]) -> bool:
    """Whether a row has all the keys that ``build convert`` writes; it keeps its id, source and license then."""
    return all(isinstance(values.get(key), str) and values[key] for key in WRITTEN)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What every row of a run says of its source.

    Attributes:
        source: name of the data set; ``own`` for the user's own.
        license: SPDX-like name of its license.
        origin: always ``own``: rows that came in this way are never called MMM.
    """

    source: str
    license: str
    origin: Origin = "own"


def resolve_provenance(registry: Registry, source: str | None, license: str | None) -> Provenance:
    """The provenance that the options ``--source`` and ``--license`` give; a source of the registry has its license there.

    Raises:
        KitError: no source, no license, or another license than the registry's.
    """
    if not source or not source.strip():
        known = ", ".join(name for name, row in registry.sources.items() if row.licence != "unstated")
        raise KitError(
            "--source is missing: name the data set that the rows are from (--source NAME --license LICENSE), or give "
            f"--source own for your own data; sources with a known license: {known}"
        )
    row = registry.sources.get(source)
    known_license = None if row is None or row.licence == "unstated" else row.licence
    if not ((license or "").strip() or known_license):
        raise KitError(f"--license is missing: give the license of {source!r}, such as --license CC-BY-4.0")
    if license and known_license and license != known_license:
        raise KitError(
            f"--license {license}: the registry says that {source} is under {known_license}; leave --license out, or "
            "give the data set another --source name"
        )
    return Provenance(source, license or known_license or "")
