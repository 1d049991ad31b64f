"""The card of a release tree, from its manifest: YAML that makes ``load_dataset`` work, and what a reader needs to know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

import yaml

from cards.reviews import section as review_section
from cards.yields import table as yield_table
from mmm_dataset import Registry, load

_TEMPLATE = Path(__file__).with_name("dataset_card.md")
_ORIGINS = {
    "demo": "**Demonstration data, not MMM.** These rows were written for the release kit to show how it works; they are "
    "not part of the MMM datasets, and no score on them says anything about a model.",
    "stand-in": "**Not MMM.** These rows are from other sources than MMM's own, in the format of MMM.",
    "rebuilt": "These rows were rebuilt from the upstream sources of MMM by the release kit; they are not the authors' files.",
    "published": "These are the authors' released rows of MMM, their bytes kept, in a form that loads without a script.",
}
_SPDX = {"CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0"}  # names the Hub knows
CITATION = """@article{gan2024mmm,
  title = {{MMM}: Multilingual Mutual Reinforcement Effect Mix Datasets \\& Test with Open-domain Information Extraction
           Large Language Models},
  author = {Gan, Chengguang and Yin, Qingyu and He, Xinyang and Wei, Hanjun and Liang, Yunhao and Lim, Younghun and
            Wang, Shijian and Huang, Hexiang and Zhang, Qinghao and Ni, Shiwen and Mori, Tatsunori},
  journal = {arXiv preprint arXiv:2407.10953},
  year = {2024}
}"""


def render_card(manifest: Mapping[str, Any], registry: Registry) -> str:
    """Markdown with YAML front matter; the same manifest gives the same card."""
    configs, name = manifest["configs"], manifest["name"]
    origins = sorted({origin for config in configs.values() for origin in config["origins"]}, key=list(_ORIGINS).index)
    title = _title(configs, origins, name)
    front = yaml.safe_dump(front_matter(manifest, registry, title), allow_unicode=True, sort_keys=False, width=120)
    body = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=title,
        origin="\n\n".join((f"Origin `{o}`: " if len(origins) > 1 else "") + _ORIGINS[o] for o in origins),
        name=name,
        example="en_scpos_adj" if "en_scpos_adj" in configs else next(iter(configs)),
        configs=_config_table(configs, registry),
        split=manifest["options"]["split"],
        leakage=leakage_line(manifest["leakage"]),
        yields=_yields(manifest["steps"]),
        reviews=review_section(manifest["steps"]),
        counts=_counts_table(manifest["steps"]),
        sources=_source_table(configs, registry),
        citation=CITATION,
    )
    return f"---\n{front}---\n\n{body}"


def _title(configs: Mapping[str, Any], origins: Sequence[str], name: str) -> str:
    """Only rows of the authors, or rebuilt from their sources, in their configs, go by the name of MMM."""
    if origins == ["demo"]:
        return "MMM release kit: demonstration data"
    if set(origins) <= {"published", "rebuilt"} and set(configs) <= set(load().configs):
        return "MMM: Multilingual Mutual Reinforcement Effect Mix datasets"
    return f"{name}: data in the format of MMM"


def front_matter(manifest: Mapping[str, Any], registry: Registry, title: str) -> dict[str, Any]:
    """The YAML of the card. File names are written out: a glob would hide a rebuilt file from the cache of ``datasets``."""
    configs = manifest["configs"]
    licences = sorted({licence for config in configs.values() for licence in config["licences"]})
    known = [licence.lower() for licence in licences if licence in _SPDX]
    others = [licence for licence in licences if licence not in _SPDX]
    rows = sum(file["rows"] for config in configs.values() for file in config["files"].values())
    origins = sorted({origin for config in configs.values() for origin in config["origins"]})
    return {
        "pretty_name": title,
        "language": sorted({registry.config(name).language for name in configs}),
        "license": known + ["other"] * bool(others),
        **({"license_name": ", ".join(others)} if others else {}),
        "task_categories": ["token-classification", "text-classification", "text-generation"],
        "tags": ["information-extraction", "named-entity-recognition", "mutual-reinforcement-effect", *origins],
        "size_categories": [_size_category(rows)],
        "configs": [
            {
                "config_name": name,
                "data_files": [{"split": split, "path": file["path"]} for split, file in config["files"].items()],
            }
            for name, config in configs.items()
        ],
    }


def leakage_line(report: Mapping[str, Any]) -> str:
    """One line for people: how many test rows have a twin in train, of each kind."""
    kinds = (("exact", "exact"), ("near", "near-duplicate"), ("source_item", "same source item"))
    return ", ".join(f"{report[name]['test_rows']} {title}" for name, title in kinds if name in report)


def _size_category(rows: int) -> str:
    bounds = [(1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M")]
    return next((name for bound, name in bounds if rows < bound), "1M<n<10M")


def _config_table(configs: Mapping[str, Any], registry: Registry) -> str:
    rows = []
    for name, config in configs.items():
        sizes = [config["files"].get(split, {}).get("rows", 0) for split in ("train", "test")]
        facts = registry.config(name)
        paper = ["" if size is None else f"{size:,}" for size in (facts.train, facts.test)]
        counts = [f"{count:,}" for count in (*sizes, config["items"], config["rows_without_item"])]
        rows.append([f"`{name}`", *counts, ", ".join(config["origins"]), *paper])
    headers = ["config", "train", "test", "items", "rows without item", "origin", "paper: train", "paper: test"]
    return _table(rows, headers, ["left", *["right"] * 4, "left", "right", "right"])


def _yields(steps: Mapping[str, Any]) -> str:
    """The section on translated rows; nothing if none were."""
    runs = [(step, counts["yield"]) for step, counts in steps.items() if "yield" in counts]
    if not runs:
        return ""
    return (
        "## What the translation kept\n\nRows kept with all their items, rows kept with fewer, and items kept; the rung is how "
        f"far a row had to go: tagged text, single spans, rewriting, a stronger model.\n\n{yield_table(runs)}\n\n"
    )


def _counts_table(steps: Mapping[str, Any]) -> str:
    rows = [
        [step, what, reason, f"{count:,}"]
        for step, counts in steps.items()
        for what in ("dropped", "noted")
        for reason, count in counts[what].items()
    ]
    return _table(rows, ["step", "", "reason", "count"], ["left"] * 3 + ["right"]) if rows else "Nothing."


def _source_table(configs: Mapping[str, Any], registry: Registry) -> str:
    rows = []
    for name in sorted({source for config in configs.values() for source in config["sources"]}):
        source = registry.sources.get(name)
        if source is None:  # records of a user's own: what the rows say of themselves is all there is
            licences = sorted(
                {x for config in configs.values() if name in config["sources"] for x in config["licences"]}
            )
            rows.append([name, ", ".join(licences), "not stated"])
            continue
        title = f"[{source.title}]({source.url})" if source.url else source.title
        rows.append([title, source.licence, ", ".join(source.terms) or "not stated"])
    return _table(rows, ["source", "licence", "terms"], ["left"] * 3)


def _table(rows: Sequence[Sequence[str]], headers: Sequence[str], align: Sequence[str]) -> str:
    from tabulate import tabulate

    rows = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return tabulate(rows, headers, tablefmt="pipe", colalign=align, disable_numparse=True)
