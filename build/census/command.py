"""What ``build census`` does: count, write one JSON, and print a table."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

import mmm_dataset
from build.census import strings
from build.census.file import FileCensus
from build.core import KitError, write_files
from build.readers.inputs import find_all
from build.readers.published import SOURCE
from mmm_dataset import Registry, load
from mmm_dataset.files import pretty

VERSION = 1


def run(options: argparse.Namespace) -> int:
    """Write or print the census of the files named.

    Returns:
        0.

    Raises:
        KitError: a file is missing or cannot be read, or another file than a census is at ``--out``.
    """
    found = census(options.files, load(*options.registry))
    if options.out is None:
        print(pretty(found), end="")
        print(table(found), file=sys.stderr)
        return 0
    with write_files(options.out, replace=options.replace) as (file,):
        file.write(pretty(found))
    print(f"{table(found)}\n{options.out}: {len(found['files'])} files counted; it holds no text of their rows")
    return 0


def census(paths: Sequence[Path], registry: Registry) -> dict[str, Any]:
    """Count what the files hold, without any text of their rows (see ``build.census.strings``).

    Raises:
        KitError: a file is missing or cannot be read; all such files are named.
    """
    files, texts, broken = [], list[tuple[str, set[int]]](), []
    for path in _files(paths, registry):
        try:
            counted = FileCensus(path, registry).read()
        except KitError as error:
            broken.append(str(error))
        else:
            files.append(counted.as_dict())
            texts.append((counted.name, counted.texts))
    if broken:
        raise KitError(broken[0] if len(broken) == 1 else f"{len(broken)} files cannot be read: {'; '.join(broken)}")
    shared = {f"{a} + {b}": len(one & other) for (a, one), (b, other) in itertools.combinations(texts, 2)}
    return {
        "census": VERSION,
        "kit": mmm_dataset.__version__,
        "shown": {"texts": strings.TEXTS, "length": strings.LENGTH, "in_text": strings.IN_TEXT, "most": strings.MOST},
        "files": files,
        "shared_texts": {names: count for names, count in shared.items() if count},
    }


def table(found: dict[str, Any]) -> str:
    """The main counts for people to read, a line for each file."""
    return tabulate([_line(file) for file in found["files"]], "keys", intfmt=",")


def _line(file: dict[str, Any]) -> dict[str, Any]:
    about, words = file["file"], file["words"].values()
    known = about["known_bytes"]
    fields = [strings for word in words for of in word["fields"].values() for strings in of.values()]
    return {
        "file": about["name"],
        "config": about["config"] or "?",
        "split": about["split"] or "?",
        "rows": file["rows"],
        "paper": file["paper_rows"],
        "kB": about["bytes"] // 1000,
        "known": None if known is None else known // 1000,
        "in form": file["in_form"],
        "empty": sum(word["without_items"] for word in words),
        "parsed": sum(word["parsed"].get("read", 0) for word in words),
        "new labels": sum(strings["not_in_registry"] or 0 for strings in (file["text_labels"], *fields)),
        "not in text": sum(word["parsed"].get("entity_not_in_text", 0) for word in words),
    }


def _files(paths: Iterable[Path], registry: Registry) -> list[Path]:
    files: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise KitError(f"{path}: no such file or folder")
        files.update(
            dict.fromkeys(file.resolve() for file in find_all(path, registry.source(SOURCE), ".json", ".jsonl")[0])
        )
    return list(files)
