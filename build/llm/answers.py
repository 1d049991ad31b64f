"""Replies that should be JSON objects: many servers ignore the schema that they were sent, so nothing is taken on trust."""

from __future__ import annotations

import json
import re
from typing import Any

from build.llm.calls import Reply

_FENCE = re.compile(r"\s*```[a-zA-Z]*\s*\n?(.*?)\n?\s*```\s*", re.DOTALL)


def read_object(reply: Reply) -> dict[str, Any] | None:
    """The JSON object that a reply consists of, in a code fence or not; None if it is anything else."""
    text = reply.text
    if "```" in text and (match := _FENCE.fullmatch(text)):
        text = match[1]
    try:
        value = json.loads(text, strict=False)  # models write line breaks inside strings
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def strict_schema(title: str, **properties: Any) -> dict[str, Any]:
    """JSON schema of an object with exactly these properties, as strict structured outputs demand it."""
    return {
        "title": title,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
