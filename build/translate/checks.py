"""The checks of a translation, each with a name; thresholds and severities are in ``checks.toml``.

Tags are read in :mod:`build.translate.drafts`, spans are looked at in :mod:`build.translate.span_checks`; here is what a text
says of itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from build.translate.findings import Finding
from build.translate.rules import OFF, Rules, Tongue
from build.translate.scripts import characters, compiled, foreign_han, pattern

_CLOSERS = "」』）)】》〉”’\"' \n\t　*_"
_GRAM = 6
_LONG_MARKS = "ーｰ"  # alone they are dashes
_WIDE_MARKS = re.compile(r"[。、「」『』，；：？！]")
_NUMBER = re.compile(r"\d+")
_PROSE = re.compile(r"(?:[a-z]{2,}[ ,]+){7,}")


class Checker:
    """All checks of one language pair."""

    def __init__(self, source: Tongue, target: Tongue, rules: Rules, instruction: str) -> None:
        """Prepare the checks.

        Args:
            source, target: the languages.
            rules: thresholds.
            instruction: all that a model is told besides the text, in which leaks are looked for.
        """
        self.source, self.target, self.rules = source, target, rules
        size = rules.values["prompt_leak"]["chars"]
        self._leak = frozenset(instruction[i : i + size] for i in range(len(instruction) - size + 1))
        self._shared = bool((source.scripts or {"latin"}) & (target.scripts or {"latin"}))
        self._source_own = compiled(f"[{''.join(map(characters, sorted(source.scripts or {'latin'})))}]+")
        self._target_own = compiled(f"[{''.join(map(characters, sorted(target.scripts or {'latin'})))}]+")
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
        if not self.source.charset or not self.target.charset or self.source.charset == self.target.charset:
            return None
        odd = foreign_han(self.source.charset, self.target.charset) - set(self.rules.values["residual_kanji"]["keep"])
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
        for at in range(len(target) - size + 1):
            piece = target[at : at + size]
            if piece in self._leak and piece not in source:
                return f"holds {piece!r} of the instruction"
        if '"translation"' in target and '"translation"' not in source:
            return "holds a piece of the reply's JSON"
        return None

    def _copy(self, source: str, target: str) -> str | None:
        rule = self.rules.values["untranslated_copy"]
        if not self._shared:  # other scripts: letters tell, but for a stretch of prose that was passed over
            match = _PROSE.search(source) and _PROSE.search(target)  # the source mostly has none: soon told
            return f"{match[0]!r} is not translated" if match and match[0] in source else None
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
        had = _share(self._source_own, source, len(self.source.scripts) > 0)
        has = _share(self._target_own, target, len(self.target.scripts) > 0)
        if has < rule["share"] * had:
            return f"{has:.0%} of the letters are {self.target.name}"
        for script in self.target.needs:
            if had > 0.5 and not pattern(script).search(target):
                return f"no {script} at all"
        return None

    def _length_ratio(self, source: str, target: str) -> str | None:
        rule = self.rules.values["length_ratio"]
        had, has = len(source.encode()), len(target.encode())
        is_short = had >= rule["bytes"] and has < rule["low"] * had
        # The same sum on both sides, so that a single word may become a short phrase.
        is_long = has + rule["more"] > rule["high"] * (had + rule["more"])
        return f"{has / max(1, had):.2f} times the source" if is_short or is_long else None

    def _unfinished(self, source: str, target: str) -> str | None:
        ended = source.rstrip(_CLOSERS)[-1:]
        if not ended or ended not in self.source.final:
            return None
        end = target.rstrip(_CLOSERS)[-12:]
        if end and (end[-1] in self.target.final or end[-1] in self.source.final):
            return None
        return f"no mark at the end, {end!r}"  # with the end, so that only the same one counts as said again

    def _repetition(self, source: str, target: str) -> str | None:
        rule = self.rules.values["repetition"]
        grams = max(1, len(target) - _GRAM + 1)
        if (
            len(target) < rule["times"] * rule["chars"]
            or len({target[at : at + _GRAM] for at in range(grams)}) > 0.6 * grams
        ):
            return None
        expression = compiled(rf"(.{{{rule['chars']},40}}?)\1{{{rule['times'] - 1},}}")
        match = expression.search(target[:5000])
        return f"{match[1]!r} again and again" if match and match[0] not in source else None

    def _punctuation(self, source: str, target: str) -> str | None:
        if self.target.scripts & {"han", "kana"}:
            return None
        match = _WIDE_MARKS.search(target)
        return f"{match[0]!r}" if match and self.source.scripts & {"han", "kana"} else None

    def _numbers(self, source: str, target: str) -> str | None:
        had = {int(number[:300]) for number in _NUMBER.findall(source)}
        lacking = had - {int(number[:300]) for number in _NUMBER.findall(target)} if had else had
        return f"{min(lacking)} is missing" if lacking else None


def _share(runs: Any, text: str, wide: bool) -> float:
    """Share of a language's own letters in a text; one of a script without cases says as much as three others."""
    own = sum(map(len, runs.findall(text)))
    others = sum(map(str.isalpha, text)) - own
    weight = 3 if wide else 1
    return weight * own / max(1, weight * own + others)
