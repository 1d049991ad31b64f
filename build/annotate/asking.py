"""The dialogues of one vote: ask, read strictly, ask once more where the reply is no answer, once for items not in the text."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import SequenceMatcher
from typing import Final

from build.annotate.question import Question
from build.annotate.replies import MALFORMED, Unreadable, field_key, match_label, read_items, read_label
from build.annotate.votes import ABSTAINED, Vote
from mmm_dataset import Failure, Item, decode
from mmm_dataset.files import dump
from mmm_f1.unified import ENTITY_NOT_IN_TEXT, LABEL, REPEATED_PAIR, UNKNOWN_LABEL, is_span, render
from oiellm.llm.calls import Call, Dialogue, Reply, T, ask
from oiellm.predict.deviations import ENTITY_SPELLING
from oiellm.predict.surface import find_surface

NOT_IN_TEXT: Final = "item_not_in_text"
TRUNCATED: Final = "truncated"
_GIVEN_UP: Final = {"filter": "filter", "refused": "refused", "too_long": "too_long", "failed": "no_reply"}
"""Finishes that a second try would not change, and the reason that each is."""
_BREAKS: Final = ("Cc", "Zl", "Zp")

Fields = tuple[str, ...]
"""The fields of an item, in the order of the question's roles."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about one text, to one model.

    Attributes:
        question: see :class:`Question`.
        text: the row's.
        model: name of the model.
        temperature: of every call.
        task_words: roles per task word, of the registry.
        word: the row's task word.
    """

    question: Question
    text: str
    model: str
    temperature: float
    task_words: Mapping[str, Sequence[str]]
    word: str

    def call(self, vote: int) -> Call:
        """The first call of a vote."""
        question = self.question
        return Call(
            self.model,
            question.messages(self.text),
            question.max_tokens(self.text),
            self.temperature,
            question.schema,
            vote,
            question.level,
        )


def text_vote(asked: Asked, vote: int) -> Dialogue[Vote]:
    """One vote on the text-level label."""

    def read(reply: Reply) -> tuple[str | None, float | None]:
        label, stated = read_label(reply, asked.question.labels)
        return label if label is None else _label(label, asked.question), stated

    answer, failure, replies = yield from _answer(asked, asked.call(vote), read)
    if answer is None:
        return Vote(failure=failure, replies=replies)
    label, stated = answer
    return Vote(label, stated, ABSTAINED if label is None else None, replies)


def word_vote(asked: Asked, vote: int) -> Dialogue[Vote]:
    """One vote on the items: those that are in the text, under a label that is allowed, with offsets."""
    roles, call = asked.question.roles, asked.call(vote)
    answer, failure, replies = yield from _answer(asked, call, lambda reply: read_items(reply, roles))
    if answer is None or answer[0] is None:
        return Vote(None, answer and answer[1], failure or ABSTAINED, replies)
    good, bad, respelled = _sort_out(answer[0], asked)
    if bad:
        more, reply = yield from _repair(asked, call, replies[-1], [fields for fields, _ in bad])
        replies = (*replies, reply)
        # A model that repeats its whole list instead of the items asked for has answered as well.
        fresh = more if len(more) <= len(bad) else list((Counter(more) - Counter(good)).elements())
        added, _, more_respelled = _sort_out(fresh, asked)
        respelled += more_respelled
        good, bad = good + added, _left(bad, added, roles)
    items, notes = _place(good, asked)
    notes += [(reason, _show(fields, roles)) for fields, reason in bad]
    notes += [(ENTITY_SPELLING, _show(fields, roles)) for fields in respelled]
    return Vote(items, answer[1], None, replies, tuple(notes))


def _answer(
    asked: Asked, call: Call, read: Callable[[Reply], T]
) -> Dialogue[tuple[T | None, str | None, tuple[str, ...]]]:
    """What the reply says, or why it says nothing after two tries; and the raw replies."""
    replies: tuple[str, ...] = ()
    failure = MALFORMED
    for _ in range(2):
        reply = yield from ask(call)
        replies = (*replies, reply.text)
        if reply.finish in _GIVEN_UP:
            return None, _GIVEN_UP[reply.finish], replies
        if reply.finish == "length":
            failure, call = TRUNCATED, replace(call, max_tokens=2 * call.max_tokens)
        else:
            try:
                return read(reply), None, replies
            except Unreadable as error:
                failure = error.reason
                problem = asked.question.phrases["again"].replace("{problem}", str(error))
                call = replace(call, messages=_answered(call.messages, reply.text, problem))
        call = replace(call, purpose=f"{asked.question.level}_again")
    return None, failure, replies


def _answered(messages: tuple[tuple[str, str], ...], reply: str, more: str) -> tuple[tuple[str, str], ...]:
    # Some servers refuse an assistant's turn without content.
    said = (("assistant", reply),) if reply.strip() else ()
    return (*messages, *said, ("user", more))


def _label(label: str, question: Question) -> str:
    """The label as it is written. Raises Unreadable if it is none of the closed set, or too long to be one."""
    if question.labels is None:
        longest = question.limits.label_characters
        if not 0 < len(label) <= longest or any(unicodedata.category(char) in _BREAKS for char in label):
            raise Unreadable(MALFORMED, f"a label is 1 to {longest} characters on one line")
        return label
    if (written := match_label(label, question.labels)) is None:
        allowed = ", ".join(dict.fromkeys(question.labels.values()))
        raise Unreadable(UNKNOWN_LABEL, f"label must be one of: {allowed}")
    return written


def _sort_out(given: Sequence[Fields], asked: Asked) -> tuple[list[Fields], list[tuple[Fields, str]], list[Fields]]:
    """The items that can stand, labels and entities as they are written; those that cannot, each with the reason; and those
    of the first whose entities the model spelled otherwise, as it did."""
    roles = asked.question.roles
    good: list[Fields] = []
    bad: list[tuple[Fields, str]] = []
    respelled: list[Fields] = []
    for fields in given:
        try:
            label = _label(fields[roles.index(LABEL)], asked.question)
        except Unreadable:
            bad.append((fields, UNKNOWN_LABEL))
            continue
        found = [find_surface(asked.text, one) if is_span(role) and one else one for role, one in zip(roles, fields)]
        places = [one for role, one in zip(roles, found) if role != LABEL]
        if None in found or not any(places) or not all(one or role.endswith("?") for role, one in zip(roles, found)):
            bad.append((fields, NOT_IN_TEXT))
            continue
        good.append(tuple(label if role == LABEL else one or "" for role, one in zip(roles, found)))
        if any(one != other for role, one, other in zip(roles, fields, found) if role != LABEL):
            respelled.append(fields)
    return good, bad, respelled


def _repair(asked: Asked, call: Call, reply: str, bad: Sequence[Fields]) -> Dialogue[tuple[list[Fields], str]]:
    """What the model has to say about items that cannot stand; nothing if its reply is no answer."""
    shown = ", ".join(_show(fields, asked.question.roles) for fields in bad)
    again = asked.question.phrases["repair"].replace("{items}", shown)
    messages = _answered(asked.question.messages(asked.text), reply, again)
    answer = yield from ask(replace(call, messages=messages, purpose=f"{asked.question.level}_repair"))
    if answer.finish != "stop":
        return [], answer.text
    try:
        return read_items(answer, asked.question.roles)[0] or [], answer.text
    except Unreadable:
        return [], answer.text


def _left(bad: list[tuple[Fields, str]], added: Sequence[Fields], roles: Sequence[str]) -> list[tuple[Fields, str]]:
    """The bad items that no added one stands for: each stands for the one it is most like."""
    left = list(bad)
    for fields in added[: len(bad)]:
        corrected = _show(fields, roles)
        left.remove(max(left, key=lambda one: SequenceMatcher(None, _show(one[0], roles), corrected).ratio()))
    return left


def _place(given: Sequence[Fields], asked: Asked) -> tuple[tuple[Item, ...], list[tuple[str, str]]]:
    """The items with their offsets by the rule of the codec; what is listed more often than it occurs is left out."""
    once = list(dict.fromkeys(given)) if sum(map(is_span, asked.question.roles)) > 1 else list(given)
    output = render("-", asked.word, once, task_words=asked.task_words)
    decoded = decode(output, asked.word, text=asked.text, task_words=asked.task_words)
    if isinstance(decoded, Failure):
        raise AssertionError(f"what was rendered does not read back: {decoded.detail}")
    if lost := [issue for issue in decoded.issues if issue.kind == ENTITY_NOT_IN_TEXT]:
        raise AssertionError(f"sorted out before: {lost[0].detail}")
    items = tuple(item for item in decoded.items if all(span.start is not None for span in item.spans))
    repeated = list((Counter(given) - Counter(once)).elements())
    notes = [(REPEATED_PAIR, _show(fields, asked.question.roles)) for fields in repeated]
    notes += [(issue.kind, issue.detail) for issue in decoded.issues]
    return items, notes


def _show(fields: Fields, roles: Sequence[str]) -> str:
    return dump({field_key(role): field for role, field in zip(roles, fields)})
