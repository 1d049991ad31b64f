"""Results as tables: Markdown in the shape of the paper's Table 1, and one line per config for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from mmm_dataset import Registry, load
from mmm_dataset.evaluation import Printed, table_1
from oiellm.evaluate import calibration, formats
from oiellm.evaluate.results import figures, paper_figures

LEVELS: Final = ("tl", "wl", "all")
PER_BLOCK: Final = 3
"""Configs side by side in a block, as in the paper."""

Results = Mapping[str, Any]
"""What :func:`oiellm.evaluate.job.evaluate_runs` writes: ``runs``, ``baselines``, ``data`` and the protocol."""


def markdown(results: Results, registry: Registry) -> str:
    """Table 1 with our rows under the paper's, a block per language, and a caption that says what is whose.

    Args:
        results: of a job.
        registry: for the titles of languages and tasks.
    """
    configs = list(results["data"]["origins"])
    languages = list(dict.fromkeys(registry.config(name).language for name in configs))
    parts = [f"# Evaluation of {', '.join(results['runs']) or 'the baselines'}\n"]
    for code in languages:
        names = [name for name in configs if registry.config(name).language == code]
        parts.append(f"## {registry.languages[code].name}\n")
        parts += [_block(results, names[at : at + PER_BLOCK], registry) for at in range(0, len(names), PER_BLOCK)]
    if found := formats.table(results, "pipe"):
        parts.append(f"## Format\n\n{found}\n")
    printed = any(row.config in configs for row in table_1())
    return "\n".join([*parts, *(f"{line}\n" for line in caption(results, printed))])


def caption(results: Results, printed: bool = False) -> Iterator[str]:
    """What a reader must know beside the figures, a paragraph each; ``printed``: the paper's figures stand there too."""
    first = next(iter({**results["runs"], **results["baselines"]}.values()))
    drawn = ". A figure is the mean over the draws, its interval is over the distinct rows of all draws"
    yield (
        f"In percent. Protocol {results['protocol']}{drawn if results['selection']['protocol'] == 'paper' else ''}. "
        "TL and ALL are shares of rows, WL is micro F1 over pairs. "
        "In brackets: 95 % intervals over rows, Wilson's for TL and ALL, for WL by a bootstrap "
        f"({first['overall'].get('bootstrap_resamples', 0):,} resamples). "
        f"Scored by mmm_f1, {results['scoring']}."
    )
    if printed:
        yield (
            "Rows marked `paper` are printed in Table 1 of arXiv 2407.10953, on draws that were not published, and what its "
            "WL averages is not settled; all other rows are ours, and where they stand beside the paper's they are by the "
            "paper's Algorithm 1 (mode=paper matching=set). Figures by the rules named above are in `results.json`."
        )
    yield "`majority` and `lookup` are baselines that know nothing but the train rows."
    if warning := origin_warning(results["data"]["origins"]):
        yield f"**{warning}**"
    if any((run.get("format") or {}).get("two_readings") for run in results["runs"].values()):
        yield (
            "Rows are scored by the strict reading, as the paper scores: whatever is not in the format costs. Rows marked "
            "`lenient` are the same replies, where an answer counts wherever it stands."
        )
    yield from (f"{name}: {run['note']}" for name, run in results["runs"].items() if run["note"])
    for name, run in results["runs"].items():
        if run.get("calibration"):
            yield f"{name}: {calibration.line(run['calibration'])}."
    for name, entry in results["baselines"].items():
        if entry["skipped"]:
            yield f"{name}: {entry['skipped']:,} train rows could not be parsed and were left out."
    if without := results["selection"]["without_test"]:
        yield f"No test rows: {', '.join(without)}."
    if without := results["selection"]["without_train"]:
        yield f"No baselines, because there are no train rows: {', '.join(without)}."


def origin_warning(origins: Mapping[str, Sequence[str]]) -> str:
    """What to say of rows that are not the authors' and beside which a figure of the paper could stand; else empty.

    Args:
        origins: by config.
    """
    found = sorted({origin for names in origins.values() for origin in names})
    if found == ["published"] or (found == ["own"] and not set(origins) & set(load().configs)):
        return ""
    what = {
        "demo": "demonstration rows written for this kit, on which no score says anything about a model",
        "own": "rows from other sources than MMM's",
        "rebuilt": "rows rebuilt from MMM's upstream sources, not the authors' files",
        "published": "the authors' rows",
    }
    return (
        f"The data are {' and '.join(what[origin] for origin in found)}. "
        "Figures on data that are not the authors' MMM must not be compared with the paper's."
    )


def terminal(results: Results) -> str:
    """One table per run: a line per config with TL, WL and ALL, failures, and the baselines beside them."""
    from tabulate import tabulate

    parts, beside = [], results["baselines"] if results["runs"] else {}
    for name, run in (results["runs"] or results["baselines"]).items():
        heads = ["config", "rows", "TL", "WL", "ALL", "not parsed", "not in text", *beside]
        body = [
            [config, *_line(entry), *(_short(base["configs"].get(config)) for base in beside.values())]
            for config, entry in run["configs"].items()
        ]
        overall = [_short(base["overall"]) for base in beside.values()]
        body.append(["all rows", *_line(run["overall"]), *overall])
        table = tabulate(body, heads, disable_numparse=True, colalign=["left"] + ["right"] * (len(heads) - 1))
        parts.append(f"{name}\n{table}")
    if found := formats.table(results, "plain"):
        parts.append(f"format\n{found}")
    return "\n\n".join(parts) + "\n\n" + "\n".join(caption(results)) + "\n"


def _line(entry: Mapping[str, Any]) -> list[str]:
    shares = [entry["parse_failure_rate"], entry["hallucinated_entity_rate"]]
    return [f"{entry['rows']:,}", *(_figure(entry, level) for level in LEVELS), *(f"{100 * s:.1f} %" for s in shares)]


def _short(entry: Mapping[str, Any] | None) -> str:
    return "" if entry is None else " / ".join(f"{100 * figures(entry)[level]:.1f}" for level in LEVELS)


def _figure(entry: Mapping[str, Any], level: str, paper: bool = False) -> str:
    """A figure with its interval; by Algorithm 1 if it stands beside one of the paper."""
    bounds = (entry["paper_mode"] if paper else entry).get(f"{level}_ci95")
    interval = f" [{100 * bounds[0]:.1f}, {100 * bounds[1]:.1f}]" if bounds else ""
    return f"{100 * (paper_figures if paper else figures)(entry)[level]:.2f}{interval}"


def _block(results: Results, configs: Sequence[str], registry: Registry) -> str:
    from tabulate import tabulate

    titles = [registry.task(registry.config(name).task).title for name in configs]
    heads = ["model", *(f"{title} {level.upper()}" for title in titles for level in LEVELS)]
    rows = [*_paper_rows(configs)]
    for kind, entries in (("", results["baselines"]), ("**", results["runs"])):
        rows += [
            [f"{kind}{_plain(name)}{kind}", *_cells(entry["configs"], configs)]
            for name, entry in entries.items()
            if any(config in entry["configs"] for config in configs)
        ]
    align = ["left", *["right"] * (len(heads) - 1)]
    return tabulate(rows, heads, tablefmt="pipe", colalign=align, disable_numparse=True) + "\n"


def _cells(entries: Mapping[str, Any], configs: Sequence[str]) -> Iterator[str]:
    printed = {row.config for row in table_1()}
    for config in configs:
        for level in LEVELS:
            yield _figure(entries[config], level, config in printed) if config in entries else ""


def _paper_rows(configs: Sequence[str]) -> Iterator[list[str]]:
    models: dict[str, dict[str, Printed]] = {}
    for row in table_1():
        if row.config in configs:
            models.setdefault(row.model, {})[row.config] = row
    for model, printed in models.items():
        cells = [getattr(printed[config], level) if config in printed else "" for config in configs for level in LEVELS]
        yield [f"{_plain(model)} (paper)", *cells]


def _plain(name: str) -> str:
    return name.replace("|", "\\|").replace("*", "\\*")
