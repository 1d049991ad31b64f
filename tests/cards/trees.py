"""Release trees of every kind that a card is rendered for."""

from build.export import build_release
from build.reading import import_published
from mmm_dataset import Item, load
from tests.published_folder import make_published_folder
from tests.records import make_record

MY_REGISTRY = """[language.ko]
name = "Korean"

[source.tickets]
title = "Support | tickets"
url = ""
licence = "internal use"
terms = ["ask-first"]

[task.mine]
title = "Mine"
description = "Intents <b>and</b> slots of $5 | more"
family = "mine"
words = ["Slot Filling"]

[config.ko_mine]
language = "ko"
task = "mine"
version = "1.0.0"

[config.en_mine]
language = "en"
task = "mine"
version = "1.0.0"
"""
YIELD = {
    "rows": 60,
    "kept_whole": 45,
    "kept_minus_items": 5,
    "items": 60,
    "items_kept": 52,
    "rungs": {"tagged": 45, "span": 5},
    "reasons": {"lost_item": 10},
}
STEPS = {
    "ko_mine-en": {
        "in": 60,
        "kept": {"en_mine": 50},
        "dropped": {"lost_item": 10},
        "noted": {},
        "made_by": {"model": "some-model", "method": "tags", "prompts": "0123"},
        "yield": YIELD,
    },
    "labels": {
        "in": 60,
        "kept": {"ko_mine": 50},
        "dropped": {},
        "noted": {},
        "made_by": {"model": "other/model", "prompts": {"labels.md": "4567"}},
    },
}


def make_published(folder):
    """The made-up authors' files as a release."""
    make_published_folder(folder / "authors")
    import_published(folder / "authors", folder / "published", load())
    return folder / "published", load()


def make_own(folder):
    """Somebody's own data, with names and texts that would break a page if they could, translated and labelled by models."""
    (folder / "my.toml").write_text(MY_REGISTRY)
    registry = load(str(folder / "my.toml"))
    common = {"task": "mine", "word": "Slot Filling", "origin": "own", "split": "train"}
    korean = [
        make_record(
            f"서울 날씨 {n} | a`b",
            [Item.pair("장소|x", "서울", 0, 2)],
            label="날씨`",
            language="ko",
            id=f"k`{n}|",
            source_id=f"s{n}",
            source="tickets",
            licence="internal use",
            **common,
        )
        for n in range(30)
    ]
    english = [
        make_record(
            f"Seoul *weather* {n} <script>alert(1)</script>\n\n# No heading\n```\n---",
            [Item.pair("place\n", "Seoul", 0, 5)],
            label="weather_$x$",
            language="en",
            id=f"e{n}",
            source_id=f"t{n}",
            source="<else>",
            licence="CC0-1.0",
            **common,
        )
        for n in range(30)
    ]
    build_release([*korean, *english], folder / "mine", registry, steps=STEPS)
    return folder / "mine", registry
