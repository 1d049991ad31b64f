"""The yield table of translation runs, in the shape of the paper's Table 2, and what was dropped and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


def share(part: int, whole: int) -> str:
    """A share in percent; a dash where there is nothing to share."""
    return f"{100 * part / whole:.1f} %" if whole else "-"


def table(runs: Iterable[tuple[str, Mapping[str, Any]]]) -> str:
    """Runs as a Markdown table: rows and items kept, by rung, and what was dropped and why.

    Args:
        runs: name and ``yield`` of each run's manifest.
    """
    from tabulate import tabulate

    rows = []
    for name, found in runs:
        rungs = ", ".join(f"{rung} {count:,}" for rung, count in found["rungs"].items())
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in found["reasons"].items()) or "none"
        rows.append(
            (
                name,
                f"{found['rows']:,}",
                share(found["kept_whole"], found["rows"]),
                share(found["kept_minus_items"], found["rows"]),
                share(found["items_kept"], found["items"]),
                rungs,
                reasons,
            )
        )
    headers = ("run", "rows", "kept whole", "kept minus items", "items kept", "kept at rung", "dropped")
    return tabulate(rows, headers, tablefmt="pipe", disable_numparse=True)
