"""The formats by name: how the files of a config are written, and what is written beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from build.convert import brat, conll, doccano, gliner, label_studio, sft, spacy_docs
from build.convert.losses import Losses
from build.convert.options import FormatName
from build.convert.rows import Converted, ToRow, write_json_array, write_json_lines
from mmm_dataset import Record, Registry

Write = Callable[[Iterator[Record], Path, Registry, Losses], int]
"""Writes the rows of one split to a path, a file or a new folder; returns how many it wrote."""


@dataclass(frozen=True, slots=True)
class Format:
    """A format.

    Attributes:
        suffix: of the files; empty if each split is a folder.
        config: makes, for each config, its writer and what ends it: a function of the config's folder, or None.
        finish: writes what belongs to all files, into the folder of the conversion.
    """

    suffix: str
    config: Callable[[], tuple[Write, Callable[[Path], None] | None]]
    finish: Callable[[Path, Sequence[Converted]], None] | None = None


def _plain(write: Write) -> Callable[[], tuple[Write, None]]:
    return lambda: (write, None)


def _json(to_row: ToRow, write: Callable[..., int]) -> Callable[[], tuple[Write, None]]:
    def rows(records: Iterator[Record], path: Path, registry: Registry, losses: Losses) -> int:
        return write((row for r in records if (row := to_row(r, registry, losses)) is not None), path)

    return _plain(rows)


def _collecting(kind: type[brat.Writer | label_studio.Writer]) -> tuple[Write, Callable[[Path], None]]:
    writer = kind()
    return writer.write, writer.finish


FORMATS: Final[dict[FormatName, Format]] = {
    "gliner": Format(".json", _json(gliner.to_row, write_json_array)),
    "spacy": Format("", _plain(spacy_docs.write)),
    "conll": Format(".conll", _plain(conll.write)),
    "doccano": Format(".jsonl", _json(doccano.to_row, write_json_lines)),
    "brat": Format("", partial(_collecting, brat.Writer)),
    "label-studio": Format(".json", partial(_collecting, label_studio.Writer)),
    "llamafactory": Format(".jsonl", _json(sft.to_columns, write_json_lines), sft.write_dataset_info),
    "axolotl": Format(".jsonl", _json(sft.to_columns, write_json_lines), sft.write_axolotl_config),
    "openai-messages": Format(".jsonl", _json(sft.to_messages, write_json_lines)),
}
