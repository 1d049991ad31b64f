"""Snippets of the livedoor news corpus, read in its original layout: for TCREE, before it is annotated.

A snippet is one or two neighbouring sentences of one paragraph, verbatim, with the article's category as text-level
label. It has no items yet, and its task word (relation or event) is not settled before annotation either: the first one
of the registry stands in.
"""

from __future__ import annotations

import re
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from build.core import Drop, KitError, Row
from build.readers.inputs import missing, record_or_drop
from build.readers.sentences import LEAD, LINK, LISTING, PROSE, REJECT, split_sentences
from mmm_dataset import Registry
from mmm_dataset.files import progress

LANGUAGE = "ja"
TASK = "tcree"

# Lengths in characters. A sentence shorter than ALONE takes the next one along where both fit under LONGEST.
SHORTEST: Final = 30
ALONE: Final = 60
LONGEST: Final = 160

# Lines before the body of an article: address, time, title.
_HEAD = 3

_ARTICLE = re.compile(r"(?:^|/)([a-z-]+)/\1-(\d+)\.txt$")


def read(path: Path, registry: Registry) -> Iterator[Row]:
    """Read the corpus as a folder or as an archive.

    Raises:
        KitError: there is no article, the archive is broken, or an article is not UTF-8.
    """
    source = registry.source("livedoor")
    articles = sorted(progress(_articles(path, registry), "reading articles"))
    if not articles:
        what = "TCREE_dataset.csv and no livedoor corpus (sports-watch/sports-watch-4597641.txt ..., or the .tar.gz)"
        raise missing(path, what, source)
    word = registry.task(TASK).words[0]
    seen: dict[str, str] = {}
    for category, article, body in articles:
        label = registry.canonical("tcree_text", category, LANGUAGE)
        count = 0
        lines = body.splitlines()
        if len(lines) <= _HEAD:
            yield Drop(f"{category}-{article}", "no_body", f"{len(lines)} lines; the text begins after {_HEAD}", body)
        for line, piece in enumerate(lines[_HEAD:], _HEAD + 1):
            where = f"{category}-{article}:{line}"
            for snippet in _snippets(piece):
                if not isinstance(snippet, Drop) and snippet in seen:
                    snippet = Drop("", "repeated_snippet", f"the same text as {seen[snippet]}", snippet)
                if isinstance(snippet, Drop):
                    yield Drop(where, snippet.reason, snippet.detail, snippet.raw)
                    continue
                count += 1
                source_id = f"{category}-{article}-{count}"
                seen[snippet] = source_id
                fields = (f"{LANGUAGE}_{TASK}-{source_id}", LANGUAGE, TASK, word, snippet, label, None)
                yield record_or_drop(where, snippet, *fields, "rebuilt", source.name, source_id, source.licence)


def _articles(path: Path, registry: Registry) -> Iterator[tuple[str, str, str]]:
    categories = registry.label_set("tcree_text", LANGUAGE)
    for name, data in _files(path):
        match = _ARTICLE.search(name)
        if match and match[1] in categories:
            try:
                yield match[1], match[2], data.decode("utf-8")
            except UnicodeDecodeError as error:
                raise KitError(f"{name}: not UTF-8 (byte {error.start}): use the corpus as it was published") from error


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    archive = next((p for p in (path, *sorted(path.glob("*.tar.gz"))) if p.is_file()), None)
    if archive is None:
        files = sorted(path.rglob("*-*.txt"))
        # The category is the name of the folder, which may be the one that was given.
        yield from ((f"{file.parent.name}/{file.name}", file.read_bytes()) for file in files)
        return
    try:
        with tarfile.open(archive) as tar:
            for member in tar:
                if data := tar.extractfile(member):
                    yield member.name, data.read()
    except (tarfile.TarError, EOFError, OSError) as error:
        why = str(error).partition("\n")[0].rstrip(":")
        due = "the corpus as a folder, or ldcc-20140209.tar.gz, was due; fetch a broken archive again"
        raise KitError(f"{archive}: not a whole tar archive ({why}): {due}") from error


def _snippets(paragraph: str) -> Iterator[str | Drop]:
    """The snippets of a paragraph, each a verbatim piece of it; what is left out comes as a Drop."""
    paragraph = paragraph.strip()
    if not paragraph:
        return
    if LISTING.search(paragraph):
        yield Drop("", "boilerplate", "a heading or an item of a list", paragraph)
        return
    paragraph = LEAD.sub("", paragraph)
    # A sentence that is a link is left out by itself; its neighbours are no neighbours of each other.
    run: list[tuple[int, int]] = []
    for start, end in split_sentences(paragraph):
        if LINK.search(paragraph, start, end):
            yield from _join(paragraph, run)
            yield Drop("", "boilerplate", "a link or a credit", paragraph[start:end])
            run = []
        else:
            run.append((start, end))
    yield from _join(paragraph, run)


def _join(paragraph: str, spans: list[tuple[int, int]]) -> Iterator[str | Drop]:
    at = 0
    while at < len(spans):
        start, end = spans[at]
        at += 1
        if end - start < ALONE and at < len(spans) and spans[at][1] - start <= LONGEST:
            end = spans[at][1]
            at += 1
        yield _check(paragraph[start:end])


def _check(snippet: str) -> str | Drop:
    if not SHORTEST <= len(snippet) <= LONGEST:
        return Drop("", "too_short" if len(snippet) < SHORTEST else "too_long", f"{len(snippet)} characters", snippet)
    for reason, pattern in REJECT.items():
        if pattern.search(snippet):
            return Drop("", reason, "", snippet)
    return snippet if PROSE.search(snippet) else Drop("", "no_sentence", "no closing mark, or no kana", snippet)
