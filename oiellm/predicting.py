"""What ``predict`` and ``evaluate`` have in common: the rows, the model, the way it is asked, and the runs."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from oiellm.errors import OiellmError
from oiellm.files import locked
from oiellm.predict.options import by_chat, check_style

if TYPE_CHECKING:
    from oiellm.data import Release
    from oiellm.evaluate.model import Opened
    from oiellm.evaluate.protocols import Selection
    from oiellm.predict.style import Style
    from oiellm.recipe import Evaluate, View

_ASKING: Final = ("concurrency", "retries", "timeout", "extra_body")
"""Options of ``--endpoint``."""


@dataclass(frozen=True, slots=True)
class Predicted:
    """Predictions that are there.

    Attributes:
        release, selection: the rows.
        folders: of the runs; none if no model was named.
        out: the folder of it all.
    """

    release: Release
    selection: Selection
    folders: list[Path]
    out: Path


def wanted(options: argparse.Namespace) -> tuple[Evaluate, list[str], View]:
    """How a model wants to be used, the registry files it knows unless the options say otherwise, and what it was asked."""
    from oiellm.evaluate.model import trained_with
    from oiellm.recipe import Evaluate, View

    elsewhere = not options.model or options.endpoint or (hasattr(options, "style") and by_chat(options))
    recipe = None if elsewhere else trained_with(options.model, options.revision)
    if recipe is None:
        return Evaluate(constrained="free"), options.registry, View()
    return recipe.evaluate, options.registry or list(recipe.data.registry), recipe.data.view


def opened(options: argparse.Namespace, how: Evaluate) -> Opened:
    """The engine that the options ask for, on this machine or behind a completions endpoint."""
    from oiellm.evaluate.model import open_engine

    return open_engine(
        options.model,
        endpoint=options.endpoint,
        continuous=options.continuous,
        batch_size=options.batch_size or how.batch_size,
        dtype=options.dtype,
        device=options.device,
        revision=options.revision,
        asking={name: getattr(options, name) for name in _ASKING if hasattr(options, name)},
    )


def name_of(model: str) -> str:
    """What a model is called in names of folders and runs."""
    return Path(model).resolve().name if Path(model).is_dir() else Path(model).name


def predicted(options: argparse.Namespace) -> Predicted | None:
    """Predict what the options ask for; None after a dry run.

    Raises:
        OiellmError: the release, the model, the style or the folder is not as it must be, or the engine failed.
    """
    from mmm_dataset import load
    from mmm_dataset.registry_files import files_inside
    from oiellm.data import open_release, release_folder
    from oiellm.evaluate.model import open_configs
    from oiellm.evaluate.protocols import select

    check_style(options)
    how, files, view = wanted(options)
    if not options.registry and (folder := release_folder(options.data)) and files_inside(folder):
        files = []  # the release knows its configs itself, and better than the model
    release = open_release(options.data, load(*files))
    configs = open_configs(release, options.configs) if options.closed else options.configs
    selection = select(release, configs, options.protocol or how.protocol, seed=options.seed, draws=options.draws)
    called = name_of(options.model) if options.model else "baselines"
    out = options.out or Path("results") / f"{called}-{release.path.name}"
    if not options.model:
        return Predicted(release, selection, [], out)
    folders = _predict(options, how, view, release, selection, out)
    return None if folders is None else Predicted(release, selection, folders, out)


def _predict(
    options: argparse.Namespace, how: Evaluate, view: View, release: Release, selection: Selection, out: Path
) -> list[Path] | None:
    from oiellm.baselines.opening import open_style
    from oiellm.evaluate.model import WAYS, check_limit, runs_of
    from oiellm.evaluate.protocols import counts

    style, published = open_style(
        options.style,
        release,
        list(selection.ids),
        shots=options.shots,
        seed=options.seed,
        structured=options.structured != "off",
        instruction=options.instruction,
    )
    if style is not None and not view.is_plain:
        raise OiellmError(f"the model was trained to write one level alone: --style {options.style} does not fit it")
    limit = options.max_new_tokens or published or how.max_new_tokens
    ways = WAYS[options.decoding or how.constrained] if style is None else WAYS["free"]
    if "constrained" in ways:
        check_limit(release.registry, selection.ids, limit)
    closed = "-closed" if options.closed else ""
    folders = {out / (f"{way}{closed}" if style is None else _folder(options)): way for way in ways}
    if full := selection.protocol == "full":
        print(counts(selection), file=sys.stderr)
    with ExitStack() as stack:
        for folder in () if getattr(options, "dry_run", False) else folders:
            stack.enter_context(locked(folder))
        if by_chat(options):
            return _chat(options, stack, release, selection, folders, style, limit)
        engine = opened(options, how)
        runs = runs_of(
            engine, release, selection, folders, closed=options.closed, view=view, style=style, max_new_tokens=limit
        )
        for folder, run in runs.items() if full else ():  # for all of them, before the first takes its hours
            if (found := run.pilot()) is not None:
                print(f"{folder}: {found.line}", file=sys.stderr, flush=True)
        for folder, run in runs.items():
            print(f"{folder}: {_in_words(run.finish())}")
        return list(runs)


def _chat(
    options: argparse.Namespace,
    stack: ExitStack,
    release: Release,
    selection: Selection,
    folders: Mapping[Path, Any],
    style: Style | None,
    limit: int,
) -> list[Path] | None:
    from oiellm.evaluate.model import Opened, requests_of, runs_of
    from oiellm.llm.options import settings
    from oiellm.llm.session import Session
    from oiellm.predict.chat import ChatEngine

    asked = settings(argparse.Namespace(**{**vars(options), "base_url": options.endpoint}))
    session = stack.enter_context(Session(asked))
    engine = ChatEngine(session)
    if asked.dry_run:
        print(engine.plan(requests_of(release, selection, style), limit))
        return None
    extra = {"extra_body": asked.extra_body} if asked.extra_body else {}
    runs = runs_of(
        Opened(engine, {"endpoint": asked.base_url, **extra}),
        release,
        selection,
        folders,
        style=style,
        max_new_tokens=limit,
    )
    for folder, run in runs.items():
        engine.recall(run.requests(), limit)
        try:
            # A batch takes up to a day, so that all rows go out together.
            summary = run.finish(chunk=selection.rows) if asked.batch else run.finish()
        finally:
            if session.ledger.calls:
                print(f"{options.model}: {session.summary()}", file=sys.stderr)
        print(f"{folder}: {_in_words(summary)}")
    return list(runs)


def _folder(options: argparse.Namespace) -> str:
    """Name of a style's run: what is chosen in it, so that others stand beside it."""
    parts = [options.style]
    parts += [f"{options.shots}-shot"] if options.shots else []
    parts += ["structured"] if options.structured != "off" else []
    return "-".join(parts)


def _in_words(summary: Mapping[str, Any]) -> str:
    """A run in one line: rows, and what went wrong in them."""
    counts = {
        **summary["failures"],
        **summary["issues"],
        **summary["finish"],
        "dropped_items": summary["dropped_items"],
    }
    return f"{summary['rows']:,} rows; " + ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)
