"""Formats of fine-tuning tools: a row's input and output strings as they stand in the release.

``llamafactory`` gets a ``dataset_info.json`` with one data set per file (alpaca format, the columns named), ``axolotl`` a YAML
file with the data sets of a training (prompt and output as they are, no chat template), ``openai-messages`` one user and
one assistant message, which is also what a chat template in the other two would take.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from build.convert.losses import Losses
from build.convert.rows import Converted, metadata
from mmm_dataset import Record, Registry, encode
from mmm_dataset.files import pretty

DATASET_INFO: Final = "dataset_info.json"
AXOLOTL: Final = "axolotl.yaml"


def to_columns(record: Record, registry: Registry, losses: Losses) -> dict[str, Any]:
    """``input`` and ``output``, and the metadata in further columns, which the tools pass over."""
    line, output = encode(record, registry.task_words)
    return {"input": line, "output": output, **metadata(record)}


def to_messages(record: Record, registry: Registry, losses: Losses) -> dict[str, Any]:
    """The input as the user's message, the output as the assistant's. No other key: OpenAI refuses files with some."""
    line, output = encode(record, registry.task_words)
    return {"messages": [{"role": "user", "content": line}, {"role": "assistant", "content": output}]}


def write_dataset_info(folder: Path, files: Sequence[Converted]) -> None:
    """LLaMA-Factory's list of data sets, named ``{config}_{split}``: ``dataset_dir`` is this folder."""
    info = {
        f"{file.config}_{file.split}": {
            "file_name": file.path,
            "formatting": "alpaca",
            "columns": {"prompt": "input", "response": "output"},
        }
        for file in files
    }
    (folder / DATASET_INFO).write_text(pretty(info), encoding="utf-8", newline="")


def write_axolotl_config(folder: Path, files: Sequence[Converted]) -> None:
    """The part of an axolotl configuration that names the data: train files, and validation files to evaluate on."""
    import yaml

    kind = {
        "field_instruction": "input",
        "field_output": "output",
        "format": "{instruction}",
        "no_input_format": "{instruction}",
    }

    def data_sets(split: str) -> list[dict[str, Any]]:
        # A local JSON file has the one split `train`, whatever its rows are for.
        return [
            {"path": file.path, "ds_type": "json", "split": "train", "type": dict(kind)}
            for file in files
            if file.split == split
        ]

    config = {"datasets": data_sets("train"), "test_datasets": data_sets("validation"), "train_on_inputs": False}
    text = yaml.safe_dump(
        {key: value for key, value in config.items() if value != []}, sort_keys=False, allow_unicode=True
    )
    head = "# The data of an axolotl configuration: put base_model and the rest of yours above. Paths are from this folder.\n"
    (folder / AXOLOTL).write_text(head + text, encoding="utf-8", newline="")
