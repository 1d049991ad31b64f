"""Write the registry, the label table and the release settings of a data set of one's own, and say what to run next."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from build.core import write_files
from build.init.answers import Answers, read_answers, terminal
from build.init.files import commands, labels_text, registry_text, settings_text
from cards.hub import licence_id
from mmm_dataset import load


def run(options: argparse.Namespace) -> int:
    """The command. Raises KitError if an answer is wrong or a file is there already."""
    answers = read_answers(options, terminal())
    files = write(answers, options.out, replace=options.replace)
    for path in files:
        print(path)
    if licence_id(answers.license) is None and answers.license != "unstated":
        print(f"build: note: {answers.license!r} is not the name of a license that the Hub knows", file=sys.stderr)
    if len(answers.languages) > 1 and (answers.labels or answers.text_labels):
        print(f"\nThe labels are spelled alike in all languages: change {files[1]} where they are not.")
    print(
        f"\nPut your rows into {answers.name}.jsonl, one JSON object per line as the first lines of {files[0]} show (or read"
    )
    print("CoNLL and exports of other tools: `python3 -m build sources`). Then:\n")
    for line in commands(answers, files[0], files[2]):
        print(f"  {line}")
    return 0


def write(answers: Answers, out: Path, *, replace: bool = False) -> list[Path]:
    """Write registry, label table and release settings.

    Args:
        answers: what is known.
        out: the folder; made if it is not there.
        replace: move files that are there to dated names beside them.

    Returns:
        Their paths.

    Raises:
        KitError: a file is there already; then none is written.
    """
    name = answers.name
    texts = {
        f"{name}.toml": registry_text(answers),
        f"{name}.csv": labels_text(answers),
        f"{name}.release.yaml": settings_text(answers, f"release/{name}"),
    }
    with tempfile.TemporaryDirectory() as folder:  # whatever the answers are, the registry can be read
        for file, text in texts.items():
            (Path(folder) / file).write_text(text, encoding="utf-8", newline="\n")
        load(str(Path(folder) / f"{name}.toml"))
    paths = [out / file for file in texts]
    with write_files(*paths, replace=replace) as files:
        for opened, text in zip(files, texts.values()):
            opened.write(text)
    return paths
