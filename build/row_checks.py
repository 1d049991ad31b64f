"""What makes one release row right: the record, its strings, its labels. And the report that checks write into."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from build.translate.tag_edges import trim
from build.translate.wrapping import EMPHASIS, ZERO_WIDTH, wrapping
from mmm_dataset import Failure, Record, Registry, decode, encode, split_input
from mmm_dataset.schema import from_row, to_row
from mmm_f1.unified import REPEATED_PAIR

_SHOWN = 5


@dataclass
class Report:
    """What a check found: errors make the tree invalid, remarks do not. Messages of a kind are counted past the first few."""

    errors: Counter[str] = field(default_factory=Counter)
    remarks: Counter[str] = field(default_factory=Counter)
    messages: list[str] = field(default_factory=list)
    rows: int = 0

    def error(self, kind: str, message: str) -> None:
        """Something that must be mended."""
        self._say(self.errors, "error", kind, message)

    def remark(self, kind: str, message: str) -> None:
        """Something to know."""
        self._say(self.remarks, "note", kind, message)

    def _say(self, counts: Counter[str], level: str, kind: str, message: str) -> None:
        counts[kind] += 1
        if counts[kind] <= _SHOWN:
            self.messages.append(f"{level}: {kind}: {message}")

    def __str__(self) -> str:
        more = [
            f"{level}: {kind}: {count - _SHOWN} more"
            for level, counts in (("error", self.errors), ("note", self.remarks))
            for kind, count in counts.items()
            if count > _SHOWN
        ]
        verdict = f"{sum(self.errors.values())} errors" if self.errors else "valid"
        return "\n".join([*self.messages, *more, f"{self.rows:,} rows checked: {verdict}"])


def check_row(
    row: Mapping[str, Any], config: str, registry: Registry, where: str, report: Report, *, is_translated: bool = False
) -> Record | None:
    """Check a row; what is wrong goes into the report, with ``where``.

    Args:
        row, config, registry, where, report: the row, and what it is held against.
        is_translated: whether it is known to be a translation; otherwise it is if its items name those that they render.

    Returns:
        The record, or None if the row is none.
    """
    if empty := [name for name in ("input", "output") if not isinstance(row[name], str)]:
        report.error("record", f"{where}: {' and '.join(empty)} is null")
        return None
    try:
        record = from_row(row)
        if record.config != config:
            report.error("config", f"{where}: the row is of {record.config}")
        elif record.is_annotated:
            _check_labels(record, registry, where, report)
            if not record.raw and to_row(record, registry.task_words)["output"] != row["output"]:
                report.error("output", f"{where}: the output string is not what the row's label and items give")
            _check_strings(record, row["input"], row["output"], registry, where, report)
            if is_translated or any(item.source_item is not None for item in record.items or ()):
                _check_translation(record, where, report)
        elif record.raw:
            report.remark("not_parsed", f"{where}: no label or no items")
        else:
            report.error("not_annotated", f"{where}: no label or no items")
    except (
        ValueError,
        TypeError,
        KeyError,
    ) as error:  # whatever a damaged row makes of itself, the next one is checked too
        report.error("record", f"{where}: {error}")
        return None
    return record


def check_record(record: Record, registry: Registry, report: Report) -> None:
    """What :func:`check_row` would say of an annotated translation once it is a row; the record itself is valid."""
    _check_labels(record, registry, record.id, report)
    _check_strings(record, *encode(record, registry.task_words), registry, record.id, report)
    _check_translation(record, record.id, report)


def _check_labels(record: Record, registry: Registry, where: str, report: Report) -> None:
    config, tell = registry.config(record.config), _tell(record, report)
    words = registry.task(record.task).words
    if record.word not in words:
        report.error("task_word", f"{where}: {record.word!r} is none of {', '.join(words)}")
    texts = registry.text_labels(config)
    if texts is not None and record.label not in texts:
        tell("unknown_text_label", f"{where}: {record.label!r}")


def _check_strings(record: Record, line: str, output: str, registry: Registry, where: str, report: Report) -> None:
    tell = _tell(record, report)
    if split_input(line, (record.word,)) != (record.text, record.word):
        tell("input", f"{where}: the input is not the text with /{record.word}")
    labels = registry.word_labels(registry.config(record.config), record.word)
    read = decode(
        output, record.word, text=record.text, labels=labels, form=record.form, task_words=registry.task_words
    )
    if isinstance(read, Failure):
        report.error("output", f"{where}: {read.kind}: {read.detail}")
        return
    if read.label != record.label or _bare(read.items) != _bare(record.items or ()):
        report.error("round_trip", f"{where}: reading the output back gives another label or other items")
    for issue in read.issues:
        (report.remark if issue.kind == REPEATED_PAIR else tell)(issue.kind, f"{where}: {issue.detail}")


def _check_translation(record: Record, where: str, report: Report) -> None:
    """What a model wrote around a translation or into its spans; without the source, only what is plain is an error."""
    if (found := wrapping(record.text)) is not None:
        report.error("added_text", f"{where}: {found}")
    if record.text != record.text.strip():
        report.remark("blank_edges", f"{where}: blanks at the ends of the text")
    for span in (span for item in record.items or () for span in item.spans if span.text):
        if span.text != span.text.strip() or ZERO_WIDTH.search(span.text) or EMPHASIS.fullmatch(span.text):
            report.error("span_edges", f"{where}: blanks, emphasis or characters without width in {span.text!r}")
        elif trim(span.text, (0, len(span.text)), "x") != (0, len(span.text)):
            report.remark("span_edges", f"{where}: a mark at the end of {span.text!r}")


def _tell(record: Record, report: Report) -> Any:
    """The authors' rows are kept as they are, so what is odd about them is worth a remark; in other rows it is an error."""
    return report.remark if record.raw else report.error


def _bare(items: Any) -> list[Any]:
    """What the output string holds of items: of several mentions of an argument the first."""
    return [
        (item.label, {span.role: span.text for span in reversed(item.spans) if span.text}, dict(item.attributes))
        for item in items
    ]
