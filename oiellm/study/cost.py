"""What a study takes: tokens, floating-point operations, hours, memory, dollars; an estimate before, measured times afterwards.

A training step takes about 6 operations for each parameter and token, 8 if activations are computed twice, and a token that is
read or written at prediction 2 (Kaplan et al. 2020, section 2.1). Weights are written, hashed and read for the tests, and a
base is read before. ``hardware.toml`` says what machines do of all this.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import Field, ValidationError

from mmm_dataset import encode
from oiellm.data import Release, open_release, own_records
from oiellm.errors import OiellmError
from oiellm.memory import GIB, estimate, verdict
from oiellm.predict.pilot import duration
from oiellm.recipe import Recipe
from oiellm.sizes import parameters
from oiellm.study.plan import Cell, Plan
from oiellm.typed_yaml_errors import Part

_TRAIN: Final = 6
_AGAIN: Final = 2
_READ: Final = 2
_SECONDS_AN_HOUR: Final = 3600


@dataclass(frozen=True, slots=True)
class Hardware:
    """What the operations run on.

    Attributes:
        name: of the table in the file.
        count: machines of it at work at once.
        rate: operations a second that a training reaches on one.
        generation: the same when outputs are written.
        start: seconds that every training takes beside.
        weights: bytes a second at which weights are written, hashed or read.
        price: dollars an hour of one; 0 is not counted.
    """

    name: str
    count: int
    rate: float
    generation: float
    start: float
    weights: float
    price: float


@dataclass(frozen=True, slots=True)
class Cost:
    """One cell: tokens and operations of its training, operations of its tests, bytes of weights that are moved and kept."""

    rows: int
    tokens: float
    train: float
    tests: float
    moved: float
    weights: float

    def seconds(self, hardware: Hardware) -> float:
        """On one machine."""
        work = self.train / hardware.rate + self.tests / hardware.generation
        return work + hardware.start + self.moved / hardware.weights


def hardware(name: str, count: int, path: Path | None = None) -> Hardware:
    """The named hardware of the file that ships, or of another of its form.

    Raises:
        OiellmError: there is none of that name.
    """
    tables = {key: table for key, table in _tables(path).items() if key != "tokens_per_character"}
    if name not in tables:
        raise OiellmError(f"no hardware {name!r}; there are: {', '.join(tables)}")
    try:
        table = _Table.model_validate(tables[name], strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        where = f"{path or 'hardware.toml'}: [{name}] {'.'.join(map(str, first['loc']))}"
        raise OiellmError(f"{where}: {first['msg'].lower()}; a table has {', '.join(_Table.model_fields)}") from None
    rate = table.flops * table.share
    return Hardware(name, count, rate, rate * table.generation, table.start, table.weights, table.price)


class _Table(Part):
    """An entry of the file."""

    flops: Annotated[float, Field(gt=0)]
    share: Annotated[float, Field(gt=0, le=1)]
    generation: Annotated[float, Field(gt=0, le=1)]
    start: Annotated[float, Field(ge=0)]
    weights: Annotated[float, Field(gt=0)]
    price: Annotated[float, Field(ge=0)]


@cache
def _tables(path: Path | None) -> dict[str, Any]:
    try:
        text = (path or files("oiellm.study") / "hardware.toml").read_text(encoding="utf-8")
        return tomllib.loads(text)
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise OiellmError(f"{path}: cannot be read ({error})") from error


def cost(cell: Cell, plan: Plan) -> Cost:
    """The cost of a cell. Raises OiellmError if its recipe gives no sizes."""
    recipe, registry = cell.recipe, plan.release.registry
    release = open_release(recipe.data.release, registry)
    names = release.choose(None if recipe.data.configs == "all" else recipe.data.configs)
    rows, tokens = 0.0, 0.0
    for name in names:
        size, each = _side(release, name, "train", recipe)
        count = min(size, recipe.data.rows or size) * recipe.data.weights.get(name, 1.0)
        rows, tokens = rows + count, tokens + count * each
    for path in recipe.data.records:
        own = [encode(record, registry.task_words) for record in own_records(Path(path)) if record.is_annotated]
        rows, tokens = rows + len(own), tokens + sum(len(line) + len(output) for line, output in own)
    work = parameters(recipe) * (_TRAIN + (_AGAIN if recipe.train.gradient_checkpointing else 0))
    asked = sum(len(plan.selection.ids[name]) * _side(plan.release, name, "test", recipe)[1] for name in cell.configs)
    tests = _READ * parameters(recipe) * asked * len(cell.tests)
    seen = tokens * recipe.train.epochs
    if recipe.train.steps and not recipe.train.packing and rows:
        seen = tokens / rows * recipe.train.steps * recipe.train.packs_per_step
    weights = parameters(recipe) * (2 if recipe.train.precision == "bf16" else 4)
    moved = weights * (3 if recipe.model.base is None else 4)
    return Cost(round(rows), tokens, work * seen, tests, moved, weights)


def _side(release: Release, config: str, split: str, recipe: Recipe) -> tuple[int, float]:
    """Rows, and tokens of a row, of one side of a config."""
    table = _tables(None)["tokens_per_character"]
    scratch = recipe.model.base is None
    share = 1.0 if scratch else table.get(config.partition("_")[0], table["other"])
    rows, characters = _characters(release.path, _path(release, config, split))
    return rows, share * characters / max(1, rows)


def _path(release: Release, config: str, split: str) -> str:
    file = release.manifest["configs"][config]["files"].get(split)
    return str(file["path"]) if file else ""


@cache
def _characters(folder: Path, path: str) -> tuple[int, int]:
    """Rows of a file, and characters of all prompts and completions."""
    if not path:
        return 0, 0
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    table = pq.read_table(folder / path, columns=["input", "output"])
    return table.num_rows, sum(int(pc.sum(pc.utf8_length(table[name])).as_py() or 0) for name in table.column_names)


def describe(plan: Plan, costs: Sequence[Cost], machine: Hardware) -> str:
    """The plan in words and tables: what is trained and tested, how long it takes, whether it fits, what it costs."""
    from tabulate import tabulate

    study = plan.study
    body = []
    for arm in study.arms:
        own = [(cell, one) for cell, one in zip(plan.cells, costs) if arm in cell.arms]
        shared = [cell for cell, _ in own if cell.arms[0] != arm]
        mine = sum(one.seconds(machine) for cell, one in own if cell.arms[0] == arm)
        first = own[0][1]
        with_whom = f"shared with {shared[0].arms[0]}" if shared else f"{len(own):,}"
        tests = sum(len(cell.tests) for cell, _ in own)
        body.append([arm, with_whom, f"{first.rows:,}", f"{first.tokens:,.0f}", tests, duration(mine)])
    heads = ["arm", "trainings", "rows (first)", "tokens an epoch", "tests", machine.name]
    total = sum(one.seconds(machine) for one in costs)
    lines = [
        f"{study.name}: {len(plan.cells):,} trainings, {len(study.configs)} configs, {len(study.seeds)} seeds, "
        f"{plan.selection.line}",
        tabulate(body, heads, tablefmt="simple", disable_numparse=True, colalign=["left", *["right"] * 5]),
        f"about {duration(total)} of one {machine.name}, {duration(total / machine.count)} on {machine.count}"
        + (f", ${total / _SECONDS_AN_HOUR * machine.price:,.0f}" if machine.price else "")
        + "; an estimate from hardware.toml, corrected by what is measured as soon as a training is done",
        _memory(plan),
        *_disk(plan, costs, machine),
        criterion_line(plan),
    ]
    return "\n".join(lines)


def criterion_line(plan: Plan) -> str:
    """The criterion in one line."""
    one, count = plan.study.criterion, sum(len(plan.compared(name)) for name in plan.study.comparisons)
    how = "corrected after Holm for" if one.correction == "holm" else "NOT corrected for"
    least = f", at least {one.minimum:g} points" if one.minimum else ""
    return f"criterion: two-sided p <= {one.alpha:g}, {how} {count} comparisons{least}; rows and seeds are both in the interval"


def _memory(plan: Plan) -> str:
    try:
        found = max((estimate(cell.recipe) for cell in plan.cells), key=lambda one: one.total)
    except OiellmError as error:
        return f"memory: {error}"
    return (
        f"memory of the largest training on one GPU: {found.total / GIB:.1f} GiB, {verdict(found)}; "
        "oiellm show RECIPE --memory has other numbers of GPUs"
    )


def _disk(plan: Plan, costs: Sequence[Cost], machine: Hardware) -> list[str]:
    """Room for weights, where it is worth a line."""
    largest = sorted((one.weights for one in costs), reverse=True)
    kept = plan.study.keep_models
    room = sum(largest if kept else largest[: machine.count])
    what = "all weights, which are kept" if kept else "weights of the trainings under way, removed after their tests"
    more = "checkpoints come on top, see train.keep and train.save_every"
    return [f"disk: {room / GIB:.0f} GiB for the {what}; {more}"] if room >= GIB else []


def left(plan: Plan, costs: Sequence[Cost], machine: Hardware, took: Sequence[float | None]) -> str:
    """How long the rest takes, in words.

    Args:
        took: seconds of each cell that is done, None for the others.
    """
    known = [(one.seconds(machine), seconds) for one, seconds in zip(costs, took) if seconds is not None]
    rest = sum(one.seconds(machine) for one, seconds in zip(costs, took) if seconds is None)
    factor = sum(seconds for _, seconds in known) / max(1e-9, sum(planned for planned, _ in known)) if known else 1.0
    what = "measured" if known else "estimated"
    return f" (about {duration(factor * rest / machine.count)} left, {what})"
