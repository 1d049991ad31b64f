"""The pass over the rows: both strings of each are taken apart and counted.

Rows of label-entity pairs that need no rule of the grammar (no escape; in published form no second reading) are split on
the spot, which is most of them and most of the speed. All others go through ``tolerant.read_output``. Both ways give the same
figures, which a property test holds them to. Mode ``paper`` has its own way.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Hashable, Mapping, Sequence
from itertools import repeat
from typing import Any, Final, NamedTuple

from .paper import parse_output
from .rows import Place, Places, Row, Rows, Rules
from .tally import WHOLE, Broken, Items, Labels, Side, Tally, numbered
from .tolerant import Output, read_output
from .unified import (
    BROKEN_PAIR,
    EMPTY_FIELD,
    EMPTY_LABEL,
    EMPTY_PIECE,
    LABEL,
    MAX_LENGTH,
    NO_TASK_WORD,
    OVERLONG,
    PAIR,
    Failure,
    find_word,
    input_word,
    is_span,
    is_tuple,
    shape,
)

_BLANK_AT_AN_END: Final = re.compile(r"^\s|\s(?=[:;]|\Z)|[:;]\s")


def count(rows: Rows, tally: Tally | None = None) -> Tally:
    """Read and count every row, into a tally of another kind if one is given."""
    return _count_paper(rows) if rows.rules.mode == "paper" else _count_default(rows, tally or Tally())


def _count_default(rows: Rows, tally: Tally) -> Tally:
    rules = rows.rules
    if rows.offsets is not None:
        for name, row in zip(rows.configs or repeat(""), rows.rows()):
            _count_by_grammar(tally, tally.pair_labels[name], row, rules)
        return tally
    words, multiset, strict = rules.task_words, rules.multiset, rules.strict
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
                    and (equal or _only_reading(predicted, labels, inside))
                ):
                    if gold[3]:
                        gold = _strictly(gold)
                    tally.row(gold, _strictly(predicted) if strict else predicted, table, inside)
                    continue
        _count_by_grammar(tally, table, Row(prediction, reference, text, labels, form), rules)
    return tally


def _split(output: str, mark: str, multiset: bool) -> Side | str:
    """``tolerant.read_output`` for label-entity pairs without escapes: a side of the row, or the kind of the failure."""
    label, found, rest = output.partition(mark)
    if not found:
        return NO_TASK_WORD
    stripped = False
    if " " in rest or label != label.strip() or not rest.isprintable():  # every blank but one is not printable
        label, rest, stripped = _strip(label, rest)
    pairs: Items = {}
    broken: dict[str, str] = {}
    every: list[str] = []
    chunks = rest.split(":")
    first = chunks.pop(0)
    empty = 0
    for chunk in chunks:
        pairs[chunk] = pair = chunk.partition(";")
        kind, _, entity = pair
        if not kind or not entity or ";" in entity:
            if not chunk:
                empty += 1
                del pairs[chunk]
                continue
            broken[chunk] = EMPTY_FIELD if chunk.count(";") == 1 else BROKEN_PAIR
            every.append(broken[chunk])
            del pairs[chunk]
    repeated = len(pairs) + len(every) + empty != len(chunks)
    if repeated and multiset:
        pairs = numbered([chunk for chunk in chunks if chunk in pairs] if broken or empty else chunks, pairs)
    if not (every or first or empty) and label:
        return label, pairs, repeated, WHOLE, stripped
    kinds = {} if label else {EMPTY_LABEL: 1}
    if first and (multiset or broken.get(first) != BROKEN_PAIR):
        kinds[BROKEN_PAIR] = 1
    for kind in every if multiset else broken.values():
        kinds[kind] = kinds.get(kind, 0) + 1
    if empty:
        kinds[EMPTY_PIECE] = empty
    return label or None, pairs, repeated, kinds, stripped


def _strip(label: str, rest: str) -> tuple[str, str, bool]:
    """Label and pairs without the blanks around label and fields; a field of nothing else stays, a piece of it does not."""
    bare = label.strip() or label
    if not _BLANK_AT_AN_END.search(rest):
        return bare, rest, bare != label
    chunks = [";".join([field.strip() or field for field in chunk.split(";")]) for chunk in rest.split(":")]
    clean = ":".join(["" if chunk.isspace() else chunk for chunk in chunks])
    return bare, clean, clean != rest or bare != label


def _strictly(side: Side | str) -> Side | str:
    """The side, or the kind of its first failure if it is broken."""
    kind = next(iter(side[3]), None) if not isinstance(side, str) else None
    return (BROKEN_PAIR if kind == EMPTY_PIECE else kind) or side


def _only_reading(side: Side | str, labels: Collection[str] | None, text: str | None) -> bool:
    """Whether the plain split of a published row is good and no ``:`` could be read otherwise (``split_published``)."""
    if isinstance(side, str):
        return side == NO_TASK_WORD
    if side[3] or side[4]:
        return False
    for label, _, entity in side[1].values():
        if label.isspace() or entity.isspace():
            return False
    if labels is None:  # complete pairs are never put together but for a `:` in the text
        return text is None or ":" not in text
    if text is None or ":" in text or any(":" in label for label in labels):
        return False
    return all(entity in text and label in labels for label, _, entity in side[1].values())


class Reading(NamedTuple):
    """A row by the grammar: the roles of its items, its text without the ``/NER`` of an input, and both sides.

    A gold of which anything is broken is a failure. The places of the items are those that the row states; both are None
    unless both sides state all of theirs.
    """

    roles: Sequence[str]
    text: str | None
    gold: Output | Failure
    predicted: Output | Failure
    gold_places: Places | None = None
    predicted_places: Places | None = None


def read(row: Row, words: Mapping[str, Sequence[str]], strict: bool = False) -> Reading:
    """Any row, by the grammar. Its task word is that of the reference; if that has none, of the prediction."""
    word = find_word(row.reference, words, row.form, row.text) or find_word(row.prediction, words, row.form, row.text)
    if word is None:
        missing = Failure(NO_TASK_WORD, "neither side holds a task word")
        return Reading(PAIR, row.text, missing, missing)
    text = row.text and row.text.removesuffix(f"/{word}")
    given: dict[str, Any] = {"form": row.form, "task_words": words, "labels": row.labels, "text": text}
    gold = read_output(row.reference, word, strict=True, **given)
    if row.prediction == row.reference and isinstance(gold, Output):
        predicted: Output | Failure = gold
    else:
        known = frozenset(gold.items) if isinstance(gold, Output) else ()
        predicted = read_output(row.prediction, word, strict=strict, known=known, **given)
    places = (
        _places("references", gold, row.gold_places, row),
        _places("predictions", predicted, row.predicted_places, row),
    )
    if None in places:
        return Reading(words[word], text, gold, predicted)
    if tuple(words[word]) != PAIR:
        raise ValueError(f"offsets, row {row.number}: only label-entity pairs have them, not the items of {word!r}")
    return Reading(words[word], text, gold, predicted, *places)


def _places(name: str, side: Output | Failure, places: Places | None, row: Row) -> list[Place] | None:
    """The places of a side's items; None if one is not stated."""
    if places is None:
        return None
    items = side.items if isinstance(side, Output) else ()
    if isinstance(side, Output) and len(items) != len(places):
        raise ValueError(f"offsets of {name}, row {row.number}: {len(places)} for {len(items)} pairs")
    stated = [(place[0], place[1]) for place in places if place is not None]
    return stated if len(stated) == len(places) else None


def _count_by_grammar(tally: Tally, table: Labels, row: Row, rules: Rules) -> None:
    roles, text, gold, predicted, gold_places, predicted_places = read(row, rules.task_words, rules.strict)
    at_label = list(roles).index(LABEL)
    left = _side(gold, at_label, rules.multiset, gold_places)
    same = predicted is gold and gold_places == predicted_places
    tally.row(left, left if same else _side(predicted, at_label, rules.multiset, predicted_places), table, None)
    tally.ambiguous_rows += any(isinstance(side, Output) and side.ambiguous for side in (gold, predicted))
    if text is not None and isinstance(predicted, Output):
        items = predicted.items if rules.multiset else set(predicted.items)
        tally.ground([field for item in items for field, role in zip(item, roles) if field and is_span(role)], text)


def _side(read: Output | Failure, at_label: int, multiset: bool, places: Places | None) -> Side | str:
    if isinstance(read, Failure):
        return read.kind
    keys: Sequence[Hashable] = read.items if places is None else list(zip(read.items, places))
    items: Items = {key: (item[at_label], "", "") for key, item in zip(keys, read.items)}
    repeated = len(items) != len(keys)
    broken: Counter[str] | Broken = WHOLE
    if read.broken or read.empty or read.label is None:
        broken = +Counter({EMPTY_LABEL: read.label is None, EMPTY_PIECE: read.empty})
        broken.update(kind for _, kind in (read.broken if multiset else dict.fromkeys(read.broken)))
    return read.label, numbered(keys, items) if repeated and multiset else items, repeated, broken, read.stripped


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
    return label, {pair: (pair[0], "", "") for pair in pairs}, False, WHOLE, False
