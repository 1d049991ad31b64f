"""Prompts as files: templates with named places, checked when they are read, filled in one pass."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from oiellm.errors import OiellmError

T = TypeVar("T")

_PLACE: Final = re.compile(r"\{(\w+)\}")


def fill(template: str, values: Mapping[str, str]) -> str:
    """A template with its places filled. What is filled in is never looked at again, so a text may hold braces."""
    return _PLACE.sub(lambda match: values[match[1]], template)


def get(table: Mapping[str, Any], name: str, kind: type[T], path: Path, where: str = "") -> T:
    """A value of a TOML table. Raises OiellmError, which names the file, if it is missing or of another type."""
    value = table.get(name)
    if not isinstance(value, kind):
        section = f"[{where}] " if where else ""
        said = "is missing" if value is None else f"is {value!r:.60}"
        raise OiellmError(f"{path}: {section}{name} {said}: it must be a {_IN_WORDS.get(kind, kind.__name__)}")
    return value


_IN_WORDS: Final[Mapping[type, str]] = {str: "text", int: "whole number", dict: "table", list: "list"}


def template(
    table: Mapping[str, Any], name: str, places: Collection[str], path: Path, where: str = "", needs: str = ""
) -> str:
    """A template of a TOML table.

    Args:
        table, name: where it stands.
        places: names that it may hold in braces.
        path, where: for messages: the file, and the section.
        needs: a place that it must hold.

    Raises:
        OiellmError: it is missing, holds another place, or lacks the one it needs.
    """
    text = get(table, name, str, path, where)
    section = f"[{where}] " if where else ""
    for found in _PLACE.findall(text):
        if found not in places:
            raise OiellmError(f"{path}: {section}{name} has {{{found}}}; there are: {', '.join(sorted(places))}")
    if needs and f"{{{needs}}}" not in text:
        raise OiellmError(f"{path}: {section}{name} lacks {{{needs}}}")
    return text
