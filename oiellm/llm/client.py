"""One call over HTTP: the openai client on the aiohttp transport, rate limits, retries, and errors that say what to do.

It imports the library, which takes most of a second: import it only when something is to be sent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import httpx2
from aiohttp import ClientError
from openai import APIConnectionError, APIStatusError, AsyncOpenAI, DefaultAioHttpClient, Omit, Timeout, omit
from tenacity import AsyncRetrying, retry_if_exception, wait_exponential, wait_random

from oiellm.errors import OiellmError
from oiellm.files import fast_dump
from oiellm.llm.calls import Call, Reply
from oiellm.llm.errors import KEPT, MANY_FAILED, explain, is_about_proxy, lost, making_client, rejected, secret
from oiellm.llm.ledger import Ledger
from oiellm.llm.options import Settings
from oiellm.llm.pricing import estimates
from oiellm.llm.response import RequestError, read_response
from oiellm.llm.wire import CHAT, Dialects

if TYPE_CHECKING:
    from aiolimiter import AsyncLimiter
    from openai import RequestOptions
    from tenacity import RetryCallState

_LONGEST_WAIT: Final = 60.0
"""Seconds between two attempts, unless the server asks for more."""
_NEEDLESS: Final = (
    *("X-Stainless-Lang", "X-Stainless-Package-Version", "X-Stainless-OS", "X-Stainless-Arch", "X-Stainless-Runtime"),
    *("X-Stainless-Runtime-Version", "X-Stainless-Async", "X-Stainless-Retry-Count", "X-Stainless-Read-Timeout"),
)
_SAME_REFUSALS: Final = 20
_EMPTY_TRIES: Final = 3
"""How often a call is made whose reply stops without a word."""
_LONG_WAIT, _NOTE_EVERY = 5.0, 30.0
"""Seconds before another attempt that a person is told of, and between two such notes."""


class _OneAddress(DefaultAioHttpClient):
    """The library's own client on aiohttp, but makes a request to the one address of plain parts.

    Parsing that address for each, and merging headers and cookies of which there are none, takes a sixth of the library's time.
    It follows no redirect: prompts hold source texts, and go to the address that was named.
    """

    def __init__(self, address: str, timeout: Timeout) -> None:
        super().__init__(timeout=timeout, follow_redirects=False)
        self._address, self._parsed = address, httpx2.URL(address)

    def build_request(self, method: str, url: httpx2.URL | str, **parts: Any) -> httpx2.Request:
        if url != self._address:
            return super().build_request(method, url, **parts)
        limits = {"timeout": parts["timeout"].as_dict()}
        return httpx2.Request(
            method, self._parsed, headers=parts["headers"], content=parts["content"], extensions=limits
        )


class Client:
    """Asks an endpoint, one call at a time; many may be under way at once in one event loop."""

    def __init__(self, settings: Settings, note: Callable[[str], None], ledger: Ledger, path: str = CHAT) -> None:
        """Prepare; nothing is sent yet.

        Args:
            settings: endpoint, limits and retries.
            note: told once what the server does not take, and now and then of long waits.
            ledger: told of every attempt whose reply was lost on its way or empty, as it may have been paid; it knows whether
                any call was ever answered.
            path: of the endpoint, for chats or plain completions.

        Raises:
            OiellmError: the key is missing or cannot be one.
        """
        self.settings, self._note, self._ledger = settings, note, ledger
        self._secret, self._stopped = secret(settings), False
        # What the library tells of this machine is nobody's business, and headers are a good part of a request's time.
        self._fewer = dict.fromkeys(_NEEDLESS, omit)
        self._url = settings.base_url + path
        self._dialects = Dialects(settings, note)
        self._answered, self._refused = 0, 0
        self._failed: set[int] = set()
        self._retries, self._told = 0, -_NOTE_EVERY
        self._requests = settings.rpm and _limiter(settings.rpm, 1.0)
        self._tokens = settings.tpm and _limiter(settings.tpm, 10.0)
        # The limit for a whole attempt is set per request; this ends a connection that cannot even be made.
        timeout = Timeout(None, connect=min(20.0, settings.timeout))
        # Named for each request: what the library would else copy from its defaults.
        self._options: RequestOptions = {"timeout": timeout, "max_retries": 0, "security": {"bearer_auth": True}}
        with making_client(settings):
            self._client = AsyncOpenAI(
                base_url=settings.base_url,
                api_key=self._secret or "none",
                max_retries=0,
                timeout=timeout,
                http_client=_OneAddress(self._url, timeout),
            )
        self._retrying = AsyncRetrying(
            retry=retry_if_exception(self._again),
            stop=self._enough,
            wait=self._wait,
            reraise=True,
        )

    async def reply(self, call: Call, key: str) -> Reply:
        """Ask, again and again if need be; ``failed`` if this very call is not answered while others are.

        Args:
            call: what to ask.
            key: its key; it goes along as ``Idempotency-Key``, so that a server that honours it answers a repeated request
                from its memory and is not paid twice.

        Raises:
            OiellmError: the endpoint is dead, refuses the key or the model, or refuses everything.
        """
        try:
            reply = await self._persist(call, key)
            for again in range(1, _EMPTY_TRIES):
                if reply.finish != "empty" or self._stopped:
                    break
                self._ledger.doubt(call)
                reply = await self._persist(call, f"{key}-{again}")  # or a server with a memory would say the same
            return reply
        except RequestError as error:
            if self._is_this_call(call, error):
                return Reply(str(error), "failed", 0, 0)
            raise explain(error, self.settings, call.model) from error

    def _is_this_call(self, call: Call, error: RequestError) -> bool:
        """Whether used-up retries are the fault of a call, and not of the endpoint."""
        if self._stopped or error.ends_all or not error.reached:
            return False
        self._failed.add(hash(call.messages))
        return self._any_answer and len(self._failed) < MANY_FAILED

    @property
    def _any_answer(self) -> bool:
        return self._answered > 0 or self._ledger.calls > 0

    def stop(self) -> None:
        """Try nothing again: requests under way may still be answered."""
        self._stopped = True

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _persist(self, call: Call, key: str) -> Reply:
        # The first attempt is made bare, because the retrying costs a tenth of a call that needs none.
        failed: list[BaseException] = []
        try:
            return await self._attempt(call, key)
        except RequestError as error:
            failed.append(error)

        async def attempt() -> Reply:
            if failed:
                raise failed.pop()
            return await self._attempt(call, key)

        return await self._retrying.copy()(attempt)

    async def _attempt(self, call: Call, key: str) -> Reply:
        while True:
            body = self._dialects.body(call)
            await self._limits(call)
            try:
                reply = await self._post(body, key, call)
            except RequestError as error:
                # Chat templates that know no system role make some servers fail inside.
                may_take_less = error.is_refusal or error.status == 500
                given_up = may_take_less and self._dialects.give_up(call.model, body, error.words)
                if given_up and self._dialects.body(call) != body:
                    continue
                if error.is_refusal:
                    return self._refusal(error)
                raise
            self._answered += 1
            self._failed.clear()
            return reply

    async def _limits(self, call: Call) -> None:
        if self._requests:
            await self._requests.acquire()
        if self._tokens:
            amount = estimates().prompt_tokens(call) + call.max_tokens
            await self._tokens.acquire(min(amount, self._tokens.max_rate))

    async def _post(self, body: dict[str, Any], key: str, call: Call) -> Reply:
        headers: dict[str, str | Omit] = {"Idempotency-Key": key, **self._fewer}
        try:
            async with asyncio.timeout(self.settings.timeout):
                answer = await self._client.post(
                    self._url,
                    cast_to=httpx2.Response,
                    content=fast_dump(body),
                    options={**self._options, "headers": headers, "idempotency_key": key},
                )
            return read_response(answer.content, answer.status_code, self._secret)
        except APIStatusError as error:
            raise rejected(error, self._secret) from error
        except RequestError as error:
            if error.status == 200:
                self._ledger.doubt(call)
            raise
        except (APIConnectionError, ClientError, TimeoutError, ValueError) as error:
            if isinstance(error, ValueError) and not is_about_proxy(error):
                raise
            found = lost(error, self.settings)
            if found.reached:
                self._ledger.doubt(call)
            raise found from error

    def _refusal(self, error: RequestError) -> Reply:
        if error.is_too_long:
            return Reply(error.words, "too_long", 0, 0)
        self._refused += 1
        if self.settings.pilot and not self._any_answer and self._refused >= _SAME_REFUSALS:
            raise OiellmError(f"{self.settings.base_url}: refuses every request ({error.words}); {KEPT}")
        return Reply(error.words, "refused", 0, 0)

    def _again(self, error: BaseException) -> bool:
        return not self._stopped and isinstance(error, RequestError) and error.is_transient

    def _enough(self, state: RetryCallState) -> bool:
        most, error = self.settings.retries, state.outcome and state.outcome.exception()
        # A body that is no answer, or nothing was ever answered: more likely for good than a passing trouble.
        if isinstance(error, RequestError) and (error.status == 200 or (not self._answered and not error.status)):
            most = min(most, 3)
        return state.attempt_number > most

    def _wait(self, state: RetryCallState) -> float:
        backoff, error = self.settings.backoff, state.outcome.exception() if state.outcome else None
        wait = (wait_exponential(backoff, _LONGEST_WAIT) + wait_random(0, backoff))(state)
        if (asked := getattr(error, "wait", None)) is not None:
            wait = asked + min(wait, 0.1 * asked)
        self._retries += 1
        if error and wait >= _LONG_WAIT and time.monotonic() - self._told >= _NOTE_EVERY:
            self._told = time.monotonic()
            self._note(f"{error}; asked again in {wait:,.0f} s ({self._retries:,} retries so far)")
        return wait


def _limiter(per_minute: float, seconds: float) -> AsyncLimiter:
    from aiolimiter import AsyncLimiter

    # A bucket of a whole minute would let all of it go at once and as much again in that minute.
    seconds = max(seconds, 60.0 / per_minute)
    return AsyncLimiter(per_minute * seconds / 60.0, seconds)
