"""Prediction by an OpenAI-compatible completions endpoint: vLLM, TGI, llama.cpp, ``transformers serve``."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from oiellm.errors import OiellmError
from oiellm.llm.calls import PASSING, PROMPT, Call
from oiellm.llm.calls import Reply as Said
from oiellm.llm.options import Settings
from oiellm.predict.engine import Finish, Reply, Request
from oiellm.predict.grammar import behind_a_possible_space

FINISHES: Final[Mapping[str, Finish]] = {
    "stop": "stop",
    "empty": "stop",  # a model may well have nothing to say, and it was asked again
    "length": "length",
    "filter": "filter",
    "refused": "refused",
    "too_long": "too_long",
}
"""What a finish of :mod:`oiellm.llm` is here; ``failed`` is none, as the next run asks again."""


class EndpointEngine:
    """Prompts go out as strings, many at once, greedily (temperature 0).

    The server tokenizes: a BOS is put in front if its tokenizer does so, as here, but a piece of text that spells a special
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
        self,
        url: str,
        model: str,
        *,
        concurrency: int = 64,
        retries: int = 5,
        timeout: float = 600.0,
        extra_body: Mapping[str, Any] | None = None,
    ) -> None:
        """Name an endpoint; nothing is sent yet.

        Args:
            url: base address, as in ``http://127.0.0.1:8000/v1``. The key is taken from ``OPENAI_API_KEY``, if it is set.
            model: name under which the server knows the model.
            concurrency: requests in flight.
            retries: of a request that met a lost connection, 429 or a server error; the waits double, up to a minute each.
            timeout: seconds for one attempt.
            extra_body: goes into every request as it is.

        Raises:
            OiellmError: the address is none, or holds a secret.
        """
        self._settings = Settings(
            model,
            url,
            concurrency=concurrency,
            retries=retries,
            timeout=timeout,
            extra_body=extra_body or {},
            pilot=False,  # the run knows what was answered before
        )
        self.url, self.model, self.at_once = self._settings.base_url, model, concurrency

    def generate(self, requests: Sequence[Request], max_new_tokens: int) -> Iterator[Reply]:
        """Greedy replies, as they arrive.

        A request that the server refuses is a reply, with the server's words as its text. If the endpoint fails for good, no
        further request is sent, those in flight may still arrive, and then the error is raised.

        Raises:
            OiellmError: the endpoint is dead or refuses everything, or some requests got no reply while others did; the message
                names it, with the server's own words, and says what to do.
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
        from oiellm.llm.cache import Answered
        from oiellm.llm.client import Client
        from oiellm.llm.ledger import Ledger
        from oiellm.llm.meter import Meter
        from oiellm.llm.pricing import Prices, estimates
        from oiellm.llm.wire import COMPLETIONS

        settings, waiting = self._settings, iter(requests)
        errors: list[OiellmError] = []
        failed: list[str] = []
        ledger = Ledger(settings, Prices(settings))
        meter = Meter(ledger, self.model, len(requests), None)
        client = Client(settings, meter.note, ledger, COMPLETIONS)

        async def worker() -> None:
            for request in waiting:
                call = _call(self.model, request, max_new_tokens)
                meter.in_flight += 1
                try:
                    said = await client.reply(call, call.key)
                except OiellmError as error:
                    client.stop()
                    errors.append(error)
                else:
                    if said.finish not in PASSING:
                        about = estimates().prompt_tokens(call)
                        ledger.count(Answered(call.key, self.model, "predict", said, about), paid=True)
                    meter.in_flight -= 1
                    meter.row()
                    meter.refresh()
                    if said.finish == "failed":
                        failed.append(said.text)
                    else:
                        replies.put(_reply(request.key, said))
                if errors or stop.is_set():
                    return

        try:
            await asyncio.gather(*(worker() for _ in range(min(self.at_once, len(requests)))))
        finally:
            meter.close()
            await client.close()
        if errors:
            raise errors[0]
        if failed:
            raise unanswered(self.url, failed)


def unanswered(url: str, failed: Sequence[str]) -> OiellmError:
    """Some requests got no reply while others did; ``failed`` says why, for each."""
    return OiellmError(
        f"{url}: {len(failed):,} requests got no reply ({failed[0]}); what was answered is kept, and the same command asks for "
        "these again"
    )


def _call(model: str, request: Request, limit: int) -> Call:
    grammar = request.grammar and behind_a_possible_space(request.grammar)
    return Call(model, ((PROMPT, request.prompt),), limit, grammar=grammar)


def _reply(key: int, said: Said) -> Reply:
    # Behind a prompt, Llama 2's tokenizer writes a space that is not there when the completion stands alone.
    return Reply(key, said.text.removeprefix(" "), FINISHES[said.finish], said.completion_tokens, -1)
