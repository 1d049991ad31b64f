"""Fonts for plots: one that ships with a package and has Japanese and Chinese, and what the system has for other scripts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

_SHIPPED: Final = ("zhplot", "zhplot/fonts/NotoSansSC-Regular.ttf")  # Noto Sans SC, SIL Open Font License 1.1
_MOST: Final = 200  # fonts of a system that are looked into


@dataclass(frozen=True, slots=True)
class Fonts:
    """Families in the order in which a glyph is looked for, and the characters that none of them has."""

    families: tuple[str, ...]
    missing: frozenset[str]

    def can(self, text: str) -> bool:
        """Whether all of a text can be shown."""
        return not self.missing & set(text)


def fonts_for(texts: Iterable[str]) -> Fonts:
    """Fonts that show these texts, as far as there are any.

    The shipped font and matplotlib's own come first, so that the same texts look the same everywhere; fonts of the system are
    asked for what these lack.
    """
    from matplotlib import font_manager

    wanted = {
        character
        for text in texts
        for character in text
        if not character.isspace() and unicodedata.category(character) not in ("Cc", "Cf")
    }
    families: list[str] = []
    own = [path for path in (_shipped(), Path(font_manager.findfont("DejaVu Sans"))) if path]
    for path in own:
        font_manager.fontManager.addfont(path)
    for path in [*own, *(Path(found) for found in sorted(font_manager.findSystemFonts())[:_MOST])]:
        if not wanted and families:
            break
        has = _characters(path)
        if path in own or wanted & has:
            families.append(_register(path))
            wanted -= has
    return Fonts(tuple(dict.fromkeys(families)), frozenset(wanted))


def _shipped() -> Path | None:
    """The font of the package; None where only a part of the kit is installed."""
    package, file = _SHIPPED
    try:
        path = Path(str(metadata.distribution(package).locate_file(file)))
    except metadata.PackageNotFoundError:
        return None
    return path if path.is_file() else None


def _characters(path: Path) -> set[str]:
    from matplotlib.ft2font import FT2Font

    try:
        return {chr(code) for code in FT2Font(str(path)).get_charmap()}
    except (OSError, RuntimeError, ValueError):  # not a font after all, or of a kind that cannot be drawn
        return set()


def _register(path: Path) -> str:
    from matplotlib import font_manager

    font_manager.fontManager.addfont(path)
    return str(font_manager.FontProperties(fname=path).get_name())
