"""Whatever the model, a constrained output parses, is grounded and has labels of the set; a good free output stays as it is."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, LogitsProcessor, LogitsProcessorList, PreTrainedTokenizerFast

from mmm_dataset import Decoded, decode, encode, load, prompt
from mmm_f1.unified import REPEATED_PAIR, Failure, parse, render
from oiellm.data import open_release
from oiellm.errors import OiellmError
from oiellm.predict import constrain
from oiellm.predict.constrain import Constrainer
from oiellm.predict.engine import Reply
from oiellm.predict.grammar import grammar, repair
from oiellm.predict.reading import Question, answer
from oiellm.tokens import character_tokenizer, completion_ids, completion_text, pieces, prompt_ids

REGISTRY = load()
EXTRA = 7
"""Columns of the logits that the tokenizer has no token for."""
SPECIAL = ["<pad>", "</s>", "<unk>"]
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
SENTENCEPIECE = (decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0))
HOSTILE = (
    "J:COM; a/NER/b \\ C:\\tools;\\: end\\",
    "a\\:b\n\tc\r\nd",
    "👩‍👩‍👧‍👦 か\u3099き\u3099 e\u0301",
    "",
    "/NER/",
    "  two  spaces ▁ ",
    "𠮷野家で𩸽",
)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def release(demo_release):
    return open_release(demo_release, REGISTRY)


@pytest.fixture(scope="module")
def corpus(release):
    return [row for config in release.configs for row in list(release.records(config, "train"))[:10]]


def wrap(inner):
    return PreTrainedTokenizerFast(
        tokenizer_object=inner,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def byte_level(texts):
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    inner.train_from_iterator(
        texts,
        trainers.BpeTrainer(vocab_size=800, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False),
    )
    return wrap(inner)


def sentencepiece(texts, kind):
    """As Llama 2 (``prepend``: a normaliser), or with Metaspace (``first``, ``always``); bytes as fallback."""
    inner = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    if kind == "prepend":
        inner.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    else:
        inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=kind, split=False)
    inner.decoder = decoders.Sequence(list(SENTENCEPIECE))
    options = {"vocab_size": 800, "limit_alphabet": 250, "max_token_length": 8, "show_progress": False}
    inner.train_from_iterator(texts, trainers.BpeTrainer(special_tokens=[*SPECIAL, *BYTES], **options))
    return without_special_bytes(inner)


def unigram(texts):
    """Unigram with bytes as fallback."""
    inner = Tokenizer(models.Unigram())
    inner.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    ascii_only = ["".join(char for char in text if char < "\x7f") for text in texts]
    inner.train_from_iterator(
        ascii_only,
        trainers.UnigramTrainer(vocab_size=400, unk_token="<unk>", special_tokens=SPECIAL, show_progress=False),
    )
    content = json.loads(inner.to_str())
    content["model"]["vocab"] += [[byte, -20.0] for byte in BYTES]
    content["model"]["byte_fallback"] = True
    inner = Tokenizer.from_str(json.dumps(content))
    inner.decoder = decoders.Sequence(list(SENTENCEPIECE))
    return wrap(inner)


def without_special_bytes(inner):
    content = json.loads(inner.to_str())
    content["added_tokens"] = [token for token in content["added_tokens"] if token["content"] in SPECIAL]
    return wrap(Tokenizer.from_str(json.dumps(content)))


FAMILIES = {
    "characters": None,
    "byte level": byte_level,
    "llama 2": lambda texts: sentencepiece(texts, "prepend"),
    "metaspace first": lambda texts: sentencepiece(texts, "first"),
    "unigram": unigram,
}


@dataclass(eq=False)
class Setup:
    tokenizer: PreTrainedTokenizerFast
    constrainer: Constrainer

    @property
    def width(self):
        return len(self.tokenizer) + EXTRA

    @lru_cache  # noqa: B019  # as long as the tests
    def model(self, seed):
        """Random weights, spread enough that no token is likely everywhere."""
        torch.manual_seed(seed)
        config = LlamaConfig(
            vocab_size=self.width,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=2,
            max_position_embeddings=4096,
            pad_token_id=self.tokenizer.pad_token_id,
            eos_token_id=self.tokenizer.eos_token_id,
            bos_token_id=None,
            initializer_range=0.5,
        )
        return LlamaForCausalLM(config).eval()

    def generate(self, model, rows, max_new_tokens, before=()):
        """Raw outputs and the processor, of (prompt, grammar or None) rows in one left-padded batch."""
        ids = [prompt_ids(self.tokenizer, line) for line, _ in rows]
        length, pad = max(map(len, ids)), self.tokenizer.pad_token_id
        batch = torch.tensor([[pad] * (length - len(row)) + row for row in ids])
        mask = torch.tensor([[0] * (length - len(row)) + [1] * len(row) for row in ids])
        grammars = [made and (made.lark, made.reserve) for _, made in rows]
        processor = self.constrainer.processor(grammars, length, max_new_tokens)
        with torch.inference_mode():
            out = model.generate(
                batch,
                attention_mask=mask,
                do_sample=False,
                max_new_tokens=max_new_tokens,
                logits_processor=LogitsProcessorList([*before, processor]),
            )
        return [completion_text(self.tokenizer, row[length:].tolist()) for row in out], processor


class Family(dict):
    """Tokenizers by name, made when first asked for."""

    def __init__(self, corpus, release):
        super().__init__()
        self.corpus, self.release = corpus, release

    def __missing__(self, name):
        if name == "characters":
            fixed = pieces(REGISTRY, self.release.configs)
            tokenizer = character_tokenizer([row.text for row in self.corpus], fixed, 400, 4096)
        else:
            tokenizer = FAMILIES[name]([text[:200] for row in self.corpus for text in encode(row)])
        made = Setup(tokenizer, Constrainer(tokenizer, len(tokenizer) + EXTRA, [tokenizer.eos_token_id]))
        self[name] = made
        return made


@pytest.fixture(scope="module")
def families(corpus, release):
    return Family(corpus, release)


def case(row):
    config = REGISTRY.config(row.config)
    return row.text, row.word, REGISTRY.text_labels(config), REGISTRY.word_labels(config, row.word)


def constrained(text, word, text_labels, word_labels):
    return prompt(text, word), grammar(text, word, text_labels=text_labels, word_labels=word_labels)


def check(raw, closed, text, word, text_labels, word_labels):
    output, dropped = repair(raw, word) if closed else (raw, 0)
    read = decode(output, word, text=text, labels=word_labels)
    assert isinstance(read, Decoded), (raw, output, read)
    assert text_labels is None or read.label in text_labels, raw
    assert all(issue.kind == REPEATED_PAIR for issue in read.issues), (raw, read.issues)
    question = Question(text, word, "", text_labels, word_labels, constrained=True)
    found = answer(question, Reply(0, raw, "closed" if closed else "stop", 0, 0), REGISTRY.task_words)
    assert isinstance(found.read, Decoded) and found.read.issues == (), (raw, found)
    assert {(item.label, item.spans[0].text) for item in found.read.items} == {
        (item.label, item.spans[0].text) for item in read.items
    }
    assert "\ufffd" not in output, raw
    return len(read.items), dropped


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_random_weights_write_only_good_outputs_on_all_21_configs(families, release, name):
    setup, found, closed, dropped = families[name], 0, 0, 0
    assert len(release.configs) == 21
    for number, config in enumerate(release.configs):
        cases = [case(row) for row in list(release.records(config, "test"))[:2]]
        rows = [constrained(*one) for one in cases]
        least = max(made.reserve for _, made in rows) + 1
        outputs, processor = setup.generate(setup.model(number % 3), rows, max(40, least))
        for one, output, cut in zip(cases, outputs, processor.closed, strict=True):
            items, lost = check(output, cut, *one)
            found, closed, dropped = found + items, closed + cut, dropped + lost
    assert found > 20 and closed and dropped  # the paths that are to be proved were taken


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_random_weights_on_hostile_texts_at_every_small_limit(families, name):
    setup = families[name]
    for seed, labels in enumerate((["社会", "x/NER", "back\\"], ["a"])):
        cases = [(text, "NER", labels, ["人:名", "b\\", "p"][seed:]) for text in HOSTILE]
        rows = [constrained(*one) for one in cases]
        least = max(made.reserve for _, made in rows) + setup.constrainer.spaced
        for limit in range(least, least + 8):
            outputs, processor = setup.generate(setup.model(seed), rows, limit)
            for one, output, cut in zip(cases, outputs, processor.closed, strict=True):
                check(output, cut, *one)


class Script(LogitsProcessor):
    """A stand-in for a trained model: the logits follow given tokens, row by row, while they are chosen."""

    def __init__(self, setup, outputs, second=None):
        self.ids = [completion_ids(setup.tokenizer, output) for output in outputs]
        self.second, self.start = second, None

    def __call__(self, input_ids, scores):
        self.start = self.start or input_ids.shape[1]
        step = input_ids.shape[1] - self.start
        for row, ids in enumerate(self.ids):
            scores[row, ids[min(step, len(ids) - 1)]] = 1_000
            if self.second is not None:
                scores[row, self.second[row][min(step, len(self.second[row]) - 1)]] = 999
        return scores


@pytest.mark.parametrize("name", FAMILIES)
def test_a_good_free_output_stays_as_it_is_and_no_grammar_is_compiled_for_it(families, release, name, monkeypatch):
    setup = families[name]
    records = [row for config in release.configs for row in list(release.records(config, "test"))[:1]]
    records = [row for row in records if "\\" not in encode(row)[1]]
    rows = [constrained(*case(row)) for row in records]
    want = [encode(row)[1] for row in records]
    limit = max(len(completion_ids(setup.tokenizer, output)) for output in want)
    limit = max(limit, max(made.reserve for _, made in rows) + 1)
    compiled = []
    matcher = Constrainer.matcher
    monkeypatch.setattr(Constrainer, "matcher", lambda self, lark: compiled.append(lark) or matcher(self, lark))
    outputs, processor = setup.generate(setup.model(0), rows, limit, [Script(setup, want)])
    assert outputs == want and not any(processor.closed) and processor.refused == 0
    assert not any("substring_chunks" in lark for lark in compiled)


def test_a_good_output_that_ends_exactly_at_the_limit_is_not_closed(families):
    setup = families["characters"]
    row = constrained("東京と𩸽と𩸽と𩸽と𩸽", "NER", ["社会"], ["地名"])
    output = f"社会/NER/{':地名;𩸽' * 4}"  # the last character is four bytes, a token each
    limit = len(completion_ids(setup.tokenizer, output))
    assert limit > row[1].reserve
    outputs, processor = setup.generate(setup.model(0), [row], limit, [Script(setup, [output])])
    assert outputs == [output] and processor.closed == [False]
    for less in range(1, 6):
        (cut,), processor = setup.generate(setup.model(0), [row], limit - less, [Script(setup, [output])])
        assert processor.closed == [True] and output.startswith(cut) and repair(cut, "NER")[0] == output[:-5]


@pytest.mark.parametrize("name", FAMILIES)
def test_what_is_not_in_the_text_is_replaced_by_the_best_of_what_is(families, name):
    setup = families[name]
    text, word, heads, tags = "Kazan met Spiegel.", "NER", ["Literature"], ["Person"]
    row = constrained(text, word, heads, tags)
    wrong = "Literature/NER/:Person;Brando"
    outputs, processor = setup.generate(
        setup.model(0), [row, (prompt(text, word), None)], 60, [Script(setup, [wrong] * 2)]
    )
    assert outputs[1] == wrong and processor.closed[1] is False  # a free row is left alone
    assert outputs[0] != wrong and processor.refused
    check(outputs[0], processor.closed[0], text, word, heads, tags)


@pytest.mark.parametrize("name", ["characters", "byte level"])
def test_the_draft_chooses_what_the_grammar_alone_chooses(families, release, name, monkeypatch):
    setup = families[name]
    records = [row for config in release.configs for row in list(release.records(config, "test"))[1:2]]
    rows = [constrained(*case(row)) for row in records]
    # Half of the rows are asked for the items of another row: their texts do not hold them.
    want = [encode(row if at % 2 else records[at - 1])[1] for at, row in enumerate(records)]
    limit = max(made.reserve for _, made in rows) + 1
    fast, drafted = setup.generate(setup.model(1), rows, limit, [Script(setup, want)])
    found = constrain.frame
    monkeypatch.setattr(constrain, "frame", lambda lark: replace(found(lark), lark=None))
    plain, masked = setup.generate(setup.model(1), rows, limit, [Script(setup, want)])
    assert fast == plain and drafted.closed == masked.closed and drafted.refused == masked.refused > 0


LOOPS = [
    ("東京と東京で王", "NER", ":地名;東京:人名;王", 2, ":地名;東京:人名;王:地名;東京"),
    ("Acme a\\b\\", "NER", ":p;b\\\\:p;a\\b", 1, ":p;b\\\\:p;a\\b"),
    ("Acme made X1", "Relation Extraction", ":Acme;makes;X1:X1;makes;Acme", 1, ":Acme;makes;X1:X1;makes;Acme:"),
]


@pytest.mark.parametrize(("text", "word", "items", "times", "kept"), LOOPS)
@pytest.mark.parametrize("name", FAMILIES)
def test_a_model_that_only_repeats_itself_is_ended_and_repeats_are_left_out(
    families, name, text, word, items, times, kept
):
    setup = families[name]
    labels = ["地名", "人名", "p", "makes"]
    row = constrained(text, word, ["社会"], labels)
    (raw,), processor = setup.generate(setup.model(0), [row], 400, [Script(setup, [f"社会/{word}/{items * 40}"])])
    assert processor.looped == processor.closed == [True] and processor.refused == 0
    assert raw.count(items) <= times + constrain.LOOP
    question = Question(text, word, row[0], ["社会"], labels, constrained=True)
    found = answer(question, Reply(0, raw, "looped", 0, 0), REGISTRY.task_words)
    assert found.output == f"社会/{word}/{kept}" and found.read.issues == () and found.dropped_items >= constrain.LOOP
    # A server that knows no end writes on up to the limit, and is read the same.
    cut = answer(question, Reply(0, f"社会/{word}/{items * 40}:", "length", 0, 0), REGISTRY.task_words)
    assert (cut.output, cut.read) == (found.output, found.read)


def test_new_items_after_a_repeat_are_kept(families):
    setup = families["characters"]
    row = constrained("東京と王と女王", "NER", ["社会"], ["地名", "人名"])
    output = "社会/NER/:地名;東京:地名;東京:人名;女王:地名;東京:人名;王"
    (raw,), processor = setup.generate(setup.model(0), [row], 100, [Script(setup, [output])])
    assert raw == output and processor.looped == [False]
    question = Question("東京と王と女王", "NER", row[0], ["社会"], ["地名", "人名"], constrained=True)
    found = answer(question, Reply(0, raw, "stop", 0, 0), REGISTRY.task_words)
    assert found.output == "社会/NER/:地名;東京:人名;女王:人名;王" and found.dropped_items == 2


def test_several_stop_tokens(families):
    setup = families["byte level"]
    stop = setup.tokenizer.convert_tokens_to_ids("Z")
    constrainer = Constrainer(setup.tokenizer, setup.width, [setup.tokenizer.eos_token_id, stop])
    made = grammar("ZZ top", "NER", text_labels=["a"], word_labels=["b"])
    processor = constrainer.processor([(made.lark, made.reserve)], 1, 40)
    ids = completion_ids(setup.tokenizer, "a/NER/")[:-1]
    batch = torch.tensor([[0, *ids]])
    for step in range(len(ids)):
        processor(batch[:, : step + 1], torch.nn.functional.one_hot(batch[:, step + 1], setup.width).float())
    scores = torch.zeros(1, setup.width)
    scores[0, stop] = 1
    assert processor(batch, scores).argmax().item() == stop and processor.rows[0].done


def test_a_limit_below_the_head_is_refused_with_the_least_that_would_do(families):
    setup = families["llama 2"]
    _, made = constrained("x", "NER", ["社会"], ["p"])
    least = len("社会/NER/".encode()) + 1
    with pytest.raises(OiellmError, match=f"give {least} or more"):
        setup.constrainer.processor([(made.lark, made.reserve)], 5, least - 1)
    setup.constrainer.processor([(made.lark, made.reserve)], 5, least)


def test_errors_of_the_matcher_surface(families):
    setup = families["characters"]
    with pytest.raises(RuntimeError, match="llguidance"):
        setup.constrainer.matcher("start: NOTHING")
    _, made = constrained("xy", "NER", ["a"], ["p"])
    processor = setup.constrainer.processor([(made.lark, made.reserve)], 1, 40)
    first = processor(torch.zeros(1, 1, dtype=torch.long), torch.zeros(1, setup.width)).argmax().item()
    with pytest.raises(RuntimeError, match="greedy"):
        processor(torch.tensor([[0, first + 1]]), torch.zeros(1, setup.width))


def test_what_the_tokenizer_cannot_write_ends_the_row_and_fails_to_parse():
    known = {char: at for at, char in enumerate([*SPECIAL, *"a/NER:b;Ġ"])}
    inner = Tokenizer(models.BPE(known, []))
    inner.pre_tokenizer, inner.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    constrainer = Constrainer(wrap(inner), 12, [1])
    made = grammar("x", "NER", text_labels=["東"], word_labels=["b"])
    processor = constrainer.processor([(made.lark, made.reserve)], 1, 40)
    scores = processor(torch.zeros(1, 1, dtype=torch.long), torch.zeros(1, 12))
    assert scores.argmax().item() == 1 and processor.closed == [True]
    assert isinstance(parse(repair("", "NER")[0], "NER"), Failure)


def test_no_eos_is_allowed_where_the_output_is_not_whole(families):
    setup = families["characters"]
    other = setup.tokenizer.convert_tokens_to_ids("a")
    constrainer = Constrainer(setup.tokenizer, setup.width, [setup.tokenizer.eos_token_id, other])
    made = grammar("x", "NER", text_labels=["b"], word_labels=["c"])
    processor = constrainer.processor([(made.lark, made.reserve)], 1, 40)
    wanted = torch.zeros(1, setup.width)
    wanted[0, [setup.tokenizer.eos_token_id, other]] = 9.0  # both ends are what the model likes best
    scores = processor(torch.zeros(1, 1, dtype=torch.long), wanted)
    assert scores.argmax().item() not in (setup.tokenizer.eos_token_id, other)


def test_tokenizers_that_cannot_be_constrained_are_refused(families):
    tokenizer = families["characters"].tokenizer
    with pytest.raises(OiellmError, match="the model writes only"):
        Constrainer(tokenizer, len(tokenizer) - 1, [tokenizer.eos_token_id])
    with pytest.raises(OiellmError, match="could not end"):
        Constrainer(tokenizer, len(tokenizer), [])
    inner = Tokenizer.from_str(families["byte level"].tokenizer.backend_tokenizer.to_str())
    inner.normalizer = normalizers.Uppercase() if hasattr(normalizers, "Uppercase") else normalizers.Lowercase()
    with pytest.raises(OiellmError, match="does not keep texts"):
        Constrainer(wrap(inner), len(inner.get_vocab()) + 5, [1])


def test_only_the_text_decides_where_the_escape_is_needed(families):
    setup = families["characters"]
    text = "J:COM a\\b"
    row = constrained(text, "NER", ["a"], ["p"])
    output = render("a", "NER", [("p", "J:COM"), ("p", "a\\b"), ("p", "a\\")])
    outputs, _ = setup.generate(setup.model(0), [row], 80, [Script(setup, [output])])
    assert outputs == [output]
