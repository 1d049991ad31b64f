"""Templates of cards: Markdown files with names in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Any

import yaml

from cards.markdown import OWN_WORDS


def fill(template: Path, front: Mapping[str, Any], said: Mapping[str, str]) -> str:
    """A card: YAML on top, and the template with its names filled in; parts that are empty leave no gap.

    Args:
        template: file with ``$name`` in it; ``$own_words`` is the zone of people's own words.
        front: the YAML, in order.
        said: what the names stand for.
    """
    top = yaml.safe_dump(dict(front), allow_unicode=True, sort_keys=False, width=120)
    names = {"own_words": OWN_WORDS, **said}
    return f"---\n{top}---\n\n{_tidy(Template(template.read_text(encoding='utf-8')).substitute(names))}"


def _tidy(body: str) -> str:
    """What is inside a fence stays as it is."""
    fence_or_gap = r"(^(`{3,})[^\n]*\n.*?^\2$)|\n{3,}"
    return re.sub(fence_or_gap, lambda found: found[1] or "\n\n", body, flags=re.MULTILINE | re.DOTALL).rstrip() + "\n"
