"""The pieces of a release: what goes into the repository of a data set, the metric, a model, and a Space for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Protocol

from build.core import KitError
from build.manifest import read_release
from build.release.folder import link
from build.release.plan import Plan
from build.release.predictions import without_texts
from build.release.subset import without
from build.release.target import Repository
from build.release.versions import Level, dataset_difference
from cards.base_licences import BaseTerms
from cards.dataset_card import render_card
from cards.licence import render_licence
from cards.model_card import render_model_card
from cards.model_results import eval_result_files
from cards.plots import draw
from cards.publisher import Publisher
from cards.recorded import need, read_json
from cards.spaces import stage_demo, stage_metric
from mmm_dataset import Registry
from mmm_dataset.files import pretty
from mmm_dataset.registry_files import embedded
from oiellm.predict.checkpoint import digest

Read = Callable[[str], bytes | None]
"""Reads a file of the last release; None if it is not there."""

_OF_MODEL: Final = (
    *("*.safetensors", "*.json", "*.model", "*.jinja", "vocab.txt", "merges.txt", "train_log.jsonl"),
    *("registry/*.toml", "registry/*.csv"),
    *("LICENSE*", "LICENCE*", "NOTICE*", "USE_POLICY*"),
)
_OF_RESULTS: Final = ("results.json", "table.md", "ids.json", "*/run.json", "*/predictions.parquet")
_WORDS: Final = frozenset({"README.md", "LICENSE.md", "CHANGELOG.md"})


class Piece(Protocol):
    """What goes into one repository."""

    repository: Repository

    def prepare(self, folder: Path) -> None:
        """Put everything there that does not depend on the version."""
        ...

    def render(self, folder: Path, publisher: Publisher) -> None:
        """Put the rest there: the card and what names the version."""
        ...

    def first(self, folder: Path) -> list[str]:
        """What the changelog says of the first release."""
        ...

    def difference(self, before: Read, folder: Path, plan: Plan) -> tuple[Level, list[str]]:
        """How much changed since the last release, and what, in words."""
        ...


@dataclass(slots=True)
class DatasetPiece:
    """A release tree, without the configs that may not go out.

    Attributes:
        repository: where it goes.
        tree: the tree.
        registry: knows its configs.
        left_out: config to reason.
        title: of the card; empty for what the rows are.
    """

    repository: Repository
    tree: Path
    registry: Registry
    left_out: Mapping[str, str]
    title: str = ""

    def prepare(self, folder: Path) -> None:
        """Data, manifest, leakage report, ids of the standard evaluation, plots."""
        if self.left_out:
            without(self.tree, self.left_out, folder, self.registry)
        else:
            self._copy_named(folder)
        for name in embedded(self.manifest(self.tree)):
            _place(self.tree / name, folder / name)
        draw(folder, self.registry)

    def _copy_named(self, folder: Path) -> None:
        """What the manifest names, and nothing that lies beside it."""
        manifest = self.manifest(self.tree)
        files = [file["path"] for config in manifest["configs"].values() for file in config["files"].values()]
        for name in ("manifest.json", "leakage.json", manifest["evaluation"]["path"], *files):
            _place(self.tree / name, folder / name)

    def render(self, folder: Path, publisher: Publisher) -> None:
        """Card and licence."""
        own = replace(publisher, title=self.title, left_out=self.left_out)
        (folder / "README.md").write_text(render_card(folder, self.registry, own), encoding="utf-8")
        licence = render_licence(self.manifest(folder), self.registry)
        (folder / "LICENSE.md").write_text(licence, encoding="utf-8")

    def first(self, folder: Path) -> list[str]:
        """Configs and rows."""
        files = [file for config in self.manifest(folder)["configs"].values() for file in config["files"].values()]
        configs = len(self.manifest(folder)["configs"])
        return [f"the first release: {configs:,} configs, {sum(file['rows'] for file in files):,} rows"]

    def difference(self, before: Read, folder: Path, plan: Plan) -> tuple[Level, list[str]]:
        """From the two manifests."""
        old = before("manifest.json")
        return dataset_difference(json.loads(old) if old else {}, self.manifest(folder))

    @staticmethod
    def manifest(folder: Path) -> dict[str, Any]:
        """That of the staged tree."""
        return read_release(folder)


@dataclass(slots=True)
class MetricPiece:
    """The metric as a Space."""

    repository: Repository

    def prepare(self, folder: Path) -> None:
        """Nothing: it is small."""

    def render(self, folder: Path, publisher: Publisher) -> None:
        """All of it."""
        stage_metric(folder, publisher)

    def first(self, folder: Path) -> list[str]:
        """One line."""
        return ["the first release of the metric"]

    def difference(self, before: Read, folder: Path, plan: Plan) -> tuple[Level, list[str]]:
        """By files."""
        return _by_files(plan, "the metric: changed")


@dataclass(slots=True)
class ModelPiece:
    """A model, its scores, and the predictions behind them.

    Attributes:
        repository: where it goes.
        model: folder that `oiellm train` made.
        results: folder that `oiellm evaluate` made; None if there is none.
        dataset: ``ORG/NAME@vX`` of the data set of this release; empty if it has none.
        manifest: SHA-256 of that data set's manifest: what was trained or scored on another is not said to be on this one.
        base: terms of what it was trained from; None if it was from scratch.
        left_out: configs whose predictions go without texts, to the reason.
    """

    repository: Repository
    model: Path
    results: Path | None
    dataset: str
    manifest: str
    base: BaseTerms | None
    left_out: Mapping[str, str] = field(default_factory=dict)

    def prepare(self, folder: Path) -> None:
        """Weights, tokenizer, settings, predictions, scores."""
        _copy(self.model, folder, _OF_MODEL)
        if self.base and self.base.notice and not any(folder.glob("NOTICE*")):
            (folder / "NOTICE").write_text(f"{self.base.notice}\n", encoding="utf-8")
        said = _named(json.loads((folder / "mmm.json").read_text(encoding="utf-8")))
        (folder / "mmm.json").write_text(pretty(said), encoding="utf-8")
        if self.results:
            self._refuse_other_results()
            scored = need(
                read_json(self.results / "results.json"), self.results / "results.json", "data", "manifest_sha256"
            )
            _copy(self.results, folder / "evaluation", _OF_RESULTS)
            without_texts(folder / "evaluation", self.left_out)
            for path, text in eval_result_files(self.results, self._dataset(scored)).items():
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                (folder / path).write_text(text, encoding="utf-8")

    def _dataset(self, manifest: str) -> str:
        return self.dataset if manifest == self.manifest else ""

    def _refuse_other_results(self) -> None:
        """Results must be of this very model: one that was trained again since has others."""
        assert self.results
        where = self.results / "results.json"
        for name, run in need(read_json(where), where, "runs").items():
            scored = run.get("about", {}).get("settings", {}).get("model_digest")
            if scored not in (None, digest(self.model)):
                raise KitError(
                    f"{where}: {name!r} was scored with another model than {self.model}: run `oiellm evaluate` again"
                )

    def render(self, folder: Path, publisher: Publisher) -> None:
        """The card."""
        trained = need(read_json(folder / "mmm.json"), folder / "mmm.json", "manifest_sha256")
        results = folder / "evaluation" if self.results else None
        own = replace(publisher, left_out=self.left_out)
        card = render_model_card(folder, results, own, self._dataset(trained), base=self.base)
        (folder / "README.md").write_text(card, encoding="utf-8")

    def first(self, folder: Path) -> list[str]:
        """One line."""
        return ["the first release of the model"]

    def difference(self, before: Read, folder: Path, plan: Plan) -> tuple[Level, list[str]]:
        """Other weights, tokenizer or settings; or words and scores."""
        changed = [path for path in (*plan.add, *plan.replace, *plan.delete) if _is_content(path)]
        of_model = [path for path in changed if not path.startswith(("evaluation/", ".eval_results/"))]
        _, lines = _by_files(plan, "other weights; changed" if any(map(_is_weights, changed)) else "changed")
        return Level.MINOR if of_model else Level.PATCH, lines


@dataclass(slots=True)
class SpacePiece:
    """A page on which people try a model.

    Attributes:
        repository: where it goes.
        model: its id on the Hub, or its path from the Space's folder.
    """

    repository: Repository
    model: str

    def prepare(self, folder: Path) -> None:
        """Nothing: it is small."""

    def render(self, folder: Path, publisher: Publisher) -> None:
        """All of it."""
        stage_demo(folder, self.model, publisher)

    def first(self, folder: Path) -> list[str]:
        """One line."""
        return ["the first release of the page"]

    def difference(self, before: Read, folder: Path, plan: Plan) -> tuple[Level, list[str]]:
        """By files."""
        return _by_files(plan, "the page: changed")


def _named(value: Any) -> Any:
    """A value in which every place on this disk, such as that of a recipe's data, has become the name of what is there."""
    if isinstance(value, dict):
        return {key: _named(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_named(entry) for entry in value]
    return Path(value).name if isinstance(value, str) and Path(value).is_absolute() else value


def _is_weights(path: str) -> bool:
    return path.endswith(".safetensors")


def _by_files(plan: Plan, what: str) -> tuple[Level, list[str]]:
    changed = sorted(path for path in (*plan.add, *plan.replace, *plan.delete) if _is_content(path))
    if not changed:
        return Level.PATCH, []
    named = ", ".join(f"`{path}`" for path in changed[:5]) + (f" and {len(changed) - 5} more" if changed[5:] else "")
    return Level.MINOR, [f"{what} {named}"]


def _is_content(path: str) -> bool:
    return path not in _WORDS and not path.startswith(".release/")


def _copy(origin: Path, folder: Path, patterns: tuple[str, ...]) -> None:
    """Copy the files that match; whatever else lies there is nobody's business."""
    for path in sorted({path for pattern in patterns for path in origin.glob(pattern) if path.is_file()}):
        _place(path, folder / path.relative_to(origin))


def _place(origin: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    link(origin, target)
