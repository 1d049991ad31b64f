"""What a run recorded, read for a card: a file or an entry that is missing stops the card with its name."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cards.errors import CardError
from mmm_dataset.names import check_places


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
    """The manifest of a release tree, with everything in it that a card says.

    Raises:
        CardError: it is not there, or lacks something; the message says what.
    """
    where = tree / "manifest.json"
    manifest: dict[str, Any] = read_json(where)
    for keys in _NEEDED:
        _check(manifest, where, keys, ())
    configs = manifest["configs"]
    try:
        check_places(manifest)
    except ValueError as error:
        raise CardError(f"{where}: {error}") from error
    if empty := [f"files of {name}" for name, config in configs.items() if not config["files"]] or ["configs"] * (
        not configs
    ):
        raise CardError(f"{where}: has no {empty[0]}, and the card needs some")
    return with_sources_of_steps(manifest)


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


# Keys of the manifest, path by path; * is every entry of a table, a name with ? need not be there.
_NEEDED: Final = tuple(
    tuple(path.split("."))
    for path in (
        *("name", "versions", "inputs", "registry", "options.split"),
        *(f"configs.*.{name}" for name in ("sources", "licences", "origins", "files.*.path", "files.*.rows")),
        *("leakage.*.test_rows", "leakage.*.by_config"),
        *(f"steps.*.{name}" for name in ("in", "kept", "dropped", "noted")),
        *(f"steps.*.yield?.{name}" for name in ("rows", "kept_whole", "kept_minus_items", "items", "items_kept")),
        *("steps.*.yield?.rungs", "steps.*.yield?.reasons", "steps.*.made_by?.model"),
        *(f"steps.*.review?.{name}" for name in ("rows", "reviewers", "decided", "conflicts", "agreement")),
        *(f"steps.*.review?.correction_rate{name}" for name in ("", "_by_order")),
    )
)


def _check(table: Any, where: Path, keys: Sequence[str], passed: tuple[str, ...]) -> None:
    if not keys:
        return
    key = keys[0].removesuffix("?")
    if key != keys[0] and key not in table:
        return
    if key == "*" and not isinstance(table, dict):
        raise CardError(f"{where}: {'.'.join(passed)} is no table")
    place = ": ".join(filter(None, (str(where), ".".join(passed))))
    for name in table if key == "*" else (key,):
        _check(need(table, place, name), where, keys[1:], (*passed, name))
