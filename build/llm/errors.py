"""What the endpoint's errors mean and what to do about them, and the key, which no message shows."""

from __future__ import annotations

import os
import time
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from build.llm.options import KEY, OPENAI, Settings
from build.llm.wire import error_message
from build.steps import KitError

if TYPE_CHECKING:
    from openai import APIError

KEPT: Final = "what was answered is in the cache, and the same command goes on from there"


def explain(error: APIError, settings: Settings, model: str, key: str) -> KitError:
    """What an error of the client library means and what to do about it."""
    from openai import APIConnectionError, APIStatusError

    if isinstance(error, APIConnectionError):
        text = "no answer; start the server, or correct --base-url"
        return KitError(f"{settings.base_url}: {text}; {KEPT}")
    first = hidden(error_message(error.body or error.message), key)
    status = error.status_code if isinstance(error, APIStatusError) else 0
    remedy = {
        401: f"set {KEY} to a key that it accepts",
        403: f"set {KEY} to a key that it accepts",
        404: f"is the model called {model!r} there, and does the address end in /v1?",
        429: "lower --concurrency, set --rpm and --tpm, or raise --retries; is the account's quota used up?",
    }.get(status, "see the server's log")
    return KitError(f"{settings.base_url}: refused with {status} ({first}); {remedy}; {KEPT}")


def secret(settings: Settings) -> str:
    """The key from the environment, empty if there is none.

    Raises:
        KitError: OpenAI needs one, or it cannot be one.
    """
    key = os.environ.get(KEY, "").strip()
    if not key and urlsplit(settings.base_url).hostname == urlsplit(OPENAI).hostname:
        raise KitError(f"{KEY} is not set: set it to your key, or name a server of your own with --base-url")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise KitError(f"{KEY} holds characters that no key has: copy it anew")
    return key


def hidden(text: str, key: str) -> str:
    """A text without the key."""
    return text.replace(key, "[key]") if key else text


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
