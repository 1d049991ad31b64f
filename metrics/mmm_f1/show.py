"""Results as text: for the terminal, as Markdown, LaTeX or CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

FORMATS: Final = ("text", "json", "markdown", "latex", "csv")

Cells = list[str]
_LABEL_KEYS: Final = ("gold", "predicted", "precision", "recall", "f1")
_CONFIG_KEYS: Final = ("rows", "tl", "wl", "all")
_NAMES: Final = {
    "tl": "TL",
    "wl": "WL",
    "all": "ALL",
    "wl_micro_precision": "WL precision",
    "wl_micro_recall": "WL recall",
    "wl_mean_row_f1": "WL row F1",
}
"""What figures are called in papers."""
_LATEX: Final = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "|": r"\textbar{}"}
_SPECIAL: Final = {
    "markdown": str.maketrans({char: f"\\{char}" for char in "\\`*<|"}),
    "latex": str.maketrans(
        {**{char: f"\\{char}" for char in "&%$#_{}"}, "<": r"\textless{}", ">": r"\textgreater{}", **_LATEX}
    ),
}
"""What would not be printed as it stands."""


def show(result: Mapping[str, Any], style: str) -> str:
    """The result of :func:`mmm_f1.score` or :func:`mmm_f1.compare` in one of ``FORMATS``.

    Figures are fractions; those of Markdown and LaTeX, which go into papers, are in percent.
    """
    if style == "json":
        return json.dumps(result, ensure_ascii=False, indent=2)
    compared = "fixed" in result
    if style == "text":
        if compared:
            return "\n\n".join([_aligned(_compared_table(result, percent=False)), "\n".join(_notes(result))])
        return _score_text(result)
    if style == "csv":
        return _csv([_long(result)])
    tables = (
        [_compared_table(result, percent=True)]
        if compared
        else [_figures_table(result), *_by_name(result, percent=True)]
    )
    write = _markdown if style == "markdown" else _latex
    return "\n\n".join([*map(write, tables), *(_escape(note, style) for note in _notes(result))])


def _notes(result: Mapping[str, Any]) -> list[str]:
    """What stands below the figures."""
    notes = [result["caution"]] if "caution" in result else []
    if "fixed" in result:
        fixed, broken = len(result["fixed"]), len(result["broken"])
        notes.append(f"rows {result['rows']:,}, fixed by B {fixed:,}, broken by B {broken:,}")
    return [*notes, result["protocol"]]


def _interval(row: Mapping[str, Any], name: str) -> Sequence[float] | None:
    found: Sequence[float] | None = next((row[key] for key in row if key.startswith(f"{name}_ci")), None)
    return found


# ---------------------------------------------------------------------------------------------------------------- text


def _score_text(result: Mapping[str, Any]) -> str:
    """The figures, failures, then a line per config and per label."""
    lines = []
    for key, value in result.items():
        if isinstance(value, (dict, list)) or key in ("protocol", "caution"):
            continue
        interval = _interval(result, key)
        text = f"{value:.4f}" if isinstance(value, float) else str(value)
        lines.append(f"{key:<32}{text:>10}" + (f"  [{interval[0]:.4f}, {interval[1]:.4f}]" if interval else ""))
    lines += [f"  {kind:<30}{count:>10}" for kind, count in result["parse_failures"].items() if count]
    tables = [_aligned(table) for table in _by_name(result, percent=False)]
    return "\n\n".join(["\n".join(lines), *tables, "\n".join(_notes(result))])


def _aligned(table: list[Cells]) -> str:
    """Columns under each other, the first one to the left."""
    cells = [[" ".join(cell.split()) for cell in row] for row in table]
    sizes = [max(len(row[at]) + 2 for row in cells) for at in range(1, len(table[0]))]
    first = max(24, *(len(row[0]) for row in cells))
    return "\n".join(row[0].ljust(first) + "".join(map(str.rjust, row[1:], sizes)) for row in cells)


# -------------------------------------------------------------------------------------------------------------- tables


def _by_name(result: Mapping[str, Any], percent: bool) -> list[list[Cells]]:
    """A table by config and one by label, where the result has them."""
    tables = []
    for title, key, keys in (("config", "by_config", _CONFIG_KEYS), ("label", "wl_by_label", _LABEL_KEYS)):
        if rows := result.get(key):
            known = [one for one in keys if one in next(iter(rows.values()))]
            heads = [_NAMES.get(one, one) if percent else one for one in known]
            tables.append(
                [[title, *heads], *([name, *(_cell(row, one, percent) for one in known)] for name, row in rows.items())]
            )
    return tables


def _cell(row: Mapping[str, Any], key: str, percent: bool) -> str:
    value, interval = row[key], _interval(row, key)
    if not isinstance(value, float):
        return str(value)
    if not percent:
        return f"{value:.4f}" + (f" [{interval[0]:.4f}, {interval[1]:.4f}]" if interval else "")
    return f"{100 * value:.2f}" + (f" [{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]" if interval else "")


def _figures_table(result: Mapping[str, Any]) -> list[Cells]:
    """The figures of the whole in one row."""
    keys = [key for key in _NAMES if key in result]
    return [
        ["rows", *map(_NAMES.__getitem__, keys)],
        [f"{result['rows']:,}", *(_cell(result, key, percent=True) for key in keys)],
    ]


def _compared_table(result: Mapping[str, Any], percent: bool) -> list[Cells]:
    table = [["", "A", "B", "B - A", "interval", "p"]]
    by, places = (100, 2) if percent else (1, 4)
    for name, row in result.items():
        if isinstance(row, dict):
            low, high = (f"{by * end:+.{places - percent}f}" for end in _interval(row, "difference") or (0.0, 0.0))
            cells = [
                f"{by * row['a']:.{places}f}",
                f"{by * row['b']:.{places}f}",
                f"{by * row['difference']:+.{places}f}",
            ]
            table.append([_NAMES[name] if percent else name, *cells, f"[{low}, {high}]", f"{row['p']:.4f}"])
    return table


def _long(result: Mapping[str, Any]) -> list[Cells]:
    """Every figure in a row of its own: what it is of, its name, its value, and its interval."""
    rows = [["of", "figure", "value", "low", "high"]]

    def add(of: str, values: Mapping[str, Any]) -> None:
        for key, value in values.items():
            if isinstance(value, (int, float)):
                interval = _interval(values, key)
                rows.append([of, key, repr(value), *(map(repr, interval) if interval else ("", ""))])

    add("all rows", result)
    for name, value in result.items():
        if name in ("by_config", "wl_by_label"):
            for one, figures in value.items():
                add(one, figures)
        elif isinstance(value, dict):
            add(name, value)
    return rows


def _markdown(table: list[Cells]) -> str:
    rows = [f"| {' | '.join(_escape(cell, 'markdown') for cell in row)} |" for row in table]
    return "\n".join([rows[0], f"|---|{'--:|' * (len(table[0]) - 1)}", *rows[1:]])


def _latex(table: list[Cells]) -> str:
    rows = [" & ".join(_escape(cell, "latex") for cell in row) + r" \\" for row in table]
    head = r"\begin{tabular}{l" + "r" * (len(table[0]) - 1) + "}"
    return "\n".join([head, r"\toprule", rows[0], r"\midrule", *rows[1:], r"\bottomrule", r"\end{tabular}"])


def _escape(text: str, style: str) -> str:
    return " ".join(text.split()).translate(_SPECIAL[style])


def _csv(tables: list[list[Cells]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(row for table in tables for row in table)
    return out.getvalue().rstrip("\n")
