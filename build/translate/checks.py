"""The checks of a translation, each with a name; thresholds and severities are in ``checks.toml``.

Tags are read in :mod:`build.translate.drafts`, spans are looked at in :mod:`build.translate.span_checks`; here is what a text
says of itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from build.translate.language import (
    LanguageProfile,
    characters,
    compiled,
    detect_language,
    foreign_han,
    pattern,
    word_splitter,
)
from build.translate.numbers import missing_number
from build.translate.rules import LONGEST, OFF, Finding, Rules
from build.translate.wrapping import SHORT, size

_CLOSERS = "」』）)】》〉”’\"' \n\t　*_"
_GRAM = 6
_LONG_MARKS = "ーｰ"  # alone they are dashes
_WIDE_MARKS = re.compile(r"[。、「」『』，；：？！]|[・･]")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_LAST_WORD = re.compile(r"[A-Za-z]+$")
_PROSE = re.compile(r"(?:[a-z]{2,}[ ,]+){7,}")
_REPEATS = re.compile(r"(.{1,20}?)\1{3,}", re.DOTALL)
_LOOKED_AT = 5000
_END = 12
_KIN = {"zh": "yue wuu", "no": "nb nn da", "id": "ms", "ms": "id", "hr": "sr bs sh", "sr": "hr bs sh"}
"""Languages that the library cannot tell from one another."""


class Checker:
    """All checks of one language pair."""

    def __init__(self, source: LanguageProfile, target: LanguageProfile, rules: Rules, instruction: str) -> None:
        """Prepare the checks.

        Args:
            source, target: the languages.
            rules: thresholds.
            instruction: all that a model is told besides the text, in which leaks are looked for.
        """
        self.source, self.target, self.rules = source, target, rules
        size = rules.values["prompt_leak"]["chars"]
        self._leak = _grams(instruction, size)
        # Every stretch of that size holds a shorter one that begins at a multiple of the step, so few need a look.
        self._step = (size + 1) // 2
        self._leak_start = _grams(instruction, size - self._step + 1)
        self._shared = bool((source.scripts or {"latin"}) & (target.scripts or {"latin"}))
        self._source_own = compiled(f"[{''.join(map(characters, sorted(source.scripts or {'latin'})))}]+")
        self._target_own = compiled(f"[{''.join(map(characters, sorted(target.scripts or {'latin'})))}]+")
        self._source_code = source.code.partition("-")[0]
        self._ended = re.compile(rf"[{re.escape(target.final)}](?:\s|(?<=[。！？])).*\w", re.DOTALL)
        self._residual = tuple(self._residual_scripts())
        self._han = self._foreign_han()
        self._text_checks = [
            (name, check)
            for name, check in (
                ("prompt_leak", self._prompt_leak),
                ("untranslated_copy", self._copy),
                ("wrong_language", self._wrong_language),
                ("length_ratio", self._length_ratio),
                ("unfinished", self._unfinished),
                ("repetition", self._repetition),
                ("source_punctuation", self._punctuation),
                ("numbers", self._numbers),
            )
            if rules.severity[name] != OFF
        ]

    def text(self, source: str, target: str) -> list[Finding]:
        """Findings about a text, whatever its spans."""
        found: list[Finding] = []
        for name, expression, keep in self._residual:
            found += self._runs(name, expression, keep, source, target)
        if self._han is not None and self.rules.severity["residual_kanji"] != OFF:
            found += [
                Finding("residual_kanji", match[0], *match.span())
                for match in self._han.finditer(target)
                if not (match[0] in source and "han" not in self.source.scripts)
            ]
        for name, check in self._text_checks:
            if detail := check(source, target):
                found.append(Finding(name, detail))
        return found

    def _residual_scripts(self) -> Iterator[tuple[str, Any, str]]:
        severity = self.rules.severity
        if "kana" not in self.target.scripts and severity["residual_kana"] != OFF:
            yield "residual_kana", pattern("kana"), self.rules.values["residual_kana"]["keep"]
        if severity["residual_script"] != OFF:
            for script in sorted(self.source.scripts - self.target.scripts - {"kana", "han", "latin"}):
                yield "residual_script", pattern(script), ""

    def _foreign_han(self) -> Any:
        """A pattern of characters that the target does not write, or None if it may hold any."""
        if "han" not in self.target.scripts:
            return pattern("han")
        odd = foreign_han(self.target, self.source.charset)
        odd -= set(self.rules.values["residual_kanji"]["keep"])
        return re.compile(f"[{''.join(sorted(odd))}]+") if odd else None

    def _runs(self, name: str, expression: Any, keep: str, source: str, target: str) -> Iterator[Finding]:
        for match in expression.finditer(target):
            run = match[0]
            copied_name = run in source and not (self.source.scripts & {"kana", "hangul"})
            if copied_name or run in _LONG_MARKS:
                continue
            if len(run) > 1 or run not in keep:
                yield Finding(name, run, *match.span())
            elif self.rules.severity["single_kana"] != OFF:
                yield Finding("single_kana", run, *match.span())

    def _prompt_leak(self, source: str, target: str) -> str | None:
        size = self.rules.values["prompt_leak"]["chars"]
        short = size - self._step + 1
        if any(target[at : at + short] in self._leak_start for at in range(0, len(target) - short + 1, self._step)):
            for at in range(len(target) - size + 1):
                piece = target[at : at + size]
                if piece in self._leak and piece not in source:
                    return f"holds {piece!r} of the instruction"
        if '"translation"' in target and '"translation"' not in source:
            return "holds a piece of the reply's JSON"
        return None

    def _copy(self, source: str, target: str) -> str | None:
        rule = self.rules.values["untranslated_copy"]
        if not self._shared:  # other scripts: letters tell, but for prose that was passed over
            match = _PROSE.search(source) and _PROSE.search(target)  # the source mostly has none: soon told
            is_most = match and match[0] in source and size(match[0]) > rule["share"] * size(source)
            return f"{match[0]!r} is not translated" if match and is_most else None
        grams = [target[at : at + _GRAM] for at in range(len(target) - _GRAM + 1)]
        if self.target.scripts:  # code and addresses are the same in all languages
            grams = [gram for gram in grams if not gram.isascii()]
        if len(target) < rule["chars"] or not grams:
            return None
        same = sum(gram in source for gram in grams)
        return f"{same / len(grams):.0%} stands in the source as well" if same > rule["share"] * len(grams) else None

    def _wrong_language(self, source: str, target: str) -> str | None:
        rule = self.rules.values["wrong_language"]
        letters = sum(map(str.isalpha, target))
        if letters < rule["letters"]:
            return None
        wide = len(self.target.scripts) > 0
        needed = [script for script in self.target.needs if not pattern(script).search(target)]
        had = _share(self._source_own, source, sum(map(str.isalpha, source)), len(self.source.scripts) > 0)
        if wide and not needed and self._target_own.search(target):  # titles and names may stay as they are
            target = _WORD.sub(
                lambda word: "" if word[0] in source and not self._target_own.search(word[0]) else word[0], target
            )
            letters = sum(map(str.isalpha, target))
        has = _share(self._target_own, target, letters, wide)
        if has < rule["share"] * had:
            return f"{has:.0%} of the letters are {self.target.name}"
        if needed and had > 0.5:
            return f"no {needed[0]} at all"
        return self._other_language(source, target, letters)

    def _other_language(self, source: str, target: str, letters: int) -> str | None:
        """Languages of one script: what a library takes the text for, short of the words that stand in the source."""
        rule, code = self.rules.values["wrong_language"], self.target.code.partition("-")[0]
        if self.target.needs or letters < rule["detect_letters"]:
            return None
        text = target
        if self._target_own.search(source):
            text = _WORD.sub(lambda word: " " if word[0] in source else word[0], target)
            if sum(map(str.isalpha, text)) < rule["detect_letters"]:
                return None
        found, sure = detect_language(text)
        if (
            sure < rule["sure"]
            or found in (code, *_KIN.get(code, "").split())
            or found == detect_language(source)[0] != self._source_code
        ):
            return None
        return f"it seems to be {found} ({sure:.2f})"

    def _length_ratio(self, source: str, target: str) -> str | None:
        rule = self.rules.values["length_ratio"]
        had, has = len(source.encode()), len(target.encode())
        is_short = had >= rule["bytes"] and has < rule["low"] * had
        # The same sum on both sides, so that a single word may become a short phrase.
        is_long = has + rule["more"] > rule["high"] * (had + rule["more"])
        return f"{has / max(1, had):.2f} times the source" if is_short or is_long else None

    def _unfinished(self, source: str, target: str) -> str | None:
        """A text that seems to go on: its last word ends no sentence or is cut, it is much too short for its source, or it has
        no mark at its end where the source has one, although its own sentences have marks or it is rather short.
        """
        rule, had = self.rules.values["unfinished"], size(source)
        length = size(target) * self.source.density / (self.target.density * max(1, had))
        if had >= SHORT and length < rule["least"]:
            return f"{length:.2f} of the usual length"
        ended = source.rstrip(_CLOSERS)[-1:]
        end = target.rstrip(_CLOSERS)[-_END:]  # with the end, so that only the same one counts as said again
        if not end or end[-1] in self.target.final or end[-1] in self.source.final:
            return None
        if self._dangles(end, source):
            return f"it ends with {end!r}"
        if not ended or ended not in self.source.final:
            return None
        return f"no mark at the end, {end!r}" if length < rule["share"] or self._ended.search(target) else None

    def _dangles(self, end: str, source: str) -> bool:
        """Whether a text breaks off: at a word that ends no sentence, a lone letter, or in a word of the source."""
        words = self.target.dangling
        word = _LAST_WORD.search(end)
        if word and not self._shared and (rest := re.search(rf"(?<![A-Za-z]){word[0]}([A-Za-z]+)", source)):
            return rest[1] != "s" and not re.search(rf"\b{word[0]}\b", source)
        if self.target.joiner:
            last = end.split()[-1].casefold()
            is_letter = bool(word and len(last) == 1 and word[0].islower() and last not in source)
            return is_letter or last in words or (not last[-1].isalpha() and last[-1] in words)
        if not end.endswith(words):
            return False
        return not self.target.words or [word for word, _ in word_splitter(self.target.words)(end)][-1] in words

    def _repetition(self, source: str, target: str) -> str | None:
        rule = self.rules.values["repetition"]
        if len(target) < rule["times"] * rule["chars"] or not _may_repeat(target, rule["times"], rule["chars"]):
            return None
        expression = compiled(rf"(.{{{rule['chars']},{LONGEST}}}?)\1{{{rule['times'] - 1},}}")
        match = expression.search(target[:_LOOKED_AT])
        if not match or match[0] in source or _REPEATS.search(source[:_LOOKED_AT]):
            return None
        return f"{match[1]!r} again and again"

    def _punctuation(self, source: str, target: str) -> str | None:
        if self.target.scripts & {"han", "kana", "hangul"}:
            return None
        match = _WIDE_MARKS.search(target)
        return f"{match[0]!r}" if match else None

    def _numbers(self, source: str, target: str) -> str | None:
        number = missing_number(source, target)
        return None if number is None else f"{number} is missing"


def _grams(text: str, size: int) -> frozenset[str]:
    return frozenset([text[at : at + size] for at in range(max(1, len(text) - size + 1))])


def _may_repeat(text: str, times: int, chars: int) -> bool:
    """Whether a stretch of ``chars`` to ``LONGEST`` characters may come ``times`` times in a row; False is certain.

    It looks at pieces so far apart that one of them lies in the first stretches of any such run, where what begins with the
    piece, up to where it comes again, is there twice in a row.
    """
    size = min(_GRAM, (times - 1) * chars)
    step = 1 + min((times - 2) * chars, (times - 1) * chars - size)
    for at in range(0, len(text) - size + 1, step):
        again = text.find(text[at : at + size], at + chars, at + LONGEST + size)
        while again >= 0:
            if text.startswith(text[at:again], again):
                return True
            again = text.find(text[at : at + size], again + 1, at + LONGEST + size)
    return False


def _share(runs: Any, text: str, letters: int, wide: bool) -> float:
    """Share of a language's own among a text's letters; one of a script without cases says as much as three others."""
    own = sum(map(len, runs.findall(text)))
    others = max(0, letters - own)
    weight = 3 if wide else 1
    return weight * own / max(1, weight * own + others)
