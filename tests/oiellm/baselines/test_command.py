"""Baselines as they are typed, end to end. Chat models are a scripted server, the published ones a model of random weights."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from build.readers import demo
from mmm_dataset import Record, encode, load
from oiellm.cli import main
from oiellm.data import open_release
from oiellm.predict.store import read_predictions
from oiellm.tokens import chat_ids
from tests.double.annotator import Annotator
from tests.double.server import Double, Faults
from tests.oiellm.tiny import save_tiny

ROOT = Path(__file__).parents[3]
REGISTRY = load()
CONFIGS = ("en_scnm", "ja_tcree", "en_tconer")
MANY = (*CONFIGS, "ja_scnm", "zh_scnm", "zh_scpos_rw", "ja_scpos_n")


@pytest.fixture(scope="module")
def rows():
    return [row for row in demo.read(demo.FOLDER, REGISTRY) if isinstance(row, Record)]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return save_tiny(tmp_path_factory.mktemp("model") / "tiny", positions=1024)


def held_out(release, configs=CONFIGS):
    found = open_release(release, REGISTRY)
    return [row for config in configs for row in found.records(config, "test")]


def typed(verb, release, tmp_path, *more, model="m", configs=CONFIGS):
    command = [
        verb,
        "--model",
        str(model),
        "--data",
        str(release),
        "--configs",
        *configs,
        "--out",
        str(tmp_path / "out"),
    ]
    return main([*command, *map(str, more)])


def chat(verb, double, release, tmp_path, *more, configs=CONFIGS):
    where = ("--style", "chat", "--endpoint", double.url, "--cache", tmp_path / "cache", "--retries", "8")
    return typed(verb, release, tmp_path, *where, *more, configs=configs)


def results(tmp_path):
    return json.loads((tmp_path / "out" / "results.json").read_text())


@pytest.mark.parametrize("more", [(), ("--structured",), ("--shots", "2"), ("--shots", "2", "--structured")], ids=str)
def test_a_model_that_knows_scores_all_and_every_example_is_a_training_row(more, rows, demo_release, tmp_path, capsys):
    with Double(Annotator(rows, REGISTRY).answer) as double:
        assert chat("evaluate", double, demo_release, tmp_path, *more) == 0
    name = "-".join(["chat", *["2-shot"] * ("--shots" in more), *["structured"] * ("--structured" in more)])
    found = results(tmp_path)
    assert set(found["runs"]) == {f"m {name}", f"m {name} lenient"}
    for run in found["runs"].values():
        assert [run["overall"][level] for level in ("tl", "wl", "all")] == [1, 1, 1]
    count = len(held_out(demo_release))
    told = found["runs"][f"m {name}"]
    assert [told["format"][line] for line in ("rows", "clean", "strict", "lenient")] == [count] * 4
    (usage,) = told["about"]["summary"]["usage"]
    assert usage["calls"] == count == double.billed.total() and usage["dollars"] is None

    settings = told["about"]["settings"]["style"]
    release = open_release(demo_release, REGISTRY)
    train = {row.id: encode(row)[0] for config in CONFIGS for row in release.records(config, "train")}
    prompts = {train[one]: config for config, ids in settings["examples"].items() for one in ids}
    kinds = {(config, word) for config in CONFIGS for word in REGISTRY.task(REGISTRY.config(config).task).words}
    assert len(prompts) == (2 * len(kinds) if "--shots" in more else 0)
    for body in double.bodies:
        shown = [message["content"] for message in body["messages"][1:-1] if message["role"] == "user"]
        asked = body["messages"][-1]["content"]
        assert len(shown) == (2 if "--shots" in more else 0) and set(shown) <= set(prompts)
        assert {text.rpartition("/")[2] for text in shown} <= {asked.rpartition("/")[2]}
        assert ("response_format" in body) == ("--structured" in more)
    said = capsys.readouterr().out
    assert "nothing amiss" in said and "lenient" in said


def test_what_is_not_in_the_format_is_counted_and_both_readings_are_scored(rows, demo_release, tmp_path, capsys):
    annotator = Annotator(rows, REGISTRY, spoilt=0.7)
    faults = Faults(error=0.1, too_many=0.1, dropped=0.1)
    with Double(annotator.answer, faults) as double:
        assert chat("evaluate", double, demo_release, tmp_path, configs=MANY) == 0
    runs = results(tmp_path)["runs"]
    strict, lenient = runs["m chat"], runs["m chat lenient"]
    assert strict["overall"]["all"] < lenient["overall"]["all"] < 1
    made = Counter(annotator.made.values())
    assert len(made) == 9, "every way of spoiling a reply came up"
    kinds = {kind: count["rows"] for kind, count in strict["format"]["kinds"].items()}
    assert (kinds["filter"], kinds["declined"], kinds["cut"]) == (made["refusal"], made["declined"], made["cut"])
    around = made["prose"] + made["fence"]
    assert around <= kinds["surrounded"] <= around + made["written"]
    # What the lenient reading finds is right: it is the gold that was wrapped.
    found = around + made["wide"] + made["written"]
    rows_in_all = strict["format"]["rows"]
    assert lenient["overall"]["all"] == pytest.approx((rows_in_all - made.total() + found) / rows_in_all)
    assert strict["format"]["lenient"] - strict["format"]["strict"] <= found
    assert sum(entry["rows"] for entry in strict["format"]["configs"].values()) == rows_in_all
    table = (tmp_path / "out" / "table.md").read_text()
    assert "## Format" in table and "words or a code fence around the answer" in table and "m chat lenient" in table
    assert "strict reading" in capsys.readouterr().out

    again, folder = tmp_path / "again", str(tmp_path / "out" / "chat")
    command = ["evaluate", "--predictions", folder, "--data", str(demo_release), "--configs", *MANY]
    assert main([*command, "--out", str(again)]) == 0
    scored = json.loads((again / "results.json").read_text())["runs"]
    assert scored[f"{folder} lenient"]["overall"]["all"] == lenient["overall"]["all"]


def test_strict_and_lenient_predictions_are_compared(rows, demo_release, tmp_path, capsys):
    for name, share in (("a", 0.0), ("b", 0.9)):
        with Double(Annotator(rows, REGISTRY, spoilt=share).answer) as double:
            assert chat("predict", double, demo_release, tmp_path / name, configs=["en_scnm"]) == 0
    capsys.readouterr()
    said = []
    for more in ([], ["--lenient"]):
        folders = [str(tmp_path / name / "out" / "chat") for name in "ab"]
        assert main(["compare", *folders, "--data", str(demo_release), "--out", str(tmp_path / "c"), *more]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] != said[1]


@pytest.mark.slow
def test_killed_at_any_moment_it_goes_on_and_asks_nothing_twice(rows, demo_release, tmp_path):
    with Double(Annotator(rows, REGISTRY, spoilt=0.3).answer, latency=0.1) as double:
        where = ["--style", "chat", "--endpoint", double.url, "--cache", str(tmp_path / "cache"), "--concurrency", "4"]
        command = [sys.executable, "-m", "oiellm", "predict", "--model", "m", "--data", str(demo_release)]
        command += ["--configs", *CONFIGS, "--out", str(tmp_path / "out"), *where]
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'metrics'}"}
        for more in (6, 12):
            process = subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
            enough = double.requests.total() + more
            while double.requests.total() < enough and process.poll() is None:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert subprocess.run(command, env=environment, capture_output=True).returncode == 0
        count = len(held_out(demo_release))
        assert len(double.requests) == count and set(double.billed.values()) == {1}
        assert double.requests.total() <= count + 2 * 4, "only what was under way is asked again"
        shutil.rmtree(tmp_path / "out")
        before = double.requests.total()
        assert subprocess.run(command, env=environment, capture_output=True).returncode == 0
        assert double.requests.total() == before, "the cache makes a rerun free"
    found, about = read_predictions(tmp_path / "out" / "chat")
    assert [row["id"] for row in found] == [row.id for row in held_out(demo_release)]
    assert about["summary"]["usage"][0]["calls"] == count


def test_a_dry_run_tells_the_price_and_does_nothing(rows, demo_release, tmp_path, capsys):
    with Double(Annotator(rows, REGISTRY).answer) as double:
        for verb in ("predict", "evaluate"):
            assert chat(verb, double, demo_release, tmp_path, "--dry-run", "--price", "1,1", "--shots", "3") == 0
    said = capsys.readouterr().out
    count = len(held_out(demo_release))
    assert f"calls    {count} to m\n" in said and "price    about $" in said and "nothing was sent" in said
    assert not double.requests and not (tmp_path / "out").exists()


def test_a_budget_stops_it_with_3_and_more_money_goes_on(rows, demo_release, tmp_path, capsys):
    with Double(Annotator(rows, REGISTRY).answer) as double:
        more = ("--price", "1,1", "--concurrency", "1")
        assert chat("predict", double, demo_release, tmp_path, *more, "--max-cost", "0.01") == 3
        said = capsys.readouterr().err
        assert "a higher --max-cost goes on from there" in said
        first = double.billed.total()
        assert 0 < first < len(held_out(demo_release)) and double.dollars <= 0.01
        # What is stored already counts against the same budget.
        assert chat("predict", double, demo_release, tmp_path, *more, "--max-cost", "0.01") == 3
        assert double.dollars <= 0.01
        assert chat("predict", double, demo_release, tmp_path, *more, "--max-cost", "9") == 0
        assert set(double.billed.values()) == {1} and double.billed.total() == len(held_out(demo_release))


def test_by_batch(rows, demo_release, tmp_path, monkeypatch):
    monkeypatch.setattr("oiellm.llm.options.DEFAULTS", load_defaults(poll=0.02))
    with Double(Annotator(rows, REGISTRY).answer) as double:
        assert chat("evaluate", double, demo_release, tmp_path, "--batch") == 0
        assert len(double.batches) == 1
    run = results(tmp_path)["runs"]["m chat"]
    assert run["overall"]["all"] == 1 and run["about"]["summary"]["usage"][0]["batch"] is True


def load_defaults(**changes):
    from dataclasses import replace

    from oiellm.llm.options import DEFAULTS

    return replace(DEFAULTS, **changes)


def test_requests_without_a_reply_are_asked_again_by_the_next_run(rows, demo_release, tmp_path, capsys):
    annotator, dead = Annotator(rows, REGISTRY), encode(held_out(demo_release)[0])[0]

    def answer(messages, model, attempt):
        from tests.double.server import Reject

        if messages[-1]["content"] == dead:
            raise Reject(500, "down")
        return annotator.answer(messages, model, attempt)

    with Double(answer) as double:
        more = ("--retries", "0", "--concurrency", "1")
        assert chat("predict", double, demo_release, tmp_path, *more) == 2
        assert "1 requests got no reply (500: down)" in capsys.readouterr().err
        dead = ""
        before = double.requests.total()
        assert chat("predict", double, demo_release, tmp_path, *more) == 0
        assert double.requests.total() == before + 1


def test_a_server_without_structured_outputs(rows, demo_release, tmp_path, capsys):
    with Double(Annotator(rows, REGISTRY).answer, rejects=("response_format",)) as double:
        assert chat("evaluate", double, demo_release, tmp_path, "--structured") == 2
        assert "no structured outputs there" in capsys.readouterr().err
        shutil.rmtree(tmp_path / "out")
        assert chat("evaluate", double, demo_release, tmp_path, "--structured", "auto") == 0
    assert results(tmp_path)["runs"]["m chat-structured"]["overall"]["all"] == 1


# -------------------------------------------------------------------------------------------------- models of this machine


@pytest.mark.parametrize("style, config", [("giellm", "ja_scnm"), ("usa", "ja_scpos_adj")])
def test_published_models_are_run_and_stand_in_the_same_table(style, config, tiny, demo_release, tmp_path, capsys):
    more = ("--style", style, "--max-new-tokens", "8")
    assert typed("evaluate", demo_release, tmp_path, *more, model=tiny, configs=[config]) == 0
    found, about = read_predictions(tmp_path / "out" / style)
    assert about["settings"]["style"]["name"] == style and len(found) == len(held_out(demo_release, [config]))
    assert all("<" in row["input"] for row in found)
    table = (tmp_path / "out" / "table.md").read_text()
    assert f"tiny {style} lenient" in table and "GIELLM-13B-jp (paper)" in table
    assert f"asked in the style `{style}`" in table
    capsys.readouterr()
    assert typed("evaluate", demo_release, tmp_path, "--style", style, model=tiny, configs=[config]) == 2
    assert "max_new_tokens = 8, not 2000" in capsys.readouterr().err


def test_a_chat_goes_through_the_template_of_a_model_that_has_one(tiny, demo_release, tmp_path, monkeypatch):
    from transformers import AutoTokenizer

    from oiellm.predict import local

    folder = tmp_path / "templated"
    shutil.copytree(tiny, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}[assistant]"
    tokenizer.save_pretrained(folder)
    seen = []
    monkeypatch.setattr(
        local, "chat_ids", lambda tokenizer, messages: seen.append(messages) or chat_ids(tokenizer, messages)
    )
    more = ("--style", "chat", "--max-new-tokens", "4", "--shots", "1")
    assert typed("predict", demo_release, tmp_path, *more, model=folder, configs=["en_scnm"]) == 0
    assert len(seen) == len(held_out(demo_release, ["en_scnm"]))
    ids = chat_ids(tokenizer, seen[0])
    line = tokenizer.decode(ids)
    assert line.startswith("[system]You annotate English texts") and line.endswith("/NER[assistant]")
    found, about = read_predictions(tmp_path / "out" / "chat-1-shot")
    assert about["settings"]["engine"] == "transformers" and len(found) == len(seen)


def test_usa_behind_a_server_is_asked_as_a_chat(demo_release, tmp_path):
    def answer(messages, model, attempt):
        assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
        return "<積極>POS"

    with Double(answer) as double:
        where = ("--style", "usa", "--endpoint", double.url, "--cache", tmp_path / "cache")
        assert typed("evaluate", demo_release, tmp_path, *where, configs=["ja_scpos_n"]) == 0
    found, _ = read_predictions(tmp_path / "out" / "usa")
    assert {row["output"] for row in found} == {"ポジティブ/Sentiment N/"}


# ------------------------------------------------------------------------------------------------------------------ errors


@pytest.mark.parametrize(
    "more, says",
    [
        (
            ["--style", "usa", "--configs", "ja_scnm"],
            "USA-7B is no baseline for it: it was trained on the four Japanese",
        ),
        (["--style", "giellm", "--configs", "en_scnm"], "GIELLM-13B-jp is no baseline for it"),
        (["--style", "giellm"], "en_scnm: GIELLM-13B-jp is no baseline for it"),
        (["--style", "giellm", "--configs", "ja_scnm", "--shots", "1"], "--shots: it is for --style chat"),
        (
            ["--style", "giellm", "--configs", "ja_scnm", "--dry-run"],
            "--dry-run: it is for models behind a chat endpoint",
        ),
        (["--style", "chat", "--decoding", "constrained"], "the grammar is that of the unified format"),
        (["--style", "chat", "--closed"], "--style chat has a prompt of its own"),
        (["--style", "chat", "--shots", "100000"], "train rows of NER to take examples from: lower --shots 100000"),
        (["--style", "chat", "--instruction", "nowhere.toml"], "nowhere.toml: no such file"),
        (["--style", "chat"], "OPENAI_API_KEY is not set"),
        (["--max-cost", "1"], "--max-cost: it is for --style chat"),
    ],
)
def test_mistakes_are_one_line_and_exit_code_2(more, says, demo_release, tmp_path, capsys):
    command = ["predict", "--model", "m", "--data", str(demo_release), "--out", str(tmp_path / "out")]
    assert main([*command, *more, *(["--cache", str(tmp_path / "cache")] if "chat" in more else [])]) == 2
    error = capsys.readouterr().err
    assert says in error and error.count("\n") == 1


def test_a_style_needs_a_model_and_must_exist(demo_release, capsys):
    assert main(["evaluate", "--style", "chat", "--data", str(demo_release)]) == 2
    assert "name the model with --model" in capsys.readouterr().err
    with pytest.raises(SystemExit) as ended:
        main(["predict", "--model", "m", "--style", "gpt"])
    assert ended.value.code == 2 and "invalid choice: 'gpt'" in capsys.readouterr().err


def test_the_key_is_never_shown(rows, demo_release, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret-42")
    with Double(Annotator(rows, REGISTRY).answer) as double:
        assert chat("evaluate", double, demo_release, tmp_path, configs=["en_scnm"]) == 0
        assert double.authorised
    said = capsys.readouterr()
    assert "sk-very" not in said.out + said.err
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert b"sk-very" not in path.read_bytes(), path
