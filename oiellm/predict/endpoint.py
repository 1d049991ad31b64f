"""Prediction by an OpenAI-compatible completions endpoint: vLLM, TGI, ``transformers serve``."""

from __future__ import annotations

import asyncio
import os
import queue
import re
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

from oiellm.errors import OiellmError
from oiellm.predict.engine import Finish, Reply, Request
from oiellm.predict.grammar import behind_a_possible_space

if TYPE_CHECKING:
    from openai import APIError

KEY: Final = "OPENAI_API_KEY"
_TOO_LONG: Final = re.compile(r"context[ _]length|`inputs` (tokens|must have)|longer than the maximum", re.IGNORECASE)
"""How vLLM, OpenAI and TGI say that a prompt does not fit."""


class EndpointEngine:
    """Prompts go out as strings, many at once, greedily (temperature 0).

    The server tokenises: a BOS is put in front if its tokenizer does so, as here, but a piece of text that spells a special
    token (``</s>``) is read as that token, which in training and in the local engines it never is.

    Models of the Llama 2 kind begin a completion with a space, which servers show and the local engines do not: one space in
    front is taken away, and a grammar allows it.

    A constrained request carries its grammar in the form vLLM reads (``structured_outputs``). A server that ignores it replies
    freely, and the reply is read as strictly as any. No server closes an output at the limit: a reply cut there has the finish
    ``length``, for the caller to repair.
    """

    name = "openai"
    dtype = "unknown"

    def __init__(
        self, url: str, model: str, *, concurrency: int = 64, retries: int = 5, timeout: float = 600.0
    ) -> None:
        """Name an endpoint; nothing is sent yet.

        Args:
            url: base address, as in ``http://127.0.0.1:8000/v1``. The key is taken from ``OPENAI_API_KEY``, if it is set.
            model: name under which the server knows the model.
            concurrency: requests in flight.
            retries: of a request that met a lost connection, 429 or a server error; the waits double, up to 8 s each.
            timeout: seconds for one attempt.
        """
        self.url, self.model = url, model
        self.at_once, self._retries, self._timeout = concurrency, retries, timeout

    def generate(self, requests: Sequence[Request], max_new_tokens: int) -> Iterator[Reply]:
        """Greedy replies, as they arrive.

        If a request fails for good, no further one is sent, those in flight may still arrive, and then the error is raised.

        Raises:
            OiellmError: the endpoint is dead or refuses; the message names it and says what to do.
        """
        # A thread of its own, because the caller may live in a running loop, as in a notebook.
        replies: queue.Queue[Reply | BaseException | None] = queue.Queue()
        stop = threading.Event()

        def work() -> None:
            try:
                asyncio.run(self._all(requests, max_new_tokens, replies, stop))
                replies.put(None)
            except BaseException as error:
                replies.put(error)

        thread = threading.Thread(target=work, name="oiellm-endpoint", daemon=True)
        thread.start()
        try:
            while (reply := replies.get()) is not None:
                if isinstance(reply, BaseException):
                    raise reply
                yield reply
        finally:
            stop.set()

    async def _all(
        self, requests: Sequence[Request], max_new_tokens: int, replies: queue.Queue[Any], stop: threading.Event
    ) -> None:
        from openai import APIError, AsyncOpenAI

        waiting = iter(requests)
        errors: list[APIError | OiellmError] = []
        # Servers of one's own want no key, but the client must have one.
        key = os.environ.get(KEY) or "none"
        async with AsyncOpenAI(
            base_url=self.url, api_key=key, max_retries=self._retries, timeout=self._timeout
        ) as client:

            async def worker() -> None:
                for request in waiting:
                    try:
                        replies.put(await self._one(client, request, max_new_tokens))
                    except (APIError, OiellmError) as error:
                        errors.append(error)
                    if errors or stop.is_set():
                        return

            await asyncio.gather(*(worker() for _ in range(min(self.at_once, len(requests)))))
        if errors:
            error = errors[0]
            if isinstance(error, OiellmError):
                raise error
            raise self._explain(error) from error

    async def _one(self, client: Any, request: Request, max_new_tokens: int) -> Reply:
        from openai import APIStatusError

        grammar = request.grammar and behind_a_possible_space(request.grammar)
        extra = {"structured_outputs": {"grammar": grammar}} if grammar else None
        try:
            answer = await client.completions.create(
                model=self.model, prompt=request.prompt, max_tokens=max_new_tokens, temperature=0.0, extra_body=extra
            )
        except APIStatusError as error:
            if error.status_code in (400, 413, 422) and _TOO_LONG.search(str(error)):
                return Reply(request.key, "", "too_long", 0, -1)
            raise
        if not getattr(answer, "choices", None):
            raise OiellmError(f"{self.url}: the answer is no completion; the address of most servers ends in /v1")
        choice, usage = answer.choices[0], answer.usage
        finish: Finish = "length" if choice.finish_reason == "length" else "stop"
        # Behind a prompt, Llama 2's tokenizer writes a space that is not there when the completion stands alone.
        text = choice.text.removeprefix(" ")
        return Reply(request.key, text, finish, -1 if usage is None else usage.completion_tokens, -1)

    def _explain(self, error: APIError) -> OiellmError:
        from openai import APIConnectionError, APIStatusError

        kept = "what was predicted so far is kept, and a rerun goes on from there"
        if isinstance(error, APIConnectionError):
            return OiellmError(
                f"{self.url}: no answer after {self._retries} retries; start the server or correct the address; {kept}"
            )
        code = error.status_code if isinstance(error, APIStatusError) else None
        first = (error.message.splitlines() or [""])[0][:300]
        remedy = {
            401: f"set {KEY} to a key that it accepts",
            403: f"set {KEY} to a key that it accepts",
            404: f"is the model called {self.model!r} there, and does the address end in /v1?",
        }.get(code or 0, "see the server's log")
        return OiellmError(f"{self.url}: refused ({first}); {remedy}; {kept}")
