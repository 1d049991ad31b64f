"""What an engine is: something that turns prompts into strings. All engines stand behind this interface."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Finish = Literal["stop", "length", "closed", "too_long"]
"""Why a reply ended: the model stopped; it reached the limit; it reached the limit under a grammar that kept what is complete
of it readable; or the prompt did not fit the model and nothing was generated."""


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt.

    Attributes:
        key: the caller's number of it.
        prompt: what ``mmm_dataset.prompt`` wrote.
        grammar: Lark grammar of the outputs that are allowed (:mod:`oiellm.predict.grammar`), or None for a free reply.
        reserve: bytes until the text-level label and the task word are complete, from the same module: with so many new tokens
            a reply that is cut still parses once repaired. 0 for a free reply.
    """

    key: int
    prompt: str
    grammar: str | None = None
    reserve: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back.

    Attributes:
        key: of the request.
        text: the completion, without special tokens, not yet repaired if it was cut.
        finish: see ``Finish``.
        tokens: number of new tokens, EOS included.
        batch: number of the batch it was generated in, from 0; -1 where an endpoint decides.
    """

    key: int
    text: str
    finish: Finish
    tokens: int
    batch: int


class Engine(Protocol):
    """The interface.

    Attributes:
        name: ``transformers``, ``continuous``, ``openai``; written to every prediction.
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
