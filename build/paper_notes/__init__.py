"""Notes on the figures of arXiv 2407.10953: the text is ``notes.md``, its figures and tables are computed here."""

from pathlib import Path


def report() -> str:
    """``docs/paper_notes.md``: the text of ``notes.md`` with all figures and tables filled in; always the same bytes."""
    from build.paper_notes.findings import facts

    return Path(__file__).with_name("notes.md").read_text(encoding="utf-8").format_map(facts())
