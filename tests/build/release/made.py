"""A piece of a few files, and a process of its own that releases it to a Hub."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from build.release.target import Kind, Repository
from build.release.versions import Level
from cards.markdown import BEGIN, END

ROOT = Path(__file__).parents[3]


def _touches_data(plan) -> bool:
    return any(
        path.endswith((".json", ".parquet")) and path[0] != "." for path in [*plan.add, *plan.replace, *plan.delete]
    )


@dataclass
class Made:
    """A piece of a few files."""

    files: dict[str, str] = field(default_factory=lambda: {"a.json": "1", "sub/b.json": "2"})
    card: str = "Ten rows."
    repository: Repository = field(default_factory=lambda: Repository("dataset", "mine"))
    level: Level = Level.MINOR

    def prepare(self, folder):
        for name, text in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)

    def render(self, folder, publisher):
        text = f"---\nlicense: mit\n---\n# Mine {publisher.tag}\n\n{self.card}\n\n{BEGIN}\n{END}\n"
        (folder / "README.md").write_text(text)

    def first(self, folder):
        return ["the first"]

    def difference(self, before, folder, plan):
        return (self.level, ["other files"]) if _touches_data(plan) else (Level.PATCH, [])


def command(piece: Made, *, dry_run: bool = False) -> list[str]:
    """The command of a process that releases a piece to ``org``."""
    kind = f"{piece.repository.kind}/{piece.repository.name}"
    return [sys.executable, "-m", "tests.build.release.made", json.dumps([piece.files, piece.card, kind, dry_run])]


def release(
    hub, home: Path, piece: Made, *, dry_run: bool = False, token: str | None = ""
) -> subprocess.CompletedProcess:
    """Release a piece; standard output is a line of JSON, an error is a line on standard error."""
    variables = hub.environment(home, token)
    return subprocess.run(
        command(piece, dry_run=dry_run),
        cwd=ROOT,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def main() -> int:
    from build.core import KitError
    from build.release.hub import Hub
    from build.release.press import press, stage
    from cards.publisher import Publisher

    files, card, name, dry_run = json.loads(sys.argv[1])
    kind: Kind = name.split("/")[0]
    piece = Made(files, card, Repository(kind, name.split("/")[1]))
    try:
        with tempfile.TemporaryDirectory() as scratch:
            target = Hub("org")
            staged = stage(piece, target, Publisher(), Path(scratch))
            done = staged if dry_run else press(staged, target, Publisher())
    except KitError as error:
        print(f"build: error: {error}", file=sys.stderr)
        return 2
    counts = {name: len(getattr(done.plan, name)) for name in ("add", "replace", "delete")}
    said = {"version": done.version, "new": done.is_new, "tagged": done.tagged, "kept": done.plan.kept, **counts}
    print(json.dumps(said))
    return 0


if __name__ == "__main__":
    sys.exit(main())
