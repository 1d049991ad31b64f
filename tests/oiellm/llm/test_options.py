"""The options, on a bare Python."""

import argparse
import subprocess
import sys
from pathlib import Path

import pytest

from oiellm.errors import OiellmError
from oiellm.llm.options import OPENAI, Settings, add_options, settings

ROOT = Path(__file__).parents[3]


def parsed(*arguments):
    parser = argparse.ArgumentParser()
    add_options(parser)
    return settings(parser.parse_args(arguments))


def test_the_defaults_are_those_of_the_settings():
    assert parsed() == Settings()


def test_a_server_of_ones_own_is_two_options():
    found = parsed("--base-url", "http://127.0.0.1:8000/v1/", "--model", "Qwen/Qwen3-8B")
    assert (found.base_url, found.model) == ("http://127.0.0.1:8000/v1", "Qwen/Qwen3-8B")


def test_every_option_arrives(tmp_path):
    found = parsed(
        *("--concurrency", "8", "--rpm", "500", "--tpm", "2e5", "--timeout", "9", "--retries", "0"),
        *("--cache", str(tmp_path), "--batch", "--dry-run", "--max-cost", "$2.50"),
        *("--price", "0.4,1.6", "--price", "big=2,8", "--structured", "off"),
        *("--extra-body", '{"reasoning_effort": "low"}', "--no-pilot"),
    )
    assert found == Settings(
        concurrency=8,
        rpm=500,
        tpm=200_000,
        timeout=9,
        retries=0,
        cache=tmp_path,
        batch=True,
        dry_run=True,
        max_cost=2.5,
        price=(("", 0.4, 1.6), ("big", 2, 8)),
        structured="off",
        extra_body={"reasoning_effort": "low"},
        pilot=False,
    )


def test_the_address_may_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    assert parsed().base_url == "http://127.0.0.1:1/v1" and parsed("--base-url", OPENAI).base_url == OPENAI


@pytest.mark.parametrize("address", ["127.0.0.1:8000", "https://me:secret@host/v1", "me:secret@host"])
def test_an_address_in_the_environment_that_is_none_is_named(monkeypatch, address):
    monkeypatch.setenv("OPENAI_BASE_URL", address)
    with pytest.raises(OiellmError, match="OPENAI_BASE_URL: .*--base-url") as error:
        parsed()
    assert "secret@" not in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--base-url", "127.0.0.1:8000"), "no address such as"),
        (("--base-url", "https://me:secret@host/v1"), "must hold no user"),
        (("--base-url", "me:secret@host/v1"), "must hold no user"),
        (("--base-url", "http://me:secret@[::1/v1"), "must hold no user"),
        (("--base-url", "http://host/v1?key=secret@"), "must hold no user"),
        (("--base-url", "http://host:port/v1"), "no address such as"),
        (("--base-url", "http://[::1/v1"), "no address such as"),
        (("--extra-body", "{"), "must be a JSON object"),
        (("--extra-body", "[1]"), "must be a JSON object"),
        (("--extra-body", '{"stream": true, "n": 2}'), "stream, n: cannot be set"),
        (("--concurrency", "0"), "1 to 1000"),
        (("--concurrency", "x"), "no whole number"),
        (("--rpm", "0"), "above 0"),
        (("--max-cost", "-1"), "out of range"),
        (("--max-cost", "nan"), "out of range"),
        (("--price", "1"), "give two prices"),
        (("--price", "1,x"), "no number"),
        (("--structured", "maybe"), "invalid choice"),
    ],
)
def test_what_cannot_be_meant_is_refused(capsys, arguments, message):
    with pytest.raises(SystemExit):
        parsed(*arguments)
    shown = capsys.readouterr().err
    assert message in shown and "secret@" not in shown


def test_help_needs_no_environment():
    code = "import argparse, oiellm.llm.options as o; p = argparse.ArgumentParser(); o.add_options(p); p.print_help()"
    command = [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "--max-cost DOLLARS" in done.stdout and "http://127.0.0.1:8000/v1" in done.stdout
