"""Who made the rows, who publishes them, and to whom the credit is due."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from cards.markdown import code, escape
from cards.publisher import Publisher
from mmm_dataset import Registry

LOCAL: Final = Publisher()
"""A tree on somebody's disk: published by nobody."""
CITATION: Final = """@article{gan2024mmm,
  title = {{MMM}: Multilingual Mutual Reinforcement Effect Mix Datasets
           \\& Test with Open-domain Information Extraction Large Language Models},
  author = {Gan, Chengguang and Yin, Qingyu and He, Xinyang and Wei, Hanjun and Liang, Yunhao and
            Lim, Younghun and Wang, Shijian and Huang, Hexiang and Zhang, Qinghao and Ni, Shiwen and
            Mori, Tatsunori},
  journal = {arXiv preprint arXiv:2407.10953},
  year = {2024}
}"""


def publication(publisher: Publisher, origins: Collection[str] = ()) -> str:
    """Who publishes this, and that they are not the authors of MMM where its rows could be taken for MMM; empty for a release
    on somebody's disk."""
    if publisher == LOCAL:
        return ""
    parts = []
    if publisher.version:
        parts.append(f"Version {publisher.version}.")
    if publisher.authors:
        parts.append(f"Published by {', '.join(map(escape, publisher.authors))}.")
    if publisher.contact:
        parts.append(f"Contact: {_address(publisher.contact)}.")
    if not publisher.affiliated and set(origins) != {"own"}:
        parts.append("Not affiliated with the authors of MMM.")
    return " ".join(parts)


def changelog(publisher: Publisher) -> str:
    """The section with the changelog, whose headings go below the card's; empty if there is none."""
    entries = re.sub(r"\A# .*\n+", "", publisher.changes.strip())
    return "## Changelog\n\n" + re.sub(r"^## ", "### ", entries, flags=re.MULTILINE) if entries else ""


def _address(contact: str) -> str:
    """A link where it is an address."""
    return f"<{contact}>" if re.fullmatch(r"https?://\S+|[^\s@<>]+@[^\s@<>]+", contact) else escape(contact)


def left_out(publisher: Publisher) -> str:
    """What was built and may not be published; empty if there is nothing."""
    if not publisher.left_out:
        return ""
    lines = [f"- {code(name)}: {escape(reason)}" for name, reason in publisher.left_out.items()]
    said = "These configs were built but are not here, because the terms of what they are made from do not allow it:"
    return "\n".join(["## What is left out", "", said, "", *lines])


def without_texts(publisher: Publisher) -> str:
    """Configs whose predictions go along without texts; empty if there are none."""
    if not publisher.left_out:
        return ""
    lines = [f"- {code(name)}: {escape(reason)}" for name, reason in publisher.left_out.items()]
    said = (
        "In the rows of these configs every column that holds a text, or what a model wrote about one, is null, because the "
        "terms of what they are made from do not allow to pass it on. Ids, kinds of failures and counts are there, and the "
        "figures above are those of the whole rows:"
    )
    return "\n".join(["#### Predictions without texts", "", said, "", *lines])


def credit(origins: Collection[str], registry: Registry) -> str:
    """To whom the credit is due: the authors always, and for their files where these rows are theirs."""
    if set(origins) == {"own"}:
        return "The unified text format is that of MMM, the work of its authors. If you use the format, cite the paper:"
    mmm = registry.source("mmm")
    places = " and ".join(f"[{name}](https://huggingface.co/datasets/{name})" for name in mmm.hub)
    theirs = (
        "The rows with origin `published` are theirs" if "published" in origins else "Their own files are on the Hub"
    )
    return (
        f"The tasks, the format and the 21 configs of MMM are the work of its authors. {theirs}: {places}, {mmm.licence}. "
        "If you use MMM or its format, cite the paper:"
    )
