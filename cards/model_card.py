"""The card of a model, from what its training and its evaluation recorded."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

from cards import hub, model_results
from cards.base_licences import BaseTerms, base_repository
from cards.credit import CITATION, changelog, credit, publication, without_texts
from cards.errors import CardError
from cards.front_matter import own_facts
from cards.licence import licence_fields, licence_table, open_questions
from cards.markdown import escape, folded, table
from cards.model_facts import Facts, read_facts
from cards.model_results import Results, read_results
from cards.model_training import data_section, recipe_yaml, training_table
from cards.model_use import use
from cards.publisher import Publisher
from cards.recorded import need
from cards.template import fill
from mmm_dataset import load

_TEMPLATE: Final = Path(__file__).with_name("model_card.md")
_ORIGINS: Final = {
    "demo": "**A demonstration, not OIELLM.** This model was trained on rows that were written for the release kit to show how "
    "it works. It is no model of the paper; what it says about a text is not to be relied on, and its scores say nothing about "
    "the method.",
    "own": "This model was trained on {rows:,} rows{sources}: {tasks} in {languages}.",
    "rebuilt": "This model was trained on rows that the release kit rebuilt from the upstream sources of MMM; they are not the "
    "authors' files.",
    "published": "This model was trained on the authors' released rows of MMM.",
}
_LIMITS: Final = {
    "demo": "It learned from {rows:,} rows; those of the demonstration are clean and short: outside of their subjects its "
    "answers are guesses.",
    "own": "Its rows with origin `own` in MMM's tasks are from other sources: its scores cannot be compared with the paper's.",
    "rebuilt": "Its rows are not the authors' files, so its scores and the paper's are not the same measure.",
}
_BASELINES: Final = "TL / WL / ALL. `majority` and `lookup` know nothing but the train rows."
_PAPER: Final = (
    "TL / WL / ALL. The paper's figures are as printed, on draws of 1,000 rows that were not published; what its WL averages "
    "is not settled."
)


def render_model_card(
    model: Path, results: Path | None, publisher: Publisher, dataset: str, *, base: BaseTerms | None
) -> str:
    """Markdown with YAML front matter; the same folders and publisher give the same card.

    Args:
        model: folder that ``oiellm train`` made.
        results: folder that ``oiellm evaluate`` made; its predictions are in ``evaluation/`` of the repository. None: the card
            says that there are none.
        publisher: what no run recorded.
        dataset: ``ORG/NAME@vX`` of the data set that it was trained and scored on; empty if that is not published.
        base: terms of what it was trained from, see :func:`cards.base_licences.base_terms`.

    Raises:
        CardError: a figure is missing, or what the licence of the base asks for is not there; one line with its name.
    """
    facts = read_facts(model)
    scored = read_results(results) if results else None
    _check_base(facts, base)
    origins = list(facts.need("data", "origins"))
    title = publisher.repository.rpartition("/")[2] or model.name
    front = _front(facts, base, dataset, origins)
    hub.check(front, f"the card of {model}")
    return fill(
        _TEMPLATE,
        front,
        {
            "title": escape(title),
            "origin": _origin(facts, origins),
            "built_with": f"**{base.built_with}**" if base and base.built_with else "",
            "publication": publication(publisher, origins),
            "contents": _CONTENTS,
            **use(facts, scored, publisher),
            "results": _results(scored, publisher),
            "training": training_table(facts, base),
            "recipe": folded("The recipe, in full", f"```yaml\n{recipe_yaml(facts)}```"),
            "data": data_section(facts, dataset),
            "limits": "\n".join(f"- {limit}" for limit in _limits(facts, scored, origins)),
            "licence": _licence(facts, base),
            "credit": credit(origins, facts.registry),
            "citation": "\n\n".join(filter(None, [publisher.citation, CITATION])),
            "changes": changelog(publisher),
        },
    )


_CONTENTS: Final = " · ".join(
    f"[{title}](#{anchor})"
    for title, anchor in (
        ("Use it", "use-it"),
        ("Results", "results"),
        ("Training", "training"),
        ("Data", "data"),
        ("Limits", "known-limits"),
        ("Licence", "licence-and-names"),
        ("Citation", "citation-and-credit"),
    )
)


def _check_base(facts: Facts, base: BaseTerms | None) -> None:
    if (facts.need("base") is None) != (base is None):
        raise CardError(f"{facts.where}: base {facts.said['base']!r}: the terms given are not those of it")
    if base and base.copy and not _licence_files(facts):
        raise CardError(
            f"{facts.folder}: no LICENSE file with a text; the licence of {base.title} asks for a copy of itself: put it there"
        )


def _origin(facts: Facts, origins: Collection[str]) -> str:
    own = own_facts(facts.configs, facts.registry) if "own" in origins else {}
    rows = sum(entry["rows"] for entry in facts.configs.values() if "own" in entry["origins"])
    said = {**own, "rows": rows}
    return "\n\n".join(text.format_map(said) for name, text in _ORIGINS.items() if name in origins)


def _front(facts: Facts, base: BaseTerms | None, dataset: str, origins: Collection[str]) -> dict[str, Any]:
    name, _, revision = dataset.partition("@")
    on_hub = "/" in name
    if base:
        licence = {"license": base.licence}
    else:
        licence = licence_fields(facts.configs, facts.registry)
        if "license_link" in licence:  # the file lies with the rows
            place = f"https://huggingface.co/datasets/{name}/blob/{revision or 'main'}/{licence['license_link']}"
            licence["license_link"] = place if on_hub else "README.md"
    repository = base_repository(facts.said, base) if base else ""
    return {
        "language": facts.languages,
        **licence,
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        **({"base_model": repository, "base_model_relation": "finetune"} if repository else {}),
        **({"datasets": [name]} if on_hub else {}),
        "tags": ["information-extraction", "named-entity-recognition", "mutual-reinforcement-effect", *sorted(origins)],
    }


def _results(results: Results | None, publisher: Publisher) -> str:
    if results is None:
        return "This model was not evaluated."
    warning = (
        "**The rows are not the authors' MMM: these figures must not be compared with the paper's, which stand here only to "
        "show where such figures would be.** "
        if not results.is_mmm
        else ""
    )
    baselines = model_results.baselines(results)
    return "\n\n".join(
        [
            model_results.caption(results),
            model_results.scores(results),
            *(["### Beside the baselines", _BASELINES, baselines] if baselines else []),
            "### Beside Table 1 of the paper",
            f"{warning}{_PAPER}",
            model_results.beside(results),
            "### The predictions behind every number",
            table(model_results.files(results), ["file", "rows >"]),
            "A row has the prompt (`input`), what the model wrote (`raw`), the string that was scored (`output`), what was "
            "read of it, and why it could not be read, if so. `evaluation/results.json` has every figure, `.eval_results/` "
            "what the Hub shows.",
            *filter(None, [without_texts(publisher)]),
        ]
    )


def _limits(facts: Facts, results: Results | None, origins: Collection[str]) -> Iterator[str]:
    rows = facts.need("counts", "rows")
    beside = [name for name in load().configs if "own" in facts.configs.get(name, {"origins": ()})["origins"]]
    concerned = set(origins) - set(() if beside else ("own",))
    yield from (text.format(rows=rows) for name, text in _LIMITS.items() if name in concerned)
    tasks = dict.fromkeys(facts.registry.config(name).task for name in facts.configs)
    languages = ", ".join(facts.registry.languages[code_].name for code_ in facts.languages)
    yield (
        f"It was trained on {', '.join(f'`{task}`' for task in tasks)} in {languages}. To other task words or languages it "
        "writes something as well, which means nothing."
    )
    text = facts.config.get("text_config", facts.config)
    positions = need(text, facts.folder / "config.json", "max_position_embeddings")
    yield f"Prompt and answer together have room in {positions:,} tokens; longer texts must be split."
    if left := facts.need("counts", "left_out"):
        yield f"Rows longer than {facts.need('recipe', 'data', 'max_tokens'):,} tokens were left out of the training: {left:,}."
    for place, run in (results.runs if results else {}).items():
        yield f"Decoding {place}: {model_results.failures(run, place)}"
    yield (
        "Entities are strings: where a text holds one several times, its place is found by a rule, and may not be the one that "
        "was meant."
    )


def _licence(facts: Facts, base: BaseTerms | None) -> str:
    parts = []
    if base:
        shown = f" It shows **{base.built_with}**" if base.built_with else ""
        named = (
            f", and its name begins with `{base.prefix}`, as that licence asks."
            if base.prefix
            else "."
            if shown
            else ""
        )
        parts.append(
            f"Made from {escape(base.title)}, so its licence holds for this model as well: `{base.licence}`"
            f"{_licence_file(facts)}.{shown}{named}"
        )
        parts += [escape(base.notice)] if base.notice else []
        parts += ["\n".join(f"- {escape(line)}" for line in base.says)] if base.says else []
    else:
        parts.append(
            "Trained from scratch: no other model's licence holds. The licence in the YAML of this card is that of the rows it "
            "learned from."
        )
    parts += ["The rows that it was trained on:", licence_table(facts.configs, facts.registry)]
    if questions := open_questions(facts.configs, facts.registry):
        parts.append(f"**Open questions**, which whoever uses or publishes the model has to answer:\n\n{questions}")
    return "\n\n".join(parts)


def _licence_file(facts: Facts) -> str:
    found = _licence_files(facts)
    return f" ([{found[0]}]({found[0]}))" if found else ""


def _licence_files(facts: Facts) -> list[str]:
    """Names of the files that hold the text of a licence; an empty one is none."""
    files = (path for path in facts.folder.glob("LICEN[SC]E*") if path.is_file())
    return sorted(path.name for path in files if path.read_bytes().strip())
