"""Prompt templates: where a text goes and where a label word goes, read from TOML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from oiellm.errors import OiellmError
from oiellm.files import read_toml
from oiellm.verbalize.task import Example

SHIPPED: Final = Path(__file__).with_name("templates.toml")
_FIELD: Final = re.compile(r"\{(\w*)\}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """A filled template: what stands before the slot, and after it."""

    head: str
    tail: str


@dataclass(frozen=True, slots=True)
class Template:
    """A template.

    Attributes:
        name: its name in the file.
        text: with ``{text}`` and ``{slot}`` once each, and ``{word}`` for the task word of the row.
        close: written after each label word, and scored with it.
    """

    name: str
    text: str
    close: str = ""

    def fill(self, row: Example, text: str | None = None) -> Prompt:
        """The prompt of a row; ``text`` stands in for its text."""
        values = {"text": row.text if text is None else text, "word": row.task_word}
        head, tail = (_FIELD.sub(lambda found: values[found[1]], part) for part in self.text.split("{slot}"))
        return Prompt(head, tail)

    def closed(self, word: str, task_word: str) -> str:
        """A label word as it is scored: with the blank that stands before the slot, and with ``close``."""
        head = self.text.split("{slot}")[0]
        blank = head[len(head.rstrip(" ")) :]
        return f"{blank}{word}{self.close.replace('{word}', task_word)}"


def read_template(file: Path | None, name: str | None, family: str, language: str) -> Template:
    """The template for a config.

    Args:
        file: a TOML file, or None for the one that ships.
        name: of the template; None: the one that the file names for the family.
        family, language: of the config.

    Raises:
        OiellmError: the file or the template is missing or cannot be used; says what to write.
    """
    path = file or SHIPPED
    data = read_toml(path)
    families = data.get("families", {})
    chosen = name or (families.get(family, families.get("other")) if isinstance(families, Mapping) else None)
    table = data.get(str(chosen))
    if chosen is None or chosen == "families" or not isinstance(table, Mapping):
        known = ", ".join(key for key in data if key != "families")
        raise OiellmError(f"{path}: no template {chosen!r} for the family {family!r}; there are {known}")
    code = language if language in table else "any"
    if code not in table:
        raise OiellmError(
            f"{path}: no template [{chosen}.{language}]: write one into a copy of the file and pass it with --templates"
        )
    return _checked(table[code], f"{chosen}.{code}", path)


def _checked(entry: Any, name: str, path: Path) -> Template:
    where = f"{path}: [{name}]"
    if not isinstance(entry, Mapping) or not set(entry) <= {"text", "close"} or "text" not in entry:
        raise OiellmError(f"{where}: must have text and may have close, nothing else")
    text, close = entry["text"], entry.get("close", "")
    if not isinstance(text, str) or not isinstance(close, str):
        raise OiellmError(f"{where}: text and close must be strings")
    fields = _FIELD.findall(text)
    if fields.count("text") != 1 or fields.count("slot") != 1 or set(fields) - {"text", "slot", "word"}:
        raise OiellmError(f"{where}: needs {{text}} and {{slot}} once each and knows {{word}} besides, not {text!r}")
    if set(_FIELD.findall(close)) - {"word"}:
        raise OiellmError(f"{where}: close knows {{word}} alone, not {close!r}")
    return Template(name, text, close)
