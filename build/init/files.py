"""The files that ``init`` writes: registry, label table, release settings; and the commands that come next."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from build.init.answers import Answers
from cards.terms import terms_of_license
from mmm_dataset import load
from mmm_f1.unified import TASK_WORDS

_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


class _Kind(NamedTuple):
    """How a kind of task is written.

    Attributes:
        word: its task word.
        roles: of the word; None if the kit knows it.
        description: of the task, for cards.
    """

    word: str
    roles: tuple[str, ...] | None
    description: str


_KINDS: Final[Mapping[str, _Kind]] = {
    "ner": _Kind("NER", None, "Text classification and named entity recognition"),
    "ner-only": _Kind("NER", None, "Named entity recognition"),
    "sentiment": _Kind("Sentiment Relation Word", None, "Sentiment classification and sentiment-related words"),
    "relations": _Kind("Relation Extraction", None, "Text classification and relation extraction"),
    "events": _Kind("Event Extraction", None, "Text classification and event extraction"),
    "aspects": _Kind(
        "Aspect Sentiment",
        ("aspect?", "@category", "LABEL", "opinion?"),
        "Sentiment classification and aspects with opinions",
    ),
}

ONLY: Final = "text"
"""The text-level label of every row where rows have entities alone."""


def registry_text(answers: Answers) -> str:
    """The registry as commented TOML."""
    kind, name = _KINDS[answers.kind], answers.name
    parts = [
        f"# The registry of {answers.title}: its languages, task, source and configs. It travels inside every release that is\n"
        "# made with it. A row of the data looks like this:\n"
        f"#   {json.dumps(example(answers), ensure_ascii=False)}",
        f"# The label table: a row for each label and language.\nlabels = {_string(f'{name}.csv')}",
        *_languages(answers),
        "\n".join(_task(answers, kind)),
    ]
    if kind.roles:
        listed = ", ".join(map(_string, kind.roles))
        parts.append(
            "# The fields of an item, in the order in which they are written: LABEL is its label, a role that ends in ? may\n"
            "# be absent, one that begins with @ is a further label, the others are pieces of the text.\n"
            f"[task_word]\n{_key(kind.word)} = [{listed}]"
        )
    terms = ", ".join(map(_string, terms_of_license(answers.license, own=True)))
    parts.append(
        f"# Where the rows are from. terms: what the license asks for; see cards/terms.toml for those that are known.\n"
        f"[source.{_key(name)}]\ntitle = {_string(answers.title)}\nurl = {_string(answers.url)}\n"
        f"license = {_string(answers.license)}\nterms = [{terms}]"
    )
    parts += [
        f"[config.{_key(f'{code}_{name}')}]\nlanguage = {_string(code)}\ntask = {_string(name)}\n"
        f"upstream = [{_string(name)}]"
        for code in answers.languages
    ]
    return "\n\n".join(parts) + "\n"


def _languages(answers: Answers) -> Iterator[str]:
    shipped, known = load().languages, load("ner-only").languages
    for code in answers.languages:
        if code in shipped:
            continue
        language = known.get(code)
        title = language.name if language else code
        scripts = ", ".join(map(_string, language.scripts if language else ()))
        hint = "" if language else "   # its name in English, for tables"
        yield (
            f"[language.{_key(code)}]\nname = {_string(title)}{hint}\n"
            f"scripts = [{scripts}]   # beside Latin letters, such as cyrillic, arabic, han"
        )


def _task(answers: Answers, kind: _Kind) -> Iterator[str]:
    name = answers.name
    yield "# words: what a model is asked. text_labels, word_labels: sets of the label table; without them any label will do."
    yield f"[task.{_key(name)}]"
    yield f"title = {_string(answers.title)}"
    yield f"description = {_string(kind.description)}"
    yield f"words = [{_string(kind.word)}]"
    closed = bool(_text_labels(answers))
    yield f"{'' if closed else '# '}text_labels = {_string(f'{name}_text')}"
    yield f"{'' if answers.labels else '# '}word_labels = {{ {_key(kind.word)} = {_string(f'{name}_word')} }}"


def labels_text(answers: Answers) -> str:
    """The label table as CSV: the labels that were given, spelled alike in every language."""
    out = io.StringIO(newline="")
    table = csv.writer(out, lineterminator="\n")
    table.writerow(["set", "key", "language", "label", "aliases", "provenance"])
    for level, labels in (("text", _text_labels(answers)), ("word", answers.labels)):
        table.writerows(
            [f"{answers.name}_{level}", label, code, label, "", "source"]
            for label in labels
            for code in answers.languages
        )
    return out.getvalue()


def settings_text(answers: Answers, release: str) -> str:
    """Settings of ``build release``."""
    return (
        f"# What is released of {answers.title}; see build/release/release.yaml for every key.\n"
        f"dataset:\n  tree: {release}\n  name: {_string(answers.name)}      # of the repository\n"
        "authors: []         # names, in order\ncontact: null       # an address or a URL\n"
        "citation: null      # a BibTeX file\n"
    )


def commands(answers: Answers, registry: Path, settings: Path) -> list[str]:
    """What to run next, in order."""
    name, build = answers.name, ["python3", "-m", "build"]
    source = ["--from", f"{name}.jsonl", "--registry", str(registry)]
    records = [f"work/{name}/records.jsonl", "--registry", str(registry)]
    return [
        shlex.join([*build, "read", "records", *source, "--out", f"work/{name}"]),
        shlex.join([*build, "export", *records, "--splits", "80/10/10", "--out", f"release/{name}"]),
        shlex.join([*build, "release", "--settings", str(settings), "--to", "release/hub", "--dry-run"]),
    ]


def example(answers: Answers) -> dict[str, Any]:
    """A row of the data set, as short as the reader takes it: it finds the offsets itself."""
    kind = _KINDS[answers.kind]
    pieces, names = iter(("Anna Beispiel", "Musterdorf")), [role.removesuffix("?") for role in _roles(kind)]
    item: dict[str, Any] = {"label": answers.labels[0] if answers.labels else "LABEL"}
    if names == ["LABEL", "entity"]:
        item["text"] = next(pieces)
    else:  # a third piece, such as the time of an event, may be absent
        item["spans"] = [
            {"role": name, "text": piece}
            for name, piece in zip([n for n in names if n != "LABEL" and n[0] != "@"], pieces)
        ]
        if further := {name[1:]: "CATEGORY" for name in names if name[0] == "@"}:
            item["attributes"] = further
    return {
        "id": "1",
        "language": answers.languages[0],
        "task": answers.name,
        "word": kind.word,
        "text": "Anna Beispiel wohnt in Musterdorf.",
        "label": (_text_labels(answers) or ("LABEL",))[0],
        "items": [item],
        "origin": "own",
        "source": answers.name,
        "source_id": "1",
        "licence": answers.license,
    }


def _roles(kind: _Kind) -> tuple[str, ...]:
    return kind.roles or TASK_WORDS[kind.word]


def _text_labels(answers: Answers) -> tuple[str, ...]:
    return (ONLY,) if answers.kind == "ner-only" else answers.text_labels


def _string(text: str) -> str:
    """A basic string of TOML, YAML and JSON alike."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _string(name)
