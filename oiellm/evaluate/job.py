"""An evaluation from predictions to files: results, tables, the Hub's YAML. Needs no model."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mmm_dataset import __version__
from mmm_dataset.files import atomic, dump, pretty, progress
from oiellm.data import Release
from oiellm.errors import OiellmError
from oiellm.evaluate import hub
from oiellm.evaluate.baselines import BASELINES, Learnt, learn
from oiellm.evaluate.calibration import calibration
from oiellm.evaluate.columns import Gold, Key, Output, label_set
from oiellm.evaluate.formats import breakdown
from oiellm.evaluate.protocols import Selection, chosen
from oiellm.evaluate.results import RESAMPLES, evaluate
from oiellm.evaluate.runs import Run, leniently
from oiellm.evaluate.tables import markdown, origin_warning, terminal
from oiellm.files import refuse_others


def evaluate_runs(
    release: Release,
    selection: Selection,
    runs: Mapping[str, Run],
    out: Path,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    dataset: str | None = None,
) -> str:
    """Score runs and the baselines on the same rows, and write what there is to say about it.

    Args:
        release: whose test rows, and whose train rows teach the baselines.
        selection: of its test rows.
        runs: name to predictions, all of them for the whole selection; may be empty.
        out: folder for ``results.json`` (all figures), ``ids.json`` (which rows; not for ``full``), ``table.md`` and
            ``.eval_results/NAME.yaml`` per run; those of the same runs on the same rows are replaced.
        resamples, seed: of the bootstrap.
        dataset: ORG/NAME of the release on the Hub, for the YAML; ``local/NAME`` if it has none.

    Returns:
        The table for the terminal.

    Raises:
        OiellmError: a row has no prediction, or was predicted from another text, or ``out`` holds other results.
    """
    runs = _readings(runs)
    if len({hub.file_name(name) for name in runs}) < len(runs):
        raise OiellmError(
            f"runs {', '.join(map(repr, runs))}: two would share a file; give names that differ in a letter"
        )
    learnt = learn(release, selection.ids)
    about = _about(selection, [name for name in selection.ids if name not in learnt])
    refuse_others(
        out,
        ("results.json", "table.md", "ids.json"),
        lambda found: (
            found["data"]["manifest_sha256"] == release.digest
            and found["selection"] == json.loads(dump(about))
            and found["runs"].keys() == runs.keys()
        ),
    )
    rows, written, skipped = _pass(release, selection, runs, learnt)
    options = {"resamples": resamples, "seed": seed}
    names = [name for name in selection.ids if name in learnt]
    taught = replace(selection, ids={n: selection.ids[n] for n in names}, draws={n: selection.draws[n] for n in names})
    taught_rows = {name: rows[name] for name in names}
    results: dict[str, Any] = {
        "date": "",
        "versions": {"kit": __version__, "python": platform.python_version()},
        "data": {
            "name": release.manifest["name"],
            "manifest_sha256": release.digest,
            "origins": {name: release.manifest["configs"][name]["origins"] for name in selection.ids},
        },
        "selection": about,
        "protocol": selection.line,
        "scoring": "",
        "runs": {
            name: {
                "about": run.about,
                "note": run.note,
                "format": breakdown(run, selection),
                "calibration": calibration(rows, run),
                **evaluate(selection, rows, run.outputs, **options),
            }
            for name, run in progress(runs.items(), "scoring", total=len(runs), unit=" runs")
        },
        "baselines": {
            name: {"skipped": skipped[name], **evaluate(taught, taught_rows, outputs, **options)}
            for name, outputs in written.items()
            if names
        },
    }
    scored = [*results["runs"].values(), *results["baselines"].values()]
    if not scored:
        raise OiellmError(f"{release.path}: nothing to evaluate: no predictions, and no train rows for a baseline")
    results["scoring"] = scored[0]["scoring"]
    results["date"] = _date(out / "results.json", results)
    _write(out, results, selection, release, dataset)
    return terminal(results)


def _readings(runs: Mapping[str, Run]) -> dict[str, Run]:
    """The runs, and after each that has a lenient reading this one as a run of its own."""
    found: dict[str, Run] = {}
    for name, run in runs.items():
        found[name] = run
        if run.lenient:
            found[f"{name} lenient"] = leniently(run)
    return found


def _pass(
    release: Release, selection: Selection, runs: Mapping[str, Run], learnt: Learnt
) -> tuple[dict[str, Gold], dict[str, dict[Key, Output]], dict[str, int]]:
    """One pass over the test rows, which are not held: strings to score against, and what the baselines write."""
    rows = {name: Gold(name, release.registry, label_set(name, release.registry)) for name in selection.ids}
    written: dict[str, dict[Key, Output]] = {name: {} for name in BASELINES}
    for record in progress(chosen(release, selection.ids), "reading", total=selection.rows):
        rows[record.config].add(record)
        for name, run in runs.items():
            run.check(name, record)
        for name, baseline in learnt.get(record.config, {}).items():
            written[name][record.config, record.id] = Output(baseline.predict(record), record.form)
    skipped = {name: sum(entry[name].skipped for entry in learnt.values()) for name in BASELINES}
    return rows, written, skipped


def _about(selection: Selection, without_train: list[str]) -> dict[str, Any]:
    return {
        "protocol": selection.protocol,
        "seed": selection.seed,
        "rows": selection.rows,
        "draws": {name: [len(ids) for ids in draws] for name, draws in selection.draws.items()},
        "without_test": list(selection.without_test),
        "without_train": without_train,
    }


def _date(path: Path, results: Mapping[str, Any]) -> str:
    """When these figures were found: now, or when a run before this one found the very same."""
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        date = str(before["date"])
    except (OSError, ValueError, KeyError, TypeError):
        before, date = None, ""
    same = before == json.loads(dump({**results, "date": date}))
    return date if same else datetime.now(UTC).isoformat(timespec="seconds")


def _write(out: Path, results: Mapping[str, Any], selection: Selection, release: Release, dataset: str | None) -> None:
    _text(out / "results.json", pretty(results))
    _text(out / "table.md", markdown(results, release.registry))
    if selection.protocol != "full":
        _text(out / "ids.json", dump({"protocol": selection.line, "draws": selection.draws}) + "\n")
    data = results["data"]
    notes = f"data {data['name']}, manifest {data['manifest_sha256'][:16]}. {origin_warning(data['origins'])}".strip()
    for name, run in results["runs"].items():
        hub.write(
            run,
            name,
            out,
            dataset or f"local/{data['name']}",
            results["date"],
            " ".join(filter(None, (notes, run["note"]))),
        )


def _text(path: Path, text: str) -> None:
    with atomic(path) as file:
        file.write(text)
