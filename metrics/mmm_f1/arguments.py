"""Arguments of what reads and writes strings, checked: a value of a wrong type is one clear line, never a wrong answer."""

from __future__ import annotations

import operator
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Literal

Form = Literal["published", "escaped"]
FORMS: Final = ("published", "escaped")
_SHOWN: Final = 60


def check_strings(**values: object) -> None:
    """Raise ValueError unless every value is a string."""
    for name, value in values.items():
        if not isinstance(value, str):
            raise ValueError(f"{name} must be a string, not {_typed(value)}")


def check_reading(output: object, word: object, form: object, task_words: object, labels: object, text: object) -> None:
    """Raise ValueError unless these can be arguments of ``parse``."""
    check_strings(output=output, word=word, text="" if text is None else text)
    choice("form", form, FORMS)
    _check_task_words(task_words)
    if labels is not None and (isinstance(labels, (str, bytes)) or not isinstance(labels, Collection)):
        raise ValueError(f"labels must be a collection of strings, or None if they are open, not {_typed(labels)}")


def check_writing(label: object, word: object, items: object, form: object, task_words: object) -> None:
    """Raise ValueError unless these can be arguments of ``render``."""
    check_strings(label=label, word=word)
    choice("form", form, FORMS)
    _check_task_words(task_words)
    if isinstance(items, (str, bytes)) or not isinstance(items, Collection):
        raise ValueError(f"items must be a list, not {_typed(items)}")
    for item in items:
        whole = isinstance(item, Collection) and not isinstance(item, (str, bytes))
        if not whole or not all(isinstance(field, str) for field in item):
            raise ValueError(f"the fields of an item must be strings, not {_typed(item)}")


def _check_task_words(task_words: object) -> None:
    if not isinstance(task_words, Mapping):
        raise ValueError(f"task_words must be a dict of task words and their roles, not {_typed(task_words)}")


def whole(name: str, value: Any, least: int) -> int:
    """A whole number. Raises ValueError if it is none, or less than ``least``."""
    try:
        number = least - 1 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = least - 1
    if number < least:
        raise ValueError(f"{name} is {shown(value)}; give a whole number, {least} or more")
    return number


def fraction(name: str, value: Any) -> float:
    """A number between 0 and 1. Raises ValueError if it is none."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1:
        raise ValueError(f"{name} is {shown(value)}; it must lie between 0 and 1")
    return float(value)


def flag(name: str, value: Any) -> bool:
    """True or False. Raises ValueError if it is neither."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} is {shown(value)}; it must be True or False")
    return value


def choice(name: str, value: Any, known: Sequence[str]) -> None:
    """Raise ValueError unless the value is one of those known."""
    if not isinstance(value, str) or value not in known:
        raise ValueError(f"{name} is {shown(value)}; it must be one of: {', '.join(known)}")


def shown(value: object) -> str:
    """A value in one short line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def _typed(value: object) -> str:
    return f"{shown(value)} ({type(value).__name__})"
