"""What ``build review`` does with its options."""

from __future__ import annotations

import argparse

from build.core import KitError
from build.review.book import Book
from build.review.decisions import DecisionLog, log_path, tidy
from build.review.rows import ReviewFile
from mmm_dataset import Registry, load


def run(options: argparse.Namespace) -> int:
    """Open the page, or do what was asked for instead.

    Returns:
        0, or 1 if tasks of a Label Studio export were left out.

    Raises:
        KitError: a file, row, option or decision is wrong.
    """
    registry = load(*options.registry)
    if not options.apply and (options.out or options.only_reviewed):
        raise KitError("--out and --only-reviewed belong to --apply")
    options.reviewer = tidy(options.reviewer)
    if not options.reviewer.isprintable():
        raise KitError(f"--reviewer: {options.reviewer!r} is no name on one line")
    if options.apply:
        from build.review.apply import apply

        out = options.out or options.file.parent / "reviewed"
        book, log = _book(options, registry)
        who, only = options.adjudicator, options.only_reviewed
        print(apply(book, log, out, registry, who, only, replace=options.replace))
    elif options.report:
        from build.review.figures import report

        book, log = _book(options, registry)
        print("\n".join(filter(None, (report(book, options.adjudicator), log.warning()))))
    elif options.to_label_studio:
        from build.review.label_studio import write_tasks

        file = _book(options, registry)[0].file
        print(write_tasks(file, options.to_label_studio, registry, replace=options.replace))
    elif options.from_label_studio:
        from build.review.label_studio_import import read_tasks

        book, log = _book(options, registry)
        summary, refused = read_tasks(book, log, options.from_label_studio, registry, options.reviewer)
        print(summary)
        return 1 if refused else 0
    else:
        from build.review.desk import Desk
        from build.review.server import serve

        desk = Desk(options.file, registry, options.order, options.adjudicator)
        serve(desk, port=options.port, reviewer=options.reviewer, browser=not options.no_browser)
    return 0


def _book(options: argparse.Namespace, registry: Registry) -> tuple[Book, DecisionLog]:
    file = ReviewFile(options.file)
    file.check(registry)
    log = DecisionLog(log_path(options.file))
    log.mend()
    return Book(file, log.fresh()), log
