"""What the repair ladder makes of a part of a row, and how the parts become a row again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from build.markup import Place
from build.translate.findings import Finding
from build.translate.parts import Part

RUNGS: Final = ("tagged", "span", "rewrite", "stronger_model")
"""How far a row had to go, in this order."""


@dataclass(slots=True)
class Climb:
    """What the ladder made of a part or, joined, of a row.

    Attributes:
        text: of the target; None if it is dropped.
        spans: tag number to place in ``text``.
        rung: the highest one it needed.
        model: that wrote the text.
        gone: tags that have no counterpart.
        flags: findings that do not stand in the way.
        reason, detail, raw: of a drop.
        tried: how often each rung was tried and did what it was for: ``span_tried``, ``span_repaired`` ...
    """

    text: str | None
    spans: dict[int, Place] = field(default_factory=dict)
    rung: str = RUNGS[0]
    model: str = ""
    gone: tuple[int, ...] = ()
    flags: list[Finding] = field(default_factory=list)
    reason: str = ""
    detail: str = ""
    raw: str = ""
    tried: Counter[str] = field(default_factory=Counter)


def join(parts: Sequence[Part], climbs: Sequence[Climb], source: str, target: str) -> Climb:
    """The parts of a row as one; dropped if one of them is.

    Args:
        parts, climbs: in order.
        source, target: what stands between sentences in either language. Plain blanks of a language that has them are left out
            in one that has none; line breaks stay.
    """
    tried: Counter[str] = sum((climb.tried for climb in climbs), Counter())
    for climb in climbs:
        if climb.text is None:
            climb.tried = tried
            return climb
    whole = Climb("", model=climbs[-1].model, tried=tried)
    blanks = ""  # of the source, since the last part
    for part, climb in zip(parts, climbs):
        assert climb.text is not None and whole.text is not None
        gap = _kept(blanks + part.lead, source, target)
        between = bool(whole.text) and not (gap or whole.text[-1].isspace() or climb.text[:1].isspace())
        whole.text += target if between else gap
        _append(whole, climb)
        blanks = part.tail
    whole.text = f"{whole.text}{_kept(blanks, source, target)}"
    return whole


def _kept(blanks: str, source: str, target: str) -> str:
    return blanks if "\n" in blanks or target or not source else ""


def _append(whole: Climb, climb: Climb) -> None:
    assert climb.text is not None and whole.text is not None
    at = len(whole.text)
    whole.text += climb.text
    whole.spans |= {number: (start + at, end + at) for number, (start, end) in climb.spans.items()}
    whole.gone += climb.gone
    whole.flags += [_moved(flag, at) for flag in climb.flags]
    whole.rung = max(whole.rung, climb.rung, key=RUNGS.index)
    whole.raw += climb.raw
    if climb.rung == RUNGS[-1]:
        whole.model = climb.model


def _moved(flag: Finding, by: int) -> Finding:
    if flag.start is None or flag.end is None:
        return flag
    return replace(flag, start=flag.start + by, end=flag.end + by)
