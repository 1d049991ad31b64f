"""How far replies were in the format, whether right or not: the paper saw GPT-3.5 near zero for its format alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from oiellm.evaluate.columns import Key
from oiellm.evaluate.protocols import Selection
from oiellm.evaluate.runs import Run
from oiellm.predict.deviations import KINDS, UNREADABLE, ordered

LINES = {
    "clean": "nothing amiss",
    "strict": "read as it stands",
    "lenient": "an answer found",
}
"""Shares that the table begins with, in words."""


def breakdown(run: Run, selection: Selection) -> dict[str, Any] | None:
    """What went wrong in the format.

    Args:
        run: of a system; its outputs are those of the strict reading.
        selection: the rows that count.

    Returns:
        Over all rows, and under ``configs`` for each config: ``rows``; how many of them have nothing amiss (``clean``), were
        read as they stand (``strict``) and hold an answer that the lenient reading finds (``lenient``); and ``kinds`` of
        deviations with the rows that show them, a row under each of its kinds. ``two_readings``: the run has a lenient
        reading of its own. None for predictions that do not say.
    """
    if not run.deviations:
        return None
    keys = {name: [(name, one) for one in ids] for name, ids in selection.ids.items()}
    return {
        "two_readings": bool(run.lenient),
        **_count(run, (key for rows in keys.values() for key in rows)),
        "configs": {name: _count(run, rows) for name, rows in keys.items()},
    }


def _count(run: Run, keys: Iterable[Key]) -> dict[str, Any]:
    rows, clean, strict, lenient = 0, 0, 0, 0
    kinds = Counter[str]()
    for key in keys:
        found = run.deviations[key]
        readable = not UNREADABLE.intersection(found)
        rows += 1
        clean += not found
        strict += readable
        lenient += readable or (key in run.lenient and run.lenient[key] != run.outputs[key])
        kinds.update(found)
    counts = {kind: {"rows": kinds[kind], "share": kinds[kind] / rows} for kind in ordered(kinds)}
    return {"rows": rows, "clean": clean, "strict": strict, "lenient": lenient, "kinds": counts}


def table(results: Mapping[str, Any], form: str) -> str:
    """A column per run, a line per kind, as counts and shares; empty if no run says anything.

    Args:
        results: of a job.
        form: of the table, a name of ``tabulate``.
    """
    from tabulate import tabulate

    found = {name: run["format"] for name, run in results["runs"].items() if run.get("format")}
    if not found:
        return ""
    heads = ["replies", *(f"{name} ({entry['rows']:,})" for name, entry in found.items())]
    rows = [[words, *_cells(found, lambda entry, line=line: entry[line])] for line, words in LINES.items()]
    for kind in ordered({kind for entry in found.values() for kind in entry["kinds"]}):
        cells = _cells(found, lambda entry, kind=kind: entry["kinds"].get(kind, {"rows": 0})["rows"])
        rows.append([KINDS[kind], *cells])
    align = ["left", *["right"] * len(found)]
    return tabulate(rows, heads, tablefmt=form, colalign=align, disable_numparse=True)


def _cells(found: Mapping[str, Any], count: Any) -> Iterator[str]:
    for entry in found.values():
        rows = count(entry)
        yield f"{rows:,} ({100 * rows / entry['rows']:.1f} %)" if rows else "0"
