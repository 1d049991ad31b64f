"""The pass over the rows: both strings of each are taken apart and counted.

Rows of label-entity pairs that need no rule of the grammar (no escape; in published form no second reading) are split on
the spot, which is most of them and most of the speed. All others go through ``unified.parse``. Both ways give the same
figures, which a property test holds them to. Mode ``paper`` has its own way.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from .paper import parse_output
from .rows import Row, Rows, Rules
from .tally import Items, Labels, Side, Tally, numbered
from .unified import (
    BROKEN_PAIR,
    EMPTY_FIELD,
    EMPTY_LABEL,
    LABEL,
    MAX_LENGTH,
    NO_TASK_WORD,
    OVERLONG,
    PAIR,
    Failure,
    Parsed,
    find_word,
    input_word,
    is_span,
    is_tuple,
    parse,
    shape,
)


def count(rows: Rows) -> Tally:
    """Read and count every row."""
    return _count_paper(rows) if rows.rules.mode == "paper" else _count_default(rows)


def _count_default(rows: Rows) -> Tally:
    tally, rules = Tally(), rows.rules
    words, multiset = rules.task_words, rules.multiset
    marks = {word: f"/{word}/" for word, roles in words.items() if tuple(roles) == PAIR}
    config, table, labels = None, Labels(), None
    for prediction, reference, text, name, form in rows:
        if name != config:
            config, table, labels = name, tally.pair_labels[name], rules.label_sets.get(name)
        published, equal = form == "published", prediction == reference
        if len(prediction) <= MAX_LENGTH and (
            published or ("\\" not in reference and (equal or "\\" not in prediction))
        ):
            parts = reference.split("/", 2)  # almost always label, task word, pairs
            mark = marks.get(parts[1]) if len(parts) == 3 else None
            if mark is None and (word := find_word(reference, words, form)) is not None:
                mark = marks.get(word)
            if mark is not None:
                gold = _split(reference, mark, multiset)
                predicted = gold if equal else _split(prediction, mark, multiset)
                inside = text and text.removesuffix(mark[:-1])
                if not published or (
                    (text is None or input_word(text, words) in (None, mark[1:-1]))
                    and _only_reading(gold, labels, inside)
                    and _only_reading(predicted, labels, inside)
                ):
                    tally.row(gold, predicted, table, inside)
                    continue
        _count_by_grammar(tally, table, Row(prediction, reference, text, labels, form), rules)
    return tally


def _split(output: str, mark: str, multiset: bool) -> Side | str:
    """``unified.parse`` for label-entity pairs without escapes: a side of the row, or the kind of the failure."""
    label, found, rest = output.partition(mark)
    if not found:
        return NO_TASK_WORD
    if not label:
        return EMPTY_LABEL
    pairs: Items = {}
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
    repeated = len(pairs) != len(chunks)
    return label, numbered(chunks, pairs) if repeated and multiset else pairs, repeated


def _only_reading(side: Side | str, labels: Collection[str] | None, text: str | None) -> bool:
    """Whether the plain split of a published row is good and no ``:`` could be read otherwise (``split_published``)."""
    if isinstance(side, str):
        return side in (NO_TASK_WORD, EMPTY_LABEL)
    if any(label.isspace() or entity.isspace() for label, _, entity in side[1].values()):
        return False
    if text is None:
        return labels is None
    if ":" in text or (labels is not None and any(":" in label for label in labels)):
        return False
    return all(entity in text and (labels is None or label in labels) for label, _, entity in side[1].values())


class Reading(NamedTuple):
    """A row by the grammar: the roles of its items, its text without the ``/NER`` of an input, and both sides."""

    roles: Sequence[str]
    text: str | None
    gold: Parsed | Failure
    predicted: Parsed | Failure


def read(row: Row, words: Mapping[str, Sequence[str]]) -> Reading:
    """Any row, by the grammar. Its task word is that of the reference; if that has none, of the prediction."""
    word = find_word(row.reference, words, row.form, row.text) or find_word(row.prediction, words, row.form, row.text)
    if word is None:
        missing = Failure(NO_TASK_WORD, "neither side holds a task word")
        return Reading(PAIR, row.text, missing, missing)
    text = row.text and row.text.removesuffix(f"/{word}")

    def side(output: str) -> Parsed | Failure:
        return parse(output, word, form=row.form, task_words=words, labels=row.labels, text=text)

    gold = side(row.reference)
    return Reading(words[word], text, gold, gold if row.prediction == row.reference else side(row.prediction))


def _count_by_grammar(tally: Tally, table: Labels, row: Row, rules: Rules) -> None:
    roles, text, gold, predicted = read(row, rules.task_words)
    at_label = list(roles).index(LABEL)
    left = _side(gold, at_label, rules.multiset)
    tally.row(left, left if predicted is gold else _side(predicted, at_label, rules.multiset), table, None)
    tally.ambiguous_rows += any(isinstance(side, Parsed) and side.ambiguous for side in (gold, predicted))
    if text is not None and isinstance(predicted, Parsed):
        items = predicted.items if rules.multiset else set(predicted.items)
        tally.ground((field for item in items for field, role in zip(item, roles) if field and is_span(role)), text)


def _side(read: Parsed | Failure, at_label: int, multiset: bool) -> Side | str:
    if isinstance(read, Failure):
        return read.kind
    items: Items = {item: (item[at_label], "", "") for item in read.items}
    repeated = len(items) != len(read.items)
    return read.label, numbered(read.items, items) if repeated and multiset else items, repeated


def _count_paper(rows: Rows) -> Tally:
    """Algorithm 1 on both sides; a side without the word is wrong even against an empty one, so that is asked first."""
    tally, table, words = Tally(), Labels(), rows.rules.task_words
    for prediction, reference, text, _, _ in rows:
        word = find_word(reference, words, "published", text)
        gold = NO_TASK_WORD if word is None else _algorithm_1(reference, word, words)
        predicted = NO_TASK_WORD if word is None else _algorithm_1(prediction, word, words)
        tally.row(gold, predicted, table, None)
    return tally


def _algorithm_1(output: str, word: str, words: Mapping[str, Sequence[str]]) -> Side | str:
    mark = f"/{word}/"
    if len(output) > MAX_LENGTH:
        return OVERLONG
    if mark not in output:
        return NO_TASK_WORD
    label, pairs = parse_output(output, mark, is_tuple(shape(word, words)))
    return label, {pair: (pair[0], "", "") for pair in pairs}, False
