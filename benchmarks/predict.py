"""Batched prediction against one row at a time, with equal outputs: seconds, new tokens/s and their ratio.

python benchmarks/predict.py [--model FOLDER] [--rows 512] [--new 24] [--batch 64] [--repeats 3] [--threads 1]

Without ``--model`` the model is the nano shape with RANDOM weights (a Llama of width 192 with 6 layers, character vocabulary),
whose outputs mean nothing but cost what a trained model's cost; it never writes EOS, so every row has as many new tokens as
asked. The texts are test rows of a release, of all its configs in turn and again from the start if there are too few, with
their own mix of lengths. One row at a time is plain ``generate`` of transformers. The two alternate, every output of a batch
is compared with that of its row alone, and seconds are medians: CPU seconds of the process on a CPU, so that a busy machine
disturbs little, wall seconds on a GPU.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from mmm_dataset import Record, load, prompt
from oiellm.data import open_release
from oiellm.predict.engine import Request
from oiellm.predict.local import Loaded, LocalEngine, load_model
from oiellm.tokens import character_tokenizer, completion_text, pieces, prompt_ids

REGISTRY = load()


def texts(release: str, rows: int) -> list[Record]:
    """Test rows, one config after the other in turn, again from the start if there are too few."""
    data = open_release(release, REGISTRY)
    columns = [list(data.records(name, "test")) for name in data.configs]
    mixed = [record for record in chain.from_iterable(zip_longest(*columns)) if record is not None]
    return [mixed[at % len(mixed)] for at in range(rows)]


def random_nano(folder: Path, records: list[Record], dtype: str) -> Path:
    """The nano shape with random weights, and a vocabulary of the rows' characters."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    tokenizer = character_tokenizer((r.text for r in records), pieces(REGISTRY, REGISTRY.configs), 4000, 1024)
    torch.manual_seed(0)
    shape = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=192,
        intermediate_size=512,
        num_hidden_layers=6,
        num_attention_heads=6,
        max_position_embeddings=1024,
        # Wide enough that the best token leads clearly: ties would make outputs depend on the order of additions.
        initializer_range=0.1,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
    )
    model = LlamaForCausalLM(shape).to(getattr(torch, dtype))
    with torch.no_grad():
        model.lm_head.weight[tokenizer.eos_token_id] = 0  # the best logit is above 0, so this one never is the best
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def one_by_one(loaded: Loaded, lines: list[str], new: int) -> list[str]:
    """Plain ``generate``, row after row."""
    import torch

    outputs = []
    for line in lines:
        ids = torch.tensor([prompt_ids(loaded.tokenizer, line)], device=loaded.model.device)
        with torch.inference_mode():
            out = loaded.model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=new)
        outputs.append(completion_text(loaded.tokenizer, out[0, ids.shape[1] :].tolist()))
    return outputs


def batched(engine: LocalEngine, lines: list[str], new: int) -> tuple[list[str], int]:
    """The engine: outputs in the order of the lines, and the number of new tokens."""
    requests = [Request(at, line) for at, line in enumerate(lines)]
    replies = {reply.key: reply for reply in engine.generate(requests, new)}
    return [replies[at].text for at in range(len(lines))], sum(reply.tokens for reply in replies.values())


def timed(run: Callable[[], Any], clock: Callable[[], float]) -> tuple[float, Any]:
    start = clock()
    result = run()
    return clock() - start, result


def compare(loaded: Loaded, lines: list[str], args: argparse.Namespace) -> None:
    """Time both ways in turn and print the table."""
    engine = LocalEngine(loaded, args.batch)
    clock = time.process_time if loaded.model.device.type == "cpu" else time.perf_counter
    slow, fast, tokens = [], [], 0
    for turn in range(args.repeats + 1):
        # The first turn warms up on a few rows and is not counted.
        some = lines if turn else lines[: args.batch]
        seconds, wanted = timed(lambda rows=some: one_by_one(loaded, rows, args.new), clock)
        slow.append(seconds)
        seconds, (outputs, tokens) = timed(lambda rows=some: batched(engine, rows, args.new), clock)
        fast.append(seconds)
        if different := sum(a != b for a, b in zip(outputs, wanted)):
            raise SystemExit(f"{different} of {len(some)} outputs differ: the times compare nothing")
    lengths = sorted(len(prompt_ids(loaded.tokenizer, line)) for line in lines)
    print(
        f"{len(lines)} rows of {lengths[0]} to {lengths[-1]} tokens, median {lengths[len(lengths) // 2]}; all outputs equal"
    )
    first = statistics.median(slow[1:])
    report("one row at a time", first, tokens, first)
    report(f"batches of {args.batch}, sorted by length", statistics.median(fast[1:]), tokens, first)


def report(name: str, seconds: float, tokens: int, first: float) -> None:
    print(f"{name:<36} {seconds:8.2f} s {tokens / seconds:10,.0f} new tokens/s {first / seconds:6.1f}x", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="folder or ORG/NAME; default: the nano shape with random weights")
    parser.add_argument("--release", default="mmm", help="folder, or a name under release/")
    parser.add_argument("--rows", type=int, default=512)
    parser.add_argument("--new", type=int, default=24, help="new tokens")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="of torch, on a CPU")
    parser.add_argument("--dtype", default="float32")
    args = parser.parse_args()
    import torch

    torch.set_num_threads(args.threads)
    records = texts(args.release, args.rows)
    with tempfile.TemporaryDirectory() as folder:
        where = args.model or random_nano(Path(folder), records, args.dtype)
        compare(load_model(where, args.dtype), [prompt(record.text, record.word) for record in records], args)


if __name__ == "__main__":
    main()
