"""What changed between two releases, the version that follows from it, and the changelog."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from enum import IntEnum
from typing import Any, Final

from build.core import KitError

FIRST: Final = "1.0.0"
_TITLE: Final = "# Changelog\n"
_VERSION: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)")


class Level(IntEnum):
    """How much a change asks of those who use the repository, as in semantic versioning."""

    PATCH = 0
    """Words about it: the card, plots, the changelog."""
    MINOR = 1
    """Other rows, more configs, other weights."""
    MAJOR = 2
    """A config or a split is gone: what worked before may fail."""


def next_version(version: str, level: Level) -> str:
    """The version after ``version``. Raises KitError if that is none."""
    found = _VERSION.fullmatch(version)
    if not found:
        raise KitError(f"{version!r} is no version like {FIRST}; correct it in .release/release.json")
    numbers = [int(number) for number in found.groups()]
    place = 2 - level
    numbers[place:] = [numbers[place] + 1, *[0] * (2 - place)]
    return ".".join(map(str, numbers))


def free_version(version: str, tags: Collection[str]) -> str:
    """The version, or the first one above it whose tag nobody has set yet.

    Args:
        version: the one that is due.
        tags: that are there, as in ``v1.0.0``.
    """
    while f"v{version}" in tags:
        version = next_version(version, Level.PATCH)
    return version


def add_entry(changelog: str | None, version: str, lines: list[str]) -> str:
    """The changelog with an entry for a version on top; what stands there, by whomever, stays."""
    entry = f"## {version}\n\n" + "".join(f"- {line}\n" for line in lines)
    if not changelog:
        return f"{_TITLE}\n{entry}"
    head, title, rest = changelog.replace("\r\n", "\n").partition(_TITLE)
    if not title:
        head, rest = "", changelog
    return f"{head}{_TITLE}\n{entry}\n{rest.lstrip()}"


def dataset_difference(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Level, list[str]]:
    """What changed between two manifests of a data set, in words.

    Args:
        before, after: manifests, as :func:`build.export.build_release` writes them.
    """
    old, new = before.get("configs", {}), after["configs"]
    level, lines = Level.PATCH, []
    if gone := [name for name in old if name not in new]:
        level, lines = Level.MAJOR, [f"removed: {_names(gone)}"]
    if added := [name for name in new if name not in old]:
        level = max(level, Level.MINOR)
        lines.append(f"added: {_names(added)}")
    for name in new:
        if name in old:
            for found, line in _config_difference(name, old[name], new[name]):
                level = max(level, found)
                lines.append(line)
    return level, lines


def _config_difference(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[Level, str]]:
    before, after = old["files"], new["files"]
    for split in dict.fromkeys([*before, *after]):
        if split not in after:
            yield Level.MAJOR, f"`{name}`: the split `{split}` is gone ({before[split]['rows']:,} rows)"
        elif split not in before:
            yield Level.MINOR, f"`{name}`: a split `{split}` with {after[split]['rows']:,} rows"
        elif before[split]["sha256"] != after[split]["sha256"]:
            rows = before[split]["rows"], after[split]["rows"]
            counts = (
                f"{rows[0]:,} rows, now {rows[1]:,}"
                if rows[0] != rows[1]
                else f"{rows[0]:,} rows, some of them changed"
            )
            yield Level.MINOR, f"`{name}`: {split} had {counts}"


def _names(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
