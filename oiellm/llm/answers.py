"""Replies that should be JSON objects: many servers ignore the schema that they were sent, so nothing is taken on trust."""

from __future__ import annotations

import json
from collections.abc import Mapping
from string import ascii_letters
from typing import Any, Final

from oiellm.llm.calls import Reply

_THOUGHT = "</think>"
_FENCE = "```"

_DECODER = json.JSONDecoder(strict=False)
"""Models write line breaks inside strings."""


REASONING: Final = ("reasoning_content", "reasoning")
"""Where servers put what a model thinks before its answer."""


def message_text(message: Mapping[str, Any]) -> str:
    """What a chat message says, wherever its server put it; empty if it says nothing but thoughts.

    Content is a string or a list of parts, of which those of text count. Where it is blank, the arguments of the first tool
    that was called are the answer, or what follows the thoughts in a field for thoughts.
    """
    content = message.get("content")
    parts = content if isinstance(content, list) else [content]
    said = "".join(filter(None, map(_part, parts)))
    if said.strip():
        return said
    calls = message.get("tool_calls")
    call = calls[0] if isinstance(calls, list) and calls and isinstance(calls[0], dict) else message
    function = call.get("function") or call.get("function_call")
    arguments = function.get("arguments") if isinstance(function, dict) else None
    if isinstance(arguments, dict):
        return json.dumps(arguments, ensure_ascii=False)
    if isinstance(arguments, str) and arguments.strip():
        return arguments
    thoughts = next((message[name] for name in REASONING if isinstance(message.get(name), str)), "")
    return thoughts.rpartition(_THOUGHT)[2] if _THOUGHT in thoughts else said


def _part(part: Any) -> str | None:
    if isinstance(part, dict) and part.get("type", "text") in ("text", "output_text"):
        part = part.get("text")
    return part if isinstance(part, str) else None


def read_object(reply: Reply) -> dict[str, Any] | None:
    """The one JSON object in a reply, bare, in a code fence or between words; None if there is none, or more than one.

    What a reasoning model thinks aloud before its answer is no part of it. An object that holds half a surrogate pair, which
    JSON can smuggle in as an escape, is none: no prompt, file or record could hold it.
    """
    text = reply.text
    bare = text.strip()
    if bare.startswith(_FENCE) and bare.endswith(_FENCE) and len(bare) >= 2 * len(_FENCE):
        text = bare[len(_FENCE) : -len(_FENCE)].lstrip(ascii_letters).strip()
    found = _object(text) or _embedded(text)
    try:
        (json.dumps(found, ensure_ascii=False) if "\\u" in text else text).encode()
    except UnicodeEncodeError:
        return None
    return found


def _object(text: str) -> dict[str, Any] | None:
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _embedded(text: str) -> dict[str, Any] | None:
    """The object that begins at the first brace after any thoughts, if no other begins after it."""
    if text.lstrip().startswith("<think>") or _THOUGHT in text:  # some servers take the first mark off
        _, closed, text = text.rpartition(_THOUGHT)
        if not closed:
            return None
    start = text.find("{")
    if start < 0:
        return None
    try:
        value, end = _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) and "{" not in text[end:] else None


def strict_schema(title: str, **properties: Any) -> dict[str, Any]:
    """JSON schema of an object with exactly these properties, as strict structured outputs demand it."""
    return {
        "title": title,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
