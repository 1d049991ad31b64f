"""Files to review: translated rows with CJK text, and what a person might have decided about them."""

from dataclasses import replace

from build.review.book import Book
from build.review.decisions import Decision, DecisionLog, log_path
from build.review.rows import ReviewFile
from mmm_dataset import Item, to_dict
from mmm_dataset.files import dump
from tests.records import make_record

PLACES = ("東京", "大阪", "札幌", "𠮷野")


def source_record(number):
    place = PLACES[number % len(PLACES)]
    text = f"第{number}回の祭りは{place}で開かれ、山田花子が話した。"
    items = [pair("地名", place, text), pair("人名", "山田花子", text)]
    return make_record(text, items, id=f"ja-{number}", source_id=f"s{number}")


def target_record(number, **changes):
    place = PLACES[number % len(PLACES)]
    text = f"第{number}届庆典在{place}举行，山田花子👩‍👧发表了讲话。"
    items = [pair("地名", place, text, 0), pair("人名", "山田花子", text, 1)]
    values = {"id": f"zh-{number}", "source_id": f"s{number}", "language": "zh", "label": "社会", **changes}
    return make_record(text, items, **values)


def pair(label, piece, text, source_item=None):
    start = text.index(piece)
    return Item.pair(label, piece, start, start + len(piece), source_item)


def review_row(number, **changes):
    flags = [{"check": "numbers", "detail": "a number is missing", "start": 1, "end": 2}] if number % 5 == 0 else []
    row = {"source": to_dict(source_record(number)), "target": to_dict(target_record(number)), "flags": flags}
    return {**row, "rung": "rewrite" if number % 7 == 0 else "tagged", "risk": None, **changes}


def worklist(folder, *lacking):
    """A file of plain records, each without the fields named."""
    records = [
        replace(target_record(number), **dict.fromkeys(names.split(), None)) for number, names in enumerate(lacking)
    ]
    return write_rows(folder / "worklist.jsonl", map(to_dict, records))


def write_rows(path, rows):
    path.write_text("".join(dump(row) + "\n" for row in rows), encoding="utf-8")
    return path


def review_file(folder, count=10):
    return write_rows(folder / "review.jsonl", [review_row(number) for number in range(count)])


def decision(file, number, action="accept", reviewer="Ann", **more):
    """A decision about the row with this number of an open ReviewFile."""
    target = file[number].target
    values = {"time": "2025-01-01T00:00:00.000Z", "sha256": file.sha256(number), **more}
    return Decision(reviewer=reviewer, config=target.config, id=target.id, action=action, **values)


def decided(path, *decisions):
    """Log decisions, each (row number, action, reviewer, more), about a file; gives its book and log."""
    file, log = ReviewFile(path), DecisionLog(log_path(path))
    for number, action, reviewer, more in decisions:
        log.append([decision(file, number, action, reviewer, **more)])
    return Book(file, log.fresh()), log
