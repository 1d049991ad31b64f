"""Decisions onto rows: the reviewed records, a report of what was taken out or changed, and a manifest for the release."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from build.core import Drop, KitError, Note, Row, Tally, write_step
from build.files import versions
from build.manifest import write_manifest
from build.reading import write_rows
from build.review.book import Book
from build.review.decisions import Decision, DecisionLog
from build.review.edits import corrected
from build.review.figures import figures, unknown_adjudicator
from build.step_record import Run
from mmm_dataset import Record, Registry, to_dict
from mmm_dataset.files import dump, progress, sha256

GONE: Final = "decision_gone"
"""Note on a row that was decided and that the file no longer has."""


def apply(
    book: Book,
    log: DecisionLog,
    out: Path,
    registry: Registry,
    adjudicator: str | None = None,
    only: bool = False,
    *,
    replace: bool = False,
) -> str:
    """Write ``records.jsonl``, ``worklist.jsonl``, ``report.jsonl`` and ``manifest.json``, as ``build read`` does.

    Rows stay in file order. A rejected row is dropped as ``rejected: REASON``, an edited one replaced and noted. Where
    reviewers disagree the adjudicator's decision holds; without one the row is dropped as ``conflict``, because no rule of ours
    should pick the right one of two readings. Undecided rows stay, among them those that were decided in an earlier form, which
    are noted. Decided rows that the file no longer has are noted at the end.

    Args:
        book: the file and its decisions.
        log: where they came from, for the manifest.
        out: folder to write, see :func:`build.core.write_step`. More decisions are no other run: it is written again.
        registry: what knows the configs.
        adjudicator: who settles conflicts.
        only: drop undecided rows, as ``not_reviewed``.
        replace: move another result at ``out`` aside.

    Returns:
        A summary for people.

    Raises:
        KitError: a corrected record in the log is not valid, or ``out`` is the folder of the file itself.
    """
    path = book.file.path
    if out.resolve() == path.resolve().parent:
        raise KitError(f"{out}: holds the file under review; choose another --out")
    tally, options = Tally(), {"adjudicator": adjudicator, "only_reviewed": only}
    run = Run.of("review --apply", registry, {path.name: sha256(path)}, options)
    with write_step(out, run, replace=replace) as step:
        rows = tally.count(reviewed(book, registry, adjudicator, only))
        counts = write_rows(progress(rows, "applying", len(book.file)), step.folder)
        manifest = {
            "source": "review",
            "options": options,
            "inputs": {name.name: sha256(name) for name in (path, log.path) if name.is_file()},
            "counts": counts,
            "steps": tally.as_dict(),
            "review": figures(book, adjudicator),
            "versions": versions(),
            "registry": dict(registry.files),
        }
        write_manifest(step.folder, manifest)
    warnings = [warning for warning in (unknown_adjudicator(book, adjudicator), log.warning()) if warning]
    return "\n".join([*_summary(out, counts, manifest, registry), *warnings])


def reviewed(book: Book, registry: Registry, adjudicator: str | None = None, only: bool = False) -> Iterator[Row]:
    """The rows as the review leaves them, in file order, with drops and notes. See :func:`apply`."""
    for number in range(len(book.file)):
        row, outcome = book.file[number], book.outcome(number, adjudicator)
        target, decision = row.target, outcome.decision
        if outcome.state == "conflict":
            yield Drop(target.id, "conflict", _said(book.standing(number)), book.file.line(number).decode())
        elif outcome.state == "reject" and decision is not None:
            detail = f"{decision.reviewer}: {decision.detail}" if decision.detail else decision.reviewer
            yield Drop(target.id, f"rejected: {decision.reason}", detail, book.file.line(number).decode())
        elif outcome.state == "edit" and decision is not None:
            try:
                yield corrected(target, decision.record or {}, registry, row.source)
            except KitError as error:
                raise KitError(
                    f"{book.file.path}: the edit of {target.id!r} by {decision.reviewer} at {decision.time} does not hold "
                    f"({error}): decide the row again"
                ) from error
            yield Note(target.id, "edited", _changes(target, decision.record or {}, decision.reviewer))
        elif outcome.state == "undecided" and only:
            yield Drop(target.id, "not_reviewed", raw=book.file.line(number).decode())
        else:
            yield target
            if outcome.state == "undecided" and book.stale(number):
                yield Note(target.id, "stale_decision", ", ".join(sorted(book.stale(number))))
    for (config, id), said in sorted(book.gone.items()):
        yield Note(id, GONE, f"{config}: {_said(said)}")


def _said(decisions: Mapping[str, Decision]) -> str:
    return "; ".join(f"{name}: {one.action} {one.reason}".rstrip() for name, one in sorted(decisions.items()))


def _changes(target: Record, record: dict[str, Any], reviewer: str) -> str:
    before = to_dict(target)
    changes = [
        f"{name}: {dump(before[name])} -> {dump(record[name])}"
        for name in ("text", "label")
        if before[name] != record[name]
    ]
    if before["items"] != record["items"]:
        changes.append("items")
    return f"{reviewer}: {'; '.join(changes)}"


def _summary(out: Path, counts: dict[str, int], manifest: dict[str, Any], registry: Registry) -> list[str]:
    steps, review = manifest["steps"], manifest["review"]
    lines = [
        f"{out}: {counts['records']:,} records of {steps['in']:,} rows "
        f"({review['decided']:,} decided, {review['undecided']:,} undecided, {review['stale']:,} to be decided again, "
        f"{review['gone']:,} decided ones gone)"
    ]
    lines += [f"  dropped {count:,} x {reason}" for reason, count in steps["dropped"].items()]
    lines += [f"  noted {count:,} x {reason}" for reason, count in steps["noted"].items()]
    if review["conflicts"]:
        lines.append("  --adjudicator NAME --replace settles the conflicts that this person has decided")
    command = ["python3", "-m", "build", "export", str(out / "records.jsonl")]
    command += [part for name in registry.given for part in ("--registry", name)]
    return [*lines, f"make a release of them: {shlex.join(command)}"]
