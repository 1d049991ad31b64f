"""The numbers of a text, however they are written: digits, kanji digits, words, ordinals, months, multipliers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final

from oiellm.files import read_toml

_TABLES: Final = Path(__file__).with_name("numbers.toml")
_SPACED: Final = re.compile(r"(?<![\d.,:])\d(?: \d)+(?![\d.,:])")
_SEPARATOR: Final = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_LATIN: Final = re.compile(r"\d+(?:\.\d+)?|[a-z]+")
_CLOCK: Final = re.compile(r"\d ?: ?\d|\d ?[時时点點]|[ap]\.?m\b|午前|午後|上午|下午|晚上|o'clock")
_DIGITS: Final = re.compile(r"\d+(?:\.\d+)?")
_POWERS: Final = {10**power for power in range(1, 13)}
_HALF_DAY: Final = 12
_LONGEST: Final = 30
"""Digits of a number that is looked at; a longer one is a key or a hash."""


def missing_number(source: str, target: str) -> str | None:
    """The first number written with digits in the source that the target lacks; None if it has all.

    12 hours more or less are the same where either text tells the time, and eight tenths (8割, 八成) are 80.

    Args:
        source, target: plain texts, in any languages.
    """
    if not any(map(str.isdecimal, source)):
        return None
    source, target = _normalized(source), _normalized(target)
    told = _values(source, only_digits=True)
    if told <= {Decimal(part) for part in _DIGITS.findall(target)} and not _has_multiplier(target):
        return None
    has = _values(target)
    if (lacking := told - has) and (_CLOCK.search(source) or _CLOCK.search(target)):
        lacking -= {value + by for value in has for by in (_HALF_DAY, -_HALF_DAY)}
    return f"{min(lacking)}" if lacking else None


@cache
def _tables() -> dict[str, Mapping[str, int]]:
    """Words, their multipliers and signs by the word; signs of one digit, and those of 10, 100, ... that multiply."""
    given = read_toml(_TABLES)
    tables: dict[str, dict[str, int]] = {
        name: {word: value for words, value in given[name].items() for word in words.split()}
        for name in ("words", "multipliers", "signs")
    }
    worth = {char: unicodedata.numeric(char, -1) for char in ["〇", *map(chr, range(0x4E00, 0xA000))]}
    worth |= {char: value for chars, value in given["digits"].items() for char in chars}
    tables["digits"] = {char: int(value) for char, value in worth.items() if value in range(10)}
    tables["powers"] = {char: int(value) for char, value in worth.items() if value in _POWERS}
    return dict(tables)


@cache
def _kanji() -> re.Pattern[str]:
    digits, powers = ("".join(_tables()[name]) for name in ("digits", "powers"))
    number = rf"(?:\d+(?:\.\d+)?|[{digits}])"
    return re.compile(rf"(?=[\d{digits}{powers}]){number}*(?:[{powers}]{number}*)*[割成]?")


def _normalized(text: str) -> str:
    text = (text if text.isascii() else unicodedata.normalize("NFKC", text)).lower()
    text = _SPACED.sub(lambda match: match[0].replace(" ", ""), text)
    text = re.sub(r"(?<=\d)(?:st|nd|rd|th)\b", "", text)
    return _SEPARATOR.sub("", text)


def _has_multiplier(text: str) -> bool:
    return any(word in text for word in _tables()["multipliers"])


def _values(text: str, *, only_digits: bool = False) -> set[Decimal]:
    """Every number of a normalized text; with ``only_digits`` those that are written with digits, at least in part."""
    found = set()
    for match in _kanji().finditer(text):
        token = match[0]
        if token and len(token) < _LONGEST and (not only_digits or any(map(str.isdecimal, token))):
            found.add(_kanji_value(token))
            if not only_digits:
                found |= {Decimal(part) for part in _DIGITS.findall(token)}
    if not only_digits or _has_multiplier(text):
        found = _words(text, found, only_digits=only_digits)
    if not only_digits:
        found |= {Decimal(value) for sign, value in _tables()["signs"].items() if sign in text}
    return found


def _kanji_value(token: str) -> Decimal:
    """3万 is 30000, 三十二 is 32, 二〇二六 is 2026, 8割 is 80."""
    tables, whole, section, number = _tables(), Decimal(0), Decimal(0), None
    tenths = token[-1] in "割成"
    for part in re.findall(r"\d+(?:\.\d+)?|[^\d]", token.rstrip("割成")):
        if part in tables["powers"]:
            by = tables["powers"][part]
            if by < 10_000:
                section += (Decimal(1) if number is None else number) * by
            else:
                amount = section + (number or 0)
                whole += (amount or 1) * by
                section = Decimal(0)
            number = None
        else:
            digit = Decimal(tables["digits"].get(part, part) if not part[0].isdecimal() else part)
            number = digit if number is None else number * 10 + digit
    value = whole + section + (number or 0)
    return value * 10 if tenths else value


def _words(text: str, found: set[Decimal], *, only_digits: bool) -> set[Decimal]:
    """English words: ``thirty-five``, ``5 million``. A number that a multiplier follows is none of its own."""
    tables = _tables()
    current: Decimal | None = None
    was_digits = last_tens = False
    for token in [*_LATIN.findall(text.replace("-", " ")), ""]:
        by = tables["multipliers"].get(token)
        if by and current is not None:
            if was_digits:
                found.discard(current)
            current *= by
            continue
        value = Decimal(token) if token[:1].isdecimal() else tables["words"].get(token)
        if value is not None and last_tens and current is not None and 0 < value < 10:
            found.add(current)  # a list of numbers as well
            current, last_tens = current + value, False
            continue
        if current is not None and (was_digits or not only_digits):
            found.add(current)
        current = Decimal(by) if by else None if value is None else Decimal(value)
        was_digits = token[:1].isdecimal()
        last_tens = value is not None and not was_digits and value in range(20, 100, 10)
    return found
