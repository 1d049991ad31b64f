"""``release.yaml``: what is released and what is the publisher's own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, model_validator

from build.core import KitError
from oiellm.errors import OiellmError
from oiellm.typed_yaml import read_yaml
from oiellm.typed_yaml_errors import Part

SHIPPED: Final = Path(__file__).with_name("release.yaml")
OWN: Final = Path("release.yaml")

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,94}$")]
"""The second half of a repository's name on the Hub."""


def is_name(name: str) -> bool:
    """Whether the Hub takes it as an account, or as the second half of a repository's name."""
    allowed = re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,94}", name, re.ASCII)
    return bool(allowed) and not re.search(r"--|\.\.|[-.]$|\.git$", name)


class Dataset(Part):
    """A release tree and the name of its repository."""

    tree: str
    name: Name
    title: str | None = None


class Metric(Part):
    """The Space of the metric."""

    name: Name = "mmm_f1"


class Model(Part):
    """A model folder, its results, and the name of its repository."""

    folder: str
    name: Name
    results: str | None = None


class Space(Part):
    """A Space on which people try a model."""

    name: Name
    model: Name


class Release(Part):
    """The whole file."""

    dataset: Dataset | None = None
    metric: Metric | None = None
    models: tuple[Model, ...] = ()
    space: Space | None = None
    authors: tuple[str, ...] = ()
    contact: str | None = None
    citation: str | None = None
    affiliated: bool = False
    accept_licences: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Release:
        names = [model.name for model in self.models]
        if self.space and self.space.model not in names:
            raise ValueError(f"space.model {self.space.model!r} is none of the models: {', '.join(names) or 'none'}")
        if len(set(names)) < len(names):
            raise ValueError("two models have the same name")
        parts: list[Dataset | Metric | Space | None] = [self.dataset, self.metric, self.space]
        for name in (*(part.name for part in parts if part), *names):
            if not is_name(name):
                raise ValueError(f"{name!r} cannot be the name of a repository: no -- or .., and no - or . at its end")
        return self

    @property
    def bibtex(self) -> str:
        """The text of the citation file; empty if there is none. Raises KitError if it cannot be read."""
        if not self.citation:
            return ""
        try:
            return Path(self.citation).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise KitError(f"{self.citation}: the citation cannot be read ({error})") from error


def read_settings(path: Path | None, overrides: Sequence[str] = ()) -> Release:
    """Read a release file.

    Args:
        path: the file; None for ``release.yaml`` in the working directory if it is there, else the one that ships.
        overrides: ``KEY=VALUE``.

    Raises:
        KitError: there is no such file, or it is wrong: one line for each mistake, with its line.
    """
    path = path or (OWN if OWN.is_file() else SHIPPED)
    try:
        return read_yaml(path.name, path.read_text(encoding="utf-8-sig"), Release, overrides)
    except (OSError, UnicodeDecodeError) as error:
        raise KitError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from error
    except OiellmError as error:
        raise KitError(str(error)) from error
