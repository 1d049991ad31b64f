"""Two ways to find lexicon words in a text.

``substring`` is what the published lists look like: every lexicon word that occurs anywhere gives ONE item at its first
occurrence, words inside other words and across word boundaries included; items are ordered by start, longer first.
``morpheme`` takes only whole SudachiPy words of the right part of speech, by surface or dictionary form, and all their
occurrences.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from build.readers.lexicon import Kind, Lexicon, kinds, tokenizer

Hit = tuple[int, int, Mapping[Kind, str]]
"""Half-open span, and the polarity that the word has as an adjective, as a noun, or as both."""

Annotator = Callable[[str], list[Hit]]

# SudachiPy takes at most 49,149 bytes at once; a piece ends at a full stop or a line break where there is one.
_PIECE = re.compile(r"(?s).{1,8000}(?:[。\n]|\Z)|.{1,8000}")


def substring(lexicon: Lexicon) -> Annotator:
    """Find words as substrings, in one pass of a multi-pattern automaton."""
    from ahocorasick_rs import AhoCorasick

    words: dict[str, dict[Kind, str]] = {}
    for kind, entries in lexicon.words.items():
        for word, polarity in entries.items():
            words.setdefault(word, {})[kind] = polarity
    polarities = list(words.values())
    find = AhoCorasick(words).find_matches_as_indexes

    def annotate(text: str) -> list[Hit]:
        first: dict[int, tuple[int, int]] = {}
        # Matches come in the order of their ends, so the first one of a word is its leftmost.
        for word, start, end in find(text, overlapping=True):
            if word not in first:
                first[word] = (start, -end)
        return [(start, -end, polarities[word]) for word, (start, end) in sorted(first.items(), key=lambda hit: hit[1])]

    return annotate


def morpheme(lexicon: Lexicon) -> Annotator:
    """Find whole words of the right part of speech."""
    tokenize = tokenizer()

    def annotate(text: str) -> list[Hit]:
        hits: list[Hit] = []
        for offset, piece in _pieces(text):
            for token in tokenize(piece):
                forms = (token.surface(), token.dictionary_form())
                found: dict[Kind, str] = {}
                for kind in kinds(tuple(token.part_of_speech())):
                    for form in forms:
                        if kind not in found and form in lexicon.words[kind]:
                            found[kind] = lexicon.words[kind][form]
                if found:
                    hits.append((offset + token.begin(), offset + token.end(), found))
        return hits

    return annotate


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    if len(text) <= 8000:
        yield 0, text
    else:
        yield from ((match.start(), match[0]) for match in _PIECE.finditer(text))


ANNOTATORS: Final[Mapping[str, Callable[[Lexicon], Annotator]]] = {"substring": substring, "morpheme": morpheme}
