"""Push a large data set to the tests' imitation of the Hub: seconds, peak memory, requests and commits; then push it again.

    python benchmarks/release.py [--rows 680000]

Rows are those of `benchmarks/build_release.py`. What is timed is the command `build release` as a process of its own and, for a
ratio, the same files sent by one bare `HfApi.upload_folder`. The imitation runs on the same machine: no network is measured.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT)]

BARE = """
import sys
from huggingface_hub import HfApi
api = HfApi()
api.create_repo("org/bare", repo_type="dataset", private=True)
api.upload_folder(repo_id="org/bare", folder_path=sys.argv[1], repo_type="dataset")
"""
MAKE = """
import sys
from pathlib import Path
from build_release import rows
from build.export import build_release
from mmm_dataset import load
build_release(rows(int(sys.argv[1])), Path(sys.argv[2]), load())
"""
SETTINGS = "dataset:\n  tree: {tree}\n  name: reviews\n"


def timed(command: list[str], variables: dict[str, str], folder: Path) -> tuple[float, float]:
    """Seconds and peak MiB of a process that must succeed."""
    started = time.perf_counter()
    process = subprocess.Popen(command, env=variables, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)}: ended with {status}")
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=680_000)
    options = parser.parse_args()

    from tests.hub import Hub

    with tempfile.TemporaryDirectory() as name, Hub() as hub:
        folder = Path(name)
        # In a process of its own: a child's peak begins with what its parent has.
        paths = os.pathsep.join([str(ROOT), str(ROOT / "metrics"), str(ROOT / "benchmarks")])
        make = [sys.executable, "-c", MAKE, str(options.rows), str(folder / "tree")]
        subprocess.run(make, env={**os.environ, "PYTHONPATH": paths}, check=True)
        size = sum(path.stat().st_size for path in (folder / "tree").rglob("*") if path.is_file())
        (folder / "release.yaml").write_text(SETTINGS.format(tree="tree"))
        variables = hub.environment(folder / "home") | {
            "PYTHONPATH": paths,
            "MMM_BUILD_IN_PLACE": "1",
        }
        push = [sys.executable, "-m", "build", "release", "--org", "org", "--no-verify"]
        print(
            f"{options.rows:,} rows, {size / 2**20:.0f} MiB\n\n| | s | peak MiB | requests | commits |\n|---|--:|--:|--:|--:|"
        )
        for what, command in (
            ("bare upload_folder", [sys.executable, "-c", BARE, str(folder / "tree")]),
            ("build release", push),
            ("the same again", push),
            ("the same again, looking at it as a stranger", push[:-1]),
        ):
            before = hub.count("*"), hub.count("commit")
            seconds, peak = timed(command, variables, folder)
            counts = hub.count("*") - before[0], hub.count("commit") - before[1]
            print(f"| {what} | {seconds:.1f} | {peak:.0f} | {counts[0]} | {counts[1]} |", flush=True)


if __name__ == "__main__":
    main()
