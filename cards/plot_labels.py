"""The plot of the labels: one panel a set, one bar a language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cards.fonts import Fonts
from cards.labels import Entry, Inventory
from cards.plot_style import by_language, legend, name_rows, new_figure
from mmm_dataset import Registry

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def is_drawn(one: Inventory) -> bool:
    """Whether there is anything to show of a set."""
    return bool(one.totals.total() and one.entries)


def draw_labels(sets: list[Inventory], fonts: Fonts, registry: Registry) -> Figure:
    """All sets: text-level labels at the left, labels of items at the right."""
    sets = [one for one in sets if is_drawn(one)]
    languages = list(dict.fromkeys(name for one in sets for name in one.totals))
    colours = by_language(languages)
    sides = [[one for one in sets if (one.level == "text") == is_text] for is_text in (True, False)]
    heights = [[_height(one, len(languages)) for one in side] for side in sides]
    tallest = max(map(sum, heights))
    figure = new_figure(tallest + 0.7)
    parts: Any = figure.subfigures(1, 2)
    for part, side, tall in zip(parts, sides, heights):
        part.suptitle("Text-level labels" if side and side[0].level == "text" else "Labels of items", fontsize=11)
        ratios = [*tall, tallest - sum(tall)] if sum(tall) < tallest else tall
        every = part.subplots(len(ratios), 1, height_ratios=ratios, squeeze=False)[:, 0]
        for axes in every[len(side) :]:
            axes.set_axis_off()
        for axes, one in zip(every, side):
            _panel(axes, one, fonts, colours)
    legend(figure, {registry.languages[name].name: colours[name] for name in languages})
    return figure


def _height(one: Inventory, languages: int) -> float:
    """Inches that a panel needs."""
    return len(one.entries) * (0.09 + 0.065 * languages) + 0.75


def _panel(axes: Axes, one: Inventory, fonts: Fonts, colours: Mapping[str, str]) -> None:
    name_rows(axes, [_name(entry, fonts) for entry in one.entries])
    axes.tick_params(axis="y", labelsize=8)
    languages = [name for name in one.totals if one.totals[name]]
    height = 0.8 / len(languages)
    for number, language in enumerate(languages):
        shares = [100 * entry.counts[language] / one.totals[language] for entry in one.entries]
        places = [at - 0.4 + height * (number + 0.5) for at in range(len(shares))]
        axes.barh(places, shares, height=height, color=colours[language])
    axes.set_xlabel("% of rows" if one.level == "text" else "% of items")
    axes.set_title(one.name if one.closed else f"{one.name} (open: frequent ones)", loc="right")


def _name(entry: Entry, fonts: Fonts) -> str:
    """All spellings; the English one where a script cannot be shown here."""
    shown = [text for text in entry.spellings if fonts.can(text)]
    name = " · ".join(shown or [entry.english if fonts.can(entry.english) else ascii(entry.english)[1:-1]])
    name = " ".join(name.split())
    # A dollar would begin a formula.
    return (name if len(name) <= 36 else f"{name[:35]}…").replace("$", r"\$")
