"""From a recipe to a model folder: the whole job, top to bottom."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from mmm_dataset import Registry
from oiellm.data import open_release
from oiellm.errors import OiellmError
from oiellm.quiet import quiet
from oiellm.recipe import Recipe
from oiellm.train import checkpoints
from oiellm.train.arguments import check_packages, make_arguments
from oiellm.train.facts import about, digest_of, facts

if TYPE_CHECKING:
    from oiellm.train.dataset import Rows

T = TypeVar("T")


@quiet(data=True)
def train(
    recipe: Recipe,
    out: Path,
    *,
    registry: Registry,
    resume: bool = True,
    processes: int | None = None,
    base: str | None = None,
    cache: Path | None = None,
) -> Path:
    """Train what a recipe says.

    Args:
        recipe: the recipe.
        out: the model folder; it appears, whole, when training is done. Checkpoints and trackers are in ``out.run`` beside
            it, and the checkpoints are removed at the end.
        registry: what knows the configs.
        resume: go on from the newest checkpoint that is whole; otherwise start again and remove what there is.
        processes: how many there should be; None: as many as there are.
        base: folder or repository to load instead of the recipe's ``model.base``, say a copy on this machine.
        cache: folder that keeps tokenised rows for other trainings on the same ones; None: they are not kept.

    Returns:
        ``out``. If it already holds this very run, nothing is done.

    Raises:
        OiellmError: a mistake of the user, or a full disk; says what to do.
    """
    from transformers import set_seed

    from oiellm.train import dataset, model, save
    from oiellm.train.trainer import KitTrainer

    check_packages(recipe)
    digest, named = digest_of(recipe), recipe
    recipe = _on_base(recipe, base)
    run = out.with_name(f"{out.name}.run")
    release = open_release(recipe.data.release, registry)
    registry = release.registry
    arguments = make_arguments(recipe, run, processes)

    set_seed(recipe.train.seed)
    records = dataset.training_records(recipe, release)
    pairs = dataset.training_strings(recipe, records, registry)
    tokenizer = model.make_tokenizer(recipe, pairs, records, registry)
    rows = _rows(pairs, [record.id for record in records], tokenizer, recipe, cache)
    packs = dataset.training_set(rows, recipe.train, tokenizer.eos_token_id)

    known = facts(recipe, digest, rows, arguments.world_size)
    say = _sayer(arguments)
    say(_summary(rows, len(packs), recipe))
    if _finished(out, known, say):
        return out
    checkpoint = _on_main(lambda: _checkpoint(run, known, resume, say), arguments)

    set_seed(recipe.train.seed)
    trainer = KitTrainer(
        model=model.make_model(recipe, tokenizer),
        args=arguments,
        train_dataset=packs,
        processing_class=tokenizer,
        facts=known,
        before=checkpoints.facts(Path(checkpoint)).get("spent") if checkpoint else None,
        keep=recipe.train.keep,
        chunked=recipe.train.chunked_loss,
    )
    _check_sharding(recipe, trainer)
    trainer.train(resume_from_checkpoint=checkpoint)
    spent = trainer.spent()
    try:
        save.save(trainer, recipe, tokenizer, out, about(named, recipe, release, records, rows, known), spent, registry)
    except Exception as error:
        if not checkpoints.no_space(error):
            raise
        raise OiellmError(
            f"{out}: no room for the model ({error}); free space and run again: nothing is lost"
        ) from error
    if trainer.is_world_process_zero():
        _remove_checkpoints(run)
    say(f"{out}: trained in {trainer.state.global_step:,} steps")
    return out


def _rows(
    pairs: Sequence[tuple[str, str]], ids: Sequence[str], tokenizer: Any, recipe: Recipe, cache: Path | None
) -> Rows:
    from oiellm.train import dataset, rows_cache

    if cache is None:
        return dataset.tokenise(pairs, ids, tokenizer, recipe)
    limits = (recipe.data.max_tokens, recipe.data.too_long_limit)
    return rows_cache.cached(
        cache, pairs, ids, tokenizer, limits, lambda: dataset.tokenise(pairs, ids, tokenizer, recipe)
    )


def _on_base(recipe: Recipe, base: str | None) -> Recipe:
    if base is None:
        return recipe
    if recipe.model.base is None:
        raise OiellmError(f"recipe {recipe.name} starts from scratch: it takes no base")
    return recipe.model_copy(update={"model": recipe.model.model_copy(update={"base": base, "revision": None})})


def _sayer(arguments: Any) -> Callable[[str], None]:
    """Something that prints a line to stderr, in the first process only."""
    return (
        (lambda line: print(line, file=sys.stderr, flush=True)) if arguments.process_index == 0 else (lambda line: None)
    )


def _summary(rows: Rows, packs: int, recipe: Recipe) -> str:
    counts = rows.counts
    line = f"{counts['rows']:,} rows, {counts['tokens']:,} tokens ({counts['supervised_tokens']:,} supervised), "
    line += f"longest {counts['longest']:,}, {packs:,} {'packs' if recipe.train.packing else 'rows'} an epoch"
    limit = recipe.evaluate.max_new_tokens
    if cut := sum(length > limit for length in rows.supervised):
        line += (
            f"; {cut:,} outputs have up to {max(rows.supervised):,}, more than evaluate.max_new_tokens {limit}: such "
        )
        line += "outputs would be cut"
    if rows.left_out:
        line += f"; left out, longer than {recipe.data.max_tokens}: {', '.join(rows.left_out)}"
    return line


def _finished(out: Path, facts: dict[str, Any], say: Callable[[str], None]) -> bool:
    """Whether ``out`` is the model of this very run. Raises OiellmError if it is anything else but empty."""
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return False
    try:
        found = json.loads((out / "mmm.json").read_text(encoding="utf-8"))
        same = (found["recipe_digest"], found["base_digest"], found["data_digest"]) == (
            facts["recipe"],
            facts["base"],
            facts["data"],
        )
    except (OSError, ValueError, KeyError) as error:
        raise OiellmError(f"{out} is there, but is no model of ours; choose another folder") from error
    if not same:
        raise OiellmError(f"{out} holds a model of another recipe or other data; choose another folder, or remove it")
    say(f"{out}: already trained, nothing to do")
    return True


def _on_main(work: Callable[[], T], arguments: Any) -> T:
    """Do something in the first process, and give its result to all."""
    from accelerate.utils import broadcast_object_list

    result = [work() if arguments.process_index == 0 else None]
    broadcast_object_list(result)
    return result[0]  # type: ignore[return-value]


def _checkpoint(run: Path, facts: dict[str, Any], resume: bool, say: Callable[[str], None]) -> str | None:
    """The checkpoint to go on from, after what a killed run left behind is cleaned up."""
    checkpoints.clean(run)
    found = checkpoints.newest(run, say)
    if found is None:
        return None
    if not resume:
        _start_again(run, found, facts, say)
        return None
    checkpoints.check(found, facts, say)
    say(f"resuming from {found}")
    return str(found)


def _start_again(run: Path, found: Path, facts: dict[str, Any], say: Callable[[str], None]) -> None:
    """Remove the checkpoints of this very run; those of another recipe or other data go to a dated name beside it."""
    try:
        checkpoints.check(found, facts, lambda _: None)
    except OiellmError:
        aside = run.with_name(f"{run.name}.{datetime.now():%Y%m%d-%H%M%S}")
        os.replace(run, aside)
        say(f"{run}: holds another run, which is now {aside}")
    else:
        _remove_checkpoints(run)


def _remove_checkpoints(run: Path) -> None:
    """Remove the checkpoints of a run, and its folder unless trackers wrote there."""
    checkpoints.clean(run)
    for path in checkpoints.existing(run):
        shutil.rmtree(path)
    if run.is_dir() and not any(run.iterdir()):
        run.rmdir()


def _check_sharding(recipe: Recipe, trainer: Any) -> None:
    if recipe.model.lora is not None and (trainer.is_fsdp_enabled or trainer.is_deepspeed_enabled):
        raise OiellmError("lora: adapters cannot be merged into sharded weights; launch it with the profile ddp.yaml")
