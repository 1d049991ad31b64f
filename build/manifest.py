"""``manifest.json`` of the steps before a release, and of a release as the pipeline reads and writes it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from build.core import recover
from mmm_dataset import manifest as of_release
from mmm_dataset.files import pretty
from mmm_dataset.manifest import MANIFEST, ReleaseManifest, StepCounts, read_checked


class StepManifest(BaseModel):
    """``manifest.json`` of ``read``, ``translate``, ``annotate``, ``review --apply`` and ``convert``."""

    model_config = ConfigDict(extra="allow")

    options: dict[str, Any]
    inputs: dict[str, str]
    steps: StepCounts
    versions: dict[str, str]
    registry: dict[str, str]


def read_release(folder: Path) -> dict[str, Any]:
    """As :func:`mmm_dataset.manifest.read_release`, after what a killed run left is put in place."""
    if not (folder / MANIFEST).is_file():
        recover(folder)
    return of_release.read_release(folder)


def read_step(path: Path) -> dict[str, Any]:
    """``manifest.json`` of a step before a release, checked. Raises ManifestError if it is none."""
    return read_checked(path, StepManifest)


def write_manifest(folder: Path, table: Mapping[str, Any]) -> None:
    """Write ``manifest.json`` of a release (which has ``configs``) or of a step, checked first."""
    model = ReleaseManifest if "configs" in table else StepManifest
    model.model_validate(table)
    (folder / MANIFEST).write_text(pretty(table), encoding="utf-8")
