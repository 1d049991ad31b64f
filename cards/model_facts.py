"""What a model's folder records, read for its card: how it was made, how large it is, what its training took."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cards.errors import CardError
from cards.recorded import need, read_json
from mmm_dataset import Registry, RegistryError, load, registry_of
from mmm_dataset.registry_files import embedded

FACTS: Final = "mmm.json"
LOG: Final = "train_log.jsonl"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is read of a model.

    Attributes:
        folder: of the model.
        said: its ``mmm.json``.
        config: its ``config.json``.
        registry: knows the configs that it was trained on.
        parameters: numbers in its weights.
        first, last: step and loss of the first and the last entry of the log that has one.
        spent: steps, epochs, seconds and tokens of the whole training.
    """

    folder: Path
    said: Mapping[str, Any]
    config: Mapping[str, Any]
    registry: Registry
    parameters: int
    first: tuple[int, float]
    last: tuple[int, float]
    spent: Mapping[str, float]

    @property
    def where(self) -> Path:
        """The file that says how it was made, for messages."""
        return self.folder / FACTS

    def need(self, *keys: str) -> Any:
        """An entry of ``mmm.json``. Raises CardError that names it if it is not there."""
        return need(self.said, self.where, *keys)

    @property
    def configs(self) -> Mapping[str, Any]:
        """Config to ``rows``, ``origins``, ``licences`` and ``sources`` of what it was trained on."""
        found: Mapping[str, Any] = self.need("data", "configs")
        return found

    @property
    def languages(self) -> list[str]:
        """Codes of the languages that it was trained on."""
        return sorted({self.registry.config(name).language for name in self.configs})


def read_facts(folder: Path) -> Facts:
    """Read a folder that ``oiellm train`` made.

    Raises:
        CardError: a file or an entry of one is missing or cannot be read; names it.
    """
    said = read_json(folder / FACTS)
    recipe = need(said, folder / FACTS, "recipe")
    try:
        registry = registry_of(folder) if embedded(said) else load(*need(recipe, folder / FACTS, "data", "registry"))
        for name in need(said, folder / FACTS, "data", "configs"):
            registry.config(name)
    except RegistryError as error:
        raise CardError(f"{folder / FACTS}: {error}") from error
    losses, spent = _read_log(folder / LOG)
    return Facts(
        folder,
        said,
        read_json(folder / "config.json"),
        registry,
        _parameters(folder),
        losses[0],
        losses[-1],
        spent,
    )


def _read_log(path: Path) -> tuple[list[tuple[int, float]], dict[str, float]]:
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise CardError(f"{path}: cannot be read ({error}), and the card needs it") from error
    losses = [(line["step"], line["loss"]) for line in lines if "loss" in line]
    if not losses or not all(math.isfinite(loss) for _, loss in losses):
        raise CardError(f"{path}: has no loss, and the card needs it")
    spent: dict[str, float] = next((line for line in reversed(lines) if "tokens" in line and "seconds" in line), {})
    keys = ("tokens", "seconds", "step", "epoch")
    return losses, {key: need(spent, f"{path}: the last line", key) for key in keys}


def _parameters(folder: Path) -> int:
    """Numbers in all weights, from the headers of their files; tied ones are there once."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise CardError(f"{folder}: has no weights (*.safetensors), and the card needs their size")
    count = 0
    for path in files:
        try:
            with path.open("rb") as file:
                (size,) = struct.unpack("<Q", file.read(8))
                header = json.loads(file.read(size))
        except (OSError, ValueError, struct.error) as error:
            raise CardError(f"{path}: no safetensors file ({error})") from error
        count += sum(math.prod(entry["shape"]) for name, entry in header.items() if name != "__metadata__")
    return count
