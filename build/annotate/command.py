"""The verb ``annotate``: a worklist in, records out, and what stays open with the reason."""

from __future__ import annotations

import argparse
import pickle
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from build.annotate.labels import Merges, Spellings, write_table
from build.annotate.options import LEVELS
from build.annotate.outcome import FILES, Outcome, outcome
from build.annotate.prompts import Prompts
from build.annotate.rows import Annotated, Annotator
from build.annotate.worklist import LEFT_OUT, Worklist
from build.core import KitError, Row, Step, Tally, write_step
from build.files import versions
from build.manifest import write_manifest
from build.step_record import Run
from build.terms import warn_of_terms
from mmm_dataset import Record, load
from mmm_dataset.files import dump, progress, sha256
from oiellm.llm.calls import Dialogue
from oiellm.llm.options import settings

if TYPE_CHECKING:
    from oiellm.llm.session import Session

TABLE: Final = "labels.csv"
_OPTIONS: Final = ("level", "votes", "min_agreement", "task", "word", "sample", "seed")


def run(options: argparse.Namespace) -> int:
    """The verb: prints the summary of :func:`annotate`; returns BUDGET_REACHED if the budget did not allow all rows."""
    from oiellm.llm.session import BUDGET_REACHED

    summary, is_whole = annotate(options)
    print(summary)
    return 0 if is_whole else BUDGET_REACHED


def annotate(options: argparse.Namespace) -> tuple[str, bool]:
    """Annotate a worklist into a folder; see ``docs/annotation.md`` for the files.

    Args:
        options: as :func:`build.annotate.options.add_options` defines them.

    Returns:
        A summary for people, and whether the budget allowed all rows.

    Raises:
        KitError: a file, prompt or option is wrong, or the model cannot be reached; what was answered is in the cache.
    """
    registry, talk = load(*options.registry), settings(options)
    worklist = Worklist(options.worklist, registry, options.sample, options.seed, options.task)
    prompts, merges = Prompts(options.prompts), Merges(options.labels)
    levels = LEVELS if options.level == "both" else (options.level,)
    annotator = Annotator(
        talk.model, prompts, registry, merges, levels, options.votes, options.min_agreement, options.word
    )
    out, (total, sources) = _folder(options), _check(worklist, annotator)
    warn_of_terms(sources, registry, "annotated copies")
    from oiellm.llm.session import Session

    with Session(talk) as session:
        if talk.dry_run:
            return str(session.plan(worklist.rows, lambda row: start(row, annotator))), True
        run = Run.of("annotate", registry, *_identity(annotator, options))
        with write_step(out, run, replace=options.replace) as step:
            return _annotate(session, worklist, total, annotator, step, options), not session.unfinished


def start(row: Row, annotator: Annotator) -> Dialogue[Annotated | None]:
    """The dialogue of a row of the worklist; a note of its reader has none."""
    return (yield from annotator.start(row)) if isinstance(row, Record) else None


def _folder(options: argparse.Namespace) -> Path:
    folder: Path = options.out or options.worklist.resolve().parent.with_name(
        f"{options.worklist.resolve().parent.name}-annotated"
    )
    if folder.resolve() == options.worklist.resolve().parent:
        raise KitError(f"{folder}: the worklist is in it and would be replaced: give another --out")
    return folder


def _check(worklist: Worklist, annotator: Annotator) -> tuple[int, set[str]]:
    """Read all rows and make all questions, so that whatever is wrong is said before anything is paid.

    Returns:
        The number of rows, and the names of their sources.
    """
    total, sources = 0, set[str]()
    for row in progress(worklist.rows(), "checking"):
        total += 1
        if isinstance(row, Record):
            annotator.check(row)
            sources.add(row.source)
    return total, sources


def _annotate(
    session: Session, worklist: Worklist, total: int, annotator: Annotator, step: Step, options: argparse.Namespace
) -> str:
    spellings, tally, counts = Spellings(annotator.merges), Tally(), Counter[str]()
    # Open labels are only known when all rows are: results wait on disk. The file has no name and dies with the process.
    with tempfile.TemporaryFile(dir=step.folder) as staged:
        _stage(session, worklist, total, annotator, spellings, staged)
        spellings.settle()
        with ExitStack() as stack:
            files = {
                name: stack.enter_context(step.path(f"{name}.jsonl").open("w", encoding="utf-8", newline="\n"))
                for name in FILES
            }
            for made in _outcomes(staged, annotator, spellings):
                for row in tally.count(made.rows):
                    made.file(row)
                for name, value in made.lines:
                    files[name].write(dump(value) + "\n")
                    counts[name] += 1
        write_table(spellings, step.path(TABLE))
        manifest = {
            "worklist": options.worklist.name,
            "options": _chosen(options),
            "model": annotator.model,
            "inputs": _inputs(options),
            "prompts": annotator.prompts.hashes(),
            "left_out": dict(sorted(worklist.left_out.items())),
            "counts": {**{name: counts[name] for name in FILES}, "labels_merged": spellings.merged()},
            "steps": tally.as_dict(),
            "usage": session.usage(),
            "versions": versions(),
            "registry": dict(annotator.registry.files),
        }
        write_manifest(step.folder, manifest)
    return _summary(step.target, counts, tally, spellings, worklist, session)


def _stage(
    session: Session, worklist: Worklist, total: int, annotator: Annotator, spellings: Spellings, staged: IO[bytes]
) -> None:
    def count() -> str:
        return f"{whole:,} whole"

    whole = 0
    rows = session.run(
        worklist.rows,
        lambda row: start(row, annotator),
        total=total,
        describe="annotating",
        word=count,
        problem=_problem,
    )
    for row, result in rows:
        pickle.dump((row, result), staged)
        if result is not None:
            whole += result.record.is_annotated
            for scope, label in annotator.open_labels(result):
                spellings.add(scope, label)
    staged.seek(0)


def _problem(result: Annotated | None) -> str:
    """Why a row stays open, in a few words; empty if no level that was asked for does."""
    failures = result.failures() if result else []
    if not failures:
        return ""
    level, decision = failures[0]
    said = next((reply for vote in decision.votes for reply in vote.replies if reply.strip()), "")
    return f"{level}: {decision.reason}" + (f", as in {' '.join(said.split())[:100]!r}" if said else "")


def _outcomes(staged: IO[bytes], annotator: Annotator, spellings: Spellings) -> Iterator[Outcome]:
    while True:
        try:
            row, result = pickle.load(staged)
        except EOFError:
            return
        yield outcome(row, result, annotator, spellings)


def _inputs(options: argparse.Namespace) -> dict[str, str]:
    return {path.name: sha256(path) for path in (options.worklist, options.labels) if path is not None}


def _chosen(options: argparse.Namespace) -> dict[str, Any]:
    """The options that decide what is written."""
    chosen = {name: getattr(options, name) for name in _OPTIONS}
    return {**chosen, "extra_body": options.extra_body} if options.extra_body else chosen


def _identity(annotator: Annotator, options: argparse.Namespace) -> tuple[dict[str, str], dict[str, Any]]:
    """Inputs and options of a run; where the model was reached does not count, and may be private."""
    return _inputs(options), {**_chosen(options), "model": annotator.model, "prompts": annotator.prompts.hashes()}


def _summary(
    out: Path, counts: Counter[str], tally: Tally, spellings: Spellings, worklist: Worklist, session: Session
) -> str:
    lines = [f"{out}: {counts['records']:,} records, {counts['worklist']:,} still on the worklist"]
    lines += [f"  {config}: {count:,} rows" for config, count in sorted(tally.kept.items())]
    for reason, count in sorted((tally.dropped + worklist.left_out).items()):
        lines.append(f"  {'left out' if reason in LEFT_OUT else 'open'} {count:,} x {reason}")
    lines += [f"  noted {count:,} x {reason}" for reason, count in sorted(tally.noted.items())]
    if merged := spellings.merged():
        lines.append(f"  {merged:,} spellings of labels became another: see {out / TABLE}")
    if unused := spellings.unused():
        lines.append(f"  {len(unused):,} lines of the table of labels match no label of this run: {_some(unused)}")
    lines.append(f"  {session.summary()}")
    return "\n".join(lines)


def _some(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names[:5])) + (" ..." if len(names) > 5 else "")
