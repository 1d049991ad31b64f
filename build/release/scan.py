"""What must not go out: pickles, caches, keys, places on this machine. Found before anything is sent."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any, Final

from build.files import read_toml
from build.steps import KitError

RULES: Final = Path(__file__).with_name("refused.toml")


def refuse_secrets(folder: Path, names: Sequence[str], what: str) -> None:
    """Look through a staged folder.

    Args:
        folder: where the files are.
        names: their paths in it.
        what: the repository, for messages.

    Raises:
        KitError: something must not go out; the message names file and line, and shows no secret.
    """
    rules = _rules()
    for name in names:
        if refused := next((p for part in Path(name).parts for p in rules["names"] if fnmatch(part, p)), None):
            raise KitError(f"{what}: {name}: such files are not released ({refused}); take it out of the folder")
        if not any(fnmatch(name, pattern) for pattern in rules["data"]):
            for line, problem in _problems(folder / name):
                raise KitError(f"{what}: {name}:{line}: {problem}; take it out and run this again")


@cache
def _rules() -> dict[str, Any]:
    return read_toml(RULES)


def _problems(path: Path) -> Iterator[tuple[int, str]]:
    text = path.read_bytes().decode("utf-8", errors="replace")
    for place in _places():
        if found := place.search(text):
            yield _line(text, found.start()), f"a place on somebody's disk ({found[0][:60]})"
    for key in _rules()["keys"]:
        if found := re.search(key, text):
            yield _line(text, found.start()), "looks like a secret (an access token)"
    for detector in _detectors():
        if secret := next(iter(detector.analyze_string(text)), None):
            yield _line(text, text.find(secret)), f"looks like a secret ({detector.secret_type})"


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, max(0, place)) + 1


@cache
def _places() -> list[re.Pattern[str]]:
    own = {str(place) for place in (Path.home(), Path.cwd(), Path(tempfile.gettempdir())) if len(place.parts) > 1}
    written = [f"(?<![\\w./-]){re.escape(place)}(?![\\w-])" for place in sorted(own)]
    return [re.compile(pattern) for pattern in [*written, *_rules()["paths"]]]


@cache
def _detectors() -> list[Any]:
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class

    kinds: dict[str, Any] = get_mapping_from_secret_type_to_class()
    found = {kind.__name__: kind for kind in kinds.values()}
    return [found[name]() for name in _rules()["detectors"]]
