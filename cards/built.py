"""How a release came about, in words for its card: steps, models that had a hand in it, what they kept, what leaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cards.markdown import code, escape, folded, table
from cards.paper import given
from cards.reviews import section as review_section
from cards.yields import share
from cards.yields import table as yield_table
from mmm_dataset import Registry

KINDS: Final = (
    ("exact", "exact", "the same text, apart from white space and the width and case of letters"),
    ("near", "near-duplicate", "nearly the same text"),
    ("source_item", "same source item", "the same source item, such as its translation or a sibling"),
)


_SAID: Final = ("stronger_model", "method")  # of a step, beside the model and the digest of its prompts
_FILES: Final = 60  # named in a card at most


@dataclass(frozen=True, slots=True)
class Kept:
    """What the translation into one config kept.

    Attributes:
        run: ``yield`` of this build's run, None if there was none.
        paper: rows kept and rows given in the paper, None if it has no such translation.
    """

    run: Mapping[str, Any] | None
    paper: tuple[int, int] | None


def kept_by_config(configs: Sequence[str], steps: Mapping[str, Any], registry: Registry) -> dict[str, Kept]:
    """Config to what its translation kept, here and in the paper, of those that have either; in the order given."""
    runs: dict[str, Any] = {}
    for step in steps.values():
        if "yield" in step:
            for config in step.get("kept", {}):
                runs[config] = step["yield"]
    found = {}
    for name in configs:
        config = registry.config(name)
        rows = given(config, registry)
        paper = (config.total, rows) if rows and config.total is not None else None
        if name in runs or paper:
            found[name] = Kept(runs.get(name), paper)
    return found


def leakage_line(report: Mapping[str, Any]) -> str:
    """One line for people: how many test rows have a duplicate in train, of each kind."""
    return ", ".join(f"{report[name]['test_rows']} {title}" for name, title, _ in KINDS if name in report)


def leakage(report: Mapping[str, Any], examples: Mapping[str, Any], tests: Mapping[str, int]) -> str:
    """Rows with a duplicate among the train rows of any config: totals, and test rows by config where there are any.

    Args:
        report: ``leakage`` of the manifest.
        examples: ``leakage.json``.
        tests: config to its test rows.
    """
    whole, rows = sum(tests.values()), []
    validation = any("validation_rows" in part for part in report.values())
    for name, title, meaning in KINDS:
        if name in report:
            count = report[name]["test_rows"]
            also = [f"{report[name]['validation_rows']:,}"] if validation else []
            rows.append([title, meaning, f"{count:,}", share(count, whole), *also])
    parts = [
        table(
            rows, ["duplicate", "what it is", "test rows >", "of all >", *(["validation rows >"] if validation else [])]
        )
    ]
    by_config = {name: report[name]["by_config"] for name, _, _ in KINDS if name in report}
    affected = [config for config in tests if any(config in counts for counts in by_config.values())]
    if affected:
        titles = [title for name, title, _ in KINDS if name in by_config]
        lines = [
            [f"`{config}`", *(f"{counts.get(config, 0):,}" for counts in by_config.values()), f"{tests[config]:,}"]
            for config in affected
        ]
        body = table(lines, ["config", *(f"{title} >" for title in titles), "test rows >"])
        first = next((part["examples"][0] for part in examples.values() if part.get("examples")), None)
        if first:
            body += f"\n\nFor example test row {code(first['test'])} and train row {code(first['train'])}."
        parts.append(folded("Test rows with a duplicate, by config", body))
    return "\n\n".join(parts)


def steps_section(steps: Mapping[str, Any]) -> str:
    """Every step with rows in and out, what it dropped or noted and why."""
    rows, reasons = [], []
    for name, step in steps.items():
        kept, dropped, noted = (sum(step[what].values()) for what in ("kept", "dropped", "noted"))
        rows.append([escape(name), *(f"{count:,}" for count in (step["in"], kept, dropped, noted))])
        for what in ("dropped", "noted"):
            reasons += [[escape(name), what, code(reason), f"{count:,}"] for reason, count in step[what].items()]
    parts = [table(rows, ["step", "rows in >", "kept >", "dropped >", "noted >"])]
    if reasons:
        parts.append(folded("What was dropped or noted, and why", table(reasons, ["step", "", "reason", "rows >"])))
    else:
        parts.append("Nothing was dropped or noted on the way.")
    return "\n\n".join(parts)


def models_section(steps: Mapping[str, Any]) -> str:
    """Which model wrote what; empty if none had a hand in it."""
    lines = list(_models(steps))
    return "\n".join(["A model had a hand in these rows:", "", *lines]) if lines else ""


def _models(steps: Mapping[str, Any]) -> Iterator[str]:
    for name, step in steps.items():
        if made_by := step.get("made_by"):
            what = "translated by" if "yield" in step else "annotated by"
            more = [f", {key.replace('_', ' ')} {code(str(made_by[key]))}" for key in _SAID if made_by.get(key)]
            prompts = made_by.get("prompts") or {}
            digest = (
                f", prompts {code(prompts)}"
                if isinstance(prompts, str)
                else f", {len(prompts)} prompts (`manifest.json`)"
            )
            yield f"- {escape(name)}: {what} {code(made_by['model'])}{''.join(more)}{digest}"


def yields_section(kept: Mapping[str, Kept], steps: Mapping[str, Any], plot: str) -> str:
    """What translations kept, here and in the paper; empty if there is neither."""
    if not kept:
        return ""
    runs = [(escape(name), step["yield"]) for name, step in steps.items() if "yield" in step]
    paper = any(one.paper for one in kept.values())
    said = ["Rows that a translation kept, in percent of those it was given."]
    said += (
        ["Here they count with all their items or with fewer."] if runs else ["No row here was translated by this kit."]
    )
    said += (
        ["The figures of the paper are from its Table 2; it drops a row at the first item that is lost."]
        if paper
        else []
    )
    rows = [[f"`{name}`", *(_here(one) if runs else ()), *(_paper(one) if paper else ())] for name, one in kept.items()]
    headers = ["config", *(["rows kept here >", "items kept here >"] if runs else [])]
    headers += ["paper >", "paper: rows >"] if paper else []
    parts = ["## What the translation kept", " ".join(said), plot, table(rows, headers)]
    if runs:
        rungs = "The rung is how far a row had to go: tagged text, single spans, rewriting, a stronger model."
        parts.append(f"{rungs}\n\n{yield_table(runs)}")
    return "\n\n".join(part for part in parts if part)


def _here(one: Kept) -> tuple[str, str]:
    run = one.run
    if run is None:
        return "", ""
    return share(run["kept_whole"] + run["kept_minus_items"], run["rows"]), share(run["items_kept"], run["items"])


def _paper(one: Kept) -> tuple[str, str]:
    return (share(*one.paper), f"{one.paper[0]:,} of {one.paper[1]:,}") if one.paper else ("", "")


def reviews(steps: Mapping[str, Any]) -> str:
    """What people found who reviewed rows; empty if nobody did."""
    return review_section(steps).strip()


def inputs_section(manifest: Mapping[str, Any]) -> str:
    """Versions, registry files and input files with their checksums."""
    versions = ", ".join(f"{escape(name)} {escape(str(value))}" for name, value in manifest["versions"].items())
    files = {**manifest["registry"], **manifest["inputs"]}
    rows = [[code(name), f"`{checksum[:16]}`"] for name, checksum in list(files.items())[:_FILES]]
    more = f"\n\nand {len(files) - _FILES:,} more: see `manifest.json`." if len(files) > _FILES else ""
    listed = folded(f"{len(files):,} files went in", table(rows, ["file", "SHA-256, its beginning"]) + more)
    return f"Made with: {versions}.\n\n{listed}"
