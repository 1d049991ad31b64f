"""The test command: lint, format, types, then the tests. Everything runs even if something before it failed."""

from __future__ import annotations

import os
import subprocess
import sys

from build.bootstrap import ROOT

_PYTHON = [sys.executable, "-m"]
_STEPS = (
    ("lint", [*_PYTHON, "ruff", "check", "."]),
    ("format", [*_PYTHON, "ruff", "format", "--check", "."]),
    ("types", [*_PYTHON, "mypy"]),
)


def run(pytest_arguments: list[str]) -> int:
    """Run all checks; with arguments for pytest, only pytest. Returns 0 if all passed."""
    failed = []
    for name, command in () if pytest_arguments else _STEPS:
        print(f"== {name}", flush=True)
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            failed.append(name)
    print("== tests", flush=True)
    workers = ["-n", str(min(4, os.cpu_count() or 1)), "--dist", "loadgroup"] if not pytest_arguments else []
    if subprocess.run([*_PYTHON, "pytest", *workers, *pytest_arguments], cwd=ROOT, check=False).returncode:
        failed.append("tests")
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0
