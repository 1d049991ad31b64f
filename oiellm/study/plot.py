"""The differences of a study as a plot: one line for each comparison and config, with its interval."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

_COLOURS: Final = {"better": "#1b7837", "worse": "#b2182b", "no difference found": "#555555", "not judged": "#bbbbbb"}


def plot(found: Mapping[str, Any], path: Path) -> None:
    """Write ``path``, a PNG; nothing if nothing was compared."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    lines = [
        (f"{name}  {found['study']['comparisons'][name]['figure'].upper()}  {config}", entry)
        for name, configs in found["comparisons"].items()
        for config, entry in configs.items()
    ]
    if not lines:
        return
    figure = Figure(figsize=(9, 1.6 + 0.28 * len(lines)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.axvline(0, color="black", linewidth=0.8)
    for at, (_, entry) in enumerate(lines):
        ends, colour = [100 * entry["low"], 100 * entry["high"]], _COLOURS.get(entry["found"], _COLOURS["not judged"])
        axes.plot(ends, [at, at], color=colour, linewidth=1.6)
        axes.plot(
            [100 * value for value in entry["by_seed"]], [at] * len(entry["by_seed"]), "|", color=colour, markersize=7
        )
        axes.plot([100 * entry["difference"]], [at], "o", color=colour, markersize=5)
    axes.set_yticks(range(len(lines)), [name for name, _ in lines], fontsize=8)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    confidence = 1 - found["study"]["criterion"]["alpha"]
    axes.set_xlabel(f"difference in percentage points, {confidence:.0%} interval, | each seed")
    for name, colour in _COLOURS.items():
        if any(entry["found"] == name for _, entry in lines):
            axes.plot([], [], "o-", color=colour, label=name)
    figure.legend(fontsize=8, loc="outside lower right", ncols=len(_COLOURS))
    axes.set_title(found["study"]["name"], fontsize=10)
    written = path.with_name(f".{path.name}.{os.getpid()}.png")
    try:
        figure.savefig(written, dpi=150, metadata={"Software": None})
        os.replace(written, path)
    finally:
        written.unlink(missing_ok=True)
