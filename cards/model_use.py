"""How to use a model: code that runs as it stands on the card, with a prompt and an answer that a run recorded."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

from cards.errors import CardError
from cards.markdown import code, escape, table
from cards.model_facts import Facts
from cards.model_results import PREDICTIONS, Results
from cards.publisher import Publisher
from mmm_dataset import prompt

TEXTS: Final = {
    "en": "Kazan filmed in New York in 1953 with Brando, who won a prize for it.",
    "ja": "小津安二郎は鎌倉で『晩春』を撮り、原節子が主演した。",
    "zh": "侯孝贤在九份拍摄了《悲情城市》，由梁朝伟主演。",
}
"""Texts of this kit, for a model of which no prediction is recorded."""
_LONG: Final = 160  # code points of a text that the example should not exceed


def use(facts: Facts, results: Results | None, publisher: Publisher) -> dict[str, str]:
    """What the template's names about the use stand for.

    Raises:
        CardError: the recorded predictions cannot be read.
    """
    row = _example(facts, results, publisher.left_out)
    config = facts.registry.config(row["config"])
    words = facts.registry.task(config.task).words
    name = publisher.repository or facts.folder.name
    revision = f', revision="{publisher.tag}"' if publisher.is_on_hub and publisher.tag else ""
    return {
        "address": _quoted(name),
        "revision": revision,
        "here": "" if publisher.is_on_hub else f"  # from the folder that holds {name}/",
        "prompt": _quoted(row["input"]),
        "printed": _printed(row),
        "text": _quoted(row["text"]),
        "task": _quoted(config.task if len(words) == 1 else row["task_word"]),
        "language": _quoted(config.language),
        "words": _words(facts),
    }


def _printed(row: Mapping[str, Any]) -> str:
    if "raw" not in row:
        return ""
    fence = "````" if "```" in row["raw"] else "```"
    return f"It prints, as recorded in the evaluation:\n\n{fence}text\n{row['raw']}\n{fence}"


def _quoted(text: str) -> str:
    """A text as a Python string."""
    return json.dumps(text, ensure_ascii=False)


def _words(facts: Facts) -> str:
    """Task words by task and language."""
    rows: dict[str, tuple[str, list[str], list[str]]] = {}
    for name in facts.configs:
        config = facts.registry.config(name)
        task = facts.registry.task(config.task)
        ends = [code(f"/{word}") for word in task.words]
        rows.setdefault(config.task, (escape(task.description), ends, []))[2].append(config.language)
    body = [[f"`{task}`", what, ", ".join(ends), ", ".join(to)] for task, (what, ends, to) in rows.items()]
    return table(body, ["task", "what it is", "end of the prompt", "languages"])


def _example(facts: Facts, results: Results | None, left_out: Collection[str]) -> Mapping[str, Any]:
    """A row of free decoding that shows well: in the format, short, with items; else a prompt without a recorded answer.

    Rows without texts, and of configs that are ``left_out``, are not shown.
    """
    for place, run in (results.runs if results else {}).items():
        settings = run["about"]["settings"]
        if not settings["constrained"] and not settings.get("closed"):
            assert results is not None
            rows = _rows(results.folder / place / PREDICTIONS)
            shown = [row for row in rows if row["text"] is not None and row["config"] not in left_out]
            if shown:
                return min(shown, key=_shows)
    name = next(iter(facts.configs))
    config = facts.registry.config(name)
    text, word = TEXTS.get(config.language, TEXTS["en"]), facts.registry.task(config.task).words[0]
    return {"config": name, "text": text, "task_word": word, "input": prompt(text, word)}


def _rows(path: Path) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    columns = ["config", "text", "task_word", "input", "raw", "failure", "finish", "entities", "tuples"]
    try:
        rows: list[dict[str, Any]] = pq.read_table(path, columns=columns).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise CardError(f"{path}: cannot be read ({error})") from error
    if not rows:
        raise CardError(f"{path}: holds no predictions")
    return rows


def _shows(row: Mapping[str, Any]) -> tuple[bool, bool, bool, int, int]:
    """Smaller shows better; among equals the first in the file is taken."""
    items, long = len(row["entities"] or row["tuples"] or ()), len(row["text"])
    return (
        row["finish"] != "stop",
        bool(row["failure"]),
        not items,
        max(0, long - _LONG),
        len(row["raw"]) if not items else 0,
    )
