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

Finish = Literal["stop", "length", "filter", "refused", "failed", "too_long", "empty"]
"""``length``: cut at the limit. ``filter``: withheld by a content filter, or declined by the model. ``refused``: the
server rejects this very request for good; nothing was paid and the text says why. ``too_long``: the same, because it does not
fit. ``failed``: it did not come, however often it was asked for, while others did; the text says why. ``empty``: the model
stopped without a word, however often it was asked; this was paid."""

FINISHES: Final = ("stop", "length", "filter", "refused", "failed", "too_long", "empty")
PASSING: Final = frozenset({"refused", "failed", "too_long", "empty"})
"""Finishes of replies that say nothing: the next run asks again."""
PROMPT: Final = "prompt"
"""The role of the only message of a call that is a plain completion and no chat."""


@dataclass(frozen=True, slots=True)
class Call:
    """One chat completion, or one plain completion.

    Attributes:
        model: name under which the endpoint knows the model.
        messages: (role, content) pairs in order; of a plain completion one pair with the role ``PROMPT``.
        max_tokens: limit of the reply in tokens.
        temperature: 0 is greedy.
        schema: JSON schema of the reply for servers with structured outputs; others ignore it, so parse replies all the same.
        vote: number of the vote where the same question is asked several times.
        purpose: what the call is for, such as ``tagged`` or ``span``; usage is counted by it. Not part of the key.
        grammar: of the reply, for plain completions of servers with structured outputs.
    """

    model: str
    messages: tuple[tuple[str, str], ...]
    max_tokens: int
    temperature: float = 0.0
    schema: Mapping[str, Any] | None = None
    vote: int = 0
    purpose: str = field(default="", compare=False)
    grammar: str | None = None

    @property
    def key(self) -> str:
        """SHA-256 of model, messages and parameters: equal calls are paid once."""
        asked: list[Any] = [self.model, self.messages, self.max_tokens, self.temperature, self.schema, self.vote]
        asked += [self.grammar] if self.grammar else []
        return hashlib.sha256(fast_dump(asked)).hexdigest()


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the text, how it ended, and tokens (-1 where the server does not say).

    ``thoughts_alone``: the model thought, and stopped without an answer.
    """

    text: str
    finish: Finish = "stop"
    prompt_tokens: int = -1
    completion_tokens: int = -1
    cached: bool = field(default=False, compare=False)
    thoughts_alone: bool = field(default=False, compare=False)


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
