"""One row through the whole of translation: apart, up the ladder, together again, held against the rules of a release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from build.core import Drop, Note
from build.markup import tag
from build.row_checks import Report, check_record
from build.translate.checks import Checker
from build.translate.drafts import Draft
from build.translate.labels import LabelTable
from build.translate.ladder import NO_COUNTERPART, Ladder
from build.translate.language import read_language
from build.translate.paper import PAPER, PaperMethod
from build.translate.parts import Part
from build.translate.prompts import Prompts
from build.translate.quality import quality_check
from build.translate.result import TranslationResult
from build.translate.rules import Finding, Plan
from build.translate.span_checks import SpanChecker
from build.translate.tagging import NoPlace, Tagged, put_together, take_apart
from mmm_dataset import Item, Record, RecordError, Registry
from oiellm.llm.calls import Dialogue, Reply

UNPLACED: Final = "source_item_not_in_text"
MERGED: Final = "merged_item"
LOST_MENTION: Final = "lost_mention"
BLANK: Final = "blank_source"


@dataclass(slots=True)
class Outcome:
    """What became of a row.

    Attributes:
        row: the translated record, or the drop.
        result: how it got there.
        flags: what the review should look at, in the order of the checks.
        notes: on a row that was kept with fewer items.
        items_in: items of the source row.
    """

    row: Record | Drop
    result: TranslationResult
    flags: list[Finding] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    items_in: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether the row was kept with all its items."""
        return isinstance(self.row, Record) and len(self.row.items or ()) == self.items_in


class Translator:
    """Rows of one config to one language."""

    def __init__(self, registry: Registry, config: str, target: str, plan: Plan) -> None:
        """Set up labels, prompts, checks and ladder.

        Raises:
            KitError: a language or file is missing or wrong.
            RegistryError: there is no such config.
        """
        self.registry, self.plan, self.target = registry, plan, target
        self.config = registry.config(config)
        task = registry.task(self.config.task)
        source, target_language = (
            read_language(self.config.language, registry),
            read_language(target, registry, plan.script),
        )
        rules = plan.rules
        self.labels = LabelTable(registry, task.code, source.code, target, keep=plan.keep_labels)
        self.prompts = Prompts(source, target_language, task.family, plan.prompts)
        checker = Checker(source, target_language, rules, self.prompts.instruction)
        spans = SpanChecker(
            source, target_language, rules, names=task.family not in rules.values["copied_span"]["words"]
        )
        models = [plan.model, *([plan.stronger] if plan.stronger else [])]
        self._ladder = Ladder(
            self.prompts, checker, spans, rules, models, drop_items=plan.drop_items, convert=plan.convert_script
        )
        self._paper = PaperMethod(self.prompts, source, target_language, rules, plan.model, registry)

    def examine(self, tagged: Tagged, reply: Reply) -> tuple[Draft, list[Finding]]:
        """What a reply to a whole tagged text says, and everything that the checks find in it."""
        return self._ladder.examine(Part(tagged.text, tagged.spans), reply)

    def start(self, record: Record) -> Dialogue[Outcome]:
        """The dialogue that translates one record; its labels have been checked."""
        count = len(record.items or ())
        if not record.text.strip():
            return Outcome(
                Drop(record.id, BLANK, "the text is empty or blank"), TranslationResult(None), items_in=count
            )
        try:
            tagged = take_apart(record)
        except NoPlace as error:
            return Outcome(Drop(record.id, UNPLACED, str(error)), TranslationResult(None), items_in=count)
        label = None if record.label is None else self.labels.text(record.label)
        labels, attributes = self.labels.items(record), self.labels.attributes(record)
        if self.plan.method == PAPER:
            result = yield from self._paper.translate(record, tagged, label, labels, attributes)
        else:
            result = yield from self._ladder.translate(tagged)
        outcome = self._outcome(record, tagged, result, label, labels, attributes)
        outcome.items_in = count
        if isinstance(outcome.row, Record) and (self.plan.back or self.plan.judge):
            texts = tag(record.text, tagged.spans), tag(outcome.row.text, result.spans)
            outcome.flags += yield from quality_check(record.text, outcome.row.text, *texts, self.prompts, self.plan)
        return outcome

    def provenance(self, record: Record, outcome: Outcome) -> dict[str, Any]:
        """How a kept row was made, without any text of its source."""
        result, row = outcome.result, outcome.row
        assert isinstance(row, Record)
        return {
            "id": row.id,
            "config": row.config,
            "source_row": record.id,
            "source_id": record.source_id,
            "method": self.plan.method,
            "model": result.model,
            "prompt": self.prompts.digest,
            "rung": result.repair_level,
            "flags": sorted({flag.check for flag in outcome.flags}),
            "alignment": [item.source_item for item in row.items or ()],
            "items_in": outcome.items_in,
        }

    def _outcome(
        self,
        record: Record,
        tagged: Tagged,
        result: TranslationResult,
        label: str | None,
        labels: Sequence[str],
        attributes: Sequence[tuple[tuple[str, str], ...]],
    ) -> Outcome:
        if result.text is None:
            return Outcome(Drop(record.id, result.reason, result.detail, result.raw), result)
        items = put_together(record, tagged, result.text, result.spans, tuple(labels), result.dropped_spans, attributes)
        kept = None if items is None else _distinct(items)
        try:
            row = self._record(record, result.text, label, kept)
        except RecordError as error:
            return Outcome(Drop(record.id, "invalid_record", str(error), result.raw), result)
        if problem := self._problem(row):
            return Outcome(Drop(record.id, "invalid_row", problem, result.raw), result)
        notes = _losses(record, row, items or ())
        return Outcome(row, result, [*result.flags, *(Finding(note.reason, note.detail) for note in notes)], notes)

    def _record(self, record: Record, text: str, label: str | None, items: tuple[Item, ...] | None) -> Record:
        config = f"{self.target}_{record.task}"
        name = bare_id(record)
        origin: Any = "rebuilt" if record.origin == "published" else record.origin
        return replace(
            record,
            id=f"{config}-{name}",
            language=self.target,
            text=text,
            label=label,
            items=items,
            origin=origin,
            raw=None,
        )

    def _problem(self, row: Record) -> str | None:
        """What `validate` would say of the row, so that whatever is kept can be released."""
        if not row.is_annotated:
            return None  # the level that is missing comes later
        report = Report()
        check_record(row, self.registry, report)
        return "; ".join(report.messages) if report.errors else None


def bare_id(record: Record) -> str:
    """A row's id without its config, which is the same in all languages."""
    return record.id.removeprefix(f"{record.config}-")


def _distinct(items: Sequence[Item]) -> tuple[Item, ...]:
    """Items without those that say the same of the same place, which happens when two mentions become one."""
    seen: set[Any] = set()
    kept = []
    for item in items:
        key = (item.label, item.spans, item.attributes)
        if key not in seen:
            seen.add(key)
            kept.append(item)
    return tuple(kept)


def _losses(record: Record, row: Record, items: Sequence[Item]) -> list[Note]:
    """Notes on items and mentions that the row no longer has: without a counterpart, or merged with another."""
    had = {item.source_item: item for item in items}
    kept = {item.source_item for item in row.items or ()}
    notes = []
    for index, item in enumerate(record.items or ()):
        if index not in kept:
            reason = MERGED if index in had else NO_COUNTERPART
            notes.append(
                Note(row.id, reason, f"item {index}: {item.label};{';'.join(span.text for span in item.spans)}")
            )
        elif lost := len(item.spans) - len(had[index].spans):
            notes.append(Note(row.id, LOST_MENTION, f"item {index}: {item.label}: {lost} of {len(item.spans)} spans"))
    return notes
