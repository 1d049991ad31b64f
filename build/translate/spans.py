"""The second repair level: spans whose tags are lost, doubled or broken are asked for, all of a text in one call."""

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

_SPAN: Final = {"type": ["string", "null"]}
_TOKENS: Final = 200
_TOKENS_EACH: Final = 100


def find_spans(
    prompts: Prompts, values: Mapping[str, Any], model: str, part: Part, draft: Draft, tried: Counter[str]
) -> Dialogue[bool]:
    """Ask for the loose spans of a draft, ``span_tries`` times at most.

    Args:
        prompts, values: of the ladder.
        model: that is asked.
        part: the source.
        draft: changed in place: its tags settle, or are said to have no counterpart.
        tried: counts ``span_tried`` and ``span_repaired``, tags both.

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
        source = tag(part.text, {number: part.spans[number] for number in asked})
        messages = prompts.spans(source, draft.text or "", {n: answer for n, answer in wrong.items() if n in asked})
        limit = _TOKENS + _TOKENS_EACH * len(asked)
        temperature = values["retry_temperature"] if again else 0.0
        schema = strict_schema("spans", **{str(number): _SPAN for number in asked})
        (reply,) = yield [Call(model, messages, limit, temperature, schema, vote=again, purpose="span")]
        for number, answer in _answers(reply, asked).items():
            if answer is None:
                draft.absent.add(number)
            elif settle(draft, number, answer, part.spans, part.text):
                settled = True
                tried["span_repaired"] += 1
            else:
                wrong[number] = answer
    return settled


def _answers(reply: Reply, asked: list[int]) -> dict[int, str | None]:
    """The spans that a reply names, None where it says that there is none; numbers that it passes over are missing."""
    answer = read_object(reply) if reply.finish == "stop" else None
    if answer is None:
        return {}
    if isinstance(answer.get("spans"), dict):
        answer = answer["spans"]
    elif len(asked) == 1 and "span" in answer:
        answer = {str(asked[0]): answer["span"]}
    found = {number: answer[key] for number in asked for key in (str(number), f"<{number}>") if key in answer}
    return {number: span for number, span in found.items() if span is None or (isinstance(span, str) and span.strip())}
