"""Who publishes a repository and under which name: what a card says that no run can have recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Publisher:
    """The publisher's own part of a card; the default is a tree on somebody's disk.

    Attributes:
        repository: ``ORG/NAME`` on the Hub, ``NAME`` in a folder; empty for a tree on its own.
        version: of the release, as in ``1.0.0``; its tag is ``v1.0.0``. Empty while there is none.
        title: in place of the title that the card would have.
        authors: names, in order.
        contact: an address or URL.
        citation: BibTeX of the publisher's own work, beside the paper's.
        affiliated: whether the authors of MMM publish it.
        left_out: config to the reason why it is not in this release; of a model, why its predictions go without texts.
        changes: the changelog, Markdown, newest entry first.
    """

    repository: str = ""
    version: str = ""
    title: str = ""
    authors: tuple[str, ...] = ()
    contact: str = ""
    citation: str = ""
    affiliated: bool = False
    left_out: Mapping[str, str] = field(default_factory=dict)
    changes: str = ""

    @property
    def is_on_hub(self) -> bool:
        """Whether the repository has an account, so that its tags can be loaded."""
        return "/" in self.repository

    @property
    def tag(self) -> str:
        """The tag of the release; empty if it has no version."""
        return f"v{self.version}" if self.version else ""
