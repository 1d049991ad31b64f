"""Opening a style by its name, for the configs of a release."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmm_dataset import Record
from oiellm.baselines.labels import ConfigLabels
from oiellm.data import Release
from oiellm.errors import OiellmError
from oiellm.predict.style import Style

if TYPE_CHECKING:
    from oiellm.baselines.bracketed import Bracketed
    from oiellm.baselines.chat import Chat


def open_style(
    name: str,
    release: Release,
    configs: Sequence[str],
    *,
    shots: int = 0,
    seed: int = 0,
    structured: bool = False,
    instruction: Path | None = None,
) -> tuple[Style | None, int | None]:
    """A style, ready for the rows of some configs.

    Args:
        name: ``oiellm``, ``usa``, ``giellm`` or ``chat``.
        release: whose spelling of labels is read and written, and whose train rows are the examples.
        configs: that are asked about.
        shots, seed, structured, instruction: of ``chat``: examples in each prompt, the seed that draws them, replies by a JSON
            schema, and the file with the instruction.

    Returns:
        The style, None for the unified one; and the limit of a reply that it was published with, None if it has none.

    Raises:
        OiellmError: the style is not meant for a config, its file is broken, or there are not enough train rows for examples.
    """
    if name == "oiellm":
        return None, None
    if name == "chat":
        return open_chat(release, configs, shots=shots, seed=seed, structured=structured, instruction=instruction), None
    style, limit = open_bracketed(name, release, configs)
    return style, limit


def open_bracketed(name: str, release: Release, configs: Sequence[str]) -> tuple[Bracketed, int]:
    """``usa`` or ``giellm``, and its limit of a reply; see :func:`open_style`."""
    from oiellm.baselines.bracket_file import read_layout
    from oiellm.baselines.bracketed import Bracketed

    path = Path(__file__).parent / f"{name}.toml"
    layout = read_layout(path, release.registry)
    for config in configs:
        if config not in layout.configs:
            raise OiellmError(
                f"{config}: {layout.title} is no baseline for it: {layout.only}; it can be asked about "
                f"--configs {' '.join(one for one in layout.configs if one in release.configs) or 'of another release'}"
            )
    labels = {config: _labels(release, config) for config in configs}
    return Bracketed(layout, labels, release.registry.task_words), layout.max_new_tokens


def open_chat(
    release: Release,
    configs: Sequence[str],
    *,
    shots: int = 0,
    seed: int = 0,
    structured: bool = False,
    instruction: Path | None = None,
) -> Chat:
    """``chat``; see :func:`open_style`."""
    from oiellm.baselines.chat import Chat
    from oiellm.baselines.instruction import read_instruction

    told = read_instruction(instruction, structured)
    examples = {config: draw_examples(release, config, shots, seed) for config in configs} if shots else {}
    labels = {config: _labels(release, config) for config in configs}
    return Chat(told, labels, examples, release.registry, structured=structured, seed=seed)


def draw_examples(release: Release, config: str, shots: int, seed: int) -> list[Record]:
    """Examples for the prompts of a config: annotated rows of its train split, so many of each task word (TCREE has two).

    Raises:
        OiellmError: it has fewer.
    """
    registry, found = release.registry, list[Record]()
    rows = [record for record in release.records(config, "train") if record.is_annotated]
    for word in registry.task(registry.config(config).task).words:
        own = [record for record in rows if record.word == word]
        if len(own) < shots:
            raise OiellmError(
                f"{release.path}: {config} has {len(own)} train rows of {word} to take examples from: lower --shots {shots}"
            )
        found += random.Random(f"{seed}/{config}/{word}/shots").sample(own, shots)
    return found


def _labels(release: Release, config: str) -> ConfigLabels:
    return ConfigLabels(release.registry, release.registry.config(config), release.records(config, "train"))
