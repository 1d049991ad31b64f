"""The checks of single spans, and of what lies outside of all spans, each with a name; severities are in ``checks.toml``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations, pairwise

from build.markup import Place
from build.translate.language import LanguageProfile, has_unknown_words, likeness, pattern
from build.translate.rules import OFF, Finding, Rules

_PROSE = re.compile(r"(?:[a-z]{2,}[ ,]+){7,}")
_LEAST, _MUCH = 0.05, 0.3
"""Share of the letters outside of all spans: so few in a translation of a source with so many, and something is missing."""
_MOST = 40
"""Tags of a row that are compared with one another."""
_AROUND = 3
"""Characters on either side of a copied run that are shown."""


class SpanChecker:
    """The checks of one language pair and task family."""

    def __init__(self, source: LanguageProfile, target: LanguageProfile, rules: Rules, *, names: bool) -> None:
        """Prepare the checks.

        Args:
            source, target: the languages.
            rules: thresholds.
            names: whether spans are mostly names, which are often the same in both languages.
        """
        self._rules = rules
        self._source, self._target = source, target
        self._both_han = "han" in source.scripts and "han" in target.scripts
        self._copy = "copied_name" if names else "copied_span"

    def findings(
        self, source: str, places: Mapping[int, Place], target: str, found: Mapping[int, Place]
    ) -> list[Finding]:
        """Findings about a translation whose spans are known.

        Args:
            source, places: the source text and its tagged places.
            target, found: the target text and the places found there, by the same tag numbers.
        """
        out: list[Finding] = []
        for number, place in found.items():
            out += self._one(source, places[number], target, place)
        out += _shared(places, target, found)
        if found and _share_outside(target, found) < _LEAST < _MUCH < _share_outside(source, places):
            out.append(Finding("unfinished", f"hardly a word beside the tags: {target!r}"))
        out += self._copied_runs(source, target, found.values())
        if (swapped := self._swapped(source, places, target, found)) is not None:
            out.append(swapped)
        return [finding for finding in out if self._rules.severity[finding.check] != OFF]

    def _one(self, source: str, place: Place, target: str, now: Place) -> Iterator[Finding]:
        (left, right), (start, end), wide = place, now, self._rules.values["wide_span"]
        words = target[start:end]
        share = (end - start) / len(target)
        seen = (
            (self._copy, words == source[left:right] and self._is_copy(target, now)),
            ("copied_span", words == source[left:right] and words in self._target.foreign_words),
            ("inside_word", _joined(target, start) or _joined(target, end)),
            ("wide_span", share > wide["share"] and share > wide["times"] * (right - left) / len(source)),
        )
        return (Finding(check, words, start, end) for check, is_so in seen if is_so)

    def _is_copy(self, target: str, place: Place) -> bool:
        words = target[slice(*place)]
        is_han = self._both_han and len(words) > 1 and pattern("han").fullmatch(words) is not None
        return is_han and (self._copy == "copied_name" or self._is_foreign(target, place))

    def _copied_runs(self, source: str, target: str, spans: Iterable[Place]) -> Iterator[Finding]:
        """Words outside of all spans that stand in the source as well and are none of the target's.

        The detail has what stands around a run, so that only the same words at the same place count as said again.
        """
        text = _outside(target, spans)
        if not self._both_han:
            match = None if source.isascii() and target.isascii() else _PROSE.search(text)
            if match and match[0] in source and not match[0].isspace():
                yield Finding("copied_run", match[0], *match.span())
            return
        least = self._rules.values["copied_run"]["chars"]
        for match in pattern("han").finditer(text):
            start, end = match.span()
            for place in _in_both(source, target, start, end, least):
                run = target[slice(*place)]
                if self._is_foreign(target, place) or target.count(run) > source.count(run):
                    around = target[max(0, place[0] - _AROUND) : place[1] + _AROUND]
                    yield Finding("copied_run", f"{run} in {around!r}", *place)

    def _is_foreign(self, target: str, place: Place) -> bool:
        """Whether the words at a place are not in the target's dictionary; true where there is none."""
        return not self._target.words or has_unknown_words(self._target, target, place)

    def _swapped(
        self, source: str, places: Mapping[int, Place], target: str, found: Mapping[int, Place]
    ) -> Finding | None:
        """The two spans that look or sound most like each other's counterparts."""
        numbers = [number for number in found if number in places]
        if self._copy == "copied_span" or not 1 < len(numbers) <= _MOST:  # words are translated, not transliterated
            return None
        there = {number: target[slice(*found[number])] for number in numbers}
        here = {number: source[slice(*places[number])] for number in numbers}
        rule = self._rules.values["swapped_tags"]
        best, margin = None, rule["margin"]

        def alike(a: int, b: int) -> float:
            return likeness(here[a], self._source, there[b], self._target)

        own = {number: alike(number, number) for number in numbers}
        for a, b in combinations(numbers, 2):
            if here[a] in (here[b], there[a]) or there[b] in (there[a], here[b]):  # what is copied is in its place
                continue
            right = own[a] + own[b]
            if (2 - right) / 2 <= margin:
                continue
            crossed = alike(a, b), alike(b, a)
            if (sum(crossed) - right) / 2 > margin and max(crossed) >= rule["low"]:
                best, margin = (a, b), (sum(crossed) - right) / 2
        if best is None:
            return None
        a, b = best
        return Finding("swapped_tags", f"{here[a]!r} as {there[a]!r}, {here[b]!r} as {there[b]!r}", *found[a])


def _in_both(source: str, target: str, at: int, end: int, least: int) -> Iterator[Place]:
    """The longest stretches of a part of the target that stand in the source."""
    while at + least <= end:
        size = least
        if target[at : at + size] not in source:
            at += 1
            continue
        while at + size < end and target[at : at + size + 1] in source:
            size += 1
        yield at, at + size
        at += size


def _shared(places: Mapping[int, Place], target: str, found: Mapping[int, Place]) -> Iterator[Finding]:
    """Spans that overlap in the target alone: often a tag that landed on its neighbour's words."""
    ordered = sorted(found.items(), key=lambda entry: entry[1])
    if all(a[1] <= b[0] for (_, a), (_, b) in pairwise(ordered)):
        return
    for (one, a), (other, b) in combinations(ordered, 2):
        if _overlap(a, b) and not _overlap(places[one], places[other]):
            start, end = max(a[0], b[0]), min(a[1], b[1])
            yield Finding("shared_place", target[start:end], start, end)


def _overlap(one: Place, other: Place) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def _share_outside(text: str, places: Mapping[int, Place]) -> float:
    letters = sum(map(str.isalpha, text))
    return sum(map(str.isalpha, _outside(text, places.values()))) / max(1, letters)


def _outside(text: str, places: Iterable[Place]) -> str:
    """A text with blanks in place of its spans."""
    free = list(text)
    for start, end in places:
        free[start:end] = " " * (end - start)
    return "".join(free)


def _joined(text: str, at: int) -> bool:
    """Whether two letters of one word stand on both sides; scripts that are written without spaces never say so."""
    if not 0 < at < len(text):
        return False
    left, right = text[at - 1], text[at]
    return left.isalpha() and right.isalpha() and left < "\u2e80" and right < "\u2e80"
