"""What the repair ladder makes of a part of a row, and how the parts become a row again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from build.markup import Place
from build.translate.parts import Part
from build.translate.rules import Finding

REPAIR_LEVELS: Final = ("tagged", "span", "rewrite", "stronger_model")
"""How far a row had to go, in this order."""


@dataclass(slots=True)
class TranslationResult:
    """What the ladder made of a part or, joined, of a row.

    Attributes:
        text: of the target; None if it is dropped.
        spans: tag number to place in ``text``.
        repair_level: the highest one it needed.
        model: that wrote the text.
        dropped_spans: tags that have no counterpart.
        flags: findings that do not stand in the way.
        reason, detail, raw: of a drop.
        tried: how often each repair level was tried and did what it was for: ``span_tried``, ``span_repaired`` ...
    """

    text: str | None
    spans: dict[int, Place] = field(default_factory=dict)
    repair_level: str = REPAIR_LEVELS[0]
    model: str = ""
    dropped_spans: tuple[int, ...] = ()
    flags: list[Finding] = field(default_factory=list)
    reason: str = ""
    detail: str = ""
    raw: str = ""
    tried: Counter[str] = field(default_factory=Counter)


def join(parts: Sequence[Part], results: Sequence[TranslationResult], source: str, target: str) -> TranslationResult:
    """The parts of a row as one; dropped if one of them is.

    Args:
        parts, results: in order.
        source, target: what stands between sentences in either language. Plain blanks of a language that has them are left out
            in one that has none; line breaks stay.
    """
    tried: Counter[str] = sum((result.tried for result in results), Counter())
    for result in results:
        if result.text is None:
            result.tried = tried
            return result
    whole = TranslationResult("", model=results[-1].model, tried=tried)
    blanks = ""  # of the source, since the last part
    for part, result in zip(parts, results):
        assert result.text is not None and whole.text is not None
        gap = _kept(blanks + part.lead, source, target)
        between = bool(whole.text) and not (gap or whole.text[-1].isspace() or result.text[:1].isspace())
        whole.text += target if between else gap
        _append(whole, result)
        blanks = part.tail
    whole.text = f"{whole.text}{_kept(blanks, source, target)}"
    return whole


def _kept(blanks: str, source: str, target: str) -> str:
    return blanks if "\n" in blanks or target or not source else ""


def _append(whole: TranslationResult, result: TranslationResult) -> None:
    assert result.text is not None and whole.text is not None
    at = len(whole.text)
    whole.text += result.text
    whole.spans |= {number: (start + at, end + at) for number, (start, end) in result.spans.items()}
    whole.dropped_spans += result.dropped_spans
    whole.flags += [_moved(flag, at) for flag in result.flags]
    whole.repair_level = max(whole.repair_level, result.repair_level, key=REPAIR_LEVELS.index)
    whole.raw += result.raw
    if result.repair_level == REPAIR_LEVELS[-1]:
        whole.model = result.model


def _moved(flag: Finding, by: int) -> Finding:
    if flag.start is None or flag.end is None:
        return flag
    return replace(flag, start=flag.start + by, end=flag.end + by)
