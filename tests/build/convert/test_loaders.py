"""The loaders of GLiNER, LLaMA-Factory and axolotl themselves on what ``convert`` writes. No weights are needed."""

import json
import os
import subprocess
import sys

import pytest

from build.bootstrap import VENV
from build.convert.command import convert
from mmm_dataset import load
from oiellm.data import open_release

pytestmark = [pytest.mark.slow, pytest.mark.compat]

TOKENIZER = """
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast
vocabulary = {name: at for at, name in enumerate(["[UNK]", "[PAD]", "[BOS]", "[EOS]", *map(chr, range(0x3000))])}
core = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
core.pre_tokenizer = pre_tokenizers.Split("", "isolated")
names = {f"{name.lower()}_token": f"[{name}]" for name in ("UNK", "PAD", "BOS", "EOS")}
tokenizer = PreTrainedTokenizerFast(tokenizer_object=core, **names)
"""

GLINER = (
    TOKENIZER
    + """
import json, pathlib
from gliner.config import GLiNERConfig
from gliner.data_processing.processor import UniEncoderSpanProcessor
config = GLiNERConfig(max_width=50, max_len=2000, max_types=1000, max_neg_type_ratio=0)
processor = UniEncoderSpanProcessor(config, tokenizer, None)
found = []
for path in sorted(pathlib.Path(".").glob("*/*.json")):
    rows = json.loads(path.read_text())
    batch = processor.collate_raw_batch(rows)
    labels = processor.create_labels(batch)
    found.append([path.as_posix(), int(labels.sum()), sum(len({tuple(one) for one in row["ner"]}) for row in rows)])
print("FOUND" + json.dumps(found))
"""
)

LLAMAFACTORY = """
import importlib.machinery, json, sys, types
audio = types.ModuleType("torchaudio")  # imported for multimodal rows, which a release has none of
audio.__spec__ = importlib.machinery.ModuleSpec("torchaudio", None)
sys.modules["torchaudio"] = audio
from datasets import load_dataset
from llamafactory.data.converter import get_dataset_converter
from llamafactory.data.parser import get_dataset_list
found = []
for one in get_dataset_list(list(json.load(open("dataset_info.json"))), "."):
    assert one.load_from == "file"
    data = load_dataset("json", data_files=one.dataset_name, split=one.split)
    rows = [get_dataset_converter(one.formatting, one, None)(row) for row in data]
    assert all([m["role"] for m in row["_prompt"] + row["_response"]] == ["user", "assistant"] for row in rows)
    found += [[row["_prompt"][0]["content"], row["_response"][0]["content"]] for row in rows]
print("FOUND" + json.dumps(found))
"""

AXOLOTL = (
    TOKENIZER
    + """
import json, types, yaml
from datasets import load_dataset
from axolotl.prompt_strategies import load
from axolotl.utils.schemas.datasets import SFTDataset
config = yaml.safe_load(open("axolotl.yaml"))
cfg = types.SimpleNamespace(train_on_inputs=config["train_on_inputs"], sequence_len=100_000)
found = []
for one in config["datasets"]:
    one = SFTDataset.model_validate(one)
    data = load_dataset(one.ds_type, data_files=one.path, split=one.split)
    strategy = load("user_defined", tokenizer, cfg, one.type.model_dump(exclude_none=True))
    for row in data:
        instruction, more, response, system = strategy.parse_instruction_fields(row)
        prompt = next(iter(strategy.prompter.build_prompt_w_system(system, instruction, more, "")))
        strategy.tokenize_prompt(row)
        found.append([prompt, response])
print("FOUND" + json.dumps(found))
"""
)


def run(code, to, demo_release, tmp_path):
    tools = next((VENV / "compat/loaders").glob("lib/python*/site-packages"), None)
    if tools is None:
        pytest.fail("no environment loaders: run the tests through `python3 -m build test`, which makes it")
    convert(open_release(demo_release, load()), to, None, tmp_path / to)
    environment = {**os.environ, "PYTHONPATH": str(tools), "HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / to, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.rpartition("FOUND")[2])


def strings(demo_release, splits):
    import pyarrow.parquet as pq

    paths = (path for split in splits for path in demo_release.glob(f"data/*/{split}-*.parquet"))
    rows = (row for path in paths for row in pq.read_table(path, columns=["input", "output"]).to_pylist())
    return sorted([row["input"], row["output"]] for row in rows)


def test_gliner_makes_a_label_of_every_entity(demo_release, tmp_path):
    found = run(GLINER, "gliner", demo_release, tmp_path)
    assert len(found) == 42
    for path, labels, entities in found:
        assert labels == entities, path


def test_llamafactory_reads_the_strings_of_the_release(demo_release, tmp_path):
    found = run(LLAMAFACTORY, "llamafactory", demo_release, tmp_path)
    assert sorted(found) == strings(demo_release, ["train", "test"])


def test_axolotl_reads_the_strings_of_the_release(demo_release, tmp_path):
    found = run(AXOLOTL, "axolotl", demo_release, tmp_path)
    assert sorted(found) == strings(demo_release, ["train"])
