"""What pydantic finds wrong with a YAML file, in one line for each mistake: where it is, what was expected, what was meant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Final, NamedTuple, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict, ValidationError

Keys: TypeAlias = tuple[str | int, ...]
"""Where a value is in a file, such as ``("data", "configs", 0)``."""


class Part(BaseModel):
    """A part of a file: frozen, and an unknown key is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)


class Place(NamedTuple):
    """Where a value was written: ``order`` sorts places, ``text`` is shown, ``FILE:LINE`` or the override."""

    order: int
    text: str


_EXPECTED: Final[Mapping[str, str]] = {
    "bool_type": "true or false",
    "dict_type": "keys with values",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "more than {gt:g}",
    "greater_than_equal": "at least {ge:g}",
    "int_from_float": "a whole number",
    "int_type": "a whole number",
    "less_than": "less than {lt:g}",
    "less_than_equal": "at most {le:g}",
    "literal_error": "{expected}",
    "model_type": "keys with values",
    "string_pattern_mismatch": "text of the form {pattern}",
    "string_type": "text",
    "tuple_type": "a list",
}


def complain(
    error: ValidationError, root: type[Part], tree: Mapping[str, Any], places: Mapping[Keys, Place]
) -> list[str]:
    """One line for each mistake, in the order of the file.

    Args:
        error: what validation raised.
        root: what the file was to be.
        tree: the file as it was read.
        places: where each of its keys was written.
    """
    found: dict[Keys, list[dict[str, Any]]] = {}
    for one in error.errors(include_url=False):
        found.setdefault(_keys(one["loc"], root, tree), []).append(dict(one))
    lines = []
    for keys, mistakes in found.items():
        # A list that is wrong inside is not also the wrong word.
        if not any(other[: len(keys)] == keys and len(other) > len(keys) for other in found) or _is_missing(mistakes):
            place = next(places[keys[:end]] for end in range(len(keys), -1, -1) if keys[:end] in places)
            name = "".join(f"[{key}]" if isinstance(key, int) else f".{key}" for key in keys).lstrip(".")
            lines.append((place.order, f"{place.text}: {name + ': ' if name else ''}{_message(root, keys, mistakes)}"))
    return [line for _, line in sorted(lines, key=lambda line: line[0])]


def _is_missing(mistakes: list[dict[str, Any]]) -> bool:
    return mistakes[0]["type"] in ("missing", "value_error")


def _keys(loc: tuple[str | int, ...], root: type[Part], tree: Any) -> Keys:
    """The part of pydantic's location that is in the file: it also names the branches of a union."""
    keys: list[str | int] = []
    for key in loc:
        if isinstance(tree, dict | list) and (key in tree if isinstance(tree, dict) else isinstance(key, int)):
            tree = tree[key]  # type: ignore[index]
            keys.append(key)
        elif isinstance(tree, dict) and key in _fields(root, tuple(keys)):
            return (*keys, key)  # a key that is missing
    return tuple(keys)


def _message(root: type[Part], keys: Keys, mistakes: list[dict[str, Any]]) -> str:
    first = mistakes[0]
    if first["type"] == "extra_forbidden":
        return f"unknown key; {_meant(root, keys)}"
    if first["type"] == "missing":
        return "missing; it has no default"
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    if not all(one["type"] in _EXPECTED for one in mistakes):
        return str(first["msg"])
    wanted = " or ".join(dict.fromkeys(_EXPECTED[one["type"]].format(**one.get("ctx", {})) for one in mistakes))
    return f"expected {wanted}, got {_given(first['input'])}{_hint(wanted, first['input'])}"


def _given(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return "nothing" if value is None else text if len(text) <= 60 else f"{text[:57]}..."


def _hint(wanted: str, value: Any) -> str:
    if not isinstance(value, str):
        return ""
    if "number" in wanted and re.fullmatch(r"[-+\d._eE]+", value):
        return " (that is text: write it without quotes or leading zeros)"
    near = get_close_matches(value, re.findall(r"'([^']+)'", wanted), 1, 0.4)
    return f"; did you mean {near[0]}?" if near else ""


def _meant(root: type[Part], keys: Keys) -> str:
    *above, key = keys
    known = _fields(root, tuple(above))
    if near := get_close_matches(str(key), known, 1):
        return f"did you mean {near[0]}?"
    if elsewhere := [name for name in _all_names(root) if name.rpartition(".")[2] == key]:
        return f"did you mean {' or '.join(elsewhere)}?"
    return f"known here: {', '.join(known)}"


def _fields(root: type[Part], keys: Keys) -> list[str]:
    """Names that a part of a file may hold; none if there is no such part."""
    part: type[Part] | None = root
    for key in keys:
        part = _part(part, str(key)) if part else None
    return list(part.model_fields) if part else []


def _part(part: type[Part], name: str) -> type[Part] | None:
    """The class of a field that is itself a part, such as that of ``model.shape``."""
    if name not in part.model_fields:
        return None
    kind = part.model_fields[name].annotation
    return next((one for one in (kind, *get_args(kind)) if isinstance(one, type) and issubclass(one, Part)), None)


def _all_names(part: type[Part], before: str = "") -> Iterator[str]:
    for name in part.model_fields:
        yield before + name
        if inner := _part(part, name):
            yield from _all_names(inner, f"{before}{name}.")
