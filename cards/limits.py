"""Known limits of a release, each said only where it holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cards.front_matter import origins_of
from cards.labels import Inventory
from cards.stats import Stats, together
from cards.yields import share
from mmm_dataset import Registry, load


def limits(manifest: Mapping[str, Any], found: Stats, sets: list[Inventory], registry: Registry) -> list[str]:
    """Sentences for a list, in the order of their weight."""
    configs = manifest["configs"]
    return [
        *_of_origins(configs),
        *_of_rows(found),
        *_of_levels(found, registry),
        *_of_models(manifest["steps"]),
        *_of_labels(sets, registry),
        *_of_split(manifest),
    ]


def _of_origins(configs: Mapping[str, Any]) -> Iterator[str]:
    origins, mmm = origins_of(configs), load().configs
    if "demo" in origins:
        yield (
            "The demonstration rows are few, clean, and parallel in all languages. A model that does well on them has shown "
            "nothing; they are there so that every part of the kit can be tried."
        )
    if beside := [f"`{name}`" for name, facts in configs.items() if name in mmm and "own" in facts["origins"]]:
        yield (
            f"Rows with origin `own` in {', '.join(beside)} are of MMM's tasks and from other sources: scores on them "
            "cannot be compared with the paper's."
        )
    if "rebuilt" in origins:
        yield (
            "Rebuilt rows follow what the paper says of its sources and rules. Where it is silent this kit decided, so they "
            "are not the authors' rows, and scores on the two are not the same measure."
        )
    if "published" in origins:
        yield (
            "Offsets of published rows are this kit's: the authors' files hold entities without places. Where a text holds an "
            "entity several times the leftmost free place is taken, which may not be the one that was meant."
        )


def _of_rows(found: Stats) -> Iterator[str]:
    whole = together(side for sides in found.values() for side in sides.values())
    if whole.unread:
        yield (
            f"Rows whose output cannot be read without doubt: {whole.unread:,} ({share(whole.unread, whole.rows)}). They are "
            "kept as they are, with `label`, `entities` and `tuples` null."
        )
    if whole.unplaced:
        yield f"Entities and arguments without a known place in their text (`start` and `end` are null): {whole.unplaced:,}."
    empty = whole.per_row.counts[0]
    if empty:
        yield f"Rows without any item, to which the right answer is a label and nothing else: {empty:,}."
    small = [name for name, sides in found.items() if "test" in sides and sides["test"].rows < 100]
    if small:
        names = f"{len(small)} configs" if len(small) > 3 else ", ".join(f"`{name}`" for name in small)
        yield f"Fewer than 100 test rows in {names}: a score on so few has an interval of many points."
    untested = [f"`{name}`" for name, sides in found.items() if "test" not in sides]
    if untested:
        yield f"No test rows: {', '.join(untested)}."


def _of_levels(found: Stats, registry: Registry) -> Iterator[str]:
    fixed = {name: label for name in found if (label := registry.fixed_text_label(registry.config(name)))}
    if fixed:
        names = ", ".join(f"`{name}`" for name in fixed)
        labels = ", ".join(f"`{label}`" for label in dict.fromkeys(fixed.values()))
        yield f"One level alone in {names}: every row has the text-level label {labels}, so text-level scores say nothing."


def _of_models(steps: Mapping[str, Any]) -> Iterator[str]:
    translated = [step for step in steps.values() if "yield" in step]
    if translated:
        yield (
            "Translations are a model's. Rows that it could not translate with their items are missing, and these are not the "
            "average row: what remains may be easier than the source."
        )
    made = [step for step in steps.values() if "made_by" in step and "yield" not in step]
    if made:
        yield "Labels or items of some rows are a model's; they are as good as that model, and share its habits."
    if (translated or made) and not any("review" in step and step["review"]["decided"] for step in steps.values()):
        yield "No row was checked by a person."


def _of_labels(sets: list[Inventory], registry: Registry) -> Iterator[str]:
    rows = [row for one in sets for entry in one.entries for row in entry.labels.values() if row.language in one.totals]
    ours = sum(row.provenance == "ours" for row in rows)
    if ours:
        yield (
            f"{ours} of the {len(rows)} spellings of closed labels are this kit's choice, because no source settles them; they "
            "are marked `ours` under [Labels](#labels)."
        )
    strange = sum(one.others.total() for one in sets)
    if strange:
        yield f"Labels of rows or items that are in no table, kept as they are: {strange:,}."


def _of_split(manifest: Mapping[str, Any]) -> Iterator[str]:
    leaking = max((part["test_rows"] for part in manifest["leakage"].values()), default=0)
    if leaking:
        yield f"Up to {leaking:,} test rows have a duplicate in train; see [the split](#how-the-split-was-made-and-what-leaks)."
