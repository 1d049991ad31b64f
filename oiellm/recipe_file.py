"""Recipes as files: find one, read it, and say which line is wrong and what was meant.

YAML is read by the core schema of YAML 1.2: ``1e-5`` is a number, ``no`` and ``010`` are text. PyYAML's own reading, YAML 1.1,
takes the first for text, the second for false and the third for eight.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import ValidationError

from oiellm.errors import OiellmError
from oiellm.recipe import Recipe
from oiellm.recipe_errors import Keys, Place, complain

_SHIPPED: Final = files("oiellm") / "recipes"
_DEEPEST: Final = 8
_AFTER: Final = 1_000_000
"""Order of the first override: overrides are complained of after all lines of the file."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A shipped recipe, as ``oiellm ls`` lists it.

    Attributes:
        name: what the verbs take.
        description: one line.
        base: the model it starts from; None: random weights.
        file: file name in the package's folder of recipes.
    """

    name: str
    description: str
    base: str | None
    file: str


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


def list_recipes() -> list[Entry]:
    """The shipped recipes, by name."""
    found = [load_recipe(name) for name in _names()]
    return [Entry(recipe.name, recipe.description, recipe.model.base, f"{recipe.name}.yaml") for recipe in found]


def raw(name: str) -> str:
    """The text of a recipe, comments and all.

    Args:
        name: of a shipped recipe, or a path to a YAML file.

    Raises:
        OiellmError: there is none, or it cannot be read.
    """
    return _read(name)[1]


def dump(recipe: Recipe) -> str:
    """A recipe as YAML with every value, defaults included; ``load_recipe`` reads it back to the same recipe."""
    return yaml.safe_dump(recipe.model_dump(mode="json"), sort_keys=False, allow_unicode=True, width=120)


def load_recipe(name_or_path: str, overrides: Sequence[str] = ()) -> Recipe:
    """Read and check a recipe. Loads no model, no data, and not torch.

    Args:
        name_or_path: name of a shipped recipe, or path to a YAML file.
        overrides: ``KEY=VALUE`` with a dotted key and a YAML value, such as ``train.epochs=1`` or ``data.configs=[ja_scnm]``.

    Raises:
        OiellmError: no such recipe, or it is wrong: one line for each mistake, ``FILE:LINE: KEY: what is wrong``.
    """
    name, text = _read(name_or_path)
    reader = _Reader(lambda line: Place(line, f"{name}:{line}"))
    tree = reader.read(text)
    if not isinstance(tree, dict):
        raise OiellmError(f"{name}:1: no recipe: it must have keys, name and model among them")
    for number, override in enumerate(overrides, _AFTER):
        _override(tree, reader.places, override, number)
    try:
        # By way of JSON, because there strict means: a list may be a tuple, but text is never a number.
        return Recipe.model_validate_json(json.dumps(tree), strict=True)
    except ValidationError as error:
        raise OiellmError("\n".join(complain(error, tree, reader.places))) from None


def _names() -> list[str]:
    return sorted(file.name[: -len(".yaml")] for file in _SHIPPED.iterdir() if file.name.endswith(".yaml"))


def _read(name_or_path: str) -> tuple[str, str]:
    """(name for messages, text)."""
    names = _names()
    if name_or_path in names:
        file = f"{name_or_path}.yaml"
        return file, (_SHIPPED / file).read_text(encoding="utf-8")
    try:
        return name_or_path, Path(name_or_path).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        near = get_close_matches(name_or_path, names, 1)
        meant = f"did you mean {near[0]}?" if near else f"give the path of a YAML file, or one of: {', '.join(names)}"
        raise OiellmError(f"no recipe {name_or_path!r}: {meant}") from None
    except (OSError, ValueError) as error:
        raise OiellmError(f"{name_or_path}: cannot be read ({error})") from error


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
        if len(at) > _DEEPEST:  # deeper than any recipe, or a YAML alias that holds itself
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
            raise self.wrong(line, at, f"values of type {type(found).__name__} are not used in recipes")
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
