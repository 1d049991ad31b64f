"""Training speed on a CPU: this kit's trainer against TRL's defaults as shipped, and what each difference gives.

Every contender goes through the same rows once, from the same weights; nothing is truncated (checked), and only real tokens
are counted, in tokens/s: medians of --repeat interleaved runs, and the ratio to TRL as shipped (SFTConfig() with use_cpu,
which a CPU needs: batches of 8, max_length 1024, no packing, activation checkpointing, bf16 autocast). TRL in fp32 is shown
too, since bf16 helps no CPU without bf16 instructions. The model is the nano shape (hidden 192, 6 layers, 6 heads,
intermediate 512) with random weights and a character vocabulary. With one thread the seconds are CPU seconds, so that other
work on the machine counts for less; with more they are those of the clock.

    OMP_NUM_THREADS=1 python benchmarks/train.py [--data FOLDER] [--tokens N] [--repeat N]

Two length mixes of real texts, in equal parts: `short`, reviews of jrte-pn and utterances of xSID; `all`, also the sentences
behind SCNM and passages of Pile-NER. The outputs are made up (a label, and pieces of the text as entities): only their
length matters here. The folder is MMM_REAL_DATA, else ../shared/data beside the checkout; without it, the rows of release/mmm.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from mmm_dataset import load  # noqa: E402
from oiellm.data import mixture, open_release, strings  # noqa: E402
from oiellm.recipe import Recipe  # noqa: E402
from oiellm.tokens import character_tokenizer  # noqa: E402
from oiellm.train.dataset import Rows, tokenise, training_set  # noqa: E402

SHAPE = {"hidden": 192, "layers": 6, "heads": 6, "kv_heads": 6, "intermediate": 512, "positions": 4096}
LONGEST = 1000
"""Characters of a text; with its output it stays below TRL's max_length, so nothing is truncated on either side."""


def short_texts(folder: Path) -> list[list[str]]:
    """Reviews, and utterances in three languages."""
    reviews = [line.split("\t")[2] for line in (folder / "jrte-pn" / "pn.tsv").read_text(encoding="utf-8").splitlines()]
    mark = "# text = "
    files = sorted((folder / "xsid-0.7").glob("*.test.conll"))
    lines = (line for file in files for line in file.read_text(encoding="utf-8").splitlines())
    return [reviews, [line.removeprefix(mark) for line in lines if line.startswith(mark)]]


def long_texts(folder: Path) -> list[list[str]]:
    """Sentences of Wikipedia, and passages of the Pile."""
    sentences = [row["text"] for row in json.loads((folder / "stockmark-ner" / "ner.json").read_text(encoding="utf-8"))]
    with (folder / "pile-ner-slimer" / "validation.jsonl").open(encoding="utf-8") as file:
        passages = {json.loads(line)["input"] for line in file}
    return [sentences, sorted(text for text in passages if len(text) < LONGEST - 300)]


def made_up(texts: list[list[str]], size: int) -> list[tuple[str, str]]:
    """Prompts with outputs of so many characters in all, drawn from each list alike."""
    draw, out = random.Random(0), list[tuple[str, str]]()
    while sum(len(line) + len(output) for line, output in out) < size:
        text = draw.choice(texts[len(out) % len(texts)])
        pieces = [text[start : start + 4] for start in draw.sample(range(len(text)), min(len(text) // 12, 8))]
        out.append((f"{text}/NER", "社会/NER/" + "".join(f":人名;{piece}" for piece in pieces)))
    return out


def mixes(folder: Path, size: int) -> Iterator[tuple[str, list[tuple[str, str]], list[str]]]:
    """Name, rows, and the texts whose characters are the vocabulary."""
    if not folder.is_dir():
        release = open_release("mmm", registry := load())
        pairs = [strings(record, registry) for record in mixture(release)]
        yield "demo", pairs, [text for pair in pairs for text in pair]
        return
    short, long = short_texts(folder), long_texts(folder)
    texts = [text for part in short + long for text in part]
    yield "short", made_up(short, size), texts
    yield "all", made_up(short + long, size), texts


def recipe(**train: Any) -> Recipe:
    common = {"precision": "fp32", "packs_per_step": 2, "epochs": 1, "save_every": 10**6, "log_every": 10**6}
    return Recipe.model_validate(
        {
            "name": "speed",
            "description": "",
            "model": {"shape": SHAPE},
            "data": {"max_tokens": 1024},
            "train": common | train,
        }
    )


def trl(rows: Rows, tokenizer: Any, folder: Path, **changes: Any) -> Any:
    """TRL's trainer with its defaults, but for what the arguments change."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    from oiellm.train.model import make_model

    labels = [[-100] * (len(ids) - n) + ids[-n:] for ids, n in zip(rows.input_ids, rows.supervised)]
    options = {
        "use_cpu": True,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "logging_strategy": "no",
    }
    assert max(map(len, rows.input_ids)) <= SFTConfig.max_length
    return SFTTrainer(
        model=make_model(recipe(packing=False), tokenizer),
        args=SFTConfig(output_dir=str(folder), num_train_epochs=1, dataloader_pin_memory=False, **(options | changes)),
        train_dataset=Dataset.from_dict({"input_ids": rows.input_ids, "labels": labels}),
        processing_class=tokenizer,
    )


def ours(rows: Rows, tokenizer: Any, folder: Path, *, dense: bool = False, **train: Any) -> Any:
    """This kit's trainer; `dense`: with the library's attention over the whole pack."""
    from oiellm.train.arguments import make_arguments
    from oiellm.train.model import make_model
    from oiellm.train.trainer import KitTrainer

    made = recipe(**train)
    model = make_model(made, tokenizer)
    if dense:
        model.set_attn_implementation("sdpa")
    return KitTrainer(
        model=model,
        args=make_arguments(made, folder, None),
        train_dataset=training_set(rows, made.train, tokenizer.eos_token_id),
        processing_class=tokenizer,
        facts={},
        keep=1,
        chunked=made.train.chunked_loss,
    )


CONTENDERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "TRL as shipped (bf16)": (trl, {}),
    "TRL as shipped, but fp32": (trl, {"bf16": False}),
    "  and no activation checkpointing": (trl, {"bf16": False, "activation_checkpointing": False}),
    "kit, rows padded, 8 at once": (ours, {"packing": False, "packs_per_step": 8, "packs_at_once": 8}),
    "kit, packs, library's loss and attention": (ours, {"dense": True, "chunked_loss": True}),
    "  and the loss of supervised tokens alone": (ours, {"dense": True}),
    "  and attention within rows (the default)": (ours, {}),
    "  with one pack a step": (ours, {"packs_per_step": 1}),
}


def measure(rows: Rows, tokenizer: Any, repeat: int) -> dict[str, float]:
    """Median tokens/s of each contender."""
    import torch

    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    tokens = sum(map(len, rows.input_ids))
    found: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    for _ in range(repeat):
        for name, (make, options) in CONTENDERS.items():
            with tempfile.TemporaryDirectory() as folder:
                trainer = make(rows, tokenizer, Path(folder), **options)
                trainer._save_checkpoint = lambda *_: None
                start = clock()
                trainer.train()
                found[name].append(tokens / (clock() - start))
                print(f"  {name.strip()}: {found[name][-1]:,.0f} tokens/s", file=sys.stderr, flush=True)
    return {name: median(speeds) for name, speeds in found.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("MMM_REAL_DATA") or ROOT.parent / "shared" / "data")
    parser.add_argument("--tokens", type=int, default=20_000, help="size of a mix, in characters")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    import datasets
    import torch

    warnings.simplefilter("ignore")
    datasets.disable_progress_bars()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, medians of {options.repeat}")
    for mix, pairs, texts in mixes(options.data, options.tokens):
        tokenizer = character_tokenizer(texts, ["社会/NER/", "/NER", "/NER/", ":人名;"], 4000, 4096)
        rows = tokenise(pairs, [str(at) for at in range(len(pairs))], tokenizer, recipe())
        lengths = [len(ids) for ids in rows.input_ids]
        print(
            f"\n{mix}: {len(lengths)} rows, mean {mean(lengths):.0f}, longest {max(lengths)} tokens, "
            f"{rows.counts['supervised_tokens'] / sum(lengths):.0%} supervised, vocabulary {len(tokenizer)}"
        )
        speeds = measure(rows, tokenizer, options.repeat)
        first = next(iter(speeds.values()))
        for name, speed in speeds.items():
            print(f"{name:45} {speed:8,.0f} tokens/s  {speed / first:5.2f} x")


if __name__ == "__main__":
    main()
