"""Pickles, archives, caches, keys and places on this machine do not go out."""

import bz2
import gzip
import io
import json
import lzma
import pickle
import sqlite3
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from build.core import KitError
from build.release.scan import refuse_secrets

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
        "credentials.json",
        ".npmrc",
        ".pypirc",
        ".ssh/config",
        ".aws/credentials",
        ".idea/workspace.xml",
        ".vscode/settings.json",
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
        (f"made in {Path.cwd()}/x", "somebody's disk"),
        ("made in C:\\Users\\Ann\\mmm", "somebody's disk"),
        ('{"path": "/Users/ann/mmm"}', "somebody's disk"),
        ("x = 'sk-" + "a1B2" * 10 + "'", "secret"),
        ('{"log": "done\\n' + HUB + '"}', "secret"),
        ('{"path": "/scratch/ann/mmm"}', "somebody's disk"),
        ("data: /data/ann/mmm", "somebody's disk"),
        ("(/mnt/disk2/mmm)", "somebody's disk"),
        ("--model=/ro" + "ot/models/x", "somebody's disk"),
        ('{"log": "from\\n/scratch/ann/mmm"}', "somebody's disk"),
        ("保存在/data/ann/mmm", "somebody's disk"),
        (f"/data/{HUB}/x", "secret"),
        ("<file:///opt/mmm/x>", "somebody's disk"),
    ],
)
def test_what_files_may_not_hold(tmp_path, text, said):
    (tmp_path / "a.json").write_text(f"first line\n{text}\n")
    with pytest.raises(KitError, match=said) as error:
        refuse_secrets(tmp_path, ["a.json"], "datasets/d")
    message = str(error.value)
    assert message.startswith("datasets/d: a.json:2: ")
    assert HUB not in message and AWS not in message and "pa55word" not in message


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("text", [f"token: {HUB}", "日本語/data/ann/x"])
def test_other_codings_of_text(tmp_path, coding, text):
    (tmp_path / "notes.txt").write_bytes(f"first line\n{text}\n".encode(coding))
    with pytest.raises(KitError, match=r"^datasets/d: notes\.txt:2: "):
        refuse_secrets(tmp_path, ["notes.txt"], "datasets/d")


def zipped():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps({}))
    return buffer.getvalue()


def tarred():
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as file:
        file.addfile(tarfile.TarInfo("x"))
    return buffer.getvalue()


def array():
    buffer = io.BytesIO()
    np.save(buffer, np.zeros(2))
    return buffer.getvalue()


def database():
    with sqlite3.connect(":memory:") as connection:
        connection.execute("create table x (y)")
        return connection.serialize()


TEXT = f"token: {HUB}".encode()
KINDS = [
    *(("pickle", pickle.dumps({"weight": [1.0]}, protocol=protocol)) for protocol in (2, 3, 4, 5)),
    ("zip", zipped()),
    ("tar", tarred()),
    ("gzip", gzip.compress(TEXT)),
    ("xz", lzma.compress(TEXT)),
    ("bzip2", bz2.compress(TEXT)),
    ("zstd", pa.compress(TEXT, codec="zstd", asbytes=True)),
    ("NumPy", array()),
    ("SQLite", database()),
]


@pytest.mark.parametrize("kind, content", KINDS, ids=[f"{kind}{place}" for place, (kind, _) in enumerate(KINDS)])
@pytest.mark.parametrize("name", ["adapter_model.bin", "rows.json.gz", "x.safetensors", "x.parquet", "x.png"])
def test_files_are_known_by_their_content(tmp_path, name, kind, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(KitError, match=f"this is an? {kind}.*not released"):
        refuse_secrets(tmp_path, [name], "models/m")


def safetensors(metadata, length=0):
    header = json.dumps({"__metadata__": metadata}).encode()
    header = header.ljust(length or -(-len(header) // 8) * 8)
    return struct.pack("<Q", len(header)) + header + bytes(16)


def parquet(metadata=None, field=None, row="x"):
    buffer = io.BytesIO()
    schema = pa.schema([pa.field("sentence", pa.string(), metadata=field)], metadata=metadata)
    pq.write_table(pa.table({"sentence": [row]}, schema=schema), buffer)
    return buffer.getvalue()


def png(kind=b"tEXt", data=b"Title\0Labels", behind=b""):
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)), (kind, data)]
    chunks += [(b"IDAT", zlib.compress(b"\0\0")), (b"IEND", b"")]
    packed = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed) + behind


@pytest.mark.parametrize("text, said", [(f"key {HUB}", "secret"), ("/scratch/ann/x", "somebody's disk")])
@pytest.mark.parametrize(
    "name, make",
    [
        ("x.safetensors", lambda text: safetensors({"format": "pt", "note": f"first\n{text}"})),
        ("x.parquet", lambda text: parquet({"huggingface": text})),
        ("x.parquet", lambda text: parquet(field={"origin": text})),
        ("x.png", lambda text: png(b"tEXt", b"Comment\0" + text.encode())),
        ("x.png", lambda text: png(b"zTXt", b"Comment\0\0" + zlib.compress(text.encode()))),
        ("x.png", lambda text: png(b"iTXt", b"Comment\0\0\0\0\0" + text.encode())),
        ("x.png", lambda text: png(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(text.encode()))),
        ("x.png", lambda text: png(behind=text.encode())),
    ],
)
def test_metadata_of_data_files(tmp_path, name, make, text, said):
    (tmp_path / name).write_bytes(make(text))
    with pytest.raises(KitError, match=said) as error:
        refuse_secrets(tmp_path, [name], "datasets/d")
    assert str(error.value).startswith(f"datasets/d: {name}: its metadata: ") and HUB not in str(error.value)


def test_the_token_in_use_is_looked_for_and_not_shown(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "no-known-form-of-a-key")
    (tmp_path / "a.md").write_text("first line\nlog in with no-known-form-of-a-key\n")
    (tmp_path / "x.safetensors").write_bytes(safetensors({"by": "no-known-form-of-a-key"}))
    for name, where in (("a.md", "2"), ("x.safetensors", " its metadata")):
        with pytest.raises(KitError, match=f":{where}: a secret .the access token in use") as error:
            refuse_secrets(tmp_path, [name], "datasets/d")
        assert "no-known-form" not in str(error.value)


def test_links_out_of_the_folder(tmp_path):
    staged = tmp_path / "staged"
    staged.mkdir()
    (tmp_path / "outside.md").write_text("harmless")
    (staged / "a.md").write_text("harmless")
    (staged / "inside.md").symlink_to("a.md")
    refuse_secrets(staged, ["a.md", "inside.md"], "datasets/d")
    (staged / "b.md").symlink_to("../outside.md")
    with pytest.raises(KitError, match=r"datasets/d: b\.md: a link that leads out of the folder"):
        refuse_secrets(staged, ["a.md", "b.md"], "datasets/d")


@pytest.mark.parametrize(
    "text",
    [
        "data/ja_scnm/train-041b1339814fb232.parquet",
        "./data/en/x ../data/en/x mmm_dataset/data/labels.csv release-1/data/x",
        "https://example.org/data/x https://example.org:80/mnt/x hf://data/x",
        "{folder}/data/x **/data/*.parquet ~/data/x",
        "the folders /data/ and /mnt, and a slash: in/data or and/root/of",
        '{"/data/": 1, "/root": 2, "/tmp": 3, "sk-": 4}',
        "task-0123456789abcdef0123456789abcdef01234567 sk-learn-based-estimators-of-more-than-forty-letters",
        "a profile: see file names",
    ],
)
def test_what_looks_like_a_path_and_is_none(tmp_path, text):
    (tmp_path / "README.md").write_text(text)
    refuse_secrets(tmp_path, ["README.md"], "datasets/d")


def test_what_may_go(tmp_path):
    (tmp_path / "manifest.json").write_text(
        '{"sha256": "' + "0f" * 32 + '", "path": "data/en/test-0123456789abcdef.parquet"}'
    )
    (tmp_path / "README.md").write_text("See https://huggingface.co/docs and home/page, sk-learn, `token`.")
    (tmp_path / "x.parquet").write_bytes(
        parquet({"huggingface": "{}"}, row=f"a review that says {HOME}/ann/x and {HUB}")
    )
    (tmp_path / "x.png").write_bytes(png())
    refuse_secrets(tmp_path, ["manifest.json", "README.md", "x.parquet", "x.png"], "datasets/d")


@pytest.mark.parametrize("length", [0x0280, 0x0480, 0x8B1F])
def test_weights_whose_length_looks_like_a_pickle_or_an_archive(tmp_path, length):
    (tmp_path / "model.safetensors").write_bytes(safetensors({"format": "pt"}, length))
    refuse_secrets(tmp_path, ["model.safetensors"], "models/m")
