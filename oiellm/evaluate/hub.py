"""The Hub's ``.eval_results/*.yaml``: what shows on a model's page and on a data set's leaderboard."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from mmm_dataset.files import atomic
from oiellm.errors import OiellmError
from oiellm.evaluate.results import figures

FOLDER: Final = ".eval_results"


def eval_results(run: Mapping[str, Any], dataset: str, date: str, notes: str = "") -> list[dict[str, Any]]:
    """The entries of a run: per config one whose ``task_id`` is the config and whose value is ALL, in percent.

    The format has one value per task; ALL is the one that needs both levels to be right, and the notes hold TL and WL.

    Args:
        run: of :func:`oiellm.evaluate.results.evaluate`.
        dataset: ORG/NAME of the data set on the Hub.
        date: of the evaluation, ISO 8601.
        notes: of where the figures come from; they go into every entry.

    Raises:
        OiellmError: a figure is missing or no number, or ``dataset`` cannot be the name of a data set.
    """
    check_dataset(dataset)
    entries = []
    for config, entry in run["configs"].items():
        found = figures(entry)
        for name, value in found.items():
            if value is None or not math.isfinite(value):
                raise OiellmError(f"{config}: {name} is {value}, which is no result to publish; evaluate again")
        levels = (
            f"ALL; TL {100 * found['tl']:.2f}, WL {100 * found['wl']:.2f} (micro F1 over pairs); {entry['rows']:,} rows"
        )
        text = "; ".join(filter(None, (levels, run["protocol"], run["scoring"], notes)))
        value = round(100 * found["all"], 2)
        entries.append({"dataset": {"id": dataset, "task_id": config}, "value": value, "date": date, "notes": text})
    return entries


def check_dataset(dataset: str | None) -> None:
    """Raise OiellmError if this cannot be the name of a data set on the Hub; None is for none."""
    if dataset is not None and not re.fullmatch(r"[\w.-]+/[\w.-]+", dataset):
        raise OiellmError(f"{dataset!r} is no ORG/NAME of a Hub data set: give the one that the figures belong to")


def file_name(name: str) -> str:
    """A run's name with only what every file system takes."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "run"


def write(run: Mapping[str, Any], name: str, out: Path, dataset: str, date: str, notes: str = "") -> Path:
    """Write ``OUT/.eval_results/NAME.yaml``; arguments as for :func:`eval_results`. Returns its path."""
    import yaml

    path = out / FOLDER / f"{file_name(name)}.yaml"
    with atomic(path) as file:
        yaml.safe_dump(eval_results(run, dataset, date, notes), file, allow_unicode=True, sort_keys=False, width=120)
    return path
