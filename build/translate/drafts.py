"""A draft of a translation: what a reply says, read as far as it can be read, what is wrong with it, and its loose spans.

Those whose tags are lost, doubled or broken are asked for at the second repair level, all of a text in one call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from build.markup import Place, scan, tag
from build.translate.language import LanguageProfile
from build.translate.parts import Part
from build.translate.prompts import Prompts
from build.translate.rules import Finding
from build.translate.tag_edges import clean_tags, markup_left, trim
from build.translate.wrapping import FINAL_MARK, added_text, is_refusal, unwrap
from mmm_f1.locate import occurrences
from oiellm.llm.answers import read_object, strict_schema
from oiellm.llm.calls import Call, Dialogue, Reply

NO_ANSWERS: Final = {
    "refused": "reply_refused",
    "too_long": "too_long",
    "filter": "reply_filter",
    "failed": "no_reply",
}
"""How a call ends that the same model would not answer if it were asked again, and the reason that it is for a drop."""
_SPAN: Final = {"type": ["string", "null"]}
_TOKENS: Final = 200
_TOKENS_EACH: Final = 100


@dataclass(slots=True)
class Draft:
    """A translation that may not be finished.

    Attributes:
        text: the plain target text; None if the reply had none that can be used.
        spans: tag number to its place, for tags that are settled.
        loose: tag number to the places it could have: none if the tag is lost, several if it came more than once.
        broken: those of ``loose`` that were not opened and closed in pairs.
        absent: those of ``loose`` that a model says have no counterpart.
        faults: what is wrong with the reply itself.
        raw: the reply, for the drop file.
        is_unwrapped: whether something around the translation, or in its tags, was stripped.
    """

    text: str | None
    spans: dict[int, Place] = field(default_factory=dict)
    loose: dict[int, list[Place]] = field(default_factory=dict)
    broken: set[int] = field(default_factory=set)
    absent: set[int] = field(default_factory=set)
    faults: list[Finding] = field(default_factory=list)
    raw: str = ""
    is_unwrapped: bool = False

    @property
    def tagged(self) -> str | None:
        """The text with the tags that are settled."""
        return None if self.text is None else tag(self.text, self.spans)

    @property
    def is_final(self) -> bool:
        """Whether asking the same model again is no use."""
        return any(fault.check in NO_ANSWERS.values() for fault in self.faults)


def read_draft(
    reply: Reply,
    wanted: Mapping[int, Place],
    source: str,
    languages: tuple[LanguageProfile, LanguageProfile],
    convert: Callable[[str], str] = str,
) -> Draft:
    """Read the reply to a translation or rewrite: its JSON object, or the bare text that some models give instead.

    Args:
        reply: what came back.
        wanted: the tags of the source, with their places.
        source: the plain source text.
        languages: of source and target.
        convert: what the text goes through before its tags are read.
    """
    if (reason := NO_ANSWERS.get(reply.finish)) is not None:
        return Draft(None, faults=[Finding(reason, reply.text[:200])], raw=reply.text)
    if reply.finish == "length":
        return Draft(None, faults=[Finding("truncated", "cut at the token limit")], raw=reply.text)
    answer = read_object(reply)
    text = _bare_text(reply.text) if answer is None else answer.get("translation")
    if not isinstance(text, str):
        detail = f"no JSON object with a translation: {reply.text[:80]!r}"
        return Draft(None, faults=[Finding("malformed_reply", detail)], raw=reply.text)
    unwrapped = unwrap(convert(text), wanted, source, languages)
    unwrapped = clean_tags(unwrapped, wanted, source, spaced=bool(languages[1].joiner))
    draft = read_tagged(unwrapped, wanted, source, reply.text)
    draft.is_unwrapped = unwrapped != text
    return draft


def _bare_text(text: str) -> str | None:
    """The text of a reply without JSON, behind the thoughts of a reasoning model; None if it is cut JSON or none at all."""
    text = text.rpartition("</think>")[2]
    is_json = text.lstrip().startswith(("{", "[{", "```json", "<think>")) or '"translation"' in text
    if is_json or is_refusal(text) or not any(map(str.isalnum, text)) or text.strip() in ("null", "None"):
        return None
    try:
        text.encode()
    except UnicodeEncodeError:
        return None
    return text


def read_tagged(tagged: str, wanted: Mapping[int, Place], source: str, raw: str) -> Draft:
    """Read a tagged translation."""
    found = scan(tagged)
    draft = Draft(found.text, raw=raw)
    if not found.text.strip() and source.strip():
        return Draft(None, faults=[Finding("empty_translation", "")], raw=raw)
    if "\ufffd" in found.text and "\ufffd" not in source:
        return Draft(None, faults=[Finding("malformed_reply", "broken characters")], raw=raw)
    for number, (start, end) in wanted.items():
        piece = source[start:end]
        places = [place for given in found.places.get(number, ()) if (place := trim(found.text, given, piece))]
        places = [place for place in places if _can_render(found.text[slice(*place)], piece)]
        if len(places) == 1 and number not in found.unpaired:
            draft.spans[number] = places[0]
        else:
            draft.loose[number] = places
        if any(
            _ends_within(found.text, given, place, source) for given, place in zip(found.places.get(number, ()), places)
        ):
            draft.faults.append(Finding("span_mark", f"the mark at the end of <{number}>"))
    draft.broken = set(found.unpaired)
    if strange := sorted({*found.places, *found.unpaired} - set(wanted)):  # reading has taken it out of the text
        draft.faults.append(Finding("invented_tag", f"<{strange[0]}>"))
    if (piece_left := markup_left(source, found.text)) is not None:
        draft.faults.append(Finding("markup_left", piece_left))
    if (added := added_text(source, found.text)) is not None:
        draft.faults.append(Finding("added_text", added))
    return draft


def _ends_within(text: str, given: Place, place: Place, source: str) -> bool:
    """Whether a tag held a full stop that may be none of the sentence's: the text has more of them than its source."""
    mark = text[place[1] : given[1]]
    return bool(FINAL_MARK.search(mark)) and len(FINAL_MARK.findall(text)) > len(FINAL_MARK.findall(source))


def _can_render(words: str, piece: str) -> bool:
    """Whether the words can be a counterpart: marks and invisible characters alone are none of a piece that has letters."""
    return any(map(str.isalnum, words)) or not any(map(str.isalnum, piece))


def settle(draft: Draft, number: int, answer: str, places: Mapping[int, Place], source: str) -> bool:
    """Set a loose tag to the place of an answered span, if there is one.

    Of several occurrences those count that overlap no other span, unless the two overlap in the source or are the same words
    there; of these the one nearest to where the source has it. A tag that came more than once chooses among its own places.

    Args:
        draft: changed in place.
        number: the loose tag.
        answer: what the model says renders it.
        places, source: of the source.

    Returns:
        Whether the answer is a part of the text with a free place.
    """
    text = draft.text or ""
    answer = answer.strip()
    if not _can_render(answer, source[slice(*places[number])]):
        return False
    own = [place for place in draft.loose[number] if text[place[0] : place[1]] == answer]
    found = own or [(start, start + len(answer)) for start in occurrences(text, answer)]
    free = [place for place in found if _is_free(place, number, draft, places, source)]
    if not free:
        return False
    middle = sum(places[number]) / (2 * max(1, len(source))) * len(text)
    draft.spans[number] = min(free, key=lambda place: (abs(sum(place) / 2 - middle), place))
    del draft.loose[number]
    draft.absent.discard(number)
    return True


def _is_free(place: Place, number: int, draft: Draft, places: Mapping[int, Place], source: str) -> bool:
    start, end = places[number]
    for other, (left, right) in draft.spans.items():
        if left < place[1] and place[0] < right:
            a, b = places[other]
            if not (a < end and start < b) and source[a:b] != source[start:end]:
                return False
    return True


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
