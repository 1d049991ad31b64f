"""A prediction run: records in, a folder of predictions out, with resume. Nothing is dropped: every record has a row."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

from mmm_dataset import Record, Registry, __version__
from mmm_dataset.files import dump, progress
from oiellm.errors import OiellmError
from oiellm.llm.pilot import ROWS as PILOT_ROWS
from oiellm.predict.checkpoint import called
from oiellm.predict.engine import Engine, Metered, Request
from oiellm.predict.pilot import SHARE, STRATA, Estimate, strata
from oiellm.predict.questions import ClosedLabels, questions
from oiellm.predict.reading import Question, ask
from oiellm.predict.rows import prediction, summarise
from oiellm.predict.store import ROW, Store
from oiellm.predict.style import Style, Unified
from oiellm.recipe import View
from oiellm.view import Forced

PART_ROWS: Final = 256
PART_SECONDS: Final = 20.0


class Run:
    """A run in its folder. Whatever stops it, an interrupt included, its replies so far are stored."""

    def __init__(
        self,
        records: Sequence[Record],
        engine: Engine,
        out: Path,
        *,
        registry: Registry,
        constrained: bool = False,
        max_new_tokens: int = 512,
        labels: ClosedLabels | None = None,
        view: View | None = None,
        forced: Forced | None = None,
        style: Style | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Begin a run, or open one that stopped; nothing is predicted yet.

        Args:
            records: with or without gold; (config, id) is unique among them.
            engine: see :mod:`oiellm.predict.engine`.
            out: folder of the run, see :mod:`oiellm.predict.store`.
            registry: of configs, label sets and task words.
            constrained: guarantee the form, the label sets and that entities are in the text.
            max_new_tokens: limit of a reply, EOS included.
            labels: word-level labels to list in the prompt (the closed setting), for the records that have them.
            view: which level is asked, and what the prompt tells of the other; both, if it is None.
            forced: the one text-level label that a reply may begin with, see :func:`oiellm.view.forced_labels`; needs
                ``constrained``.
            style: how rows are asked and replies read; the unified format, if it is None.
            settings: further things that decide the predictions (digest of the model, of the data), as JSON types. Kept
                in ``run.json`` and compared, with those that are known here, when a run is resumed.

        Raises:
            OiellmError: two records share an id, a config is not in the registry, ``out`` holds another run or cannot be
                written.
        """
        self._records, self._engine, self._limit, self._words = records, engine, max_new_tokens, registry.task_words
        self._style = style or Unified(registry.task_words)
        plain = questions(records, registry, constrained, labels or {}, view or View(), forced)
        self._questions = list(map(self._style.question, records, plain))
        known = _known(records, self._questions, engine, constrained, max_new_tokens)
        if view and not view.is_plain:
            known["view"] = view.model_dump(mode="json")
        if forced:
            known["forced"] = forced
        if self._style.settings:
            known["style"] = dict(self._style.settings)
        self._store, self._batches = Store(out, {**known, **(settings or {})}), 0
        self._refused: list[dict[str, Any]] = []
        self._refusals, self._answered = 0, False

    def pilot(self, clock: Callable[[], float] = time.monotonic) -> Estimate | None:
        """Predict some of the rows that are left, from the longest to the shortest, and say how long the others will take.

        The rows are whole batches as :meth:`finish` would make them, and depend on lengths alone, never on the clock.

        Args:
            clock: seconds.

        Returns:
            The estimate; None if so few rows are left that they had better just be predicted.

        Raises:
            OiellmError: the engine or the disk failed.
        """
        left, size = self._left(), self._engine.at_once
        if len(left) < SHARE * (STRATA + 1) * size:
            return None
        batches = [left[at : at + size] for at in range(0, len(left), size)]
        characters = [sum(len(self._questions[at].prompt) for at in batch) for batch in batches]
        # The longest go first here too, and alone: what an engine does only once must not count as the time of rows.
        groups = [range(group.start + 1, group.stop + 1) for group in strata(characters[1:])]
        chosen = [group[len(group) // 2] for group in groups]
        group_of = {at: number for number, batch in enumerate(chosen) for at in batches[batch]}
        seconds, start = [0.0] * len(groups), clock()
        bar = progress(range(size + len(group_of)), "pilot", total=size + len(group_of))
        self._work(batches[0], lambda _: next(bar, None))
        last = clock()

        def came(key: int) -> None:
            nonlocal last
            now = clock()
            seconds[group_of[key]] += now - last
            last = now
            next(bar, None)

        self._work(list(group_of), came)
        next(bar, None)  # ends it
        rest = [sum(characters[batch] for batch in group) - characters[one] for group, one in zip(groups, chosen)]
        return Estimate(
            rows=len(left) - size - len(group_of),
            total=len(self._records),
            characters=sum(rest),
            seconds=sum(spent * more / characters[one] for spent, more, one in zip(seconds, rest, chosen)),
            pilot_rows=size + len(group_of),
            pilot_seconds=last - start,
        )

    def finish(self, chunk: int = 4096) -> dict[str, Any]:
        """Predict all that is left, none if the run is done.

        Args:
            chunk: rows that are handed to the engine at once, which sorts them by length.

        Returns:
            The summary, also in ``run.json``: counts of rows, of failures, issues and finishes by kind, of dropped items
            and of new tokens.

        Raises:
            OiellmError: the engine or the disk failed.
        """
        if (done := self._store.summary()) is not None:
            return done
        left = self._left()
        bar = progress(range(len(left)), "predict", total=len(left))
        for first in range(0, len(left), chunk):
            self._work(left[first : first + chunk], lambda _: next(bar, None))
        next(bar, None)  # ends it
        if self._refused and not self._answered:
            raise self._all_refused()
        self._store.add(self._refused)
        table = self._store.merged()
        if table.num_rows != len(self._records):
            raise OiellmError(
                f"{self._store.out}: {table.num_rows} replies to {len(self._records)} records; run the same command again"
            )
        summary = summarise(table)
        if isinstance(self._engine, Metered):
            summary["usage"] = self._engine.usage()
        self._store.finish(table, summary)
        return summary

    def requests(self, keys: Sequence[int] | None = None) -> list[Request]:
        """What is asked about some of the records, by number, or about all of them."""
        return [
            ask(at, self._questions[at], self._words) for at in (range(len(self._records)) if keys is None else keys)
        ]

    def _left(self) -> list[int]:
        """Numbers of the records to predict, the longest first: what does not fit into memory fails at once."""
        if self._store.summary() is not None:
            return []
        done, self._batches = self._store.so_far()
        self._answered |= bool(done)
        done.update(row[ROW] for row in self._refused)
        return sorted(set(range(len(self._records))) - done, key=lambda at: (-len(self._questions[at].prompt), at))

    def _work(self, keys: Sequence[int], came: Callable[[int], object]) -> None:
        """Have the engine predict records, and store them; ``came`` is told of each as its reply comes."""
        requests = self.requests(keys)
        rows: list[dict[str, Any]] = []
        before, start = self._batches, time.monotonic()
        try:
            for reply in self._engine.generate(requests, self._limit):
                numbered = replace(reply, batch=reply.batch + before) if reply.batch >= 0 else reply
                self._batches = max(self._batches, numbered.batch + 1)
                record, question = self._records[reply.key], self._questions[reply.key]
                row = prediction(record, question, numbered, self._engine, self._style, self._words)
                if reply.finish in ("refused", "too_long") and reply.text:
                    self._refuse(row)
                else:
                    self._answered = True
                    rows.append(row)
                if len(rows) >= PART_ROWS or time.monotonic() - start > PART_SECONDS:
                    stored, rows, start = rows, [], time.monotonic()
                    self._store.add(stored)
                came(reply.key)
        finally:
            self._store.add(rows)

    def _refuse(self, row: dict[str, Any]) -> None:
        """Keep a server's refusal back until something was answered: a server that takes no row at all is set up wrongly."""
        self._refused.append(row)
        self._refusals += row["finish"] == "refused"
        if not self._answered and self._refusals >= PILOT_ROWS:
            raise self._all_refused()

    def _all_refused(self) -> OiellmError:
        words = self._refused[-1]["raw"]
        return OiellmError(
            f"{self._store.out}: the server refuses every row ({words}); none was kept: run the same command when it takes them"
        )


def _known(
    records: Sequence[Record], questions: Sequence[Question], engine: Engine, constrained: bool, max_new_tokens: int
) -> dict[str, Any]:
    """The settings that are known here; the rows enter by a digest of their ids and prompts."""
    digest, seen = hashlib.sha256(), set()
    sets: dict[tuple[str, str], list[list[str] | None]] = {}  # lists in prompts are in the prompts
    for record, question in zip(records, questions):
        key = (record.config, record.id)
        if key in seen:
            raise OiellmError(f"record {record.id!r} of {record.config} is there twice; ids must be unique in a config")
        seen.add(key)
        asked = [question.prompt, question.messages, question.schema] if question.messages else [question.prompt]
        digest.update(dump([*key, *asked]).encode() + b"\n")
        if (record.config, question.word) not in sets:
            sets[record.config, question.word] = [_sorted(question.text_labels), _sorted(question.word_labels)]
    libraries = ["openai"] if engine.name in ("openai", "chat") else ["torch", "transformers"]
    if constrained:
        libraries.append("llguidance")
    return {
        "model": called(engine.model),
        "engine": engine.name,
        "dtype": engine.dtype,
        "constrained": constrained,
        "max_new_tokens": max_new_tokens,
        "rows": len(records),
        "rows_digest": digest.hexdigest(),
        "labels_digest": hashlib.sha256(dump(sorted(map(str, sets.items()))).encode()).hexdigest(),
        "versions": {"oiellm": __version__, **{name: _version(name) for name in libraries}},
    }


def _sorted(labels: Collection[str] | None) -> list[str] | None:
    return None if labels is None else sorted(labels)


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
