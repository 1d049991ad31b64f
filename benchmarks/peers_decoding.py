"""Per-row constrained decoding beside xgrammar's; run by ``benchmarks/peers.py``, in its environment.

``generate`` of transformers on one batch of the kit's own rows, with the kit's grammars, with xgrammar's, and free. The weights
are random; logits are pushed towards an output, so that each side takes the steps of a trained model.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import xgrammar
from xgrammar.contrib.hf import LogitsProcessor

from benchmarks.constrained import BATCH, REGISTRY, SIZES, Bench, Pushed, row_grammar
from build.readers import demo
from mmm_dataset import encode
from mmm_f1.unified import escape_field, escape_label
from oiellm.tokens import character_tokenizer, completion_ids, pieces

InTurn = Callable[..., list[float]]


def ebnf(text: str, word: str, text_labels: Sequence[str], word_labels: Sequence[str]) -> str:
    """The outputs that a row allows, as xgrammar takes them: an entity is a substring of the text, character by character."""

    def one_of(*values: str) -> str:
        return " | ".join(json.dumps(value, ensure_ascii=False) for value in values)

    heads, tags = [escape_label(label, word) for label in text_labels], map(escape_field, word_labels)
    lines = [f"root ::= ({one_of(*heads)}) {one_of(f'/{word}/')} item*", f'item ::= ":" ({one_of(*tags)}) ";" entity']
    lines += [f"entity ::= {' | '.join(f's{at}' for at in range(len(text)))}"]
    for at, char in enumerate(text):
        lines.append(f"s{at} ::= {one_of(escape_field(char))}" + f" s{at + 1}?" * (at + 1 < len(text)))
    return "\n".join(lines)


def compare(in_turn: InTurn) -> list[list[str]]:
    """The rows of the table, its head first.

    Args:
        in_turn: gives the median CPU seconds of each of some jobs.
    """
    records = list(demo.read(demo.FOLDER, REGISTRY))
    # In closed label sets, and without a backslash: how it is escaped depends on what follows, which the EBNF leaves out.
    usable = [row for row in records if row.word == "NER" and row.items and row_labels(row) and "\\" not in row.text]
    usable.sort(key=lambda row: len(row.text))
    rows = usable[(len(usable) - BATCH) // 2 :][:BATCH]
    configs = sorted({row.config for row in records})
    tokenizer = character_tokenizer([row.text for row in records], pieces(REGISTRY, configs), 4000, 1024)
    own = [encode(row)[1] for row in rows]
    off = [
        output if at % 4 else output.split(":")[0] + own[at - 1][own[at - 1].index(":") :]
        for at, output in enumerate(own)
    ]
    head = ["ms a step: free", "kit", "xgrammar", "kit / free", "xgrammar / free", "same outputs"]
    lines = [["shape", "the model wants", *head]]
    for size in SIZES:
        bench = Bench(size, tokenizer, rows, argparse.Namespace(device="cpu"))
        for name, wanted in (("its own items", own), ("in every fourth row another's", off)):
            lines.append(
                [size, name, *beside(in_turn, bench, tokenizer, [completion_ids(tokenizer, one) for one in wanted])]
            )
    return lines


def row_labels(row: Any) -> tuple[Sequence[str], Sequence[str]] | None:
    """Text-level and item labels of a row; None if one of the sets is open."""
    config = REGISTRY.config(row.config)
    sets = REGISTRY.text_labels(config), REGISTRY.word_labels(config, row.word)
    return sets if all(sets) else None


def beside(in_turn: InTurn, bench: Any, tokenizer: Any, wanted: list[list[int]]) -> list[str]:
    """Cells of a batch whose random model is pushed towards the wanted tokens, its grammars made inside the timing."""
    steps, outputs = max(map(len, wanted)), {}
    ids = torch.tensor([[*row, *[tokenizer.eos_token_id] * (steps - len(row))] for row in wanted])
    info = xgrammar.TokenizerInfo.from_huggingface(tokenizer, vocab_size=len(tokenizer))
    compiler = xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)

    def kit() -> list[Any]:
        made = [row_grammar(row) for row in bench.rows]
        return [bench.constrainer.processor([(one.lark, one.reserve) for one in made], bench.length, steps)]

    def peer() -> list[Any]:
        made = [ebnf(row.text, row.word, *(row_labels(row) or ((), ()))) for row in bench.rows]
        return [LogitsProcessor(list(map(compiler.compile_grammar, made)))]

    def run(name: str, make: Callable[[], list[Any]]) -> None:
        given = {"attention_mask": bench.mask, "do_sample": False, "max_new_tokens": steps}
        with torch.inference_mode():
            processors = [Pushed(ids, bench.length), *make()]
            outputs[name] = bench.model.generate(bench.ids, logits_processor=processors, **given)[:, bench.length :]

    jobs = [partial(run, "free", list), partial(run, "kit", kit), partial(run, "xgrammar", peer)]
    spent = [1000 * seconds / outputs[job.args[0]].shape[1] for job, seconds in zip(jobs, in_turn(*jobs))]
    pairs = zip(*(tokenizer.batch_decode(outputs[name], skip_special_tokens=True) for name in ("kit", "xgrammar")))
    same = f"{sum(one == other for one, other in pairs)} of {len(wanted)}"
    return [*(f"{one:.2f}" for one in spent), *(f"{one / spent[0]:.2f}" for one in spent[1:]), same]
