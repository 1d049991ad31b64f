"""A test double of a translator: it knows aligned rows, answers from them, and makes mistakes at set rates.

It knows the truth, so a run over it shows what a pipeline lets through. It says nothing about any real translator.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations

from build.markup import Place, tag, untag
from build.translate.language import read_language
from build.translate.parts import sentence_ends
from build.translate.tagging import Tagged, take_apart
from mmm_dataset import Item, Record, Registry, decode, prompt, split_input
from mmm_dataset.codec import item_fields
from mmm_f1.unified import render, shape
from tests.double.mistakes import PAPER_ROW, ROW, SPELLINGS, Mistakes, broken, inside, spelled, untranslated, wrapped
from tests.double.server import Answer, Message, Reject


@dataclass(frozen=True)
class Truth:
    """A text in one language, and where the places of its source are in it."""

    text: str
    places: dict[Place, Place] = field(default_factory=dict)


class Translator:
    """Answers the prompts of ``build translate``, those of the paper's method too.

    Attributes:
        made: mistakes by request, as they were made: (kind, what).
    """

    def __init__(self, rows: Iterable[Record], registry: Registry, mistakes: Mistakes | None = None) -> None:
        """Learn aligned rows: records of one task and source id in several languages, items aligned by ``source_item``."""
        self.registry, self.mistakes = registry, mistakes or Mistakes()
        self.made: list[tuple[str, str]] = []
        self._truth: dict[tuple[str, str], Truth] = {}
        self._codes = {language.name: code for code, language in registry.languages.items()}
        self._languages = {code: read_language(code, registry) for code in registry.languages}
        together: dict[tuple[str, str], dict[str, Record]] = {}
        for row in rows:
            together.setdefault((row.task, row.source_id), {})[row.language] = row
        for found in together.values():
            for source in found.values():
                for target in found.values():
                    self._learn(source, target)

    def _learn(self, source: Record, target: Record) -> None:
        key = (source.text, target.language)
        truth = self._truth.setdefault(key, Truth(target.text))
        order = _by_source(target)
        here, there = take_apart(source), take_apart(target)
        for index, item in _by_source(source).items():
            if index in order:
                for a, b in zip(here.items[item], there.items[order[index]]):
                    if a and b:
                        truth.places[here.spans[a]] = there.spans[b]

    def truth(self, text: str, language: str) -> Truth:
        """What a text is in a language; a text that was not learnt is refused."""
        if (text, language) not in self._truth:
            raise Reject(400, "the test double knows no translation of this text")
        return self._truth[text, language]

    def answer(self, messages: list[Message], model: str, attempt: int) -> str | Answer:
        """Answer a request; ``attempt`` changes nothing, so that a request asked for again gets the same."""
        system, last = messages[0]["content"], messages[-1]["content"]
        draw = random.Random(hashlib.sha256(f"{self.mistakes.seed}/{json.dumps(messages)}/{model}".encode()).digest())
        rates = Mistakes() if "strong" in model else self.mistakes
        if last.startswith("Input: "):
            names = re.search(r"following (\w+) dataset into (\w+)", system)
            return self._paper(last, *(self._codes[name] for name in names.groups()), rates, draw)
        asked = json.loads(last)
        names = re.search(r"from (\w+) to (\w+)", system)
        if "text" in asked:
            source, target = (self._codes[name] for name in names.groups())
            return self._translated(asked, source, target, system, rates, draw)
        target = re.search(r"is its\s+(\w+)", system)
        return self._spans(asked, self._codes[target[1]], rates, draw)

    def _translated(
        self, asked: Mapping[str, str], source: str, target: str, system: str, rates: Mistakes, draw: random.Random
    ) -> str | Answer:
        text, spans = untag(asked["text"])
        truth = self._part(text, spans, asked.get("context"), source, target)
        fault = self._drawn(rates, draw)
        if fault == "wrong_language":
            other = next(code for code in ("en", "zh", "ja") if code not in (source, target))
            truth, fault = self._part(text, spans, asked.get("context"), source, other), ""
            self.made.append(("wrong_language", text))
        if fault == "echo":
            self.made.append(("echo", text))
            said = draw.choice(
                [asked["text"], system.splitlines()[0] + " " + tag(truth.text, truth_spans(truth, spans))]
            )
            return _json(said)
        places = truth_spans(truth, spans)
        text_out = truth.text
        is_left = fault == "kanji" or (fault == "kana" and "kana" not in self._languages[target].scripts)
        if is_left and (left := untranslated(fault, text, spans, text_out, places, draw)) is not None:
            text_out, places, what = left
            self.made.append((fault, f"{target}:{what}"))
        if fault == "swapped" and (pair := swappable(text_out, places, draw)):
            self.made.append((fault, text))
            places = {**places, pair[0]: places[pair[1]], pair[1]: places[pair[0]]}
        lost = [number for number in places if draw.random() < rates.lost]
        for number in lost:
            self.made.append(("lost", text))
            del places[number]
        said = tag(text_out, places)
        if fault in ("doubled", "invented", "broken"):
            said = self._mistagged(fault, said, text_out, places, spans, draw, text)
        if fault == "truncated":
            self.made.append((fault, text))
            if draw.random() < 0.5:
                return Answer(_json(said)[: len(said) // 2], finish="length")
            return _json(said[: max(1, len(said) // 2)].rpartition("<")[0] or said[: max(1, len(said) // 3)])
        if fault == "malformed":
            self.made.append((fault, text))
            return draw.choice(
                [_json(said)[:-2], "Here you are:\n" + _json(said), '{"text": "x"}', "", "I'm sorry, I cannot."]
            )
        return self._dressed(fault, said, asked["text"], target, places, draw)

    def _dressed(
        self, fault: str, said: str, source: str, target: str, places: Mapping[int, Place], draw: random.Random
    ) -> str:
        """A reply whose translation is right, and something else is not."""
        if fault in ("wrapped", "respelled", "bare") or (fault == "inside" and places):
            self.made.append((fault, source))
        if fault == "wrapped":
            said = wrapped(said, source, self.registry.languages[target].name, draw)
            return said if draw.random() < 0.5 else _json(said)
        if fault == "respelled":
            return _json(spelled(said, draw.choice(SPELLINGS)))
        if fault == "inside" and places:
            return _json(inside(said, draw.choice(sorted(places)), draw))
        return said if fault == "bare" else _json(said)

    def _drawn(self, rates: Mistakes, draw: random.Random) -> str:
        at = draw.random()
        for name in ROW:
            if (at := at - getattr(rates, name)) < 0:
                return name
        return ""

    def _part(self, text: str, spans: dict[int, Place], context: str | None, source: str, target: str) -> Truth:
        """The truth of a text, or of a part of one."""
        if context is None:
            return self.truth(text, target)
        context = self._around(context, target)
        whole = self.truth(context, target)
        at = context.index(text)
        mine = {(start + at, end + at) for start, end in spans.values()}
        here = [*sentence_ends(Tagged(context, {}, ()), self._languages[source].final), len(context)]
        there = [*sentence_ends(Tagged(whole.text, {}, ()), self._languages[target].final), len(whole.text)]
        start, end = (self._boundary(cut, here, there, whole) for cut in (at, at + len(text)))
        while start < end and whole.text[start].isspace():
            start += 1
        return Truth(
            whole.text[start:end].rstrip(),
            {
                (a - at, b - at): (whole.places[a, b][0] - start, whole.places[a, b][1] - start)
                for a, b in mine
                if (a, b) in whole.places
            },
        )

    def _around(self, window: str, language: str) -> str:
        """The text that a window was cut from."""
        if (window, language) in self._truth:
            return window
        return next((text for text, known in self._truth if known == language and window in text), window)

    def _boundary(self, cut: int, here: list[int], there: list[int], whole: Truth) -> int:
        before = sum(end <= cut for end in here)
        if len(here) == len(there):
            return there[before - 1] if before else 0
        needed = max((end for (_, right), (_, end) in whole.places.items() if right <= cut), default=0)
        return there[-1] if cut == here[-1] else next(end for end in [0, *there] if end >= needed)

    def _mistagged(
        self,
        fault: str,
        said: str,
        out: str,
        places: dict[int, Place],
        spans: dict[int, Place],
        draw: random.Random,
        text: str,
    ) -> str:
        number = draw.choice(sorted(places)) if places else None
        if fault == "invented" or number is None:
            self.made.append(("invented", text))
            return f"<{max(spans, default=0) + 1}>{said}</{max(spans, default=0) + 1}>"
        self.made.append((fault, text))
        if fault == "broken":
            return broken(said, number, draw)
        free = [
            at for at in range(len(out)) if not out[at].isspace() and not any(a <= at < b for a, b in places.values())
        ]
        if not free:
            return said + f"<{number}>!</{number}>"
        at = draw.choice(free)
        return tag(out, {**places, 10_000: (at, at + 1)}).replace("10000>", f"{number}>")

    def _spans(self, asked: Mapping[str, str], target: str, rates: Mistakes, draw: random.Random) -> str:
        text, spans = untag(asked["source"])
        fault = self._drawn(rates, draw)
        if fault in ("malformed", "truncated", "broken"):
            self.made.append(("malformed", text))
            return draw.choice(["", "null", '{"1": ', "I cannot find it."])
        found: dict[str, str | None] = {}
        for number, place in spans.items():
            found[str(number)] = self._word(text, place, asked["translation"], target)
            if draw.random() < rates.absent:
                self.made.append(("absent", text))
                found[str(number)] = None
        if fault in ("echo", "kana", "kanji", "wrong_language", "invented"):
            self.made.append(("not_in_text", text))
            number = draw.choice(sorted(spans))
            found[str(number)] = f"{text[slice(*spans[number])]}?!"
        return json.dumps(found, ensure_ascii=False)

    def _word(self, text: str, place: Place, translation: str, target: str) -> str | None:
        for (source, language), truth in self._truth.items():
            if language == target and text in source:
                at = source.index(text)
                found = truth.places.get((place[0] + at, place[1] + at))
                if found and truth.text[slice(*found)] in translation:
                    return truth.text[slice(*found)]
        return None

    def _paper(self, row: str, source: str, target: str, rates: Mistakes, draw: random.Random) -> str:
        line, _, output = row.removeprefix("Input: ").rpartition("\nOutput: ")
        word = next(w for w in sorted(self.registry.task_words, key=len, reverse=True) if line.endswith(f"/{w}"))
        text, _ = split_input(line, (word,))
        given = decode(output, word, task_words=self.registry.task_words)
        located = decode(output, word, text=text, task_words=self.registry.task_words)
        truth, fault = self.truth(text, target), self._drawn(rates, draw)
        if fault == "wrong_language":
            truth = self.truth(text, next(code for code in ("en", "zh", "ja") if code not in (source, target)))
        out, items = truth.text, []
        for item, known in zip(given.items, located.items):
            spans = []
            for span, at in zip(item.spans, known.spans):
                place = truth.places.get((at.start, at.end)) if at.start is not None else None
                said = out[slice(*place)] if place else span.text
                if span.text and draw.random() < rates.lost:
                    self.made.append(("lost", text))
                    said = f"{said} {span.text}"  # another wording than the text's
                spans.append(replace(span, text=said if span.text else "", start=None, end=None))
            items.append(Item(item.label, tuple(spans)))
        if fault in PAPER_ROW:
            self.made.append((fault, text))
        if fault == "kana" and (run := re.search(r"[\u3041-\u3096\u30a1-\u30fa]{2,}", text)):
            out += run[0]
        if fault == "kanji" and (run := re.search(r"[\u4e00-\u9fff]{2,}", text)):
            out += run[0]
        if fault in ("doubled", "invented") and items:
            items.append(items[0])
        rows = [item_fields(item, shape(word, self.registry.task_words)) for item in items]
        said = f"Input: {prompt(out, word)}\nOutput: {render(given.label, word, rows, task_words=self.registry.task_words)}"
        if fault in ("malformed", "broken"):
            return said.replace("\nOutput:", "\n")
        if fault == "truncated":
            return said[: len(said) // 2]
        return row if fault == "echo" else said


def truth_spans(truth: Truth, spans: Mapping[int, Place]) -> dict[int, Place]:
    """The places of the tags that the truth knows."""
    return {number: truth.places[place] for number, place in spans.items() if place in truth.places}


def swappable(text: str, places: Mapping[int, Place], draw: random.Random) -> tuple[int, int] | None:
    """Two tags that stand apart around other words; None if there are none."""
    pairs = [
        (a, b)
        for a, b in combinations(sorted(places), 2)
        if text[slice(*places[a])] != text[slice(*places[b])]
        and (places[a][1] <= places[b][0] or places[b][1] <= places[a][0])
    ]
    return draw.choice(pairs) if pairs else None


def _by_source(record: Record) -> dict[int, int]:
    """Index of the source's item to index of this record's."""
    items = record.items or ()
    return {index if item.source_item is None else item.source_item: index for index, item in enumerate(items)}


def _json(said: str) -> str:
    return json.dumps({"translation": said}, ensure_ascii=False)
