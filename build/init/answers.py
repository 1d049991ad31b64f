"""What is to be known of a data set: from options, or asked on a terminal."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from build.core import KitError
from build.init.options import KINDS
from build.release.gates import demo_name
from build.release.settings import is_name
from mmm_dataset import load
from mmm_dataset.names import RULE, is_plain_name

_LANGUAGE: Final = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]+)*")
POLARITIES = ("positive", "neutral", "negative")
_ITEMS = {"ner": "entities", "ner-only": "entities", "sentiment": "words", "aspects": "opinions"}
Ask = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Answers:
    """What is known of a data set.

    Attributes:
        name: of the data set, its task and its source.
        kind: one of ``KINDS``.
        languages: codes.
        text_labels, labels: of the text and of items; empty: open.
        license: of the data.
        title: of the data set.
        url: of its source; may be empty.
    """

    name: str
    kind: str
    languages: tuple[str, ...]
    text_labels: tuple[str, ...]
    labels: tuple[str, ...]
    license: str
    title: str
    url: str


def read_answers(options: argparse.Namespace, ask: Ask | None = None) -> Answers:
    """The answers that the options give; what they lack is asked.

    Args:
        options: of the verb.
        ask: asks a question; None if there is nobody to ask.

    Raises:
        KitError: an answer is wrong, or lacks with nobody to ask.
    """
    _check_name(options.name)
    if ask is None and (missing := [f"--{name}" for name in ("languages", "license") if not getattr(options, name)]):
        raise KitError(f"{' and '.join(missing)} missing: give them, or run `init` on a terminal to be asked")

    def answer(value: str | None, question: str, default: str) -> str:
        if value is not None or ask is None:
            return default if value is None else value.strip()
        return ask(question).strip() or default

    listed = "\n".join(f"  {kind}: {text}" for kind, text in KINDS.items())
    kind = answer(options.kind, f"What a row has\n{listed}\nkind [ner]: ", "ner")
    if kind not in KINDS:
        raise KitError(f"kind {kind!r} does not exist; the kinds: {', '.join(KINDS)}")
    languages = _languages(answer(options.languages, "Languages, as codes such as de,fr: ", ""))
    polar = kind in ("sentiment", "aspects")
    any_label = f" [{','.join(POLARITIES)}]" if polar else " [any label]"
    text_labels: tuple[str, ...] = ()
    if kind != "ner-only":
        asked = answer(options.text_labels, f"Labels of the text, separated by commas{any_label}: ", "")
        text_labels = _labels(asked, "text-labels") or (POLARITIES if polar else ())
    elif options.text_labels:
        raise KitError("--text-labels: rows of the kind ner-only have none; leave it out, or choose --kind ner")
    asked = answer(options.labels, f"Labels of {_ITEMS.get(kind, kind)}, separated by commas{any_label}: ", "")
    labels = _labels(asked, "labels") or (POLARITIES if polar else ())
    license = _one_line(answer(options.license, "License, such as CC-BY-4.0 or CC0-1.0: ", ""))
    if not license:
        raise KitError(
            "the license is missing: a data set without one cannot be used by anybody; unstated is an answer too"
        )
    title = _one_line(answer(options.title, f"Title [{options.name}]: ", options.name)) or options.name
    url = _one_line(answer(options.url or (None if ask else ""), "Address of the source, if it has one: ", ""))
    return Answers(options.name, kind, languages, text_labels, labels, license, title, url)


def terminal() -> Ask | None:
    """Asks on the terminal; None if there is none."""
    return input if sys.stdin.isatty() and sys.stdout.isatty() else None


def _check_name(name: str) -> None:
    if not is_plain_name(name):
        raise KitError(f"{name!r} cannot be the name of a data set: it must be of {RULE}")
    if not is_name(name):
        raise KitError(f"{name!r} cannot be the name of a repository: no -- or .., and no - at its end")
    demo_name(name, {"own"}, demo=False, what=name)
    registry = load("xsid", "ner-only")
    taken = {known.lower() for known in (*registry.tasks, *registry.sources, "registry", "labels")}
    if name.lower() in taken:
        raise KitError(f"{name!r} is a name of the kit's own registry: choose another")


def _languages(text: str) -> tuple[str, ...]:
    codes = _split(text)
    if not codes:
        raise KitError("no language: give its code, such as --languages de")
    for code in codes:
        if not _LANGUAGE.fullmatch(code):
            raise KitError(f"language {code!r}: expected an ISO 639 code such as de, pt-BR or zh-Hant")
    return codes


def _labels(text: str, option: str) -> tuple[str, ...]:
    labels = _split(text)
    for label in labels:
        if "|" in label or not label.isprintable():
            raise KitError(f"--{option}: the label {label!r} holds a control character or '|', which separates aliases")
    return labels


def _split(text: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def _one_line(text: str) -> str:
    """Text without line breaks and other control characters, as a comment of TOML and YAML can hold it."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
