"""What is written of a row: its record or its place on the worklist, report, provenance and line for the review."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final

from build.annotate.labels import Spellings
from build.annotate.rows import Annotated, Annotator
from build.annotate.votes import Decision
from build.core import Drop, Note, Row
from build.review.rules import weights
from mmm_dataset import Item, Record, to_dict
from mmm_dataset.files import dump

FILES: Final = ("records", "worklist", "report", "provenance", "review")
MERGED: Final = "label_merged"
RUNG: Final = "annotate"
"""How the rows of the review came about, where a model was asked about them."""
LABEL_VOTES: Final = "label_votes"
ITEM_VOTES: Final = "item_votes"
BUDGET: Final = "budget"

Flag = dict[str, Any]


@dataclass
class Outcome:
    """What became of a row: rows for the tally, and (file, value) of the lines to write, in order."""

    rows: list[Row] = field(default_factory=list)
    lines: list[tuple[str, Any]] = field(default_factory=list)

    def file(self, row: Row) -> None:
        """Add the line of a row: a record to its file, a drop or a note to the report."""
        if isinstance(row, Record):
            self.lines.append(("records" if row.is_annotated or row.raw else "worklist", to_dict(row)))
        else:
            self.lines.append(("report", row.as_dict()))


def outcome(row: Row, result: Annotated | None, annotator: Annotator, spellings: Spellings) -> Outcome:
    """What is written of a row.

    A row that stays open because an answer is lacking counts as dropped and is on the worklist again, with the level that was
    decided, if one was. A row of which a level was not asked for is on the worklist and counts as kept.

    Args:
        row: as it stood on the worklist.
        result: what its dialogue came to; None if the budget did not allow it.
        annotator: which labels are open.
        spellings: how open labels are written.
    """
    if not isinstance(row, Record):
        return Outcome([row])
    if result is None:
        return _open(row, Drop(row.id, BUDGET, "--max-cost was reached before it was asked"))
    if result.problem is not None:
        return _open(row, Drop(row.id, *result.problem))
    record, notes = _respell(result, annotator, spellings)
    notes += [Note(row.id, *note) for decision in result.decisions.values() for note in decision.notes]
    made = _open(record, _drop(record, result)) if result.failures() else Outcome([record])
    made.rows[:0] = notes
    if result.decisions:
        made.lines.append(("provenance", _provenance(record, result, annotator)))
    if record.is_annotated or record.raw is not None:  # all of records.jsonl, so that the review gives all of it back
        made.lines.append(("review", _review(record, result)))
    return made


def _open(record: Record, drop: Drop) -> Outcome:
    return Outcome([drop], [("worklist", to_dict(record))])


def _drop(record: Record, result: Annotated) -> Drop:
    failures = result.failures()
    detail = "; ".join(f"{level}: {decision.reason}, {_tally(decision)}" for level, decision in failures)
    raw = {level: [vote.replies for vote in decision.votes] for level, decision in failures}
    return Drop(record.id, str(failures[0][1].reason), detail, dump(raw))


def _tally(decision: Decision) -> str:
    """The votes in words: ``社会 2, malformed_reply 1``."""
    names = [vote.failure or (vote.answer if isinstance(vote.answer, str) else "items") for vote in decision.votes]
    return ", ".join(f"{name} {count}" for name, count in Counter(names).most_common())


def _respell(result: Annotated, annotator: Annotator, spellings: Spellings) -> tuple[Record, list[Note]]:
    record, changed = result.record, []
    decided = {level for level, decision in result.decisions.items() if decision.reason is None}

    def spell(level: str, label: str) -> str:
        written = spellings((record.config, level), label)
        if written != label:
            changed.append(Note(record.id, MERGED, f"{level}: {label!r} is written {written!r}"))
        return written

    if "text" in decided and annotator.is_open(record, "text") and record.label is not None:
        record = replace(record, label=spell("text", record.label))
    if "word" in decided and annotator.is_open(record, "word") and record.items is not None:
        record = replace(record, items=tuple(replace(i, label=spell("word", i.label)) for i in record.items))
    return record, list(dict.fromkeys(changed))


def _provenance(record: Record, result: Annotated, annotator: Annotator) -> dict[str, Any]:
    others = {word: _decided(*one) for word, one in result.words.items() if word != result.word}
    return {
        "id": record.id,
        "config": record.config,
        "source_id": record.source_id,
        "model": annotator.model,
        "task_word": result.word or record.word,
        "confidence": result.confidence,
        "checks": sorted({reason for decision in result.decisions.values() for reason, _ in decision.notes}),
        **{level: _decided(decision, result.prompts[level]) for level, decision in result.decisions.items()},
        **({"other_words": others} if others else {}),
    }


def _decided(decision: Decision, prompt: str) -> dict[str, Any]:
    return {
        "prompt": prompt,
        "reason": decision.reason,
        "agreement": decision.agreement,
        "confidence": decision.confidence,
        "votes": [vote.as_dict() for vote in decision.votes],
    }


def _review(record: Record, result: Annotated) -> dict[str, Any]:
    """The line of the review; a row that nothing was asked about has the risk of any row that nothing speaks against."""
    flags = list(_flags(record, result))
    risk = 1 - result.confidence * (1 - weights().risk([flag["check"] for flag in flags], RUNG))
    asked = {"rung": RUNG, "risk": round(risk, 4)} if result.decisions else {"rung": None, "risk": None}
    return {"source": None, "target": to_dict(record), "flags": flags, **asked}


def _flags(record: Record, result: Annotated) -> Iterator[Flag]:
    for level, decision in result.decisions.items():
        if level == "text" and decision.agreement < 1:
            yield _flag(LABEL_VOTES, _tally(decision))
        for item, share in zip(record.items or (), decision.shares):
            if share < len(decision.votes):
                yield _flag(ITEM_VOTES, f"{item.label}: {share} of {len(decision.votes)}", item)
        for reason, detail in decision.notes:
            yield _flag(reason, detail)


def _flag(check: str, detail: str, item: Item | None = None) -> Flag:
    first = next(iter(item.spans), None) if item else None
    return {"check": check, "detail": detail, "start": first and first.start, "end": first and first.end}
