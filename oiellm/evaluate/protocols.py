"""Which test rows are predicted and how they are grouped for scoring.

``standard``: the ids that ship with the release, at most 1,000 per config. ``full``: every test row. ``paper``: what
the printed figures of Table 1 look like by arithmetic (``docs/paper_notes.md``): draws of 1,000 rows, the whole test set
where it is smaller, the mean over the draws. The authors' own draws were never published, so these are others of the same kind.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from mmm_dataset import Record
from mmm_dataset.evaluation import SIZE, STANDARD
from mmm_dataset.files import sha256
from oiellm.data import Release
from oiellm.errors import OiellmError

Protocol = Literal["standard", "full", "paper"]
PROTOCOLS: Final = ("standard", "full", "paper")


@dataclass(frozen=True, slots=True)
class Selection:
    """The test rows of an evaluation.

    Attributes:
        protocol: its name.
        ids: config to the ids to predict, each once, in file order.
        draws: config to the sets of ids that are scored one by one; one set unless the protocol draws several.
        seed: of the draws; None where nothing is drawn.
        without_test: configs that were asked for by "all" and have no test rows.
    """

    protocol: Protocol
    ids: Mapping[str, tuple[str, ...]]
    draws: Mapping[str, tuple[tuple[str, ...], ...]]
    seed: int | None = None
    without_test: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """Rows to predict."""
        return sum(map(len, self.ids.values()))

    @property
    def line(self) -> str:
        """The protocol in one line, to be quoted with the figures."""
        drawn = "" if self.seed is None else f", draws at most {max(map(len, self.draws.values()))}, seed {self.seed}"
        configs = f"{len(self.ids)} config{'s' * (len(self.ids) != 1)}"
        return f"{self.protocol}: {self.rows:,} rows of {configs}{drawn}"


def select(
    release: Release,
    configs: Sequence[str] | None = None,
    protocol: Protocol = "standard",
    *,
    seed: int = 0,
    draws: int = 3,
) -> Selection:
    """Choose the test rows.

    Args:
        release: whose test rows.
        configs: names, or None for all that have test rows.
        protocol: see the module.
        seed: of the draws of ``paper``.
        draws: number of draws of ``paper``: 3, or 1 as for the paper's 13B model.

    Raises:
        OiellmError: a config is unknown or has no test rows, or the release's standard ids are not those it was built with.
    """
    names = [name for name in release.choose(configs) if release.size(name, "test")]
    without = tuple(name for name in release.choose(configs) if name not in names)
    if not names or (without and configs is not None):
        raise OiellmError(f"{release.path}: {', '.join(without)}: no test rows; choose other configs")
    if protocol not in PROTOCOLS or draws < 1:
        raise OiellmError(
            f"protocol {protocol!r} with {draws} draws: it is one of {', '.join(PROTOCOLS)}, with 1 draw or more"
        )
    if protocol == "standard":
        whole = _standard(release, names)
        return Selection(protocol, whole, {name: (ids,) for name, ids in whole.items()}, None, without)
    whole = _all_ids(release, names)
    if protocol == "full":
        return Selection(protocol, whole, {name: (ids,) for name, ids in whole.items()}, None, without)
    drawn = {name: _draws(name, ids, seed, draws) for name, ids in whole.items()}
    union = {name: {one for ids in parts for one in ids} for name, parts in drawn.items()}
    wanted = {name: tuple(one for one in ids if one in union[name]) for name, ids in whole.items()}
    return Selection(protocol, wanted, drawn, seed, without)


def chosen(release: Release, ids: Mapping[str, Iterable[str]]) -> Iterator[Record]:
    """The test rows with these ids, config by config, in file order; read once, held nowhere.

    Args:
        release: whose rows.
        ids: config to ids, such as ``Selection.ids``.

    Raises:
        OiellmError: an id is not among the test rows.
    """
    for name, wanted in ids.items():
        left = set(wanted)
        for record in release.records(name, "test"):
            if record.id in left:
                left.remove(record.id)
                yield record
        if left:
            raise OiellmError(
                f"{release.path}: {name} has no test row {min(left)!r}; take the release that the ids are of"
            )


def counts(selection: Selection) -> str:
    """Rows to predict, per config and in all, one a line."""
    width = max(map(len, selection.ids))
    lines = [f"{name:<{width}} {len(ids):>9,}" for name, ids in selection.ids.items()]
    skipped = f"no test rows: {', '.join(selection.without_test)}"
    total = f"{'in all':<{width}} {selection.rows:>9,} rows to predict"
    return "\n".join([*lines, total, *([skipped] if selection.without_test else [])])


def _standard(release: Release, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The ids that ship with the release."""
    path = release.path / STANDARD
    if not path.is_file() or sha256(path) != release.manifest["evaluation"]["sha256"]:
        raise OiellmError(f"{path}: missing, or not the file that the manifest names; build or fetch the release again")
    shipped = json.loads(path.read_text(encoding="utf-8"))
    return {name: tuple(shipped[name]) for name in names}


def _all_ids(release: Release, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {name: [] for name in names}
    for name, one in release.ids("test"):
        if name in found:
            found[name].append(one)
    return {name: tuple(ids) for name, ids in found.items()}


def _draws(name: str, ids: tuple[str, ...], seed: int, draws: int) -> tuple[tuple[str, ...], ...]:
    """Each draw is without replacement and knows nothing of the others, so draws may share rows."""
    if len(ids) <= SIZE:
        return (ids,)
    return tuple(
        tuple(ids[at] for at in sorted(random.Random(f"{seed}/{name}/{number}").sample(range(len(ids)), SIZE)))
        for number in range(draws)
    )
