"""What the endpoint's errors mean and what to do about them, and the key, which no message shows."""

from __future__ import annotations

import os
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urljoin, urlsplit

from oiellm.errors import OiellmError
from oiellm.llm.options import KEY, OPENAI, Settings
from oiellm.llm.response import QUOTA, RequestError, read_response

if TYPE_CHECKING:
    from openai import APIStatusError

KEPT: Final = "what was answered is kept, and the same command goes on from there"
MANY_FAILED: Final = 10
"""So many different calls without a reply, none answered in between, and the endpoint is to blame and not the calls. A text
that breaks a server is rare; and requests in flight fail together, so that a dead endpoint reaches this at once."""
_LONGEST_WAIT: Final = 3600.0
"""Seconds: a server that asks for more is not waited for."""


def explain(error: RequestError, settings: Settings, model: str) -> OiellmError:
    """What an error means that ends a run, and what to do about it."""
    if error.status == 0:
        remedy = error.remedy or "start the server, or correct --base-url"
        return OiellmError(f"{settings.base_url}: no answer ({error.words}); {remedy}; {KEPT}")
    if error.status == 200:
        return OiellmError(f"{settings.base_url}: {error}; see the server's log; {KEPT}")
    ending = "" if settings.base_url.endswith("/v1") else ", and does the address end in /v1?"
    remedy = {
        401: f"set {KEY} to a key that it accepts",
        402: "pay the account",
        403: f"set {KEY} to a key that it accepts",
        404: f"is the model called {model!r} there{ending or '?'}",
        429: "lower --concurrency, set --rpm and --tpm, or raise --retries; is the account's quota used up?",
    }.get(error.status, "see the server's log")
    if error.code in QUOTA:
        remedy = "the account's quota is used up"
    return OiellmError(
        f"{settings.base_url}: refused with {error.status} ({error.words}); {error.remedy or remedy}; {KEPT}"
    )


def unstructured(settings: Settings, message: str) -> OiellmError:
    """``--structured on`` and a server that has none."""
    return OiellmError(f"{settings.base_url}: no structured outputs there ({message}); use --structured auto")


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


def rejected(error: APIStatusError, key: str) -> RequestError:
    """What a response with another status than 200 says."""
    response = error.response
    if target := response.headers.get("location", "") if 300 <= response.status_code < 400 else "":
        host = urlsplit(urljoin(str(response.request.url), target)).hostname or "another address"
        remedy = "prompts hold source texts and are sent to no other address: if it is right, give it as --base-url"
        return RequestError(f"redirected to {host}", response.status_code, remedy=remedy, is_final=True)
    try:
        read_response(response.content, response.status_code, key)
    except RequestError as found:
        found.wait = retry_after(response.headers)
        return found
    raise AssertionError("a response of this status holds no reply") from error


def lost(error: BaseException, settings: Settings) -> RequestError:
    """What became of a request that no response came to.

    Args:
        error: of the client library or its transport, or a TimeoutError after ``settings.timeout``.
        settings: of the endpoint.
    """
    import httpx2
    from aiohttp import ServerDisconnectedError

    causes = list(_causes(error))
    # The transport on aiohttp takes a connection that is lost later for one that could not be made.
    broken = any(isinstance(cause, ServerDisconnectedError | ConnectionError) for cause in causes)
    refused = any(isinstance(cause, ConnectionRefusedError) for cause in causes)
    unmade = any(isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout) for cause in causes)
    reached = not refused and (broken or not unmade)
    if any("Proxy" in type(cause).__name__ or is_about_proxy(cause) for cause in causes):
        remedy = "see the environment variables HTTP_PROXY, HTTPS_PROXY and NO_PROXY"
        return RequestError("the proxy could not be used", reached=False, remedy=remedy, is_final=True)
    for cause in reversed(causes):
        if isinstance(cause, ssl.SSLCertVerificationError):
            remedy = "set SSL_CERT_FILE to a file with the certificate of its authority, or correct --base-url"
            words = f"TLS: the server's certificate is not accepted: {cause.verify_message}"
            return RequestError(words, reached=False, remedy=remedy, is_final=True)
        if isinstance(cause, ssl.SSLError) and not reached:
            remedy = "correct --base-url: does the server speak http:// and not https:// ?"
            return RequestError(f"TLS: {cause.reason or 'failed'}", reached=False, remedy=remedy, is_final=True)
        if isinstance(cause, socket.gaierror):
            return RequestError(f"no host of that name: {cause.strerror}", reached=False)
    if not reached:
        return RequestError("nobody answers at the address", reached=False)
    if isinstance(error, TimeoutError):
        return RequestError(f"no reply within {settings.timeout:g} s", remedy="raise --timeout")
    if any(isinstance(cause, httpx2.DecodingError) for cause in causes):
        return RequestError("the answer cannot be decompressed")
    if any("status line" in str(cause).casefold() for cause in causes):
        return RequestError("the answer is no HTTP")
    reset = any(isinstance(cause, ConnectionResetError) for cause in causes)
    hint = "; does the server speak https:// ?" if reset and settings.base_url.startswith("http:") else ""
    return RequestError(f"the connection was lost{hint}")


def is_about_proxy(error: BaseException) -> bool:
    """Whether a transport rejects the proxy that the environment names, which it does as if it were a mistake of the code."""
    return isinstance(error, ValueError | ImportError) and re.search(r"\bprox(y|ies)\b", str(error)) is not None


@contextmanager
def making_client(settings: Settings) -> Iterator[None]:
    """Explain what a client library says while it is set up."""
    try:
        yield
    except (ValueError, ImportError) as error:
        if not is_about_proxy(error):
            raise
        raise explain(lost(error, settings), settings, settings.model) from error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait before the next attempt, up to an hour; None if it does not, or not sensibly."""
    waits = []
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        with suppress(KeyError, ValueError):
            waits.append(float(headers[name]) * unit)
    if not waits:
        try:
            waits.append(parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
        except (KeyError, ValueError, TypeError, OverflowError):
            return None
    return max(0.0, waits[0]) if waits[0] <= _LONGEST_WAIT else None
