"""What a model is asked: prompt files, checked as a whole before anything is sent, made into questions for one config each.

``common.toml`` holds the sentences and limits that all questions share, every other file one question: for which tasks and task
words, the instruction, definitions by label key, worked examples by language. A folder of edited copies goes on top.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from build.annotate.options import LEVELS, Level
from build.annotate.question import LIMITS, PHRASES, Example, Limits, Question, make_question
from build.annotate.replies import field_key
from build.core import KitError
from mmm_dataset import Registry
from mmm_dataset.registry import Config
from mmm_f1.unified import is_span
from oiellm.files import read_toml

FOLDER: Final = Path(__file__).parent / "prompts"
COMMON: Final = "common.toml"

_KEYS: Final[Mapping[str, type]] = {
    "level": str,
    "instruction": str,
    "tasks": list,
    "words": list,
    "define": dict,
    "example": list,
}
_EXAMPLE: Final[Mapping[str, type]] = {"language": str, "text": str, "label": str, "items": list}


@dataclass(frozen=True, slots=True)
class PromptFile:
    """One prompt file: ``tasks`` and ``words`` say what it is for, None for all."""

    path: Path
    level: str
    instruction: str
    tasks: tuple[str, ...] | None
    words: tuple[str, ...] | None
    define: Mapping[str, str]
    examples: tuple[Mapping[str, Any], ...]

    def fits(self, level: str, task: str, word: str) -> bool:
        """Whether this file is for such a question."""
        return (
            self.level == level
            and (self.tasks is None or task in self.tasks)
            and (self.words is None or word in self.words)
        )


class Prompts:
    """All prompt files, and the questions made of them."""

    def __init__(self, folder: Path | None = None) -> None:
        """Read the shipped files and, on top, those of a folder: a file of the same name replaces the shipped one.

        Raises:
            OiellmError: the folder is missing or empty, or a file is wrong; the message names it.
        """
        paths = {path.name: path for path in sorted(FOLDER.glob("*.toml"))}
        if folder is not None:
            own = {path.name: path for path in sorted(folder.glob("*.toml"))}
            if not own:
                raise KitError(f"{folder}: no prompt files (*.toml) here; copy some of {FOLDER.name}/ and edit them")
            paths |= own
        self._phrases, self._limits = _read_common(paths.pop(COMMON))
        self._files = [_read_file(path) for path in paths.values()]
        self._questions: dict[tuple[str, str, str], Question] = {}

    def question(self, level: Level, config: Config, word: str, registry: Registry) -> Question:
        """The question about one level of the rows of a config under a task word.

        Raises:
            KitError: no file or several fit, or the file does not fit the registry's labels.
        """
        key = (level, config.name, word)
        if key not in self._questions:
            file = self._choose(level, config.task, word)
            self._questions[key] = _make(file, level, config, word, registry, self._phrases, self._limits)
        return self._questions[key]

    def hashes(self) -> dict[str, str]:
        """The hash of every question asked so far, by config, level and task word."""
        return {"/".join((key[1], key[0], key[2])): q.hash for key, q in sorted(self._questions.items())}

    @property
    def limits(self) -> Limits:
        """Sizes and the temperature of votes."""
        return self._limits

    def _choose(self, level: str, task: str, word: str) -> PromptFile:
        fitting = [file for file in self._files if file.fits(level, task, word)]
        best = max((_narrow(file) for file in fitting), default=0)
        chosen = [file for file in fitting if _narrow(file) == best]
        if len(chosen) != 1:
            names = ", ".join(file.path.name for file in chosen) or "none"
            raise KitError(
                f"prompts for level {level}, task {task}, word {word}: one file must fit best, found: {names}"
            )
        return chosen[0]


def _narrow(file: PromptFile) -> int:
    return (file.tasks is not None) + (file.words is not None)


def _make(
    file: PromptFile,
    level: Level,
    config: Config,
    word: str,
    registry: Registry,
    phrases: Mapping[str, str],
    limits: Limits,
) -> Question:
    spellings = registry.text_labels(config) if level == "text" else registry.word_labels(config, word)
    task = registry.task(config.task)
    name = (task.text_labels if level == "text" else task.word_labels.get(word)) or ""
    # In the order of the label table; aliases are read but not offered.
    labels = {key: registry.spelling(name, key, config.language) for key in dict.fromkeys((spellings or {}).values())}
    if spellings is not None and (unknown := sorted(set(file.define) - set(labels))):
        raise KitError(f"{file.path}: [define] {unknown[0]}: no such label in the set {name}: {', '.join(labels)}")
    roles = registry.task_words[word] if level == "word" else ()
    language = registry.languages[config.language]
    examples = [
        _example(file, number, example, labels if spellings is not None else None, roles)
        for number, example in enumerate(file.examples, 1)
        if example["language"] == config.language
    ]
    allowed = None if spellings is None else {spelling: labels[key] for spelling, key in spellings.items()}
    try:
        return make_question(
            level,
            file.instruction.replace("{language}", language.name).replace("{word}", word),
            [f"- {label}: {file.define[key]}" if key in file.define else f"- {label}" for key, label in labels.items()],
            allowed,
            tuple(roles),
            examples,
            phrases,
            limits,
        )
    except ValueError as error:
        raise KitError(f"{file.path}: {error}") from error


def _example(
    file: PromptFile, number: int, example: Mapping[str, Any], labels: Mapping[str, str] | None, roles: Sequence[str]
) -> Example:
    said = {field_key(role) for role in roles if not is_span(role)}

    def spelled(label: Any) -> str:
        if labels is not None and label not in labels:
            raise KitError(f"{file.path}: example {number}: {label!r} is no label key: {', '.join(labels)}")
        return labels[label] if labels is not None else str(label)

    if file.level == "text":
        if "label" not in example:
            raise KitError(f"{file.path}: example {number}: needs a label")
        return Example(example["text"], spelled(example["label"]), None)
    items = []
    for item in example.get("items", ()):
        if not isinstance(item, dict) or not all(isinstance(value, str) for value in item.values()):
            raise KitError(f"{file.path}: example {number}: an item is a table of strings")
        fields = {**item, "label": spelled(item.get("label"))}
        for key, value in fields.items():
            if key not in said and value not in example["text"]:
                raise KitError(f"{file.path}: example {number}: {value!r} is not in its text")
        items.append(fields)
    return Example(example["text"], None, tuple(items))


def _read_file(path: Path) -> PromptFile:
    data = read_toml(path)
    _check(path, "", data, _KEYS, ("level", "instruction"))
    if data["level"] not in LEVELS:
        raise KitError(f"{path}: level is {data['level']!r}; it must be one of {', '.join(LEVELS)}")
    for number, example in enumerate(data.get("example", ()), 1):
        _check(path, f"example {number}: ", example, _EXAMPLE, ("language", "text"))
    return PromptFile(
        path,
        data["level"],
        data["instruction"].strip(),
        _names(data.get("tasks")),
        _names(data.get("words")),
        {key: str(value) for key, value in data.get("define", {}).items()},
        tuple(data.get("example", ())),
    )


def _names(values: Sequence[Any] | None) -> tuple[str, ...] | None:
    return None if values is None else tuple(map(str, values))


def _read_common(path: Path) -> tuple[Mapping[str, str], Limits]:
    data = read_toml(path)
    _check(path, "", data, {"phrases": dict, "limits": dict}, ("phrases", "limits"))
    _check(path, "[phrases] ", data["phrases"], dict.fromkeys(PHRASES, str), PHRASES)
    _check(path, "[limits] ", data["limits"], LIMITS, tuple(LIMITS))
    limits = Limits(**data["limits"])
    if not 0 < limits.temperature <= 2 or min(limits.text_tokens, limits.word_tokens, limits.label_characters) < 1:
        raise KitError(f"{path}: [limits] temperature must be above 0 and at most 2, and the other limits at least 1")
    return {key: value.strip() for key, value in data["phrases"].items()}, limits


def _check(path: Path, where: str, table: Any, known: Mapping[str, Any], needed: Sequence[str]) -> None:
    if not isinstance(table, dict):
        raise KitError(f"{path}: {where}must be a table")
    for key, value in table.items():
        if key not in known:
            raise KitError(f"{path}: {where}unknown key {key!r}; known keys: {', '.join(known)}")
        if not isinstance(value, known[key]) or isinstance(value, bool):
            raise KitError(f"{path}: {where}{key} is {value!r:.60}, which is of the wrong kind")
    if missing := [key for key in needed if key not in table]:
        raise KitError(f"{path}: {where}lacks the key {missing[0]!r}")
