"""Intervals around the figures of every label, over rows: the pass counts what each row adds to each label."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

import numpy as np

from .intervals import GOLD, HIT, PREDICTED, Floats, Ints, Patterns, interval_name, ratio_interval, resamples
from .tally import Labels, Side, Tally


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
