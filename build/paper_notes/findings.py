"""Every figure and table that ``notes.md`` names."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from tabulate import tabulate

from build.paper_notes.shares import attainable, expected_below, log10_chance, numerators, smallest_denominator
from build.paper_notes.tables import DRAW, DRAWS, Scores, cells, groups, oiellm, table_1
from cards.paper import given
from mmm_dataset import load
from mmm_dataset.registry import Config

# Texts with 0, 1, 2, ... entities in the source of ja SCNM: ner-wikipedia-dataset v2.0 (stockmark, CC BY-SA 3.0).
TEXTS = (484, 1181, 1544, 1000, 523, 270, 152, 96, 43, 21, 12, 6, 3, 2, 2, 1, 1, *[0] * 4, 1, *[0] * 7, 1)
EMPTY = 100 * TEXTS[0] / sum(TEXTS)
COLUMNS = ("tl", "wl", "all")


def facts() -> dict[str, Any]:
    """All figures and tables, by the names that ``notes.md`` uses."""
    return {**sizes(), **row_accuracies(), **alternatives(), **word_level(), **scnm(), **prose()}


def sizes() -> dict[str, Any]:
    """Section 1: the sizes, and what the translation kept."""
    configs = load().configs
    runs = [c for c in configs.values() if c.translated_from]
    from_ja = [c for c in runs if configs[c.translated_from or ""].language == "ja"]
    pairs = [(c, configs[f"en_{c.task}"]) for c in from_ja if c.language == "zh"]
    more = [load().task(zh.task).title for zh, en in pairs if kept(zh) > kept(en)]
    rows: list[list[Any]] = [
        [f"`{c.name}`", c.total, c.train, c.test, f"{kept(c):.1f} %" if c in runs else ""] for c in configs.values()
    ]
    used = {model: sum(s.n for s in oiellm() if s.model == model) for model in DRAWS}
    exact = (configs["ja_tcree"].deviation or {})["total"]
    return {
        "sizes": _table("config|total|train|test|kept in translation", rows),
        "configs": len(rows),
        "agreeing": sum(total == train + test for _, total, train, test, _ in rows),
        "train": sum(row[2] for row in rows),
        "test": sum(row[3] for row in rows),
        "used": used,
        "used_share": 100 * used["OIELLM-13B"] / sum(row[3] for row in rows),
        "runs": len(runs),
        "from_ja": len(from_ja),
        "kept": kept(*runs),
        "kept_from_ja": kept(*from_ja),
        "kept_exact": {c.language: 100 * (c.total or 0) / exact for c in from_ja if c.task == "tcree"},
        "pairs": len(pairs),
        "less_into_zh": len(pairs) - len(more),
        "more_into_zh": ", ".join(more),
    }


def kept(*runs: Config) -> float:
    """Rows kept in percent of the rows given to the translation: "we limited our study to 10,000 samples"."""
    return 100 * sum(c.total or 0 for c in runs) / sum(given(c, load()) or 0 for c in runs)


def row_accuracies() -> dict[str, Any]:
    """Section 2: TL and ALL are k/n; section 7: every k."""
    scans = []
    for name, rows in groups().items():
        values = [value for value, _ in cells(rows)]
        n = smallest_denominator(values) or 0
        scans.append([name, len(values), rows[0].n, n, f"{expected_below(values, n):.0e}"])
    every = cells(oiellm())
    chance = log10_chance(every)
    counts = [[f"`{c}`", *(f"{s.k('tl'):,} and {s.k('all'):,} of {s.n:,}" for s in oiellm(c))] for c in load().configs]
    return {
        "scans": _table("group|cells|n as read|smallest n found|smaller n expected by chance", scans),
        "counts": _table("TL and ALL|" + "|".join(DRAWS), counts),
        "cells": len(every),
        "fit": _fit(every),
        "informative": sum(Decimal(value) > 0 for value, _ in every),
        "chance": math.ceil(chance),
        "groups": len(scans),
        "chance_if_picked": math.ceil(chance + len(scans) * math.log10(3 * DRAW)),
        "attainable": {n: 100 * attainable(n) for n in (812, DRAW, 3 * DRAW)},
        "interval": {n: 100 * 1.96 * math.sqrt(0.25 / n) for n in (DRAW, 3 * DRAW)},
    }


def alternatives() -> dict[str, Any]:
    """Section 2: what tells n = 3,000 from 1,000 and 4,000, and the figures that do not fit."""
    large = cells(s for s in oiellm() if s.rows > DRAW)
    of_13b = [value for value, n in large if n == DRAW and Decimal(value) > 0]
    of_8b = [value for value, n in large if n == 3 * DRAW]
    others = [(s, column) for s in table_1() if s.model not in DRAWS for column in ("tl", "all")]
    misfits = [(s, column) for s, column in others if not numerators(getattr(s, column), 3 * DRAW)]
    return {
        "cells_13b": len(of_13b),
        "chance_by_3": math.ceil(-len(of_13b) * math.log10(3)),
        "cells_8b": len(of_8b),
        "not_of_1000": len(of_8b) - _fit([(value, DRAW) for value in of_8b]),
        "ending_in_5": sum(value.endswith("5") for value in of_8b),
        "chance_no_5": math.ceil(len(of_8b) * math.log10(0.75)),
        "beyond": ", ".join(
            f"`{c}` ({n:,})" for c, n in sorted({(s.config, s.rows) for s in oiellm() if s.n > s.rows})
        ),
        "tcree_of_1000": _fit([(value, DRAW) for value, _ in cells(oiellm("ja_tcree"))]),
        "baselines": len(others),
        "baselines_fit": len(others) - len(misfits),
        "baselines_expected": len(others) * attainable(3 * DRAW),
        "misfits": ", ".join(f"`{s.config}` {column.upper()} {getattr(s, column)}" for s, column in misfits),
    }


def word_level() -> dict[str, Any]:
    """Sections 3 and 4: WL as k/n, and where ALL exceeds WL."""
    tcree, others = (cells((s for s in oiellm() if ("tcree" in s.config) == is_it), "wl") for is_it in (True, False))
    above = [s for s in table_1() if Decimal(s.all) > Decimal(s.wl)]
    gaps = {s: s.k("all") - s.k("wl") if s.model in DRAWS else "?" for s in above}
    rows = [[f"`{s.config}`", s.model, s.tl, s.wl, s.all, gap] for s, gap in gaps.items()]
    ja = oiellm("ja_tcree")
    return {
        "wl_tcree": {"cells": len(tcree), "fit": _fit(tcree), "expected": math.fsum(attainable(n) for _, n in tcree)},
        "wl_others": {
            "cells": len(others),
            "fit": _fit(others),
            "expected": math.fsum(attainable(n) for _, n in others),
        },
        "wl_tcree_chance": math.ceil(log10_chance(tcree)),
        "above": _table("config|model|TL|WL|ALL|rows right in ALL and not in WL, at least", rows),
        "above_rows": len(above),
        "table_rows": len(table_1()),
        "en": oiellm("en_tcree"),
        "ja_k": {column: ja[0].k(column) for column in ("wl", "all")},
        "least_gap": min(gaps[s] for s in ja),
        "wl_n": " and ".join(str(n) for n in range(1, DRAW + 1) if all(numerators(s.wl, n) for s in ja)),
    }


def row_mean(scores: Scores, empty: float = EMPTY) -> tuple[float, float, float, float]:
    """Room, imperfect rows, best case and spread of section 5, for a percentage of empty rows."""
    percent = {g: 100 * texts / sum(TEXTS) for g, texts in enumerate(TEXTS) if g}
    loss = {g: 1 / (2 * g + 1) for g in percent}  # F1 of g right pairs and one surplus pair is 2g / (2g + 1)
    left = imperfect = max(0.0, float(scores.tl) - float(scores.all) - empty)
    best = 0.0
    for g in sorted(percent, reverse=True):
        hit = min(left, percent[g])
        left, best = left - hit, best + hit * loss[g]
    spread = imperfect * sum(percent[g] * loss[g] for g in loss) / sum(percent.values())
    return 100 - empty - float(scores.wl), imperfect, best, spread


def scnm() -> dict[str, Any]:
    """Section 5: bounds for a mean over the rows of ja SCNM."""
    rows = {s.model: s for s in table_1() if s.config == "ja_scnm"}
    table = [[s.model, s.tl, s.wl, s.all, *(f"{x:.2f}" for x in row_mean(s))] for s in rows.values()]
    error = math.sqrt(EMPTY * (100 - EMPTY) / (3 * DRAW))
    return {
        "scnm": _table("model|TL|WL|ALL|room|imperfect rows|loss, best case|loss, spread", table),
        "texts": sum(TEXTS),
        "entities": sum(g * texts for g, texts in enumerate(TEXTS)),
        "empty": TEXTS[0],
        "cap": 100 - EMPTY,
        "error": error,
        "star": row_mean(rows["OIELLM-8B*"]),
        "lucky": row_mean(rows["OIELLM-8B*"], EMPTY - 2 * error),
    }


def prose() -> dict[str, Any]:
    """Section 6: figures in the prose."""
    tconer = {c.language: c.total or 0 for c in load().configs.values() if c.task == "tconer"}
    tasks = [s for s in table_1() if s.model == "GIELLM-13B-jp"]
    wins = {column: sum(_best(s.config, column) > Decimal(getattr(s, column)) for s in tasks) for column in COLUMNS}
    return {
        "tconer": {**tconer, "all": sum(tconer.values())},
        "scpos": load().config("ja_scpos_n").total,
        "wins": {**wins, "sum": sum(wins.values())},
        "tasks": len(tasks),
        "cells_compared": len(wins) * len(tasks),
    }


def _best(config: str, column: str) -> Decimal:
    return max(Decimal(getattr(s, column)) for s in oiellm(config))


def _fit(figures: list[tuple[str, int]]) -> int:
    return sum(bool(numerators(value, n)) for value, n in figures)


def _table(head: str, rows: list[list[Any]]) -> str:
    text = [
        [f"{x:,}" if isinstance(x, int) else x.replace("*", "\\*") for x in row] for row in (head.split("|"), *rows)
    ]
    return tabulate(text, "firstrow", tablefmt="github", disable_numparse=True)
