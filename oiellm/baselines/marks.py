"""Marks that models put around, before and between items, and the words that stand over and under a list of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from oiellm.baselines.parsed import Fields

MARKS: Final = " \t*_`\"'「」“”>-#|•\u200b\ufeff"
"""Marks and blanks that models put around a label or an entity."""
_BULLET: Final = re.compile(r"\s*(?:(?:[-*+•・‣▪–—>|]|[(（]?\d{1,3}(?:[.)、．）](?!\d)|\s*\|))\s*)+")
LISTED: Final = re.compile(r"\s*(?:[-*+•・‣▪–—|]\s|[-*+•・‣▪–—|]\S|[(（]?\d{1,3}[.)、．）](?!\d))")
RULE: Final = re.compile(r"[\s|:+=_-]+|`{3,}\w*|~{3,}\w*")
HEAD: Final = re.compile(r"\s*[*_#]*\s*([^:：;；]{1,40}?)\s*[*_]*\s*[:：]\s*[*_]*\s*")
SEPARATOR: Final = re.compile(r"\s*(?:->|=>|→|⇒|\t|[;；:：=|,，、(（\[–—]|\s-(?=\s))\s*")
LEAD: Final = re.compile(r"[^;；|\t:：]{1,80}[:：][\s*_]*")
NO_MORE: Final = re.compile(
    r"\W*(?:there (?:are|is|were) )?no (?:other|more|further|additional)\b.*|\W*(?:他|ほか)に?は?(?:なし|無し)\W*", re.I
)
CLOSING: Final = re.compile(
    r"let me know|hope (?:this|that|it) helps|feel free|any (?:other |further )?questions|happy to help"
    r"|以上です|ご不明|お知らせください|希望.{0,6}帮助|如有|如果(?:您|你)",
    re.IGNORECASE,
)
"""How models take their leave."""
WIDE: Final = str.maketrans({"：": ":", "；": ";", "／": "/"})
LONG_LABEL: Final = 40
"""Characters of an open label, beyond which two words around a separator are a sentence."""

HEADS: Final = frozenset(
    (
        *(
            "entities",
            "entity",
            "named entities",
            "extracted entities",
            "entity list",
            "items",
            "item",
            "list",
            "pairs",
            "ner",
        ),
        *("annotation", "annotations", "result", "results", "labels", "relations", "events"),
        *("エンティティ", "固有表現", "一覧", "項目", "抽出結果", "結果", "関係", "イベント"),
        *("实体", "實體", "命名实体", "列表", "结果", "关系", "事件"),
    )
)
"""What stands over a list of items."""
COLUMNS: Final = frozenset(
    (
        *("label", "type", "entity", "text", "span", "category", "class", "item", "word", "no.", "#", "id"),
        *("ラベル", "種類", "エンティティ", "标签", "类型", "实体"),
    )
)
"""What stands over the columns of a table."""


def outer(words: str) -> str:
    """Without blanks, a code mark, and a written line break at the ends."""
    bare = words.strip().removesuffix("\\n").strip().strip("`").strip()
    return bare.strip("*").strip() if bare.startswith("**") or bare.endswith("**") else bare


def unlisted(line: str) -> str:
    """Without a bullet or a number at the beginning."""
    match = _BULLET.match(line)
    return line[match.end() :] if match else line


def dressed(words: str) -> list[str]:
    """A piece of a line with fewer and fewer marks around it."""
    bare = words.strip()
    tries = (bare, bare.rstrip(")）]"), bare.strip(" *_`"), bare.strip(MARKS), bare.strip(MARKS + "()（）[]"))
    return list(dict.fromkeys(tries))


def is_part(way: Sequence[Fields], other: Sequence[Fields]) -> bool:
    """Whether one reading of a line is a piece of another one."""
    (label, words), (wider, more) = way[0], other[0]
    return len(way) == len(other) == 1 and label == wider and words != more and words in more


def unquoted(lines: Sequence[str]) -> list[str]:
    """Lines without quotation marks, if each item has a pair of them: then they are not of the text."""
    items = [line for line in lines if ";" in line or "；" in line]
    quoted = all(
        line.count('"') == 2 * (line.count(";") + line.count("；")) or (line.count('"') == 2 and line.endswith('"'))
        for line in items
    )
    if quoted and sum(line.count('"') for line in items) >= 4:
        return [line.replace('"', "") for line in lines]
    return list(lines)
