"""A folder with a model: finding it, checking that it is whole, and telling one from another. Imports no torch."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any, Final

from mmm_dataset.registry_files import embedded
from oiellm.errors import OiellmError

ABOUT: Final = "mmm.json"
_REPOSITORY: Final = re.compile(r"[\w.-]+/[\w.-]+")
_SMALL: Final = ("*.json", "*.model", "*.txt", "*.jinja")
_WEIGHTS: Final = ("model.safetensors", "pytorch_model.bin")
_TOKENIZER: Final = ("tokenizer.json", "tokenizer.model", "vocab.json", "vocab.txt", "spiece.model")
_DTYPES: Final = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
_BLOCK, _BLOCKS = 4096, 1024


def find(where: str, revision: str | None = None) -> Path:
    """The folder of a model; what is on the Hub is fetched into its cache first.

    Raises:
        OiellmError: there is no such folder and no such repository.
    """
    if Path(where).is_dir():
        return Path(where)
    if not _REPOSITORY.fullmatch(where):
        raise OiellmError(f"no model {where!r}: there is no such folder; on the Hub a model is called ORG/NAME")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    def fetch(*patterns: str) -> Path:
        return Path(snapshot_download(where, revision=revision, allow_patterns=list(patterns), ignore_patterns="*/*"))

    try:
        folder = fetch(*_SMALL, "*.safetensors")
        folder = folder if any(folder.glob("*.safetensors")) else fetch(*_SMALL, "*.bin")
        about = folder / ABOUT
        if inside := list(embedded(json.loads(about.read_text(encoding="utf-8")))) if about.is_file() else []:
            snapshot_download(where, revision=revision, allow_patterns=inside)
        return folder
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise OiellmError(f"no model {where!r}: there is no such folder, and the Hub gave none ({reason})") from error


def called(where: str) -> str:
    """What a model is called in what is recorded: ORG/NAME, or the name of its folder, here or on a server; never a path."""
    path = Path(where)
    return path.resolve().name if path.is_dir() or path.is_absolute() else where


def check_files(folder: Path) -> None:
    """Raise OiellmError naming the file if one that a model needs is missing or is no JSON."""
    _json(folder / "config.json")
    for name in _WEIGHTS:
        if (index := folder / f"{name}.index.json").is_file():
            for shard in sorted(set(_json(index).get("weight_map", {}).values())):
                _need(folder / shard)
            break
        if (folder / name).is_file():
            break
    else:
        raise OiellmError(f"{folder}: no weights: {_WEIGHTS[0]} is missing; copy or train the model again")
    if not any((folder / name).is_file() for name in _TOKENIZER):
        raise OiellmError(f"{folder}: no tokenizer: {_TOKENIZER[0]} is missing; copy it from the model it belongs to")


def trained_dtype(folder: Path) -> str | None:
    """Name of the dtype that ``mmm.json`` says the model was trained in; None if it has no such file or key."""
    about = folder / ABOUT
    name = _json(about).get("dtype") if about.is_file() else None
    return None if name is None else _DTYPES.get(name, str(name))


def digest(folder: Path) -> str:
    """SHA-256 that tells one model from another, without reading all of it.

    It covers name and size of each file of weights, configuration and tokenizer, small files whole, and of a large one
    1,024 blocks of 4 KiB spread evenly over it: a step of training changes all weights, so also these.
    """
    whole = hashlib.sha256()
    patterns = (*_SMALL, "*.safetensors", "*.bin")
    for path in sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}):
        size = path.stat().st_size
        whole.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as file:
            if size <= _BLOCK * _BLOCKS:
                whole.update(file.read())
                continue
            for number in range(_BLOCKS):
                file.seek(number * (size - _BLOCK) // (_BLOCKS - 1))
                whole.update(file.read(_BLOCK))
    return whole.hexdigest()


def _need(path: Path) -> None:
    if not path.is_file():
        raise OiellmError(f"{path.parent}: {path.name} is missing; copy or train the model again")


def _json(path: Path) -> dict[str, Any]:
    _need(path)
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise OiellmError(f"{path}: not valid JSON ({error}); copy the model again") from error
    if not isinstance(value, dict):
        raise OiellmError(f"{path}: not a JSON object; copy the model again")
    return value
