"""The Hub's rules for the YAML of a card, as far as its documents say; the Hub itself knows more."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from cards.errors import CardError

_FILE: Final = Path(__file__).with_name("hub.toml")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]+)*|multilingual")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]*")
_SIZES: Final = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
)


@lru_cache(maxsize=1)
def values() -> Mapping[str, frozenset[str]]:
    """Key of the YAML to the values that it may have."""
    return {key: frozenset(allowed) for key, allowed in tomllib.loads(_FILE.read_text(encoding="utf-8")).items()}


def licence_id(licence: str) -> str | None:
    """The Hub's identifier of a licence such as ``CC-BY-4.0``; None if it has none."""
    name = licence.strip().lower().replace(" ", "-")
    return name if name in values()["license"] - {"other", "unknown"} else None


def size_category(rows: int) -> str:
    """The Hub's name for a number of rows."""
    return next((name for bound, name in _SIZES if rows < bound), "100M<n<1B")


def check(front: Mapping[str, Any], what: str) -> None:
    """Hold the YAML of a card against the rules.

    Args:
        front: the YAML.
        what: for the message, such as ``the card of mmm``.

    Raises:
        CardError: a value is not one that the Hub knows, or the name of a licence of one's own is missing.
    """
    for key, allowed in values().items():
        for value in _listed(front.get(key)):
            if value not in allowed:
                raise CardError(f"{what}: {key}: {value!r} is not a value that the Hub knows")
    for language in _listed(front.get("language")):
        if not _LANGUAGE.fullmatch(str(language)):
            raise CardError(f"{what}: language: {language!r} is no ISO 639 code, as the Hub wants it")
    for key in ("tags", "pretty_name", "source_datasets"):
        if any(not isinstance(value, str) for value in _listed(front.get(key))):
            raise CardError(f"{what}: {key}: {front[key]!r} must be text")
    named = _NAME.fullmatch(front.get("license_name", "")) and front.get("license_link")
    if "other" in _listed(front.get("license")) and not named:
        raise CardError(f"{what}: license other needs license_name, in small letters and dashes, and license_link")


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
