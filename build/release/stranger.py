"""Load a release as a stranger does: with the public libraries alone, from an empty cache, outside of any checkout.

Run as a file by :mod:`build.release.verify`; it imports nothing of the kit. Reads what to look at as JSON from standard input,
prints one line of JSON for each thing it looked at, and ends with 1 if anything was not as it should be.
"""

from __future__ import annotations

import hashlib
import json
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


def main() -> int:
    """Look at everything."""
    wanted = json.load(sys.stdin)
    looks: dict[str, Callable[[dict[str, Any]], Iterator[str]]] = {
        "dataset": _dataset,
        "metric": _metric,
        "model": _model,
    }
    bad = 0
    for thing in wanted:
        name = thing["name"]
        try:
            for seen in looks[thing["kind"]](thing):
                print(json.dumps({"name": name, "seen": seen}), flush=True)
        except Exception as error:
            bad += 1
            traceback.print_exc()
            message = " ".join(str(error).split())[:500]
            print(json.dumps({"name": name, "wrong": f"{type(error).__name__}: {message}"}), flush=True)
    return 1 if bad else 0


def _dataset(thing: dict[str, Any]) -> Iterator[str]:
    import datasets

    datasets.disable_progress_bars()
    address, revision = thing["address"], thing["revision"]
    manifest = json.loads(_file(thing, "manifest.json").read_text(encoding="utf-8"))
    for name, config in thing["configs"].items():
        rows = (
            datasets.load_dataset(address, name, revision=revision)
            if revision
            else datasets.load_dataset(address, name)
        )
        for split, file in config.items():
            _same(len(rows[split]), file["rows"], f"{name}/{split}: rows")
            _same(manifest["configs"][name]["files"][split]["sha256"], file["sha256"], f"{name}/{split}: manifest")
            with _file(thing, file["path"]).open("rb") as opened:
                _same(hashlib.file_digest(opened, "sha256").hexdigest(), file["sha256"], f"{name}/{split}: checksum")
        yield f"{name}: " + ", ".join(f"{split} {file['rows']:,}" for split, file in config.items())


def _metric(thing: dict[str, Any]) -> Iterator[str]:
    import evaluate

    metric = evaluate.load(thing["address"], **({"revision": thing["revision"]} if thing["revision"] else {}))
    scores = metric.compute(predictions=thing["predictions"], references=thing["references"])
    for key, value in thing["scores"].items():
        _same(scores[key], value, key)
    yield ", ".join(f"{key} {value:g}" for key, value in thing["scores"].items())


def _model(thing: dict[str, Any]) -> Iterator[str]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    revision = {"revision": thing["revision"]} if thing["revision"] else {}
    tokenizer = AutoTokenizer.from_pretrained(thing["address"], **revision)
    model = AutoModelForCausalLM.from_pretrained(thing["address"], **revision)
    with _file(thing, thing["weights"]["path"]).open("rb") as opened:
        _same(hashlib.file_digest(opened, "sha256").hexdigest(), thing["weights"]["sha256"], thing["weights"]["path"])
    tokens = tokenizer(thing["prompt"], return_tensors="pt")
    with torch.inference_mode():
        written = model.generate(**tokens, max_new_tokens=16, do_sample=False)
    text = tokenizer.decode(written[0, tokens["input_ids"].shape[1] :], skip_special_tokens=True)
    yield f"{thing['prompt']} -> {text}"


def _file(thing: dict[str, Any], path: str) -> Path:
    if not thing["revision"]:
        return Path(thing["address"]) / path
    from huggingface_hub import hf_hub_download

    kind = {"dataset": "dataset", "metric": "space", "model": "model"}[thing["kind"]]
    return Path(hf_hub_download(thing["address"], path, repo_type=kind, revision=thing["revision"]))


def _same(found: object, wanted: object, what: str) -> None:
    if found != wanted:
        raise ValueError(f"{what}: {found!r} where the release has {wanted!r}")


if __name__ == "__main__":
    sys.exit(main())
