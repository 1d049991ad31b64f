"""What comes back of a batch: replies, refusals, what the server does not take, and requests that must be asked again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from oiellm.files import fast_load
from oiellm.llm.cache import Answered
from oiellm.llm.calls import Reply
from oiellm.llm.options import Settings
from oiellm.llm.parts import Part
from oiellm.llm.response import RequestError, read_body, server_words
from oiellm.llm.wire import LIMITS, Dialects


class Results:
    """Reads results, and remembers what failed.

    Attributes:
        dialects: what the server takes.
        failures: results that were failures, in all; ``why``: what the last one says.
    """

    def __init__(self, settings: Settings, note: Callable[[str], None], key: str) -> None:
        """Nothing is read yet; ``note`` is told once what the server does not take, and no message shows the key."""
        self.failures, self.why = 0, ""
        self.dialects = Dialects(settings, note)
        self._key, self._unread = key, ""
        self._rounds: dict[str, tuple[Answered, int]] = {}

    def read(self, part: Part, lines: Iterable[bytes], about: dict[str, tuple[int, int]]) -> Iterator[Answered]:
        """The requests that were answered for good.

        Args:
            part: that was submitted.
            lines: of a file of results. One that cannot be read costs its own request alone.
            about: see :meth:`Part.about`; requests whose results are read are taken out.

        Raises:
            OiellmError: there are no structured outputs and ``--structured on`` wants them.
        """
        for line in lines:
            row = _loaded(line)
            if row is None:
                said = server_words(line.decode("utf-8", "replace"), self._key)
                self._unread = f"a line of the results cannot be read: {said}"
            elif (key := str(row.get("custom_id"))) in about:
                estimate, limit = about.pop(key)
                answered = Answered(key, part.model, part.purpose, Reply(""), estimate, True)
                reply = self._reply(part, row, limit)
                if reply is None:
                    continue
                answered = answered._replace(reply=reply)
                if reply.finish in ("failed", "empty"):
                    self._failed(answered)
                else:
                    yield answered

    def missed(self, part: Part, about: Mapping[str, tuple[int, int]]) -> None:
        """These requests of a batch that was completed have no result that can be read."""
        why, self._unread = self._unread or "no result came back", ""
        for key, (estimate, _) in about.items():
            self._failed(Answered(key, part.model, part.purpose, Reply(why, "failed", 0, 0), estimate, True))

    def failed(self, rounds: int) -> list[Answered]:
        """The requests that failed at least so often."""
        return [row for row, times in self._rounds.values() if times >= rounds]

    def forget(self, rows: Iterable[Answered]) -> None:
        """These are given up."""
        for row in rows:
            del self._rounds[row.key]

    def _failed(self, row: Answered) -> None:
        self.failures, self.why = self.failures + 1, row.reply.text or "the reply is empty"
        self._rounds[row.key] = row, self._rounds[row.key][1] + 1 if row.key in self._rounds else 1

    def _reply(self, part: Part, row: dict[str, Any], limit: int) -> Reply | None:
        """What came back for a request: failed or empty if it must be asked again because of the request itself, None if
        because of something else."""
        response = row["response"] if isinstance(row.get("response"), dict) else {}
        status = response.get("status_code")
        status = status if isinstance(status, int) else 200 if response else 0
        try:
            return read_body(response.get("body") if response else row.get("error") or row, status, self._key)
        except RequestError as error:
            if error.is_refusal:
                return self._refusal(part, error, limit)
            if error.code == "batch_expired" or error.ends_all:
                self.failures, self.why = self.failures + 1, error.words
                return None
            return Reply(error.words if error.status != 200 else str(error), "failed", 0, 0)

    def _refusal(self, part: Part, error: RequestError, limit: int) -> Reply | None:
        sent = dict(part.first_body())
        sent.update((name, limit) for name in LIMITS if name in sent)
        if self.dialects.give_up(part.model, sent, error.words):
            return None
        return Reply(error.words, "too_long" if error.is_too_long else "refused", 0, 0)


def _loaded(line: bytes) -> dict[str, Any] | None:
    """The object of a line; None if it is none."""
    try:
        row = fast_load(line)
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None
