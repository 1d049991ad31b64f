"""What the endpoint's errors mean and what to do about them, and the key, which no message shows."""

from __future__ import annotations

import os
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from oiellm.errors import OiellmError
from oiellm.llm.options import KEY, OPENAI, Settings
from oiellm.llm.wire import NO_COMPLETION, NoCompletionError, error_message

if TYPE_CHECKING:
    from openai import APIError

KEPT: Final = "what was answered is in the cache, and the same command goes on from there"
REFUSED: Final = frozenset({400, 413, 422})
"""The server rejects this very request for good."""
MANY_FAILED: Final = 10
"""So many different calls without a reply, none answered in between, and the endpoint is to blame and not the calls. A text
that breaks a server is rare; and requests in flight fail together, so that a dead endpoint reaches this at once."""


def may_pass(status: int) -> bool:
    """Whether a request that met this status may be answered if it is tried again."""
    return status in (408, 409, 425, 429) or status >= 500


def is_transient(error: BaseException) -> bool:
    """Whether the same request may be answered if it is tried again."""
    from openai import APIConnectionError, APIStatusError

    if isinstance(error, APIStatusError):
        code = error.body.get("code") if isinstance(error.body, dict) else ""
        return code != "insufficient_quota" and may_pass(error.status_code)
    return isinstance(error, APIConnectionError | TimeoutError | NoCompletionError)


def is_unreached(error: BaseException) -> bool:
    """Whether no connection was made, so that nothing was asked."""
    import httpx2

    return isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout)


def failure(error: BaseException, settings: Settings, key: str) -> str:
    """What went wrong with one request, in a few words."""
    from openai import APIStatusError

    if isinstance(error, NoCompletionError):
        return NO_COMPLETION
    if isinstance(error, TimeoutError):
        return f"no reply within {settings.timeout:g} s"
    if isinstance(error, APIStatusError):
        return f"{error.status_code}: {error_message(error.body or error.message, key)}"
    return "the connection was lost"


def unstructured(settings: Settings, message: str) -> OiellmError:
    """``--structured on`` and a server that has none."""
    return OiellmError(f"{settings.base_url}: no structured outputs there ({message}); use --structured auto")


def explain(error: APIError, settings: Settings, model: str, key: str) -> OiellmError:
    """What an error of the client library means and what to do about it."""
    from openai import APIConnectionError, APIStatusError

    if isinstance(error, APIConnectionError):
        text = "no answer; start the server, or correct --base-url"
        return OiellmError(f"{settings.base_url}: {text}; {KEPT}")
    first = error_message(error.body or error.message, key)
    status = error.status_code if isinstance(error, APIStatusError) else 0
    remedy = {
        401: f"set {KEY} to a key that it accepts",
        403: f"set {KEY} to a key that it accepts",
        404: f"is the model called {model!r} there, and does the address end in /v1?",
        429: "lower --concurrency, set --rpm and --tpm, or raise --retries; is the account's quota used up?",
    }.get(status, "see the server's log")
    return OiellmError(f"{settings.base_url}: refused with {status} ({first}); {remedy}; {KEPT}")


def secret(settings: Settings) -> str:
    """The key from the environment, empty if there is none.

    Raises:
        OiellmError: OpenAI needs one, or it cannot be one.
    """
    key = os.environ.get(KEY, "").strip()
    if not key and urlsplit(settings.base_url).hostname == urlsplit(OPENAI).hostname:
        raise OiellmError(f"{KEY} is not set: set it to your key, or name a server of your own with --base-url")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise OiellmError(f"{KEY} holds characters that no key has: copy it anew")
    return key


def retry_after(error: BaseException | None) -> float | None:
    """Seconds that a server asks to wait before the next attempt, if it does."""
    headers = getattr(getattr(error, "response", None), "headers", {})
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        text = headers.get(name, "")
        try:
            return max(0.0, float(text) * unit)
        except ValueError:
            pass
    try:
        return max(0.0, parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
    except (KeyError, ValueError, TypeError):
        return None
