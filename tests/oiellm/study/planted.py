"""Planted data: rows of which it is known whether one level tells anything of the other.

A text is eight characters, three of them entities.

- ``bound``: the label is drawn by lot, the text says nothing of it, and the type of every pair is that of the label. So whoever
  is told the label knows the types, and whoever is told the pairs knows the label.
- ``free``: the first character of the text tells the label, and each entity its type, both in most rows and else by lot. So
  there is something to learn on both levels, and neither helps with the other.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Literal

import yaml

from mmm_dataset import Item, Record, load

Kind = Literal["bound", "free"]

LABELS = ("red", "green", "blue", "white")
TYPES = ("north", "east", "south", "west")
ENTITIES, FILLERS, SIGNS = "ABCDEFGH", "abcdefghijklmnop", "1234"
TOLD = 0.7
"""Share of the labels, and of the types, that a text of the kind ``free`` tells."""

_REGISTRY = """
labels = "planted.csv"

[task.planted]
title = "Planted"
description = "Planted data"
family = "planted"
words = ["NER"]
text_labels = "planted_text"
word_labels = { "NER" = "planted_word" }

[config.en_planted]
language = "en"
task = "planted"
version = "1.0.0"
"""


def _type(entity: str, draw: random.Random) -> int:
    return ENTITIES.index(entity) % 4 if draw.random() < TOLD else draw.randrange(4)


def record(number: int, kind: Kind, split: str, draw: random.Random) -> Record:
    label = draw.randrange(4)
    first = SIGNS[label] if kind == "free" and draw.random() < TOLD else draw.choice(SIGNS)
    inner = [draw.choice(FILLERS) for _ in range(7)]
    for at, name in zip(draw.sample(range(7), 3), draw.sample(ENTITIES, 3)):
        inner[at] = name
    text = first + "".join(inner)
    items = tuple(
        Item.pair(TYPES[label if kind == "bound" else _type(char, draw)], char, at, at + 1)
        for at, char in enumerate(text)
        if char in ENTITIES
    )
    name = f"en_planted-{split}-{number}"
    about = ("own", "user", f"{split}-{number}", "CC0-1.0", split)
    return Record(name, "en", "planted", "NER", text, LABELS[label], items, *about)


def release(folder: Path, kind: Kind, seed: int, train: int = 240, test: int = 120) -> tuple[Path, Path]:
    """Write a release and its registry file; returns both paths."""
    from build.export import build_release

    folder.mkdir(parents=True, exist_ok=True)
    registry = folder / "planted.toml"
    registry.write_text(_REGISTRY, encoding="utf-8")
    rows = [f"planted_text,t{at},en,{label},,ours" for at, label in enumerate(LABELS)]
    rows += [f"planted_word,w{at},en,{label},,ours" for at, label in enumerate(TYPES)]
    (folder / "planted.csv").write_text(
        "set,key,language,label,aliases,provenance\n" + "\n".join(rows) + "\n", encoding="utf-8"
    )
    draw, seen, records = random.Random(f"{kind}/{seed}"), set(), []
    for split, size in (("train", train), ("test", test)):
        while sum(one.split == split for one in records) < size:
            one = record(len(records), kind, split, draw)
            if one.text not in seen:
                seen.add(one.text)
                records.append(one)
    out = folder / "release"
    build_release(records, out, load(str(registry)))
    return out, registry


STUDY = """
name: planted
question: Is what was planted found?
recipe: oiellm-nano
set:
  model.shape: {{hidden: 64, layers: 2, heads: 2, kv_heads: 2, intermediate: 128, positions: 128, tie_embeddings: true}}
  model.characters: 200
  data.max_tokens: 128
  train.epochs: {epochs}
  train.learning_rate: 5e-3
  train.packing: false
  train.pack_tokens: null
  train.packs_per_step: 16
  train.packs_at_once: 16
  train.save_every: 100000
  evaluate.max_new_tokens: 64
  evaluate.batch_size: 128
release: {release}
registry: [{registry}]
configs: [en_planted]
seeds: {seeds}
arms:
  text_gold: {{set: {{data.view: {{output: text, context: gold}}}}}}
  text_neutral: {{set: {{data.view: {{output: text, context: neutral}}}}}}
  word_gold: {{set: {{data.view: {{output: word, context: gold}}}}}}
  word_neutral: {{set: {{data.view: {{output: word, context: neutral}}}}}}
comparisons:
  text: {{figure: tl, of: text_gold, against: text_neutral}}
  word: {{figure: wl, of: word_gold, against: word_neutral}}
verdicts:
  reinforcement: {{claim: one level helps the other, comparisons: [text, word], needs: all}}
"""

CONTROLS = """
arms:
  text_shuffled: {set: {data.view: {output: text, context: shuffled}}}
  word_shuffled: {set: {data.view: {output: word, context: shuffled}}}
comparisons:
  text_not_form: {figure: tl, of: text_gold, against: text_shuffled}
  word_not_form: {figure: wl, of: word_gold, against: word_shuffled}
verdicts:
  text: {claim: the text level is better for what it is told, comparisons: [text, text_not_form], needs: all}
  word: {claim: the word level is better for what it is told, comparisons: [word, word_not_form], needs: all}
"""
"""The arms, comparisons and verdicts of ``text_told`` and ``word_told`` in studies/mre.yaml that STUDY leaves out."""


def study(
    folder: Path,
    kind: Kind,
    seed: int,
    seeds: str = "[0, 1, 2]",
    epochs: int = 8,
    controls: bool = False,
    **sizes: int,
) -> Path:
    """A release of planted data and the study of it, with the controls of form or without; returns the study's file."""
    data, registry = release(folder, kind, seed, **sizes)
    found = yaml.safe_load(STUDY.format(release=data, registry=registry, seeds=seeds, epochs=epochs))
    for key, more in yaml.safe_load(CONTROLS).items() if controls else ():
        found[key] |= more
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(found, sort_keys=False), encoding="utf-8")
    return path
