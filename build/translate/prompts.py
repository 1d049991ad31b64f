"""What models are told, from editable files: an instruction per kind of call, one worked example per language pair and task."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from build.core import KitError
from build.markup import MarkupError, untag
from build.translate.language import LanguageProfile
from oiellm.files import fast_dump, read_toml

FOLDER: Final = Path(__file__).with_name("prompts")
INSTRUCTIONS: Final = "instructions.toml"
EXAMPLES: Final = "examples.toml"
KINDS: Final = ("tagged", "span", "rewrite", "paper", "back", "judge")

Messages = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Example:
    """One row in two languages, tagged, with its labels."""

    source: str
    target: str
    row: Mapping[str, Any]


class Prompts:
    """The prompts of one language pair and task family.

    Attributes:
        digest: of all that is told, 16 hex digits; it goes into the provenance of every row.
        instruction: all of it as one string, in which leaks are looked for.
        example: the worked example; None if the files have none for this pair and family.
    """

    def __init__(
        self, source: LanguageProfile, target: LanguageProfile, family: str, folder: Path | None = None
    ) -> None:
        """Read the files.

        Args:
            source, target: the languages.
            family: of the task, a table of the examples.
            folder: with a copy of either file or both; what it lacks is taken from those that ship.

        Raises:
            OiellmError: a file cannot be read or lacks something.
        """
        self._told = self._instructions(_find(INSTRUCTIONS, folder), source, target)
        self.example = _example(_find(EXAMPLES, folder), family, source.code, target.code)
        shots: Messages = ()
        if self.example:
            shots = (
                ("user", _json({"text": self.example.source})),
                ("assistant", _json({"translation": self.example.target})),
            )
        self._tagged: Messages = (("system", self._told["tagged"]), *shots)
        self._part: Messages = (("system", self._told["tagged"] + "\n" + self._told["context"]), *shots)
        self._rewrite: Messages = (("system", self._told["rewrite"]),)
        self._rewrite_part: Messages = (("system", self._told["rewrite"] + "\n" + self._told["context"]),)
        self._span: Messages = (("system", self._told["span"]),)
        self.instruction = "\n".join([self._told["tagged"], self._told["rewrite"], *(text for _, text in shots)])
        told = _json([self._told, self.example and [self.example.source, self.example.target, self.example.row]])
        self.digest = hashlib.sha256(told.encode()).hexdigest()[:16]

    def tagged(self, text: str, context: str | None = None) -> Messages:
        """Translate a tagged text; ``context`` is the whole plain text it is a part of."""
        if context is None:
            return (*self._tagged, ("user", _json({"text": text})))
        return (*self._part, ("user", _json({"context": context, "text": text})))

    def spans(self, source: str, translation: str, wrong: Mapping[int, str]) -> Messages:
        """Find the counterparts of the tagged pieces in a plain translation; ``wrong`` ones were answered and are not in it."""
        asked: dict[str, Any] = {"source": source, "translation": translation}
        if wrong:
            asked["not_in_translation"] = {str(number): answer for number, answer in wrong.items()}
        return (*self._span, ("user", _json(asked)))

    def rewrite(self, text: str, previous: str | None, problems: list[str], context: str | None = None) -> Messages:
        """Write a translation anew, without the problems of the previous one."""
        told, whole = (self._rewrite, {}) if context is None else (self._rewrite_part, {"context": context})
        return (*told, ("user", _json({**whole, "text": text, "previous": previous, "problems": problems})))

    def plain(self, kind: str, **asked: str) -> Messages:
        """An instruction and a JSON object, for the kinds ``back`` and ``judge``."""
        return (("system", self._told[kind]), ("user", _json(asked)))

    def paper(self, example: str | None, row: str) -> Messages:
        """The paper's prompt: an instruction, one worked example in the data set's own format, and the row."""
        shown = f"\nExample:\n{example}\n" if example else ""
        return (("system", self._told["paper"] + shown), ("user", row))

    def _instructions(self, path: Path, source: LanguageProfile, target: LanguageProfile) -> dict[str, str]:
        tables = read_toml(path)
        told = {}
        for kind in KINDS:
            table = tables.get(kind)
            if not isinstance(table, dict) or not isinstance(table.get("system"), str):
                raise KitError(f'{path}: [{kind}] needs system = "...", what the model is told for it')
            told[kind] = table["system"].strip()
        told["context"] = str(tables["tagged"].get("context", "")).strip()
        # Not str.format: the JSON in the instructions has braces of its own.
        names = {"{source}": source.name, "{target}": target.name}
        for kind, text in told.items():
            for mark, name in names.items():
                text = text.replace(mark, name)
            told[kind] = text
        return told


def _json(value: Any) -> str:
    return fast_dump(value).decode()


def _find(name: str, folder: Path | None) -> Path:
    if folder is None:
        return FOLDER / name
    if not folder.is_dir():
        raise KitError(f"{folder}: no such folder; --prompts names one with {INSTRUCTIONS} or {EXAMPLES}")
    if not any((folder / each).is_file() for each in (INSTRUCTIONS, EXAMPLES)):
        raise KitError(f"{folder}: holds neither {INSTRUCTIONS} nor {EXAMPLES}; copy them from {FOLDER.name}/")
    return folder / name if (folder / name).is_file() else FOLDER / name


def _example(path: Path, family: str, source: str, target: str) -> Example | None:
    row = read_toml(path).get(family, {})
    if not isinstance(row, dict) or not {source, target} <= row.keys():
        return None
    try:
        if untag(row[source])[1].keys() != untag(row[target])[1].keys():
            raise MarkupError("the two languages have different tags")
    except (MarkupError, TypeError, AttributeError) as error:
        raise KitError(f"{path}: [{family}] {source} and {target}: {error}") from error
    return Example(row[source], row[target], row)
