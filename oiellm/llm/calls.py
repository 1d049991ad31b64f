"""What is asked of a model and what comes back, apart from how it travels.

Work that needs a model is written as a dialogue: a generator that yields calls, a few at a time, receives their replies, and
returns what it made of them. It does no I/O, depends on nothing but the replies, and so can be driven live, in rounds of a
batch, from the cache alone, or by a test.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar

from oiellm.files import fast_dump

T = TypeVar("T")

Finish = Literal["stop", "length", "filter", "refused", "failed"]
"""``length``: cut at the limit. ``filter``: withheld by a content filter, or declined by the model. ``refused``: the
server rejects this very request for good, for example as too long; nothing was paid and the text says why. ``failed``: it did
not come, however often it was asked for, while others did; the text says why, and the next run asks again."""

FINISHES: Final = ("stop", "length", "filter", "refused", "failed")


@dataclass(frozen=True, slots=True)
class Call:
    """One chat completion.

    Attributes:
        model: name under which the endpoint knows the model.
        messages: (role, content) pairs in order.
        max_tokens: limit of the reply in tokens.
        temperature: 0 is greedy.
        schema: JSON schema of the reply for servers with structured outputs; others ignore it, so parse replies all the same.
        vote: number of the vote where the same question is asked several times.
        purpose: what the call is for, such as ``tagged`` or ``span``; usage is counted by it. Not part of the key.
    """

    model: str
    messages: tuple[tuple[str, str], ...]
    max_tokens: int
    temperature: float = 0.0
    schema: Mapping[str, Any] | None = None
    vote: int = 0
    purpose: str = field(default="", compare=False)

    @property
    def key(self) -> str:
        """SHA-256 of model, messages and parameters: equal calls are paid once."""
        asked = [self.model, self.messages, self.max_tokens, self.temperature, self.schema, self.vote]
        return hashlib.sha256(fast_dump(asked)).hexdigest()


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the text, how it ended, and tokens (-1 where the server does not say)."""

    text: str
    finish: Finish = "stop"
    prompt_tokens: int = -1
    completion_tokens: int = -1
    cached: bool = field(default=False, compare=False)


Dialogue = Generator[Sequence[Call], Sequence[Reply], T]
"""Yields calls that may be asked at the same time, receives as many replies in the same order, returns a result."""


def ask(call: Call) -> Dialogue[Reply]:
    """One call: ``reply = yield from ask(call)``."""
    (reply,) = yield [call]
    return reply


def together(dialogues: Sequence[Dialogue[T]]) -> Dialogue[list[T]]:
    """Several dialogues side by side as one: their calls go out together; returns their results in order."""
    results: dict[int, T] = {}
    waiting: dict[int, Sequence[Call]] = {}
    for number, dialogue in enumerate(dialogues):
        try:
            waiting[number] = next(dialogue)
        except StopIteration as end:
            results[number] = end.value
    while waiting:
        replies = iter((yield [call for calls in waiting.values() for call in calls]))
        for number, calls in list(waiting.items()):
            try:
                waiting[number] = dialogues[number].send([next(replies) for _ in calls])
            except StopIteration as end:
                results[number] = end.value
                del waiting[number]
    return [results[number] for number in range(len(dialogues))]
