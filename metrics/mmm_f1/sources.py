"""From tables of rows to what the scorer takes: strings, the offsets that the rows state, texts, configs and forms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .answers import Answer, Offsets, has_answers, read_answers
from .errors import UserError
from .tables import Table, is_rows, join, table_of
from .unified import FORMS, PAIR, TASK_WORDS, Failure, Form, find_word, input_word, parse, render, shape

OUTPUTS: Final = ("output", "prediction")
INPUTS: Final = ("text", "input")
DEFAULT_WORD: Final = "NER"
OFFSETS: Final = {"predictions": "prediction_offsets", "predictions_a": "offsets_a", "predictions_b": "offsets_b"}
"""Argument of the scorer for predictions, to that for their offsets."""

NO_LABEL: Final = "_"
"""Stands for the text-level label of rows that have none."""


@dataclass
class Given:
    """What the gold table settles.

    Attributes:
        table: the gold rows.
        column: the column of its strings; None if its rows are answers.
        forms, texts, configs: one entry per row, None where the table does not say it.
        task_words: the known task words, and those of the table's own ``task_word`` column.
        tag_names: names of tags that are numbers, in their order.
        spans: the entities of a row count, whether it has a string or not.
    """

    table: Table
    column: str | None
    forms: list[Form]
    texts: list[str] | None
    configs: list[str] | None
    task_words: dict[str, Sequence[str]]
    tag_names: Sequence[str] | None = None
    spans: bool = False


def read_gold(
    gold: Table,
    form: Form | None = None,
    column: str | None = None,
    tag_names: Sequence[str] | None = None,
    spans: bool = False,
) -> Given:
    """What a gold table says.

    Args:
        gold: the table.
        form: of its strings, in place of its column ``form``.
        column: of its strings, in place of ``output`` or ``prediction``.
        tag_names: names of tags that are numbers.
        spans: take the entities of a row, whether it has a string or not.
    """
    forms: list[Any] = (
        gold.column("form") if form is None and gold.has("form") else [form or "escaped"] * len(gold.rows)
    )
    for at, one in enumerate(forms):
        if one not in FORMS:
            raise gold.error(at, f"column 'form' holds {one!r}; it must be one of: {', '.join(FORMS)}")
    texts = next((gold.column(name) for name in INPUTS if gold.has(name, blank=True)), None)
    configs = None
    if gold.has("config"):
        configs = gold.column("config")
    elif gold.has("language") and gold.has("task"):
        configs = [f"{a}_{b}" for a, b in zip(gold.column("language"), gold.column("task"))]
    found = _output_column(gold, column, spans)
    return Given(gold, found, forms, texts, configs, _task_words(gold), tag_names, spans)


def _task_words(gold: Table) -> dict[str, Sequence[str]]:
    own = gold.column("task_word") if gold.has("task_word") else []
    for at, word in enumerate(own):
        if "/" in word:
            raise gold.error(at, f"column 'task_word' holds {word!r}; a task word has no '/'")
    return {**TASK_WORDS, **{word: PAIR for word in own if word not in TASK_WORDS}}


def _output_column(table: Table, column: str | None, spans: bool) -> str | None:
    """The column of the unified strings; None if the rows are answers, which they must be with ``spans``."""
    if column is not None:
        if not table.has_any(column):
            raise UserError(f"{table.path}: no column {column!r}; there are: {', '.join(map(str, table.rows[0]))}")
        return column
    if not spans and (found := next(filter(table.has_any, OUTPUTS), None)):
        return found
    if not has_answers(table):
        raise UserError(
            f"{table.path}: no column 'output' or 'prediction', and no 'label' with 'entities'; "
            f"there are: {', '.join(map(str, table.rows[0]))}; or name yours with --output-column"
        )
    return None


# ------------------------------------------------------------------------------------------------------------- columns


def from_rows(
    predictions: Sequence[Any], references: Sequence[Any], forms: Any, name: str, text_labels: bool | None
) -> dict[str, Any]:
    """The arguments of the scorer from rows that are in memory, of which one side may be strings; see :func:`columns`."""
    gold, predicted = (
        table_of(key, rows if is_rows(rows) else [{"output": one} for one in rows])
        for key, rows in (("references", references), (name, predictions))
    )
    predicted = join(gold, predicted)
    form: Any = None if forms == "escaped" or not isinstance(forms, str) else forms
    given = read_gold(gold, form)
    if not isinstance(forms, str):
        given.forms = [*forms]
    return columns(given, {name: predicted}, None, text_labels)


def columns(
    given: Given, tables: Mapping[str, Table], column: str | None = None, text_labels: bool | None = None
) -> dict[str, Any]:
    """The arguments of the scorer, all columns in the order of the gold rows.

    Args:
        given: the gold side.
        tables: name of an argument to the predictions that it gets, their rows in the order of the gold rows.
        column: of the predicted strings, in place of ``output`` or ``prediction``.
        text_labels: whether text-level labels are scored; None: if there are any.

    Returns:
        The argument of every table, and those of the gold side; ``offsets`` of a side are given if a row states some.
    """
    found = {name: _output_column(table, column, given.spans) for name, table in tables.items()}
    answers = None
    if given.column is None or (None in found.values() and given.table.has_any("entities")):
        answers = read_answers(given.table, given.texts, given.tag_names)
    texts: Sequence[str | None] | None = given.texts
    if texts is None and answers is not None:
        texts = [answer.text for answer in answers]
    sides: dict[str, list[str] | list[Answer]] = {
        name: table.column(strings) if (strings := found[name]) else read_answers(table, texts, given.tag_names)
        for name, table in tables.items()
    }
    gold: list[str] | list[Answer] = given.table.column(given.column) if given.column else answers or []
    words = _words(given, gold)
    labeled = _are_labeled(given.table, gold, text_labels, is_gold=True)
    if text_labels and not labeled:
        raise UserError(f"{given.table.path}: no text-level labels")
    for name, table in tables.items():
        if text_labels is not False and labeled != _are_labeled(table, sides[name], None):
            without, other = (table, given.table) if labeled else (given.table, table)
            raise UserError(
                f"{without.path}: no text-level labels, which {other.path} has: score the entities alone with --no-text-labels"
            )
        _same_texts(given.table, texts, table, sides[name])
    out: dict[str, Any] = {"form": given.forms, "task_words": given.task_words, "text_labels": labeled}
    out["references"] = _strings(given.table, gold, words, given, labeled)
    out["reference_offsets"] = _offsets(given.table, answers or ())
    for name, table in tables.items():
        out[name] = _strings(table, sides[name], words, given, labeled)
        out[OFFSETS[name]] = _offsets(table, [one for one in sides[name] if isinstance(one, Answer)])
    inputs = texts if texts is not None and None not in texts else None
    return out | {"inputs": inputs, "configs": given.configs}


def _words(given: Given, gold: Sequence[str | Answer]) -> list[str | None]:
    """The task word of each row."""
    found: list[str | None] = []
    for row, one in zip(given.table.rows, gold):
        if isinstance(one, str):
            found.append(find_word(one, given.task_words))
        else:
            line = row.get("input")
            word = row.get("task_word") or (isinstance(line, str) and input_word(line)) or DEFAULT_WORD
            found.append(word if isinstance(word, str) else None)
    return found


def _are_labeled(table: Table, side: Sequence[str | Answer], wanted: bool | None, *, is_gold: bool = False) -> bool:
    """Whether a side has text-level labels; a gold row without one among rows with one is a mistake, a prediction wrong."""
    if wanted is False:
        return False
    filled = [isinstance(one, str) or one.label is not None for one in side]
    if is_gold and any(filled) and not all(filled):
        raise table.error(filled.index(False), "the text-level label is empty, other rows have one")
    return any(filled)


def _same_texts(gold: Table, texts: Sequence[str | None] | None, table: Table, side: Sequence[str | Answer]) -> None:
    """Raise UserError if a row was predicted from another text than the gold row's: offsets would mean something else."""
    for at, (mine, theirs) in enumerate(zip(texts or (), side)):
        other = theirs.text if isinstance(theirs, Answer) else None
        if mine is not None and other is not None and mine != other and input_word(mine) is None:
            raise table.error(at, f"another text than in {gold.path}: {other!r:.60}, not {mine!r:.60}")


def _offsets(table: Table, answers: Sequence[Answer]) -> list[list[Offsets | None] | None] | None:
    """The offsets of the entities of every row, None for a row that does not state all of them; None if no row states any."""
    found: list[list[Offsets | None] | None] = []
    for row, answer in zip(table.rows, answers):
        places = [entity.offsets for entity in answer.entities]
        missing = None in places or ("entities" in row and row["entities"] is None)
        found.append(None if missing else places)
    return found if any(found) else None


def _strings(
    table: Table, side: Sequence[str | Answer], words: Sequence[str | None], given: Given, labeled: bool
) -> list[str]:
    out = []
    for at, (one, word, form) in enumerate(zip(side, words, given.forms)):
        if isinstance(one, str):
            if labeled:
                out.append(one)
                continue
            found = parse(one, word or DEFAULT_WORD, form=form, task_words=given.task_words)
            if isinstance(found, Failure):
                out.append(one)  # fails again where it is counted
                continue
            out.append(_render(table, at, NO_LABEL, found.word, found.items, form, given.task_words))
            continue
        own = table.rows[at].get("task_word") or word
        if not isinstance(own, str):
            raise table.error(at, "no 'task_word' in a row of label and entities, and none in the gold row")
        if "/" in own:
            raise table.error(at, f"'task_word' is {own!r}; a task word has no '/'")
        if tuple(shape(own, given.task_words)) != PAIR:
            raise table.error(at, f"rows of {own!r} cannot be given as label and entities: give their 'output' string")
        pairs = [(entity.label, entity.text) for entity in one.entities]
        label = one.label if labeled and one.label is not None else NO_LABEL
        string = _render(table, at, label, own, pairs, form, given.task_words)
        out.append(string if one.label is not None or not labeled else string.removeprefix(NO_LABEL))
    return out


def _render(
    table: Table,
    at: int,
    label: str,
    word: str,
    items: Sequence[Sequence[str]],
    form: Form,
    task_words: Mapping[str, Sequence[str]],
) -> str:
    try:
        return render(label, word, items, form=form, task_words=task_words)
    except ValueError as error:
        raise table.error(at, str(error)) from error
