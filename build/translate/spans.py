"""The second rung of the repair ladder: a span whose tag is lost, doubled or broken is asked for alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from build.markup import tag
from build.translate.drafts import Draft, settle
from build.translate.parts import Part
from build.translate.prompts import Prompts
from oiellm.llm.answers import read_object, strict_schema
from oiellm.llm.calls import Call, Dialogue, Reply

SPAN: Final = strict_schema("span", span={"type": ["string", "null"]})
_TOKENS: Final = 300
_ABSENT: Final = object()


def find_spans(
    prompts: Prompts, values: Mapping[str, Any], model: str, part: Part, draft: Draft, tried: Counter[str]
) -> Dialogue[bool]:
    """Ask for each loose span of a draft, ``span_tries`` times at most.

    Args:
        prompts, values: of the ladder.
        model: that is asked.
        part: the source.
        draft: changed in place: its tags settle, or are said to have no counterpart.
        tried: counts ``span_tried`` and ``span_repaired``.

    Returns:
        Whether any was settled.
    """
    settled = False
    wrong: dict[int, str] = {}
    for again in range(values["span_tries"]):
        asked = [number for number in draft.loose if number not in draft.absent]
        if not asked:
            break
        tried["span_tried"] += len(asked)
        temperature = values["retry_temperature"] if again else 0.0
        calls = []
        for number in asked:
            source = tag(part.text, {1: part.spans[number]})
            messages = prompts.span(source, draft.text or "", wrong.get(number))
            calls.append(Call(model, messages, _TOKENS, temperature, SPAN, vote=again, purpose="span"))
        replies = yield calls
        for number, reply in zip(asked, replies):
            answer = _answer(reply)
            if answer is _ABSENT:
                draft.absent.add(number)
            elif isinstance(answer, str) and settle(draft, number, answer, part.spans, part.text):
                settled = True
                tried["span_repaired"] += 1
            elif isinstance(answer, str):
                wrong[number] = answer
    return settled


def _answer(reply: Reply) -> object:
    """The span that a reply names, ``_ABSENT`` if it says that there is none, None if it cannot be read."""
    answer = read_object(reply) if reply.finish == "stop" else None
    if answer is None or "span" not in answer:
        return None
    span = answer["span"]
    if span is None:
        return _ABSENT
    return span if isinstance(span, str) and span.strip() else None
