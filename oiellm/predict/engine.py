"""What an engine is: something that turns prompts into strings. All engines stand behind this interface."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol, runtime_checkable

Finish = Literal["stop", "length", "closed", "looped", "too_long", "filter", "refused"]
"""Why a reply ended: the model stopped; it reached the limit; it reached the limit under a grammar that kept what is complete
of it readable; it listed again and again what it had listed, and was ended under a grammar; the prompt did not fit the model
and nothing was generated; a content filter withheld it or the model declined; or the server rejects this very request for
good, and the text says why."""

Messages = tuple[tuple[str, str], ...]
"""Role and content of the messages of a chat, in order."""


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt.

    Attributes:
        key: the caller's number of it.
        prompt: what ``mmm_dataset.prompt`` or a style wrote; of a chat, its messages as one string.
        grammar: Lark grammar of the outputs that are allowed (:mod:`oiellm.predict.grammar`), or None for a free reply.
        reserve: bytes until the text-level label and the task word are complete, from the same module: with so many new tokens
            a reply that is cut still parses once repaired. 0 for a free reply.
        messages: of a chat; a model with a chat template gets these in place of the prompt.
        schema: JSON schema of the reply, for servers with structured outputs; others do not look at it.
    """

    key: int
    prompt: str
    grammar: str | None = None
    reserve: int = 0
    messages: Messages = ()
    schema: Mapping[str, Any] | None = None


class Token(NamedTuple):
    """A token of a reply: its characters, half-open, and how probable the model found it."""

    start: int
    end: int
    probability: float


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        key: of the request.
        text: the completion, without special tokens, not yet repaired if it was cut.
        finish: see ``Finish``.
        tokens: number of new tokens, EOS included.
        batch: number of the batch it was generated in, from 0; -1 where an endpoint decides.
        probabilities: the tokens of ``text``, in order; empty where the engine does not know them.
    """

    key: int
    text: str
    finish: Finish
    tokens: int
    batch: int
    probabilities: tuple[Token, ...] = ()


class Engine(Protocol):
    """The interface.

    Attributes:
        name: ``transformers``, ``continuous``, ``openai``, ``chat``; written to every prediction.
        model: what the user called the model.
        dtype: of the weights, as in ``bfloat16``; ``unknown`` behind an endpoint.
        at_once: requests that it works on together: a measurement over fewer says nothing about its speed.
    """

    name: str
    model: str
    dtype: str
    at_once: int

    def generate(self, requests: Sequence[Request], max_new_tokens: int) -> Iterator[Reply]:
        """Greedy replies, one per request, in whatever order they become ready."""
        ...


@runtime_checkable
class Metered(Protocol):
    """An engine whose replies are counted, as they are paid for."""

    def usage(self) -> list[dict[str, Any]]:
        """Calls, tokens and dollars so far, see :meth:`oiellm.llm.session.Session.usage`."""
        ...
