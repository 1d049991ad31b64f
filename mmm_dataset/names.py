"""Names that become part of a path: of languages, tasks, configs, sources, releases."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Final

RULE: Final = "ASCII letters, digits, '_', '-' and '.', the first a letter or digit, no '.' at the end, 80 at most"
"""What a plain name is made of, for messages."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,78}[A-Za-z0-9_-])?")
_RESERVED: Final = re.compile(r"(?i)(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?")  # devices, on Windows


def is_plain_name(name: object) -> bool:
    """Whether a name can be a file or folder name on every system, and never leads out of its folder.

    >>> is_plain_name("de_dorf"), is_plain_name("zh-Hant"), is_plain_name("../../evil"), is_plain_name(".hidden")
    (True, True, False, False)
    """
    return isinstance(name, str) and _PLAIN.fullmatch(name) is not None and _RESERVED.fullmatch(name) is None


def inner_path(path: str) -> str:
    """The path, if it leads to a place inside its folder. Raises ValueError otherwise.

    >>> inner_path("data/ja_scnm/test.parquet")
    'data/ja_scnm/test.parquet'
    """
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or "\\" in path or ":" in parts[0] or {"..", "."} & set(parts):
        raise ValueError(f"{path!r} must be a relative path inside the folder")
    return path
