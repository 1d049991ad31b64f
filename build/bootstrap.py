"""From a bare Python to the kit's own environment in ``.venv``. Standard library only, nothing imported that needs it.

``main`` and ``test`` set up whatever is missing and then run; every other verb is handed to the environment that is there.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENV = ROOT / ".venv"
CONSTRAINTS = ROOT / "constraints.txt"
COMPAT = ROOT / "tests" / "compat"
EXTRAS = {"main": "build", "test": "test", "setup": "build"}
OLDEST = (3, 11)
STAMP = ".installed"


class SetupError(Exception):
    """The environment cannot be made; the message is one line with the remedy."""


def run(arguments: list[str]) -> int:
    """Run a verb in the kit's environment, setting it up first for ``main``, ``test`` and ``setup``."""
    try:
        return _run(arguments)
    except SetupError as error:
        print(f"build: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("build: interrupted; the same command goes on where it has to", file=sys.stderr)
        return 130


def _run(arguments: list[str]) -> int:
    if sys.version_info < OLDEST:
        raise SetupError("Python {}.{} or newer is needed, this is {}.{}".format(*OLDEST, *sys.version_info[:2]))
    verb = next((argument for argument in arguments if not argument.startswith("-")), "")
    helping = not verb or "-h" in arguments or "--help" in arguments
    in_place = "MMM_BUILD_IN_PLACE" in os.environ  # whoever sets this brings the environment
    if not in_place and verb in EXTRAS and not helping:
        ensure(VENV, ["-e", f"{ROOT}[{EXTRAS[verb]}]"], CONSTRAINTS, also=[ROOT / "setup.cfg"])
        if verb == "test":
            for requirements in sorted(COMPAT.glob("*.txt")):
                ensure(VENV / "compat" / requirements.stem, ["--no-deps", "-r", str(requirements)], requirements)
    if not in_place and Path(sys.prefix).resolve() != VENV.resolve():
        if (VENV / STAMP).is_file():
            return _handed_over([str(python_of(VENV)), "-m", "build", *arguments])
        if not helping or verb == "read":
            raise SetupError("the environment is not set up yet: run `python3 -m build setup` first")
    from build.cli import main

    return main(arguments)


def python_of(venv: Path) -> Path:
    """The interpreter of a virtual environment."""
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def ensure(venv: Path, requirements: list[str], constraints: Path, also: list[Path] | None = None) -> None:
    """Make a virtual environment, unless one made from the very same files is there already.

    Raises:
        SetupError: ``venv`` or ``pip`` failed; pip's own message stands above.
    """
    stamp = venv / STAMP
    wanted = hashlib.sha256(repr((sys.version_info[:2], requirements)).encode())
    for path in (constraints, *(also or [])):
        wanted.update(path.read_bytes())
    if stamp.is_file() and stamp.read_text() == wanted.hexdigest():
        return
    print(f"setting up {venv.relative_to(ROOT)} (once) ...", file=sys.stderr, flush=True)
    stamp.unlink(missing_ok=True)
    # Not with the interpreter of .venv itself, which would be replaced under its own feet.
    base = getattr(sys, "_base_executable", sys.executable)
    _call([base, "-m", "venv", str(venv)], "making a virtual environment failed; on Debian: apt install python3-venv")
    pip = [str(python_of(venv)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    remedy = "pip could not install what the kit needs; is the network there?"
    if torch := _torch(constraints):
        # By itself and by its exact version: only then does a CPU build that is at hand win over the one for GPUs.
        _call([*pip, torch], remedy)
    _call([*pip, "-c", str(constraints), *requirements], remedy)
    stamp.write_text(wanted.hexdigest())


def _torch(constraints: Path) -> str | None:
    return next((line for line in constraints.read_text().splitlines() if line.startswith("torch==")), None)


def _call(command: list[str], remedy: str) -> None:
    if subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, check=False).returncode:
        raise SetupError(remedy)


def _handed_over(command: list[str]) -> int:
    if os.name != "nt":
        os.execv(command[0], command)
    return subprocess.run(command, check=False).returncode
