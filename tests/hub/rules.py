"""Rules of the Hub that are known from its documents and its messages: what goes to large storage, and what a card may say.

They are a part of the Hub's rules, no more: what passes here may still be refused there.
"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, Final

LARGE: Final = 10 << 20
"""Bytes from which any file goes to large storage."""
_DATA: Final = json.loads(Path(__file__).with_name("rules.json").read_text(encoding="utf-8"))
_BLOCK: Final = re.compile(r"^(\s*---[\r\n]+)([\S\s]*?)([\r\n]+---(\r\n|\n|$))")
_HELP: Final = {"type": "error", "help": "https://huggingface.co/docs/hub/model-cards#model-card-metadata"}


def attributes(kind: str) -> bytes:
    """The ``.gitattributes`` a new repository begins with."""
    patterns = [*_DATA["large"], *(_DATA["large_in_datasets"] if kind == "datasets" else [])]
    return "".join(f"{pattern} filter=lfs diff=lfs merge=lfs -text\n" for pattern in patterns).encode()


def is_large(path: str, size: int, sample: bytes, gitattributes: str) -> bool:
    """Whether a file goes to large storage: by its name, its size, or because it is no text."""
    if not size:
        return False
    for line in gitattributes.splitlines():
        pattern, *how = line.split()[:2] or [""]
        if how == ["filter=lfs"] and (fnmatch(path, pattern) or fnmatch(path.rsplit("/", 1)[-1], pattern)):
            return True
    return size >= LARGE or b"\0" in sample or not _is_text(sample)


def metadata(card: str) -> dict[str, Any]:
    """The metadata of a card; empty if it has none or they are wrong."""
    import yaml

    block = _BLOCK.match(card)
    try:
        found = yaml.safe_load(block[2]) if block else None
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}


def judge(card: str, kind: str) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """Errors and warnings about a card's metadata; ``kind`` is ``models``, ``datasets`` or ``spaces``."""
    import yaml

    block = _BLOCK.match(card)
    if block is None:
        return [], [{**_HELP, "type": "warning", "message": "empty or missing yaml metadata in repo card"}]
    try:
        found = yaml.safe_load(block[2])
    except yaml.YAMLError as error:
        return [{**_HELP, "message": f"Invalid YAML in README.md: {error}"}], []
    if isinstance(found, list):
        return [{**_HELP, "message": '"value" must be of type object'}], []
    if not isinstance(found, dict):
        return [{**_HELP, "message": "The YAML metadata of your README.md is invalid."}], []
    return [{**_HELP, "message": message} for message in _complaints(found, kind)], []


def _complaints(found: dict[str, Any], kind: str) -> list[str]:
    says = []
    for licence in _listed(found.get("license")):
        if licence not in _DATA["licences"]:
            says.append(f'"license" must be one of [{", ".join(_DATA["licences"])}, array]')
    for name in ("tags", "datasets", "metrics", "task_categories", "language"):
        if any(not isinstance(value, str) for value in _listed(found.get(name))):
            says.append(f'"{name}" must be a string')
    if kind == "spaces":
        for name in ("colorFrom", "colorTo"):
            if name in found and found[name] not in _DATA["colours"]:
                says.append(f'"{name}" must be one of [{", ".join(_DATA["colours"])}]')
        if found.get("sdk") not in _DATA["sdks"]:
            says.append(f'"sdk" must be one of [{", ".join(_DATA["sdks"])}]')
        if len(str(found.get("short_description", ""))) > 60:
            says.append('"short_description" length must be less than or equal to 60 characters long')
    return says


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _is_text(sample: bytes) -> bool:
    try:
        sample.decode()
    except UnicodeDecodeError as error:
        return error.start >= len(sample) - 3 and error.reason == "unexpected end of data"  # cut within a character
    return True
