"""``manifest.json`` of a release or of a step before it: one model each, read, checked and written here alone."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError

from build.errors import KitError
from mmm_dataset.files import pretty
from mmm_dataset.names import inner_path, is_plain_name
from mmm_dataset.record import Origin, Split

MANIFEST: Final = "manifest.json"


def _plain(name: str) -> str:
    if not is_plain_name(name):
        raise ValueError(f"{name!r} must be a plain name")
    return name


Name = Annotated[str, AfterValidator(_plain)]
InnerPath = Annotated[str, AfterValidator(inner_path)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class StepCounts(BaseModel):
    """What a step did with its rows, and what the card says about how: ``yield``, ``review``, ``made_by``, ``also_from``."""

    model_config = ConfigDict(extra="allow")

    rows_in: NonNegativeInt = Field(alias="in")
    kept: dict[str, NonNegativeInt]
    dropped: dict[str, NonNegativeInt]
    noted: dict[str, NonNegativeInt]


class DataFile(BaseModel):
    """One Parquet file."""

    path: InnerPath
    rows: NonNegativeInt
    bytes: NonNegativeInt
    sha256: Digest


class ConfigEntry(BaseModel):
    """One config of a release."""

    files: dict[Split, DataFile]
    origins: list[Origin]
    sources: list[str]
    licences: list[str]
    items: NonNegativeInt
    rows_without_item: NonNegativeInt
    rows_not_parsed: NonNegativeInt


class Leakage(BaseModel):
    """Rows of one kind of duplicate across splits."""

    test_rows: NonNegativeInt
    validation_rows: NonNegativeInt | None = None
    by_config: dict[str, NonNegativeInt]


class Evaluation(BaseModel):
    """The file with the ids of the standard evaluation."""

    path: InnerPath
    sha256: Digest


class Options(BaseModel):
    """Options of a release; a step has others."""

    model_config = ConfigDict(extra="allow")

    split: Literal["hash", "table3", "published"]


class ReleaseManifest(BaseModel):
    """``manifest.json`` of a release."""

    name: str
    versions: dict[str, str]
    inputs: dict[str, str]
    registry: dict[str, str]
    options: Options
    steps: dict[str, StepCounts]
    leakage: dict[str, Leakage]
    evaluation: Evaluation | None = None
    configs: Annotated[dict[Name, ConfigEntry], Field(min_length=1)]


class StepManifest(BaseModel):
    """``manifest.json`` of the steps before a release: ``read``, ``translate``, ``annotate``, ``review --apply``."""

    model_config = ConfigDict(extra="allow")

    options: dict[str, Any]
    inputs: dict[str, str]
    steps: StepCounts
    versions: dict[str, str]
    registry: dict[str, str]


def read_release(folder: Path) -> dict[str, Any]:
    """``manifest.json`` of a release, checked.

    Raises:
        KitError: it is not there, or is not a manifest of a release.
    """
    from build.core import recover

    if not (folder / MANIFEST).is_file():
        recover(folder)  # of a run that was killed while it put a release in place
    if not (folder / MANIFEST).is_file():
        raise KitError(
            f"{folder}: no {MANIFEST}: not a release; `python3 -m build main`, `export` or `import` makes one"
        )
    return read_checked(folder / MANIFEST, ReleaseManifest)


def read_step(path: Path) -> dict[str, Any]:
    """``manifest.json`` of a step before a release, checked. Raises KitError if it is none."""
    return read_checked(path, StepManifest)


def read_checked(path: Path, model: type[BaseModel]) -> dict[str, Any]:
    """The JSON object of a file, checked by a model. Raises KitError if it is missing or does not fit."""
    try:
        table: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        model.model_validate(table)
    except FileNotFoundError as error:
        raise KitError(f"{path}: no such file") from error
    except ValidationError as error:
        raise KitError(f"{path}: not a manifest of this kit ({_first(error)}): make it again") from error
    except (ValueError, RecursionError) as error:
        raise KitError(f"{path}: not a manifest of this kit ({error}): make it again") from error
    return table


def write_manifest(folder: Path, table: Mapping[str, Any]) -> None:
    """Write ``manifest.json`` of a release (which has ``configs``) or of a step, checked first."""
    model = ReleaseManifest if "configs" in table else StepManifest
    model.model_validate(table)
    (folder / MANIFEST).write_text(pretty(table), encoding="utf-8")


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
