"""Constrained against free `generate` at equal step counts: batch of 32, grammars built inside the timed part.

Both sides take exactly --steps steps: `min_new_tokens` equals `max_new_tokens`, so EOS is suppressed on both. Their runs
alternate; what is printed is the median over --runs of the ratio of neighbours. The weights are random, and three models
are played:

    random      the random weights themselves: most of their tokens are refused, and masks are computed
    trained     a stand-in: logits are pushed towards the row's own gold items, over and over: nothing is refused
    off text    the same, but every fourth row asks for the items of another row: its grammar has to be compiled

Pushing the logits costs the same on both sides and is part of both times. Items are played over and over, so that outputs
are not ended because of that (``constrain.LOOP``); they are counted all the same.

    OMP_NUM_THREADS=1 python benchmarks/constrained.py [--release FOLDER] [--runs N] [--steps N] [--device cpu]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from transformers import LlamaConfig, LlamaForCausalLM, LogitsProcessor, LogitsProcessorList  # noqa: E402

from mmm_dataset import Record, encode, load, prompt  # noqa: E402
from oiellm.data import open_release  # noqa: E402
from oiellm.predict import constrain  # noqa: E402
from oiellm.predict.constrain import ConstrainedLogits, Constrainer  # noqa: E402
from oiellm.predict.grammar import Grammar, grammar  # noqa: E402
from oiellm.predict.spellings import own_spellings  # noqa: E402
from oiellm.tokens import character_tokenizer, completion_ids, pieces, prompt_ids  # noqa: E402

BATCH = 32
SIZES = {"nano": (192, 6, 512), "larger": (320, 8, 1024)}
REGISTRY = own_spellings(load())
constrain.LOOP = sys.maxsize  # type: ignore[misc]


class Pushed(LogitsProcessor):
    """Raises one token's score per row and step, so that it is the model's best."""

    def __init__(self, ids: torch.Tensor, start: int) -> None:
        self.ids, self.start = ids, start

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores, changed in place."""
        step = input_ids.shape[1] - self.start
        return scores.scatter_(1, self.ids[:, step : step + 1], 1_000.0)


def row_grammar(row: Record) -> Grammar:
    config = REGISTRY.config(row.config)
    labels = REGISTRY.word_labels(config, row.word)
    return grammar(row.text, row.word, text_labels=REGISTRY.text_labels(config), word_labels=labels)


def script(tokenizer: Any, row: Record, items: Record, steps: int) -> list[int]:
    """The row's head and the items of `items`, repeated: --steps tokens without EOS."""
    head = encode(row)[1].partition(f"/{row.word}/")[0]
    again = encode(items)[1].partition(f"/{items.word}/")[2].removesuffix(":")  # which closes relations and events
    ids = completion_ids(tokenizer, f"{head}/{row.word}/{again * steps}")[:-1]
    return ids[:steps]


def model(size: str, vocabulary: int, tokenizer: Any) -> Any:
    hidden, layers, intermediate = SIZES[size]
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=hidden,
            num_hidden_layers=layers,
            intermediate_size=intermediate,
            num_attention_heads=4,
            num_key_value_heads=4,
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    ).eval()


class Bench:
    """One model and one batch."""

    def __init__(self, size: str, tokenizer: Any, rows: list[Record], options: argparse.Namespace) -> None:
        self.rows, self.options = rows, options
        vocabulary = len(tokenizer)
        self.model = model(size, vocabulary, tokenizer).to(options.device)
        self.constrainer = Constrainer(tokenizer, vocabulary, [tokenizer.eos_token_id])
        ids = [prompt_ids(tokenizer, prompt(row.text, row.word)) for row in rows]
        self.length, pad = max(map(len, ids)), tokenizer.pad_token_id
        self.ids = torch.tensor([[pad] * (self.length - len(row)) + row for row in ids], device=options.device)
        self.mask = (self.ids != pad).long()

    def run(self, pushed: list[LogitsProcessor], constrained: bool) -> tuple[float, ConstrainedLogits | None]:
        """Seconds of one `generate`, with everything that constraining it needs."""
        steps, last = self.options.steps, None
        start = time.perf_counter()
        processors = LogitsProcessorList(pushed)
        if constrained:
            made = [row_grammar(row) for row in self.rows]
            last = self.constrainer.processor([(one.lark, one.reserve) for one in made], self.length, steps)
            processors.append(last)
        with torch.inference_mode():
            out = self.model.generate(
                self.ids,
                attention_mask=self.mask,
                do_sample=False,
                min_new_tokens=steps,
                max_new_tokens=steps,
                logits_processor=processors,
            )
        assert out.shape[1] == self.length + steps
        return time.perf_counter() - start, last

    def compare(self, name: str, ids: list[list[int]] | None) -> list[str]:
        """A row of the table."""
        device = self.options.device
        pushed = [] if ids is None else [Pushed(torch.tensor(ids, device=device), self.length)]
        self.run(pushed, False), self.run(pushed, True)
        free, bound, last = [], [], None
        for _ in range(self.options.runs):
            free.append(self.run(pushed, False)[0])
            seconds, last = self.run(pushed, True)
            bound.append(seconds)
        ratio = median(b / a for a, b in zip(free, bound, strict=True))
        assert last is not None
        step = [1000 * median(times) / self.options.steps for times in (free, bound)]
        return [name, *(f"{one:.2f}" for one in step), f"{ratio:.3f}", f"{last.refused / last.steps:.1%}"]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--release", default="mmm", help="folder of a release; `python3 -m build main` makes release/mmm"
    )
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--steps", type=int, default=48)
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    release = open_release(options.release, REGISTRY)
    train = [row for config in release.configs for row in release.records(config, "train")]
    tokenizer = character_tokenizer([row.text for row in train], pieces(REGISTRY, release.configs), 4000, 1024)
    usable = [row for row in train if row.items and row_grammar(row).reserve <= options.steps]
    # Batches are sorted by length, so a batch has rows of about one length: here the median.
    usable.sort(key=lambda row: len(row.text))
    rows = usable[(len(usable) - BATCH) // 2 :][:BATCH]
    near = [next(one for one in usable if one.word == row.word and one.text != row.text) for row in rows]
    own = [script(tokenizer, row, row, options.steps) for row in rows]
    off = [script(tokenizer, row, near[at] if at % 4 == 0 else row, options.steps) for at, row in enumerate(rows)]
    characters = sum(len(row.text) for row in rows) / len(rows)
    print(
        f"{len(rows)} rows, mean {characters:.0f} characters; {options.steps} steps; {torch.get_num_threads()} threads;"
    )
    longest = max(len(prompt_ids(tokenizer, prompt(row.text, row.word))) for row in rows)
    print(f"vocabulary {len(tokenizer):,}; longest prompt {longest} tokens;")
    print(f"{options.device}; random weights; medians of {options.runs} runs")
    print("| size | parameters | model | free ms/step | constrained ms/step | ratio | refused |")
    print("|---|--:|---|--:|--:|--:|--:|")
    for size in options.sizes:
        bench = Bench(size, tokenizer, rows, options)
        count = f"{sum(part.numel() for part in bench.model.parameters()) / 1e6:.1f}M"
        for name, ids in (("random", None), ("trained", own), ("off text", off)):
            print("| " + " | ".join([size, count, *bench.compare(name, ids)]) + " |", flush=True)


if __name__ == "__main__":
    main()
