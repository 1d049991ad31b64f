"""Scripts and character sets: which letters a text is written in, and which of them the other language does not write."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import regex

_CLASSES = {"kana": r"\p{Hiragana}\p{Katakana}ーｰ", "latin": r"\p{Latin}"}
"""Registry name of a script to its characters; any other name is taken as Unicode's own, such as ``hangul``."""


@cache
def pattern(script: str) -> regex.Pattern[str]:
    """Runs of a script's letters. Raises ValueError if Unicode knows no such script."""
    return compiled(f"[{characters(script)}]+")


@cache
def compiled(expression: str) -> regex.Pattern[str]:
    """A pattern of the ``regex`` library, which knows scripts."""
    import regex

    return regex.compile(expression)


def characters(script: str) -> str:
    """The inside of a character class."""
    return _CLASSES.get(script, rf"\p{{Script={script}}}")


@cache
def foreign_han(source: str, target: str) -> frozenset[str]:
    """Chinese characters that one character set has and another lacks, both by Python's names.

    With ``euc_jp`` and ``gb2312`` these are the Japanese forms and the traditional ones: 県, 駅, 気, 東.
    """
    return frozenset(char for char in map(chr, range(0x4E00, 0xA000)) if _has(source, char) and not _has(target, char))


def _has(charset: str, char: str) -> bool:
    try:
        # A character of JIS X 0208 has two bytes in EUC; the rarer ones of JIS X 0212 have three and tell nothing.
        return len(char.encode(charset)) == 2
    except UnicodeEncodeError:
        return False
