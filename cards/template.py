"""Templates of cards: Markdown files with names in them, and a zone that belongs to people."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any, Final

import yaml

BEGIN: Final = "<!-- your own words: begin -->"
END: Final = "<!-- your own words: end -->"
"""Between these two, people may write on the Hub; the next release keeps it."""


def fill(template: Path, front: Mapping[str, Any], said: Mapping[str, str]) -> str:
    """A card: YAML on top, and the template with its names filled in; parts that are empty leave no gap.

    Args:
        template: file with ``$name`` in it; ``$words_begin`` and ``$words_end`` are the zone of people's own words.
        front: the YAML, in order.
        said: what the names stand for.
    """
    top = yaml.safe_dump(dict(front), allow_unicode=True, sort_keys=False, width=120)
    names = {"words_begin": BEGIN, "words_end": END, **said}
    return f"---\n{top}---\n\n{_tidy(Template(template.read_text(encoding='utf-8')).substitute(names))}"


def _tidy(body: str) -> str:
    """What is inside a fence stays as it is."""
    pieces: Sequence[str] = re.split(r"(^```.*?^```$)", body, flags=re.MULTILINE | re.DOTALL)
    closed = [piece if piece.startswith("```") else re.sub(r"\n{3,}", "\n\n", piece) for piece in pieces]
    return "".join(closed).rstrip() + "\n"
