"""What must not go out: pickles, archives, caches, keys, places on this machine. Found before anything is sent."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Sequence
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any, Final

from build.core import KitError
from build.release.headers import metadata
from oiellm.files import read_toml

RULES: Final = Path(__file__).with_name("refused.toml")
_TOKEN: Final = 8
"""Characters that a token has at least: a shorter one, of somebody's own Hub for tests, would be found in any text."""


def refuse_secrets(folder: Path, names: Sequence[str], what: str) -> None:
    """Look through a staged folder.

    Args:
        folder: where the files are.
        names: their paths in it.
        what: the repository, for messages.

    Raises:
        KitError: something must not go out; the message names file and line, and shows no secret.
    """
    token = _token()
    for name in names:
        if problem := _refused_by_name(folder, name):
            raise KitError(f"{what}: {name}: {problem}")
        for where, problem in _problems(folder / name, token):
            raise KitError(f"{what}: {name}:{where} {problem}; take it out and run this again")


@cache
def _rules() -> dict[str, Any]:
    return read_toml(RULES)


def _token() -> str:
    """The Hub's token in use, to look for it; empty if there is none."""
    from huggingface_hub import get_token

    token = get_token() or ""
    return token if len(token) >= _TOKEN else ""


def _refused_by_name(folder: Path, name: str) -> str:
    """What is wrong with the name of a file, or with where it leads; empty if nothing is."""
    if refused := next((p for part in Path(name).parts for p in _rules()["names"] if fnmatch(part, p)), None):
        return f"such files are not released ({refused}); take it out of the folder"
    if not (folder / name).resolve().is_relative_to(folder.resolve()):
        return "a link that leads out of the folder; put the file itself there"
    return ""


def _problems(path: Path, token: str) -> Iterator[tuple[str, str]]:
    """Where in a file (a line, or its metadata) something is wrong, and what."""
    said = metadata(path)
    if said is not None:  # a data file: a path or key in the data is somebody's sentence
        for entry in said:
            yield from ((" its metadata:", problem) for _, problem in _found(entry, token))
        return
    content = path.read_bytes()
    for mark in _rules()["marks"]:
        if content.startswith(bytes.fromhex(mark["hex"]), mark["at"]):
            yield "", f"this is {mark['kind']}, and such files are not released"
    yield from ((f"{line}:", problem) for line, problem in _found(content, token))


def _found(content: bytes, token: str) -> Iterator[tuple[int, str]]:
    """Line and problem."""
    for text in _texts(content):
        if token and token in text:
            yield _line(text, text.find(token)), "a secret (the access token in use)"
        for key in _rules()["keys"]:
            if found := re.search(key, text):
                yield _line(text, found.start()), "looks like a secret (an access token)"
        for detector in _detectors():
            if secret := next(iter(detector.analyze_string(text)), None):
                yield _line(text, text.find(secret)), f"looks like a secret ({detector.secret_type})"
        for place in _places():  # last: the message shows the place, and a key may be part of it
            if found := place.search(text):
                yield _line(text, found.start()), f"a place on somebody's disk ({found[0][:60]})"


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, max(0, place)) + 1


def _texts(content: bytes) -> Iterator[str]:
    """Content as text: UTF-8, and UTF-16 or UTF-32 of either order if it has the zero bytes that these have."""
    yield content.decode("utf-8", errors="replace")
    if b"\0" in content:
        for coding in ("utf-16-le", "utf-16-be"):
            yield content.decode(coding, errors="replace").replace("\0", "")


@cache
def _places() -> list[re.Pattern[str]]:
    own = {place for place in (Path.home(), Path.cwd(), Path(tempfile.gettempdir())) if len(place.parts) > 1}
    return [re.compile(pattern) for pattern in [*map(_alone, sorted(own)), *_rules()["paths"]]]


def _alone(place: Path) -> str:
    """A pattern for a path that is not the middle of a longer one; of ``/tmp`` and the like, which a tokenizer may have as a
    word, for something in it."""
    path = re.escape(str(place))
    end = "(?![\\w-])" if len(place.parts) > 2 else "/[\\w.-]+"
    return f"{path}(?:(?<![\\w./-]{path})|(?<=\\\\[nrt]{path})){end}"


@cache
def _detectors() -> list[Any]:
    from detect_secrets.core.plugins.util import get_mapping_from_secret_type_to_class

    kinds: dict[str, Any] = get_mapping_from_secret_type_to_class()
    found = {kind.__name__: kind for kind in kinds.values()}
    return [found[name]() for name in _rules()["detectors"]]
