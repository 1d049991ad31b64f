"""A YAML file as a typed value: recipes, releases. Says which line is wrong and what was meant.

YAML is read by the core schema of YAML 1.2: ``1e-5`` is a number, ``no`` and ``010`` are text. PyYAML's own reading, YAML 1.1,
takes the first for text, the second for false and the third for eight.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

import yaml
from pydantic import ValidationError

from oiellm.errors import OiellmError
from oiellm.typed_yaml_errors import Keys, Part, Place, complain

P = TypeVar("P", bound=Part)

_DEEPEST: Final = 8
_AFTER: Final = 1_000_000
"""Order of the first override: overrides are complained of after all lines of the file."""


class _Loader(yaml.SafeLoader):
    """YAML 1.2 core scalars; dates, merge keys and base-60 numbers stay text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(?:0|[1-9][0-9_]*)", list("-+0123456789")),
    (
        "float",
        r"[-+]?(?:[0-9][0-9_]*\.[0-9]*|\.[0-9]+|[0-9][0-9_]*(?=[eE]))(?:[eE][-+]?[0-9]+)?",
        list("-+.0123456789"),
    ),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), _first)


def read_yaml(name: str, text: str, root: type[P], overrides: Sequence[str] = ()) -> P:
    """Read and check the text of a file.

    Args:
        name: the file's, for messages.
        text: what it holds.
        root: what it is to be.
        overrides: ``KEY=VALUE`` with a dotted key and a YAML value, such as ``train.epochs=1``.

    Raises:
        OiellmError: it is wrong: one line for each mistake, ``FILE:LINE: KEY: what is wrong``.
    """
    reader = _Reader(lambda line: Place(line, f"{name}:{line}"))
    tree = reader.read(text)
    if not isinstance(tree, dict):
        raise OiellmError(f"{name}:1: no {root.__name__.lower()}: it must have keys, {_needed(root)} among them")
    for number, override in enumerate(overrides, _AFTER):
        _override(tree, reader.places, override, number)
    try:
        # By way of JSON, because there strict means: a list may be a tuple, but text is never a number.
        return root.model_validate_json(json.dumps(tree), strict=True)
    except ValidationError as error:
        raise OiellmError("\n".join(complain(error, root, tree, reader.places))) from None


def _needed(root: type[Part]) -> str:
    needed = [name for name, field in root.model_fields.items() if field.is_required()] or list(root.model_fields)
    return " and ".join([", ".join(needed[:-1]), needed[-1]] if needed[1:] else needed)


class _Reader:
    """Reads YAML text into plain values and keeps in ``places`` where every key and list item was written."""

    def __init__(self, place: Callable[[int], Place]) -> None:
        self.place = place
        self.places: dict[Keys, Place] = {(): place(1)}

    def read(self, text: str, at: Keys = ()) -> Any:
        """The value of a text that stands at ``at``; None if it is empty."""
        try:
            self.loader = _Loader(text)
            node = self.loader.get_single_node()
            return None if node is None else self.value(node, at)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            what = " ".join(part for part in (error.context, error.problem) if part)
            raise self.wrong(mark.line + 1 if mark else 1, (), f"not YAML: {what}") from None
        except yaml.reader.ReaderError as error:
            line = text.count("\n", 0, error.position) + 1
            raise self.wrong(line, (), f"not YAML: it holds the character {error.character!r}") from None

    def wrong(self, line: int, at: Keys, what: str) -> OiellmError:
        """An error with its place."""
        name = ".".join(map(str, at[:_DEEPEST]))
        return OiellmError(f"{self.place(line).text}: {name + ': ' if name else ''}{what}")

    def value(self, node: yaml.Node, at: Keys) -> Any:
        """The value of a node."""
        line = node.start_mark.line + 1
        if len(at) > _DEEPEST:  # deeper than any file needs, or a YAML alias that holds itself
            raise self.wrong(line, at, "nested too deeply")
        self.places.setdefault(at, self.place(line))
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*at, number)) for number, item in enumerate(node.value)]
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, at)
        try:
            found = self.loader.construct_object(node)
        except ValueError as error:  # such as !!int text
            raise self.wrong(line, at, str(error)) from None
        if not isinstance(found, str | int | float | None):
            raise self.wrong(line, at, f"values of type {type(found).__name__} are not used here")
        return found

    def mapping(self, node: yaml.MappingNode, at: Keys) -> dict[str, Any]:
        """The values of a mapping, by key."""
        found: dict[str, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise self.wrong(line, at, "a key must be a word")
            inner = (*at, key.value)
            if key.value in found:
                raise self.wrong(line, inner, f"set twice, first at {self.places[inner].text}")
            self.places[inner] = self.place(line)
            found[key.value] = self.value(value, inner)
        return found


def _override(tree: dict[str, Any], places: dict[Keys, Place], override: str, number: int) -> None:
    """Set one key of the tree, making the parts above it if they are not there."""
    key, equals, text = override.partition("=")
    where = Place(number, f"--set {override}")
    if not equals or not re.fullmatch(r"[\w-]+(\.[\w-]+)*", key):
        raise OiellmError(f"{where.text}: expected KEY=VALUE, such as train.epochs=1")
    path: Keys = tuple(key.split("."))
    for depth, name in enumerate(path[:-1], 1):
        if tree.get(str(name)) is None:
            tree[str(name)] = {}
            places[path[:depth]] = where
        tree = tree[str(name)]
        if not isinstance(tree, dict):
            raise OiellmError(f"{where.text}: {'.'.join(map(str, path[:depth]))} holds a value, not keys")
    for old in [old for old in places if old[: len(path)] == path]:
        del places[old]
    reader = _Reader(lambda line: where)
    tree[str(path[-1])] = reader.read(text, path)
    places |= reader.places | {(): places[()]}
    places[path] = where
