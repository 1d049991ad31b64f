"""A second look at a finished translation: back again and compared, or rated by a model. It flags and never repairs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

from build.translate.prompts import Prompts
from build.translate.rules import OFF, Finding, Plan
from oiellm.llm.answers import read_object, strict_schema
from oiellm.llm.calls import Call, Dialogue

_TRANSLATION: Final = strict_schema("translation", translation={"type": "string"})
_SCORE: Final = strict_schema("score", score={"type": "integer"})
SCORE_TOKENS: Final = 50


def quality_check(
    source: str, target: str, tagged_source: str, tagged_target: str, prompts: Prompts, plan: Plan
) -> Dialogue[list[Finding]]:
    """Ask for what the plan wants: a back-translation, a rating, or both at once.

    Args:
        source, target: plain texts.
        tagged_source, tagged_target: the same with their tags, for the judge, who so sees tags around the wrong words.
        prompts: of the pair; the kind ``back`` names the languages in the other order.
        plan: says which, and the thresholds.

    Returns:
        Findings ``back_translation`` and ``quality`` that are below their thresholds, or whose reply cannot be read.
    """
    calls = []
    if plan.back:
        limit = int(plan.rules.ladder("tokens_per_char") * len(source)) + plan.rules.ladder("tokens_more")
        calls.append(Call(plan.model, prompts.plain("back", text=target), limit, schema=_TRANSLATION, purpose="back"))
    if plan.judge:
        messages = prompts.plain("judge", source=tagged_source, translation=tagged_target)
        calls.append(Call(plan.judge, messages, SCORE_TOKENS, schema=_SCORE, purpose="judge"))
    replies = yield calls
    found = []
    for call, reply in zip(calls, replies):
        check = "back_translation" if call.purpose == "back" else "quality"
        if plan.rules.severity[check] == OFF:
            continue
        answer = read_object(reply) or {}
        score = _compared(answer, source) if call.purpose == "back" else _rating(answer.get("score"))
        if score is None:
            found.append(Finding(check, "the reply cannot be read"))
        elif score < plan.rules.values[check]["low"]:
            found.append(Finding(check, f"{score:.0f} of 100"))
    return found


def _compared(answer: Mapping[str, Any], source: str) -> float | None:
    text = answer.get("translation")
    return _chrf(text, source) if isinstance(text, str) else None


def _rating(value: object) -> float | None:
    """A number, which some models write as a string; None if it is none from 0 to 100."""
    try:
        score = float(value) if isinstance(value, (int, float, str)) and not isinstance(value, bool) else math.nan
    except (ValueError, OverflowError):
        return None
    return score if 0 <= score <= 100 else None


def _chrf(hypothesis: str, reference: str) -> float:
    """chrF of sacrebleu (Popović 2015): character n-grams up to 6, from 0 to 100."""
    from sacrebleu.metrics import CHRF

    return float(CHRF().sentence_score(hypothesis, [reference]).score)
