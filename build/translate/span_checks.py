"""The checks of single spans, and of what lies outside of all spans, each with a name; severities are in ``checks.toml``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations, pairwise

from build.markup import Place
from build.translate.language import LanguageProfile, pattern
from build.translate.rules import OFF, Finding, Rules

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
        if self._both_han:
            out += _copied_runs(source, target, found.values(), self._rules.values["copied_run"]["chars"])
        return [finding for finding in out if self._rules.severity[finding.check] != OFF]

    def _one(self, source: str, place: Place, target: str, now: Place) -> Iterator[Finding]:
        (left, right), (start, end), wide = place, now, self._rules.values["wide_span"]
        words = target[start:end]
        share = (end - start) / len(target)
        seen = (
            (self._copy, words == source[left:right] and self._is_copy(words)),
            ("inside_word", _joined(target, start) or _joined(target, end)),
            ("wide_span", share > wide["share"] and share > wide["times"] * (right - left) / len(source)),
        )
        return (Finding(check, words, start, end) for check, is_so in seen if is_so)

    def _is_copy(self, words: str) -> bool:
        return self._both_han and len(words) > 1 and pattern("han").fullmatch(words) is not None


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


def _copied_runs(source: str, target: str, spans: Iterable[Place], least: int) -> Iterator[Finding]:
    """Runs of Chinese characters outside of all spans that stand in the source as well.

    The detail has what stands around a run, so that only the same words at the same place count as said again.
    """
    free = list(target)
    for start, end in spans:
        free[start:end] = " " * (end - start)
    for match in pattern("han").finditer("".join(free)):
        at, end = match.span()
        while at + least <= end:
            size = least
            if target[at : at + size] not in source:
                at += 1
                continue
            while at + size < end and target[at : at + size + 1] in source:
                size += 1
            around = target[max(0, at - _AROUND) : at + size + _AROUND]
            yield Finding("copied_run", f"{target[at : at + size]} in {around!r}", at, at + size)
            at += size


def _joined(text: str, at: int) -> bool:
    """Whether two letters of one word stand on both sides; scripts that are written without spaces never say so."""
    if not 0 < at < len(text):
        return False
    left, right = text[at - 1], text[at]
    return left.isalpha() and right.isalpha() and left < "\u2e80" and right < "\u2e80"
