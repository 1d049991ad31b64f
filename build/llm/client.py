"""One call over HTTP: the openai client on the aiohttp transport, rate limits, retries, and errors that say what to do."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from build.llm.calls import Call, Reply
from build.llm.options import KEY, OPENAI, Settings
from build.llm.pricing import estimates
from build.llm.wire import PATH, Dialect, NoCompletionError, error_message, read_answer
from build.steps import KitError
from mmm_dataset.files import dump

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter
    from openai import APIError, APIStatusError
    from tenacity import RetryCallState

REFUSED: Final = frozenset({400, 413, 422})
"""The server rejects this very request for good."""
_TRANSIENT: Final = frozenset({408, 409, 425, 429})
_LONGEST_WAIT: Final = 60.0
"""Seconds between two attempts, unless the server asks for more."""
_SAME_REFUSALS: Final = 20
_KEPT: Final = "what was answered is in the cache, and the same command goes on from there"


class Client:
    """Asks an endpoint, one call at a time; many may be under way at once in one event loop."""

    def __init__(self, settings: Settings, note: Callable[[str], None], doubt: Callable[[Call], None]) -> None:
        """Prepare; nothing is sent yet.

        Args:
            settings: endpoint, limits and retries.
            note: told once what the server does not take.
            doubt: told of every attempt whose reply was lost on its way, as it may have been paid.

        Raises:
            KitError: the key is missing or cannot be one.
        """
        from openai import AsyncOpenAI, DefaultAioHttpClient, Timeout
        from tenacity import AsyncRetrying, retry_if_exception

        self.settings, self._note, self._doubt = settings, note, doubt
        self._secret, self._stopped = secret(settings), False
        self._dialects: dict[str, Dialect] = {}
        self._answered, self._refused = 0, 0
        self._requests = settings.rpm and _limiter(settings.rpm, 1.0)
        self._tokens = settings.tpm and _limiter(settings.tpm, 10.0)
        # The limit for a whole attempt is set per request; these end a connection that cannot even be made.
        timeout = Timeout(settings.timeout, connect=min(20.0, settings.timeout))
        self._client = AsyncOpenAI(
            base_url=settings.base_url,
            api_key=self._secret or "none",
            max_retries=0,
            timeout=timeout,
            http_client=DefaultAioHttpClient(timeout=timeout),
        )
        self._retrying = AsyncRetrying(
            retry=retry_if_exception(self._again), stop=self._enough, wait=_wait, reraise=True
        )

    async def reply(self, call: Call, key: str) -> Reply:
        """Ask, again and again if need be.

        Args:
            call: what to ask.
            key: its key; it goes along as ``Idempotency-Key``, so that a server that honours it answers a repeated request
                from its memory and is not paid twice.

        Raises:
            KitError: the endpoint is dead, refuses the key or the model, or refuses everything.
        """
        from openai import APIError

        try:
            return await self._retrying.copy()(self._attempt, call, key)
        except APIError as error:
            raise self._explain(error, call) from error
        except TimeoutError as error:
            late = f"no reply within {self.settings.timeout:g} s"
            raise KitError(f"{self.settings.base_url}: {late}, {self._tries()}; raise --timeout; {_KEPT}") from error
        except NoCompletionError as error:
            text = "the answer is no chat completion; the address of most servers ends in /v1"
            raise KitError(f"{self.settings.base_url}: {text}; {_KEPT}") from error

    def stop(self) -> None:
        """Try nothing again: requests under way may still be answered."""
        self._stopped = True

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _attempt(self, call: Call, key: str) -> Reply:
        from openai import APIStatusError

        dialect = self._dialects.setdefault(call.model, Dialect(self.settings.structured != "off"))
        while True:
            body = dialect.body(call)
            await self._limits(call)
            try:
                reply = await self._post(body, key, call)
            except APIStatusError as error:
                if error.status_code not in REFUSED:
                    raise
                message = self._without_secret(error_message(error.body or error.message))
                if not (given_up := dialect.give_up(body, message)):
                    return self._refusal(message)
                self._less(given_up, message)
            else:
                self._answered += 1
                return reply

    async def _limits(self, call: Call) -> None:
        if self._requests:
            await self._requests.acquire()
        if self._tokens:
            amount = estimates().prompt_tokens(call) + call.max_tokens
            await self._tokens.acquire(min(amount, self._tokens.max_rate))

    async def _post(self, body: Mapping[str, Any], key: str, call: Call) -> Reply:
        import httpx2
        from openai import APIConnectionError

        headers = {"Idempotency-Key": key, "Content-Type": "application/json"}
        try:
            async with asyncio.timeout(self.settings.timeout):
                answer = await self._client.post(
                    PATH, cast_to=httpx2.Response, content=dump(body).encode(), options={"headers": headers}
                )
        except (APIConnectionError, TimeoutError) as error:
            if not isinstance(error.__cause__, httpx2.ConnectError | httpx2.ConnectTimeout):
                self._doubt(call)
            raise
        try:
            return read_answer(json.loads(answer.content))
        except ValueError as error:
            raise NoCompletionError from error

    def _refusal(self, message: str) -> Reply:
        self._refused += 1
        if not self._answered and self._refused >= _SAME_REFUSALS:
            raise KitError(f"{self.settings.base_url}: refuses every request ({message}); {_KEPT}")
        return Reply(message, "refused", 0, 0)

    def _less(self, given_up: str, message: str) -> None:
        if given_up == "response_format" and self.settings.structured == "on":
            raise KitError(f"{self.settings.base_url}: no structured outputs there ({message}); use --structured auto")
        self._note(f"the server does not take {given_up} ({message}); going on without")

    def _again(self, error: BaseException) -> bool:
        from openai import APIConnectionError, APIStatusError

        if self._stopped:
            return False
        if isinstance(error, APIStatusError):
            if _code(error) == "insufficient_quota":
                return False
            return error.status_code in _TRANSIENT or error.status_code >= 500
        return isinstance(error, APIConnectionError | TimeoutError | NoCompletionError)

    def _enough(self, state: RetryCallState) -> bool:
        from openai import APIConnectionError

        most, error = self.settings.retries, state.outcome and state.outcome.exception()
        # Nothing was ever answered: more likely a wrong address than a passing trouble.
        if not self._answered and isinstance(error, APIConnectionError | NoCompletionError):
            most = min(most, 3)
        return state.attempt_number > most

    def _tries(self) -> str:
        return f"after {self.settings.retries} retries"

    def _explain(self, error: APIError, call: Call) -> KitError:
        return explain(error, self.settings, call.model, self._secret)

    def _without_secret(self, text: str) -> str:
        return hidden(text, self._secret)


def explain(error: APIError, settings: Settings, model: str, key: str) -> KitError:
    """What an error of the client library means and what to do about it."""
    from openai import APIConnectionError, APIStatusError

    if isinstance(error, APIConnectionError):
        text = "no answer; start the server, or correct --base-url"
        return KitError(f"{settings.base_url}: {text}; {_KEPT}")
    first = hidden(error_message(error.body or error.message), key)
    status = error.status_code if isinstance(error, APIStatusError) else 0
    remedy = {
        401: f"set {KEY} to a key that it accepts",
        403: f"set {KEY} to a key that it accepts",
        404: f"is the model called {model!r} there, and does the address end in /v1?",
        429: "lower --concurrency, set --rpm and --tpm, or raise --retries; is the account's quota used up?",
    }.get(status, "see the server's log")
    return KitError(f"{settings.base_url}: refused with {status} ({first}); {remedy}; {_KEPT}")


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


def _code(error: APIStatusError) -> str:
    return str(error.body.get("code", "")) if isinstance(error.body, dict) else ""


def _limiter(per_minute: float, seconds: float) -> AsyncLimiter:
    from aiolimiter import AsyncLimiter

    # A bucket of a whole minute would let all of it go at once and as much again in that minute.
    seconds = max(seconds, 60.0 / per_minute)
    return AsyncLimiter(per_minute * seconds / 60.0, seconds)


def _wait(state: RetryCallState) -> float:
    from tenacity import wait_exponential_jitter

    backoff = wait_exponential_jitter(initial=0.5, max=_LONGEST_WAIT, jitter=0.5)(state)
    asked = _retry_after(state.outcome.exception() if state.outcome else None)
    return backoff if asked is None else asked + min(backoff, 0.1 * asked)


def _retry_after(error: BaseException | None) -> float | None:
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
