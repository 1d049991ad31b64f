"""The report of a study: ``report.md`` for people, from ``results.json`` and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from oiellm.evaluate.tables import origin_warning


def markdown(found: Mapping[str, Any]) -> str:
    """The report."""
    study = found["study"]
    parts = [
        f"# {study['name']}",
        study["question"],
        _about(found),
        *_verdicts(found),
        *_comparisons(found),
        "![Differences with their intervals](differences.png)" if found["comparisons"] else "",
        *_arms(found),
        *_inside(found),
        *_trainings(found),
        _how(study),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def terminal(found: Mapping[str, Any]) -> str:
    """What the verb prints: verdicts and comparisons."""
    return "\n\n".join([*_verdicts(found), *_comparisons(found, "simple")])


def _table(heads: Sequence[str], rows: Sequence[Sequence[Any]], style: str = "pipe", left: int = 1) -> str:
    from tabulate import tabulate

    align = ["left"] * left + ["right"] * (len(heads) - left)
    return tabulate(rows, heads, tablefmt=style, disable_numparse=True, colalign=align)


def _about(found: Mapping[str, Any]) -> str:
    study, data = found["study"], found["data"]
    rows = ", ".join(f"{name} {count:,}" for name, count in data["rows"].items())
    text = (
        f"Recipe `{study['recipe']}`, seeds {', '.join(map(str, study['seeds']))}, {study['decoding']} decoding. "
        f"Data {data['name']}, manifest {data['manifest_sha256'][:16]}; test rows: {rows}."
    )
    if warning := origin_warning(data["origins"]):
        text += f" **{warning}**"
    return f"{text} Criterion fixed on {found['fixed']}, before the first training."


def _verdicts(found: Mapping[str, Any]) -> Iterator[str]:
    for name, one in found["verdicts"].items():
        if not one["configs"]:
            continue
        shown, total = len(one["shown"]), one["configs"]
        low, high = (100 * end for end in one["share_interval"])
        share = f"{shown / total:.0%}, 95 % interval {low:.0f} to {high:.0f} %"
        named = f": {', '.join(one['shown'])}" if shown else ""
        text = (
            f"**{name}: {one['claim']}: {shown} of {total} configs ({share})**{named}, by {one['needs']} of "
            f"{', '.join(one['comparisons'])} under the criterion. By sign alone it would be {len(one['positive'])} of "
            f"{total}; if all arms were alike it would be {one['positive_by_chance']:.0%} of them (one-sided p "
            f"{one['positive_p']:.3f}, as if configs were independent, which translations of one text are not). In "
            f"{len(one['worse'])} configs some of it is worse."
        )
        yield f"{text} {one['quoted']}".strip()


def _comparisons(found: Mapping[str, Any], style: str = "pipe") -> Iterator[str]:
    study = found["study"]
    body = []
    for name, configs in found["comparisons"].items():
        one = study["comparisons"][name]
        for config, entry in configs.items():
            seeds = " ".join(f"{100 * value:+.1f}" for value in entry["by_seed"])
            body.append(
                [
                    *(name, config, one["figure"].upper(), f"{100 * entry['a']:.1f}", f"{100 * entry['b']:.1f}"),
                    f"{100 * entry['difference']:+.1f} [{100 * entry['low']:+.1f}, {100 * entry['high']:+.1f}]",
                    *(f"{entry['p']:.3f}", f"{entry['p_corrected']:.3f}", entry["found"], seeds),
                ]
            )
    if body:
        heads = ["comparison", "config", "", "against", "of", "difference", "p", "corrected", "found", "by seed"]
        yield _table(heads, body, style, left=3)
    notes = [note for name, one in study["comparisons"].items() for note in _unequal(name, one, found)]
    if notes:
        gap = "\n" if style == "simple" else "\n- "
        yield "Not equal in trainings that are compared:" + gap + gap.join(notes)


def _unequal(name: str, one: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[str]:
    left, right = (found["trainings"][one[side].partition("/")[0]] for side in ("against", "of"))
    for what in ("rows", "steps", "tokens"):
        if left[what] != right[what]:
            meant = "as the study says" if what in one["differs"] else "which the study does not name"
            yield f"{name}: {what} {_span(left[what])} against {_span(right[what])} ({meant})"


def _span(ends: Sequence[int]) -> str:
    low, high = ends
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _arms(found: Mapping[str, Any]) -> Iterator[str]:
    body = []
    for name, configs in found["arms"].items():
        for config, entry in configs.items():
            cells = []
            for figure in ("tl", "wl", "all"):
                mean = entry["mean"].get(figure)
                seeds = ", ".join(f"{100 * value:.1f}" for value in entry["by_seed"].get(figure, ()))
                cells.append("" if mean is None else f"{100 * mean:.1f} ({seeds})")
            body.append([name.removesuffix("/own"), config, *cells])
    for name, entries in found["baselines"].items():
        for config, entry in entries.items():
            body.append([name, config, *(f"{100 * entry[figure]:.1f}" for figure in ("tl", "wl", "all"))])
    yield "## Every arm"
    yield (
        "In percent: mean over seeds, and seed by seed. A level that an arm does not write has no figure. `majority` and "
        "`lookup` have no model, only the train rows of the config, all of them. Where `lookup` is far above the arms, either "
        "a dictionary made the gold, as in SCPOS, or the arms learnt less than copying does; WL says little then."
    )
    yield _table(["arm/test", "config", "TL", "WL", "ALL"], body, left=2)


def _inside(found: Mapping[str, Any]) -> Iterator[str]:
    for arm, configs in found["inside"].items():
        yield f"## Inside {arm}"
        body = []
        for config, entry in configs.items():
            pairs, forced = entry["given_pairs"], (entry["gold_forced"], entry["other_forced"])
            moved = f"{100 * pairs['a']:.1f} -> {100 * pairs['b']:.1f}, {_interval(pairs)}" if pairs else ""
            body.append([config, _interval(entry["association"]), *map(_changed, forced), moved])
        heads = ["config", "errors go together", "gold label forced", "wrong label forced", "label, given gold pairs"]
        yield _table(heads, body)
        yield (
            "Errors go together: share of rows with wrong pairs among those with a wrong label, minus the same share among "
            "those with the right one, in points. Gold label forced: of the rows with a wrong label (all seeds), those whose "
            "pairs are others once the gold label is forced; and the F1 of the pairs of all of them before and after. Wrong "
            "label forced: the same for rows with the right label, on which that of another row is forced: if pairs change as "
            "often and F1 does not fall, they follow some label, not what it says. Label, given gold pairs: share of rows "
            "whose likeliest label is right alone, and with the gold pairs behind it. None of these is corrected for the "
            "number of comparisons, and rows that are hard for both levels make errors go together too."
        )


def _changed(forced: Mapping[str, Any] | None) -> str:
    if not forced or not forced["rows"]:
        return ""
    return f"{forced['pairs_changed']} of {forced['rows']}, {100 * forced['wl_before']:.1f} -> {100 * forced['wl_after']:.1f}"


def _interval(entry: Mapping[str, Any] | None) -> str:
    if entry is None:
        return "no wrong or no right labels"
    return f"{100 * entry['difference']:+.1f} [{100 * entry['low']:+.1f}, {100 * entry['high']:+.1f}]"


def _trainings(found: Mapping[str, Any]) -> Iterator[str]:
    body = [
        [
            arm,
            len(one["cells"]),
            *(_span(one[what]) for what in ("rows", "steps", "tokens", "supervised_tokens")),
            one["left_out"],
        ]
        for arm, one in found["trainings"].items()
    ]
    yield "## Trainings"
    yield _table(["arm", "trainings", "rows", "steps", "tokens seen", "supervised an epoch", "rows left out"], body)


def _how(study: Mapping[str, Any]) -> str:
    criterion = study["criterion"]
    correction = "corrected after Holm" if criterion["correction"] == "holm" else "not corrected"
    return (
        "## How it was judged\n\nDifferences are in percentage points, of the mean over seeds. Intervals "
        f"({1 - criterion['alpha']:.0%}) and p values are two-sided and hold for other rows and other seeds: variance of a "
        "bootstrap over test rows, the same rows for all seeds, plus variance over seeds, its own or that of all compared "
        "arms if that is more; Student's t after Welch and Satterthwaite. A difference counts if its p, "
        f"{correction} for all comparisons of the study, is at most {criterion['alpha']:g} and it is at least "
        f"{criterion['minimum']:g} points. One seed alone is not judged."
    )
