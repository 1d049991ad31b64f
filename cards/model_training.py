"""How a model was made: from what, on which rows, for how long, on which machine."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, Final

import yaml

from cards.base_licences import BaseTerms, base_repository
from cards.markdown import code, escape, table
from cards.model_facts import Facts

_SOFTWARE: Final = {
    "kit": "MMM release kit",
    "python": "Python",
    **{name: name for name in ("torch", "transformers", "trl", "accelerate", "tokenizers")},
}


def training_table(facts: Facts, base: BaseTerms | None) -> str:
    """What was trained, and what it took. Raises CardError if something was not recorded."""
    recipe, spent, count = facts.need("recipe"), facts.spent, facts.need("counts")
    train, lora = facts.need("recipe", "train"), facts.need("recipe", "model", "lora")
    unit = "pack" if train["packing"] else "row"
    batch = f"{train['packs_per_step']:,} {_plural(unit, f'{unit}s', train['packs_per_step'])} a step"
    if train["packing"]:
        batch += "; rows that share a pack do not see each other"
    software = [f"{title} {facts.need('conditions', name)}" for name, title in _SOFTWARE.items()]
    rows = [
        ["base", _base(facts, base)],
        ["recipe", f"{code(recipe['name'])}: {escape(recipe['description'])}"],
        [
            "what was trained",
            f"LoRA adapters of rank {lora['rank']}, merged into the weights" if lora else "all weights",
        ],
        ["size", f"{facts.parameters:,} parameters"],
        ["dtype", f"`{facts.need('dtype')}`"],
        ["steps", f"{spent['step']:,}, which are {spent['epoch']:.2f} epochs, {batch}"],
        [
            "tokens",
            f"{spent['tokens']:,} read; an epoch has {count['tokens']:,}, {count['supervised_tokens']:,} of them learned",
        ],
        ["learning rate", f"{train['learning_rate']:g}, {train['scheduler']}, {code(train['optimizer'])}"],
        ["loss", f"{facts.first[1]:.4f} at step {facts.first[0]:,}, {facts.last[1]:.4f} at step {facts.last[0]:,}"],
        ["hardware", _hardware(facts)],
        ["duration", f"{duration(spent['seconds'])}, without loading and saving"],
        ["software", ", ".join(software)],
        ["seed", str(facts.need("seed"))],
    ]
    return f"{table(rows, ['', ''])}\n\n`mmm.json` has the whole record, `train_log.jsonl` the curve of the loss."


def _base(facts: Facts, base: BaseTerms | None) -> str:
    if base is None:
        return "none: from scratch, with random weights"
    name, repository = facts.need("base"), base_repository(facts.said, base)
    shown = f"[{escape(repository)}](https://huggingface.co/{repository})" if repository else code(name)
    revision = facts.need("recipe", "model", "revision")
    at = f" at revision `{revision}`" if revision and name == repository else ""
    return f"{shown}{at} (digest `{facts.need('base_digest')[:16]}`)"


def _hardware(facts: Facts) -> str:
    processes, threads = facts.need("conditions", "processes"), facts.need("conditions", "threads")
    said = f"{processes} {_plural('process', 'processes', processes)}"
    each = " each" if processes > 1 else ""
    said += f" with {threads} CPU {_plural('thread', 'threads', threads)}{each}"
    return f"{escape(facts.need('conditions', 'device'))}; {said}"


def _plural(one: str, many: str, count: int) -> str:
    return one if count == 1 else many


def duration(seconds: float) -> str:
    """A time for people: 18 s, 4 min 20 s, 31 h 5 min."""
    whole = round(seconds)
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    parts = (
        [f"{hours} h"] * bool(hours) + [f"{minutes} min"] * bool(minutes) + [f"{rest} s"] * (not hours and bool(rest))
    )
    return " ".join(parts) or f"{seconds:.1f} s"


def recipe_yaml(facts: Facts) -> str:
    """The recipe as YAML; of places on somebody's disk only the names."""
    recipe: dict[str, Any] = facts.need("recipe")
    data, model = recipe["data"], recipe["model"]
    named = {
        **recipe,
        "model": {
            **model,
            "base": facts.need("base") if PurePath(model["base"] or "").is_absolute() else model["base"],
        },
        "data": {
            **data,
            "release": facts.need("release"),
            "registry": [PurePath(path).name for path in data["registry"]],
            "records": [PurePath(path).name for path in data["records"]],
        },
    }
    return yaml.safe_dump(named, allow_unicode=True, sort_keys=False, width=100)


def data_section(facts: Facts, dataset: str) -> str:
    """Which rows, of which revision."""
    count = facts.need("counts")
    name, _, revision = dataset.partition("@")
    place = f"https://huggingface.co/datasets/{name}" + (f"/tree/{revision}" if revision else "")
    where = f"[`{dataset}`]({place})" if "/" in name else f"`{dataset or facts.need('release')}`"
    configs = f"{len(facts.configs)} {_plural('config', 'configs', len(facts.configs))}"
    lines = [
        f"The train rows of {where}, {count['rows']:,} of {configs}, the longest of {count['longest']:,} tokens.",
        f"Revision: the manifest with SHA-256 `{facts.need('manifest_sha256')}`. The token ids of the rows have the SHA-256 "
        f"`{facts.need('data_digest')}`.",
        f"No test row trains. Left out, because too long: {count['left_out']:,}.",
    ]
    rows = [
        [f"`{name}`", f"{entry['rows']:,}", ", ".join(f"`{origin}` {n:,}" for origin, n in entry["origins"].items())]
        for name, entry in facts.configs.items()
    ]
    return "\n\n".join([*lines, table(rows, ["config", "rows an epoch >", "origin"])])
