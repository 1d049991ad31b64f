"""A model on the test rows of a release: which engine, which prompts, where the predictions go."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from mmm_dataset import Record, Registry
from mmm_dataset.registry_files import embedded, files_inside
from oiellm.data import Release
from oiellm.errors import OiellmError
from oiellm.evaluate.closed import closed_labels, has_open_labels, pool
from oiellm.evaluate.protocols import Selection, chosen
from oiellm.predict.checkpoint import ABOUT
from oiellm.predict.engine import Engine, Request
from oiellm.predict.grammar import grammar
from oiellm.predict.questions import requests
from oiellm.predict.run import Run
from oiellm.predict.spellings import own_spellings, release_spellings
from oiellm.predict.style import Style
from oiellm.recipe import Recipe, View
from oiellm.view import HIDDEN

Decoding = Literal["free", "constrained"]
WAYS: Final[Mapping[str, tuple[Decoding, ...]]] = {
    "free": ("free",),
    "constrained": ("constrained",),
    "both": ("free", "constrained"),
}
"""What a recipe's ``evaluate.constrained`` asks for."""


@dataclass(frozen=True, slots=True)
class Opened:
    """An engine, and what tells its predictions from those of another model."""

    engine: Engine
    settings: Mapping[str, Any]


def open_engine(
    model: str,
    *,
    endpoint: str | None = None,
    continuous: bool = False,
    batch_size: int = 32,
    dtype: str | None = None,
    device: str | None = None,
    revision: str | None = None,
    asking: Mapping[str, Any] | None = None,
) -> Opened:
    """The engine for a model.

    Args:
        model: a folder, or ORG/NAME on the Hub; the name that the endpoint knows, if there is one.
        endpoint: base address of an OpenAI-compatible completions endpoint; None: load the model here.
        continuous: continuous batching instead of sorted batches; free decoding only.
        batch_size: prompts at once.
        dtype, device, revision: see :func:`oiellm.predict.local.load_model`.
        asking: further arguments of :class:`oiellm.predict.endpoint.EndpointEngine`.

    Raises:
        OiellmError: the model cannot be loaded, or the address is none.
    """
    if endpoint:
        from oiellm.predict.endpoint import EndpointEngine

        engine = EndpointEngine(endpoint, model, **(asking or {}))
        extra = (asking or {}).get("extra_body")
        return Opened(engine, {"endpoint": engine.url, **({"extra_body": extra} if extra else {})})
    from oiellm.predict.local import LocalEngine, load_model

    loaded = load_model(model, dtype=dtype, device=device, revision=revision)
    settings = {"model_digest": loaded.digest}
    if continuous:
        from oiellm.predict.continuous import ContinuousEngine

        return Opened(ContinuousEngine(loaded), settings)
    return Opened(LocalEngine(loaded, batch_size), {**settings, "batch_size": batch_size})


def runs_of(
    opened: Opened,
    release: Release,
    selection: Selection,
    folders: Mapping[Path, Decoding],
    *,
    closed: bool = False,
    view: View | None = None,
    style: Style | None = None,
    max_new_tokens: int = 512,
) -> dict[Path, Run]:
    """The runs that predict a selection, begun or found where they stopped; the rows are read once for all of them.

    Args:
        opened: see :func:`open_engine`.
        release, selection: which rows.
        folders: folder of each run, and its decoding; ``constrained``: the form, the label sets and entities of the text
            are guaranteed.
        closed: list word-level labels in the prompts of configs whose labels are open.
        view: which level is asked, see :mod:`oiellm.view`.
        style: how rows are asked and replies read; the unified format, if it is None.
        max_new_tokens: limit of one output.

    Raises:
        OiellmError: see :class:`oiellm.predict.run.Run`.
    """
    if closed and view and not view.is_plain:
        raise OiellmError("the model was trained to write one level alone, without label lists: leave out --closed")
    records = list(chosen(release, selection.ids))
    labels = _listed(records, release) if closed else None
    own = release_spellings(release, selection.ids) if "constrained" in folders.values() else release.registry
    settings = {**opened.settings, "data": release.digest, "protocol": selection.line, "closed": closed}
    return {
        folder: Run(
            records,
            opened.engine,
            folder,
            registry=own if decoding == "constrained" else release.registry,
            constrained=decoding == "constrained",
            max_new_tokens=max_new_tokens,
            labels=labels,
            view=view,
            style=style,
            settings=settings,
        )
        for folder, decoding in folders.items()
    }


def requests_of(release: Release, selection: Selection, style: Style | None) -> list[Request]:
    """What a run of a selection would ask; nothing is opened or written."""
    return requests(list(chosen(release, selection.ids)), release.registry, style)


def open_configs(release: Release, names: Sequence[str] | None) -> list[str]:
    """Those of the named configs, or of all, whose word-level labels are open.

    Raises:
        OiellmError: none is, or a named one is not.
    """
    registry = release.registry

    def has_open(name: str) -> bool:
        config = registry.config(name)
        return any(registry.word_labels(config, word) is None for word in registry.task(config.task).words)

    found = list(filter(has_open, release.choose(names)))
    if not found or (names is not None and len(found) < len(set(names))):
        raise OiellmError(
            f"the closed setting is for configs with open word-level labels: {', '.join(found) or 'there are none'}"
        )
    return found


def _listed(records: Sequence[Record], release: Release) -> dict[tuple[str, str], list[str]]:
    open_rows = [record for record in records if has_open_labels(record, release.registry)]
    pools = {name: pool(release.records(name, "train")) for name in {record.config for record in open_rows}}
    return {(record.config, record.id): closed_labels(record, pools[record.config]) for record in open_rows}


def check_limit(
    registry: Registry,
    configs: Iterable[str],
    max_new_tokens: int,
    what: str = "max_new_tokens",
    view: View | None = None,
) -> None:
    """Refuse a limit within which a constrained output of some config might not be whole.

    Asked before anything is trained or predicted; it depends on the label sets alone.

    Args:
        registry: knows the configs.
        configs: their names.
        max_new_tokens: the limit.
        what: its name for the user.
        view: which level is asked; both, if it is None.

    Raises:
        OiellmError: the limit is too small; names the config.
    """
    own, worst, need = own_spellings(registry), "", 0
    for config in map(registry.config, configs):
        labels = (HIDDEN,) if view and view.output == "word" else own.text_labels(config)
        for word in registry.task(config.task).words:
            empty = grammar("", word, text_labels=labels, word_labels=None, task_words=registry.task_words)
            # A tokenizer may write a space first.
            worst, need = max((worst, need), (config.name, empty.reserve + 1), key=lambda found: found[1])
    if max_new_tokens < need:
        raise OiellmError(
            f"{what} {max_new_tokens} is too small to always finish the label of {worst}: give {need} or more"
        )


def trained_with(model: str, revision: str | None = None) -> Recipe | None:
    """The recipe that a model of ours was trained with, from its ``mmm.json``; None for other models.

    Raises:
        OiellmError: the file cannot be read.
    """
    path = Path(model) / ABOUT
    if not Path(model).is_dir():
        from huggingface_hub import hf_hub_download
        from huggingface_hub.errors import HfHubHTTPError, HFValidationError

        try:
            path = Path(hf_hub_download(model, ABOUT, revision=revision))
            for name in embedded(json.loads(path.read_text(encoding="utf-8"))):
                hf_hub_download(model, name, revision=revision)
        except (HfHubHTTPError, HFValidationError, OSError, ValueError):
            return None  # not ours; that it is not there at all is found when it is loaded
    if not path.is_file():
        return None
    try:
        recipe = json.loads(path.read_text(encoding="utf-8"))["recipe"]
        if inside := files_inside(path.parent):
            recipe["data"]["registry"] = [str(file) for file in inside]
        return Recipe.model_validate(recipe)
    except (ValueError, KeyError, TypeError) as error:
        raise OiellmError(f"{path}: holds no recipe that can be read; copy the model again ({error})") from error
