"""What the paper's own translation kept, from the sizes in its Table 2."""

from __future__ import annotations

from typing import Final

from mmm_dataset import Registry
from mmm_dataset.registry import Config

LIMIT: Final = 10_000
"""Rows of a source that the authors gave to the translation at most (section 3.3)."""


def given(config: Config, registry: Registry) -> int | None:
    """Rows that the authors gave to the translation into this config; None if it is no translation of theirs."""
    if config.translated_from is None or config.total is None:
        return None
    whole = registry.config(config.translated_from).total
    return None if whole is None else min(whole, LIMIT)
