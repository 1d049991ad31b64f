"""Calls as JSON: the body of a completion, and what a server does not take of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from oiellm.llm.calls import PROMPT, Call
from oiellm.llm.errors import unstructured
from oiellm.llm.options import Settings

CHAT: Final = "/chat/completions"
COMPLETIONS: Final = "/completions"
LIMITS: Final = ("max_tokens", "max_completion_tokens")
"""What servers call the limit of a reply."""
FORMAT: Final = "response_format"
SYSTEM: Final = "a system message"
_UNSUPPORTED: Final = re.compile(r"unsupported|not support|not allow|unknown|unrecognized|extra", re.IGNORECASE)
_FORMAT: Final = re.compile(r"response_format|json_schema|structured output", re.IGNORECASE)
_SYSTEM: Final = re.compile(
    r"system\b.{0,40}(\bnot\b|unsupported)|(\bnot\b|unsupported|unexpected|invalid)\b.{0,60}\bsystem\b|developer instruction"
    r"|roles must alternate|only.{0,20}\buser\b.{0,20}\broles?\b|unexpected message role|should be 'user'",
    re.IGNORECASE,
)
"""How chat templates and servers say that they know no system role."""
_MOST: Final = re.compile(
    r"(?:at most|maximum(?: allowed)?(?: value)?(?: is| of|:)|less than or equal to|<=|up to|\d >) ?(\d+)",
    re.IGNORECASE,
)
"""How servers tell the largest limit of a reply that a model takes."""


class Dialect:
    """What the server takes for one model; it shrinks as the server says what it does not."""

    def __init__(self, structured: bool, extra: Mapping[str, Any]) -> None:
        """Begin with everything.

        Args:
            structured: ask for structured outputs where a call has a schema.
            extra: goes into every request as it is.
        """
        self._limit = LIMITS[0]
        self._most: int | None = None
        self._temperature = self._system = True
        self._structured, self._extra = structured, extra

    def body(self, call: Call) -> dict[str, Any]:
        """The request."""
        body: dict[str, Any] = {
            "model": call.model,
            **self._asked(call.messages),
            self._limit: min(call.max_tokens, self._most or call.max_tokens),
        }
        if self._temperature:
            body["temperature"] = call.temperature
        if self._structured and call.schema is not None:
            name = str(call.schema.get("title", "reply"))
            schema = {"name": name, "strict": True, "schema": call.schema}
            body[FORMAT] = {"type": "json_schema", "json_schema": schema}
        if call.grammar:
            body["structured_outputs"] = {"grammar": call.grammar}
        return {**body, **self._extra}

    def _asked(self, messages: tuple[tuple[str, str], ...]) -> dict[str, Any]:
        if messages[0][0] == PROMPT:
            return {"prompt": messages[0][1]}
        if not self._system and messages[0][0] == "system":
            (_, told), *others = messages
            first = [told, others.pop(0)[1]] if others and others[0][0] == "user" else [told]
            messages = (("user", "\n\n".join(first)), *others)
        return {"messages": [{"role": role, "content": content} for role, content in messages]}

    def give_up(self, body: Mapping[str, Any], message: str) -> str:
        """Do without what the server rejected in ``body``, if its message names something that can be done without.

        Returns:
            What was given up, also if it was before; empty if nothing was, and the rejection stands.
        """
        if FORMAT in body and FORMAT not in self._extra and _FORMAT.search(message):
            self._structured = False
            return FORMAT
        if body.get("messages", [{}])[0].get("role") == "system" and _SYSTEM.search(message):
            self._system = False
            return SYSTEM
        if _UNSUPPORTED.search(message):
            if "max_tokens" in body and "max_completion_tokens" in message:
                self._limit = LIMITS[1]
                return LIMITS[0]
            if "temperature" in body and "temperature" in message and "temperature" not in self._extra:
                self._temperature = False
                return "temperature"
        limit = body.get(self._limit)
        if limit and (most := _most_tokens(message)) and 0 < most < limit:
            self._most = min(most, self._most or most)
            return f"{self._limit} above {most}"
        return ""


class Dialects:
    """What the server takes, by model."""

    def __init__(self, settings: Settings, note: Callable[[str], None]) -> None:
        """``note`` is told once of each thing that the server does not take."""
        self._settings, self._note = settings, note
        self._of: dict[str, Dialect] = {}
        self._noted: set[str] = set()

    def body(self, call: Call) -> dict[str, Any]:
        """The request."""
        return self._dialect(call.model).body(call)

    def give_up(self, model: str, body: Mapping[str, Any], message: str) -> bool:
        """Whether the request can be sent again without what the server rejected in it.

        Raises:
            OiellmError: it takes no structured outputs and ``--structured on`` wants them.
        """
        if not (given_up := self._dialect(model).give_up(body, message)):
            return False
        if given_up == FORMAT and self._settings.structured == "on":
            raise unstructured(self._settings, message)
        if given_up not in self._noted:
            self._noted.add(given_up)
            instead = "the instruction goes into the user's message" if given_up == SYSTEM else "going on without"
            self._note(f"the server does not take {given_up} ({message}); {instead}")
        return True

    def _dialect(self, model: str) -> Dialect:
        return self._of.setdefault(model, Dialect(self._settings.structured != "off", self._settings.extra_body))


def _most_tokens(message: str) -> int | None:
    """The largest limit of a reply that a rejection names; None if it is about something else, such as a long prompt."""
    if not re.search(r"max_(?:completion_)?tokens", message) or "context" in message:
        return None
    found = _MOST.search(message)
    return int(found[1]) if found else None
