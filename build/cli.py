"""The command line of the pipeline. Heavy imports happen inside the verbs, so that ``--help`` is instant."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from build.options import add_registry, add_replace

RELEASE = Path("release/mmm")


def main(arguments: list[str]) -> int:
    """Run one verb; a user's mistake is one line on stderr and exit code 2."""
    parser = _parser(arguments[0] if arguments else "")
    options = parser.parse_args(arguments)
    if not options.verb:
        parser.print_help()
        return 0
    from mmm_f1.errors import UserError

    _stop_on_signals()
    try:
        code = int(options.run(options) or 0)
        sys.stdout.flush()
        return code
    except UserError as error:
        print(f"build: error: {error}", file=sys.stderr)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:  # where a copy fails, its second name is the place that could not be written
        place = error.filename2 or error.filename or "writing failed"
        print(f"build: error: {place}: {error.strerror or error}", file=sys.stderr)
    except (KeyboardInterrupt, EOFError):  # Ctrl-C, or the end of the input where a question was asked
        print("build: interrupted; nothing half-written was left behind", file=sys.stderr)
        return 130
    return 2


def _stop_on_signals() -> None:
    """A closed terminal or a plain `kill` ends the command as an exception does, so that nothing half-written stays."""

    def stop(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) == signal.SIG_DFL:
            signal.signal(getattr(signal, name), stop)


def _parser(asked: str) -> argparse.ArgumentParser:
    # The readers' options are looked up for `read` alone: everything else must answer on a bare Python.
    parser = argparse.ArgumentParser(prog="python -m build", description="The pipeline of the MMM release kit.")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")

    def verb(name: str, run: Any, text: str) -> argparse.ArgumentParser:
        sub = verbs.add_parser(name, help=text, description=text)
        sub.set_defaults(run=run)
        return sub

    text = "build the 21 configs from the embedded data, load each back, score it; train a small model on them and score it"
    sub = verb("main", _main, text)
    sub.add_argument("--recipe", default="oiellm-nano", metavar="RECIPE", help="what to train (default: oiellm-nano)")
    _out(sub)
    verb("setup", lambda _: print("the environment is ready: .venv"), "set up .venv and nothing else")
    sub = verb("test", _test, "lint, format, types and all tests; sets up the extra environments they need")
    sub.add_argument("pytest", nargs=argparse.REMAINDER, metavar="...", help="passed on to pytest")
    verb("sources", _sources, "list the sources that can be read, with their files, licences and options")

    sub = verb("read", _read, "read a source into records, a worklist of unlabelled ones, and a report")
    if asked == "read":
        _add_readers(sub)

    for name, run, text in _PACKAGES:
        sub = verb(name, run, text)
        if asked == name:
            import_module(f"build.{name}.options").add_options(sub)

    _add_release_verbs(verb)
    verb("paper-notes", _paper_notes, "recompute what docs/paper_notes.md says about the paper's figures")
    return parser


def _add_release_verbs(verb: Callable[..., argparse.ArgumentParser]) -> None:
    """Verbs that write or read a release."""
    sub = verb("export", _export, "make a release tree of records (JSON lines, as `read` writes them)")
    sub.add_argument("records", nargs="+", type=Path, metavar="RECORDS.jsonl")
    sub.add_argument(
        "--split",
        default="auto",
        choices=("auto", "hash", "table3", "published"),
        help="default: auto, the records' own split if they all have one, hash if none has",
    )
    sub.add_argument("--splits", metavar="SHARES", help="of a hash split: 80/20, or with validation 80/10/10")
    sub.add_argument("--train-share", metavar="SHARE", help="of a hash split (default: 0.8, or the registry's)")
    _out(sub)
    add_registry(sub)

    sub = verb(
        "import", _import, "make a release tree of the authors' 42 JSON files, their train and test kept verbatim"
    )
    sub.add_argument("--from", dest="origin", type=Path, metavar="DIR", required=True, help="folder with the files")
    _out(sub)
    add_registry(sub)

    sub = verb("validate", _validate, "check a release tree and say what is wrong")
    sub.add_argument("tree", type=Path, nargs="?", default=RELEASE, metavar="PATH", help=f"default: {RELEASE}")
    add_registry(sub)

    sub = verb("stats", _stats, "tables of a release tree: rows, labels, lengths, yields; --out writes them, and plots")
    sub.add_argument("tree", type=Path, nargs="?", default=RELEASE, metavar="TREE", help=f"default: {RELEASE}")
    sub.add_argument("--out", type=Path, metavar="DIR", help="also write JSON, CSV and PNG files there")
    add_replace(sub)
    add_registry(sub)

    sub = verb("show", _show, "rows of a config, with entities highlighted")
    sub.add_argument("config", metavar="CONFIG")
    sub.add_argument("--n", type=_count, default=5, metavar="N", help="how many rows (default: 5)")
    sub.add_argument("--split", choices=("train", "validation", "test"), help="default: train if there is one")
    sub.add_argument("--id", metavar="ID", help="one row, by its id")
    sub.add_argument("--release", type=Path, default=RELEASE, metavar="TREE", help=f"default: {RELEASE}")
    add_registry(sub)


def _command(options: argparse.Namespace) -> int:
    return int(import_module(f"build.{options.verb}.command").run(options))


_PACKAGES = (
    ("census", _command, "count what the authors' files hold, without any text of their rows"),
    ("init", _command, "write the registry of a data set of your own, and say what to run next"),
    ("translate", _command, "translate rows with a model, keeping every label and item; --dry-run tells the price"),
    ("annotate", _command, "let a model add the labels or items that the rows of a worklist lack"),
    ("review", _command, "look at translated or annotated rows in a local web page, correct them, apply the decisions"),
    ("convert", _command, "write a release in the format of another tool: GLiNER, spaCy, CoNLL, doccano, brat, ..."),
    (
        "release",
        _command,
        "put a release tree, the metric and a model on the Hub, or into a folder as they would be there",
    ),
)
"""Each is a package with ``options`` (standard library only) and ``command``."""


def _add_readers(parser: argparse.ArgumentParser) -> None:
    from build.readers import READERS

    sources = parser.add_subparsers(dest="reader", metavar="READER", required=True)
    for reader in READERS.values():
        sub = sources.add_parser(reader.name, help=reader.help, description=reader.help)
        sub.add_argument("--from", dest="origin", type=Path, metavar="PATH", help="file or folder; default: fetch it")
        sub.add_argument("--out", type=Path, metavar="DIR", help=f"default: work/{reader.name}")
        for name, text in reader.options.items():
            sub.add_argument(f"--{name}", metavar="VALUE", default=argparse.SUPPRESS, help=text)
        add_replace(sub)
        add_registry(sub)


def _count(value: str) -> int:
    number = int(value)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{value}: must be 1 or more")
    return number


def _out(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--out", type=Path, default=RELEASE, metavar="DIR", help=f"default: {RELEASE}")
    add_replace(parser)


def _main(options: argparse.Namespace) -> None:
    from build.main_job import run

    run(options.out, options.recipe, replace=options.replace)


def _test(options: argparse.Namespace) -> int:
    from build.checks import run

    return run(options.pytest)


def _sources(_: argparse.Namespace) -> None:
    from build.reading import describe
    from mmm_dataset import load

    print(describe(load()))


def _read(options: argparse.Namespace) -> None:
    from build.readers import READERS
    from build.reading import read
    from mmm_dataset import load

    reader = READERS[options.reader]
    names = [name.replace("-", "_") for name in reader.options]
    chosen = {name: getattr(options, name) for name in names if hasattr(options, name)}
    out = options.out or Path("work") / options.reader
    print(read(reader, options.origin, out, load(*options.registry), chosen, replace=options.replace))


def _export(options: argparse.Namespace) -> None:
    from build.reading import release
    from build.splits import parse_shares
    from mmm_dataset import load

    shares = parse_shares(options.splits, options.train_share)
    registry = load(*options.registry)
    print(release(options.records, options.out, registry, options.split, shares, replace=options.replace))


def _import(options: argparse.Namespace) -> None:
    from build.reading import import_published
    from mmm_dataset import load

    print(import_published(options.origin, options.out, load(*options.registry), replace=options.replace))


def _validate(options: argparse.Namespace) -> int:
    from build.validate import validate
    from mmm_dataset import registry_of

    report = validate(options.tree, registry_of(options.tree, options.registry))
    print(report)
    return 1 if report.errors else 0


def _stats(options: argparse.Namespace) -> None:
    from build.stats import report
    from mmm_dataset import registry_of

    report(options.tree, registry_of(options.tree, options.registry), options.out, replace=options.replace)


def _show(options: argparse.Namespace) -> None:
    from build.show import show
    from mmm_dataset import registry_of

    registry = registry_of(options.release, options.registry)
    show(options.release, options.config, registry, n=options.n, split=options.split, row_id=options.id)


def _paper_notes(_: argparse.Namespace) -> None:
    from build.paper_notes import report

    print(report())
