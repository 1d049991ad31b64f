"""What is scored and by which rules: every argument of ``scoring.score``, checked."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Final, Literal, NamedTuple

from .unified import FORMS, LABEL, MAX_LENGTH, Form

Mode = Literal["default", "paper"]
MODES: Final = ("default", "paper")
Matching = Literal["set", "multiset"]
MATCHINGS: Final = ("set", "multiset")
LabelSets = Mapping[str, Collection[str] | None]

_BLOCK: Final = 4096


@dataclass(frozen=True, slots=True)
class Rules:
    """How rows are read and compared."""

    mode: Mode
    matching: Matching
    task_words: Mapping[str, Sequence[str]]
    label_sets: Mapping[str, frozenset[str] | None]

    @classmethod
    def of(
        cls, mode: Mode, matching: Matching, task_words: Mapping[str, Sequence[str]], label_sets: LabelSets | None
    ) -> Rules:
        """Check the rules. Raises ValueError with one line that says what is wrong."""
        _choice("mode", mode, MODES)
        _choice("matching", matching, MATCHINGS)
        if mode == "paper" and matching != "set":
            raise ValueError("matching='multiset' needs mode='default': Algorithm 1 compares sets")
        for word, roles in task_words.items():
            if not word or "/" in word or LABEL not in roles:
                raise ValueError(f"task_words: {word!r} needs a {LABEL} among its roles, and no '/' in the word")
        sets = {config: _label_set(config, labels) for config, labels in (label_sets or {}).items()}
        return cls(mode, matching, task_words, sets)

    @property
    def multiset(self) -> bool:
        """Whether a pair that is listed twice must be found twice."""
        return self.matching == "multiset"

    @property
    def nothing(self) -> float:
        """F1 where there are no pairs on either side: 1 by default; 0 / 0 in the paper's formula, read as 0."""
        return 0.0 if self.mode == "paper" else 1.0


class Row(NamedTuple):
    """One row, with the label set of its config (None: open) and its form."""

    prediction: str
    reference: str
    text: str | None
    labels: Collection[str] | None
    form: Form


@dataclass(frozen=True, slots=True)
class Rows:
    """The columns, all of one length. ``name`` is what messages call the predictions."""

    predictions: Sequence[str]
    references: Sequence[str]
    inputs: Sequence[str] | None
    configs: Sequence[str] | None
    forms: Form | list[Form]
    rules: Rules
    name: str

    @classmethod
    def of(
        cls,
        predictions: Iterable[str],
        references: Iterable[str],
        inputs: Iterable[str] | None,
        configs: Iterable[str] | None,
        form: Form | Iterable[Form],
        rules: Rules,
        name: str = "predictions",
    ) -> Rows:
        """Check the columns. Raises ValueError with one line that says what is wrong, and where."""
        given = {"references": references, name: predictions, "inputs": inputs, "configs": configs}
        columns = {key: column(key, values) for key, values in given.items() if values is not None}
        lengths = {key: len(values) for key, values in columns.items()}
        forms: Form | list[Form]
        if isinstance(form, str):
            _choice("form", form, FORMS)
            forms = form
        else:
            forms = list(form)
            for number, one in enumerate(forms):
                _choice(f"form, row {number}", one, FORMS)
            lengths["form"] = len(forms)
        size = lengths["references"]
        for key, length in lengths.items():
            if length != size:
                raise ValueError(f"{key} has {length:,} rows, references has {size:,}")
        if not size:
            raise ValueError("there is nothing to score: references has 0 rows")
        if rules.label_sets and configs is None:
            raise ValueError("label_sets needs configs: the sets are looked up by the config of each row")
        optional = columns.get("inputs"), columns.get("configs")
        return cls(columns[name], columns["references"], *optional, forms, rules, name)

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
        references = _strings("references", self.references[rows], start)
        if (
            max(map(len, references)) > MAX_LENGTH
        ):  # such a prediction is a failure like others, and does not end the scoring
            number = start + next(at for at, value in enumerate(references) if len(value) > MAX_LENGTH)
            raise ValueError(f"references, row {number}: longer than {MAX_LENGTH:,} characters")
        return zip(predictions, references, inputs, configs, forms)

    def rows(self) -> Iterator[Row]:
        """The same, each as a :class:`Row`."""
        sets = self.rules.label_sets
        for prediction, reference, text, config, form in self:
            yield Row(prediction, reference, text, sets.get(config), form)

    @property
    def protocol(self) -> str:
        """The rules in one line, to be quoted with the figures."""
        if self.rules.mode == "paper":
            return "mode=paper matching=set"
        forms = self.forms if isinstance(self.forms, str) else "+".join(sorted(set(self.forms)))
        return f"mode=default matching={self.rules.matching} form={forms}"


def column(name: str, values: Iterable[str]) -> Sequence[str]:
    """A column as a list, whatever iterable it came as."""
    if isinstance(values, str):
        raise ValueError(f"{name} is one string; give a list with one string per row")
    return values if isinstance(values, (list, tuple)) else list(values)


def _choice(name: str, value: object, known: Sequence[str]) -> None:
    if value not in known:
        raise ValueError(f"{name} is {value!r}; it must be one of: {', '.join(known)}")


def _label_set(config: str, labels: Collection[str] | None) -> frozenset[str] | None:
    if isinstance(labels, str):
        raise ValueError(f"label_sets, config {config!r}: one string; give a collection of labels, or None if open")
    return None if labels is None else frozenset(labels)


def _strings(name: str, values: Sequence[str], start: int) -> Sequence[str]:
    if set(map(type, values)) != {str}:
        for number, value in enumerate(values, start):
            if not isinstance(value, str):
                raise ValueError(f"{name}, row {number}: {value!r} is no string but {type(value).__name__}")
    return values
