"""Keep the libraries' own small bars, one for each file they touch, off the kit's output."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quiet(data: bool = False) -> Iterator[None]:
    """Turn the bars of transformers off, with ``data`` those of datasets too; on again afterwards if they were on."""
    from transformers.utils import logging

    switches = [(logging.is_progress_bar_enabled(), logging.disable_progress_bar, logging.enable_progress_bar)]
    if data:
        import datasets

        shown = not datasets.are_progress_bars_disabled()
        switches.append((shown, datasets.disable_progress_bars, datasets.enable_progress_bars))
    for _, disable, _ in switches:
        disable()
    try:
        yield
    finally:
        for shown, _, enable in switches:
            if shown:
                enable()
