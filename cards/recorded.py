"""What a run recorded, read for a card: a file or an entry that is missing stops the card with its name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cards.errors import CardError
from mmm_dataset.manifest import read_release


def read_json(path: Path) -> Any:
    """The JSON of a file. Raises CardError if it is not there or cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CardError(f"{path}: not there, and the card needs it") from error
    except ValueError as error:
        raise CardError(f"{path}: cannot be read ({error})") from error


def need(table: Any, where: Path | str, *keys: str) -> Any:
    """The entry under these keys. Raises CardError that names it and the file if it is not there."""
    for at, key in enumerate(keys):
        try:
            table = table[key]
        except (KeyError, TypeError) as error:
            raise CardError(f"{where}: has no {'.'.join(keys[: at + 1])}, and the card needs it") from error
    return table


def read_manifest(tree: Path) -> dict[str, Any]:
    """The manifest of a release tree, with the sources of its steps. Raises ManifestError as ``read_release`` does."""
    return with_sources_of_steps(read_release(tree))


def with_sources_of_steps(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest with ``also_from`` in each config: sources, such as a lexicon, that a step took beside the rows' own."""
    also: dict[str, set[str]] = {}
    for step in manifest.get("steps", {}).values():
        for config in step.get("kept", {}) if "also_from" in step else ():
            also.setdefault(config, set()).update(step["also_from"])
    configs = {
        name: {**config, **({"also_from": sorted(also[name])} if name in also else {})}
        for name, config in manifest["configs"].items()
    }
    return {**manifest, "configs": configs}
