"""Recipes as files: find one and read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Final

import yaml

from oiellm.errors import OiellmError
from oiellm.recipe import Recipe
from oiellm.typed_yaml import read_yaml

_SHIPPED: Final = files("oiellm") / "recipes"


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
    return read_yaml(name, text, Recipe, overrides)


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
