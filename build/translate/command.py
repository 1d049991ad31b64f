"""The verb ``translate``: rows of one language in, a folder of rows for each other language out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from build.core import Drop, KitError, Step, Tally, write_step
from build.files import versions
from build.manifest import read_step, write_manifest
from build.step_record import Run
from build.terms import warn_of_terms
from build.translate.inputs import Given, open_source, sampled
from build.translate.paper import PAPER
from build.translate.quality import SCORE_TOKENS
from build.translate.result import TranslationResult
from build.translate.rows import Outcome, Translator
from build.translate.rules import CHECKS, Plan, read_rules
from build.translate.yields import BUDGET, Yield
from cards.yields import table
from mmm_dataset import Record, Registry, to_dict
from mmm_dataset.files import sha256
from mmm_dataset.manifest import MANIFEST
from oiellm.data import registry_for
from oiellm.files import fast_dump
from oiellm.llm.options import settings
from oiellm.llm.plan import Later, added
from oiellm.llm.session import BUDGET_REACHED, Session

FILES: Final = ("records", "report", "provenance", "review")
"""``records``: what was kept. ``report``: drops with their raw replies, and notes. ``provenance``: how each kept row was made,
without source text. ``review``: source beside translation, for ``build review``. The second and the last stay local."""


@dataclass(frozen=True, slots=True)
class Translation:
    """One config to one language: what is read, by whom it is translated, and where it goes."""

    translator: Translator
    given: Given
    rows: Callable[[], Iterable[Record]]
    total: int
    out: Path


def run(options: argparse.Namespace) -> int:
    """Translate what the options say, print the yield table; returns BUDGET_REACHED if it did not reach all rows.

    Raises:
        KitError: a file, language, label or option is wrong (no model was asked then), or the endpoint, the cache or the disk
            failed (what was answered is in the cache, and the same command goes on from there).
    """
    registry, asked = registry_for(options.release, options.registry), settings(options)
    if options.method == PAPER and options.stronger_model:
        raise KitError(
            "--stronger-model is a repair level of --method tags; --method paper asks each row once: leave one of them out"
        )
    plan = Plan(
        model=asked.model,
        rules=read_rules(options.checks),
        stronger=options.stronger_model,
        method=options.method,
        drop_items=options.no_counterpart == "item",
        keep_labels=options.labels == "keep",
        prompts=options.prompts,
        back=options.back_translate,
        judge=options.judge,
        script=options.script,
        convert_script=options.convert_script,
    )
    runs = list(_runs(options, registry, plan))
    with ExitStack() as stack:
        targets = []  # all locked and checked before anything is asked; each is put in place when its own rows are done
        for one in () if asked.dry_run else runs:
            target = stack.enter_context(ExitStack())
            identity = _identity(one, plan, options)
            targets.append((target, target.enter_context(write_step(one.out, identity, replace=options.replace))))
        session = stack.enter_context(Session(asked, [plan.stronger, plan.judge]))
        if asked.dry_run:
            _show_plans(session, runs, plan)
            return 0
        found = []
        for one, (target, step) in zip(runs, targets):
            found.append(_translate(one, step, session, plan, options))
            target.close()
        print(table((one.out.name, figures) for one, figures in zip(runs, found)))
        print(session.summary())
        missed = sum(figures["reasons"].get(BUDGET, 0) for figures in found)
    print("\n".join(f"{one.out}: records.jsonl, review.jsonl (build review), report.jsonl (drops)" for one in runs))
    return BUDGET_REACHED if missed else 0


def _show_plans(session: Session, runs: Iterable[Translation], plan: Plan) -> None:
    sure = [Later(plan.model, "back")] if plan.back else []
    sure += [Later(plan.judge, "judge", SCORE_TOKENS)] if plan.judge else []
    plans = {one.out.name: session.plan(one.rows, one.translator.start, sure=sure) for one in runs}
    if len(plans) > 1:
        plans["in all"] = added(list(plans.values()))
    print("\n\n".join(f"{name}\n{found}" for name, found in plans.items()))


def _runs(options: argparse.Namespace, registry: Registry, plan: Plan) -> Iterable[Translation]:
    targets = list(dict.fromkeys(filter(None, (code.strip() for code in options.to.split(",")))))
    if not targets:
        raise KitError("--to names no language; give codes of the registry, as in en,zh")
    found, skipped = open_source(options.source, options.release, registry), list[str]()
    for given in found:
        config = registry.config(given.config)
        if others := [target for target in targets if target != config.language]:
            warn_of_terms(given.sources, registry, "translations")
        if len(others) < len(targets):
            skipped.append(f"--to {config.language}: {given.config} is in that language already")
        for target in others:
            yield _run(given, target, options, registry, plan)
    if len(skipped) == len(found) and len(targets) == 1:
        raise KitError(skipped[0])
    for text in skipped:
        print(f"build: {text}", file=sys.stderr)


def _run(given: Given, target: str, options: argparse.Namespace, registry: Registry, plan: Plan) -> Translation:
    """One config to one language; its labels are looked at."""
    if (name := f"{target}_{registry.config(given.config).task}") not in registry.configs:
        raise KitError(f"--to {target}: no config {name} in the registry: add it (--registry my.toml)")
    out = options.out / f"{given.config}-{target}"
    translator = Translator(registry, given.config, target, plan)
    translator.labels.check(given.labels, out.with_name(f"{out.name}.labels.csv"))
    rows = sampled(given, options.sample, options.seed)
    return Translation(translator, given, rows, min(given.total, options.sample or given.total), out)


def _translate(
    one: Translation, step: Step, session: Session, plan: Plan, options: argparse.Namespace
) -> dict[str, Any]:
    """The rows of one config in one language, into a folder; returns the yield."""
    tally, found, before = Tally(), Yield(), session.usage()
    results = session.run(
        one.rows,
        one.translator.start,
        total=one.total,
        describe=one.out.name,
        word=found.words,
        problem=_problem,
    )
    with ExitStack() as stack:
        files = {
            name: stack.enter_context(step.path(f"{name}.jsonl").open("w", encoding="utf-8", newline="\n"))
            for name in FILES
        }
        for record, outcome in results:
            if outcome is None:
                drop = Drop(record.id, BUDGET, "the budget did not reach it")
                outcome = Outcome(drop, TranslationResult(None), items_in=len(record.items or ()))
            found.add(outcome)
            for row in tally.count([outcome.row, *outcome.notes]):
                if not isinstance(row, Record):
                    files["report"].write(_line(row.as_dict()) + "\n")
            if isinstance(outcome.row, Record):
                kept = _line(to_dict(outcome.row))
                files["records"].write(kept + "\n")
                files["provenance"].write(_line(one.translator.provenance(record, outcome)) + "\n")
                files["review"].write(_to_review(record, kept, outcome) + "\n")
        _check_budget(one.out, found)
    manifest = {
        "translated": {"from": one.given.config, "to": one.translator.target, "rows": one.total},
        "options": _options(one, plan, options),
        "inputs": one.given.inputs,
        "yield": found.as_dict(),
        "usage": _since(before, session.usage()),
        "steps": tally.as_dict(),
        "versions": versions(),
        "registry": dict(one.translator.registry.files),
    }
    write_manifest(step.folder, manifest)
    return found.as_dict()


def _check_budget(out: Path, found: Yield) -> None:
    """Refuse to replace a result by one with fewer rows: what the budget did not reach is missing in it."""
    if not (out / MANIFEST).is_file():
        return
    missed, had = found.reasons[BUDGET], read_step(out / MANIFEST)["yield"]["reasons"].get(BUDGET, 0)
    if missed > had:
        raise KitError(
            f"{out}: the budget did not reach {missed:,} rows of {found.rows:,}, and {had:,} in the result that is "
            "there, which stays as it was: raise --max-cost"
        )


def _problem(outcome: Outcome) -> str:
    """Why a row is not kept, with the beginning of the model's last reply; empty if it is."""
    row = outcome.row
    if isinstance(row, Record):
        return ""
    said = " ".join((row.raw or "").split())[:100]
    return f"{row.reason}: {row.detail}" + (f", as in {said!r}" if said else "")


def _line(value: Any) -> str:
    return fast_dump(value).decode()


def _to_review(source: Record, kept: str, outcome: Outcome) -> str:
    """The line of ``review.jsonl``; the target's JSON is made already."""
    said = {"flags": [flag.as_dict() for flag in outcome.flags], "rung": outcome.result.repair_level, "risk": None}
    return f'{{"source":{_line(to_dict(source))},"target":{kept},{_line(said)[1:]}'


def _identity(one: Translation, plan: Plan, options: argparse.Namespace) -> Run:
    made = {"from": one.given.config, "to": one.translator.target, **_options(one, plan, options)}
    return Run.of("translate", one.translator.registry, one.given.inputs, made)


def _options(one: Translation, plan: Plan, options: argparse.Namespace) -> dict[str, Any]:
    """What decides the output; where the model was reached does not, and may be private."""
    return {
        "method": plan.method,
        "model": plan.model,
        "stronger_model": plan.stronger,
        "no_counterpart": options.no_counterpart,
        "labels": options.labels,
        "sample": options.sample,
        "seed": options.seed if options.sample else None,
        "back_translate": plan.back,
        "judge": plan.judge,
        **({"script": plan.script} if plan.script else {}),
        **({"convert_script": True} if plan.convert_script else {}),
        "prompts": one.translator.prompts.digest,
        "checks": sha256(options.checks or CHECKS),
        **({"extra_body": options.extra_body} if options.extra_body else {}),
    }


def _since(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Usage of one run out of a session's."""
    had = {(row["purpose"], row["model"], row["batch"]): row for row in before}
    out = []
    for row in after:
        earlier: Mapping[str, Any] = had.get((row["purpose"], row["model"], row["batch"]), {})
        used = {name: row[name] - earlier.get(name, 0) for name in ("calls", "prompt_tokens", "completion_tokens")}
        dollars = None if row["dollars"] is None else round(row["dollars"] - (earlier.get("dollars") or 0.0), 6)
        if used["calls"]:
            out.append({**row, **used, "dollars": dollars})
    return out
