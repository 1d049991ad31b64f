"""How all plots look: colours, a figure without a window, names down the side, bytes without dates."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from cards.fonts import Fonts

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS: Final = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#999999",
)  # told apart by all eyes
GREY, DARK, LIGHT, PAPER = "#767676", "#0072B2", "#9ecae1", "#bdbdbd"
_DPI: Final = 120
_WIDTH: Final = 9.0  # inches


@contextmanager
def style(fonts: Fonts) -> Iterator[None]:
    """Settings of ours alone: no style file of the user's can change the bytes."""
    import matplotlib as mpl

    ours: dict[Any, Any] = {
        "font.family": list(fonts.families),
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 10,
        "axes.titlelocation": "left",
        "axes.axisbelow": True,
        "axes.edgecolor": GREY,
        "axes.unicode_minus": False,
        "grid.color": "#e4e4e4",
        "legend.frameon": False,
        "figure.dpi": _DPI,
        "svg.hashsalt": "mmm",
    }
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(ours)
        yield


def png(figure: Figure) -> bytes:
    """The picture, without anything that differs from run to run."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI, metadata={"Software": None})
    return buffer.getvalue()


def new_figure(height: float) -> Figure:
    """A figure without a window, whatever the user's backend; ``height`` in inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def name_rows(axes: Axes, names: list[str], grid: str = "x") -> None:
    """Names down the left side, the first on top."""
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis=grid)  # type: ignore[arg-type]


def by_language(languages: list[str]) -> dict[str, str]:
    """A colour for each language."""
    return {name: _COLOURS[at % len(_COLOURS)] for at, name in enumerate(dict.fromkeys(languages))}


def legend(figure: Figure, colours: Mapping[str, str]) -> None:
    """What the colours mean, above everything else."""
    from matplotlib.patches import Patch

    marks = [Patch(color=colour, label=label) for label, colour in colours.items()]
    figure.legend(handles=marks, loc="outside upper right", ncols=len(marks))
