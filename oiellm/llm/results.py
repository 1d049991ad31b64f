"""What comes back of a batch: replies, refusals, what the server does not take, and requests that must be asked again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from oiellm.llm.cache import Answered
from oiellm.llm.calls import Reply
from oiellm.llm.errors import REFUSED, may_pass, unstructured
from oiellm.llm.options import Settings
from oiellm.llm.parts import Part
from oiellm.llm.wire import LIMITS, NO_COMPLETION, Dialect, NoCompletionError, error_message, read_answer


class Results:
    """Reads results, and remembers what failed.

    Attributes:
        failures: results that were failures, in all; ``why``: what the last one says.
    """

    def __init__(self, settings: Settings, note: Callable[[str], None], key: str) -> None:
        """Nothing is read yet; ``note`` is told once what the server does not take, and no message shows the key."""
        self.failures, self.why = 0, ""
        self._settings, self._note, self._key = settings, note, key
        self._dialects: dict[str, Dialect] = {}
        self._noted: set[str] = set()
        self._rounds: dict[str, tuple[Answered, int]] = {}

    def dialect(self, model: str) -> Dialect:
        """What the server takes for a model."""
        return self._dialects.setdefault(model, Dialect(self._settings.structured != "off"))

    def read(self, part: Part, lines: Iterable[str], about: Mapping[str, tuple[int, int]]) -> Iterator[Answered]:
        """The requests that were answered for good.

        Args:
            part: that was submitted.
            lines: of a file of results.
            about: see :meth:`Part.about`.

        Raises:
            OiellmError: there are no structured outputs and ``--structured on`` wants them.
        """
        for line in lines:
            row = json.loads(line) if line.strip() else {}
            if (key := str(row.get("custom_id"))) not in about:
                continue
            estimate, limit = about[key]
            reply, why = self._reply(part, row, limit)
            if reply:
                yield Answered(key, part.model, part.purpose, reply, estimate, True)
            elif why:
                failed = Answered(key, part.model, part.purpose, Reply(why, "failed", 0, 0), estimate, True)
                self._rounds[key] = failed, self._rounds[key][1] + 1 if key in self._rounds else 1

    def failed(self, rounds: int) -> list[Answered]:
        """The requests that failed at least so often."""
        return [row for row, times in self._rounds.values() if times >= rounds]

    def forget(self, rows: Iterable[Answered]) -> None:
        """These are given up."""
        for row in rows:
            del self._rounds[row.key]

    def _reply(self, part: Part, row: dict[str, Any], limit: int) -> tuple[Reply | None, str]:
        """What came back for a request; None if it must be asked again, with the reason if the request itself failed."""
        response = row.get("response") or {}
        status, body = response.get("status_code"), response.get("body")
        try:
            if status == 200:
                return read_answer(body), ""
            message = error_message(body if status else row.get("error"), self._key)
        except NoCompletionError:
            message = NO_COMPLETION
        if status in REFUSED:
            sent = dict(part.first_body())
            sent.update((name, limit) for name in LIMITS if name in sent)
            if not (given_up := self.dialect(part.model).give_up(sent, message)):
                return Reply(message, "refused", 0, 0), ""
            self._less(given_up, message)
            return None, ""
        self.failures, self.why = self.failures + 1, message
        if status and status != 200:
            return None, message if may_pass(status) else ""
        return None, "" if (row.get("error") or {}).get("code") == "batch_expired" else message

    def _less(self, given_up: str, message: str) -> None:
        if given_up == "response_format" and self._settings.structured == "on":
            raise unstructured(self._settings, message)
        if given_up not in self._noted:
            self._noted.add(given_up)
            self._note(f"the server does not take {given_up} ({message}); going on without")
