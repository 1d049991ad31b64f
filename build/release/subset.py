"""A release tree without some of its configs: rebuilt from its rows, so that its leakage report is that of what remains."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path

from build.export import build_release
from mmm_dataset import Record, Registry
from mmm_dataset.files import pretty
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

    place = folder / "tree"
    made = build_release(rows(), place, registry, split="published")
    manifest = json.loads((tree / "manifest.json").read_text(encoding="utf-8"))
    manifest |= {name: made[name] for name in ("leakage", "evaluation", "configs")}
    (place / "manifest.json").write_text(pretty(manifest), encoding="utf-8")
    (place / "README.md").unlink()
    place.with_name(f"{place.name}.report.jsonl").unlink()
    for path in place.iterdir():
        os.replace(path, folder / path.name)
    shutil.rmtree(place)
