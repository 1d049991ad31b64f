"""Rows as prompts that fit the model: demonstrations are left out, and then the text is cut, before a slot is lost."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from oiellm.errors import OiellmError
from oiellm.verbalize.slot import Scorer
from oiellm.verbalize.task import Example
from oiellm.verbalize.templates import Prompt, Template

BETWEEN: Final = "\n\n"
"""Between two demonstrations."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A prompt that fits.

    Attributes:
        prompt: the prompt.
        cut: characters of the text that were left out at its end.
        demonstrations: labelled rows that stand before it.
    """

    prompt: Prompt
    cut: int = 0
    demonstrations: int = 0


def fit(scorer: Scorer, template: Template, row: Example, slots: int, shots: Sequence[Example] = ()) -> Fitted:
    """The prompt of a row.

    Args:
        scorer: whose positions are the limit.
        template: how rows are written.
        row: the row; its label is not looked at.
        slots: tokens of the longest label word.
        shots: rows that stand before it with their labels, the last of them if not all fit.

    Raises:
        OiellmError: not even the template without a text fits.
    """
    shown = [f"{_shown(template, shot)}{BETWEEN}" for shot in shots]

    def prompt(first: int, cut: int) -> Prompt:
        plain = template.fill(row, row.text[: len(row.text) - cut])
        return Prompt("".join(shown[first:]) + plain.head, plain.tail)

    def fits(first: int, cut: int) -> bool:
        return scorer.positions is None or scorer.length(prompt(first, cut), slots) <= scorer.positions

    first = bisect_left(range(len(shots) + 1), True, key=lambda at: fits(at, 0))
    if first <= len(shots):
        return Fitted(prompt(first, 0), 0, len(shots) - first)
    cut = bisect_left(range(len(row.text) + 1), True, key=lambda at: fits(len(shots), at))
    if cut > len(row.text):
        raise OiellmError(f"template {template.name}: too long for a model of {scorer.positions} positions")
    return Fitted(prompt(len(shots), cut), cut)


def _shown(template: Template, shot: Example) -> str:
    filled = template.fill(shot)
    return f"{filled.head}{shot.label}{template.close.replace('{word}', shot.task_word)}{filled.tail}"
