"""A translation run against the double, held against the truth that the double knows: yields, and bad rows that were kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from build.core import Drop
from build.readers import READERS, demo
from build.translate.rows import Outcome, Translator
from build.translate.rules import Plan, read_rules
from build.translate.yields import Yield
from mmm_dataset import Record, Registry, Span, load
from oiellm.llm.calls import Call, Reply
from tests.dialogues import drive
from tests.double.server import Answer, Reject
from tests.double.translator import Mistakes
from tests.double.translator import Translator as Double

FOURTEEN = [
    *(
        (f"ja_{task}", to)
        for task in ("scnm", "scpos_rw", "scpos_adj_n", "scpos_adj", "scpos_n", "tcree")
        for to in ("en", "zh")
    ),
    ("en_tconer", "ja"),
    ("en_tconer", "zh"),
]
"""The paper's translation runs."""

LABELS = str(demo.FOLDER / "tconer_labels.toml")


@dataclass
class Trial:
    """What one run gave.

    Attributes:
        found: the yield.
        bad: kept rows that are not the truth, by what differs: ``text``, ``items`` (another word, or too many), ``swapped``
            (the same after tags were swapped), or ``place`` (the right word, at another of its occurrences).
        wrong: those rows but for ``place``, with the truth and the mistakes that were made on them.
        swapped: rows on which tags were swapped.
        drops: dropped rows with the mistakes that were made on them.
        rows: what was kept.
    """

    found: Yield = field(default_factory=Yield)
    bad: Counter[str] = field(default_factory=Counter)
    drops: list[tuple[Drop, list[str]]] = field(default_factory=list)
    rows: list[Record] = field(default_factory=list)
    wrong: list[tuple[Record, Record, list[str]]] = field(default_factory=list)
    swapped: int = 0


def embedded() -> tuple[list[Record], Registry]:
    """The embedded rows, and a registry that can translate their open labels."""
    registry = load(LABELS)
    return [row for row in demo.read(demo.FOLDER, registry) if isinstance(row, Record)], registry


def xsid(data: Path) -> tuple[list[Record], Registry]:
    """Real sentences in three languages: the rows of xSID whose slots can be aligned by their labels, each text once."""
    registry = load("xsid")
    rows = [
        row
        for row in READERS["conll"].read(data / "xsid-0.7", registry, task="xsid", source="xsid")
        if isinstance(row, Record)
    ]
    together: dict[str, dict[str, Record]] = {}
    for row in rows:
        together.setdefault(row.source_id, {})[row.language] = row
    times = Counter((row.language, row.text) for row in rows)
    unique = [found for found in together.values() if all(times[r.language, r.text] == 1 for r in found.values())]
    return [row for found in unique for row in aligned(found)], registry


def aligned(found: dict[str, Record]) -> Iterator[Record]:
    labels = {language: [item.label for item in row.items or ()] for language, row in found.items()}
    first = sorted(labels.get("ja", []))
    if len(found) == 3 and len(set(first)) == len(first) and all(sorted(have) == first for have in labels.values()):
        order = {label: index for index, label in enumerate(labels["ja"])}
        for language, row in found.items():
            items = tuple(replace(item, source_item=order[item.label]) for item in row.items or ())
            items = tuple(sorted(items, key=lambda item: item.source_item or 0))
            yield replace(row, items=tuple(replace(i, source_item=None) for i in items) if language == "ja" else items)


def attempt(
    rows: Iterable[Record], registry: Registry, config: str, target: str, mistakes: Mistakes, **plan: object
) -> Trial:
    """Translate the rows of one config with the double, and compare with the truth."""
    rows = list(rows)
    double, trial = Double(rows, registry, mistakes), Trial()
    truth = {(row.config, row.source_id): row for row in rows}
    plan.setdefault("rules", read_rules())
    made = Translator(registry, config, target, Plan("double", **plan))  # type: ignore[arg-type]
    for record in rows:
        if record.config == config and (other := truth.get((f"{target}_{record.task}", record.source_id))):
            before = len(double.made)
            outcome = drive(made.start(record), lambda call: _reply(double, call))
            trial.found.add(outcome)
            _compare(trial, outcome, other, record, [kind for kind, _ in double.made[before:]])
    return trial


def _reply(double: Double, call: Call) -> Reply:
    messages = [{"role": role, "content": content} for role, content in call.messages]
    try:
        said = double.answer(messages, call.model, 0)
    except Reject as reject:
        return Reply(str(reject), "refused")
    return Reply(said.text or "", said.finish) if isinstance(said, Answer) else Reply(said)  # type: ignore[arg-type]


def _compare(trial: Trial, outcome: Outcome, truth: Record, source: Record, made: list[str]) -> None:
    row = outcome.row
    trial.swapped += "swapped" in made
    if isinstance(row, Drop):
        trial.drops.append((row, made))
        return
    trial.rows.append(row)
    order = {i: i if item.source_item is None else item.source_item for i, item in enumerate(truth.items or ())}
    back = {i: i if item.source_item is None else item.source_item for i, item in enumerate(source.items or ())}
    wanted = {order[i]: item for i, item in enumerate(truth.items or ())}
    pairs = [(wanted.get(back[item.source_item or 0]), item) for item in row.items or ()]
    if row.text != truth.text:
        trial.bad["text"] += 1
        trial.wrong.append((row, truth, made))
    elif any(
        w is None or [_words(s) for s in w.spans] != [_words(s) for s in i.spans] or w.label != i.label
        for w, i in pairs
    ):
        trial.bad["swapped" if "swapped" in made else "items"] += 1
        trial.wrong.append((row, truth, made))
    elif any(w is not None and w.spans != i.spans for w, i in pairs):
        trial.bad["place"] += 1


def _words(span: Span) -> str:
    """Without the full stop that some spans of xSID hold."""
    return span.text.rstrip("。.")
