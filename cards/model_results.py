"""Scores of a model, from what ``oiellm evaluate`` wrote, beside the baselines and Table 1 of the paper."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from cards.errors import CardError
from cards.markdown import escape, table
from cards.recorded import need, read_json
from mmm_dataset.evaluation import table_1

RESULTS: Final = "results.json"
PREDICTIONS: Final = "predictions.parquet"
PLACE: Final = "evaluation"
"""Folder of the results in the model's repository."""
_LEVELS: Final = ("tl", "wl", "all")
_YAML: Final = ".eval_results"


@dataclass(frozen=True, slots=True)
class Results:
    """The results of one model.

    Attributes:
        folder: that ``oiellm evaluate`` wrote.
        said: its ``results.json``.
        runs: folder of predictions to the results of that run; other systems that were scored beside it are not there.
    """

    folder: Path
    said: Mapping[str, Any]
    runs: Mapping[str, Mapping[str, Any]]

    @property
    def where(self) -> Path:
        """The file, for messages."""
        return self.folder / RESULTS

    @property
    def is_mmm(self) -> bool:
        """Whether all rows are the authors', so that the paper's figures may be compared with these."""
        origins = need(self.said, self.where, "data", "origins")
        return {origin for names in origins.values() for origin in names} == {"published"}


def read_results(folder: Path) -> Results:
    """Read the results of a model.

    Raises:
        CardError: there are none, a figure is missing or no number, or the predictions behind one are not there.
    """
    where = folder / RESULTS
    said = read_json(where)
    runs = {}
    for name, run in need(said, where, "runs").items():
        settings = run.get("about", {}).get("settings")
        place = name.split()[-1]
        if settings is None:
            continue  # somebody else's predictions, scored beside
        if not (folder / place / PREDICTIONS).is_file():
            raise CardError(f"{folder / place / PREDICTIONS}: not there, although {where} has scores of {name!r}")
        if need(read_json(folder / place / "run.json"), folder / place / "run.json", "settings") != settings:
            raise CardError(f"{folder / place}: holds other predictions than those that {where} scored; evaluate again")
        for config, entry in need(run, where, "configs").items():
            for level in _LEVELS:
                _figure(entry, level, f"{where}: {name}: {config}")
        runs[place] = run
    if not runs:
        raise CardError(f"{where}: has no scores of a model; run `oiellm evaluate --model`")
    return Results(folder, said, runs)


def scores(results: Results) -> str:
    """A table a run: figures with their intervals, and what could not be read."""
    parts = []
    for place, run in results.runs.items():
        where = f"{results.where}: {place}"
        body = [[f"`{name}`", *_line(entry, f"{where}: {name}")] for name, entry in run["configs"].items()]
        body.append(["**all rows**", *_line(need(run, where, "overall"), where)])
        headers = ["config", "rows >", "TL >", "WL >", "ALL >", "unreadable >", "not in the text >"]
        parts += [f"### Decoding: {place}", failures(run, where), table(body, headers)]
        if run["note"]:
            parts.append(escape(run["note"]))
    return "\n\n".join(parts)


def failures(run: Mapping[str, Any], where: str) -> str:
    """How many outputs could not be read, and of which kind, in a sentence."""
    whole, summary = need(run, where, "overall"), need(run, where, "about", "summary")
    kinds = {kind: count for kind, count in need(whole, where, "parse_failures").items() if count}
    count, rows = sum(kinds.values()), whole["rows"]
    said = (
        f"{_share(need(whole, where, 'parse_failure_rate'))} of the outputs ({count:,} of {rows:,}) could not be read"
    )
    if kinds:
        said += f": {', '.join(f'`{kind}` {number:,}' for kind, number in kinds.items())}"
    cut = sum(need(summary, where, "finish").get(kind, 0) for kind in ("length", "closed"))
    limit = f"{need(run, where, 'about', 'settings', 'max_new_tokens'):,}"
    return f"{said}. {cut:,} reached the limit of {limit} new tokens." if cut else f"{said}."


def beside(results: Results) -> str:
    """TL / WL / ALL without intervals beside what the paper prints for these configs; models that have only some, apart."""
    configs = _configs(results)
    printed: dict[str, dict[str, str]] = {}
    for row in table_1():
        if row.config in configs:
            printed.setdefault(row.model, {})[row.config] = _cell(value or "-" for value in (row.tl, row.wl, row.all))
    whole = {model: cells for model, cells in printed.items() if len(cells) == len(configs)}
    some = {model: cells for model, cells in printed.items() if model not in whole}
    parts = [_columns(configs, {**_ours(results), **_titled(whole)})] if whole else []
    if some:
        named = [name for name in configs if any(name in cells for cells in some.values())]
        parts.append(_columns(named, {**_ours(results), **_titled(some)}))
    return "\n\n".join(parts) or "The paper prints nothing for these configs."


def baselines(results: Results) -> str:
    """The same figures beside those of the baselines; empty if there are none."""
    found = need(results.said, results.where, "baselines")
    if not found:
        return ""
    return _columns(_configs(results), {**_ours(results), **_shown(found, results)})


def _configs(results: Results) -> list[str]:
    return list(need(results.said, results.where, "data", "origins"))


def _ours(results: Results) -> dict[str, dict[str, str]]:
    return _shown(results.runs, results)


def _shown(entries: Mapping[str, Mapping[str, Any]], results: Results) -> dict[str, dict[str, str]]:
    """Name of a system to config to cell."""
    return {
        title: {
            name: _cell(f"{100 * _figure(entry, level, f'{results.where}: {title}: {name}'):.2f}" for level in _LEVELS)
            for name, entry in found["configs"].items()
        }
        for title, found in entries.items()
    }


def _titled(printed: Mapping[str, Mapping[str, str]]) -> dict[str, Mapping[str, str]]:
    return {f"{escape(model)} (paper)": cells for model, cells in printed.items()}


def _columns(configs: Sequence[str], systems: Mapping[str, Mapping[str, str]]) -> str:
    rows = [[f"`{name}`", *(cells.get(name, "") for cells in systems.values())] for name in configs]
    return table(rows, ["config", *(f"{title} >" for title in systems)])


def _cell(values: Iterable[str]) -> str:
    """Three figures that no line break separates."""
    return "\N{NO-BREAK SPACE}/\N{NO-BREAK SPACE}".join(values)


def caption(results: Results) -> str:
    """What a reader must know beside the figures."""
    said, where = results.said, results.where
    first = next(iter(results.runs.values()))
    settings, overall = need(first, where, "about", "settings"), need(first, where, "overall")
    drawn = (
        " A figure is the mean over the draws, its interval is over the distinct rows of all draws."
        if need(said, where, "selection", "protocol") == "paper"
        else ""
    )
    versions = ", ".join(f"{name} {version}" for name, version in settings["versions"].items() if version)
    return (
        f"In percent, of the test rows of `{need(said, where, 'data', 'name')}` (manifest "
        f"`{need(said, where, 'data', 'manifest_sha256')[:16]}`), {escape(need(said, where, 'protocol'))}.{drawn}\n\n"
        "- TL: share of rows with the right text-level label\n"
        "- WL: micro F1 over label-entity pairs, relations and events\n"
        "- ALL: share of rows in which everything is right\n"
        "- unreadable: outputs that are not in the format; they count as wrong\n"
        "- not in the text: share of the entities that the model wrote and the text does not hold\n\n"
        "In brackets: 95 % intervals over rows, Wilson's for TL and ALL, for WL by a bootstrap "
        f"({need(overall, where, 'bootstrap_resamples'):,} resamples). "
        f"Scored by `mmm_f1` (`{need(said, where, 'scoring')}`). Greedy decoding in {settings['dtype']}, engine "
        f"`{settings['engine']}`, {versions}; {need(said, where, 'date')[:10]}."
    )


def eval_result_files(results: Path, dataset: str) -> dict[str, str]:
    """The Hub's ``.eval_results/*.yaml`` as they go into the model's repository: path to text.

    Args:
        results: folder that ``oiellm evaluate`` wrote.
        dataset: ``ORG/NAME@vX`` of the data set that the figures belong to; in place of the name that it had when it was
            scored. Without an account, or empty: the files stay as they are.

    Raises:
        CardError: a config that was scored has no entry, or an entry no value.
    """
    found = read_results(results)
    name, _, revision = dataset.partition("@")
    files = sorted((results / _YAML).glob("*.yaml"))
    out = {}
    for path in files:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
        for entry in entries:
            value = need(entry, path, "value")
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise CardError(f"{path}: {entry['dataset']['task_id']}: value {value!r} is no result to publish")
            if "/" in name:
                entry["dataset"] |= {"id": name, **({"revision": revision} if revision else {})}
        out[f"{_YAML}/{path.name}"] = yaml.safe_dump(entries, allow_unicode=True, sort_keys=False, width=120)
    for place, run in found.runs.items():
        if not any(
            set(run["configs"]) <= {e["dataset"]["task_id"] for e in yaml.safe_load(text)} for text in out.values()
        ):
            raise CardError(f"{results / _YAML}: no file has every config of {place}; evaluate again")
    return out


def _line(entry: Mapping[str, Any], where: str) -> list[str]:
    shares = [need(entry, where, key) for key in ("parse_failure_rate", "hallucinated_entity_rate")]
    return [f"{entry['rows']:,}", *(_with_interval(entry, level, where) for level in _LEVELS), *map(_share, shares)]


def _with_interval(entry: Mapping[str, Any], level: str, where: str) -> str:
    low, high = need(entry, where, f"{level}_ci95")
    return f"{100 * _figure(entry, level, where):.2f} [{100 * low:.1f}, {100 * high:.1f}]"


def _figure(entry: Mapping[str, Any], level: str, where: str) -> float:
    """A figure as it is quoted: the mean over draws where the protocol draws."""
    value = need(entry.get("mean_over_draws", entry), where, level)
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise CardError(f"{where}: {level} is {value}, which is no result to publish; evaluate again")
    return value


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def files(results: Results) -> Iterator[Sequence[str]]:
    """Path in the repository and rows of the predictions behind each run."""
    for place, run in results.runs.items():
        path = f"{PLACE}/{place}/{PREDICTIONS}"
        yield [f"[`{path}`]({path})", f"{need(run, results.where, 'about', 'summary', 'rows'):,}"]
