"""A release tree without some of its configs: rebuilt from its rows, so that its leakage report is that of what remains."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from build.export import build_release
from build.manifest import read_release, write_manifest
from build.step_record import RECORD
from mmm_dataset import Record, Registry
from mmm_dataset.record import SPLITS
from oiellm.data import open_release


def without(tree: Path, left_out: Collection[str], folder: Path, registry: Registry) -> None:
    """Write what remains.

    Args:
        tree: the whole; it keeps its splits.
        left_out: configs to leave out.
        folder: where to; it must be empty.
        registry: knows the configs.

    Raises:
        KitError: the tree cannot be read.
    """
    release = open_release(tree, registry)

    def rows() -> Iterator[Record]:
        for config in release.configs:
            if config not in left_out:
                for split in SPLITS:
                    yield from release.records(config, split)

    beside = folder.with_name(f"{folder.name}.left-out")
    made = build_release(rows(), beside / "tree", registry, split="published")
    manifest = read_release(tree) | {name: made[name] for name in ("leakage", "evaluation", "configs")}
    write_manifest(beside / "tree", manifest)
    folder.mkdir(parents=True, exist_ok=True)
    for path in (beside / "tree").iterdir():
        if path.name not in (RECORD, "README.md"):
            os.replace(path, folder / path.name)
    shutil.rmtree(beside)
