"""The verb ``release``: a release tree, the metric and models, into repositories on a Hub or into a folder."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from build.core import KitError, scratch
from build.release.folder import Folder
from build.release.gates import demo_name, left_out, left_out_of_results, refuse_title, refuse_training_terms
from build.release.hub import Hub
from build.release.pieces import DatasetPiece, MetricPiece, ModelPiece, Piece, SpacePiece
from build.release.press import Pressed, press, stage
from build.release.settings import Model, Release, is_name, read_settings
from build.release.target import Repository, Target
from build.release.verify import verify
from cards.base_licences import base_terms
from cards.publisher import Publisher
from cards.recorded import need, read_json, read_manifest
from mmm_dataset import Registry, load, registry_of
from mmm_dataset.files import sha256
from mmm_f1.errors import UserError


def run(options: argparse.Namespace) -> int:
    """Release what the options and the settings say.

    Raises:
        KitError: a setting is wrong, a gate is closed, people's edits are in the way, or the Hub refuses; what was released
            before stays released, and the same command goes on from there.
    """
    try:
        return _run(options)
    except UserError as error:
        raise KitError(str(error)) from error


def _run(options: argparse.Namespace) -> int:
    settings = read_settings(options.settings, options.overrides)
    registry = _registry(settings, options.registry)
    if not options.org and options.to is None:
        raise KitError("where to? give --org ORG for a Hub, or --to DIR for a folder")
    if options.org and not is_name(options.org):
        raise KitError(f"--org {options.org}: is no name of an account on the Hub")
    if options.to is not None and (options.to / "manifest.json").exists():
        raise KitError(f"--to {options.to}: is a release itself; give a folder for repositories")
    asks_hub = bool(options.org) and (options.to is None or options.dry_run)
    if options.public and not asks_hub:
        raise KitError("--public is for a Hub: give --org ORG, without --to")
    publisher = Publisher(
        authors=settings.authors,
        contact=settings.contact or "",
        citation=settings.bibtex,
        affiliated=settings.affiliated,
    )
    with scratch(options.to or Path("work") / "release" / options.org) as folder:
        target: Target = Hub(options.org, folder) if asks_hub else Folder(options.to)
        staged: list[Pressed] = []  # all of it, before anything is changed
        for make in _pieces(settings, registry, options):
            piece = make(staged)
            if piece.repository in [one.piece.repository for one in staged]:
                raise KitError(f"{piece.repository.path}: two of these would have one name; change one in the settings")
            own = _addressed(publisher, piece.repository, options.org)
            staged.append(stage(piece, target, own, folder))
        pressed = []
        for one in staged:
            own = _addressed(publisher, one.piece.repository, options.org)
            pressed.append(one if options.dry_run else press(one, target, own))
            print(_said(pressed[-1], target, dry_run=options.dry_run), flush=True)
        if options.dry_run and asks_hub and options.to:
            _write_out(pressed, options.to)
        if not options.dry_run:
            _finish(pressed, target, folder, options, local=not asks_hub)
    return 0


def _registry(settings: Release, extra: Sequence[str]) -> Registry:
    """MMM's registry, the files inside the release and the models, and further ones on top."""
    folders = [*([settings.dataset.tree] if settings.dataset else []), *(model.folder for model in settings.models)]
    registry = load(*extra)
    for folder in folders:
        registry = registry_of(Path(folder), registry.given)
    return registry


def _write_out(pressed: list[Pressed], folder: Path) -> None:
    """Put what would be pushed to a Hub into a folder, beside nothing that is there."""
    places = [folder / one.piece.repository.path for one in pressed]
    if there := [str(place) for place in places if place.exists()]:
        raise KitError(f"{there[0]}: is there already; choose another --to for what a dry run would push")
    for one, place in zip(pressed, places):
        shutil.copytree(one.folder, place)
    print(f"{folder}: holds what would be pushed")


def _finish(pressed: list[Pressed], target: Target, folder: Path, options: argparse.Namespace, *, local: bool) -> None:
    if not options.no_verify:
        print("looking at it as a stranger ...", flush=True)
        verify(pressed, target, folder, local=local, anonymous=False)
    if options.public:
        for one in pressed:
            target.publish(one.piece.repository)
        if not options.no_verify:
            print("looking at it as a stranger without a token ...", flush=True)
            verify(pressed, target, folder, local=local, anonymous=True)
    for one in pressed:
        print(target.link(one.piece.repository))


def _addressed(publisher: Publisher, repository: Repository, org: str) -> Publisher:
    from dataclasses import replace

    return replace(publisher, repository=f"{org}/{repository.name}" if org else repository.name)


def _pieces(
    settings: Release, registry: Registry, options: argparse.Namespace
) -> Iterator[Callable[[list[Pressed]], Piece]]:
    """What is released, in order; all gates are passed before the first one is made."""
    accepted = {*settings.accept_licences, *options.accept_licence}
    ready: list[Callable[[list[Pressed]], Piece]] = []
    if settings.dataset:
        tree = Path(settings.dataset.tree)
        _require(tree / "manifest.json", "`python3 -m build main` or `export` makes one")
        manifest = read_manifest(tree)
        out = left_out(manifest, registry, accepted)
        origins = {o for name, c in manifest["configs"].items() if name not in out for o in c["origins"]}
        name = demo_name(settings.dataset.name, origins, demo=options.demo, what=str(tree))
        refuse_title(settings.dataset.title or "", origins, str(tree))
        for config, reason in out.items():
            print(f"build: note: {config} is left out ({reason})", file=sys.stderr)
        data = DatasetPiece(Repository("dataset", name), tree, registry, out, settings.dataset.title or "")
        ready.append(lambda done: data)
    if settings.metric:
        metric = MetricPiece(Repository("space", settings.metric.name))
        ready.append(lambda done: metric)
    names, of_data = {}, Path(settings.dataset.tree) if settings.dataset else None
    for model in settings.models:
        names[model.name], make = _model(model, registry, accepted, of_data, options)
        ready.append(make)
    if settings.space:
        repository = Repository("model", names[settings.space.model])
        demo = names[settings.space.model] != settings.space.model
        space = Repository("space", f"{settings.space.name}-demo" if demo else settings.space.name)
        ready.append(lambda done: SpacePiece(space, _model_address(repository, options)))
    if not ready:
        raise KitError("the settings name nothing to release: dataset, metric, models, space")
    yield from ready


def _model(
    model: Model, registry: Registry, accepted: Collection[str], tree: Path | None, options: argparse.Namespace
) -> tuple[str, Callable[[list[Pressed]], Piece]]:
    folder, results = Path(model.folder), Path(model.results) if model.results else None
    where = folder / "mmm.json"
    _require(where, "`oiellm train` makes one")
    said = read_json(where)
    refuse_training_terms(said, registry, accepted, where)
    base = base_terms(said, where)
    name = demo_name(model.name, need(said, where, "data", "origins"), demo=options.demo, what=model.folder)
    if base and base.prefix and not name.startswith(base.prefix):
        wanted = f"{base.prefix}-{name}"
        raise KitError(f"{folder}: by the licence of its base its name begins with {base.prefix!r}: {wanted}")
    manifest = sha256(tree / "manifest.json") if tree else ""
    wordless = _without_texts(results, said, registry, accepted, tree) if results else {}

    def make(done: list[Pressed]) -> Piece:
        dataset = _dataset_of(done, options.org)
        return ModelPiece(Repository("model", name), folder, results, dataset, manifest, base, wordless)

    return name, make


def _without_texts(
    results: Path, said: Mapping[str, Any], registry: Registry, accepted: Collection[str], tree: Path | None
) -> dict[str, str]:
    """Configs whose predictions go out without texts, to the reason; said on stderr as well."""
    _require(results / "results.json", "`oiellm evaluate` makes one")
    scores = read_json(results / "results.json")
    same = tree and sha256(tree / "manifest.json") == need(scores, results / "results.json", "data", "manifest_sha256")
    found = left_out_of_results(scores, said, registry, accepted, read_manifest(tree) if tree and same else None)
    for config, reason in found.items():
        print(f"build: note: predictions of {config} go without texts ({reason})", file=sys.stderr)
    return found


def _dataset_of(done: list[Pressed], org: str) -> str:
    """``ORG/NAME@vX`` of the data set of this release; empty if it has none."""
    for one in done:
        if one.piece.repository.kind == "dataset":
            name = one.piece.repository.name
            return f"{f'{org}/' if org else ''}{name}@v{one.version}"
    return ""


def _model_address(repository: Repository, options: argparse.Namespace) -> str:
    return f"{options.org}/{repository.name}" if options.org else f"../../{repository.path}"


def _require(path: Path, remedy: str) -> None:
    if not path.is_file():
        raise KitError(f"{path}: not there; {remedy}, or change the settings (--set, release.yaml)")


def _said(one: Pressed, target: Target, *, dry_run: bool) -> str:
    plan, name = one.plan, f"{one.piece.repository.path} {target.link(one.piece.repository)}"
    if plan.is_empty and not one.is_new:
        done = "would be tagged" if dry_run else "tagged"
        return f"{name}: nothing changed, v{one.version}{f', {done}' if one.tagged else ''}"
    counts = [
        f"{len(paths)} {word}"
        for paths, word in ((plan.add, "added"), (plan.replace, "changed"), (plan.delete, "deleted"))
    ]
    lines = [
        f"{name}: {'would be ' if dry_run else ''}{'new' if one.is_new else 'changed'}, v{one.version}: {', '.join(counts)}"
    ]
    if dry_run:
        for sign, paths in (("+", plan.add), ("~", plan.replace), ("-", plan.delete)):
            lines += [
                f"  {sign} {path} ({(one.folder / path).stat().st_size:,} bytes)" if sign != "-" else f"  - {path}"
                for path in paths
            ]
    if theirs := [path for path in plan.kept if path != ".gitattributes"]:
        more = f" and {len(theirs) - 10:,} more" if len(theirs) > 10 else ""
        lines.append(f"  left alone, because not of this kit: {', '.join(theirs[:10])}{more}")
    return "\n".join(lines)
