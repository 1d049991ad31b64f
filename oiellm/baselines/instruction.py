"""The instruction of chat models: a file that a user can copy and change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from mmm_dataset import Registry
from mmm_dataset.files import dump, sha256
from mmm_dataset.registry import Config
from mmm_f1.unified import LABEL, is_tuple, role_name, shape
from oiellm.baselines.labels import ConfigLabels, Labels
from oiellm.baselines.template import fill, get, template
from oiellm.errors import OiellmError
from oiellm.files import read_toml

SHIPPED: Final = Path(__file__).parent / "chat.toml"
_PLACES: Final = ("language", "description", "word", "form", "text_rule", "word_rule", "items")


@dataclass(frozen=True, slots=True)
class Instruction:
    """What the file says, for one of the two kinds of replies.

    Attributes:
        system, user: templates.
        words: pieces of sentences that depend on the config.
        declined, before: how replies begin that decline, and what may stand before an answer.
        digest: SHA-256 of the file.
    """

    system: str
    user: str
    words: Mapping[str, str]
    declined: tuple[str, ...]
    before: tuple[str, ...]
    digest: str

    def told(self, registry: Registry, config: Config, word: str, labels: ConfigLabels, form: str) -> str:
        """The system text for the rows of a config with a task word; ``form`` is what a reply looks like."""
        language = registry.languages[config.language].name
        tuples = is_tuple(shape(word, registry.task_words))
        values = {
            "language": language,
            "description": registry.task(config.task).description,
            "word": word,
            "form": form,
            "text_rule": self._rule(labels.text, language),
            "word_rule": self._rule(labels.words[word], language),
            "items": self.words["tuples" if tuples else "pairs"],
        }
        return fill(self.system, values)

    def _rule(self, labels: Labels, language: str) -> str:
        if labels.listed is None:
            return fill(self.words["open"], {"language": language})
        return fill(self.words["closed"], {"labels": ", ".join(labels.listed)})


def read_instruction(path: Path | None, structured: bool) -> Instruction:
    """Read an instruction.

    Args:
        path: the file; None for the one that ships.
        structured: replies are JSON.

    Raises:
        OiellmError: the file is missing or not TOML, lacks something, or has a place that does not exist.
    """
    path = path or SHIPPED
    table, where = read_toml(path), "structured" if structured else "free"
    part, words, replies = (get(table, name, dict, path) for name in (where, "words", "replies"))
    places = {"closed": ["labels"], "open": ["language"], "pairs": [], "tuples": []}
    return Instruction(
        system=template(part, "system", _PLACES, path, where, "form"),
        user=template(part, "user", ["prompt"], path, where, "prompt"),
        words={name: template(words, name, known, path, "words") for name, known in places.items()},
        declined=_list(replies, "declined", path),
        before=_list(replies, "before", path),
        digest=sha256(path),
    )


def _list(table: Mapping[str, Any], name: str, path: Path) -> tuple[str, ...]:
    found = get(table, name, list, path, "replies")
    if not all(isinstance(one, str) and one for one in found):
        raise OiellmError(f"{path}: [replies] {name}: a list of texts is due")
    return tuple(one.casefold() for one in found)


def free_form(word: str, registry: Registry) -> str:
    """What a reply in the unified format looks like."""
    roles = shape(word, registry.task_words)
    item = ":" + ";".join("LABEL" if role == LABEL else role_name(role) for role in roles)
    return f"TEXT_LABEL/{word}/{item}{item}{':' if is_tuple(roles) else ''}"


def structured_form(word: str, registry: Registry) -> str:
    """What a reply as JSON looks like."""
    roles = shape(word, registry.task_words)
    item = {"label" if role == LABEL else role_name(role): "LABEL" if role == LABEL else "..." for role in roles}
    return dump({"label": "TEXT_LABEL", "items": [item]})
