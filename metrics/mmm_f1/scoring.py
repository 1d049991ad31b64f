"""The one scorer of the kit: unified strings in, figures that say what they are out. ``README.md`` describes every key.

One pass over the rows turns each into an outcome (see ``intervals.py``) and counts labels and failures; everything else
follows from those counts. Ordinary rows (label-entity pairs, no escape) are split on the spot; the others go through
``unified.parse``. Both ways give the same reading, which a property test holds them to.
"""

from __future__ import annotations

import unicodedata
from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, Final, Literal

import numpy as np

from .intervals import ALL_RIGHT, FAILED, GOLD, HIT, LABEL_RIGHT, PREDICTED, WIDTH, Ints, Patterns, intervals, paired
from .locate import locate
from .paper import parse_output
from .unified import (
    BROKEN_PAIR,
    EMPTY_FIELD,
    EMPTY_LABEL,
    FORMS,
    LABEL,
    NO_TASK_WORD,
    PAIR,
    PARSE_FAILURES,
    TASK_WORDS,
    Failure,
    Form,
    Parsed,
    find_word,
    is_tuple,
    parse,
    shape,
)

Mode = Literal["default", "paper"]
MODES: Final = ("default", "paper")
Matching = Literal["set", "multiset"]
MATCHINGS: Final = ("set", "multiset")

MAX_LENGTH: Final = 1 << WIDTH + 1
"""Longest row in characters: no reading of such a string has more items than an outcome can count."""

Items = Collection[tuple[str, ...]]
Reading = tuple[str, Items]  # text-level label, items
Split = tuple[str, dict[str, tuple[str, str, str]], bool]
"""Text-level label, distinct pairs (written to label, ``;``, entity) and whether one was repeated, of a plain row."""
LabelSets = Mapping[str, Collection[str] | None]

_AGREED: Final = HIT + GOLD + PREDICTED
_RIGHT: Final = tuple(size * _AGREED + LABEL_RIGHT + ALL_RIGHT for size in range(64))
_BLOCK: Final = 4096


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
    extended: bool = False,
    bootstrap: int = 0,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """Score predicted output strings against reference strings.

    Args:
        predictions: one output string per row, as a model wrote it.
        references: the gold output string of each row; its task word is the one the prediction must hold.
        inputs: the texts, with or without the ``/NER`` that ends a model's input; adds the grounding keys.
        configs: name of each row's config; adds the keys by config and the unknown labels.
        mode: ``default``, or ``paper``: Algorithm 1 of the paper to the letter (see ``paper.py``).
        matching: pairs as a ``set``, or as a ``multiset`` in which a pair listed twice must be found twice.
        form: the form of the strings, ``escaped`` or ``published``, for all rows or one per row.
        task_words: roles of the fields per task word.
        label_sets: word-level labels by config, None for open labels; a config not named here has those of its
            references. Labels given here also put separator-bearing entities of the published form together.
        extended: add the figures of :func:`extended_figures`; needs a second, slower pass.
        bootstrap: number of resamples for 95 % intervals of tl, wl, all and wl_mean_row_f1; 0 for none.
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
    rows = Rows.of(predictions, references, inputs, configs, mode, matching, form, task_words, label_sets)
    if extended and mode == "paper":
        raise ValueError("extended figures need mode='default': Algorithm 1 defines none of them")
    _check_bootstrap(bootstrap, confidence, "bootstrap", 0)
    tally = rows.tally()
    outcomes = Counter(tally.outcomes)
    result = _summary(rows, tally, outcomes)
    if extended:
        result |= extended_figures(rows)
    if bootstrap:
        result |= intervals(*_arrays(outcomes), bootstrap, seed=seed, confidence=confidence, nothing=rows.nothing)
        result |= {"bootstrap_resamples": bootstrap, "bootstrap_seed": seed}
    return result


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
    resamples: int = 10_000,
    seed: int = 0,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """Compare two systems on the same rows by a paired bootstrap; arguments as for :func:`score`.

    Returns:
        For each of tl, wl, all and wl_mean_row_f1 the dict of :func:`mmm_f1.intervals.paired`, and the numbers of the
        rows that ``b`` gets exactly right and ``a`` does not (``fixed``), and the other way round (``broken``).
    """
    _check_bootstrap(resamples, confidence, "resamples", 1)
    shared = (
        _column("references", references),
        None if inputs is None else _column("inputs", inputs),
        None if configs is None else _column("configs", configs),
    )
    forms = form if isinstance(form, str) else list(form)
    systems = []
    for name, predictions in (("predictions_a", predictions_a), ("predictions_b", predictions_b)):
        rows = Rows.of(predictions, *shared, mode, matching, forms, task_words, label_sets, name)
        systems.append(np.frombuffer(rows.tally().outcomes, dtype=np.int64))
    a, b = systems
    right_a, right_b = a // ALL_RIGHT & 1, b // ALL_RIGHT & 1
    return {
        **paired(a, b, resamples, seed=seed, confidence=confidence, nothing=rows.nothing),
        "rows": len(a),
        "fixed": np.flatnonzero(right_b > right_a).tolist(),
        "broken": np.flatnonzero(right_a > right_b).tolist(),
        "protocol": f"{rows.protocol} resamples={resamples} seed={seed}",
    }


# ---------------------------------------------------------------------------------------------------------------- rows


@dataclass(frozen=True, slots=True)
class Rows:
    """Checked arguments: what is scored, and by which rules."""

    name: str
    predictions: Sequence[str]
    references: Sequence[str]
    inputs: Sequence[str] | None
    configs: Sequence[str] | None
    mode: Mode
    matching: Matching
    forms: Form | list[Form]
    task_words: Mapping[str, Sequence[str]]
    label_sets: Mapping[str, frozenset[str] | None]

    @classmethod
    def of(
        cls,
        predictions: Iterable[str],
        references: Iterable[str],
        inputs: Iterable[str] | None,
        configs: Iterable[str] | None,
        mode: Mode,
        matching: Matching,
        form: Form | Iterable[Form],
        task_words: Mapping[str, Sequence[str]],
        label_sets: LabelSets | None,
        name: str = "predictions",
    ) -> Rows:
        """Check every argument. Raises ValueError with one line that says what is wrong, and where."""
        _choice("mode", mode, MODES)
        _choice("matching", matching, MATCHINGS)
        if mode == "paper" and matching != "set":
            raise ValueError("matching='multiset' needs mode='default': Algorithm 1 compares sets")
        given = {"references": references, name: predictions, "inputs": inputs, "configs": configs}
        columns = {key: _column(key, column) for key, column in given.items() if column is not None}
        forms: Form | list[Form]
        if isinstance(form, str):
            _choice("form", form, FORMS)
            forms = form
        else:
            forms = list(form)
            for number, one in enumerate(forms):
                _choice(f"form, row {number}", one, FORMS)
        size = len(columns["references"])
        for key, length in {**{key: len(column) for key, column in columns.items()}, "form": len(forms)}.items():
            if length != size and not (key == "form" and isinstance(forms, str)):
                raise ValueError(f"{key} has {length:,} rows, references has {size:,}")
        if not size:
            raise ValueError("there is nothing to score: references has 0 rows")
        for word, roles in task_words.items():
            if not word or "/" in word or LABEL not in roles:
                raise ValueError(f"task_words: {word!r} needs a {LABEL} among its roles, and no '/' in the word")
        if label_sets and configs is None:
            raise ValueError("label_sets needs configs: the sets are looked up by the config of each row")
        sets = {config: _label_set(config, labels) for config, labels in (label_sets or {}).items()}
        return cls(
            name,
            columns[name],
            columns["references"],
            columns.get("inputs"),
            columns.get("configs"),
            mode,
            matching,
            forms,
            task_words,
            sets,
        )

    def __iter__(self) -> Iterator[tuple[str, str, str | None, str, Form]]:
        """Prediction, reference, input, config and form, row by row, each checked to be a string."""
        return chain.from_iterable(self._block(start) for start in range(0, len(self.references), _BLOCK))

    def _block(self, start: int) -> Iterator[tuple[str, str, str | None, str, Form]]:
        # Checked where they are used: a pass of its own would fetch every string from memory twice.
        rows = slice(start, start + _BLOCK)
        inputs: Iterable[str | None] = repeat(None)
        configs: Iterable[str] = repeat("")
        if self.inputs is not None:
            inputs = _strings("inputs", self.inputs[rows], start)
        if self.configs is not None:
            configs = _strings("configs", self.configs[rows], start)
        forms: Iterable[Form] = repeat(self.forms) if isinstance(self.forms, str) else self.forms[rows]
        predictions = _strings(self.name, self.predictions[rows], start)
        return zip(predictions, _strings("references", self.references[rows], start), inputs, configs, forms)

    @property
    def nothing(self) -> float:
        """F1 where there are no pairs on either side: 1 by default; 0 / 0 in the paper's formula, read as 0."""
        return 0.0 if self.mode == "paper" else 1.0

    @property
    def protocol(self) -> str:
        """The rules in one line, to be quoted with the figures."""
        if self.mode == "paper":
            return "mode=paper matching=set"
        forms = self.forms if isinstance(self.forms, str) else "+".join(sorted(set(self.forms)))
        return f"mode=default matching={self.matching} form={forms}"

    def tally(self) -> Tally:
        """The pass over all rows."""
        return _tally_paper(self) if self.mode == "paper" else _tally_default(self)


def _choice(name: str, value: object, known: Sequence[str]) -> None:
    if value not in known:
        raise ValueError(f"{name} is {value!r}; it must be one of: {', '.join(known)}")


def _column(name: str, values: Iterable[str]) -> Sequence[str]:
    if isinstance(values, str):
        raise ValueError(f"{name} is one string; give a list with one string per row")
    return values if isinstance(values, (list, tuple)) else list(values)


def _strings(name: str, values: Sequence[str], start: int) -> Sequence[str]:
    if set(map(type, values)) != {str}:
        for number, value in enumerate(values, start):
            if not isinstance(value, str):
                raise ValueError(f"{name}, row {number}: {value!r} is no string but {type(value).__name__}")
    if max(map(len, values)) > MAX_LENGTH:
        number = start + next(at for at, value in enumerate(values) if len(value) > MAX_LENGTH)
        raise ValueError(f"{name}, row {number}: longer than {MAX_LENGTH:,} characters")
    return values


def _label_set(config: str, labels: Collection[str] | None) -> frozenset[str] | None:
    if isinstance(labels, str):
        raise ValueError(f"label_sets, config {config!r}: one string; give a collection of labels, or None if open")
    return None if labels is None else frozenset(labels)


def _check_bootstrap(size: int, confidence: float, name: str, least: int) -> None:
    if not isinstance(size, int) or size < least:
        raise ValueError(f"{name} is {size!r}; it must be a whole number of resamples, {least} or more")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence!r}; it must lie between 0 and 1")


# --------------------------------------------------------------------------------------------------------------- tally


@dataclass(slots=True)
class Labels:
    """How often each label was found on both sides, only in the gold, only in the prediction."""

    same: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    missed: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    spurious: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, other: Labels) -> None:
        """Add the counts of another table."""
        for mine, theirs in zip((self.same, self.missed, self.spurious), (other.same, other.missed, other.spurious)):
            for label, count in theirs.items():
                mine[label] += count

    def gold(self) -> list[str]:
        """The gold labels, sorted."""
        return sorted({*self.same, *self.missed})

    def by_label(self) -> dict[str, dict[str, float]]:
        """Precision, recall, F1 and counts of every label of either side."""
        table = {}
        for label in sorted({*self.same, *self.missed, *self.spurious}):
            hits = self.same.get(label, 0)
            gold, predicted = hits + self.missed.get(label, 0), hits + self.spurious.get(label, 0)
            table[label] = {
                "precision": hits / predicted if predicted else 0.0,
                "recall": hits / gold if gold else 0.0,
                "f1": 2 * hits / (gold + predicted),
                "gold": gold,
                "predicted": predicted,
            }
        return table

    def macro_f1(self, nothing: float) -> float:
        """Mean F1 of the gold labels; ``nothing`` if there is none."""
        table, labels = self.by_label(), self.gold()
        return sum(table[label]["f1"] for label in labels) / len(labels) if labels else nothing


@dataclass(slots=True)
class Tally:
    """What the pass over the rows counts."""

    multiset: bool = False
    outcomes: array[int] = field(default_factory=lambda: array("q"))
    text_labels: Labels = field(default_factory=Labels)
    pair_labels: dict[str, Labels] = field(default_factory=lambda: defaultdict(Labels))
    failures: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PARSE_FAILURES, 0))
    reference_failures: int = 0
    repeated_rows: int = 0
    ambiguous_rows: int = 0
    entities: int = 0
    hallucinated: int = 0

    def plain_row(self, gold: Split, predicted: Split | str, table: Labels, text: str | None) -> bool:
        """Count a row of plain pairs that are a set, as :meth:`row` would; False if they are not a set and must be one."""
        repeated = gold[2] or (not isinstance(predicted, str) and predicted[2])
        if repeated and self.multiset:
            return False
        if isinstance(predicted, str):
            self.failed_row((gold[0], _items(gold)), Failure(predicted, ""), 0, table, text)
            return True
        if predicted is not gold:
            self._unequal_row(gold, predicted, table, text)
            return True
        # Written out, not shared with the other rows: most rows of a good model come this way.
        self.text_labels.same[gold[0]] += 1
        if repeated:
            self.repeated_rows += 1
        same, pairs = table.same, gold[1]
        size = len(pairs)
        if text is None:
            for kind, _, _ in pairs.values():
                same[kind] += 1
        else:
            self.entities += size
            for kind, _, entity in pairs.values():
                same[kind] += 1
                if entity not in text:
                    self.hallucinated += 1
        self.outcomes.append(_RIGHT[size] if size < len(_RIGHT) else size * _AGREED + LABEL_RIGHT + ALL_RIGHT)
        return True

    def _unequal_row(self, gold: Split, predicted: Split, table: Labels, text: str | None) -> None:
        label, pairs, repeated = predicted
        gold_label, gold_pairs, _ = gold
        if repeated:
            self.repeated_rows += 1
        hits = 0
        for chunk, (kind, _, _) in pairs.items():
            if chunk in gold_pairs:
                hits += 1
                table.same[kind] += 1
            else:
                table.spurious[kind] += 1
        if hits != len(gold_pairs):
            for chunk, (kind, _, _) in gold_pairs.items():
                if chunk not in pairs:
                    table.missed[kind] += 1
        outcome = hits * HIT + len(gold_pairs) * GOLD + len(pairs) * PREDICTED
        if label == gold_label:
            self.text_labels.same[label] += 1
            outcome += LABEL_RIGHT + ALL_RIGHT if hits == len(gold_pairs) == len(pairs) else LABEL_RIGHT
        else:
            self.text_labels.missed[gold_label] += 1
            self.text_labels.spurious[label] += 1
        self.outcomes.append(outcome)
        if text is not None:
            self.entities += len(pairs)
            for _, _, entity in pairs.values():
                if entity not in text:
                    self.hallucinated += 1

    def row(self, gold: Reading, predicted: Reading, at_label: int, table: Labels, text: str | None) -> None:
        """Count a row of which both sides could be read."""
        (gold_label, gold_items), (label, items) = gold, predicted
        kept: Iterable[tuple[str, ...]]
        if items is gold_items or items == gold_items:
            kept, outcome = self._agree(gold_items, at_label, table)
        else:
            kept, outcome = self._differ(gold_items, items, at_label, table)
        if gold_label == label:
            self.text_labels.same[label] += 1
            equal = outcome == (outcome & GOLD - 1) * _AGREED
            outcome += LABEL_RIGHT + ALL_RIGHT if equal else LABEL_RIGHT
        else:
            self.text_labels.missed[gold_label] += 1
            self.text_labels.spurious[label] += 1
        self.outcomes.append(outcome)
        if text is not None:
            self._ground(kept, at_label, text)

    def failed_row(
        self, gold: Reading | Failure, predicted: Reading | Failure, at_label: int, table: Labels, text: str | None
    ) -> None:
        """Count a row of which a side could not be read: wrong, with nothing on that side."""
        gold_items: Items = ()
        items: Items = ()
        if isinstance(gold, Failure):
            self.reference_failures += 1
        else:
            self.text_labels.missed[gold[0]] += 1
            gold_items = gold[1]
        if isinstance(predicted, Failure):
            self.failures[predicted.kind] += 1
        else:
            self.text_labels.spurious[predicted[0]] += 1
            items = predicted[1]
        kept, outcome = self._differ(gold_items, items, at_label, table)
        self.outcomes.append(outcome + FAILED)
        if text is not None:
            self._ground(kept, at_label, text)

    def _agree(self, items: Items, at_label: int, table: Labels) -> tuple[Iterable[tuple[str, ...]], int]:
        """Count equal items of both sides; the items that count, and the outcome without the flags."""
        kept: Collection[tuple[str, ...]] = items
        if len(items) > 1:
            distinct = set(items)
            if len(distinct) != len(items):
                self.repeated_rows += 1
                kept = items if self.multiset else distinct
        same = table.same
        for item in kept:
            same[item[at_label]] += 1
        return kept, len(kept) * _AGREED

    def _differ(
        self, gold: Items, predicted: Items, at_label: int, table: Labels
    ) -> tuple[Iterable[tuple[str, ...]], int]:
        """Count items of two sides that may differ; the predicted ones that count, and the outcome without flags."""
        left: Any = set(gold)
        right: Any = set(predicted)
        kept: Collection[tuple[str, ...]] = right
        repeats = len(right) != len(predicted)
        self.repeated_rows += repeats
        sizes = len(left), len(right)
        if self.multiset and (repeats or len(left) != len(gold)):
            left, right, kept, sizes = Counter(gold), Counter(predicted), predicted, (len(gold), len(predicted))
        hits = 0
        for items, counts in ((left & right, table.same), (left - right, table.missed), (right - left, table.spurious)):
            for item in items.elements() if isinstance(items, Counter) else items:
                counts[item[at_label]] += 1
                hits += counts is table.same
        return kept, hits * HIT + sizes[0] * GOLD + sizes[1] * PREDICTED

    def _ground(self, items: Iterable[tuple[str, ...]], at_label: int, text: str) -> None:
        """Count the entities of the items, and those that are not in the text."""
        for item in items:
            for at, entity in enumerate(item):
                if at != at_label and entity:
                    self.entities += 1
                    self.hallucinated += entity not in text


def _tally_default(rows: Rows) -> Tally:
    tally, words = Tally(multiset=rows.matching == "multiset"), rows.task_words
    marks = {word: f"/{word}/" for word in words if tuple(words[word]) == PAIR}
    suffixes = {mark: mark[:-1] for mark in marks.values()}
    config, table, labels = None, Labels(), None
    for prediction, reference, text, name, form in rows:
        if name != config:
            config, table, labels = name, tally.pair_labels[name], rows.label_sets.get(name)
        bare, equal = form == "published", prediction == reference
        if bare or ("\\" not in reference and (equal or "\\" not in prediction)):
            parts = reference.split("/", 2)  # almost always label, task word, pairs
            mark = marks.get(parts[1]) if len(parts) == 3 else None
            if mark is None and (word := find_word(reference, words, form)) in marks:
                mark = marks[word]
                parts = list(reference.partition(mark))
            gold = _split(parts[0], parts[2]) if mark else NO_TASK_WORD
            if mark and not isinstance(gold, str):
                inside = text
                if text is not None and text.endswith(suffix := suffixes[mark]):
                    inside = text[: -len(suffix)]
                predicted: Split | str = gold
                if not equal:
                    label, found, rest = prediction.partition(mark)
                    predicted = _split(label, rest) if found else NO_TASK_WORD
                plain = not bare or (_only_reading(gold, labels, inside) and _only_reading(predicted, labels, inside))
                if plain and tally.plain_row(gold, predicted, table, inside):
                    continue
        _slow_row(tally, rows, table, prediction, reference, text, labels, form)
    return tally


def _split(label: str, rest: str) -> Split | str:
    """``parse`` for label-entity pairs without escapes, or the kind of its failure."""
    if not label:
        return EMPTY_LABEL
    pairs: dict[str, tuple[str, str, str]] = {}
    if not rest:
        return label, pairs, False
    chunks = rest.split(":")
    if chunks[0]:
        return BROKEN_PAIR
    del chunks[0]
    for chunk in chunks:
        pairs[chunk] = pair = chunk.partition(";")
        kind, _, entity = pair
        if not kind or not entity or ";" in entity:
            return EMPTY_FIELD if chunk.count(";") == 1 else BROKEN_PAIR
    return label, pairs, len(pairs) != len(chunks)


def _items(reading: Split) -> Items:
    return [(label, entity) for label, _, entity in reading[1].values()]


def _only_reading(reading: Split | str, labels: Collection[str] | None, text: str | None) -> bool:
    """Whether the plain split of a published row is good and no ``:`` could be read otherwise (``split_published``)."""
    if isinstance(reading, str):
        return reading in (NO_TASK_WORD, EMPTY_LABEL)
    if text is None:
        return labels is None
    if ":" in text or (labels is not None and any(":" in label for label in labels)):
        return False
    return all(entity in text and (labels is None or label in labels) for label, entity in _items(reading))


def _slow_row(
    tally: Tally,
    rows: Rows,
    table: Labels,
    prediction: str,
    reference: str,
    text: str | None,
    labels: Collection[str] | None,
    form: Form,
) -> None:
    word, text, gold, predicted = _read(prediction, reference, text, labels, form, rows.task_words)
    tally.ambiguous_rows += any(not isinstance(side, Failure) and side.ambiguous for side in (gold, predicted))
    at_label = list(shape(word, rows.task_words)).index(LABEL)
    left = gold if isinstance(gold, Failure) else (gold.label, gold.items)
    right = predicted if isinstance(predicted, Failure) else (predicted.label, predicted.items)
    if isinstance(left, Failure) or isinstance(right, Failure):
        tally.failed_row(left, right, at_label, table, text)
    else:
        tally.row(left, right, at_label, table, text)


def _read(
    prediction: str,
    reference: str,
    text: str | None,
    labels: Collection[str] | None,
    form: Form,
    words: Mapping[str, Sequence[str]],
) -> tuple[str, str | None, Parsed | Failure, Parsed | Failure]:
    """Any row by the grammar: its task word, its text without the ``/NER`` of an input, gold and prediction."""
    first = find_word(reference, words, form) or find_word(prediction, words, form)
    if first is None:
        missing = Failure(NO_TASK_WORD, "neither side holds a task word")
        return next(iter(words)), text, missing, missing

    def sides(word: str) -> tuple[str, str | None, Parsed | Failure, Parsed | Failure]:
        bare = text.removesuffix(f"/{word}") if text is not None else None
        gold = parse(reference, word, form=form, task_words=words, labels=labels, text=bare)
        if prediction == reference:
            return word, bare, gold, gold
        return word, bare, gold, parse(prediction, word, form=form, task_words=words, labels=labels, text=bare)

    result = sides(first)
    if isinstance(result[2], Failure):
        # The label may hold another row's task word: then the first word that makes sense of the row is its own.
        for word in sorted(
            (w for w in words if w != first and f"/{w}/" in reference), key=lambda w: reference.find(f"/{w}/")
        ):
            other = sides(word)
            if not isinstance(other[2], Failure):
                return other
    return result


def _tally_paper(rows: Rows) -> Tally:
    """Algorithm 1 on both sides; a side without the word is wrong even against an empty one, so that is asked first."""
    tally, table, words = Tally(), Labels(), rows.task_words
    unread = Failure(NO_TASK_WORD, "Algorithm 1 finds no task word")
    for prediction, reference, _, _, _ in rows:
        word = find_word(reference, words, "published")
        mark, is_tcree = f"/{word}/", word is not None and is_tuple(shape(word, words))
        gold = unread if word is None else parse_output(reference, mark, is_tcree)
        predicted = unread if word is None or mark not in prediction else parse_output(prediction, mark, is_tcree)
        if isinstance(gold, Failure) or isinstance(predicted, Failure):
            tally.failed_row(gold, predicted, 0, table, None)
        else:
            tally.row(gold, predicted, 0, table, None)
    return tally


# ------------------------------------------------------------------------------------------------------------- figures


def _summary(rows: Rows, tally: Tally, outcomes: Counter[int]) -> dict[str, Any]:
    every = _figures(outcomes, rows.nothing)
    result: dict[str, Any] = {
        **{key: every[key] for key in ("tl", "wl", "all", "wl_micro_precision", "wl_micro_recall", "wl_mean_row_f1")},
        "tl_macro_f1": tally.text_labels.macro_f1(0.0),
    }
    counts = {key: value for key, value in every.items() if key not in result}
    if rows.mode == "default":
        labels = Labels()
        for table in tally.pair_labels.values():
            labels.add(table)
        nothing = rows.nothing if not tally.reference_failures + sum(tally.failures.values()) else 0.0
        result["wl_macro_f1"] = labels.macro_f1(0.0 if counts["pairs_predicted"] else nothing)
        result["wl_by_label"] = labels.by_label()
    result |= counts
    result |= {
        "parse_failure_rate": sum(tally.failures.values()) / result["rows"],
        "parse_failures": tally.failures,
        "reference_failures": tally.reference_failures,
        "repeated_pair_rows": tally.repeated_rows,
    }
    if "published" in rows.protocol:
        result["ambiguous_rows"] = tally.ambiguous_rows
    if rows.inputs is not None and rows.mode == "default":
        result["hallucinated_entity_rate"] = tally.hallucinated / tally.entities if tally.entities else 0.0
        result["hallucinated_entities"], result["predicted_entities"] = tally.hallucinated, tally.entities
    if rows.configs is not None:
        result |= _by_config(rows, rows.configs, tally)
        if rows.mode == "default":
            result |= _unknown_labels(rows, tally)
    return result | {"protocol": rows.protocol}


def _arrays(outcomes: Mapping[int, int]) -> tuple[Ints, Ints]:
    """Distinct outcomes in order, and rows with each: the bootstrap must not depend on the order of the rows."""
    keys = sorted(outcomes)
    return np.array(keys, dtype=np.int64), np.array([outcomes[key] for key in keys], dtype=np.int64)


def _figures(outcomes: Mapping[int, int], nothing: float) -> dict[str, Any]:
    """Figures and counts of rows by outcome."""
    keys, weights = _arrays(outcomes)
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
    table = {config: _figures(by_config[config], rows.nothing) for config in sorted(by_config)}
    means = {
        f"{name}_mean_over_configs": sum(figures[name] for figures in table.values()) / len(table)
        for name in ("tl", "wl", "all")
    }
    return {**means, "by_config": table}


def _unknown_labels(rows: Rows, tally: Tally) -> dict[str, Any]:
    """Predicted pairs whose label is not in the label set of their config; nothing where every config is open."""
    used, unknown, predicted = {}, 0, 0
    for config, table in sorted(tally.pair_labels.items()):
        given = rows.label_sets.get(config, frozenset(table.gold()))
        used[config] = "open" if given is None else "given" if config in rows.label_sets else "references"
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


# ------------------------------------------------------------------------------------------------------------ extended

Keys = list[tuple[Any, ...]]


def extended_figures(rows: Rows) -> dict[str, float]:
    """Looser and stricter micro F1 beside ``wl``, each by the matching rule of the rows.

    - ``span_micro_f1``: labels are ignored, only the entities (of a relation or event: its arguments) count.
    - ``wl_normalised_label_micro_f1``: labels are compared after NFKC, case folding and stripping, entities exactly;
      ``tl_normalised`` is ``tl`` likewise.
    - With inputs, ``wl_offset_micro_f1``: label and offsets in the text, by the rule of ``locate.py`` on both sides.
      What has no offsets (not in the text, listed more often than it occurs; relations and events) is compared as
      strings.
    - With inputs, ``wl_partial_micro_f1``: a predicted and a gold entity match if their label is the same and they
      overlap in the text. Matches are one to one, chosen greedily: the most common characters first, then the leftmost
      gold and the leftmost predicted entity. What has no offsets is compared as strings.
    """
    multiset = rows.matching == "multiset"
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    labels_right = failed = 0

    def count(name: str, hits: int, pairs: int) -> None:
        sums[name][0] += hits
        sums[name][1] += pairs

    for prediction, reference, text, config, form in rows:
        labels = rows.label_sets.get(config)
        word, text, *sides = _read(prediction, reference, text, labels, form, rows.task_words)
        roles = shape(word, rows.task_words)
        gold, predicted = (() if isinstance(side, Failure) else side.items for side in sides)
        read = [_normal(side.label) for side in sides if not isinstance(side, Failure)]
        failed += len(read) < 2
        labels_right += len(read) == 2 and read[0] == read[1]
        for name, key in (("span_micro_f1", _span_key), ("wl_normalised_label_micro_f1", _normal_key)):
            left, right = ([key(item, roles) for item in items] for items in (gold, predicted))
            count(name, *_match(left, right, multiset))
        if text is not None:
            left, right = (_place(items, roles, text, multiset) for items in (gold, predicted))
            count("wl_offset_micro_f1", *_match(left, right, multiset))
            count("wl_partial_micro_f1", _overlaps(left, right), len(left) + len(right))
    nothing = 0.0 if failed else rows.nothing
    return {
        "tl_normalised": labels_right / len(rows.references),
        **{name: 2 * hits / pairs if pairs else nothing for name, (hits, pairs) in sums.items()},
    }


def _normal(label: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", label).casefold()).strip()


def _span_key(item: tuple[str, ...], roles: Sequence[str]) -> tuple[str, ...]:
    return tuple(piece for piece, role in zip(item, roles) if role != LABEL)


def _normal_key(item: tuple[str, ...], roles: Sequence[str]) -> tuple[str, ...]:
    return tuple(_normal(piece) if role == LABEL else piece for piece, role in zip(item, roles))


def _match(gold: Sequence[Any], predicted: Sequence[Any], multiset: bool) -> tuple[int, int]:
    """Hits, and pairs of both sides together."""
    if multiset:
        return (Counter(gold) & Counter(predicted)).total(), len(gold) + len(predicted)
    return len({*gold} & {*predicted}), len({*gold}) + len({*predicted})


def _place(items: Items, roles: Sequence[str], text: str, multiset: bool) -> Keys:
    """``(label, start, end)`` of every item; the item itself where it has no offsets, once if items are a set."""
    if tuple(roles) != PAIR:
        return list(items) if multiset else list(dict.fromkeys(items))
    located = locate(text, [(label, entity) for label, entity in items])
    keys: Keys = [(item[0], *place) if place else item for item, place in zip(items, located)]
    return keys if multiset else list(dict.fromkeys(keys))


def _overlaps(gold: Keys, predicted: Keys) -> int:
    """Size of the greedy one-to-one matching by overlap."""
    equal = Counter(gold) & Counter(predicted)
    hits = sum(count for key, count in equal.items() if not _has_offsets(key))
    left, right = ([key for key in keys if _has_offsets(key)] for keys in (gold, predicted))
    options = sorted(
        (max(g[1], p[1]) - min(g[2], p[2]), g[1], p[1], i, j)
        for i, g in enumerate(left)
        for j, p in enumerate(right)
        if g[0] == p[0] and g[1] < p[2] and p[1] < g[2]
    )
    taken_left: set[int] = set()
    taken_right: set[int] = set()
    for *_, i, j in options:
        if i not in taken_left and j not in taken_right:
            taken_left.add(i)
            taken_right.add(j)
    return hits + len(taken_left)


def _has_offsets(key: tuple[Any, ...]) -> bool:
    return isinstance(key[-1], int)
