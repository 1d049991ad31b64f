"""The command line of OIELLM. Heavy imports happen inside the verbs, so that ``--help`` is instant."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from oiellm.errors import OiellmError

if TYPE_CHECKING:
    from oiellm.data import Release
    from oiellm.evaluate.model import Opened
    from oiellm.evaluate.protocols import Selection
    from oiellm.recipe import Evaluate

BATCH = 256
_PRINTS = ("ls", "show", "validate", "extract")
_KEPT = {
    "train": "; the same command goes on from the last checkpoint, if there is one yet",
    "predict": "; what was predicted is kept, the same command goes on from there",
    "evaluate": "; what was predicted is kept, the same command goes on from there",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; a user's mistake is one line on stderr and exit code 2."""
    parser = _parser()
    options = parser.parse_args(argv)
    if not options.verb:
        parser.print_help()
        return 0
    from mmm_dataset import RegistryError

    try:
        options.run(options)
        sys.stdout.flush()
        return 0
    except (OiellmError, RegistryError) as error:
        print(f"oiellm: error: {error}", file=sys.stderr)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough; what only prints is then done
        for stream in (sys.stdout, sys.stderr):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return 0 if options.verb in _PRINTS else 141
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        print(f"oiellm: error: {where}{error.strerror or error}", file=sys.stderr)
    except KeyboardInterrupt:
        print(f"oiellm: interrupted{_KEPT.get(options.verb, '')}", file=sys.stderr)
        return 130
    return 2


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="oiellm", description="Train, run and score open-domain information extraction models.")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=_Parser)

    def verb(name: str, run: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    verb("ls", _ls, "list the recipes that ship")
    sub = verb("show", _show, "print a recipe, or what it needs")
    _recipe(sub)
    sub.add_argument("--memory", action="store_true", help="GiB per GPU by part, for several numbers of GPUs")
    sub.add_argument(
        "--gpus", type=_count, nargs="+", default=[1, 2, 4, 8], metavar="N", help="with --memory: numbers of GPUs"
    )
    ways = ("ddp", "zero2", "zero3", "fsdp2")
    sub.add_argument("--sharding", nargs="+", choices=ways, default=("ddp", "zero2", "fsdp2"), help="with --memory")
    sub = verb("validate", _validate, "check a recipe; loads no model and no data")
    _recipe(sub)
    sub = verb("train", _train, "train a recipe into a model folder, or go on where it stopped")
    _recipe(sub)
    sub.add_argument("--out", type=Path, metavar="DIR", help="the model folder (default: release/NAME-OF-THE-RECIPE)")
    sub.add_argument("--base", metavar="FOLDER", help="take the recipe's base from here")
    sub.add_argument("--processes", type=_count, metavar="N", help="refuse to run on any other number of processes")
    sub.add_argument("--restart", action="store_true", help="do not go on from a checkpoint: begin again")

    sub = verb("predict", _predict, "predict test rows of a release into a folder, or go on where it stopped")
    _model(sub, needed=True)
    _rows(sub)
    sub = verb("evaluate", _evaluate, "score a model, or predictions, on a release: tables, JSON, the Hub's YAML")
    _model(sub, needed=False)
    _rows(sub)
    text = "score these as well: folders of predictions, or files with columns config, id and output (JSON lines, CSV, Parquet)"
    sub.add_argument("--predictions", type=Path, nargs="+", default=[], metavar="PATH", help=text)
    sub.add_argument("--dataset", metavar="ORG/NAME", help="name of the release on the Hub, for the YAML")
    sub = verb("compare", _compare, "compare two folders of predictions by a paired bootstrap on the same rows")
    sub.add_argument("a", type=Path, metavar="A")
    sub.add_argument("b", type=Path, metavar="B")
    sub.add_argument("--data", default="mmm", metavar="RELEASE", help="the release they predicted (default: mmm)")
    sub.add_argument("--out", type=Path, default=Path("results/comparison"), metavar="DIR")
    _registry(sub)

    sub = verb("extract", _extract, "labels and entities of texts, one a line, as JSON lines")
    sub.add_argument(
        "file", nargs="?", default="-", metavar="FILE", help="texts, one a line; - or nothing: standard input"
    )
    sub.add_argument("--task", required=True, help="a task word such as NER, or the code of a task such as scnm")
    sub.add_argument("--language", required=True, metavar="CODE", help="ja, en, zh ...")
    sub.add_argument("--free", action="store_true", help="decode freely: the form is then not guaranteed")
    _model(sub, needed=True)
    _registry(sub)
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 1 or more")
    return int(text)


def _recipe(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recipe", metavar="RECIPE", help="name of a recipe that ships, or a YAML file")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a value: train.epochs=1"
    )
    _registry(parser)


def _read_recipe(options: argparse.Namespace) -> Any:
    from oiellm.recipe_file import load_recipe

    more = [f"data.registry={json.dumps(options.registry)}"] if options.registry else []
    return load_recipe(options.recipe, [*more, *options.set])


def _model(parser: argparse.ArgumentParser, needed: bool) -> None:
    parser.add_argument("--model", required=needed, metavar="MODEL", help="a folder, or ORG/NAME on the Hub")
    parser.add_argument("--revision", help="of the Hub repository")
    parser.add_argument("--endpoint", metavar="URL", help="ask an OpenAI-compatible completions endpoint instead")
    parser.add_argument("--continuous", action="store_true", help="continuous batching (free decoding, for GPUs)")
    parser.add_argument(
        "--batch-size", type=_count, metavar="N", help="prompts at once (default: the model's recipe, or 32)"
    )
    parser.add_argument("--max-new-tokens", type=_count, metavar="N", help="default: the model's recipe, or 512")
    parser.add_argument("--dtype", help="default: the one the model was trained in")
    parser.add_argument("--device", help="cpu, cuda, cuda:1, auto (default: a GPU if there is one)")


def _rows(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", default="mmm", metavar="RELEASE", help="a folder, a name under release/, ORG/NAME (default: mmm)"
    )
    parser.add_argument("--configs", nargs="+", metavar="CONFIG", help="default: all")
    parser.add_argument(
        "--protocol",
        choices=("standard", "full", "paper"),
        help="which test rows (default: the model's recipe, or standard)",
    )
    parser.add_argument(
        "--draws", type=_count, default=3, metavar="N", help="with --protocol paper: 3, or 1 as for 13B"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the draws")
    parser.add_argument(
        "--decoding", choices=("free", "constrained", "both"), help="default: the model's recipe, or free"
    )
    parser.add_argument(
        "--closed", action="store_true", help="list labels in the prompt where the labels are open (TCONER)"
    )
    parser.add_argument("--out", type=Path, metavar="DIR", help="default: results/MODEL-RELEASE")
    _registry(parser)


def _registry(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--registry",
        action="append",
        default=[],
        metavar="FILE",
        help="more configs: a .toml file, or the shipped xsid",
    )


# ------------------------------------------------------------------------------------------------------------- recipes


def _ls(_: argparse.Namespace) -> None:
    from tabulate import tabulate

    from oiellm.recipe_file import list_recipes

    rows = [(entry.name, entry.base or "from scratch", entry.description) for entry in list_recipes()]
    print(tabulate(rows, ("recipe", "base", "what it is"), tablefmt="plain"))


def _show(options: argparse.Namespace) -> None:
    from oiellm.memory import table
    from oiellm.recipe_file import dump, raw

    recipe = _read_recipe(options)
    if options.memory:
        print(table(recipe, options.gpus, options.sharding))
    else:
        print(dump(recipe) if options.set or options.registry else raw(options.recipe), end="")


def _validate(options: argparse.Namespace) -> None:
    print(f"{options.recipe}: {_read_recipe(options).name} is a valid recipe")


def _train(options: argparse.Namespace) -> None:
    recipe = _read_recipe(options)
    from mmm_dataset import load
    from oiellm.train.job import train

    train(
        recipe,
        options.out or Path("release") / recipe.name,
        registry=load(*recipe.data.registry),
        resume=not options.restart,
        processes=options.processes,
        base=options.base,
    )


# ------------------------------------------------------------------------------------------------ predict and evaluate


def _wanted(options: argparse.Namespace) -> tuple[Evaluate, list[str]]:
    """How a model wants to be used, and the registry files it knows, unless the options say otherwise."""
    from oiellm.evaluate.model import trained_with
    from oiellm.recipe import Evaluate

    recipe = trained_with(options.model, options.revision) if options.model and not options.endpoint else None
    if recipe is None:
        return Evaluate(constrained="free"), options.registry
    return recipe.evaluate, options.registry or list(recipe.data.registry)


def _opened(options: argparse.Namespace, wanted: Evaluate) -> Opened:
    from oiellm.evaluate.model import open_engine

    return open_engine(
        options.model,
        endpoint=options.endpoint,
        continuous=options.continuous,
        batch_size=options.batch_size or wanted.batch_size,
        dtype=options.dtype,
        device=options.device,
        revision=options.revision,
    )


def _predicted(options: argparse.Namespace) -> tuple[Release, Selection, list[Path], Path]:
    """Predict what the options ask for: release, selection, folders of the predictions, and the folder of it all."""
    from mmm_dataset import load
    from oiellm.data import open_release
    from oiellm.evaluate.model import WAYS, check_limit, open_configs, predict_selection
    from oiellm.evaluate.protocols import estimate, select

    wanted, files = _wanted(options)
    release = open_release(options.data, load(*files))
    configs = open_configs(release, options.configs) if options.closed else options.configs
    selection = select(release, configs, options.protocol or wanted.protocol, seed=options.seed, draws=options.draws)
    out = (
        options.out or Path("results") / f"{_name(options.model) if options.model else 'baselines'}-{release.path.name}"
    )
    if not options.model:
        return release, selection, [], out
    limit, ways = options.max_new_tokens or wanted.max_new_tokens, WAYS[options.decoding or wanted.constrained]
    if "constrained" in ways:
        check_limit(release, selection, limit)
    if selection.protocol == "full":
        print(estimate(selection), file=sys.stderr)
    opened = _opened(options, wanted)
    folders = []
    for way in ways:
        folder = out / f"{way}{'-closed' if options.closed else ''}"
        summary = predict_selection(
            opened, release, selection, folder, decoding=way, closed=options.closed, max_new_tokens=limit
        )
        print(f"{folder}: {_in_words(summary)}")
        folders.append(folder)
    return release, selection, folders, out


def _name(model: str) -> str:
    return Path(model).resolve().name if Path(model).is_dir() else Path(model).name


def _in_words(summary: dict[str, Any]) -> str:
    """A run in one line: rows, and what went wrong in them."""
    counts = {
        **summary["failures"],
        **summary["issues"],
        **summary["finish"],
        "dropped_items": summary["dropped_items"],
    }
    return f"{summary['rows']:,} rows; " + ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)


def _predict(options: argparse.Namespace) -> None:
    _predicted(options)


def _evaluate(options: argparse.Namespace) -> None:
    from oiellm.evaluate.hub import check_dataset
    from oiellm.evaluate.job import evaluate_runs
    from oiellm.evaluate.runs import read_run

    check_dataset(options.dataset)
    release, selection, folders, out = _predicted(options)
    runs = {f"{_name(options.model)} {folder.name}": read_run(folder) for folder in folders}
    runs |= {str(folder): read_run(folder) for folder in options.predictions}
    print(evaluate_runs(release, selection, runs, out, dataset=options.dataset))
    print(f"\n{out / 'table.md'}: as Table 1 of the paper; {out / 'results.json'}: every figure")


def _compare(options: argparse.Namespace) -> None:
    from mmm_dataset import load
    from oiellm.data import open_release
    from oiellm.evaluate.compare import compare_runs
    from oiellm.evaluate.runs import read_run

    release = open_release(options.data, load(*options.registry))
    runs = {str(folder): read_run(folder) for folder in (options.a, options.b)}
    if len(runs) < 2:
        raise OiellmError(f"{options.a}: compared with itself; name two folders of predictions")
    print(compare_runs(release, runs, options.out))
    print(f"\n{options.out / 'comparison.json'}: which rows changed")


# ------------------------------------------------------------------------------------------------------------- extract


def _extract(options: argparse.Namespace) -> None:
    from mmm_dataset import load
    from oiellm.predict.extract import Extractor, TextError

    wanted, files = _wanted(options)
    extractor = Extractor(_opened(options, wanted).engine, load(*files))
    asked = {
        "task": options.task,
        "language": options.language,
        "constrain": not options.free,
        "max_new_tokens": options.max_new_tokens or wanted.max_new_tokens,
    }
    refused = 0
    for batch in _batches(options.file):
        try:
            found = list(zip(batch, extractor.extract_many([text for _, text in batch], **asked)))
        except TextError:  # one of them; the others are answered all the same
            found = []
            for number, text in batch:
                try:
                    found.append(((number, text), extractor.extract(text, **asked)))
                except TextError as error:
                    refused += 1
                    print(f"oiellm: {options.file}:{number}: {error}", file=sys.stderr)
        for (number, _), extraction in found:
            print(json.dumps({"line": number, **asdict(extraction)}, ensure_ascii=False), flush=True)
    if refused:
        raise OiellmError(f"{options.file}: {refused} texts could not be asked about, see above; all others were")


def _batches(name: str) -> Iterator[list[tuple[int, str]]]:
    """Line number and text of the lines that are not blank, up to ``BATCH`` at a time."""
    texts: list[tuple[int, str]] = []
    with nullcontext(sys.stdin) if name == "-" else open(name, encoding="utf-8-sig") as file:
        try:
            for number, line in enumerate(file, 1):
                if text := line.rstrip("\r\n"):
                    texts.append((number, text))
                if len(texts) == BATCH:
                    yield texts
                    texts = []
        except UnicodeDecodeError as error:
            raise OiellmError(f"{name}: not UTF-8 text (byte {error.start}): save it as UTF-8") from error
    if texts:
        yield texts
