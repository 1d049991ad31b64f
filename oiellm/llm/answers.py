"""What a reply holds: what follows a model's thoughts, and the one JSON value in it. Nothing is taken on trust or guessed."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from oiellm.llm.calls import Reply

_THOUGHT: Final = re.compile(r"</(?:think|thinking|thoughts?|reasoning|analysis)\s*>", re.IGNORECASE)
_THINKS: Final = re.compile(r"\s*<(?:think|thinking|thoughts?|reasoning|analysis)\s*>", re.IGNORECASE)
_CHANNEL: Final = "<|channel|>"
_FINAL: Final = re.compile(r"<\|channel\|>\s*final\s*<\|message\|>")
_END: Final = re.compile(
    r"<\|(?:eot_id|eom_id|eot|im_end|im_start|end|endoftext|end_of_text|return|start_header_id|END_OF_TURN_TOKEN)\|>"
    r"|</s>|<end_of_turn>|<eos>|<｜end▁of▁sentence｜>|\[/?INST\]"
)
"""Marks of the end of a turn, as the chat templates of Llama, Qwen, Gemma, DeepSeek, gpt-oss, Mistral and others write them."""
INVISIBLE: Final = "\ufeff\u200b\u200c\u200d\u2060"
"""Characters without width that models leave at the ends of what they write."""

_START: Final = re.compile(r"""\{\s*(?:["'“”]|[\w-]+\s*[:：]|$)|\[\s*[{"'\]]""")
"""How JSON begins; ``{label}`` and ``[1]`` are words."""
_LONGEST: Final = 100_000
"""Characters that are read with tolerance, by a slow library."""
_SIDE: Final = frozenset({"confidence", "reason", "reasoning", "explanation", "why", "id"})
"""Keys that an answer may have beside what was asked for."""

NOTHING: Final = frozenset(
    [
        "none",
        "null",
        "n/a",
        "na",
        "nil",
        "nothing",
        "empty",
        "[]",
        "{}",
        "()",
        "-",
        "–",
        "—",
        "/",
        "no entities",
        "no entity",
        "no items",
        "no item",
        "none found",
        "no entities found",
        "not mentioned",
        "not found",
        "not applicable",
        "no named entities",
        "no relations",
        "no events",
        "no such items",
        "no labels",
        "無",
        "無し",
        "なし",
        "ない",
        "無い",
        "空",
        "該当なし",
        "特になし",
        "該当無し",
        "エンティティなし",
        "无",
        "没有",
        "沒有",
        "未提及",
        "未提到",
        "未找到",
        "不存在",
        "无实体",
        "無實體",
    ]
)
"""What models write in place of an empty list, case folded."""

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
    return _THOUGHT.split(thoughts)[-1] if _THOUGHT.search(thoughts) else said


def _part(part: Any) -> str | None:
    if isinstance(part, dict) and part.get("type", "text") in ("text", "output_text"):
        part = part.get("text")
    return part if isinstance(part, str) else None


def final_text(text: str) -> str | None:
    """A reply without what a reasoning model thinks before its answer, and without marks of the end of a turn.

    Returns:
        The rest; None if the reply ends before the thoughts do.
    """
    if _CHANNEL in text:
        *_, last = [None, *_FINAL.finditer(text)]
        if last is None:
            return None
        text = text[last.end() :]
    *_, text = _THOUGHT.split(text)
    if _THINKS.match(text):
        return None
    return _END.split(text, maxsplit=1)[0] if (end := _END.search(text)) and end.start() else text


def is_nothing(words: str) -> bool:
    """Whether words stand for an empty list."""
    folded = words.strip().casefold()
    return folded in NOTHING or folded.strip("()（）[]{}<>:;.。*_`\"'!- ") in NOTHING


def read_json(text: str) -> dict[str, Any] | list[Any] | None:
    """The one JSON object or list in a reply: bare, in a code fence or between words, as a string, or written twice.

    What is nearly JSON (a comma too many, other quotation marks, comments, line breaks in strings) is read as JSON5. A value
    that is cut, two that differ, a key with two values, and lone surrogates are no answer: nothing is completed or chosen.
    """
    bare = text.strip().strip(INVISIBLE)
    if bare[:1] == '"':
        inner = _decode(bare, 0)
        return read_json(inner[0]) if inner and isinstance(inner[0], str) and inner[1] == len(bare) else None
    whole = _decode(bare, 0) if _START.match(bare) else None
    if whole and whole[1] == len(bare):
        return _sound(whole[0])
    final = final_text(bare)
    found: list[Any] = []
    for value in _values(final or ""):
        if value is None or (found and value != found[0]):
            return None
        found = [value]
    return _sound(found[0]) if found else None


def read_object(reply: Reply, *keys: str) -> dict[str, Any] | None:
    """The one JSON object in a reply, as :func:`read_json` finds it.

    Args:
        reply: what came back.
        keys: that are looked for, also in other case, and in an object or a list of one object around them.

    Returns:
        The object; None if there is none, or more than one.
    """
    value = read_json(reply.text)
    if isinstance(value, list):
        (value,) = value if len(value) == 1 else (None,)
        if not isinstance(value, dict) or (keys and not {key.casefold() for key in value} <= {*keys, *_SIDE}):
            return None
    if value is None or not keys:
        return value
    value = fold_keys(value, keys)
    if not value.keys() & set(keys):
        inner = [fold_keys(one, keys) for one in value.values() if isinstance(one, dict)]
        inner = [one for one in inner if one.keys() & set(keys)]
        value = inner[0] if len(inner) == 1 else value
    return value


def fold_keys(value: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    """An object whose keys are spelled as the wanted ones, if they differ by case alone."""
    folded = {key: key.strip().casefold() for key in value}
    return {folded[key] if folded[key] in keys and folded[key] not in value else key: one for key, one in value.items()}


def _values(text: str) -> Iterator[Any]:
    """The objects and lists in a text, from left to right; None for something that looks like one and cannot be read."""
    at = 0
    while match := _START.search(text, at):
        if (decoded := _decode(text, match.start())) is None:
            yield None
            return
        value, at = decoded
        yield value


def _decode(text: str, start: int) -> tuple[Any, int] | None:
    """The value that begins at a place, and where it ends."""
    try:
        return _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):
        return _tolerant(text[start : start + _LONGEST], start) if text[start] != '"' else None


def _tolerant(text: str, start: int) -> tuple[Any, int] | None:
    import json5

    for tried in (text, text.translate(_CURLY)) if "“" in text else (text,):
        try:
            value, problem, end = json5.parse(
                tried, consume_trailing=False, strict=False, object_pairs_hook=unique_keys, allow_duplicate_keys=True
            )
        except (ValueError, RecursionError):
            continue
        if problem is None and isinstance(value, (dict, list)):
            return value, start + end
    return None


_CURLY: Final = str.maketrans("“”", '""')


def unique_keys(pairs: Any) -> dict[str, Any]:
    """An object. Raises ValueError if a key has two values: nobody knows which is meant."""
    made: dict[str, Any] = {}
    for key, value in pairs:
        if key in made and made[key] != value:
            raise ValueError(f"the key {key!r} has two values")
        made[key] = value
    return made


_DECODER: Final = json.JSONDecoder(strict=False, object_pairs_hook=unique_keys)
"""Models write line breaks inside strings."""


def _sound(value: Any) -> dict[str, Any] | list[Any] | None:
    """The value, unless it holds half a surrogate pair: no prompt, file or record could hold it."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return None
    return value if isinstance(value, (dict, list)) else None


def strict_schema(title: str, **properties: Any) -> dict[str, Any]:
    """JSON schema of an object with exactly these properties, as strict structured outputs demand it."""
    return {
        "title": title,
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
