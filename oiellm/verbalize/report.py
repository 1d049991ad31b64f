"""Results of a run: accuracy over seeds with intervals over rows, differences with intervals over rows and seeds, tables.

Accuracy is what the rest of the kit calls TL. Over several seeds a row counts with the share of seeds that got it right, and
the bootstrap draws rows: the interval of an accuracy says what other test rows would give, the spread over seeds what other
shots would. Differences are judged as in studies, :mod:`oiellm.study.effects`: rows and seeds are both in the interval.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from mmm_f1.intervals import GOLD, HIT, LABEL_RIGHT, PREDICTED, intervals
from oiellm.study import effects
from oiellm.verbalize.cells import Cell
from oiellm.verbalize.experiment import MAJORITY, MATCHING, NGRAMS, Done
from oiellm.verbalize.lists import PLAIN
from oiellm.verbalize.words import used

if TYPE_CHECKING:
    from mmm_f1.intervals import Ints

RESAMPLES: Final = 10_000
Key = tuple[str, str]
"""A system, and its number of shots or ``all``."""


def outcomes(cells: Sequence[Mapping[str, Any]]) -> Ints:
    """One integer a row, as :mod:`mmm_f1.intervals` takes them apart: a hit per seed that got it right, one pair per seed.

    The figure ``wl`` of such outcomes, 2 * hits / (gold + predicted), is the mean accuracy over the seeds.
    """
    import numpy as np

    right = [[row["label"] == row["predicted"] for row in cell["predictions"]] for cell in cells]
    return np.asarray(np.sum(right, axis=0) * HIT + len(cells) * (GOLD + PREDICTED), dtype=np.int64)


def figures(done: Done, seed: int = 0, resamples: int = RESAMPLES) -> list[dict[str, Any]]:
    """Per system and number of shots: accuracy, its interval, the accuracy of every seed, and differences.

    Args:
        done: the run.
        seed, resamples: of the bootstrap.

    Returns:
        Entries with ``system``, ``shots``, ``rows``, ``accuracy`` and ``accuracy_ci95``, ``macro`` (the mean over labels of the
        accuracy on a label's rows: always the most frequent label is no use there), ``seeds``, ``sd`` (over seeds, None of
        one), ``cut`` (rows whose text did not fit whole, mean over seeds), ``demonstrations`` (in a prompt, mean) and
        ``drawn`` (shots in all, mean), and ``against``: by the name of another system with as many shots, an
        :class:`oiellm.study.effects.Effect`, this one minus the other, and ``seeds_ahead``, the seeds whose shots put this
        one ahead. How far seeds lie apart is pooled over all systems with as many shots.
    """
    import numpy as np

    groups: dict[Key, list[Cell]] = {}
    for cell in done.cells:
        groups.setdefault((cell.system, "all" if cell.shots is None else str(cell.shots)), []).append(cell)
    right = {key: [_right(done.cells[cell]) for cell in cells] for key, cells in groups.items()}
    found = []
    for (system, shots), cells in groups.items():
        contents = [done.cells[cell] for cell in cells]
        own = outcomes(contents)
        keys, counts = np.unique(own, return_counts=True)
        each = [float((outcomes([content]) & HIT).mean()) for content in contents]
        against = {
            other: _difference(right, (other, shots), (system, shots), seed, resamples)
            for other in (PLAIN, NGRAMS)
            if other != system and (other, shots) in groups and not system.startswith((MATCHING, MAJORITY))
        }
        found.append(
            {
                "system": system,
                "shots": shots,
                "rows": len(own),
                "accuracy": sum(each) / len(each),
                "accuracy_ci95": intervals(keys, counts, resamples, seed=seed)["wl_ci95"],
                "macro": _macro(contents),
                "seeds": {str(cell.seed): one for cell, one in zip(cells, each) if cell.seed is not None},
                "sd": float(np.std(each, ddof=1)) if len(each) > 1 else None,
                "cut": sum(bool(row.get("cut")) for content in contents for row in content["predictions"]) / len(cells),
                **_shown(contents),
                "against": against,
            }
        )
    return found


def _macro(contents: Sequence[Mapping[str, Any]]) -> float:
    right: dict[str, list[bool]] = {}
    for row in (row for content in contents for row in content["predictions"]):
        right.setdefault(row["label"], []).append(row["label"] == row["predicted"])
    return sum(sum(own) / len(own) for own in right.values()) / len(right)


def _shown(contents: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    shown = [row.get("demonstrations", 0) for content in contents for row in content["predictions"]]
    drawn = [len(content["learnt_from"]) for content in contents]
    return {"demonstrations": sum(shown) / len(shown), "drawn": sum(drawn) / len(drawn)}


def _right(content: Mapping[str, Any]) -> Ints:
    """One integer a row, whether the label is right."""
    import numpy as np

    right = [row["label"] == row["predicted"] for row in content["predictions"]]
    return np.asarray(right, dtype=np.int64) * LABEL_RIGHT


def _difference(right: Mapping[Key, Sequence[Ints]], other: Key, own: Key, seed: int, resamples: int) -> dict[str, Any]:
    pooled = effects.spread((one for (_, shots), one in right.items() if shots == own[1]), "tl")
    # Systems share the shots of a seed, so that many of them know no more of how far seeds lie apart than one does.
    pooled = pooled._replace(freedom=min(pooled.freedom, len(right[own]) - 1))
    found = effects.effect(right[other], right[own], "tl", pooled=pooled, resampled=resamples, seed=seed)
    return {**asdict(found), "seeds_ahead": sum(one > 0 for one in found.by_seed)}


def results(done: Done, about: Mapping[str, Any]) -> dict[str, Any]:
    """All of a run as JSON types.

    Args:
        done: the run.
        about: what else there is to say of it, its settings among them.

    Returns:
        ``about``; ``words``: by list and label, how many are used; ``own_word_only``: by list the labels that no other
        word stands for; ``figures``: see :func:`figures`.
    """
    lists = {name: used(words) for name, words in done.words.items()}
    return {
        **about,
        "words": {name: {label: len(own) for label, own in words.items()} for name, words in lists.items()},
        "own_word_only": {
            name: [label for label, own in words.items() if own == (label,)]
            for name, words in lists.items()
            if name != PLAIN
        },
        "figures": figures(done),
    }


def table(found: Mapping[str, Any], style: str = "simple") -> str:
    """The figures as text, in percent: a line per system and number of shots.

    Args:
        found: see :func:`results`.
        style: a table format of tabulate: ``simple`` for the terminal, ``pipe`` for Markdown.
    """
    from tabulate import tabulate

    heads = ["system", "shots", "accuracy", "macro", "sd of seeds", "- plain", "- n-grams"]
    body = [
        [
            entry["system"],
            entry["shots"],
            f"{100 * entry['accuracy']:.1f} {_interval(entry['accuracy_ci95'], '.1f')}",
            f"{100 * entry['macro']:.1f}",
            "" if entry["sd"] is None else f"{100 * entry['sd']:.1f}",
            *(_compared(entry["against"].get(other), len(entry["seeds"])) for other in (PLAIN, NGRAMS)),
        ]
        for entry in found["figures"]
    ]
    aligned = tabulate(body, heads, tablefmt=style, disable_numparse=True, colalign=["left", *["right"] * 6])
    return "\n\n".join([aligned, *caption(found)]) + "\n"


def _interval(bounds: Sequence[float], form: str) -> str:
    return f"[{', '.join(format(100 * bound, form) for bound in bounds)}]"


def _compared(entry: Mapping[str, Any] | None, seeds: int) -> str:
    if entry is None:
        return ""
    ahead = f" {entry['seeds_ahead']}/{seeds}" if seeds else ""
    return f"{100 * entry['difference']:+.1f} {_interval((entry['low'], entry['high']), '+.1f')}{ahead}"


def caption(found: Mapping[str, Any]) -> Iterator[str]:
    """What a reader must know beside the figures, a paragraph each."""
    settings = found["settings"]
    rows = found["figures"][0]["rows"]
    yield (
        f"{found['config']}, {rows:,} test rows ({found['protocol']}). Accuracy in percent, mean over seeds; in brackets 95 % "
        f"intervals over rows (bootstrap, {RESAMPLES:,} resamples, seeds held fixed); macro: mean over labels of the accuracy "
        "on their rows. Differences are paired on rows and shots, and their intervals hold for other rows and other seeds "
        "(of one seed: for other rows alone), not corrected for their number; after the interval, in how many of the seeds "
        "this system is ahead."
    )
    yield (
        "Label words are counted in all train rows with their labels, whatever the number of shots: a list of words knows more "
        "than the n-grams of as many shots do. `matching` has the same words and no model; `all` learns from all train rows."
    )
    if settings["model"]:
        way = "tune all weights" if settings["learn"] == "tune" else "stand in the prompt"
        yield (
            f"Model {settings['model']} ({settings['kind']}, {settings['dtype']}), template {settings['template']['name']}, "
            f"shots {way}, calibration {settings['calibrate']}, filters {', '.join(settings['filters']) or 'none'}."
        )
    for name, labels in found["own_word_only"].items():
        if labels:
            yield f"{name}: no word but their own stands for {', '.join(labels)}."
    yield from (f"{reason}: {count:,}." for reason, count in found["left_out"].items())
    if cut := max(entry["cut"] for entry in found["figures"]):
        yield f"Up to {cut:,.0f} texts a cell were cut to fit the model."
    if settings["learn"] == "context":
        yield from (
            f"{entry['system']}, {entry['shots']} shots: {entry['demonstrations']:.1f} of {entry['drawn']:.0f} demonstrations "
            "fit into a prompt."
            for entry in found["figures"]
            if settings["model"] and entry["system"] in found["words"] and entry["demonstrations"] < entry["drawn"]
        )
    if found["warning"]:
        yield f"**{found['warning']}**"
