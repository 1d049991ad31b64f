"""Label words on real data: few-shot text classification by a small model, beside n-grams of characters on the same rows.

    python benchmarks/verbalize.py DATA WORK [--seeds 0 1 2] [--only scpos xsid] [--models text nano]

DATA holds the sources as for real_data.py (folders jrte-pn, ja-polarity-tohoku, xsid-0.7). WORK takes releases, models and
results; a second run goes on where the first one stopped. Two causal models, both from scratch, since no pretrained one ships:

- text: learns the texts of the train rows and never sees a label, so that its shots are the first labels it meets. Prompts are
  the kit's templates in plain words.
- nano: `oiellm train` on the train rows WITH their labels, asked in its own format. It is no few-shot model: it shows what
  label words do to a model that knows the label.

xSID's intents are an open set in its registry; here they are declared closed, as those of the train rows.
"""

from __future__ import annotations

import argparse
import csv
import random
from pathlib import Path

from real_data import release, run

from mmm_dataset import load
from oiellm.data import open_release

CONFIGS = {"scpos": ["ja_scpos_adj_n"], "xsid": ["en_xsid", "ja_xsid"]}
EPOCHS = {"scpos": {"text": 8, "nano": 3}, "xsid": {"text": 30, "nano": 8}}
"""Chosen by time alone, two to three minutes each; nothing was tuned on test rows."""
TUNING = ["--learn", "tune", "--learning-rate", "3e-4"]
"""As one tunes a model from scratch: the default rate is for pretrained ones."""
GRIDS = {"scpos": [], "xsid": ["--top", "20", "--words", "frequency", "pmi", "--shots", "0", "1", "5", "20"]}
"""xSID has 15 labels, so fewer words each, lists and numbers of shots, for the sake of time."""
SHAPES = {"scpos": (192, 512, 4, 6), "xsid": (128, 384, 2, 4)}
"""Of the model of texts: hidden and intermediate size, layers, heads. xSID has 750 texts."""
WAYS = {"text": [], "nano": ["--template", "oiellm"]}
CLOSED = """
labels = "intents.csv"

[task.xsid]
title = "xSID"
description = "Intent classification and slot filling, intents as a closed set"
family = "xsid"
words = ["Slot Filling"]
text_labels = "xsid_intent"
"""


def closed_intents(folder: Path) -> Path:
    """A registry file that declares the intents of the train rows as the set of text-level labels."""
    data = open_release(folder / "release", load("xsid"))
    labels = sorted({str(row.label) for config in data.configs for row in data.records(config, "train")})
    with (folder / "intents.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["set", "key", "language", "label", "aliases", "provenance"])
        writer.writerows(
            ["xsid_intent", label, code, label, "", "ours"] for label in labels for code in ("ja", "en", "zh")
        )
    path = folder / "closed.toml"
    path.write_text(CLOSED, encoding="utf-8")
    return path


def text_model(folder: Path, configs: list[str], registry: list[str], epochs: int) -> Path:
    """A character model of the train texts alone, of 0.4 to 2 million parameters."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from oiellm.tokens import character_tokenizer, completion_ids
    from oiellm.verbalize.slot import padded

    out = folder / "text-model"
    if (out / "config.json").is_file():
        return out
    data = open_release(folder / "release", load(*registry))
    texts = sorted({row.text for config in configs for row in data.records(config, "train")})
    tokenizer = character_tokenizer(texts, [], 4000, 1024)
    torch.manual_seed(0)
    hidden, intermediate, layers, heads = SHAPES[folder.name]
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        hidden_size=hidden,
        intermediate_size=intermediate,
        num_hidden_layers=layers,
        num_attention_heads=heads,
    )
    model = LlamaForCausalLM(config)
    rows = [completion_ids(tokenizer, text) for text in texts]
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, betas=(0.9, 0.98), weight_decay=0.1)
    steps = epochs * -(-len(rows) // 16)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps, pct_start=0.05)
    draw = random.Random(0)
    for epoch in range(epochs):
        # Batches of similar length, in an order of chance.
        order = sorted(rows, key=lambda row: len(row) + draw.random() * 8)
        batches = [order[at : at + 16] for at in range(0, len(order), 16)]
        for batch in draw.sample(batches, len(batches)):
            ids, real = padded(batch, tokenizer.pad_token_id)
            loss = model(input_ids=ids, attention_mask=real, labels=ids.masked_fill(real == 0, -100)).loss
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
        print(f"{out}: epoch {epoch + 1} of {epochs}, last loss {loss.item():.2f}", flush=True)
    tokenizer.save_pretrained(out)
    model.save_pretrained(out)
    return out


def nano_model(folder: Path, configs: list[str], registry: list[str], epochs: int) -> Path:
    """`oiellm train` of the nano recipe on the configs."""
    out, options = folder / "nano-model", [part for file in registry for part in ("--registry", file)]
    settings = [f"data.release={folder / 'release'}", f"train.epochs={epochs}", f"data.configs=[{', '.join(configs)}]"]
    run("train", "oiellm-nano", "--out", str(out), *options, *(part for one in settings for part in ("--set", one)))
    return out


MODELS = {"text": text_model, "nano": nano_model}


def main() -> None:
    """Releases, models, and per config and model one `oiellm verbalize`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--seeds", nargs="+", default=["0", "1", "2"])
    parser.add_argument("--only", nargs="+", choices=CONFIGS, default=list(CONFIGS))
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    options = parser.parse_args()
    for name in options.only:
        folder = options.work.resolve() / name
        release(name, options.data.resolve(), folder)
        registry = ["xsid", str(closed_intents(folder))] if name == "xsid" else []
        for kind in options.models:
            where = MODELS[kind](folder, CONFIGS[name], registry, EPOCHS[name][kind])
            for config in CONFIGS[name]:
                known = [part for file in registry for part in ("--registry", file)]
                rows = ["--data", str(folder / "release"), "--config", config, "--protocol", "full", *known]
                out = ["--seeds", *options.seeds, "--out", str(folder / f"results-{kind}-{config}")]
                run("verbalize", *rows, "--model", str(where), *WAYS[kind], *GRIDS[name], *TUNING, *out)


if __name__ == "__main__":
    main()
