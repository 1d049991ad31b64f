"""The formats by name: how a row is parsed, and what tells a file of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from build.core import KitError
from build.readers.foreign import label_studio, prompts, spacy_docs, spans, words
from build.readers.foreign.document import Document
from build.readers.inputs import suffix

JSON_SUFFIXES: Final = (".json", ".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Format:
    """A format.

    Attributes:
        parse: makes a document of a row of JSON; formats of other files are read in :mod:`build.readers.foreign.read`.
        expected: a row of it, for messages.
        is_row: whether a row of JSON is of it.
        suffixes: of its files.
        joined: the rows of one text belong together.
    """

    parse: Callable[..., Document]
    expected: str
    is_row: Callable[[Any], bool]
    suffixes: tuple[str, ...] = JSON_SUFFIXES
    joined: bool = False


def _has(*keys: str) -> Callable[[Any], bool]:
    return lambda row: isinstance(row, dict) and all(key in row for key in keys)


def _is_tokens(row: Any) -> bool:
    """Whether it has words, and a tag for each; words that are objects are Prodigy's or spaCy's."""
    if not isinstance(row, dict) or not isinstance(tokens := row.get("tokens"), list):
        return False
    lists = [value for key, value in row.items() if key != "tokens" and isinstance(value, list)]
    tagged = any(len(one) == len(tokens) and all(isinstance(tag, str | int) for tag in one) for one in lists)
    return all(isinstance(token, str) for token in tokens) and (tagged or bool({*words.TAGS} & row.keys()))


def _is_gliner2(row: Any) -> bool:
    return isinstance(row, dict) and any(isinstance(row.get(key), dict) for key in ("output", "schema"))


def _is_doccano(row: Any) -> bool:
    if not isinstance(row, dict) or not isinstance(row.get("text", row.get("data")), str) or "spans" in row:
        return False
    marked = [row[key] for key in ("label", "labels", "entities") if isinstance(row.get(key), list)]
    return bool(marked) and not isinstance(row.get("cats"), dict) and not _regions(row)


def _is_spacy(row: Any) -> bool:
    if isinstance(row, list):
        return len(row) == 2 and isinstance(row[0], str) and isinstance(row[1], dict)
    if not isinstance(row, dict) or not isinstance(row.get("text"), str) or ("label" in row and "spans" not in row):
        return False
    entities = row.get("entities")
    plain = isinstance(entities, list) and all(isinstance(span, list) for span in entities)
    return (plain and not isinstance(row.get("cats"), list) and "relations" not in row) or (
        ("spans" in row or isinstance(row.get("ents"), list)) and "extractions" not in row
    )


def _is_label_studio(row: Any) -> bool:
    if not isinstance(row, dict):
        return False
    if isinstance(row.get("data"), dict) and {"annotations", "predictions", "completions"} & row.keys():
        return True
    return {"annotation_id", "annotator"} <= row.keys() or _regions(row)


def _regions(row: dict[str, Any]) -> bool:
    """Whether it is a row of JSON_MIN."""
    lists = [value for value in row.values() if isinstance(value, list) and value]
    return any(all(isinstance(r, dict) and "start" in r and "labels" in r for r in value) for value in lists)


FORMATS: Final[dict[str, Format]] = {
    "doccano": Format(spans.parse_doccano, spans.DOCCANO, _is_doccano),
    "brat": Format(spans.parse_doccano, "a folder of .txt and .ann files", lambda _: False, (".ann",)),
    "spacy": Format(spacy_docs.parse_spacy, spacy_docs.SPACY, _is_spacy, (*JSON_SUFFIXES, ".spacy")),
    "gliner": Format(
        lambda row: prompts.parse_gliner2(row) if _is_gliner2(row) else spans.parse_gliner(row),
        spans.GLINER,
        lambda row: _has("tokenized_text", "ner")(row) or _is_gliner2(row),
    ),
    "hf-tokens": Format(words.parse_tokens, words.HF_TOKENS, _is_tokens, (*JSON_SUFFIXES, ".parquet")),
    "label-studio": Format(label_studio.parse_task, label_studio.LABEL_STUDIO, _is_label_studio),
    "universalner": Format(
        prompts.parse_universalner,
        prompts.UNIVERSALNER,
        lambda row: _has("conversations")(row) or _has("tagName", "input", "output")(row),
        joined=True,
    ),
    "uie": Format(prompts.parse_uie, prompts.UIE, _has("content", "result_list", "prompt"), joined=True),
    "iepile": Format(prompts.parse_iepile, prompts.IEPILE, _has("instruction", "output"), joined=True),
    "langextract": Format(spans.parse_langextract, spans.LANGEXTRACT, _has("extractions")),
}

KEYS: Final = (
    *(
        "text",
        "data",
        "label",
        "labels",
        "entities",
        "spans",
        "tokenized_text",
        "tokens",
        "conversations",
        "tagName",
        "content",
    ),
    *("instruction", "extractions", "input", "schema"),
)
"""Keys that a row of one of the formats has."""


def find_format(name: str) -> Format:
    """The format of this name. Raises KitError with the names there are."""
    if name not in FORMATS:
        raise KitError(f"--format {name}: must be one of {', '.join(FORMATS)}")
    return FORMATS[name]


def guess_format(path: Path, rows: Sequence[Any]) -> str:
    """The format of a file by its suffix, else by the first row that is of a format.

    Raises:
        KitError: it is none, or may be several.
    """
    row = rows[0]
    if isinstance(row, dict) and {"curid", "entities"} <= row.keys():
        raise KitError(f"{path}: this is stockmark's ner-wikipedia-dataset: read it with `read scnm`")
    by_suffix = {".ann": "brat", ".spacy": "spacy", ".parquet": "hf-tokens"}.get(suffix(path))
    found = [by_suffix] if by_suffix else formats_of(rows)
    if len(found) != 1:
        if isinstance(row, dict) and {"source_id", "origin"} <= row.keys():
            raise KitError(f"{path}: these are records of this kit: read them with `read records`")
        said = f"may be {' or '.join(found)}" if found else f"is none that is known (its first row is {row!r:.100})"
        other = "" if found else "; rows of another format are easiest to rewrite as doccano's: " + spans.DOCCANO
        raise KitError(f"{path}: the format {said}: give --format, one of {', '.join(FORMATS)}{other}")
    return found[0]


def formats_of(rows: Iterable[Any]) -> list[str]:
    """The formats of the first row that is of any."""
    return next(filter(None, ([name for name, form in FORMATS.items() if form.is_row(row)] for row in rows)), [])


def check_format(path: Path, name: str, rows: Sequence[Any]) -> None:
    """Raise KitError if no row is of the format that was asked for, and some are of another."""
    if not any(FORMATS[name].is_row(row) for row in rows) and (found := formats_of(rows)):
        raise KitError(f"{path}: no row is of the format {name}; they look like {' or '.join(found)}: change --format")
