"""The card of a release tree: YAML that makes ``load_dataset`` work, and what a reader needs to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cards import built, contents, credit, hub
from cards.credit import LOCAL
from cards.front_matter import default_title, front_matter, origins_of, what_they_are
from cards.labels import inventories
from cards.licence import licence_table, open_questions
from cards.limits import limits
from cards.markdown import escape, folded
from cards.plots import FOLDER, alt_texts
from cards.publisher import Publisher
from cards.recorded import read_json, read_manifest
from cards.stats import Stats, stats
from cards.template import fill
from mmm_dataset import Registry
from mmm_dataset.evaluation import SIZE

_TEMPLATE: Final = Path(__file__).with_name("dataset_card.md")
_METHODS: Final = {
    "published": "every row keeps the side on which it came.",
    "hash": "a source item is a train item if its hash is below the train share, so that a translation or a "
    "sibling never sits on the other side; near duplicates stay together as well.",
    "table3": "train sides have exactly the sizes of Table 3 of the paper, drawn by the hash of the source item.",
}


@dataclass(frozen=True, slots=True)
class _Tree:
    """What is read once and used all over the card."""

    path: Path
    manifest: Mapping[str, Any]
    registry: Registry
    publisher: Publisher
    counts: Stats
    kept: Mapping[str, built.Kept]

    @property
    def configs(self) -> Mapping[str, Any]:
        configs: Mapping[str, Any] = self.manifest["configs"]
        return configs


def render_card(tree: Path, registry: Registry, publisher: Publisher = LOCAL) -> str:
    """Markdown with YAML front matter; the same tree and publisher give the same card.

    Args:
        tree: the release tree; plots are shown if they are in its folder ``plots``.
        registry: knows its configs.
        publisher: what no run recorded; the default is a tree on somebody's disk.

    Raises:
        CardError: the manifest or a file that it names lacks something that the card says, or the YAML is not what the Hub
            accepts.
    """
    manifest = read_manifest(tree)
    counts = stats(tree)
    kept = built.kept_by_config(list(counts), manifest["steps"], registry)
    whole = _Tree(tree, manifest, registry, publisher, counts, kept)
    title = publisher.title or default_title(manifest["configs"], registry, manifest["name"])
    front = front_matter(manifest, registry, title)
    hub.check(front, f"the card of {tree}")
    return fill(_TEMPLATE, front, _said(whole, title))


def _said(tree: _Tree, title: str) -> dict[str, str]:
    """What the template's names stand for."""
    manifest, registry, counts = tree.manifest, tree.registry, tree.counts
    sets = inventories(counts, registry)
    rows = contents.example_rows(tree.path, tree.configs)
    example = "en_scpos_adj" if "en_scpos_adj" in rows else next(iter(rows))
    tests = {name: sides["test"].rows for name, sides in counts.items() if "test" in sides}
    plots = _plots(tree)
    steps, method = manifest["steps"], manifest["options"]["split"]
    questions = open_questions(tree.configs, registry)
    models = built.models_section(steps)
    deviations = contents.deviations(counts, registry)
    return {
        "title": escape(title),
        "origin": what_they_are(tree.configs, registry),
        "publication": credit.publication(tree.publisher, origins_of(tree.configs)),
        "contents": _TABLE_OF_CONTENTS,
        **_loading(tree, example),
        "tasks": contents.tasks_table(counts, registry),
        "configs": contents.configs_table(counts, tree.configs, registry),
        "deviations": f" {deviations}" if deviations else "",
        "plot_sizes": plots["sizes"],
        "plot_lengths": plots["lengths"],
        "plot_labels": plots["labels"],
        "lengths": folded("Lengths of the texts in code points, and items a row", contents.lengths_table(counts)),
        "example": example,
        "example_id": rows[example]["id"],
        "row": contents.row_as_json(rows[example]),
        "examples": contents.examples_section(rows, registry),
        "labels": contents.labels_section(sets, registry),
        "built": "\n\n".join(filter(None, [built.inputs_section(manifest), models, built.steps_section(steps)])),
        "method": method,
        "method_says": _METHODS[method] + _shares(manifest["options"]),
        "leakage": built.leakage(manifest["leakage"], read_json(tree.path / "leakage.json"), tests),
        "yields": built.yields_section(tree.kept, steps, plots["yields"]),
        "reviews": built.reviews(steps),
        "standard": f"{SIZE:,}",
        "licence": "\n\n".join(
            [
                "Every row names its licence in the column `licence`.",
                licence_table(tree.configs, registry),
                *(
                    [f"**Open questions**, which whoever uses or publishes the rows has to answer:\n\n{questions}"]
                    if questions
                    else []
                ),
                "[LICENSE.md](LICENSE.md) says what the terms mean.",
            ]
        ),
        "limits": "\n".join(f"- {limit}" for limit in limits(manifest, counts, sets, registry)) or "None are known.",
        "left_out": credit.left_out(tree.publisher),
        "credit": credit.credit(origins_of(tree.configs), registry),
        "citation": "\n\n".join(filter(None, [tree.publisher.citation, credit.CITATION])),
        "changes": credit.changelog(tree.publisher),
    }


def _shares(options: Mapping[str, Any]) -> str:
    if "shares" not in options:
        return ""
    names = "train/validation/test" if options["shares"].count("/") == 2 else "train/test"
    return f" Shares asked for: {options['shares']} ({names}); a duplicate group goes to train if any member does."


_TABLE_OF_CONTENTS: Final = " · ".join(
    f"[{title}](#{anchor})"
    for title, anchor in (
        ("Load it", "load-it"),
        ("Configs", "configs"),
        ("Rows", "a-row-of-each-config"),
        ("Columns", "columns"),
        ("Labels", "labels"),
        ("Build", "how-it-was-built"),
        ("Leakage", "how-the-split-was-made-and-what-leaks"),
        ("Licence", "licence-and-terms"),
        ("Limits", "known-limits"),
        ("Citation", "citation-and-credit"),
    )
)


def _loading(tree: _Tree, example: str) -> dict[str, str]:
    """The loading example: pinned to the tag on a Hub, from the folder above it on a disk."""
    publisher = tree.publisher
    name = publisher.repository or tree.manifest["name"]
    revision = f', revision="{publisher.tag}"' if publisher.is_on_hub and publisher.tag else ""
    here = "" if publisher.is_on_hub else f'  # from the folder that holds {name}/, or "ORG/{name}" from a Hub'
    pin = (
        "The `revision` pins the rows: a later release of this data set does not change what you load."
        if revision
        else ""
    )
    split = "test" if "test" in tree.counts[example] else "train"
    return {"load": f'"{name}", "{example}"{revision}', "load_comment": here, "split": split, "pin": pin}


def _plots(tree: _Tree) -> dict[str, str]:
    """Name of a plot to its Markdown; empty where the tree has no such file."""
    texts = alt_texts(tree.counts, tree.registry, tree.kept)
    return {
        name: f"![{escape(texts[name])}]({FOLDER}/{name}.png)"
        if name in texts and (tree.path / FOLDER / f"{name}.png").is_file()
        else ""
        for name in ("sizes", "lengths", "labels", "yields")
    }
