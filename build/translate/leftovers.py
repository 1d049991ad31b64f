"""Markup that is left in a plain translation: pieces of tags, entities, and brackets that the source has not."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import Final

_TAG_LIKE: Final = re.compile(r"<\s*/?\s*\w?\d+|\d+\s*/?\s*>|[\[{]\s*/?\s*\w?\d{1,6}\s*/?\s*[\]}]")
_ENTITY: Final = re.compile(r"&(?:[A-Za-z][A-Za-z0-9]{1,31}|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});")
_BLANKS: Final = re.compile(r"\s+")
_ANY: Final = re.compile(r"[<>\[{&＜＞［｛＆]")
_ANGLES: Final = str.maketrans(dict.fromkeys("〈《«‹≪⟨", "<") | dict.fromkeys("〉》»›≫⟩", ">"))
"""Quotation marks that a translation may write as plain angle brackets."""
_SHOWN: Final = 12


def markup_left(source: str, target: str) -> str | None:
    """What looks like markup in a translation and does not stand in its source; None if there is nothing.

    Tags of any kind that were not read as tags (``<2``, ``</x2>``, ``[2]``), entities such as ``&quot;``, and every ``<`` or
    ``>`` beyond those of the source, whose brackets may have another width.

    Args:
        source, target: plain texts.
    """
    if not _ANY.search(target):
        return None
    source, target = (unicodedata.normalize("NFKC", text) for text in (source, target))
    closed = _BLANKS.sub("", source)
    for expression in (_TAG_LIKE, _ENTITY):
        for match in expression.finditer(target):
            if _BLANKS.sub("", match[0]) not in closed:
                return _shown(target, match.start())
    had = Counter(source.translate(_ANGLES))
    for bracket in "<>":
        if target.count(bracket) > had[bracket]:
            return _shown(target, target.rindex(bracket))
    return None


def _shown(text: str, at: int) -> str:
    return text[at : at + _SHOWN]
