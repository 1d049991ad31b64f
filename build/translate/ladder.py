"""The repair ladder, as a dialogue: tagged translation, single spans, rewriting, a stronger model, no counterpart, drop.

A row with many tags or a long text goes through it in parts, side by side. Everything the ladder does depends on the replies
alone, so that a rerun over cached replies takes the same way.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from build.markup import tag
from build.translate.checks import Checker
from build.translate.drafts import Draft, find_spans, read_draft
from build.translate.language import converter
from build.translate.parts import Part, split
from build.translate.prompts import Messages, Prompts
from build.translate.result import REPAIR_LEVELS, TranslationResult, join
from build.translate.rules import ASK, FAIL, OFF, Finding, Rules
from build.translate.span_checks import SpanChecker
from build.translate.tagging import Tagged
from oiellm.llm.answers import strict_schema
from oiellm.llm.calls import Call, Dialogue, Reply, together

TRANSLATION: Final = strict_schema("translation", translation={"type": "string"})
NO_COUNTERPART: Final = "no_counterpart"
_TAGS: Final = ("lost_tag", "doubled_tag", "broken_tag", NO_COUNTERPART)


@dataclass(slots=True)
class _Reported:
    """What a model has been told of a part.

    Attributes:
        times: how often it is told of a doubt before the finding counts as confirmed, by check; once where none is named.
        most: so often it is told of the doubts of one check, whatever they are.
        rewrites: how often for a fault; rounds that only put a doubt to the model do not count, or a doubt that comes up
            late would drop the row.
        doubts: as they were told.
        checks: how often each check's doubts were.
    """

    times: Mapping[str, int]
    most: int
    rewrites: int = 0
    doubts: Counter[tuple[str, str]] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)

    def confirmed(self, doubt: Finding) -> bool:
        """Whether the model has been told often enough: it means what it wrote."""
        told = self.doubts[doubt.check, doubt.detail]
        return told >= self.times.get(doubt.check, 1) or self.checks[doubt.check] >= self.most

    def forget_all_but(self, findings: Sequence[Finding]) -> None:
        """What a text no longer has, the model has not confirmed: if it comes again, it is a new doubt."""
        if not self.doubts:
            return
        here = {(finding.check, finding.detail) for finding in findings}
        self.doubts = Counter({doubt: times for doubt, times in self.doubts.items() if doubt in here})

    def add(self, doubts: Sequence[Finding]) -> None:
        """These are told now."""
        self.doubts.update({(doubt.check, doubt.detail) for doubt in doubts})
        self.checks.update({doubt.check for doubt in doubts})


class Ladder:
    """The repair ladder of one language pair and task family."""

    def __init__(
        self,
        prompts: Prompts,
        checker: Checker,
        spans: SpanChecker,
        rules: Rules,
        models: Sequence[str],
        *,
        drop_items: bool,
        convert: bool = False,
    ) -> None:
        """Set it up.

        Args:
            prompts, checker, spans, rules: see there.
            models: the model, and a stronger one if there is one.
            convert: whether OpenCC converts characters of the target language's other script.
            drop_items: whether an item without a counterpart is dropped and its row kept, or the whole row dropped.
        """
        self._prompts, self._checker, self._spans, self._rules = prompts, checker, spans, rules
        self._languages = (checker.source, checker.target)
        self._convert = converter(checker.target.convert) if convert and checker.target.convert else str
        self._models, self._drop_items = tuple(models), drop_items
        self._values: Mapping[str, Any] = rules.values["ladder"]
        self._times = {check: values["told"] for check, values in rules.values.items() if "told" in values}

    def translate(self, tagged: Tagged) -> Dialogue[TranslationResult]:
        """Translate a row: the target text with a place for every tag, or a reason to drop it."""
        limits = [self._values[name] for name in ("tags_per_call", "chars_per_call", "context_chars")]
        parts = split(tagged, self._checker.source.final, *limits)
        if len(parts) == 1:
            return (yield from self._part(parts[0]))
        results = yield from together([self._part(part) for part in parts])
        return join(parts, results, self._checker.source.joiner, self._checker.target.joiner)

    def examine(self, part: Part, reply: Reply) -> tuple[Draft, list[Finding]]:
        """What a reply to a part says, and everything that the checks find in it."""
        draft = self._read(reply, part)
        return draft, self._findings(part, draft)

    def _part(self, part: Part) -> Dialogue[TranslationResult]:
        if not part.text.strip():
            return TranslationResult(part.text, model=self._models[0])
        best = TranslationResult(None)
        tried: Counter[str] = Counter()
        for level, model in enumerate(self._models):
            if level:
                tried["stronger_model_tried"] += 1
            result = yield from self._with(model, part, tried)
            if level and result.text is not None:
                result.repair_level = REPAIR_LEVELS[3]
                tried["stronger_model_repaired"] += not result.dropped_spans
            if result.text is not None or best.text is None:
                best = result
            if result.text is not None and not result.dropped_spans:
                break
        if best.dropped_spans and not self._drop_items:
            start, end = part.spans[best.dropped_spans[0]]
            best.reason, best.detail = NO_COUNTERPART, f"{part.text[start:end]!r} has none in {best.text!r}"
            best.text = None
        best.tried = tried
        return best

    def _with(self, model: str, part: Part, tried: Counter[str]) -> Dialogue[TranslationResult]:
        """Repair levels 1 to 3 with one model."""
        text = tag(part.text, part.spans)
        draft = yield from self._translate(self._prompts.tagged(text, part.context), "tagged", model, part, 0)
        most = self._values["rewrites"]
        repair_level, reported = 0, _Reported(self._times, most and most + 1)
        for again in itertools.count(1):
            last = reported.rewrites == most
            if draft.is_unwrapped:
                tried["unwrapped"] += 1
            if self._can_be_found(draft) and (
                yield from find_spans(self._prompts, self._values, model, part, draft, tried)
            ):
                repair_level = max(repair_level, 1)
            findings = self._findings(part, draft)
            severe = [f for f in findings if self._severity(f) == FAIL]
            doubts = [f for f in findings if self._severity(f) == ASK and not reported.confirmed(f)]
            if not doubts and draft.text is not None and all(finding.check in _TAGS for finding in severe):
                reported.forget_all_but(findings)  # but for its tags, the text could stay
            if not severe and not doubts:
                return self._done(draft, findings, repair_level, model)
            only_dropped = all(finding.check == NO_COUNTERPART for finding in severe)
            if draft.is_final or (last and not (only_dropped and doubts)):
                break
            reported.rewrites += bool(severe) and not last
            reported.add(doubts)
            tried["rewrite_tried"] += 1
            problems = [_problem(finding) for finding in (*severe, *doubts)]
            messages = self._prompts.rewrite(text, draft.tagged, problems, part.context)
            draft = yield from self._translate(messages, "rewrite", model, part, again)
            repair_level = 2
        return self._given_up(draft, findings, severe, model, repair_level)

    def _translate(self, messages: Messages, purpose: str, model: str, part: Part, again: int) -> Dialogue[Draft]:
        # Reply and prompt are about equally long, but for tags and scripts with several tokens a character.
        size = len(part.text) + 8 * len(part.spans)
        limit = int(self._values["tokens_per_char"] * size) + self._values["tokens_more"]
        temperature = self._values["retry_temperature"] if again > 1 else 0.0
        call = Call(model, messages, limit, temperature, TRANSLATION, vote=max(0, again - 1), purpose=purpose)
        (reply,) = yield [call]
        return self._read(reply, part)

    def _read(self, reply: Reply, part: Part) -> Draft:
        return read_draft(reply, part.spans, part.text, self._languages, self._convert)

    def _can_be_found(self, draft: Draft) -> bool:
        """Whether to ask for loose spans: not in a text that cannot stay."""
        if draft.text is None or not draft.loose:
            return False
        return not any(self._severity(fault) == FAIL for fault in draft.faults)

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
        return findings + self._spans.findings(part.text, part.spans, draft.text, draft.spans)

    def _severity(self, finding: Finding) -> str:
        return self._rules.severity.get(finding.check, FAIL)

    def _done(self, draft: Draft, findings: list[Finding], repair_level: int, model: str) -> TranslationResult:
        assert draft.text is not None
        return TranslationResult(
            draft.text, dict(draft.spans), REPAIR_LEVELS[repair_level], model, flags=findings, raw=draft.raw
        )

    def _given_up(
        self, draft: Draft, findings: list[Finding], severe: list[Finding], model: str, repair_level: int
    ) -> TranslationResult:
        first = next((finding for finding in severe if finding.check != NO_COUNTERPART), None)
        if first is not None:
            return TranslationResult(None, reason=first.check, detail=first.detail, raw=draft.raw, model=model)
        result = self._done(draft, [f for f in findings if f.check != NO_COUNTERPART], repair_level, model)
        result.dropped_spans = tuple(sorted(draft.loose))
        return result


_PROBLEMS: Final[Mapping[str, str]] = {
    "lost_tag": "the piece {} is not marked",
    "doubled_tag": "the piece {} is marked more than once",
    "broken_tag": "the tag of the piece {} is not opened and closed in pairs",
    "no_counterpart": "no words render the piece {}; choose a wording that has some",
    "residual_kana": "{} is not translated",
    "residual_kanji": "{} is not translated",
    "residual_script": "{} is not translated",
    "copied_span": "{} may not be translated",
    "copied_run": "{} may not be translated",
    "markup_left": "{} is markup, or should be written &lt;, &gt; or &amp;",
}


def _problem(finding: Finding) -> str:
    """A finding as a model is told of it."""
    return _PROBLEMS.get(finding.check, finding.check.replace("_", " ") + ": {}").format(finding.detail)
