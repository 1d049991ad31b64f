"""Arguments of what reads and writes strings, checked: a value of a wrong type is one clear line, never a wrong answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, Literal

Form = Literal["published", "escaped"]
FORMS: Final = ("published", "escaped")


def check_strings(**values: object) -> None:
    """Raise ValueError unless every value is a string."""
    for name, value in values.items():
        if not isinstance(value, str):
            raise ValueError(f"{name} must be a string, not {_shown(value)}")


def check_form(form: object) -> None:
    """Raise ValueError unless this is a form."""
    if not isinstance(form, str) or form not in FORMS:
        raise ValueError(f"form is {_shown(form)}; it must be one of: {', '.join(FORMS)}")


def check_reading(output: object, word: object, form: object, task_words: object, labels: object, text: object) -> None:
    """Raise ValueError unless these can be arguments of ``parse``."""
    check_strings(output=output, word=word, text="" if text is None else text)
    check_form(form)
    _check_task_words(task_words)
    if labels is not None and (isinstance(labels, (str, bytes)) or not isinstance(labels, Collection)):
        raise ValueError(f"labels must be a collection of strings, or None if they are open, not {_shown(labels)}")


def check_writing(label: object, word: object, items: object, form: object, task_words: object) -> None:
    """Raise ValueError unless these can be arguments of ``render``."""
    check_strings(label=label, word=word)
    check_form(form)
    _check_task_words(task_words)
    if isinstance(items, (str, bytes)) or not isinstance(items, Collection):
        raise ValueError(f"items must be a list, not {_shown(items)}")
    for item in items:
        whole = isinstance(item, Collection) and not isinstance(item, (str, bytes))
        if not whole or not all(isinstance(field, str) for field in item):
            raise ValueError(f"the fields of an item must be strings, not {_shown(item)}")


def _check_task_words(task_words: object) -> None:
    if not isinstance(task_words, Mapping):
        raise ValueError(f"task_words must be a dict of task words and their roles, not {_shown(task_words)}")


def _shown(value: object) -> str:
    shown = repr(value)
    return f"{shown[:40]}{'...' * (len(shown) > 40)} ({type(value).__name__})"
