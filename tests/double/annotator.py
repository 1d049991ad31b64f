"""A test double of a chat model that annotates: it knows rows and their gold, and answers in the format it is asked for.

It knows the truth, so a run over it shows what the kit makes of replies. It says nothing about any real model.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable
from typing import Final

from mmm_dataset import Record, Registry, encode
from oiellm.baselines import objects
from tests.double.replies import as_json, as_text
from tests.double.server import Answer, Message, Reject

WAYS: Final = ("prose", "fence", "wide", "declined", "refusal", "garbage", "cut", "echo", "written")
"""``written``: as the gold is written in one of the ways of :mod:`tests.double.replies`, all of which can be read."""


class Annotator:
    """Answers chats whose last message is a row's prompt.

    Attributes:
        made: prompt to the way in which its reply was spoilt.
    """

    def __init__(self, rows: Iterable[Record], registry: Registry, spoilt: float = 0.0, seed: int = 0) -> None:
        """Learn rows. ``spoilt`` is the share of replies that are not in the format, in one of ``WAYS`` each."""
        self._registry, self._words, self._spoilt, self._seed = registry, registry.task_words, spoilt, seed
        self._rows = {encode(row, registry.task_words)[0]: row for row in rows}
        self.made: dict[str, str] = {}

    def knows(self, messages: list[Message]) -> bool:
        """Whether the last message is the prompt of a row."""
        return messages[-1]["content"] in self._rows

    def answer(self, messages: list[Message], model: str, attempt: int) -> str | Answer:
        """Answer a request; ``attempt`` changes nothing."""
        prompt = messages[-1]["content"]
        if prompt not in self._rows:
            raise Reject(400, "the test double does not know this text")
        row = self._rows[prompt]
        as_json_asked = "JSON object" in messages[0]["content"]
        gold = objects.example(row, self._words) if as_json_asked else encode(row, self._words)[1]
        draw = random.Random(hashlib.sha256(f"{self._seed}/{prompt}".encode()).digest())
        if draw.random() >= self._spoilt:
            return gold
        way = draw.choice(WAYS)
        self.made[prompt] = way
        if way == "written":
            closed = self._registry.word_labels(self._registry.config(row.config), row.word) is not None
            ways = as_json(row, self._words) if as_json_asked else as_text(row, self._words, closed)
            return draw.choice(list(ways))[1]
        return spoilt(gold, way, prompt)


def spoilt(gold: str, way: str, prompt: str) -> str | Answer:
    """A reply that is not in the format, as chat models write them."""
    return {
        "prose": f"Sure! Here is the annotation you asked for:\n\n{gold}\n\nLet me know if you need anything else.",
        "fence": f"```\n{gold}\n```",
        "wide": gold.replace(":", "：").replace(";", "；") if not gold.startswith("{") else f"  {gold}  ",
        "declined": "I'm sorry, but I cannot help with that.",
        "refusal": Answer(None, refusal="no"),
        "garbage": "The text is about many things.",
        "cut": Answer(gold[: len(gold) // 3], "length"),
        "echo": prompt,
    }[way]
