"""A card as the page that a browser gets: its links, anchors, images and tables."""

import re
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

from markdown_it import MarkdownIt


def front_and_body(card):
    """The YAML at the top as text, and the Markdown."""
    _, front, body = card.split("---\n", 2)
    return front, body


class Page(HTMLParser):
    """What a page holds; ``tables`` has the number of cells of each row of each table."""

    def __init__(self, markdown):
        super().__init__()
        self.links, self.images, self.anchors, self.tables, self.tags = [], [], [], [], set()
        self._heading = None
        self.feed(MarkdownIt("commonmark", {"html": True}).enable("table").render(markdown))

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        self.tags.add(tag)
        if tag == "a":
            self.links.append(found["href"])
        elif tag == "img":
            self.images.append((found["src"], found["alt"]))
        elif tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append(0)
        elif tag in ("td", "th"):
            self.tables[-1][-1] += 1
        elif re.fullmatch("h[1-6]", tag):
            self._heading = ""

    def handle_endtag(self, tag):
        if re.fullmatch("h[1-6]", tag):
            self.anchors.append(re.sub(r"[^\w\- ]", "", self._heading.lower()).replace(" ", "-"))
            self._heading = None

    def handle_data(self, text):
        if self._heading is not None:
            self._heading += text


def broken(card, folder):
    """What is wrong with a card: links that lead nowhere, images without words, tables that are none.

    Args:
        card: Markdown, with or without YAML at its top.
        folder: the repository it is the card of.
    """
    page = Page(front_and_body(card)[1] if card.startswith("---\n") else card)
    wrong = [f"a table of {rows} cells" for rows in page.tables if len(set(rows)) > 1]
    wrong += [f"no words beside {source}" for source, alt in page.images if not alt.strip()]
    wrong += [f"two headings #{anchor}" for anchor in set(page.anchors) if page.anchors.count(anchor) > 1]
    for link in [*page.links, *(source for source, _ in page.images)]:
        parts = urlsplit(link)
        if parts.scheme == "mailto" or (parts.scheme == "https" and "." in parts.netloc):
            continue
        if parts.scheme or parts.netloc:
            wrong.append(f"an odd link {link}")
        elif parts.path and not (folder / unquote(parts.path)).is_file():
            wrong.append(f"no file {link}")
        elif parts.fragment and not parts.path and parts.fragment not in page.anchors:
            wrong.append(f"no heading {link}")
    return wrong
