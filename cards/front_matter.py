"""What a release is called, what its rows are, and the YAML at the top of its card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from cards import hub
from cards.licence import licence_fields
from cards.markdown import escape
from cards.terms import OWN, source_behind
from mmm_dataset import Registry, load
from mmm_dataset.registry import Source

_TAGS: Final = ("information-extraction", "named-entity-recognition", "mutual-reinforcement-effect")
_NAMELESS: Final = ("user", OWN)
_FEW: Final = 2  # sources that a title names
_ORIGINS: Final = {
    "own": "{tasks} in {languages}: {rows:,} rows{sources}, under {licences}.",
    "demo": "**Demonstration data, not MMM.** These rows were written for the release kit to show how it works; they are "
    "not part of the MMM datasets, and no score on them says anything about a model.",
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
        "tags": [*_TAGS, *sorted(origins - {"own"})],
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


def default_title(configs: Mapping[str, Any], registry: Registry, name: str) -> str:
    """Only rows of the authors, or rebuilt from their sources, in their configs, go by the name of MMM; others go by the titles
    of their sources."""
    origins = origins_of(configs)
    if origins == {"demo"}:
        return "MMM release kit: demonstration data"
    if origins <= {"published", "rebuilt"} and set(configs) <= set(load().configs):
        return "MMM: Multilingual Mutual Reinforcement Effect Mix datasets"
    titles = [source.title for source in own_sources(configs, registry)]
    if origins == {"own"} and 0 < len(titles) <= _FEW:
        return " and ".join(titles)
    return f"{name}: data in the unified text format"


def own_sources(configs: Mapping[str, Any], registry: Registry) -> list[Source]:
    """Sources of the rows with origin ``own`` that have a title of their own."""
    named = {
        name: source_behind(name, facts, registry)
        for facts in configs.values()
        if "own" in facts["origins"]
        for name in facts["sources"]
        if name not in _NAMELESS
    }
    return list(named.values())


def what_they_are(configs: Mapping[str, Any], registry: Registry) -> str:
    """What the rows are, by origin.

    Args:
        configs: of the manifest.
        registry: knows them.
    """
    order = sorted(origins_of(configs), key=list(_ORIGINS).index)
    own = own_facts(configs, registry) if "own" in order else {}
    return "\n\n".join(
        (f"Origin `{name}`: " if len(order) > 1 else "") + _ORIGINS[name].format_map(own) for name in order
    )


def own_facts(configs: Mapping[str, Any], registry: Registry) -> dict[str, Any]:
    """What is said of rows with origin ``own``: their tasks, languages, number, sources and licenses."""
    mine = {name: facts for name, facts in configs.items() if "own" in facts["origins"]}
    entries = [registry.config(name) for name in mine]
    tasks = dict.fromkeys(registry.task(entry.task).description for entry in entries)
    languages = dict.fromkeys(registry.languages[entry.language].name for entry in entries)
    sources = [
        f"[{escape(source.title)}]({source.url})" if source.url else escape(source.title)
        for source in own_sources(mine, registry)
    ]
    return {
        "tasks": "; ".join(map(escape, tasks)),
        "languages": " and ".join(map(escape, languages)) if len(languages) < 3 else f"{len(languages)} languages",
        "rows": sum(file["rows"] for facts in mine.values() for file in facts.get("files", {}).values()),
        "sources": f" of {' and '.join(sources)}" if 0 < len(sources) <= _FEW else "",
        "licences": ", ".join(
            map(escape, sorted({licence for facts in mine.values() for licence in facts["licences"]}))
        ),
    }
