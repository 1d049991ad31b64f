"""The repair ladder, as a dialogue: tagged translation, single spans, rewriting, a stronger model, no counterpart, drop.

A row with many tags or a long text goes through it in parts, side by side. Everything the ladder does depends on the replies
alone, so that a rerun over cached replies takes the same way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from build.llm.answers import read_object, strict_schema
from build.llm.calls import Call, Dialogue, Reply, together
from build.markup import Place, tag
from build.translate.checks import Checker, Finding
from build.translate.drafts import Draft, read_draft, settle
from build.translate.prompts import Messages, Prompts
from build.translate.rules import ASK, FAIL, OFF, Rules
from build.translate.tagging import Tagged

TRANSLATION: Final = strict_schema("translation", translation={"type": "string"})
SPAN: Final = strict_schema("span", span={"type": ["string", "null"]})
RUNGS: Final = ("tagged", "span", "rewrite", "stronger_model")
"""How far a row had to go, in this order."""

NO_COUNTERPART: Final = "no_counterpart"
_SPAN_TOKENS: Final = 300


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a record's text with the tags that lie in it, their offsets counted from its beginning.

    Attributes:
        text: the stretch, without the blanks before it.
        spans: tag number to place.
        lead: the blanks before it, where the record is cut.
        context: the whole text, if this is only a part.
    """

    text: str
    spans: dict[int, Place]
    lead: str = ""
    context: str | None = None


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


class Ladder:
    """The repair ladder of one language pair and task family."""

    def __init__(
        self, prompts: Prompts, checker: Checker, rules: Rules, models: Sequence[str], *, names: bool, drop_items: bool
    ) -> None:
        """Set it up.

        Args:
            prompts, checker, rules: see there.
            models: the model, and a stronger one if there is one.
            names: whether spans are mostly names.
            drop_items: whether an item without a counterpart is dropped and its row kept, or the whole row dropped.
        """
        self._prompts, self._checker, self._rules = prompts, checker, rules
        self._models, self._names, self._drop_items = tuple(models), names, drop_items
        self._values: Mapping[str, Any] = rules.values["ladder"]

    def climb(self, tagged: Tagged) -> Dialogue[Climb]:
        """Translate a row: the target text with a place for every tag, or a reason to drop it."""
        parts = split(tagged, self._values["tags_per_call"], self._values["chars_per_call"], self._checker.source.final)
        if len(parts) == 1:
            return (yield from self._part(parts[0]))
        climbs = yield from together([self._part(part) for part in parts])
        return join(parts, climbs, self._checker.source.joiner, self._checker.target.joiner)

    def _part(self, part: Part) -> Dialogue[Climb]:
        if not part.text.strip():
            return Climb(part.text, model=self._models[0])
        best = Climb(None)
        tried: Counter[str] = Counter()
        for level, model in enumerate(self._models):
            if level:
                tried["stronger_model_tried"] += 1
            climb = yield from self._with(model, part, tried)
            if level and climb.text is not None:
                climb.rung = RUNGS[3]
                tried["stronger_model_repaired"] += not climb.gone
            if climb.text is not None or best.text is None:
                best = climb
            if climb.text is not None and not climb.gone:
                break
        if best.gone and not self._drop_items:
            start, end = part.spans[best.gone[0]]
            best.reason, best.detail = NO_COUNTERPART, f"{part.text[start:end]!r} has none in {best.text!r}"
            best.text = None
        best.tried = tried
        return best

    def _with(self, model: str, part: Part, tried: Counter[str]) -> Dialogue[Climb]:
        """Rungs 1 to 3 with one model."""
        text = tag(part.text, part.spans)
        draft = yield from self._translate(self._prompts.tagged(text, part.context), "tagged", model, part, 0)
        rung = 0
        insisted: set[tuple[str, str]] = set()  # doubts that the model has been told of
        for again in range(self._values["rewrites"] + 1):
            if draft.text is not None and draft.loose and (yield from self._find_spans(model, part, draft, tried)):
                rung = max(rung, 1)
            findings = self._findings(part, draft)
            severe = [f for f in findings if self._severity(f) == FAIL]
            doubts = [f for f in findings if self._severity(f) == ASK and (f.check, f.detail) not in insisted]
            if not severe and not doubts:
                return self._done(draft, findings, rung, model)
            insisted |= {(f.check, f.detail) for f in doubts}
            if again == self._values["rewrites"] or self._refused(draft):
                break
            tried["rewrite_tried"] += 1
            told = [_told(finding) for finding in (*severe, *doubts)]
            messages = self._prompts.rewrite(text, draft.tagged, told, part.context)
            draft = yield from self._translate(messages, "rewrite", model, part, again + 1)
            rung = 2
        return self._given_up(draft, findings, [*severe, *doubts], model, rung)

    def _translate(self, messages: Messages, purpose: str, model: str, part: Part, again: int) -> Dialogue[Draft]:
        # Reply and prompt are about equally long, but for tags and scripts with several tokens a character.
        size = len(part.text) + 8 * len(part.spans)
        limit = int(self._values["tokens_per_char"] * size) + self._values["tokens_more"]
        temperature = self._values["retry_temperature"] if again > 1 else 0.0
        call = Call(model, messages, limit, temperature, TRANSLATION, vote=max(0, again - 1), purpose=purpose)
        (reply,) = yield [call]
        return read_draft(reply, part.spans, part.text)

    def _find_spans(self, model: str, part: Part, draft: Draft, tried: Counter[str]) -> Dialogue[bool]:
        """Rung 2: ask for each loose span; returns whether any was settled."""
        if len(draft.loose) > self._values["span_calls"]:
            return False
        settled = False
        wrong: dict[int, str] = {}
        for again in range(self._values["span_tries"]):
            asked = [number for number in draft.loose if number not in draft.absent]
            if not asked:
                break
            tried["span_tried"] += len(asked)
            replies = yield [self._span_call(model, part, draft, number, wrong.get(number), again) for number in asked]
            for number, reply in zip(asked, replies):
                answer = _span_answer(reply)
                if answer is _ABSENT:
                    draft.absent.add(number)
                elif isinstance(answer, str) and settle(draft, number, answer, part.spans, part.text):
                    settled = True
                    tried["span_repaired"] += 1
                elif isinstance(answer, str):
                    wrong[number] = answer
        return settled

    def _span_call(self, model: str, part: Part, draft: Draft, number: int, wrong: str | None, again: int) -> Call:
        source = tag(part.text, {1: part.spans[number]})
        messages = self._prompts.span(source, draft.text or "", wrong)
        temperature = self._values["retry_temperature"] if again else 0.0
        return Call(model, messages, _SPAN_TOKENS, temperature, SPAN, vote=again, purpose="span")

    def _findings(self, part: Part, draft: Draft) -> list[Finding]:
        findings = [fault for fault in draft.faults if self._severity(fault) != OFF]
        if draft.text is None:
            return findings
        for number, places in draft.loose.items():
            start, end = part.spans[number]
            kind = "doubled_tag" if places else "lost_tag"
            kind = NO_COUNTERPART if number in draft.absent else "broken_tag" if number in draft.broken else kind
            findings.append(Finding(kind, f"<{number}> {part.text[start:end]!r}"))
        findings += self._checker.text(part.text, draft.text)
        return findings + self._checker.spans(part.text, part.spans, draft.text, draft.spans, names=self._names)

    def _severity(self, finding: Finding) -> str:
        return self._rules.severity.get(finding.check, FAIL)

    def _refused(self, draft: Draft) -> bool:
        """Whether asking the same model again is no use."""
        return any(fault.check in ("reply_refused", "reply_filter") for fault in draft.faults)

    def _done(self, draft: Draft, findings: list[Finding], rung: int, model: str) -> Climb:
        assert draft.text is not None
        return Climb(draft.text, dict(draft.spans), RUNGS[rung], model, flags=findings, raw=draft.raw)

    def _given_up(self, draft: Draft, findings: list[Finding], problems: list[Finding], model: str, rung: int) -> Climb:
        if all(finding.check == NO_COUNTERPART for finding in problems):
            climb = self._done(draft, [f for f in findings if f.check != NO_COUNTERPART], rung, model)
            climb.gone = tuple(sorted(draft.loose))
            return climb
        first = next(finding for finding in problems if finding.check != NO_COUNTERPART)
        return Climb(None, reason=first.check, detail=first.detail, raw=draft.raw, model=model)


_ABSENT: Final = object()


def _span_answer(reply: Reply) -> object:
    """The span that a reply names, ``_ABSENT`` if it says that there is none, None if it cannot be read."""
    answer = read_object(reply) if reply.finish == "stop" else None
    if answer is None or "span" not in answer:
        return None
    span = answer["span"]
    if span is None:
        return _ABSENT
    return span if isinstance(span, str) and span.strip() else None


_TOLD: Final[Mapping[str, str]] = {
    "lost_tag": "the piece {} is not marked",
    "doubled_tag": "the piece {} is marked more than once",
    "broken_tag": "the tag of the piece {} is not opened and closed in pairs",
    "no_counterpart": "no words render the piece {}; choose a wording that has some",
    "residual_kana": "{} is not translated",
    "residual_kanji": "{} is not translated",
    "residual_script": "{} is not translated",
    "copied_span": "{} may not be translated",
}


def _told(finding: Finding) -> str:
    """A finding as a model is told of it."""
    return _TOLD.get(finding.check, finding.check.replace("_", " ") + ": {}").format(finding.detail)


def split(tagged: Tagged, most_tags: int, most_chars: int, final: str) -> list[Part]:
    """Cut a text after sentences so that no part has too many tags or characters, as far as sentences allow.

    A cut never goes through a span. The parts, in order and with their leads, are the text.
    """
    text = tagged.text
    if len(tagged.spans) <= most_tags and len(text) <= most_chars:
        return [Part(text, tagged.spans)]
    cuts, parts, start = [*sentence_ends(tagged, final), len(text)], [], 0
    for this, following in zip(cuts, [*cuts[1:], None]):
        if following is not None:
            inside = sum(start <= left and right <= following for left, right in tagged.spans.values())
            if inside <= most_tags and following - start <= most_chars:
                continue
        parts.append(_slice(tagged, start, this))
        start = this
    return parts


def sentence_ends(tagged: Tagged, final: str) -> list[int]:
    """Where sentences end outside of all spans, behind closing brackets; short of the end of the text."""
    text, cuts = tagged.text, []
    for at in range(1, len(text)):
        ended = text[at - 1] in final or text[at - 1] == "\n"
        if ended and text[at] not in final and text[at] not in '」』）)】”’"\n':
            # In scripts with spaces a full stop ends a sentence only before one: 3.5, example.org.
            spaced = text[at - 1] not in ".!?" or text[at].isspace()
            if spaced and not any(left < at < right for left, right in tagged.spans.values()):
                cuts.append(at)
    return cuts


def _slice(tagged: Tagged, start: int, end: int) -> Part:
    inside = {number: (left, right) for number, (left, right) in tagged.spans.items() if start <= left and right <= end}
    at, text = start, tagged.text
    while at < end and text[at].isspace() and all(left > at for left, _ in inside.values()):
        at += 1
    spans = {number: (left - at, right - at) for number, (left, right) in inside.items()}
    return Part(text[at:end], spans, text[start:at], None if (start, end) == (0, len(text)) else text)


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
    for part, climb in zip(parts, climbs):
        assert climb.text is not None and whole.text is not None
        lead = part.lead if "\n" in part.lead or target or not source else ""
        between = bool(whole.text) and not (lead or whole.text[-1].isspace() or climb.text[:1].isspace())
        whole.text += target if between else lead
        at = len(whole.text)
        whole.text += climb.text
        whole.spans |= {number: (start + at, end + at) for number, (start, end) in climb.spans.items()}
        whole.gone += climb.gone
        whole.flags += [_moved(flag, at) for flag in climb.flags]
        whole.rung = max(whole.rung, climb.rung, key=RUNGS.index)
        whole.raw += climb.raw
        if climb.rung == RUNGS[3]:
            whole.model = climb.model
    return whole


def _moved(flag: Finding, by: int) -> Finding:
    if flag.start is None or flag.end is None:
        return flag
    return Finding(flag.check, flag.detail, flag.start + by, flag.end + by)
