"""What a server sends back: the one place where a body becomes a reply or a typed failure with the server's own words."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from mmm_dataset.files import dump
from oiellm.files import fast_load
from oiellm.llm.answers import REASONING, message_text
from oiellm.llm.calls import Finish, Reply

REFUSED: Final = frozenset({400, 413, 422})
"""The server rejects this very request for good."""
QUOTA: Final = frozenset({"insufficient_quota", "billing_not_active", "billing_hard_limit_reached", "exceeded_quota"})
"""Codes of a 429 that no waiting mends."""
_MOST_TOKENS: Final = 10**9
"""A larger count of tokens is a mistake of the server."""
_LONGEST: Final = 300
"""Characters of a server's words that are kept."""
_READ: Final = 10_000
"""Characters of a body that they are looked for in."""

_TOO_LONG: Final = re.compile(
    r"context[ _](length|window|size)|max_(num_tokens|model_len|seq_len|input_length)|`inputs`|token count|too many tokens"
    r"|(prompt|input|request|messages?|text|string|sequence)\b.{0,60}\b(too (long|large)|(longer|larger) than|exceeds?\b)"
    r"|is too long|reduce (the length|your (message|prompt))",
    re.IGNORECASE,
)
"""How vLLM, llama.cpp, TGI, TensorRT-LLM, SGLang, Ollama, OpenAI, Anthropic, Google and Groq say that a prompt does not fit."""
_WORDS: Final = ("error", "message", "detail", "details", "msg", "errors", "reason", "title", "description")
"""Where servers put what they have to say, the best place first."""
_CODES: Final = ("code", "status", "status_code", "statusCode")
_TITLE: Final = re.compile(r"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)
_TAG: Final = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_ENDS: Final[dict[str, Finish]] = {"length": "length", "max_tokens": "length", "content_filter": "filter"}


class RequestError(Exception):
    """A request that got no answer.

    Attributes:
        words: what the server says, in one line, or what became of the connection.
        status: HTTP status; of an error in a body of status 200, the one that it names. 200: the body is no answer. 0: nothing
            came back.
        code: the server's name of the error, or empty.
        wait: seconds that the server asks to wait before the next attempt, if it does.
        reached: whether the server may have worked on it, so that it may have to be paid.
        remedy: what to do about it, where the status does not tell.
        is_final: the same request would meet the same again.
    """

    def __init__(
        self,
        words: str,
        status: int = 0,
        code: str = "",
        *,
        wait: float | None = None,
        reached: bool = True,
        remedy: str = "",
        is_final: bool = False,
    ) -> None:
        super().__init__(words)
        self.words, self.status, self.code = words, status, code
        self.wait, self.reached, self.remedy, self.is_final = wait, reached, remedy, is_final

    @property
    def is_transient(self) -> bool:
        """Whether the same request may be answered if it is sent again."""
        return not self.ends_all and (self.status in (0, 200, 408, 409, 425, 429) or self.status >= 500)

    @property
    def ends_all(self) -> bool:
        """Whether every other request would meet the same: a wrong key or address, an empty account."""
        return self.is_final or self.code in QUOTA or self.status in (401, 402, 404, 405, 407)

    @property
    def is_refusal(self) -> bool:
        """Whether the server rejects this very request, and may take others."""
        return self.status in REFUSED or self.is_too_long

    @property
    def is_too_long(self) -> bool:
        """Whether the request does not fit the model or the server, which no waiting mends."""
        if self.status == 429:  # a limit of tokens a minute that this request alone is above
            return self.words.startswith("Request too large")
        return self.status == 413 or (self.status in (400, 422, 500) and _TOO_LONG.search(self.words) is not None)

    def __str__(self) -> str:
        """The status, where it says something, and the words."""
        if self.status == 200:
            return f"no completion came back: {self.words}"
        return f"{self.status}: {self.words}" if self.status else self.words


def read_response(content: bytes, status: int, key: str) -> Reply:
    """The reply in the body of a response.

    Args:
        content: the body.
        status: of the response.
        key: that was sent along; it is shown in no error.

    Raises:
        RequestError: it is no completion.
    """
    try:
        body = fast_load(content)
    except (ValueError, RecursionError):
        body = content.decode("utf-8", "replace")
    return read_body(body, status, key)


def read_body(body: Any, status: int, key: str) -> Reply:
    """The reply in the JSON of a chat completion or of a plain completion, whatever else is missing.

    Raises:
        RequestError: it is neither.
    """
    about = body if isinstance(body, dict) else {}
    choices = about.get("choices")
    choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
    if not 200 <= status < 300 or about.get("error") or choice.get("error"):
        raise _failure(choice if choice.get("error") else body, status, key)
    message = choice.get("message")
    if not isinstance(message, dict) and "text" not in choice:
        raise _failure(body, 200, key)
    return _reply(choice, message if isinstance(message, dict) else {"content": choice["text"]}, about.get("usage"))


def _reply(choice: Mapping[str, Any], message: Mapping[str, Any], usage: Any) -> Reply:
    text, refusal = message_text(message), message.get("refusal")
    if not text and isinstance(refusal, str):
        text = refusal
    end = choice.get("finish_reason")
    finish: Finish = "filter" if refusal else _ENDS.get(end, "stop") if isinstance(end, str) else "stop"
    if finish == "stop" and not text.strip():
        finish = "empty"
    counts = usage if isinstance(usage, dict) else {}
    # Half a surrogate pair, which some servers send, is no text: it could not be stored.
    text = text.encode("utf-8", "replace").decode()
    prompt, completion = _tokens(counts.get("prompt_tokens")), _tokens(counts.get("completion_tokens"))
    thought = any(isinstance(said := message.get(name), str) and said.strip() for name in REASONING)
    return Reply(text, finish, prompt, completion, thoughts_alone=finish == "empty" and thought)


def _tokens(count: Any) -> int:
    """A count of tokens; -1, unknown, for none, 0 (servers that do not count say so) and what is no count."""
    return count if isinstance(count, int) and not isinstance(count, bool) and 0 < count < _MOST_TOKENS else -1


def _failure(body: Any, status: int, key: str) -> RequestError:
    found = next(_errors(body), {})
    code = next((found[name] for name in ("code", "type", "error_type") if isinstance(found.get(name), str)), "")
    if status < 400:  # some servers say 200 and name the status inside
        status = next(filter(None, (_status(found.get(name)) for name in _CODES)), 0) or status
        if status < 400 and re.search(r"invalid|bad_?request|validation|exceed_context", code, re.IGNORECASE):
            status = 400
    return RequestError(server_words(body, key), status, code)


def _errors(body: Any) -> Iterator[Mapping[str, Any]]:
    """The objects that describe an error, the innermost first."""
    if isinstance(body, list):
        body = body[0] if body else None
    if isinstance(body, dict):
        yield from _errors(body.get("error"))
        yield body


def _status(value: Any) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) == 3 and 400 <= int(text) < 600 else 0


def server_words(body: Any, key: str) -> str:
    """The first line of what a server says, at most 300 characters, of printable characters alone and without the key.

    Args:
        body: JSON, or text that may be a page of HTML.
        key: that was sent along; it is taken out before the line is cut, or its beginning could stay.
    """
    text = _said(body)[:_READ]
    if re.match(r"\s*<(!doctype|html|head|body|\?xml)", text, re.IGNORECASE):
        title = _TITLE.search(text)
        text = html.unescape(title[1] if title and title[1].strip() else _TAG.sub("\n", text))
    lines = ("".join(char if char.isprintable() else " " for char in line).strip() for line in text.splitlines())
    line = next(filter(None, lines), "an empty answer")
    return (line.replace(key, "[key]") if key else line)[:_LONGEST]


def _said(body: Any) -> str:
    """What is said in a body, found where servers put it; the body itself where there is nothing like it."""
    found = body
    while not isinstance(found, str):
        if isinstance(found, list) and len(found):
            inner = found[0]
        elif isinstance(found, dict):
            said = (found.get(name) for name in _WORDS)
            inner = next((value for value in said if value and isinstance(value, (str, list, dict))), None)
        else:
            inner = None
        if not isinstance(inner, (str, list, dict)):
            return dump(found) if found not in (None, [], {}) else ""
        found = inner
    return found
