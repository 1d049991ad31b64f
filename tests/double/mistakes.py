"""What the test double of a translator does wrong, and how often."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass

from build.markup import Place


@dataclass(frozen=True)
class Mistakes:
    """Shares of replies, and for ``lost`` of tags, that go wrong; drawn from the seed and the request alone."""

    lost: float = 0.0
    doubled: float = 0.0
    invented: float = 0.0
    broken: float = 0.0
    malformed: float = 0.0
    kana: float = 0.0
    kanji: float = 0.0
    echo: float = 0.0
    wrong_language: float = 0.0
    truncated: float = 0.0
    wrapped: float = 0.0
    respelled: float = 0.0
    inside: float = 0.0
    bare: float = 0.0
    swapped: float = 0.0
    absent: float = 0.0
    seed: int = 0

    @classmethod
    def usual(cls, seed: int = 0) -> Mistakes:
        """One tag in ten lost, every other mistake in one reply of fifty."""
        return cls(lost=0.1, seed=seed, **dict.fromkeys(ROW, 0.02))


_RUNS = {
    "kana": r"[\u3041-\u30ff]*[\u3041-\u3096\u30a1-\u30fa]{2}[\u3041-\u30ff]*",
    "kanji": r"[\u4e00-\u9fff]{2,}",
}

PAPER_ROW = ("malformed", "truncated", "echo", "wrong_language", "kana", "kanji", "doubled", "invented", "broken")
ROW = (*PAPER_ROW, "wrapped", "respelled", "inside", "bare", "swapped")
"""Mistakes of a whole reply, one at most; replies to the paper's way have those of ``PAPER_ROW`` alone."""

WRAPPINGS = (
    "Here is the translation:\n{}",
    "Sure! Here's the translation into {target}:\n\n{}",
    "Translation: {}",
    "译文：{}",
    "翻訳：{}",
    "{} (Note: names are transliterated.)",
    "{}\n\nNote: I kept the numbers.",
    "{}（注：固有名詞は音訳しました。）",
    "{}（注：人名为音译。）",
    "“{}”",
    "「{}」",
    '"{}"',
    "**{}**",
    "```\n{}\n```",
    "{} {}",
    "{}\n{}",
    "{source}\n{}",
    "{source} → {}",
    "\n {}\n\n",
    "\ufeff{}",
)
"""What models write around a translation; ``{source}`` is the text that they were given."""


def wrapped(said: str, source: str, target: str, draw: random.Random) -> str:
    """A tagged translation with something around it."""
    return draw.choice(WRAPPINGS).replace("{target}", target).replace("{source}", source).replace("{}", said)


SPELLINGS = ("＜{}＞", "< {} >", "<{/}T{n}>", "&lt;{}&gt;", "<{/}x{n}>", "<\u200b{}>")
"""How tags are spelled: ``{}`` is the number with the slash of a closing tag, ``{/}`` and ``{n}`` are the two apart."""


def spelled(said: str, spelling: str) -> str:
    """A tagged text whose tags are spelled so."""

    def one(match: re.Match[str]) -> str:
        return spelling.replace("{}", match[1] + match[2]).replace("{/}", match[1]).replace("{n}", match[2])

    return re.sub(r"<(/?)(\d+)>", one, said)


INSIDES = (
    "<{n}> {} </{n}>",
    "<{n}>**{}**</{n}>",
    "<{n}>\u200b{}\u200b</{n}>",
    "<{n}>{}.</{n}>",
    "<{n}>“{}”</{n}>",
    "<{n}>{}</{n}> (original)",
)


def inside(said: str, number: int, draw: random.Random) -> str:
    """A tagged translation with something in or behind one tag that does not belong there."""
    way = draw.choice(INSIDES).replace("{n}", str(number))
    return re.sub(rf"<{number}>(.*?)</{number}>", lambda tag: way.replace("{}", tag[1]), said, flags=re.DOTALL)


def untranslated(
    fault: str, text: str, spans: Mapping[int, Place], out: str, places: Mapping[int, Place], draw: random.Random
) -> tuple[str, dict[int, Place], str] | None:
    """A run of the source's kana or kanji left in the translation: in place of a tagged word, or somewhere outside of tags.

    Every run is as likely as another. Returns text, places, and what was left; None if the source has no run of two.
    """
    runs = [match.span() for match in re.finditer(_RUNS[fault], text)]
    tagged = {
        place: number
        for number, place in spans.items()
        if number in places
        and text[slice(*place)] != out[slice(*places[number])]
        and not any(_overlap(places[number], places[other]) for other in places if other != number)
    }
    if not runs:
        return None
    run = draw.choice(runs)
    inside = [number for place, number in tagged.items() if place[0] <= run[0] and run[1] <= place[1]]
    if inside and (fault == "kana" or spans[inside[0]] == run):
        word = text[slice(*spans[inside[0]])]
        start, end = places[inside[0]]
    else:
        word = text[slice(*run)]
        start = end = draw.choice(_between_words(out, places))
    by = len(word) - (end - start)
    moved = {number: (a + by * (a >= end), b + by * (b > start)) for number, (a, b) in places.items()}
    return out[:start] + word + out[end:], moved, f"{word}:{out[start:end]}"


def broken(said: str, number: int, draw: random.Random) -> str:
    """A tagged text with one tag broken in one of the ways in which models break them."""
    opened, closed = f"<{number}>", f"</{number}>"
    ways = [
        (closed, ""),
        (opened, opened[1:]),
        (opened, opened[:-1]),
        (closed, closed[1:]),
        (closed, closed[:-1]),
        (opened, f"&quot;{opened}"),
        (closed, f"{closed}<br/>"),
        (rf"<(/?){number}>", rf"<\g<1>x{number}>"),
        (rf"<(/?){number}>", rf"[\g<1>{number}]"),
    ]
    old, new = draw.choice(ways)
    return re.sub(old, new, said) if "?" in old else said.replace(old, new, 1)


def _between_words(text: str, places: Mapping[int, Place]) -> list[int]:
    """Where another word can stand: at the ends of the text, beside a mark or a blank, and beside a tag, never within one."""
    borders = {0, len(text), *(at for place in places.values() for at in place)}
    borders |= {at for at in range(1, len(text)) if not (text[at - 1].isalnum() and text[at].isalnum())}
    return [at for at in sorted(borders) if not any(a < at < b for a, b in places.values())]


def _overlap(one: Place, other: Place) -> bool:
    return one[0] < other[1] and other[0] < one[1]
