"""Prediction by a chat endpoint: every reply is kept on disk, so none is paid twice, whatever ends the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from oiellm.errors import BudgetError
from oiellm.llm.calls import Call, Dialogue, ask
from oiellm.llm.calls import Reply as Said
from oiellm.llm.plan import Plan
from oiellm.llm.session import Session
from oiellm.predict.endpoint import FINISHES, unanswered
from oiellm.predict.engine import Reply, Request


class ChatEngine:
    """Chats go out through a session of :mod:`oiellm.llm`: live or by the Batch API, cached, priced, within a budget.

    A request without messages goes out as one message of the user.
    """

    name = "chat"
    dtype = "unknown"

    def __init__(self, session: Session) -> None:
        """Take an open session, which the caller closes."""
        self.model, self.at_once = session.settings.model, session.settings.concurrency
        self._session = session

    def generate(self, requests: Sequence[Request], max_new_tokens: int) -> Iterator[Reply]:
        """Replies at temperature 0, in the order of the requests.

        Raises:
            BudgetError: the budget did not allow all of them; the others were given.
            OiellmError: the endpoint is dead or refuses, or some requests got no reply while others did.
        """
        left, failed = 0, list[str]()
        for request, said in self._session.run(
            lambda: requests, _start(self.model, max_new_tokens), total=len(requests), describe=self.model
        ):
            if said is None:
                left += 1
            elif said.finish == "failed":
                failed.append(said.text)
            else:
                yield Reply(request.key, said.text, FINISHES[said.finish], said.completion_tokens, -1)
        if left:
            raise BudgetError(
                f"the budget of ${self._session.ledger.limit:.2f} does not allow the calls of {left:,} rows: what was answered "
                "is kept, and the same command with a higher --max-cost goes on from there"
            )
        if failed:
            raise unanswered(self._session.settings.base_url, failed)

    def plan(self, requests: Sequence[Request], max_new_tokens: int) -> Plan:
        """What :meth:`generate` would take; replies in the cache are counted as used, and nothing is sent.

        Raises:
            OiellmError: the model has no price.
        """
        return self._session.plan(lambda: requests, _start(self.model, max_new_tokens), single=True)

    def recall(self, requests: Sequence[Request], max_new_tokens: int) -> None:
        """Count the replies that the cache holds, so that usage and budget cover the whole run and not only its last part."""
        self._session.recall(lambda: requests, _start(self.model, max_new_tokens))

    def usage(self) -> list[dict[str, Any]]:
        """Calls, tokens and dollars of all replies that were used, the same after any interruption."""
        return self._session.usage()


def _start(model: str, limit: int) -> Callable[[Request], Dialogue[Said]]:
    def start(request: Request) -> Dialogue[Said]:
        messages = request.messages or (("user", request.prompt),)
        return ask(Call(model, messages, limit, schema=request.schema, purpose="predict"))

    return start
