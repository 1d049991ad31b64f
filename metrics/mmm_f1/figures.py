"""From what the pass over the rows counted to the figures of the result."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .intervals import GOLD, HIT, PREDICTED, Floats, Ints, Patterns, interval_name, ratio_interval, resamples
from .rows import Rows
from .tally import Labels, Side, Tally


def summary(rows: Rows, tally: Tally, outcomes: Mapping[int, int]) -> dict[str, Any]:
    """Figures and counts of all rows; ``outcomes`` is the number of rows by outcome."""
    every = _figures(outcomes, rows.rules.nothing)
    result: dict[str, Any] = {
        **{key: every[key] for key in ("tl", "wl", "all", "wl_micro_precision", "wl_micro_recall", "wl_mean_row_f1")},
        "tl_macro_f1": tally.text_labels.macro_f1(0.0),
    }
    counts = {key: value for key, value in every.items() if key not in result}
    if rows.rules.mode == "default":
        labels = Labels()
        for table in tally.pair_labels.values():
            labels.add(table)
        nothing = rows.rules.nothing if not tally.reference_failures + tally.failed_rows else 0.0
        result["wl_macro_f1"] = labels.macro_f1(0.0 if counts["pairs_predicted"] else nothing)
        result["wl_by_label"] = labels.by_label()
    result |= counts
    result |= {
        "parse_failure_rate": tally.failed_rows / result["rows"],
        "parse_failures": tally.failures,
        "reference_failures": tally.reference_failures,
        "repeated_pair_rows": tally.repeated_rows,
    }
    if rows.rules.mode == "default":
        result["stripped_rows"] = tally.stripped_rows
    if "published" in rows.protocol:
        result["ambiguous_rows"] = tally.ambiguous_rows
    if rows.inputs is not None and rows.rules.mode == "default":
        result["hallucinated_entity_rate"] = tally.hallucinated / tally.entities if tally.entities else 0.0
        result["hallucinated_entities"], result["predicted_entities"] = tally.hallucinated, tally.entities
    if rows.configs is not None:
        result |= _by_config(rows, rows.configs, tally)
        if rows.rules.mode == "default":
            result |= _unknown_labels(rows, tally)
    return result | {"protocol": rows.protocol}


def arrays(outcomes: Mapping[int, int]) -> tuple[Ints, Ints]:
    """Distinct outcomes in order, and rows with each: the bootstrap must not depend on the order of the rows."""
    keys = sorted(outcomes)
    return np.array(keys, dtype=np.int64), np.array([outcomes[key] for key in keys], dtype=np.int64)


def _figures(outcomes: Mapping[int, int], nothing: float) -> dict[str, Any]:
    """Figures and counts of rows by outcome."""
    keys, weights = arrays(outcomes)
    patterns = Patterns.of(keys, nothing)
    sums = {name: int(total) for name, total in patterns.totals(weights).items()}
    figures = {name: float(value) for name, value in patterns.figures(weights).items()}
    empty = figures["wl"] if not sums["gold"] + sums["predicted"] else 0.0
    return {
        **figures,
        "wl_micro_precision": sums["hits"] / sums["predicted"] if sums["predicted"] else empty,
        "wl_micro_recall": sums["hits"] / sums["gold"] if sums["gold"] else empty,
        "rows": int(weights.sum()),
        "tl_correct": sums["label_right"],
        "all_correct": sums["all_right"],
        "pairs_correct": sums["hits"],
        "pairs_predicted": sums["predicted"],
        "pairs_gold": sums["gold"],
    }


def _by_config(rows: Rows, configs: Sequence[str], tally: Tally) -> dict[str, Any]:
    by_config: dict[str, Counter[int]] = defaultdict(Counter)
    for (config, outcome), count in Counter(zip(configs, tally.outcomes)).items():
        by_config[config][outcome] = count
    table = {config: _figures(by_config[config], rows.rules.nothing) for config in sorted(by_config)}
    means = {
        f"{name}_mean_over_configs": sum(figures[name] for figures in table.values()) / len(table)
        for name in ("tl", "wl", "all")
    }
    return {**means, "by_config": table}


def _unknown_labels(rows: Rows, tally: Tally) -> dict[str, Any]:
    """Predicted pairs whose label is not in the label set of their config; nothing where every config is open."""
    used, unknown, predicted = {}, 0, 0
    for config, table in sorted(tally.pair_labels.items()):
        given = rows.rules.label_sets.get(config, frozenset(table.gold()))
        used[config] = "open" if given is None else "given" if config in rows.rules.label_sets else "references"
        if given is not None:
            counts = Counter(table.same)
            counts.update(table.spurious)
            predicted += counts.total()
            unknown += sum(count for label, count in counts.items() if label not in given)
    result: dict[str, Any] = {"unknown_label_sets": used}
    if set(used.values()) != {"open"}:
        result["unknown_label_rate"] = unknown / predicted if predicted else 0.0
        result["unknown_label_pairs"] = unknown
    return result


@dataclass(slots=True)
class LabelTally(Tally):
    """A tally that also counts rows by label and outcome; the outcomes are those of ``intervals.py`` without the flags."""

    by_label: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    def row(self, gold: Side | str, predicted: Side | str, labels: Labels, text: str | None) -> None:
        """Count a row."""
        own = Labels()
        Tally.row(self, gold, predicted, own, text)
        labels.add(own)
        for label in {*own.same, *own.missed, *own.spurious}:
            hits = own.same.get(label, 0)
            found, wanted = hits + own.spurious.get(label, 0), hits + own.missed.get(label, 0)
            self.by_label[label][hits * HIT + wanted * GOLD + found * PREDICTED] += 1


def intervals_by_label(tally: LabelTally, size: int, seed: int, confidence: float) -> dict[str, dict[str, list[float]]]:
    """Label to the intervals of its precision, recall and F1, where these are defined.

    Args:
        tally: of all rows.
        size: number of resamples.
        seed: of the generator, for every label anew.
        confidence: nominal coverage.
    """
    return {
        label: _intervals(outcomes, len(tally.outcomes), size, seed, confidence)
        for label, outcomes in sorted(tally.by_label.items())
    }


def _intervals(outcomes: Counter[int], rows: int, size: int, seed: int, confidence: float) -> dict[str, list[float]]:
    keys = [0, *sorted(outcomes)]
    counts: Ints = np.array([rows - outcomes.total(), *(outcomes[key] for key in keys[1:])], dtype=np.int64)
    patterns = Patterns.of(np.array(keys, dtype=np.int64))
    blocks = [patterns.totals(weights) for weights in resamples(counts, size, seed)]
    hits, gold, predicted = (np.concatenate([one[name] for one in blocks]) for name in ("hits", "gold", "predicted"))
    found = {}
    for name, part, whole, parts, wholes in (
        ("precision", patterns.hits, patterns.predicted, hits, predicted),
        ("recall", patterns.hits, patterns.gold, hits, gold),
        ("f1", 2 * patterns.hits, patterns.gold + patterns.predicted, 2 * hits, gold + predicted),
    ):
        if counts @ whole:  # a resample may hold none of them
            drawn: Floats = (parts / np.maximum(wholes, 1))[wholes > 0]
            if len(drawn):
                found[interval_name(name, confidence)] = ratio_interval(part, whole, counts, drawn, confidence)
    return found
