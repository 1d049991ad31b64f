"""Look at what was released as a stranger: a process of its own, an empty cache, no checkout, the public libraries."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from build.core import KitError
from build.release.pieces import DatasetPiece, MetricPiece, ModelPiece, SpacePiece
from build.release.plan import paths
from build.release.press import Pressed
from build.release.target import Target
from mmm_dataset.files import sha256

_STRANGER: Final = Path(__file__).with_name("stranger.py")
_GOLD: Final = ("Literature/NER/:Person;Kazan:Person;Spiegel", "Science/NER/")
_SAID: Final = ("Literature/NER/:Person;Kazan", "Science/NER/")
_SCORES: Final = {"tl": 1.0, "wl": 2 / 3, "all": 0.5}
"""Of what is said against the gold: both labels right, one of two pairs found and none wrong, one row of two all right."""
_KEPT: Final = frozenset({"HF_ENDPOINT", "HF_HUB_DISABLE_XET", "HF_HUB_DISABLE_PROGRESS_BARS"})
_OURS: Final = ("HF_", "HUGGING", "TRANSFORMERS_", "XDG_CACHE")
_SECRET: Final = re.compile("KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)


def verify(pressed: Sequence[Pressed], target: Target, scratch: Path, *, local: bool, anonymous: bool) -> None:
    """Load every config, compute the metric, and let every model write a line; print what was seen.

    Args:
        pressed: what was released.
        target: where.
        scratch: an empty cache is made in it, and removed.
        local: whether the addresses are folders.
        anonymous: whether to look without the token.

    Raises:
        KitError: something is not as it was released.
    """
    things = [thing for one in pressed if (thing := _expected(one, target, local=local)) is not None]
    with tempfile.TemporaryDirectory(prefix="stranger-", dir=scratch) as folder:
        script = shutil.copy2(_STRANGER, folder)
        done = subprocess.Popen(
            [sys.executable, "-P", script],
            cwd=folder,
            env=_environment(Path(folder), local=local, anonymous=anonymous),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with done:
            output, errors = done.communicate(json.dumps(things))
    wrong = []
    for line in filter(lambda line: line.startswith("{"), output.splitlines()):
        seen = json.loads(line)
        if "wrong" in seen:
            wrong.append(f"{seen['name']}: {seen['wrong']}")
        else:
            print(f"  {seen['name']}: {seen['seen']}")
    if done.returncode or wrong:
        last = (errors.strip().splitlines() or ["no message"])[-1]
        raise KitError(f"a stranger does not get what was released: {'; '.join(wrong) or last}")


def _environment(folder: Path, *, local: bool, anonymous: bool) -> dict[str, str]:
    """The variables of the stranger: no cache, no path, no secret of ours; where the Hub is stays."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if name in _KEPT or not (name == "PYTHONPATH" or name.startswith(_OURS) or _SECRET.search(name))
    }
    variables |= {"HF_HOME": str(folder / "cache"), "XDG_CACHE_HOME": str(folder / "cache")}
    if local:
        return variables | {"HF_HUB_OFFLINE": "1"}
    if anonymous:
        return variables | {"HF_HUB_DISABLE_IMPLICIT_TOKEN": "1"}
    from huggingface_hub import get_token

    # The cache is empty, and the login lies in it: the token travels as the library has it, in the environment.
    return variables | {"HF_TOKEN": get_token() or ""}


def _expected(one: Pressed, target: Target, *, local: bool) -> dict[str, Any] | None:
    piece, folder = one.piece, one.folder
    address = target.address(piece.repository)
    thing: dict[str, Any] = {
        "name": piece.repository.path,
        "address": str(Path(address).resolve()) if local else address,
        "revision": None if local else f"v{one.version}",
    }
    match piece:
        case DatasetPiece():
            configs = {name: config["files"] for name, config in piece.manifest(folder)["configs"].items()}
            return {"kind": "dataset", **thing, "configs": configs}
        case MetricPiece():
            said = {"predictions": _SAID, "references": _GOLD, "scores": _SCORES}
            return {"kind": "metric", **thing, **said}
        case ModelPiece():
            weights = next(path for path in paths(folder) if path.endswith(".safetensors"))
            found = {"path": weights, "sha256": sha256(folder / weights)}
            return {"kind": "model", **thing, "weights": found, "prompt": "Kazan filmed in New York in 1953./NER"}
        case SpacePiece():
            return None  # a page: only a Hub can run it
    raise KitError(f"{piece.repository.path}: nobody knows how to look at this")
