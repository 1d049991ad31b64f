"""What a run recorded, read for a card: a file or an entry that is missing stops the card with its name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cards.errors import CardError


def read_json(path: Path) -> Any:
    """The JSON of a file. Raises CardError if it is not there or cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CardError(f"{path}: not there, and the card needs it") from error
    except ValueError as error:
        raise CardError(f"{path}: cannot be read ({error})") from error


def need(table: Any, where: Path | str, *keys: str) -> Any:
    """The entry under these keys. Raises CardError that names it and the file if it is not there."""
    for at, key in enumerate(keys):
        try:
            table = table[key]
        except (KeyError, TypeError) as error:
            raise CardError(f"{where}: has no {'.'.join(keys[: at + 1])}, and the card needs it") from error
    return table
