"""The one scorer of the kit: unified strings in, figures that say what they are out. ``README.md`` describes every key.

``rows.py`` checks the arguments; ``reading.py`` takes both strings of a row apart, and ``tally.py`` counts what they
share: the outcome of the row, labels, failures; ``figures.py`` makes the result of the counts, and ``intervals.py`` puts
intervals around it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from .arguments import flag, fraction, whole
from .extended import extended_figures
from .figures import LabelTally, arrays, intervals_by_label, summary
from .intervals import ALL_RIGHT, Ints, caution, intervals, paired
from .reading import count
from .rows import LabelSets, Matching, Mode, Offsets, Rows, Rules, column
from .tally import Tally
from .unified import TASK_WORDS, Form


def score(
    predictions: Iterable[str],
    references: Iterable[str],
    inputs: Iterable[str] | None = None,
    configs: Iterable[str] | None = None,
    *,
    mode: Mode = "default",
    matching: Matching = "set",
    form: Form | Iterable[Form] = "escaped",
    task_words: Mapping[str, Sequence[str]] = TASK_WORDS,
    label_sets: LabelSets | None = None,
    strict: bool = False,
    prediction_offsets: Offsets | None = None,
    reference_offsets: Offsets | None = None,
    text_labels: bool | None = None,
    extended: bool = False,
    label_intervals: bool = False,
    resamples: int = 0,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """Score predicted output strings against reference strings.

    Args:
        predictions: one output string per row, as a model wrote it; or rows of label and entities (``answers.py``): dicts, or a
            frame with these columns.
        references: the gold output string of each row; its task word is the one the prediction must hold.
        inputs: the texts, with or without the ``/NER`` that ends a model's input; adds the grounding keys.
        configs: name of each row's config; adds the keys by config and the unknown labels.
        mode: ``default``, or ``paper``: Algorithm 1 of the paper to the letter (see ``paper.py``).
        matching: pairs as a ``set``, or as a ``multiset`` in which a pair listed twice must be found twice.
        form: the form of the strings, ``escaped`` or ``published``, for all rows or one per row.
        task_words: roles of the fields per task word.
        label_sets: word-level labels by config, None for open labels; a config not named here has those of its
            references. Labels given here also put separator-bearing entities of the published form together.
        strict: a prediction with a broken piece, or without a label, is wrong as a whole; else it loses only what is broken.
        prediction_offsets, reference_offsets: per row ``(start, end)`` of every pair of the string, in order, in code points of
            the text, end exclusive; None for a pair or row without. In a row where both sides state the offsets of all
            pairs, a pair is right only at its place.
        text_labels: whether the text-level labels are scored; None: if the rows have any, which strings do.
        extended: add the figures of :func:`mmm_f1.extended.extended_figures`; needs a second, slower pass.
        label_intervals: add intervals to the figures of every label; needs resamples, and twice the time.
        resamples: of the bootstrap behind the intervals of tl, wl, all and wl_mean_row_f1; 0 for no intervals.
        seed: of the bootstrap.
        confidence: of the intervals.

    Returns:
        The figures, in [0, 1], and the counts behind them; see ``README.md``.

    Raises:
        ValueError: an argument is not what it should be; one line, rows counted from 0.

    >>> result = score(["Literature/NER/:Person;Kazan"], ["Literature/NER/:Person;Kazan:Person;Spiegel"])
    >>> result["tl"], round(result["wl"], 3), result["all"]
    (1.0, 0.667, 0.0)
    """
    rules = Rules.of(mode, matching, task_words, label_sets, strict)
    rows = Rows.of(predictions, references, inputs, configs, form, rules, text_labels=text_labels)
    rows = rows.with_offsets(prediction_offsets, reference_offsets)
    if flag("extended", extended) and mode == "paper":
        raise ValueError("extended figures need mode='default': Algorithm 1 defines none of them")
    resamples, seed = whole("resamples", resamples, 0), whole("seed", seed, 0)
    fraction("confidence", confidence)
    if flag("label_intervals", label_intervals) and (mode == "paper" or not resamples):
        raise ValueError("label_intervals needs mode='default' and resamples")
    tally = count(rows, LabelTally() if label_intervals else Tally())
    outcomes = Counter(tally.outcomes)
    result = summary(rows, tally, outcomes)
    if isinstance(tally, LabelTally):
        for label, found in intervals_by_label(tally, resamples, seed, confidence).items():
            result["wl_by_label"][label] |= found
    if extended:
        result |= extended_figures(rows)
    if resamples:
        result |= intervals(*arrays(outcomes), resamples, seed=seed, confidence=confidence, nothing=rules.nothing)
        result |= {"bootstrap_resamples": resamples, "bootstrap_seed": seed, **caution(result["rows"])}
    return result if rows.text_labels else _without_text_labels(result)


def compare(
    predictions_a: Iterable[str],
    predictions_b: Iterable[str],
    references: Iterable[str],
    inputs: Iterable[str] | None = None,
    configs: Iterable[str] | None = None,
    *,
    mode: Mode = "default",
    matching: Matching = "set",
    form: Form | Iterable[Form] = "escaped",
    task_words: Mapping[str, Sequence[str]] = TASK_WORDS,
    label_sets: LabelSets | None = None,
    strict: bool = False,
    offsets_a: Offsets | None = None,
    offsets_b: Offsets | None = None,
    reference_offsets: Offsets | None = None,
    text_labels: bool | None = None,
    resamples: int = 10_000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """Compare two systems on the same rows by a paired bootstrap; arguments as for :func:`score`.

    ``offsets_a`` and ``offsets_b`` are the ``prediction_offsets`` of either system.

    Returns:
        For each of tl, wl, all and wl_mean_row_f1 the dict of :func:`mmm_f1.intervals.paired`, and the numbers of the
        rows that ``b`` gets exactly right and ``a`` does not (``fixed``), and the other way round (``broken``).
    """
    resamples, seed = whole("resamples", resamples, 1), whole("seed", seed, 0)
    fraction("confidence", confidence)
    rules = Rules.of(mode, matching, task_words, label_sets, strict)
    references = column("references", references)  # iterables are used up by the first system, lists are not
    inputs = None if inputs is None else column("inputs", inputs)
    configs = None if configs is None else column("configs", configs)
    form = form if isinstance(form, str) else list(column("form", form))
    reference_offsets = None if reference_offsets is None else list(column("reference_offsets", reference_offsets))
    outcomes = []
    for name, predictions, offsets in (
        ("predictions_a", predictions_a, offsets_a),
        ("predictions_b", predictions_b, offsets_b),
    ):
        rows = Rows.of(predictions, references, inputs, configs, form, rules, name, text_labels)
        rows = rows.with_offsets(offsets, reference_offsets)
        outcomes.append(np.frombuffer(count(rows).outcomes, dtype=np.int64))
    a, b = outcomes
    right_a, right_b = a // ALL_RIGHT & 1, b // ALL_RIGHT & 1
    result = {
        **paired(a, b, resamples, seed=seed, confidence=confidence, nothing=rules.nothing),
        "rows": len(a),
        **caution(len(a)),
        "fixed": np.flatnonzero(right_b > right_a).tolist(),
        "broken": np.flatnonzero(right_a > right_b).tolist(),
        "protocol": f"{rows.protocol} resamples={resamples} seed={seed}",
    }
    return result if rows.text_labels else _without_text_labels(result)


def outcomes(
    predictions: Iterable[str],
    references: Iterable[str],
    configs: Iterable[str] | None = None,
    *,
    matching: Matching = "set",
    form: Form | Iterable[Form] = "escaped",
    task_words: Mapping[str, Sequence[str]] = TASK_WORDS,
    label_sets: LabelSets | None = None,
    strict: bool = False,
) -> Ints:
    """The outcome of every row as one integer (``intervals.py``): what bootstraps of other shapes than ours are made of.

    Arguments as for :func:`score`. ``Patterns.of(outcomes(...)).figures(weights)`` gives the figures under any weights of rows.
    """
    rules = Rules.of("default", matching, task_words, label_sets, strict)
    rows = Rows.of(predictions, references, None, configs, form, rules)
    return np.array(count(rows).outcomes, dtype=np.int64)


def _without_text_labels(result: Mapping[str, Any]) -> dict[str, Any]:
    """The figures without those of text-level labels, for rows that have none."""
    kept = {key: value for key, value in result.items() if key != "tl" and not key.startswith("tl_")}
    if "by_config" in kept:
        kept["by_config"] = {name: _without_text_labels(one) for name, one in kept["by_config"].items()}
    return kept
