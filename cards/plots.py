"""Plots of a release tree: sizes, labels, text lengths, yields. The same tree gives the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cards.built import Kept, kept_by_config
from cards.fonts import fonts_for
from cards.labels import Inventory, inventories
from cards.plot_labels import draw_labels, is_drawn
from cards.plot_style import DARK, LIGHT, PAPER, by_language, legend, name_rows, new_figure, png, style
from cards.recorded import read_manifest
from cards.stats import Side, Stats, splits_of, stats, together
from mmm_dataset import Registry

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FOLDER: Final = "plots"
_SPLITS: Final = {"train": LIGHT, "validation": PAPER, "test": DARK}


def draw(tree: Path, registry: Registry, folder: Path | None = None) -> list[Path]:
    """Draw what there is to draw.

    Args:
        tree: the release tree.
        registry: knows its configs.
        folder: where to; default: ``plots`` in the tree.

    Returns:
        The PNG files; a plot with nothing to show is not made, and removed if it is there.

    Raises:
        CardError: the manifest or a file that it names is missing or cannot be read.
    """
    found, steps = stats(tree), read_manifest(tree)["steps"]
    sets, kept = inventories(found, registry), kept_by_config(list(found), steps, registry)
    folder = folder or tree / FOLDER
    fonts = fonts_for(_texts(found, sets))
    figures: dict[str, Callable[[], Figure] | None] = {
        "sizes": lambda: _sizes(found, registry),
        "labels": (lambda: draw_labels(sets, fonts, registry)) if any(is_drawn(one) for one in sets) else None,
        "lengths": lambda: _lengths(found, registry),
        "yields": (lambda: _yields(kept)) if kept else None,
    }
    paths = []
    for name, make in figures.items():
        path = folder / f"{name}.png"
        if make is None:
            path.unlink(missing_ok=True)
            continue
        folder.mkdir(parents=True, exist_ok=True)
        with style(fonts):
            path.write_bytes(png(make()))
        paths.append(path)
    return paths


def alt_texts(found: Stats, registry: Registry, kept: Mapping[str, Kept]) -> dict[str, str]:
    """What each plot shows, in words, for those who do not see it: name of the file without ending to text."""
    sides = {name: together(splits.values()) for name, splits in found.items()}
    largest = max(sides, key=lambda name: sides[name].rows)
    smallest = min(sides, key=lambda name: sides[name].rows)
    long = max(sides, key=lambda name: sides[name].lengths.quantile(0.5))
    short = min(sides, key=lambda name: sides[name].lengths.quantile(0.5))
    medians = {name: sides[name].lengths.quantile(0.5) for name in (short, long)}
    texts = {
        "sizes": f"Train and test rows of {_count(len(sides))}, from {sides[smallest].rows:,} ({smallest}) to "
        f"{sides[largest].rows:,} rows ({largest})."
        if sides[smallest].rows < sides[largest].rows
        else f"Train and test rows of {_count(len(sides))}, {sides[largest].rows:,} in each.",
        "labels": "How the text-level labels and the labels of items are distributed, in percent of each language.",
        "lengths": f"Length of the texts by config: medians from {medians[short]:,} ({short}) to {medians[long]:,} "
        f"code points ({long}).",
    }
    shares = {name: one.paper[0] / one.paper[1] for name, one in kept.items() if one.paper}
    ours = [name for name, one in kept.items() if one.run]
    said = [f"in this build for {_count(len(ours))}"] if ours else []
    if shares:
        low, high = min(shares, key=lambda n: shares[n]), max(shares, key=lambda n: shares[n])
        said.append(f"in the paper from {100 * shares[low]:.0f} % ({low}) to {100 * shares[high]:.0f} % ({high})")
    return texts | ({"yields": f"Rows that the translation kept, in percent: {'; '.join(said)}."} if said else {})


def _count(configs: int) -> str:
    return f"{configs:,} config{'' if configs == 1 else 's'}"


def _texts(found: Stats, sets: list[Inventory]) -> Iterator[str]:
    yield from found
    yield from (spelling for one in sets for entry in one.entries for spelling in entry.spellings)
    yield from (one.name for one in sets)


def _sizes(found: Stats, registry: Registry) -> Figure:
    names = list(found)
    figure = new_figure(1.4 + 0.24 * len(names))
    axes = figure.subplots()
    name_rows(axes, names)
    largest = max(side.rows for splits in found.values() for side in splits.values())
    splits = splits_of(found)
    height = 0.76 / len(splits)
    for number, split in enumerate(splits):
        offset, colour = height * (number - (len(splits) - 1) / 2), _SPLITS[split]
        values = [found[name][split].rows if split in found[name] else 0 for name in names]
        bars = axes.barh(
            [at + offset for at in range(len(names))], values, height=height - 0.02, color=colour, label=split
        )
        axes.bar_label(bars, [f"{value:,}" if value else "" for value in values], padding=2, fontsize=7)
    if largest > 20_000:  # else small configs would be invisible beside a large one
        axes.set_xscale("symlog", linthresh=100)
    else:
        axes.locator_params(axis="x", integer=True)
    axes.margins(x=0.08)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel("rows" + (" (logarithmic)" if axes.get_xscale() != "linear" else ""))
    axes.set_title("Rows by config")
    legend(
        figure, {name: colour for name, colour in _SPLITS.items() if any(name in splits for splits in found.values())}
    )
    return figure


def _lengths(found: Stats, registry: Registry) -> Figure:
    names = list(found)
    sides = [together(found[name].values()) for name in names]
    figure = new_figure(1.3 + 0.24 * len(names))
    axes = figure.subplots()
    colours = by_language([registry.config(name).language for name in names])
    boxes = axes.bxp(
        [_box(side) for side in sides],
        positions=range(len(names)),
        orientation="horizontal",
        showfliers=False,
        widths=0.6,
        patch_artist=True,
        medianprops={"color": "black"},
    )
    for name, box in zip(names, boxes["boxes"]):
        box.set(facecolor=colours[registry.config(name).language], alpha=0.75, linewidth=0.6)
    name_rows(axes, names)
    if max(side.lengths.quantile(0.95) for side in sides) > 20 * max(1, min(s.lengths.quantile(0.5) for s in sides)):
        axes.set_xscale("log")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.set_xlabel(
        "code points of a text: box from first to third quarter, line at the median, whiskers from 5 % to 95 %"
    )
    axes.set_title("Length of the texts by config")
    if len(colours) > 1:
        legend(figure, {registry.languages[code].name: colour for code, colour in colours.items()})
    return figure


def _box(side: Side) -> dict[str, Any]:
    low, first, middle, third, high = (side.lengths.quantile(share) for share in (0.05, 0.25, 0.5, 0.75, 0.95))
    return {"whislo": low, "q1": first, "med": middle, "q3": third, "whishi": high}


def _yields(kept: Mapping[str, Kept]) -> Figure:
    names = list(kept)
    figure = new_figure(1.5 + 0.3 * len(names))
    axes = figure.subplots()
    name_rows(axes, names)
    ours = any(one.run for one in kept.values())
    for at, one in enumerate(kept.values()):
        if one.paper:
            value = 100 * one.paper[0] / one.paper[1]
            axes.barh(at + (0.2 if ours else 0), value, height=0.36 if ours else 0.6, color=PAPER)
            axes.text(value + 0.6, at + (0.2 if ours else 0), f"{value:.1f} %", va="center", fontsize=7)
        if one.run:
            rows = one.run["rows"]
            whole, fewer = (100 * one.run[key] / rows if rows else 0.0 for key in ("kept_whole", "kept_minus_items"))
            axes.barh(at - 0.2, whole, height=0.36, color=DARK)
            axes.barh(at - 0.2, fewer, left=whole, height=0.36, color=LIGHT)
            axes.text(whole + fewer + 0.6, at - 0.2, f"{whole + fewer:.1f} %", va="center", fontsize=7)
    axes.set_xlim(0, 108)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel("% of the rows given")
    axes.set_title("Rows that the translation kept")
    marks = {"this build: whole": DARK, "this build: with fewer items": LIGHT} if ours else {}
    if any(one.paper for one in kept.values()):
        marks["paper, Table 2"] = PAPER
    legend(figure, marks)
    return figure
