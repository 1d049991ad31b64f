"""The predictions of one system, from wherever they come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from mmm_dataset import Record
from mmm_f1.unified import FORMS, Form
from oiellm.errors import OiellmError
from oiellm.evaluate import closed
from oiellm.evaluate.columns import Key, Output, Outputs
from oiellm.view import note


@dataclass(frozen=True, slots=True)
class Run:
    """The predictions of one system.

    Attributes:
        outputs: what it wrote.
        texts: the text that it was given for each row, held against the release; empty where that is not known, None for a
            row that was published without its words.
        about: how it was made, as JSON types.
        note: what must stand beside its figures.
        lenient: what it wrote by the lenient reading, for every row; empty if it has one reading only.
        deviations: what of each reply is not in the format; empty where that is not known.
        confidence: in the label and each item of an output, see :mod:`oiellm.predict.confidence`; None where not known.
    """

    outputs: Mapping[Key, Output]
    texts: Mapping[Key, str | None] = field(default_factory=dict)
    about: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    lenient: Outputs = field(default_factory=dict)
    deviations: Mapping[Key, tuple[str, ...]] = field(default_factory=dict)
    confidence: Mapping[Key, tuple[float | None, Sequence[float] | None]] = field(default_factory=dict)

    def check(self, name: str, record: Record) -> None:
        """Raise OiellmError if the system was given another text under this record's id, or its words are not there."""
        text = self.texts.get((record.config, record.id), record.text)
        if text is None:
            raise OiellmError(
                f"{name}: the predictions of {record.config} were published without texts, because of its terms: they cannot "
                "be scored again, those of other configs can (evaluate --configs)"
            )
        if text != record.text:
            raise OiellmError(
                f"{name}: {record.config} {record.id!r} was predicted from another text: take the same release"
            )


def read_run(path: Path) -> Run:
    """The predictions of a folder of ours, or of anyone's file.

    Args:
        path: a folder of :class:`oiellm.predict.run.Run`; a run whose settings hold ``closed`` is noted as of the closed
            setting. Or a JSON lines, CSV or Parquet file with the columns ``config``, ``id`` and ``output``, and ``form`` if
            the strings are not in escaped form.

    Raises:
        OiellmError: there are none, a column is missing, or a row comes twice.
    """
    return _read_file(path) if path.is_file() else _read_folder(path)


def _read_file(path: Path) -> Run:
    from mmm_f1.errors import UserError
    from mmm_f1.tables import read

    try:
        table = read(str(path))
        forms = table.column("form") if table.has("form") else ["escaped"] * len(table.rows)
        keys = list(zip(table.column("config"), table.column("id")))
        outputs = {key: Output(text, cast(Form, form)) for key, text, form in zip(keys, table.column("output"), forms)}
        for at, form in enumerate(forms):
            if form not in FORMS:
                raise table.error(at, f"form {form!r} is not one of {', '.join(FORMS)}")
    except UserError as error:
        raise OiellmError(str(error)) from error
    if len(outputs) != len(keys):
        raise OiellmError(f"{path}: {len(keys) - len(outputs):,} rows come twice: config and id must be unique")
    return Run(outputs, about={"file": path.name})


def _read_folder(folder: Path) -> Run:
    from oiellm.predict.store import read_predictions

    rows, run = read_predictions(folder)
    outputs = {(row["config"], row["id"]): Output(row["output"], row["form"]) for row in rows}
    if len(outputs) != len(rows):
        raise OiellmError(f"{folder}: {len(rows) - len(outputs):,} rows come twice; predict into a new folder")
    texts = {(row["config"], row["id"]): row["text"] for row in rows}
    lenient: dict[Key, Output] = {}
    if run["settings"].get("style"):
        lenient = {
            key: Output(row["lenient"] or output.text, output.form) for row, (key, output) in zip(rows, outputs.items())
        }
    kinds = {key: tuple(row["deviations"]) for row, key in zip(rows, outputs) if row.get("deviations") is not None}
    sure = {key: (row.get("label_confidence"), row.get("item_confidences") or []) for row, key in zip(rows, outputs)}
    return Run(outputs, texts, run, _note(run["settings"]), lenient, kinds if len(kinds) == len(rows) else {}, sure)


def leniently(run: Run) -> Run:
    """The same predictions by their lenient reading; as they are, if they have one reading only."""
    if not run.lenient:
        return run
    note = "lenient reading: an answer counts wherever it stands in the reply, and in any spelling of its labels."
    return replace(run, outputs=run.lenient, note=f"{note} {run.note}", lenient={}, deviations={}, confidence={})


def _note(settings: Mapping[str, Any]) -> str:
    notes = [closed.NOTE] if settings.get("closed") else []
    notes += [_style(settings["style"])] if settings.get("style") else []
    return " ".join([*notes, *([note(settings["view"])] if "view" in settings else [])])


def _style(settings: Mapping[str, Any]) -> str:
    shots = max(map(len, settings.get("examples", {}).values()), default=0)
    told = f", {shots} training rows shown as examples" * bool(shots) + ", replies as JSON" * bool(
        settings.get("structured")
    )
    return f"asked in the style `{settings['name']}`{told}."
