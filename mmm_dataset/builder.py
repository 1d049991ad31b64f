"""The loading script of today: a ``datasets`` builder with one BuilderConfig per config of the registry.

``datasets`` 4 and later run no scripts from a data folder, so ``load_dataset("mmm", CONFIG)`` is served by the card and the
Parquet files of a release alone. This class reads the same files and is for those who want a builder in hand: to choose
where it prepares, to stream, to rewrite the rows into another file format. It works on datasets 2.14 to 5.x.

>>> from mmm_dataset.builder import MMM                                         # doctest: +SKIP
>>> builder = MMM(config_name="en_scnm", release="release/mmm")                 # doctest: +SKIP
>>> builder.download_and_prepare(); builder.as_dataset(split="test")            # doctest: +SKIP
>>> next(iter(builder.as_streaming_dataset(split="test")))                      # doctest: +SKIP
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import datasets

from mmm_dataset.names import inner_path
from mmm_dataset.registry_files import load
from mmm_dataset.schema import arrow_schema


@dataclass
class MMMConfig(datasets.BuilderConfig):  # type: ignore[misc]  # datasets ships no types
    """One config. ``files`` is split to Parquet path; its names carry content hashes, so the cache sees changed bytes."""

    files: dict[str, str] | None = None


class MMM(datasets.ArrowBasedBuilder):  # type: ignore[misc]
    """Builder of the MMM configs over a release tree.

    Args:
        release: folder of the release, holding ``manifest.json``.
        config_name: one of the registry's configs, such as ``en_scpos_adj``.
        options: passed on to ``datasets.ArrowBasedBuilder`` (``cache_dir`` ...).

    Raises:
        FileNotFoundError: no release there.
        ValueError: the release or the registry has no such config.
    """

    BUILDER_CONFIG_CLASS = MMMConfig
    BUILDER_CONFIGS: ClassVar = [
        MMMConfig(name=config.name, version=datasets.Version(config.version), description=config.name)
        for config in load().configs.values()
    ]

    def __init__(self, release: str | Path = "mmm", config_name: str | None = None, **options: Any) -> None:
        files = _files(Path(release), config_name)
        if config_name not in load().configs:
            self.BUILDER_CONFIGS = []  # type: ignore[misc]  # a config of one's own: datasets then makes it of the arguments
        super().__init__(config_name=config_name, files=files, **{"dataset_name": "mmm", **options})

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(
            description="MMM: Multilingual Mutual Reinforcement Effect Mix datasets",
            homepage="https://arxiv.org/abs/2407.10953",
            features=datasets.Features.from_arrow_schema(arrow_schema()),
        )

    def _split_generators(self, dl_manager: Any) -> list[Any]:
        return [
            datasets.SplitGenerator(name=split, gen_kwargs={"path": path})
            for split, path in (self.config.files or {}).items()
        ]

    def _generate_tables(self, path: str) -> Iterator[tuple[int, Any]]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with open(path, "rb") as file:
            for number, batch in enumerate(pq.ParquetFile(file).iter_batches()):
                yield number, pa.Table.from_batches([batch])


def _files(release: Path, config_name: str | None) -> dict[str, str]:
    manifest = release / "manifest.json"
    if not manifest.is_file():
        raise FileNotFoundError(f"{manifest}: no release there; build one first, or give release=FOLDER")
    configs = json.loads(manifest.read_text(encoding="utf-8"))["configs"]
    if config_name not in configs:
        raise ValueError(f"{release} has no config {config_name!r}; it has: {', '.join(configs)}")
    files = configs[config_name]["files"]
    return {split: str((release / inner_path(file["path"])).resolve()) for split, file in files.items()}
