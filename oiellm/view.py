"""One level alone, with or without something told of the other: the arms of the studies of mutual reinforcement.

The paper's design (ACL version, see ``docs/studies.md``): gold information of the other level is concatenated to the input
and one level is written. A later critique (arXiv 2609.00756) adds the controls: the gold of another row, and a slot that says
nothing. A row of which one level is asked is a row whose other level is hidden, so that prompts, grammar, parser and scorer
are those of every other row:

    both    text/NER               ->  Label/NER/:type;entity
    text    text/:type;entity/NER  ->  Label/NER/
    word    text/Label/NER         ->  -/NER/:type;entity
"""

from __future__ import annotations

import hashlib
import random
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, Literal, TypeAlias

from mmm_dataset import Record, Registry, encode
from oiellm.recipe import View

Forced: TypeAlias = Literal["gold", "other"]
"""The text-level label that a reply must begin with: the gold one, or one that is wrong."""
HIDDEN: Final = "-"
"""The text-level label of a row whose word level alone is asked."""
NEUTRAL: Final = "_"
"""What a neutral context is made of: as many as the median context of the config has characters."""


def parsed(records: Iterable[Record]) -> list[Record]:
    """The records that have both levels; published rows that could not be parsed have none, so no view of them exists."""
    return [record for record in records if record.is_annotated]


def hidden(record: Record, view: View) -> Record:
    """An annotated record with the level hidden that the view does not ask for; itself under a plain view."""
    if view.output == "text":
        return replace(record, items=(), raw=None)
    if view.output == "word":
        return replace(record, label=HIDDEN, raw=None)
    return record


def contexts(records: Sequence[Record], view: View, registry: Registry, seed: int = 0) -> list[str | None]:
    """What the prompts tell of the level that is not asked, one entry per record; None if they have no such slot.

    Args:
        records: of any configs; a row that could not be parsed has an empty context.
        view: which level is asked, and which context is told.
        registry: of the task words.
        seed: of the shuffling: a random order of the rows of a config and task word, in which a row may meet its own context.
            It is no derangement, in which a wrong label in the prompt would tell what the label is not.
    """
    if view.context == "none":
        return [None] * len(records)
    told = [_other_level(record, view, registry) for record in records]
    if view.context == "gold":
        return list(told)
    places: dict[str, list[int]] = {}
    for at, record in enumerate(records):  # relations and events of one config stay apart: their forms differ
        places.setdefault(f"{record.config}/{record.word}", []).append(at)
    found: list[str | None] = list(told)
    for name, own in places.items():
        others = [told[at] for at in own]
        if view.context == "neutral":
            # Not the length of each row's own gold: from that a model reads how many pairs there are, or which label it is.
            others = [NEUTRAL * statistics.median_low(map(len, others))] * len(own)
        else:
            random.Random(f"{seed}/{name}/shuffled").shuffle(others)
        for at, other in zip(own, others):
            found[at] = other
    return found


def _other_level(record: Record, view: View, registry: Registry) -> str:
    """The gold of the level that is not asked, as it stands in the row's output string."""
    if not record.is_annotated:
        return ""
    bare = replace(record, raw=None)
    head = encode(replace(bare, items=()), registry.task_words)[1]
    if view.output == "word":
        return head.removesuffix(f"/{record.word}/")
    return encode(bare, registry.task_words)[1].removeprefix(head)


def forced_labels(records: Sequence[Record], forced: Forced) -> list[str | None]:
    """The label that each reply must begin with; None where there is none to take.

    Args:
        records: of any configs.
        forced: ``gold``, or ``other``: the label of a row of the config that has another one. Which row, the hash of the id
            says, so labels come about as often as they are gold.
    """
    if forced == "gold":
        return [record.label for record in records]
    labels: dict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        if record.label is not None:
            labels[record.config][record.label] += 1
    return [_other_label(record, labels[record.config]) for record in records]


def _other_label(record: Record, labels: Counter[str]) -> str | None:
    """A label that the record does not have, drawn by its id; of each there are as many chances as rows."""
    chances = labels.total() - labels[record.label or ""]
    if record.label is None or not chances:
        return None
    place = int.from_bytes(hashlib.sha256(record.id.encode()).digest()[:8], "big") % chances
    for label, count in labels.items():
        if label != record.label:
            if place < count:
                return label
            place -= count
    raise AssertionError("the place is below the number of chances")


def note(view: Mapping[str, str]) -> str:
    """What must stand beside figures of a view; empty for a plain one."""
    asked = {
        "text": "the text level alone was asked, so WL and ALL say nothing",
        "word": "the word level alone was asked, so TL and ALL say nothing",
    }
    told = {
        "gold": "; the GOLD of the other level stood in the prompt",
        "shuffled": "; the other level of another row stood in the prompt",
        "neutral": "; a slot without content stood in the prompt",
    }
    return asked.get(view["output"], "") + told.get(view["context"], "")
