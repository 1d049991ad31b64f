"""Two systems on the same rows: a paired bootstrap, and which rows changed."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any, Final

from mmm_dataset.files import atomic, pretty
from mmm_f1 import compare as paired
from oiellm.data import Release
from oiellm.errors import OiellmError
from oiellm.evaluate.columns import Columns, Gold, Outputs, columns, gold
from oiellm.evaluate.protocols import chosen
from oiellm.evaluate.runs import Run
from oiellm.files import refuse_others

RESAMPLES: Final = 10_000
SHOWN: Final = 10
"""Changed rows of a config that are printed; results hold all."""


def compare(
    a: Outputs, b: Outputs, rows: Mapping[str, Gold], *, resamples: int = RESAMPLES, seed: int = 0
) -> dict[str, Any]:
    """Compare two systems.

    Args:
        a, b: what they wrote for the rows, for no more and no fewer.
        rows: config to its rows.
        resamples, seed: of the paired bootstrap.

    Returns:
        ``overall`` and, under ``configs``, per config: what :func:`mmm_f1.compare` gives for tl, wl, all and
        wl_mean_row_f1, and the number of ``rows``; per config also the ids of the rows that only b (``fixed``) or only a
        (``broken``) gets exactly right. ``scoring``: the rules in one line. p values are not corrected for the number of
        configs.

    Raises:
        OiellmError: the systems were not given the same rows.
    """
    if different := a.keys() ^ b.keys():
        config, one = min(different)
        side = "A" if (config, one) in a else "B"
        raise OiellmError(
            f"{config}: {one!r} is predicted by {side} alone, one of {len(different):,} such rows; compare the same rows"
        )
    both = {name: columns(entry, a, b) for name, entry in rows.items()}
    configs = {}
    for name, (left, right) in both.items():
        result = _paired(left, right, [name] * len(left.references), rows, resamples, seed)
        ids = rows[name].ids
        result |= {side: [ids[at] for at in result[side]] for side in ("fixed", "broken")}
        configs[name] = result
    left, right = (
        Columns(*(list(chain.from_iterable(parts)) for parts in zip(*(pair[side] for pair in both.values()))))
        for side in (0, 1)
    )
    names = [name for name, entry in rows.items() for _ in entry.ids]
    overall = _paired(left, right, names, rows, resamples, seed)
    scoring = overall.pop("protocol")
    for side in ("fixed", "broken"):
        overall[side] = len(overall[side])
    return {"scoring": scoring, "overall": overall, "configs": configs}


def _paired(
    left: Columns, right: Columns, names: list[str], rows: Mapping[str, Gold], resamples: int, seed: int
) -> dict[str, Any]:
    return paired(
        left.predictions,
        right.predictions,
        left.references,
        left.inputs,
        names,
        form=left.forms,
        task_words=next(iter(rows.values())).registry.task_words,
        label_sets={name: rows[name].labels for name in set(names)},
        resamples=resamples,
        seed=seed,
    )


def compared(result: Mapping[str, Any], a: str = "A", b: str = "B", style: str = "simple") -> str:
    """A comparison as text.

    Args:
        result: of :func:`compare`.
        a, b: names of the systems.
        style: a table format of tabulate: ``simple`` for the terminal, ``pipe`` for Markdown.
    """
    from tabulate import tabulate

    body = []
    for name, entry in (*result["configs"].items(), ("all rows", result["overall"])):
        body.append([name, f"{entry['rows']:,}", *(_cell(entry[figure]) for figure in ("tl", "wl", "all"))])
        body[-1] += [f"{entry[side] if name == 'all rows' else len(entry[side]):,}" for side in ("fixed", "broken")]
    heads = ["config", "rows", *(f"{figure}: {b} - {a}" for figure in ("TL", "WL", "ALL")), "fixed", "broken"]
    table = tabulate(body, heads, tablefmt=style, disable_numparse=True, colalign=["left", *["right"] * 6])
    changed = [
        f"{name}: {side}: {', '.join(entry[side][:SHOWN])}{more}"
        for name, entry in result["configs"].items()
        for side in ("fixed", "broken")
        if entry[side]
        for more in [f" and {len(entry[side]) - SHOWN:,} more" * (len(entry[side]) > SHOWN)]
    ]
    note = (
        f"Differences in percentage points, {b} minus {a}, with 95 % intervals of a paired bootstrap ({result['scoring']}); "
        f"p two-sided, by a permutation test, not corrected for the number of configs.\n"
        f"fixed: rows that only {b} gets exactly right; "
        f"broken: only {a}."
    )
    gap = "\n\n" if style == "pipe" else "\n"
    return gap.join([table, note, *changed]) + "\n"


def _cell(entry: Mapping[str, Any]) -> str:
    low, high = (100 * bound for bound in entry["difference_ci95"])
    return f"{100 * entry['difference']:+.2f} [{low:+.1f}, {high:+.1f}] p {entry['p']:.3f}"


def compare_runs(
    release: Release,
    runs: Mapping[str, Run],
    out: Path,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> str:
    """Compare two runs on the rows that both predicted, and write ``comparison.json`` and ``comparison.md``.

    Args:
        release: whose test rows they predicted.
        runs: name to predictions, two of them; differences are the second minus the first.
        out: folder for the files.
        resamples, seed: of the paired bootstrap.

    Returns:
        The table for the terminal.

    Raises:
        OiellmError: the runs did not predict the same rows, or not those of the release.
    """
    if len(runs) != 2:
        raise OiellmError(f"{', '.join(runs)}: name two different runs to compare")
    (first, a), (second, b) = runs.items()
    mine = {"a": first, "b": second, "manifest_sha256": release.digest}
    refuse_others(out, ("comparison.json", "comparison.md"), lambda found: found.items() >= mine.items())
    if not a.outputs:
        raise OiellmError(f"{first}: no predictions to compare")
    ids: dict[str, list[str]] = {}
    for config, one in a.outputs:
        ids.setdefault(config, []).append(one)
    ids = {name: ids[name] for name in release.choose(list(ids))}
    records = list(chosen(release, ids))
    for record in records:
        a.check(first, record)
        b.check(second, record)
    result = compare(a.outputs, b.outputs, gold(records, release.registry), resamples=resamples, seed=seed)
    about = {**mine, "about": {n: r.about for n, r in runs.items()}}
    _write(out / "comparison.json", pretty({**about, **result}))
    notes = "".join(f"\n{name}: {run.note}\n" for name, run in runs.items() if run.note)
    _write(out / "comparison.md", f"# {second} against {first}\n\n" + compared(result, first, second, "pipe") + notes)
    return compared(result, first, second) + notes


def _write(path: Path, text: str) -> None:
    with atomic(path) as file:
        file.write(text)
