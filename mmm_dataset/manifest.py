"""``manifest.json`` of a release: one model, read and checked here alone, for all floors above. Needs pydantic."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, NonNegativeInt, ValidationError

from mmm_dataset.names import inner_path, is_plain_name
from mmm_dataset.record import Origin, Split
from mmm_dataset.schema import missing_columns
from mmm_f1.errors import UserError

MANIFEST: Final = "manifest.json"


class ManifestError(UserError, ValueError):
    """A folder is no release of this kit, or of an earlier version: one line that names the file and the field."""


def _plain(name: str) -> str:
    if not is_plain_name(name):
        raise ValueError(f"{name!r} must be a plain name")
    return name


Name = Annotated[str, AfterValidator(_plain)]
InnerPath = Annotated[str, AfterValidator(inner_path)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Counts = dict[str, NonNegativeInt]


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Yield(_Open):
    """What a translation kept."""

    rows: NonNegativeInt
    kept_whole: NonNegativeInt
    kept_minus_items: NonNegativeInt
    items: NonNegativeInt
    items_kept: NonNegativeInt
    rungs: Counts
    reasons: Counts


class Review(_Open):
    """What a review found."""

    rows: NonNegativeInt
    reviewers: NonNegativeInt
    decided: NonNegativeInt
    conflicts: NonNegativeInt
    correction_rate: dict[str, JsonValue]
    correction_rate_of_sample: dict[str, JsonValue] | None
    correction_rate_by_order: dict[str, JsonValue]
    agreement: dict[str, JsonValue]


class MadeBy(_Open):
    """The model that wrote rows."""

    model: str


class StepCounts(_Open):
    """What a step did with its rows, and what the card says about how."""

    rows_in: NonNegativeInt = Field(alias="in")
    kept: Counts
    dropped: Counts
    noted: Counts
    yields: Yield | None = Field(None, alias="yield")
    review: Review | None = None
    made_by: MadeBy | None = None
    also_from: list[str] = []


class DataFile(BaseModel):
    """One Parquet file."""

    path: InnerPath
    rows: NonNegativeInt
    bytes: NonNegativeInt
    sha256: Digest


class ConfigEntry(BaseModel):
    """One config of a release."""

    files: Annotated[dict[Split, DataFile], Field(min_length=1)]
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
    by_config: Counts


class Evaluation(BaseModel):
    """The file with the ids of the standard evaluation."""

    path: InnerPath
    sha256: Digest


class Options(_Open):
    """Options of a release."""

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
    evaluation: Evaluation
    configs: Annotated[dict[Name, ConfigEntry], Field(min_length=1)]


def read_release(folder: Path) -> dict[str, Any]:
    """``manifest.json`` of a release, checked, together with the columns of the files that it names.

    Files that are missing or no Parquet are left to whoever reads them.

    Raises:
        ManifestError: it is not there, is not a manifest of a release, or an earlier version of the kit made the release.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise ManifestError(
            f"{folder}: no {MANIFEST}: not a release; `python3 -m build main`, `export` or `import` makes one"
        )
    table = read_checked(path, ReleaseManifest)
    for config in table["configs"].values():
        for file in config["files"].values():
            if missing := missing_columns(folder / file["path"]):
                raise ManifestError(f"{_earlier(folder)} ({file['path']} has no column {missing[0]})")
    return table


def read_checked(path: Path, model: type[BaseModel]) -> dict[str, Any]:
    """The JSON object of a file, checked by a model. Raises ManifestError if it is missing or does not fit."""
    try:
        table: dict[str, Any] = json.loads(path.read_bytes())
        if not isinstance(table, dict):
            raise ValueError("not a JSON object")
        model.model_validate(table)
    except FileNotFoundError as error:
        raise ManifestError(f"{path}: no such file") from error
    except ValidationError as error:
        if model is ReleaseManifest and "configs" in table and {one["type"] for one in error.errors()} == {"missing"}:
            raise ManifestError(f"{_earlier(path.parent)} ({path.name} has no {_place(error)})") from error
        why = f"{_place(error)}: {error.errors()[0]['msg'].removeprefix('Value error, ')}"
        raise ManifestError(f"{path}: not a manifest of this kit ({why}): make it again") from error
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{path}: not a manifest of this kit ({error}): make it again") from error
    return table


def _earlier(folder: Path) -> str:
    return f"{folder} was made by an earlier version of the kit: export it again"


def _place(error: ValidationError) -> str:
    return ".".join(map(str, error.errors()[0]["loc"])).removesuffix(".[key]")
