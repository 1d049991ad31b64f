"""A model on the test rows of a release: which engine, which prompts, where the predictions go."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from mmm_dataset import Record
from oiellm.data import Release
from oiellm.errors import OiellmError
from oiellm.evaluate.closed import closed_labels, has_open_labels, pool
from oiellm.evaluate.protocols import Selection, chosen
from oiellm.predict.engine import Engine
from oiellm.predict.run import predict
from oiellm.recipe import Evaluate

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
) -> Opened:
    """The engine for a model.

    Args:
        model: a folder, or ORG/NAME on the Hub; the name that the endpoint knows, if there is one.
        endpoint: base address of an OpenAI-compatible completions endpoint; None: load the model here.
        continuous: continuous batching instead of sorted batches; free decoding only.
        batch_size: prompts at once.
        dtype, device, revision: see :func:`oiellm.predict.local.load_model`.

    Raises:
        OiellmError: the model cannot be loaded.
    """
    if endpoint:
        from oiellm.predict.endpoint import EndpointEngine

        return Opened(EndpointEngine(endpoint, model), {"endpoint": endpoint})
    from oiellm.predict.local import LocalEngine, load_model

    loaded = load_model(model, dtype=dtype, device=device, revision=revision)
    settings = {"model_digest": loaded.digest}
    if continuous:
        from oiellm.predict.continuous import ContinuousEngine

        return Opened(ContinuousEngine(loaded), settings)
    return Opened(LocalEngine(loaded, batch_size), {**settings, "batch_size": batch_size})


def predict_selection(
    opened: Opened,
    release: Release,
    selection: Selection,
    out: Path,
    *,
    decoding: Decoding = "free",
    closed: bool = False,
    max_new_tokens: int = 512,
) -> dict[str, Any]:
    """Predict the rows of a selection into a folder, or go on where an earlier call stopped.

    Args:
        opened: see :func:`open_engine`.
        release, selection: which rows.
        out: folder of the run.
        decoding: ``constrained``: the form, the label sets and entities of the text are guaranteed.
        closed: list word-level labels in the prompts of configs whose labels are open.
        max_new_tokens: limit of one output.

    Returns:
        The summary of the run.

    Raises:
        OiellmError: see :func:`oiellm.predict.run.predict`.
    """
    records = list(chosen(release, selection.ids))
    labels = _listed(records, release) if closed else None
    return predict(
        records,
        opened.engine,
        out,
        registry=release.registry,
        constrained=decoding == "constrained",
        max_new_tokens=max_new_tokens,
        labels=labels,
        settings={**opened.settings, "data": release.digest, "protocol": selection.line, "closed": closed},
    )


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


def recommended(model: str) -> Evaluate:
    """How the recipe that a model was trained with wants it tested; the defaults for other models, decoded freely."""
    path = Path(model) / "mmm.json"
    if not path.is_file():
        return Evaluate(constrained="free")
    try:
        return Evaluate.model_validate(json.loads(path.read_text(encoding="utf-8"))["recipe"]["evaluate"])
    except (ValueError, KeyError, TypeError) as error:
        raise OiellmError(f"{path}: cannot be read ({error}); copy the model again") from error
