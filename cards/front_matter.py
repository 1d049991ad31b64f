"""What a release is called, what its rows are, and the YAML at the top of its card."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from cards import hub
from cards.licence import licence_fields
from mmm_dataset import Registry, load

_ORIGINS: Final = {
    "demo": "**Demonstration data, not MMM.** These rows were written for the release kit to show how it works; they are "
    "not part of the MMM datasets, and no score on them says anything about a model.",
    "own": "**Not MMM.** These rows are from other sources than MMM's own, in the format of MMM.",
    "rebuilt": "These rows were rebuilt from the upstream sources of MMM by the release kit; they are not the authors' files.",
    "published": "These are the authors' released rows of MMM, their bytes kept, in a form that loads without a script.",
}


def front_matter(manifest: Mapping[str, Any], registry: Registry, title: str) -> dict[str, Any]:
    """The YAML of the card. File names are written out: a glob would hide a rebuilt file from the cache of ``datasets``."""
    configs = manifest["configs"]
    rows = sum(file["rows"] for config in configs.values() for file in config["files"].values())
    languages = sorted({registry.config(name).language for name in configs})
    hubs = {place for name in {s for c in configs.values() for s in c["sources"]} for place in _hubs(name, registry)}
    translated = any("yield" in step for step in manifest["steps"].values())
    annotated = any("made_by" in step and "yield" not in step for step in manifest["steps"].values())
    origins = origins_of(configs)
    creators = ["expert-generated"] * ("demo" in origins) + ["found"] * bool(origins - {"demo"})
    return {
        "pretty_name": title,
        "language": languages,
        **licence_fields(configs, registry),
        "task_categories": ["token-classification", "text-classification", "text-generation"],
        "tags": ["information-extraction", "named-entity-recognition", "mutual-reinforcement-effect", *sorted(origins)],
        "size_categories": [hub.size_category(rows)],
        "annotations_creators": creators + ["machine-generated"] * (translated or annotated),
        "multilinguality": ["multilingual" if len(languages) > 1 else "monolingual"] + ["translation"] * translated,
        "source_datasets": [f"extended|{name}" for name in sorted(hubs)] or ["original"],
        "configs": [
            {
                "config_name": name,
                "data_files": [{"split": split, "path": file["path"]} for split, file in config["files"].items()],
            }
            for name, config in configs.items()
        ],
    }


def _hubs(source: str, registry: Registry) -> tuple[str, ...]:
    """Data sets on the Hub that a source is."""
    known = registry.sources.get(source)
    return known.hub if known else ()


def origins_of(configs: Mapping[str, Any]) -> set[str]:
    """Origins of all rows."""
    return {origin for config in configs.values() for origin in config["origins"]}


def default_title(configs: Mapping[str, Any], origins: Collection[str], name: str) -> str:
    """Only rows of the authors, or rebuilt from their sources, in their configs, go by the name of MMM."""
    if set(origins) == {"demo"}:
        return "MMM release kit: demonstration data"
    if set(origins) <= {"published", "rebuilt"} and set(configs) <= set(load().configs):
        return "MMM: Multilingual Mutual Reinforcement Effect Mix datasets"
    return f"{name}: data in the format of MMM"


def what_they_are(origins: Collection[str]) -> str:
    """What rows of these origins are, and what they are not."""
    order = sorted(origins, key=list(_ORIGINS).index)
    return "\n\n".join((f"Origin `{name}`: " if len(order) > 1 else "") + _ORIGINS[name] for name in order)
