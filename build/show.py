"""Rows of a release in the terminal, entities highlighted: in colour where there is some, else between brackets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from build.core import KitError
from build.manifest import read_release
from mmm_dataset import Registry

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

_BATCH: Final = 4096
_STYLES: Final = ("cyan", "yellow", "green", "magenta", "blue", "red")
# Characters that steer a terminal, or turn the direction of what follows: shown, not sent.
_STEERING: Final = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def show(tree: Path, config: str, registry: Registry, *, n: int, split: str | None, row_id: str | None) -> None:
    """Print rows of a config.

    Args:
        tree: the release.
        config: its name.
        registry: knows the configs.
        n: how many rows at most.
        split: ``train``, ``validation`` or ``test``; None for the first that there is.
        row_id: one row, wherever it is, in place of the first ``n``.

    Raises:
        KitError: the release lacks the config, the split or the row.
    """
    from rich.console import Console

    rows = _rows(tree, config, n, split, row_id)  # first: it says what the release has, not what the registry has
    registry.config(config)
    console = Console(highlight=False, soft_wrap=True)
    colours: dict[str, str] = {}
    for number, row in enumerate(rows):
        if number:
            console.print()
        for line in _lines(row, console, colours):
            console.print(line)


def _rows(tree: Path, config: str, n: int, split: str | None, row_id: str | None) -> list[dict[str, Any]]:
    files = _files(tree, config)
    if split and split not in files:
        raise KitError(f"{tree}: {config} has no {split} rows; it has: {', '.join(files)}")
    if row_id is None:
        return _read(tree / files[split or next(iter(files))]["path"], n)
    for name in [split] if split else files:
        if found := _read(tree / files[name]["path"], 1, row_id):
            return found
    raise KitError(f"{tree}: {config} has no row {row_id!r}")


def _files(tree: Path, config: str) -> Mapping[str, Any]:
    configs = read_release(tree)["configs"]
    if config not in configs:
        raise KitError(f"{tree}: has no config {config!r}; it has: {', '.join(configs)}")
    files: Mapping[str, Any] = configs[config]["files"]
    return files


def _read(path: Path, n: int, row_id: str | None = None) -> list[dict[str, Any]]:
    """The first ``n`` rows of a file, of those with this id if one is given."""
    rows: list[dict[str, Any]] = []
    try:
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for batch in file.iter_batches(min(n, _BATCH) if row_id is None else _BATCH):
                rows += (batch if row_id is None else batch.filter(pc.equal(batch["id"], row_id))).to_pylist()
                if len(rows) >= n:
                    break
    except (pa.ArrowException, OSError) as error:
        raise KitError(f"{path}: cannot be read ({error})".replace("\n", " ")) from error
    return rows[:n]


def _lines(row: Mapping[str, Any], console: Console, colours: dict[str, str]) -> Iterator[Text]:
    from rich.text import Text

    in_colour = console.color_system is not None and not console.no_color
    yield Text.assemble((_safe(row["id"]), "bold"), f"  {_safe(row['label'] or '(no label)')} / {row['task_word']}")
    marks = list(_marks(row))
    for label, *_ in marks:
        colours.setdefault(label, _STYLES[len(colours) % len(_STYLES)])
    yield _highlighted(row["text"], marks, colours, in_colour=in_colour)
    if row["entities"] is None and row["tuples"] is None:
        yield Text(f"  could not be read: {_safe(row['output'])}")
    for entity in row["entities"] or ():
        yield Text.assemble("  ", (_safe(entity["label"]), colours.get(entity["label"], "")), f"  {_place(entity)}")
    for item in row["tuples"] or ():
        parts = [f"{argument['role']} {_place(argument)}" for argument in item["arguments"]]
        parts += [f"{one['name']}={_safe(one['value'])}" for one in item["attributes"]]
        yield Text.assemble("  ", (_safe(item["label"]), "bold"), f"  {'  '.join(parts)}")


def _place(span: Mapping[str, Any]) -> str:
    where = "?" if span["start"] is None else f"{span['start']}:{span['end']}"
    return f"{_safe(span['text'])} ({where})"


def _marks(row: Mapping[str, Any]) -> Iterator[tuple[str, int, int]]:
    """What is highlighted: label, or role in a relation or event, with start and end."""
    for entity in row["entities"] or ():
        if entity["start"] is not None:
            yield entity["label"], entity["start"], entity["end"]
    for item in row["tuples"] or ():
        for argument in item["arguments"]:
            if argument["start"] is not None:
                yield argument["role"], argument["start"], argument["end"]


def _highlighted(
    text: str, marks: Sequence[tuple[str, int, int]], colours: Mapping[str, str], *, in_colour: bool
) -> Text:
    """The text with its marks; of two that cross, the later one is left to the list below the text."""
    from rich.text import Text

    out, at, open_ = Text(), 0, list[tuple[str, int, int]]()

    def upto(place: int) -> None:
        nonlocal at
        style = f"bold underline {colours[open_[-1][0]]}" if in_colour and open_ else ""
        out.append(_safe(text[at:place]), style)
        at = place

    def close(place: int) -> None:
        while open_ and open_[-1][2] <= place:
            upto(open_[-1][2])
            label = open_.pop()[0]
            if not in_colour:
                out.append(f"|{_safe(label)}]")

    for mark in sorted(dict.fromkeys(marks), key=lambda one: (one[1], -one[2])):
        close(mark[1])
        if open_ and mark[2] > open_[-1][2]:
            continue
        upto(mark[1])
        open_.append(mark)
        if not in_colour:
            out.append("[")
    close(len(text))
    upto(len(text))
    return out


def _safe(text: str) -> str:
    return _STEERING.sub(lambda found: ascii(found[0])[1:-1], text)
