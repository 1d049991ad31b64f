"""Spaces as folders: the page on which people try a model, and the metric."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any, Final

import yaml

from cards.credit import changelog, publication
from cards.errors import CardError
from cards.markdown import OWN_WORDS
from cards.publisher import Publisher
from cards.template import fill
from mmm_dataset.files import pretty

_ROOT: Final = Path(__file__).parents[2]
_DEMO: Final = Path(__file__).with_name("demo")
_METRIC: Final = _ROOT / "metrics" / "mmm_f1"
_PACKAGES: Final = {
    "mmm_dataset": (_ROOT / "mmm_dataset", ("*.py", "py.typed", "data/*")),
    "mmm_f1": (_METRIC, ("*.py", "py.typed")),
    "oiellm": (_ROOT / "oiellm", ("*.py", "py.typed", "predict/*.py")),
}
"""What the page imports: name to folder and what of it is needed."""
_LOAD: Final = 'evaluate.load("metrics/mmm_f1")  # "mmm_f1" beside a copy of the folder'
_NAME: Final = 'evaluate.load("metrics/mmm_f1")'


def stage_demo(target: Path, model: str, publisher: Publisher) -> None:
    """Make the folder of a Space on which people try a model.

    Args:
        target: a folder; files in it that have the same names are replaced.
        model: ``ORG/NAME`` on the Hub, or the path of its folder from this one.
        publisher: of the Space.
    """
    target.mkdir(parents=True, exist_ok=True)
    for name in ("app.py", "requirements.txt"):
        shutil.copyfile(_DEMO / name, target / name)
    for name, (folder, patterns) in _PACKAGES.items():
        for path in sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}):
            place = target / name / path.relative_to(folder)
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, place)
    (target / "space.json").write_text(pretty({"model": model}), encoding="utf-8")
    on_hub = not model.startswith(".")
    title = publisher.repository.rpartition("/")[2] or f"Try {model.rpartition('/')[2]}"
    metric = _front()
    front: dict[str, Any] = {
        "title": title,
        "emoji": "🔎",
        "colorFrom": "blue",
        "colorTo": "green",
        **{key: metric[key] for key in ("sdk", "sdk_version", "python_version", "app_file", "pinned", "license")},
        **({"models": [model]} if on_hub else {}),
        "short_description": "Text-level label and word-level items of a text",
    }
    said = {
        "title": title,
        "model": f"[{model}](https://huggingface.co/{model})" if on_hub else f"`{model}`",
        "publication": publication(publisher),
        "changes": changelog(publisher),
    }
    (target / "README.md").write_text(fill(_DEMO / "README.md", front, said), encoding="utf-8")


def stage_metric(target: Path, publisher: Publisher) -> None:
    """Make the folder of the metric's Space, whose card names its address.

    Args:
        target: a folder; files in it that have the same names are replaced.
        publisher: of the Space.

    Raises:
        CardError: the metric's own card is not what this expects.
    """
    target.mkdir(parents=True, exist_ok=True)
    for path in sorted(_METRIC.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            shutil.copyfile(path, target / path.name)
    card = (_METRIC / "README.md").read_text(encoding="utf-8")
    name = publisher.repository or _METRIC.name
    here = "" if publisher.is_on_hub else f"  # from the folder that holds {name}/"
    for old, new in (
        (_LOAD, f'evaluate.load("{name}"){here}'),
        ("# MMM F1\n", f"# MMM F1\n\n{publication(publisher)}\n"),
        ("\n## Citation\n", f"\n{OWN_WORDS}\n\n## Citation\n"),
    ):
        if card.count(old) != 1:
            raise CardError(f"{_METRIC / 'README.md'}: {old.strip()!r} must be there once, for the card of the Space")
        card = card.replace(old, new)
    whole = f"{card}\n{changelog(publisher)}".rstrip() + "\n"
    (target / "README.md").write_text(re.sub(r"\n{3,}", "\n\n", whole), encoding="utf-8")
    cover = (_METRIC / "mmm_f1.py").read_text(encoding="utf-8")
    (target / "mmm_f1.py").write_text(cover.replace(_NAME, f'evaluate.load("{name}")'), encoding="utf-8")


def _front() -> dict[str, Any]:
    """The YAML of the metric's card, which says on what Spaces run."""
    found: dict[str, Any] = yaml.safe_load((_METRIC / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    return found
