"""Print the notes on the paper's figures, or with ``--write`` put them into ``docs/paper_notes.md``."""

import argparse
from pathlib import Path

from build.paper_notes import report

DOCUMENT = Path(__file__).parents[2] / "docs" / "paper_notes.md"

if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m build.paper_notes", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write the document instead of printing it")
    if parser.parse_args().write:
        DOCUMENT.write_text(report(), encoding="utf-8", newline="\n")
    else:
        print(report(), end="")
