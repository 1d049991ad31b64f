"""JSON lines in, and the versions that the bytes of a release depend on."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from build.core import KitError


def read_json_lines(path: Path, load: Callable[[str], Any] = json.loads) -> Iterator[tuple[int, Any]]:
    """Line number (from 1) and value of every line; blank lines and a byte order mark are passed over.

    Args:
        path: of the file.
        load: reads a line; ``fast_load`` where no number can be large.

    Raises:
        KitError: the file is missing or not UTF-8, or a line is not JSON.
    """
    try:
        with path.open(encoding="utf-8-sig") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    try:
                        yield number, load(line)
                    except json.JSONDecodeError as error:
                        raise KitError(f"{path}:{number}: not JSON ({error.msg} at column {error.colno})") from error
                    except (ValueError, RecursionError) as error:
                        raise KitError(f"{path}:{number}: not JSON that can be read ({error})") from error
    except FileNotFoundError as error:
        raise KitError(f"{path}: no such file") from error
    except UnicodeDecodeError as error:
        raise KitError(f"{path}: not UTF-8 (byte {error.start}): save the file as UTF-8") from error


def versions() -> dict[str, str]:
    """Versions of Python and of the libraries that the bytes of a release depend on."""
    names = ("ahocorasick-rs", "numpy", "pyarrow", "rensa", "sudachidict-core", "sudachipy")
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in names}}
