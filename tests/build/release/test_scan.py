"""Pickles, caches, keys and places on this machine do not go out."""

from pathlib import Path

import pytest

from build.release.scan import refuse_secrets
from build.steps import KitError

AWS = "AKIA" + "QWERTYUIOPASDFGH"
HOME = "/ho" + "me"
HUB = "hf_" + "aBcDeFgHiJkLmNoPqRsTuVwXyZ012345"


@pytest.mark.parametrize(
    "name",
    [
        "training_args.bin",
        "a/optimizer.pt",
        ".env",
        "x/.env.local",
        "server.pem",
        ".cache/x",
        "report.jsonl",
        "sub/review.jsonl",
        "cache.sqlite3",
    ],
)
def test_files_that_never_go(tmp_path, name):
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("harmless")
    with pytest.raises(KitError, match="such files are not released") as error:
        refuse_secrets(tmp_path, [name], "models/m")
    assert f"models/m: {name}" in str(error.value)


@pytest.mark.parametrize(
    "text, said",
    [
        (f"token: {HUB}", "secret"),
        (f"aws = '{AWS}'", "AWS"),
        ("-----BEGIN RSA " + "PRIVATE KEY-----", "Private Key"),
        ("x = 'sk-proj-" + "a1B2" * 12 + "'", "secret"),
        ("url: https://user:" + "pa55word@example.org", "Basic Auth"),
        ("made in /ho" + "me/ann/mmm/", "somebody's disk"),
        (f"made in {Path.home()}/x", "somebody's disk"),
        (f"made in {Path.cwd()}", "somebody's disk"),
        ("made in C:\\Users\\Ann\\mmm", "somebody's disk"),
        ('{"path": "/Users/ann/mmm"}', "somebody's disk"),
    ],
)
def test_what_files_may_not_hold(tmp_path, text, said):
    (tmp_path / "a.json").write_text(f"first line\n{text}\n")
    with pytest.raises(KitError, match=said) as error:
        refuse_secrets(tmp_path, ["a.json"], "datasets/d")
    message = str(error.value)
    assert message.startswith("datasets/d: a.json:2: ")
    assert HUB not in message and AWS not in message and "pa55word" not in message


def test_what_may_go(tmp_path):
    (tmp_path / "manifest.json").write_text(
        '{"sha256": "' + "0f" * 32 + '", "path": "data/en/test-0123456789abcdef.parquet"}'
    )
    (tmp_path / "README.md").write_text("See https://huggingface.co/docs and home/page, sk-learn, `token`.")
    (tmp_path / "x.parquet").write_bytes(f"a review that says {HOME}/ann/x and {HUB}".encode())
    refuse_secrets(tmp_path, ["manifest.json", "README.md", "x.parquet"], "datasets/d")
