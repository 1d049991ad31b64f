"""Licences of a release: the right field for the Hub, the section of the card, and ``LICENSE.md``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from cards.hub import licence_id
from cards.markdown import escape, table
from cards.recorded import with_sources_of_steps
from cards.terms import read_terms, source_behind, sources_of
from mmm_dataset import Registry
from mmm_dataset.registry import Source

FILE: Final = "LICENSE.md"
_CREATIVE: Final = re.compile(r"CC-(BY(?:-NC)?(?:-SA|-ND)?)-(\d\.\d)(?:-([A-Z]{2}))?")


def licences_of(config: str, facts: Mapping[str, Any], registry: Registry) -> list[str]:
    """Licences that bear on a config's rows: those that the rows name, and those of what MMM's own rows were made from."""
    behind = sources_of(config, facts, registry) - set(facts["sources"])
    return sorted(
        {*facts["licences"], *(registry.sources[name].licence for name in behind if name in registry.sources)}
    )


def licence_fields(configs: Mapping[str, Any], registry: Registry) -> dict[str, str]:
    """``license`` and, where that is ``other``, ``license_name`` and ``license_link`` of a card's YAML."""
    licences = _all_licences(configs, registry)
    if licences == ["unstated"]:
        return {"license": "unknown"}
    if len(licences) == 1:
        known = licence_id(licences[0])
        if known:
            return {"license": known}
        name = re.sub(r"[^a-z0-9.]+", "-", licences[0].lower()).strip("-.")
        return {"license": "other", "license_name": name or "own-licence", "license_link": FILE}
    return {"license": "other", "license_name": "mixed", "license_link": FILE}


def render_licence(manifest: Mapping[str, Any], registry: Registry) -> str:
    """``LICENSE.md``: which terms hold for which rows, what they mean, and what is open."""
    configs = with_sources_of_steps(manifest)["configs"]
    fields = licence_fields(configs, registry)
    whole = (
        "Several licences bear on these rows; no single one covers them all."
        if fields.get("license_name") == "mixed"
        else f"All rows: {_linked(next(iter(_all_licences(configs, registry))))}."
    )
    parts = [
        "# Licence",
        f"{whole} Every row names its licence in the column `licence`.",
        licence_table(configs, registry),
        "## What the terms mean",
        _meanings(_behind(configs, registry)),
    ]
    if said := open_questions(configs, registry):
        parts += ["## Open questions", said]
    parts.append("This page says what the sources say of themselves. It is no legal advice.")
    return "\n\n".join(parts) + "\n"


def licence_table(configs: Mapping[str, Any], registry: Registry) -> str:
    """Configs of the same licences and sources on one line each."""
    groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for name, facts in configs.items():
        key = (tuple(sorted(facts["licences"])), tuple(map(_source, _sources(name, facts, registry))))
        groups.setdefault(key, []).append(name)
    rows = [
        [
            _which(names, configs, registry),
            ", ".join(map(_linked, licences)),
            "<br>".join(sources),
        ]
        for (licences, sources), names in groups.items()
    ]
    return table(rows, ["configs", "licence of the rows", "made from (licence; terms)"])


def open_questions(configs: Mapping[str, Any], registry: Registry) -> str:
    """What is open about the terms, as a list; empty if nothing is."""
    found: dict[str, dict[str, list[str]]] = {}  # whose question to question to configs
    for name, facts in configs.items():
        for title, text in read_terms().questions(_sources(name, facts, registry)):
            found.setdefault(title, {}).setdefault(text, []).append(name)
    return "\n".join(
        f"- **{escape(title)}** ({_which(next(iter(texts.values())), configs, registry)}): {' '.join(texts)}"
        for title, texts in found.items()
    )


def _which(names: Sequence[str], configs: Mapping[str, Any], registry: Registry) -> str:
    """Names of configs, those of a task in all its languages as one: ``*_scnm``."""
    if len(names) == len(configs):
        return "all"
    of_task: dict[str, list[str]] = {}
    for name in configs:
        of_task.setdefault(registry.config(name).task, []).append(name)
    said = []
    for task, every in of_task.items():
        here = [name for name in every if name in names]
        said += [f"*_{task}"] if len(here) == len(every) > 1 else here
    return ", ".join(f"`{name}`" for name in said)


def _sources(config: str, facts: Mapping[str, Any], registry: Registry) -> list[Source]:
    return [source_behind(name, facts, registry) for name in sorted(sources_of(config, facts, registry))]


def _behind(configs: Mapping[str, Any], registry: Registry) -> list[Source]:
    found = {source.name: source for name, facts in configs.items() for source in _sources(name, facts, registry)}
    return [found[name] for name in sorted(found)]


def _all_licences(configs: Mapping[str, Any], registry: Registry) -> list[str]:
    return sorted({x for name, facts in configs.items() for x in licences_of(name, facts, registry)})


def _meanings(sources: Sequence[Source]) -> str:
    names = list(dict.fromkeys(name for source in sources for name in source.terms))
    known = read_terms().terms
    lines = [f"- **{escape(name)}**: {known[name].says}" for name in names if name in known]
    return "\n".join(lines) or "The sources name no terms beside their licences."


def _source(source: Source) -> str:
    title = f"[{escape(source.title)}]({source.url})" if source.url else escape(source.title)
    said = "; ".join(dict.fromkeys([source.licence, *([", ".join(source.terms)] if source.terms else [])]))
    return f"{title} ({escape(said)})"


def _linked(licence: str) -> str:
    """A licence with a link to its text, where the name tells where that is."""
    name = licence.upper()
    if name == "CC0-1.0":
        return f"[{licence}](https://creativecommons.org/publicdomain/zero/1.0/)"
    if found := _CREATIVE.fullmatch(name):
        place = f"{found[1].lower()}/{found[2]}/" + (f"{found[3].lower()}/" if found[3] else "")
        return f"[{licence}](https://creativecommons.org/licenses/{place})"
    return escape(licence)
