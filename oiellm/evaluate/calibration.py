"""Whether confidences are right as often as they say: the expected calibration error of labels and of items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from mmm_f1.unified import Failure, Form, Parsed, find_word, parse
from oiellm.evaluate.columns import Gold
from oiellm.evaluate.runs import Run

BINS: Final = 10
"""Bins of equal width, from 0 to 1."""

Answer = tuple[float, bool]
"""A confidence, and whether what it is about is right."""


def calibration(rows: Mapping[str, Gold], run: Run) -> dict[str, Any]:
    """The calibration of a run.

    Args:
        rows: config to its test rows.
        run: predictions of all of them.

    Returns:
        For ``label`` and ``item``: how many there are (``n``), their mean ``confidence``, the fraction that is right
        (``accuracy``), the expected calibration error over ``BINS`` bins (``ece``), and the ``bins`` that are not empty.
        An item is right if the gold of its row has it, as often as it is listed. Empty without confidences.
    """
    labels: list[Answer] = []
    items: list[Answer] = []
    for config, gold in rows.items():
        for one, line, reference, form in zip(gold.ids, gold.inputs, gold.references, gold.forms):
            sure, likely = run.confidence.get((config, one), (None, None))
            if sure is None:
                continue
            said = run.outputs[config, one]
            right, found = _parsed(reference, form, line, gold), _parsed(said.text, said.form, line, gold)
            if right is None or found is None:
                continue
            labels.append((sure, found.label == right.label))
            if likely is not None and len(likely) == len(found.items):
                items += zip(likely, _right(found.items, right.items))
    return {name: _summary(answers) for name, answers in (("label", labels), ("item", items)) if answers}


def _parsed(output: str, form: Form, line: str, gold: Gold) -> Parsed | None:
    words = gold.registry.task_words
    word = find_word(output, words, form, line)
    if word is None:
        return None
    text = line.removesuffix(f"/{word}")
    found = parse(output, word, form=form, task_words=words, labels=gold.labels, text=text)
    return None if isinstance(found, Failure) else found


def _right(items: Sequence[tuple[str, ...]], gold: Sequence[tuple[str, ...]]) -> Iterator[bool]:
    left = Counter(gold)
    for item in items:
        yield left[item] > 0
        left[item] -= 1


def _summary(answers: Sequence[Answer]) -> dict[str, Any]:
    bins: list[list[Answer]] = [[] for _ in range(BINS)]
    for sure, right in answers:
        bins[min(int(sure * BINS), BINS - 1)].append((sure, right))
    parts = [{"from": at / BINS, **_means(part)} for at, part in enumerate(bins) if part]
    error = sum(part["n"] * abs(part["confidence"] - part["accuracy"]) for part in parts) / len(answers)
    return {**_means(answers), "ece": error, "bins": parts}


def _means(answers: Sequence[Answer]) -> dict[str, Any]:
    count = len(answers)
    return {
        "n": count,
        "confidence": sum(sure for sure, _ in answers) / count,
        "accuracy": sum(right for _, right in answers) / count,
    }


def line(found: Mapping[str, Any]) -> str:
    """The calibration of a run in words."""
    names = {"label": "text-level labels", "item": "items"}
    parts = [
        f"of {names[kind]} {100 * one['ece']:.1f} points (mean confidence {100 * one['confidence']:.1f}, right "
        f"{100 * one['accuracy']:.1f} %, {one['n']:,})"
        for kind, one in found.items()
    ]
    return "expected calibration error " + ", ".join(parts)
