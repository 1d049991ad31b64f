"""What ``oiellm verbalize`` does. Heavy imports happen inside, so that ``--help`` is instant."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oiellm.errors import OiellmError

if TYPE_CHECKING:
    from oiellm.data import Release
    from oiellm.evaluate.protocols import Selection
    from oiellm.verbalize.models import Model
    from oiellm.verbalize.plan import Learning, Plan
    from oiellm.verbalize.task import Task


def verbalize(options: argparse.Namespace) -> None:
    """Classify texts by label words, and write ``results.json``, ``table.md``, the lists and the predictions."""
    from mmm_dataset import load
    from mmm_dataset.files import atomic, pretty
    from oiellm.data import open_release
    from oiellm.evaluate.protocols import select
    from oiellm.verbalize.cells import Folder
    from oiellm.verbalize.experiment import Experiment
    from oiellm.verbalize.report import results, table
    from oiellm.verbalize.task import read_task, spellings

    release = open_release(options.data, load(*options.registry))
    release.choose([options.config])
    spellings(release.registry, options.config)  # open labels are refused before anything is read
    selection = select(release, [options.config], options.protocol)
    task = read_task(release, selection, options.config)
    model = _model(options)
    plan = _plan(options, task, model)
    named = Path(options.model).resolve().name if options.model else "baselines"
    out = options.out or Path("results") / f"verbalize-{named}-{release.path.name}-{options.config}"
    folder = Folder(out, _settings(plan, model, release, selection, options.config))
    done = Experiment(task, plan, model, folder).run()
    found = results(done, _about(release, selection, task, folder.settings))
    with atomic(out / "results.json") as file:
        file.write(pretty(found))
    with atomic(out / "table.md") as file:
        file.write(f"# Label words for {options.config}\n\n{table(found, 'pipe')}")
    print(table(found))
    print(f"{out / 'words'}: the label words, to be read, edited and passed back with --words-file")


def _model(options: argparse.Namespace) -> Model | None:
    if not options.model:
        return None
    from oiellm.verbalize.models import open_model

    where = {"device": options.device, "revision": options.revision}
    model = open_model(options.model, dtype=options.dtype, **where)
    # Half precision rounds most of the small steps of tuning away.
    if options.dtype is None and model.dtype in ("bfloat16", "float16") and _learning(options, model) == "tune":
        model = open_model(options.model, dtype="float32", **where)
    return model


def _learning(options: argparse.Namespace, model: Model | None) -> Learning:
    kind = model.scorer.kind if model else None
    return options.learn or ("context" if kind == "causal" else "tune")


def _plan(options: argparse.Namespace, task: Task, model: Model | None) -> Plan:
    from oiellm.verbalize.learn import Tuning
    from oiellm.verbalize.plan import Plan
    from oiellm.verbalize.templates import read_template

    if options.words_file is not None and not options.words_file.is_file():
        raise OiellmError(f"{options.words_file}: no such file; words of a run are in its folder words/")
    tuning = {"epochs": options.epochs, "learning_rate": options.learning_rate}
    return Plan(
        read_template(options.templates, options.template, task.family, task.language),
        tuple(dict.fromkeys(options.words)),
        options.words_file,
        options.top,
        options.min_rows,
        () if "none" in options.filters else tuple(dict.fromkeys(options.filters)),
        options.prior_cut,
        options.support,
        options.calibrate,
        _learning(options, model),
        Tuning(**{name: value for name, value in tuning.items() if value is not None}),
        tuple(sorted(set(options.shots))),
        tuple(dict.fromkeys(options.seeds)),
    )


def _settings(plan: Plan, model: Model | None, release: Release, selection: Selection, config: str) -> dict[str, Any]:
    from importlib.metadata import version

    from mmm_dataset import __version__

    libraries = ("scikit-learn", *(("torch", "transformers") if model else ()))
    return {
        "config": config,
        "data": release.digest,
        "protocol": selection.line,
        "model": model.name if model else None,
        "model_digest": model.digest if model else None,
        "kind": model.scorer.kind if model else None,
        "dtype": model.dtype if model else None,
        **plan.settings(),
        "versions": {"oiellm": __version__, **{name: version(name) for name in libraries}},
    }


def _about(release: Release, selection: Selection, task: Task, settings: dict[str, Any]) -> dict[str, Any]:
    from oiellm.evaluate.tables import origin_warning

    origins = {task.config: release.manifest["configs"][task.config]["origins"]}
    return {
        "config": task.config,
        "data": {"name": release.manifest["name"], "manifest_sha256": release.digest, "origins": origins},
        "protocol": selection.line,
        "settings": settings,
        "labels": list(task.labels),
        "train_rows": len(task.train),
        "left_out": task.left_out,
        "warning": origin_warning(origins),
    }
