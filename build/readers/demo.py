"""The embedded corpus: aligned rows in Japanese, English and Chinese, marked up by hand, as records of all 21 configs.

One line of ``build/demo/*.jsonl`` is one row in three languages. Items are numbered in the order of the Japanese text and
stand in that order in every language, as in MMM, where translated rows keep the source's order. The SCPOS reviews carry
adjectives and nouns; the three configs Adj & N, Adj and N are views of the same review, as in the original.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from build.core import KitError, Row
from build.files import read_json_lines
from build.markup import MarkupError, untag
from mmm_dataset import Item, Record, Registry, RegistryError, Span

FOLDER = Path(__file__).parents[1] / "demo"
PIVOT = "ja"
# File to the tasks made of it; for SCPOS with the parts of speech that a task keeps.
_VIEWS: Mapping[str, Mapping[str, tuple[str, ...] | None]] = {
    "scnm": {"scnm": None},
    "scpos_rw": {"scpos_rw": None},
    "scpos": {"scpos_adj_n": ("adj", "noun"), "scpos_adj": ("adj",), "scpos_n": ("noun",)},
    "tcree": {"tcree": None},
    "tconer": {"tconer": None},
}


def read(path: Path, registry: Registry) -> Iterator[Row]:
    """All rows of the embedded corpus, task by task and language by language.

    Raises:
        KitError: a file is missing or a row is broken; the message names file and line.
    """
    for file, tasks in _VIEWS.items():
        lines = list(read_json_lines(path / f"{file}.jsonl"))
        for task, kept in tasks.items():
            for language in ("ja", "en", "zh"):
                for number, line in lines:
                    try:
                        yield _record(line, task, kept, language, registry)
                    except (KeyError, ValueError, MarkupError, RegistryError) as error:
                        raise KitError(f"{path / file}.jsonl:{number} ({language}): {error}") from error


def _record(line: dict[str, Any], task: str, kept: tuple[str, ...] | None, language: str, registry: Registry) -> Record:
    text, spans = untag(line[language])
    if sorted(map(str, spans)) != sorted(line["items"]):
        raise ValueError(f"tags {sorted(spans)} do not fit the items {sorted(line['items'])}")
    definition = registry.task(task)
    word = definition.words["tuples" in line and any("event" in t for t in line["tuples"])]
    label_set = definition.word_labels.get(word)
    if "tuples" in line:
        items = [_tuple(entry, text, spans, label_set or "", language, registry) for entry in line["tuples"]]
    else:
        items = []
        for number, value in line["items"].items():
            key, _, part = value.partition("/") if kept else (value, "", "")
            if not kept or part in kept:
                start, end = spans[int(number)]
                items.append(Item.pair(_spell(label_set, key, language, registry), text[start:end], start, end))
    if language != PIVOT:
        items = [Item(item.label, item.spans, index) for index, item in enumerate(items)]
    return Record(
        id=f"{language}_{task}-{line['id']}",
        language=language,
        task=task,
        word=word,
        text=text,
        label=_spell(definition.text_labels, line["label"], language, registry),
        items=tuple(items),
        origin="demo",
        source="demo",
        source_id=line["id"],
        licence=registry.source("demo").licence,
    )


def _spell(label_set: str | None, value: Any, language: str, registry: Registry) -> str:
    return registry.spelling(label_set, value, language) if label_set else value[language]


def _tuple(
    entry: dict[str, Any],
    text: str,
    spans: dict[int, tuple[int, int]],
    label_set: str,
    language: str,
    registry: Registry,
) -> Item:
    arguments = []
    for role, number in entry.items():
        if role not in ("relation", "event"):
            start, end = spans[int(number)]
            arguments.append(Span(text[start:end], start, end, role))
    key = entry.get("relation") or entry["event"]
    return Item(registry.spelling(label_set, key, language), tuple(arguments))
