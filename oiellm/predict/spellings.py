"""The spellings of closed labels that a constrained output may have: those of the release, not every alias that is read.

A label is scored by its spelling, so an alias that no row of a release is written with would always be wrong.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from mmm_dataset import Registry

if TYPE_CHECKING:
    import pyarrow as pa

    from oiellm.data import Release

LabelSet = tuple[str, str]
"""Name and language of a label set."""


def own_spellings(registry: Registry, used: Mapping[LabelSet, Collection[str]] | None = None) -> Registry:
    """The registry with those spellings of each label that are used, and with the table's own where none is.

    Args:
        registry: with aliases.
        used: by label set, the spellings that some rows are written with; more of them do no harm.
    """
    index = {}
    for name, spellings in registry.label_index.items():
        by_key: dict[str, list[str]] = {}
        for spelling, key in spellings.items():  # the table's own comes first
            by_key.setdefault(key, []).append(spelling)
        known = (used or {}).get(name, ())
        own = {key: [one for one in found if one in known] or found[:1] for key, found in by_key.items()}
        index[name] = {spelling: key for spelling, key in spellings.items() if spelling in own[key]}
    return replace(registry, label_index=index)


def release_spellings(release: Release, configs: Iterable[str]) -> Registry:
    """The release's registry with the spellings that its rows of these configs, of all splits, are written with."""
    import pyarrow.parquet as pq

    registry = release.registry
    used: dict[LabelSet, set[str]] = {}
    for name in configs:
        config = registry.config(name)
        task = registry.task(config.task)
        for file in release.manifest["configs"][name]["files"].values():
            table = pq.read_table(release.path / file["path"], columns=["label", "entities", "tuples"])
            labels, items = (
                set(table["label"].unique().to_pylist()),
                _labels(table, "entities") | _labels(table, "tuples"),
            )
            used.setdefault((task.text_labels or "", config.language), set()).update(labels)
            for word_set in task.word_labels.values():
                used.setdefault((word_set, config.language), set()).update(items)
    return own_spellings(registry, used)


def _labels(table: pa.Table, column: str) -> set[str]:
    import pyarrow.compute as pc

    return set(pc.struct_field(pc.list_flatten(table[column].combine_chunks()), "label").unique().to_pylist())
