"""Calls and replies as JSON: the body of a chat completion, what an answer says, and what a server does not take."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from oiellm.llm.calls import Call, Finish, Reply

PATH: Final = "/chat/completions"
LIMITS: Final = ("max_tokens", "max_completion_tokens")
"""What servers call the limit of a reply."""
_UNSUPPORTED: Final = re.compile(r"unsupported|not support|not allow|unknown|unrecognized|extra", re.IGNORECASE)
_FORMAT: Final = re.compile(r"response_format|json_schema|structured output", re.IGNORECASE)
_MOST: Final = re.compile(
    r"(?:at most|maximum(?: allowed)?(?: value)?(?: is| of|:)|less than or equal to|<=|up to|\d >) ?(\d+)",
    re.IGNORECASE,
)
"""How servers tell the largest limit of a reply that a model takes."""

NO_COMPLETION: Final = "the answer is no chat completion; the address of most servers ends in /v1"


class NoCompletionError(Exception):
    """An answer that is no chat completion."""


class Dialect:
    """What the server takes for one model; it shrinks as the server says what it does not."""

    def __init__(self, structured: bool) -> None:
        """``structured``: ask for structured outputs where a call has a schema."""
        self._limit = LIMITS[0]
        self._most: int | None = None
        self._temperature = True
        self._structured = structured

    def body(self, call: Call) -> dict[str, Any]:
        """The request."""
        body: dict[str, Any] = {
            "model": call.model,
            "messages": [{"role": role, "content": content} for role, content in call.messages],
            self._limit: min(call.max_tokens, self._most or call.max_tokens),
        }
        if self._temperature:
            body["temperature"] = call.temperature
        if self._structured and call.schema is not None:
            name = str(call.schema.get("title", "reply"))
            schema = {"name": name, "strict": True, "schema": call.schema}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body

    def give_up(self, body: Mapping[str, Any], message: str) -> str:
        """Do without what the server rejected in ``body``, if its message names something that can be done without.

        Returns:
            What was given up, also if it was before; empty if nothing was, and the rejection stands.
        """
        if "response_format" in body and _FORMAT.search(message):
            self._structured = False
            return "response_format"
        if _UNSUPPORTED.search(message):
            if "max_tokens" in body and "max_completion_tokens" in message:
                self._limit = LIMITS[1]
                return LIMITS[0]
            if "temperature" in body and "temperature" in message:
                self._temperature = False
                return "temperature"
        limit = body.get(self._limit)
        if limit and (most := _most_tokens(message)) and 0 < most < limit:
            self._most = min(most, self._most or most)
            return f"{self._limit} above {most}"
        return ""


def read_answer(answer: Any) -> Reply:
    """The reply in the JSON of a chat completion.

    Raises:
        NoCompletionError: it is none.
    """
    try:
        choice = answer["choices"][0]
        message, finish = choice["message"], choice.get("finish_reason")
        text, refusal = message.get("content"), message.get("refusal")
        usage = answer.get("usage") or {}
        tokens = [usage.get(name) for name in ("prompt_tokens", "completion_tokens")]
    except (TypeError, KeyError, IndexError, AttributeError) as error:
        raise NoCompletionError from error
    if not isinstance(text, str):  # null where the model said nothing, which is paid all the same
        text = refusal if isinstance(refusal, str) else ""
    ends: dict[str, Finish] = {"length": "length", "content_filter": "filter"}
    how = "filter" if refusal else ends.get(finish, "stop")
    prompt, completion = (count if isinstance(count, int) else -1 for count in tokens)
    # Half a surrogate pair, which some servers send, is no text: it could not be stored.
    return Reply(text.encode("utf-8", "replace").decode(), how, prompt, completion)


def error_message(body: Any, key: str) -> str:
    """The first line of what a server says in an error, at most 300 characters, without the key.

    Args:
        body: of the error.
        key: that was sent along; it is taken out before the line is cut, or its beginning could stay.
    """
    found = body
    for name in ("error", "message"):
        found = found.get(name, found) if isinstance(found, dict) else found
    text = (str(found).strip().splitlines() or [""])[0]
    return (text.replace(key, "[key]") if key else text)[:300]


def _most_tokens(message: str) -> int | None:
    """The largest limit of a reply that a rejection names; None if it is about something else, such as a long prompt."""
    if not re.search(r"max_(?:completion_)?tokens", message) or "context" in message:
        return None
    found = _MOST.search(message)
    return int(found[1]) if found else None
