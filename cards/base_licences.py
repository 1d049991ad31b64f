"""What a model owes to the model it was trained from: licence, name, what must be shown; from ``base_licences.toml``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from cards.errors import CardError
from cards.hub import licence_id
from cards.recorded import need

_FILE: Final = Path(__file__).with_name("base_licences.toml")
_MODEL: Final = "mmm.json"


@dataclass(frozen=True, slots=True)
class BaseTerms:
    """The terms of a family of base models; the keys of ``base_licences.toml`` say what each is."""

    names: tuple[str, ...]
    word: str
    organisation: str
    licence: str
    title: str
    prefix: str = ""
    built_with: str = ""
    notice: str = ""
    copy: bool = False
    says: tuple[str, ...] = ()

    def holds(self, base: str) -> bool:
        """Whether the name of a base, called ORG/NAME or by its folder, has a pattern of this family in it."""
        return any(re.search(pattern, _name(base), re.IGNORECASE) for pattern in self.names)

    def is_exactly(self, base: str) -> bool:
        """Whether a pattern of this family is the whole of a base, with or without ORG."""
        return any(re.fullmatch(pattern, x, re.IGNORECASE) for pattern in self.names for x in (base, _name(base)))

    def is_mentioned(self, base: str) -> bool:
        """Whether the name of a base speaks of this family, of whatever version."""
        return self.word in _name(base).lower()


def base_terms(model: Mapping[str, Any], where: Path | str = _MODEL) -> BaseTerms | None:
    """The terms of what a model was trained from; None if it was trained from scratch.

    Args:
        model: content of its ``mmm.json``.
        where: that file, for messages.

    Raises:
        CardError: the base is none that the kit knows the licence of, or its name speaks of several families: a merge or a
            distillate may owe to each of them.
    """
    base = need(model, where, "base")
    if base is None:
        return None
    known = read_base_licences()
    exact = [terms for terms in known if terms.is_exactly(base)]
    found = exact or [terms for terms in known if terms.holds(base)]
    if not found:
        raise CardError(
            f"{where}: base {base!r}: its licence is not known here; read it, and add the base to {_FILE.name}"
        )
    mentioned = {terms.word for terms in known if terms.is_mentioned(base)} - {terms.word for terms in found}
    if len(found) > 1 or (mentioned and not exact):
        named = ", ".join([*(terms.title for terms in found), *sorted(mentioned)])
        raise CardError(
            f"{where}: base {base!r}: its name speaks of several families ({named}); read its licence, and add the whole name "
            f"to the family in {_FILE.name} whose licence holds"
        )
    return found[0]


def _name(base: str) -> str:
    return base.rpartition("/")[2]


def base_repository(model: Mapping[str, Any], terms: BaseTerms) -> str:
    """ORG/NAME of the base on the Hub; empty if it was a folder and the recipe names no repository of its family.

    Args:
        model: content of ``mmm.json``.
        terms: of :func:`base_terms`.
    """
    recipe = need(model, _MODEL, "recipe", "model").get("base") or ""
    known = (name for name in (model["base"], recipe) if name.startswith(f"{terms.organisation}/"))
    return next(known, model["base"] if model["base"] == recipe and recipe.count("/") == 1 else "")


@lru_cache(maxsize=1)
def read_base_licences(path: Path = _FILE) -> tuple[BaseTerms, ...]:
    """The families that the kit knows, in the order of the file. Raises CardError if it is wrong."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return tuple(_family(name, entry, path) for name, entry in table.items())
    except (OSError, ValueError) as error:
        raise error if isinstance(error, CardError) else CardError(f"{path}: cannot be read ({error})") from error


def _family(name: str, entry: dict[str, Any], path: Path) -> BaseTerms:
    try:
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()
        }
        terms = BaseTerms(**values)
        for pattern in terms.names:
            re.compile(pattern)
    except (TypeError, re.error) as error:
        raise CardError(f"{path}: [{name}]: {error}") from error
    if licence_id(terms.licence) != terms.licence:
        raise CardError(f"{path}: [{name}]: licence {terms.licence!r} is no identifier of the Hub's")
    return terms
