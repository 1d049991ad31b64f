"""What is in a release, in tables: configs beside the paper's sizes, a row of each, labels with their provenance, lengths."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from cards.errors import CardError
from cards.labels import Entry, Inventory
from cards.markdown import code, escape, folded, table
from cards.stats import Stats, splits_of, together
from mmm_dataset import Registry
from mmm_dataset.registry import Label

_LOOKED_AT: Final = 500  # rows of a config among which its example is chosen
_LONG: Final = 140  # code points of a text that an example should not exceed
_CUT: Final = 400  # code points of a field after which an example is cut
_MEANS: Final = {
    "paper": "the paper",
    "card": "the authors' cards and public repositories",
    "source": "the upstream data set",
    "inferred": "follows from these, stated nowhere",
    "ours": "chosen by this kit",
}


def tasks_table(found: Stats, registry: Registry) -> str:
    """One line a task: what it is, its task words, its labels."""
    codes = {registry.config(name).task: registry.config(name) for name in found}
    rows = []
    for name, config in codes.items():
        task = registry.task(name)
        fixed = registry.fixed_text_label(config)
        texts = f"none: every row has `{fixed}`" if fixed else "closed" if task.text_labels else "open"
        open_words = [word for word in task.words if word not in task.word_labels]
        items = "open" if len(open_words) == len(task.words) else "closed" if not open_words else "some open"
        words = ", ".join(f"`{word}`" for word in task.words)
        rows.append([f"`{name}`", escape(task.description), words, texts, items])
    return table(rows, ["task", "what it is", "task word", "text-level labels", "labels of items"])


def configs_table(found: Stats, configs: Mapping[str, Any], registry: Registry) -> str:
    """One line a config, with the paper's sizes beside what is here."""
    facts, splits = {name: registry.config(name) for name in found}, splits_of(found)
    in_paper = any(one.train is not None or one.test is not None for one in facts.values())
    rows = []
    for name, sides in found.items():
        whole, config = together(sides.values()), facts[name]
        here = [f"{sides[split].rows:,}" if split in sides else "0" for split in splits]
        paper = ["" if size is None else f"{size:,}" for size in (config.train, config.test)] if in_paper else []
        mean = f"{whole.per_row.mean:.1f}" if whole.per_row.total else ""
        rest = [f"{whole.item_count:,}", mean, f"{whole.lengths.quantile(0.5):,}", _origins(configs[name]["origins"])]
        rows.append([f"`{name}`", escape(registry.languages[config.language].name), *here, *paper, *rest])
    headers = [
        "config",
        "language",
        *(f"{split} >" for split in splits),
        *(["paper: train >", "paper: test >"] if in_paper else []),
    ]
    return table(rows, [*headers, "items >", "items a row >", "text, median >", "origin"])


def _origins(names: list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def deviations(found: Stats, registry: Registry) -> str:
    """Where the paper's printed sizes are probably not what it used; empty if nowhere."""
    said = [
        f"The paper prints `{name}` with {config.train or 0:,} train and {config.test or 0:,} test rows; there are probably "
        f"{facts['test']:,} test rows, {facts['total']:,} in all ({facts['provenance']}: {escape(facts['why'])})."
        for name in found
        if (config := registry.config(name)) and (facts := config.deviation)
    ]
    return " ".join(said)


def example_rows(tree: Path, configs: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """A row of each config that shows well: short, with items, from train where there is one.

    Raises:
        CardError: a file cannot be read.
    """
    found = {}
    for name, facts in configs.items():
        files = facts["files"]
        file = tree / (files.get("train") or next(iter(files.values())))["path"]
        found[name] = min(_first_rows(file), key=_shows)
    return found


def _shows(row: Mapping[str, Any]) -> tuple[bool, bool, int]:
    """Smaller shows better. Among those that show well the first in the file is taken: min() keeps it."""
    items = len(row["entities"] or row["tuples"] or ())
    long = max(0, len(row["text"]) - _LONG)
    return not items, long > 0, long


def _first_rows(file: Path) -> list[dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file, pre_buffer=False) as parquet:
            rows: list[dict[str, Any]] = next(parquet.iter_batches(_LOOKED_AT)).to_pylist()
            return rows
    except (pa.ArrowException, OSError, StopIteration) as error:
        raise CardError(f"{file}: cannot be read ({error})") from error


def examples_section(rows: Mapping[str, Mapping[str, Any]], registry: Registry) -> str:
    """The rows by task, as a model reads and writes them."""
    by_task: dict[str, list[list[str]]] = {}
    for name, row in rows.items():
        line = [f"`{name}`", code(_cut(row["input"])), code(_cut(row["output"]))]
        by_task.setdefault(registry.config(name).task, []).append(line)
    return "\n\n".join(
        folded(f"{task}: {registry.task(task).description}", table(lines, ["config", "input", "output"]))
        for task, lines in by_task.items()
    )


def row_as_json(row: Mapping[str, Any]) -> str:
    """One row as ``load_dataset`` gives it: a line a column, and a line an item."""
    lines = []
    for name, value in row.items():
        said = json.dumps(_cut(value) if isinstance(value, str) else value, ensure_ascii=False)
        if isinstance(value, list) and len(said) > 80:
            items = ",\n".join(f"    {json.dumps(item, ensure_ascii=False)}" for item in value)
            said = f"[\n{items}\n  ]"
        lines.append(f'  "{name}": {said}')
    return "\n".join(["{", ",\n".join(lines), "}"])


def _cut(text: str) -> str:
    return text if len(text) <= _CUT else f"{text[:_CUT]} …"


def labels_section(sets: list[Inventory], registry: Registry) -> str:
    """Every set of labels: spellings by language, how often they occur here, and who says so."""
    used = {row.provenance for one in sets if one.closed for entry in one.entries for row in entry.labels.values()}
    means = "; ".join(f"`{name}`: {meaning}" for name, meaning in _MEANS.items() if name in used)
    said = [f"Who says how a label is spelled: {means}."] if used else []
    return "\n\n".join([*said, *(_inventory(one, registry) for one in sets)])


def _inventory(one: Inventory, registry: Registry) -> str:
    names = {language: registry.languages[language].name for language in one.languages}
    parts = []
    if one.closed:
        headers = ["label", *(header for name in names for header in _headers(names[name], name in one.totals))]
        parts.append(table([list(_line(entry, one)) for entry in one.entries], headers))
        others = [f"{count:,} {names[name]}" for name, count in one.others.items()]
        also = [f"{', '.join(map(code, label.aliases))} as {code(label.label)}" for label in _with_aliases(one)]
        if also:
            parts.append(f"Read as well: {'; '.join(also)}.")
        if others:
            parts.append(f"Labels that are not in the table: {', '.join(others)}.")
    else:
        kinds = ", ".join(f"{one.distinct[name]:,} in {names[name]}" for name in one.totals)
        rows = [[code(entry.key), *(f"{entry.counts[name]:,}" for name in one.totals)] for entry in one.entries]
        parts.append(f"Open: any label may come. Different labels here: {kinds}. The most frequent:")
        parts.append(table(rows, ["label", *(f"{names[name]} >" for name in one.totals)]))
    count = f", {len(one.entries)}" if one.closed else ", open"
    return folded(f"{one.title}{count}", "\n\n".join(parts))


def _with_aliases(one: Inventory) -> list[Label]:
    return [label for entry in one.entries for label in entry.labels.values() if label.aliases]


def _headers(language: str, has_rows: bool) -> Iterator[str]:
    yield language
    yield "from"
    if has_rows:
        yield "here >"


def _line(entry: Entry, one: Inventory) -> Iterator[str]:
    yield f"`{entry.key}`"
    for language in one.languages:
        label = entry.labels.get(language)
        yield escape(label.label) if label else ""
        yield f"`{label.provenance}`" if label else ""
        if language in one.totals:
            yield f"{entry.counts[language]:,}"


def lengths_table(found: Stats) -> str:
    """Lengths of texts in code points, and items a row."""
    rows = []
    for name, sides in found.items():
        whole = together(sides.values())
        lengths = [f"{whole.lengths.quantile(share):,}" for share in (0.05, 0.5, 0.95, 1.0)]
        rows.append([f"`{name}`", *lengths, f"{whole.per_row.mean:.2f}", f"{whole.per_row.quantile(1.0):,}"])
    return table(rows, ["config", "5 % >", "median >", "95 % >", "longest >", "items a row >", "most items >"])
