"""Against a server nobody here wrote: ``transformers serve`` with a tiny model of random weights."""

import json

import pytest

from build.cli import main
from oiellm.llm.calls import Call, ask
from oiellm.llm.options import Settings
from oiellm.llm.session import Session
from tests.oiellm.serving import transformers_serve
from tests.oiellm.tiny import save_tiny

TEMPLATE = "{% for message in messages %}{{ message.content }}\n{% endfor %}"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    from transformers import AutoTokenizer

    folder = save_tiny(tmp_path_factory.mktemp("served") / "model", dtype="float32", positions=8192)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    with transformers_serve(folder, folder.with_name("log")) as url:
        yield url, str(folder)


@pytest.mark.slow
def test_a_session_talks_to_it_and_its_replies_are_kept(server, tmp_path):
    url, model = server
    calls = [Call(model, (("system", "echo"), ("user", f"row {n}")), 8, schema={"type": "object"}) for n in range(4)]
    asked = Settings(model, url, cache=tmp_path / "cache", concurrency=2, price=(("", 0.0, 0.0),))

    def run():
        with Session(asked) as session:
            replies = [reply for _, reply in session.run(lambda: calls, ask)]
            return [(reply.text, reply.finish, reply.completion_tokens) for reply in replies], session

    first, session = run()
    assert all(0 < tokens <= 8 and finish in ("stop", "length") for _, finish, tokens in first)
    assert session.ledger.paid_calls == 4 and session.usage()[0]["prompt_tokens"] > 0
    again, session = run()
    assert again == first and session.ledger.paid_calls == 0


@pytest.mark.slow
def test_what_a_random_model_says_is_dropped_with_its_reply(server, tmp_path, demo_release):
    url, model = server
    out = tmp_path / "out"
    options = ["--release", str(demo_release), "--out", str(out), "--cache", str(tmp_path / "cache"), "--price", "0,0"]
    command = ["translate", "--source", "ja_scnm", "--to", "en", "--sample", "2", "--base-url", url, "--model", model]
    assert main([*command, *options]) == 0
    report = [json.loads(line) for line in (out / "ja_scnm-en/report.jsonl").read_text(encoding="utf-8").splitlines()]
    assert len(report) == 2 and {row["dropped"] for row in report} <= {"malformed_reply", "truncated"}
    assert all(row["raw"] for row in report) and not (out / "ja_scnm-en/records.jsonl").read_bytes()
