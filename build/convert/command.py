"""The verb ``convert``: the rows of a release as the files of another tool, and what these cannot hold."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from build.convert.formats import FORMATS
from build.convert.losses import Losses
from build.convert.options import FormatName
from build.convert.rows import Converted
from build.core import write_step
from build.files import versions
from build.manifest import write_manifest
from build.step_record import Run
from mmm_dataset import load
from mmm_dataset.files import progress
from mmm_dataset.record import SPLITS
from oiellm.data import Release, open_release


def run(options: argparse.Namespace) -> int:
    """The verb: prints the summary of :func:`convert`; returns 0."""
    release = open_release(options.release, load(*options.registry))
    out = options.out or Path("work/convert") / f"{release.path.resolve().name}-{options.to}"
    print(convert(release, options.to, options.config, out, replace=options.replace))
    return 0


def convert(
    release: Release, to: FormatName, configs: Sequence[str] | None, out: Path, *, replace: bool = False
) -> str:
    """Write a release in another format: a folder per config with a file or folder per split.

    Args:
        release: what is converted.
        to: name of the format.
        configs: names of configs; None for all.
        out: folder to write, see :func:`build.core.write_step`.
        replace: move what else is at ``out`` aside.

    Returns:
        A summary for people: rows per config and split, and what the format could not hold.

    Raises:
        KitError: ``out`` holds something that must not be replaced, or a library that the format needs is missing.
        OiellmError: the release has no such config, or its files are not those that its manifest names.
    """
    chosen, losses = release.choose(configs), Losses()
    identity = Run(command="convert", inputs={"release": release.digest}, options={"to": to, "configs": list(chosen)})
    with write_step(out, identity, replace=replace) as step:
        files = write_files(release, to, chosen, step.folder, losses)
        manifest = {
            "options": identity.options,
            "inputs": identity.inputs,
            "steps": losses.steps(sum(release.size(config, split) for config in chosen for split in SPLITS)),
            "files": {file.path: file.rows for file in files},
            "losses": losses.as_dict(),
            "versions": versions(),
            "registry": dict(release.registry.files),
        }
        write_manifest(step.folder, manifest)
    return "\n".join([f"{out}: {sum(file.rows for file in files):,} rows as {to}", *losses.summary()])


def write_files(
    release: Release, to: FormatName, configs: Sequence[str], folder: Path, losses: Losses
) -> list[Converted]:
    """Write the files of some configs into an empty folder; returns what was written, and counts the losses."""
    chosen = FORMATS[to]
    written: list[Converted] = []
    for config in configs:
        write, finish = chosen.config()
        home = folder / config
        home.mkdir()
        for split in SPLITS:
            if size := release.size(config, split):
                path = home / f"{split}{chosen.suffix}"
                records = progress(release.records(config, split), f"{config} {split}", size)
                rows = write(records, path, release.registry, losses)
                losses.rows[config][split] = rows
                if rows:
                    written.append(Converted(config, split, path.relative_to(folder).as_posix(), rows))
                else:  # a tool would stumble over an empty file or folder
                    path.rmdir() if path.is_dir() else path.unlink()
        if not any(losses.rows[config].values()):
            home.rmdir()
        elif finish is not None:
            finish(home)
    if chosen.finish is not None:
        chosen.finish(folder, written)
    return written
