"""What is scored and by which rules: every argument of ``scoring.score``, checked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from itertools import chain, repeat
from typing import Any, Final, Literal, NamedTuple

from .arguments import choice, flag, shown
from .errors import UserError
from .sources import OFFSETS, from_rows
from .tables import is_rows, rows_of
from .unified import FORMS, LABEL, MAX_LENGTH, Form

Mode = Literal["default", "paper"]
MODES: Final = ("default", "paper")
Matching = Literal["set", "multiset"]
MATCHINGS: Final = ("set", "multiset")
LabelSets = Mapping[str, Collection[str] | None]
Place = tuple[int, int]
Places = Sequence[Place | None]
"""Where the items of a string stand in the text, None where that is not stated."""
Offsets = Iterable[Places | None]
"""The places of every row, None for a row that does not state them."""

_BLOCK: Final = 4096
_OPTIONAL: Final = ("inputs", "configs")


@dataclass(frozen=True, slots=True)
class Rules:
    """How rows are read and compared."""

    mode: Mode
    matching: Matching
    task_words: Mapping[str, Sequence[str]]
    label_sets: Mapping[str, frozenset[str] | None]
    strict: bool = False

    @classmethod
    def of(
        cls,
        mode: Mode,
        matching: Matching,
        task_words: Mapping[str, Sequence[str]],
        label_sets: LabelSets | None,
        strict: bool = False,
    ) -> Rules:
        """Check the rules. Raises ValueError with one line that says what is wrong."""
        choice("mode", mode, MODES)
        choice("matching", matching, MATCHINGS)
        if mode == "paper" and matching != "set":
            raise ValueError("matching='multiset' needs mode='default': Algorithm 1 compares sets")
        if mode == "paper" and strict:
            raise ValueError("strict=True needs mode='default': Algorithm 1 reads what it can")
        flag("strict", strict)
        if not isinstance(task_words, Mapping):
            raise ValueError(f"task_words is {shown(task_words)}; give a dict of words to their roles")
        for word, roles in task_words.items():
            if not isinstance(roles, (list, tuple)) or not all(isinstance(one, str) for one in (word, *roles)):
                raise ValueError(f"task_words: {word!r}: {shown(roles)}; give a list of roles")
            if not word or "/" in word or LABEL not in roles:
                raise ValueError(f"task_words: {word!r} needs a {LABEL} among its roles, and no '/' in the word")
        if not (label_sets is None or isinstance(label_sets, Mapping)):
            raise ValueError(f"label_sets is {shown(label_sets)}; give a dict of configs to their labels")
        sets = {config: _label_set(config, labels) for config, labels in (label_sets or {}).items()}
        return cls(mode, matching, task_words, sets, strict)

    @property
    def multiset(self) -> bool:
        """Whether a pair that is listed twice must be found twice."""
        return self.matching == "multiset"

    @property
    def nothing(self) -> float:
        """F1 where there are no pairs on either side: 1 by default; 0 / 0 in the paper's formula, read as 0."""
        return 0.0 if self.mode == "paper" else 1.0


class Row(NamedTuple):
    """One row, with the label set of its config (None: open), its form, and its number and offsets where they are stated."""

    prediction: str
    reference: str
    text: str | None
    labels: Collection[str] | None
    form: Form
    number: int = 0
    predicted_places: Places | None = None
    gold_places: Places | None = None


@dataclass(frozen=True, slots=True)
class Rows:
    """The columns, all of one length.

    ``name`` is what messages call the predictions; ``text_labels``: whether the rows have text-level labels.
    """

    predictions: Sequence[str]
    references: Sequence[str]
    inputs: Sequence[str] | None
    configs: Sequence[str] | None
    forms: Form | list[Form]
    rules: Rules
    name: str
    offsets: tuple[list[Places | None], list[Places | None]] | None = None
    text_labels: bool = True

    @classmethod
    def of(
        cls,
        predictions: Iterable[Any],
        references: Iterable[Any],
        inputs: Iterable[str] | None,
        configs: Iterable[str] | None,
        form: Form | Iterable[Form],
        rules: Rules,
        name: str = "predictions",
        text_labels: bool | None = None,
    ) -> Rows:
        """Check the columns. Raises ValueError with one line that says what is wrong, and where."""
        given: dict[str, Any] = {"references": references, name: predictions, "inputs": inputs, "configs": configs}
        columns: dict[str, Any] = {
            key: column(key, values) for key, values in given.items() if values is not None or key not in _OPTIONAL
        }
        forms: Any = form if isinstance(form, str) else list(column("form", form))
        _check_lengths(columns)
        if text_labels is not None:
            flag("text_labels", text_labels)
        found: dict[str, Any] = {}
        if text_labels is False or is_rows(columns["references"]) or is_rows(columns[name]):
            try:
                found = from_rows(columns[name], columns["references"], forms, name, text_labels)
            except UserError as error:
                raise ValueError(str(error)) from error
            forms, text_labels = found.pop("form"), found.pop("text_labels")
            rules = replace(rules, task_words={**found.pop("task_words"), **rules.task_words})
            own: dict[str, Any] = {
                key: columns[key] for key in _OPTIONAL if key in columns
            }  # goes before what the rows say
            found.update(own)
            columns = {key: values for key, values in found.items() if values is not None}
        for number, one in enumerate([forms] if isinstance(forms, str) else forms):
            choice("form" if isinstance(forms, str) else f"form, row {number}", one, FORMS)
        if not isinstance(forms, str):
            _check_lengths({**columns, "form": forms})
        if rules.label_sets and "configs" not in columns:
            raise ValueError("label_sets needs configs: the sets are looked up by the config of each row")
        optional = columns.get("inputs"), columns.get("configs")
        labeled = text_labels is not False
        rows = cls(columns[name], columns["references"], *optional, forms, rules, name, None, labeled)
        places = columns.get(OFFSETS[name]), columns.get("reference_offsets")
        return rows if None in places or rules.mode == "paper" else rows.with_offsets(*places)

    def __iter__(self) -> Iterator[tuple[str, str, str | None, str, Form]]:
        """Prediction, reference, input, config and form, row by row, each checked to be a string."""
        return chain.from_iterable(self._block(start) for start in range(0, len(self.references), _BLOCK))

    def _block(self, start: int) -> Iterator[tuple[str, str, str | None, str, Form]]:
        # Checked where they are used: a pass of its own would fetch every string from memory twice.
        rows = slice(start, start + _BLOCK)
        inputs: Iterable[str | None] = repeat(None)
        configs: Iterable[str] = repeat("")
        if self.inputs is not None:
            inputs = check_column("inputs", self.inputs[rows], start)
        if self.configs is not None:
            configs = check_column("configs", self.configs[rows], start)
        forms: Iterable[Form] = repeat(self.forms) if isinstance(self.forms, str) else self.forms[rows]
        predictions = check_column(self.name, self.predictions[rows], start)
        references = check_column("references", self.references[rows], start)
        if (
            max(map(len, references)) > MAX_LENGTH
        ):  # such a prediction is a failure like others, and does not end the scoring
            number = start + next(at for at, value in enumerate(references) if len(value) > MAX_LENGTH)
            raise ValueError(f"references, row {number}: longer than {MAX_LENGTH:,} characters")
        return zip(predictions, references, inputs, configs, forms)

    def rows(self) -> Iterator[Row]:
        """The same, each as a :class:`Row`."""
        sets = self.rules.label_sets
        places: Iterable[tuple[Places | None, Places | None]] = (
            zip(*self.offsets) if self.offsets else repeat((None, None))
        )
        for number, ((prediction, reference, text, config, form), stated) in enumerate(zip(self, places)):
            yield Row(prediction, reference, text, sets.get(config), form, number, *stated)

    def with_offsets(self, predicted: Offsets | None, gold: Offsets | None) -> Rows:
        """The rows with the offsets of both sides; as they are if a side states none. Raises ValueError as :meth:`of`."""
        if predicted is None or gold is None:
            return self
        if self.rules.mode == "paper":
            raise ValueError("offsets need mode='default': Algorithm 1 compares strings")
        columns = _offsets(self.name, predicted), _offsets("references", gold)
        for name, column in zip((self.name, "references"), columns):
            if len(column) != len(self.references):
                raise ValueError(f"offsets of {name} has {len(column):,} rows, references has {len(self.references):,}")
        return replace(self, offsets=columns)

    @property
    def protocol(self) -> str:
        """The rules in one line, to be quoted with the figures."""
        if self.rules.mode == "paper":
            return "mode=paper matching=set"
        forms = self.forms if isinstance(self.forms, str) else "+".join(sorted(set(self.forms)))
        more = " strict" * self.rules.strict + " offsets=stated" * (self.offsets is not None)
        return f"mode=default matching={self.rules.matching} form={forms}{more}"


def column(name: str, values: Any) -> Sequence[Any]:
    """A column as a list, whatever iterable it came as; of a frame, its rows. Raises ValueError if it is none."""
    if isinstance(values, (str, bytes)):
        raise ValueError(f"{name} is one string; give a list with one string per row")
    if (rows := rows_of(values)) is not None:
        return rows
    if isinstance(values, (list, tuple)):
        return values
    if isinstance(values, (Mapping, Set)) or not isinstance(values, Iterable):
        raise ValueError(f"{name} is {shown(values)}; give a list with one entry per row")
    try:
        iterator = iter(values)
    except TypeError as error:  # such as an array without dimensions
        raise ValueError(f"{name} is {shown(values)}; give a list with one entry per row") from error
    return list(iterator)


def _label_set(config: Any, labels: Any) -> frozenset[str] | None:
    if labels is None:
        return None
    if isinstance(labels, str):
        raise ValueError(f"label_sets, config {config!r}: one string; give a collection of labels, or None if open")
    found: list[Any] = list(labels) if isinstance(labels, Iterable) else [None]
    if not all(isinstance(label, str) for label in found):
        raise ValueError(
            f"label_sets, config {config!r}: {shown(labels)}; give a collection of labels, or None if open"
        )
    return frozenset(found)


def _check_lengths(columns: Mapping[str, Sequence[Any]]) -> None:
    size = len(columns["references"])
    for key, values in columns.items():
        if len(values) != size:
            raise ValueError(f"{key} has {len(values):,} rows, references has {size:,}")
    if not size:
        raise ValueError("there is nothing to score: references has 0 rows")


def check_column(name: str, values: Sequence[Any], start: int = 0) -> Sequence[str]:
    """The values. Raises ValueError unless all are strings; ``start``: number of the first row."""
    if set(map(type, values)) != {str}:
        for number, value in enumerate(values, start):
            if not isinstance(value, str):
                raise ValueError(f"{name}, row {number}: {shown(value)} is no string but {type(value).__name__}")
    return values


def _offsets(name: str, values: Offsets) -> list[Places | None]:
    found = list(column(f"offsets of {name}", values))
    for number, row in enumerate(found):
        if not (row is None or isinstance(row, (list, tuple))):
            raise ValueError(f"offsets of {name}, row {number}: {shown(row)}; give a list of (start, end), or None")
        for place in row or ():
            if place is not None and not _is_place(place):
                raise ValueError(f"offsets of {name}, row {number}: {place!r} is no (start, end) with 0 <= start < end")
    return found


def _is_place(place: object) -> bool:
    if not isinstance(place, (tuple, list)) or len(place) != 2:
        return False
    start, end = place
    return type(start) is int and type(end) is int and 0 <= start < end
