"""Records to rows of token ids, and rows to packs. Nothing is cut; what is too long is left out, counted and named."""

from __future__ import annotations

import hashlib
import random
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mmm_dataset import Record, Registry, RegistryError
from mmm_dataset.files import progress
from oiellm.data import Release, mixture, strings, without_hard_negatives
from oiellm.errors import OiellmError
from oiellm.recipe import Recipe, Train
from oiellm.tokens import completion_ids, prompt_ids
from oiellm.view import contexts, hidden, parsed

if TYPE_CHECKING:
    from datasets import Dataset

IGNORED: Final = -100
"""Label of a token that is not learned from."""
_SHORTEST_PACK: Final = 1024


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of token ids.

    Attributes:
        input_ids: of each row, prompt and completion and EOS.
        supervised: of each row, how many of its last tokens are learned.
        left_out: ids of the records that were too long.
    """

    input_ids: list[list[int]]
    supervised: list[int]
    left_out: list[str]

    @property
    def counts(self) -> dict[str, int]:
        """Rows, tokens, supervised tokens, longest row in tokens, and rows left out."""
        lengths = [len(ids) for ids in self.input_ids]
        return {
            "rows": len(lengths),
            "tokens": sum(lengths),
            "supervised_tokens": sum(self.supervised),
            "longest": max(lengths),
            "left_out": len(self.left_out),
        }

    def digest(self) -> str:
        """SHA-256 over the ids and what is learned of them: the identity of what a model is trained on."""
        found = hashlib.sha256()
        for ids, supervised in zip(self.input_ids, self.supervised):
            found.update(array("q", [len(ids), supervised, *ids]).tobytes())
        return found.hexdigest()


def training_records(recipe: Recipe, release: Release) -> list[Record]:
    """The records of one epoch. Raises OiellmError, see :func:`oiellm.data.mixture`."""
    data = recipe.data
    found = mixture(
        release,
        configs=None if data.configs == "all" else data.configs,
        rows=data.rows,
        weights=data.weights,
        records=[Path(name) for name in data.records],
        seed=recipe.train.seed,
    )
    if not data.hard_negatives:
        found = without_hard_negatives(found)
    return found if data.view.is_plain else parsed(found)


def training_strings(recipe: Recipe, records: Sequence[Record], registry: Registry) -> list[tuple[str, str]]:
    """Prompt and completion of every record; ``closed_share`` of those with open labels list labels in the prompt.

    Raises:
        OiellmError: a record is of a config or task that the registry does not know.
    """
    try:
        return _strings(recipe, records, registry)
    except RegistryError as error:
        raise OiellmError(f"{error}; name the file of the registry that has it with --registry") from error


def _strings(recipe: Recipe, records: Sequence[Record], registry: Registry) -> list[tuple[str, str]]:
    share, seed, view = recipe.data.closed_share, recipe.train.seed, recipe.data.view
    if not view.is_plain:
        told = contexts(records, view, registry, seed)
        return [strings(hidden(record, view), registry, context=text) for record, text in zip(records, told)]
    if share == 0:
        return [strings(record, registry) for record in records]
    from oiellm.evaluate.closed import closed_labels, has_open_labels, pool

    by_config: dict[str, list[Record]] = {}
    for record in records:
        if has_open_labels(record, registry):
            by_config.setdefault(record.config, []).append(record)
    pools = {config: pool(rows) for config, rows in by_config.items()}
    out = []
    for at, record in enumerate(records):
        listed = has_open_labels(record, registry) and random.Random(f"{seed}/closed/{at}").random() < share
        # A row that comes several times in an epoch is shown with other distractors each time.
        labels = closed_labels(record, pools[record.config], seed=seed + at) if listed else None
        out.append(strings(record, registry, labels))
    return out


def tokenise(pairs: Sequence[tuple[str, str]], ids: Sequence[str], tokenizer: Any, recipe: Recipe) -> Rows:
    """Tokenise prompts and completions apart and join them.

    Args:
        pairs: prompt and completion of each row.
        ids: of the records, for the report.
        tokenizer: one that :func:`oiellm.tokens.check` accepts.
        recipe: for ``data.max_tokens`` and ``data.too_long_limit``.

    Raises:
        OiellmError: more rows are too long than the recipe allows, or a row holds the pad token.
    """
    rows = Rows([], [], [])
    for name, (line, output) in progress(zip(ids, pairs), "tokenise", total=len(pairs)):
        before, after = prompt_ids(tokenizer, line), completion_ids(tokenizer, output)
        if len(before) + len(after) > recipe.data.max_tokens:
            rows.left_out.append(name)
            continue
        if tokenizer.pad_token_id in before or tokenizer.pad_token_id in after:
            raise OiellmError(
                f"record {name!r} holds the pad token {tokenizer.pad_token!r}; name another (model.pad_token)"
            )
        rows.input_ids.append(before + after)
        rows.supervised.append(len(after))
    share = len(rows.left_out) / len(pairs)
    if share > recipe.data.too_long_limit or not rows.input_ids:
        raise OiellmError(
            f"{len(rows.left_out)} of {len(pairs)} rows ({share:.1%}, such as {rows.left_out[0]!r}) are longer than "
            f"data.max_tokens {recipe.data.max_tokens}; raise it, or data.too_long_limit {recipe.data.too_long_limit}"
        )
    return rows


def pack_length(rows: Rows, train: Train) -> int:
    """Tokens of a pack. Raises OiellmError if the longest row does not fit into ``train.pack_tokens``."""
    longest = rows.counts["longest"]
    if train.pack_tokens is not None and train.pack_tokens < longest:
        raise OiellmError(
            f"train.pack_tokens {train.pack_tokens}: the longest row has {longest} tokens, and none is cut"
        )
    return train.pack_tokens or max(longest, _SHORTEST_PACK)


def training_set(rows: Rows, train: Train, filler: int) -> Dataset:
    """What the trainer goes through in an epoch: packs (rows, if packing is off), a whole number of global batches.

    Args:
        rows: the rows.
        train: for packing, the global batch and the seed.
        filler: id of the token that fillers are made of.

    Fillers, of which nothing is learned, make the number of packs a multiple of ``packs_per_step``. So every step has the
    same number of packs whatever the number of processes, and no step is made of a small rest: fillers are drawn among the
    others, which evens the steps out. They cost two tokens each.
    """
    from datasets import Dataset, concatenate_datasets
    from trl import pack_dataset

    order = list(range(len(rows.input_ids)))
    random.Random(f"{train.seed}/order").shuffle(order)
    labels = [[IGNORED] * (len(ids) - n) + ids[-n:] for ids, n in zip(rows.input_ids, rows.supervised)]
    found = Dataset.from_dict(
        {"input_ids": [rows.input_ids[at] for at in order], "labels": [labels[at] for at in order]}
    )
    if train.packing:
        found = pack_dataset(found, pack_length(rows, train), "bfd", {"desc": "pack"})
    missing = -len(found) % train.packs_per_step
    if not missing:
        return found
    fillers = {"input_ids": [[filler] * 2] * missing, "labels": [[IGNORED] * 2] * missing}
    if train.packing:
        fillers["seq_lengths"] = [[2]] * missing
    return concatenate_datasets([found, Dataset.from_dict(fillers, features=found.features)])
