"""Outputs in, results out: every figure comes from ``mmm_f1.score``, per config and over all, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final

from oiellm.evaluate.columns import Columns, Gold, Outputs, columns
from oiellm.evaluate.protocols import Selection

FIGURES: Final = ("tl", "wl", "all", "wl_mean_row_f1")
RESAMPLES: Final = 1000
LENGTHS: Final = (50, 100, 200, 500, 1000)
"""Where the buckets of text lengths end, in characters; the last is open."""

_MEANS: Final = tuple(f"{name}_mean_over_configs" for name in ("tl", "wl", "all"))


def evaluate(
    selection: Selection, rows: Mapping[str, Gold], outputs: Outputs, *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Any]:
    """Score the outputs of one system.

    Args:
        selection: the rows, and how they are grouped.
        rows: config to its rows of the selection, see :func:`oiellm.evaluate.columns.gold`.
        outputs: what the system wrote; rows outside the selection are not looked at.
        resamples, seed: of the bootstrap; 0 resamples for no intervals.

    Returns:
        ``protocol`` and ``scoring``, the rules in a line each; ``configs``: per config the keys of ``mmm_f1.score`` over its
        rows, ``by_length`` and, under ``paper_mode``, its figures by Algorithm 1; with protocol ``paper`` also ``draws`` and
        ``mean_over_draws``, each by either rules; ``overall``: the keys of the default rules over all rows, and
        ``mean_over_configs``.

    Raises:
        OiellmError: a row has no output.
    """
    registry = next(iter(rows.values())).registry
    options: dict[str, Any] = {"task_words": registry.task_words, "resamples": resamples, "seed": seed}
    found = {name: columns(rows[name], outputs)[0] for name in selection.ids}
    configs = {}
    for name, column in found.items():
        configs[name] = _config(column, rows[name], options)
        if selection.protocol == "paper":
            configs[name] |= _drawn(column, rows[name], selection.draws[name], options)
    overall = _overall(found, rows, options)
    overall["mean_over_configs"] = _mean([figures(entry) for entry in configs.values()])
    return {"protocol": selection.line, "scoring": overall["protocol"], "overall": overall, "configs": configs}


def figures(entry: Mapping[str, Any]) -> dict[str, float]:
    """The figures of a config that are quoted: the mean over draws where the protocol draws, else those of its rows."""
    return {name: entry.get("mean_over_draws", entry)[name] for name in FIGURES}


def paper_figures(entry: Mapping[str, Any]) -> dict[str, float]:
    """The same by Algorithm 1: what may stand beside the figures of the paper."""
    found = entry.get("mean_over_draws", entry)["paper_mode"]
    return {name: found[name] for name in FIGURES}


def _overall(found: Mapping[str, Columns], rows: Mapping[str, Gold], options: Mapping[str, Any]) -> dict[str, Any]:
    every = Columns(*(list(chain.from_iterable(parts)) for parts in zip(*found.values())))
    names = [name for name, column in found.items() for _ in column.references]
    result = every.score(names, label_sets={name: rows[name].labels for name in found}, **options)
    return {key: value for key, value in result.items() if key not in ("by_config", *_MEANS)}


def _config(column: Columns, rows: Gold, options: Mapping[str, Any]) -> dict[str, Any]:
    """All figures of a config. Its buckets of lengths go through the scorer as configs: one pass counts both."""
    buckets = [_bucket(length) for length in rows.lengths]
    result = column.score(buckets, label_sets=dict.fromkeys(buckets, rows.labels), **options)
    paper = column.score(buckets, mode="paper", **options)
    by_length = result["by_config"]
    kept = {key: value for key, value in result.items() if key not in ("by_config", "unknown_label_sets", *_MEANS)}
    ordered = (_bucket(start) for start in (0, *LENGTHS))
    found = {name: by_length[name] for name in ordered if name in by_length}
    return {**kept, "by_length": found, "paper_mode": _quoted(paper)}


def _drawn(column: Columns, rows: Gold, draws: Sequence[Sequence[str]], options: Mapping[str, Any]) -> dict[str, Any]:
    place = {one: at for at, one in enumerate(rows.ids)}
    entries = []
    for ids in draws:
        drawn, names = column.take([place[one] for one in ids]), ["draw"] * len(ids)
        default, paper = (
            drawn.score(names, label_sets={"draw": rows.labels}, mode=mode, **options) for mode in ("default", "paper")
        )
        entries.append({**_quoted(default), "paper_mode": _quoted(paper)})
    paper_mean = _mean([entry["paper_mode"] for entry in entries])
    return {"draws": entries, "mean_over_draws": {**_mean(entries), "paper_mode": paper_mean}}


def _quoted(result: Mapping[str, Any]) -> dict[str, Any]:
    keys = (key for name in FIGURES for key in (name, f"{name}_ci95"))
    return {key: result[key] for key in (*keys, "rows") if key in result}


def _mean(entries: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    return {name: sum(entry[name] for entry in entries) / len(entries) for name in FIGURES}


def _bucket(length: int) -> str:
    start = max((bound for bound in LENGTHS if bound <= length), default=0)
    end = next((bound for bound in LENGTHS if bound > length), None)
    return f"{start}-{'' if end is None else end - 1}"
