"""Tables of what is in a release: in the terminal, and with plots into a folder."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from build.core import write_step
from build.manifest import read_release
from build.step_record import Run
from cards.built import kept_by_config
from cards.labels import Inventory, inventories
from cards.plots import draw
from cards.stats import Side, Stats, splits_of, stats, together
from cards.yields import share
from mmm_dataset import Registry
from mmm_dataset.files import atomic, pretty, sha256

_QUANTILES: Final = {"5%": 0.05, "median": 0.5, "95%": 0.95, "longest": 1.0}
_NARROWEST: Final = 120  # columns of a table that goes into a file or a pipe


def report(tree: Path, registry: Registry, out: Path | None, *, replace: bool = False) -> None:
    """Print the tables; with ``out`` write ``stats.json``, ``configs.csv``, ``labels.csv`` and the plots there.

    Raises:
        KitError: it is no release tree, or a file of it cannot be read.
    """
    steps = read_release(tree)["steps"]
    found = stats(tree)
    kept, sets = kept_by_config(list(found), steps, registry), inventories(found, registry)
    written: list[Path] = []
    if out:
        run = Run.of("stats", registry, {"manifest.json": sha256(tree / "manifest.json")}, {})
        with write_step(out, run, replace=replace) as step:
            written = [out / path.name for path in _write(tree, registry, found, sets, step.folder)]
    yields = [
        [name, share(*_run(one.run)) if one.run else "not translated", share(*one.paper) if one.paper else ""]
        for name, one in kept.items()
    ]
    splits = splits_of(found)
    rows = [[name, *_figures(found[name], splits)] for name in found]
    _print(f"{tree}: {len(found)} configs", ["config", *splits, *_HEADERS], rows)
    for one in sets:
        languages = list(one.totals)
        rows = [[" · ".join(entry.spellings), *_counts(one, entry.counts, languages)] for entry in one.entries]
        title = one.title if one.closed else f"{one.title} (open: frequent ones)"
        _print(title, ["label", *(registry.languages[name].name for name in languages)], rows)
    if yields:
        _print("rows that the translation kept", ["config", "here", "paper"], yields)
    for path in written:
        print(path)


_HEADERS: Final = ("items", "items per row", *_QUANTILES, "unread", "unplaced")


def _figures(sides: Any, splits: Sequence[str]) -> list[str]:
    whole = together(sides.values())
    rows = [f"{sides[split].rows:,}" if split in sides else "0" for split in splits]
    lengths = [f"{whole.lengths.quantile(quantile):,}" for quantile in _QUANTILES.values()]
    return [
        *rows,
        f"{whole.item_count:,}",
        f"{whole.per_row.mean:.2f}",
        *lengths,
        f"{whole.unread:,}",
        f"{whole.unplaced:,}",
    ]


def _counts(one: Inventory, counts: Any, languages: list[str]) -> Iterator[str]:
    for language in languages:
        yield f"{counts[language]:,} ({share(counts[language], one.totals[language])})"


def _run(run: Any) -> tuple[int, int]:
    return run["kept_whole"] + run["kept_minus_items"], run["rows"]


def _print(title: str, headers: list[str], rows: list[list[str]]) -> None:
    """A table in which wide characters take two columns, as they do in a terminal."""
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=max(console.width, _NARROWEST))
    table = Table(title=Text(title), box=box.SIMPLE_HEAD, title_justify="left", padding=(0, 1))
    for at, header in enumerate(headers):
        table.add_column(Text(header), justify="right" if at else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    console.print(table)


def _write(tree: Path, registry: Registry, found: Stats, sets: list[Inventory], out: Path) -> list[Path]:
    plots = draw(tree, registry, out)
    figures = {name: {split: _as_dict(side) for split, side in sides.items()} for name, sides in found.items()}
    with atomic(out / "stats.json") as file:
        file.write(pretty(figures))
    with atomic(out / "configs.csv") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["config", "split", "rows", "bytes", "items", "unread", "unplaced", *_QUANTILES])
        for name, sides in found.items():
            for split, side in sides.items():
                numbers = [side.rows, side.bytes, side.item_count, side.unread, side.unplaced]
                rows.writerow([name, split, *numbers, *_lengths(side).values()])
    with atomic(out / "labels.csv") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(["config", "split", "level", "label", "count"])
        for name, sides in found.items():
            for split, side in sides.items():
                for level, counts in {"text": side.labels, **side.items}.items():
                    rows.writerows([name, split, level, label, count] for label, count in counts.most_common())
    return [*(out / name for name in ("stats.json", "configs.csv", "labels.csv")), *plots]


def _lengths(side: Side) -> dict[str, int]:
    return {name: side.lengths.quantile(quantile) for name, quantile in _QUANTILES.items()}


def _as_dict(side: Side) -> dict[str, Any]:
    return {
        "rows": side.rows,
        "bytes": side.bytes,
        "unread": side.unread,
        "unplaced": side.unplaced,
        "labels": dict(side.labels.most_common()),
        "items": {word: dict(counts.most_common()) for word, counts in side.items.items()},
        "items_per_row": {"mean": round(side.per_row.mean, 4), "counts": dict(sorted(side.per_row.counts.items()))},
        "lengths": {"mean": round(side.lengths.mean, 2), **_lengths(side)},
    }
