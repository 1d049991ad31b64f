"""Markdown for cards: tables, text of others inside them, folded parts, the zone for people's own words."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Final

BEGIN: Final = "<!-- your own words: begin -->"
END: Final = "<!-- your own words: end -->"
OWN_WORDS: Final = f"{BEGIN}\n{END}"
"""Where people may write on the Hub: the next release keeps what stands between these two."""
_SPECIAL: Final = re.compile(r"([\\`*_\[\]<>|~$#])")


def escape(text: str) -> str:
    """Text of others as it is, on one line: nothing in it is taken for Markdown or HTML."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """Text of others as code on one line, whatever backticks it holds; right inside a table as well."""
    text = " ".join(text.split("\n")).replace("|", "\\|")
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if text.startswith("`") or text.endswith("`") or not text.strip() else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def table(rows: Iterable[Sequence[str]], headers: Sequence[str]) -> str:
    """A table of ready Markdown cells; a header that ends in ``>`` has its column at the right, as figures want it."""
    right = [header.endswith(">") for header in headers]
    lines = [[header.removesuffix(">").rstrip() for header in headers], ["--:" if r else "---" for r in right], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def folded(summary: str, body: str) -> str:
    """A part that a reader opens with a click; ``summary`` is plain text."""
    return f"<details>\n<summary>{html.escape(summary, quote=False)}</summary>\n\n{body}\n\n</details>"
