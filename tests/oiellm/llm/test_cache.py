"""The cache: several processes, a full disk, damage, and who may read it."""

import json
import os
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from oiellm.errors import OiellmError
from oiellm.llm.cache import Answered, Cache
from oiellm.llm.calls import Reply
from tests.oiellm.llm.talk import call

ROOT = Path(__file__).parents[3]


def answered(number, text="x", **about):
    asked = call(f"row {number}")
    return Answered(asked.key, asked.model, asked.purpose, Reply(text, "stop", 10, 5), 12, **about)


def keys(numbers):
    return [answered(number).key for number in numbers]


def test_what_is_put_is_found_again_by_the_next_run(tmp_path):
    cache = Cache(tmp_path / "deep" / "cache")
    rows = [answered(0, "東京\n\0'"), answered(1, "", batched=True)]
    rows[1] = rows[1]._replace(reply=Reply("why", "filter", -1, -1))
    cache.put(rows)
    cache.close()
    cache = Cache(tmp_path / "deep" / "cache")
    found = cache.get([rows[1].key, call("other").key, rows[0].key, rows[0].key])
    assert found == {row.key: row._replace(model="", purpose="") for row in rows}
    assert all(row.reply.cached for row in found.values())
    assert cache.get([]) == cache.get([call("other").key]) == {}


def test_the_first_reply_stays(tmp_path):
    cache = Cache(tmp_path)
    cache.put([answered(0, "first")])
    cache.put([answered(0, "second"), answered(1)])
    found = cache.get(keys(range(2)))
    assert [found[key].reply.text for key in keys(range(2))] == ["first", "x"]


def test_thousands_of_keys_are_found_at_once(tmp_path):
    cache = Cache(tmp_path)
    rows = [answered(number, str(number)) for number in range(2500)]
    cache.put(rows[::2])
    assert {row.reply.text for row in cache.get([row.key for row in rows]).values()} == {
        row.reply.text for row in rows[::2]
    }


def test_its_version_tells_that_another_run_has_written(tmp_path):
    cache, other = Cache(tmp_path), Cache(tmp_path)
    before = cache.version()
    cache.put([answered(0)])
    assert cache.version() == before
    other.put([answered(1)])
    assert cache.version() != before


def test_only_the_owner_can_read_it(tmp_path):
    cache = Cache(tmp_path / "cache")
    cache.put([answered(0)])
    assert (tmp_path / "cache").stat().st_mode & 0o077 == 0
    for name in ("replies.sqlite", "replies.sqlite-wal"):
        assert (tmp_path / "cache" / name).stat().st_mode & 0o777 == 0o600


def test_what_a_model_used_so_far(tmp_path):
    cache = Cache(tmp_path)
    cache.put([answered(number) for number in range(4)])
    cache.put([answered(9)._replace(reply=Reply("no count"))])
    assert cache.used("m") == {"first": (4, 40, 20, 48)} and cache.used("other") == {}


def script(body):
    return f"import sys\nsys.path.insert(0, {str(ROOT)!r})\nfrom tests.oiellm.llm.test_cache import *\n{body}"


def test_two_processes_share_it(tmp_path):
    body = "cache = Cache(Path(sys.argv[1]))\nfor n in range(400): cache.put([answered(int(sys.argv[2]) + n)])"
    command = [sys.executable, "-c", script(body), str(tmp_path)]
    running = [subprocess.Popen([*command, start]) for start in ("0", "200")]
    assert [process.wait(60) for process in running] == [0, 0]
    cache = Cache(tmp_path)
    assert len(cache.get(keys(range(600)))) == 600


@pytest.mark.parametrize("content", [b"this is no database at all" * 400, b"SQLite format 3\0" + b"\1" * 9000])
def test_a_damaged_file_is_named_with_the_remedy(tmp_path, content):
    (tmp_path / "replies.sqlite").write_bytes(content)
    with pytest.raises(OiellmError, match=r"replies\.sqlite: cannot be used .*move it away"):
        Cache(tmp_path)
    assert (tmp_path / "replies.sqlite").read_bytes() == content


def test_damage_that_shows_later_is_named_too(tmp_path):
    cache = Cache(tmp_path)
    cache.put([answered(number, "x" * 500) for number in range(500)])
    cache.close()
    path = tmp_path / "replies.sqlite"
    content = bytearray(path.read_bytes())
    content[8192:] = os.urandom(len(content) - 8192)
    path.write_bytes(content)
    cache = Cache(tmp_path)
    with pytest.raises(OiellmError, match="move it away"):
        cache.get(keys(range(500)))


def test_a_file_of_another_version_is_left_alone(tmp_path):
    database = sqlite3.connect(tmp_path / "replies.sqlite")
    database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(OiellmError, match="another version"):
        Cache(tmp_path)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OiellmError, match="choose another --cache"):
        Cache(tmp_path / "file" / "cache")


FILL = """
cache = Cache(Path(sys.argv[1]), ballast=int(sys.argv[2]))
number = 0
try:
    while True:
        cache.put([answered(number, 'x' * 3000)])
        number += 1
except OiellmError as error:
    print(json.dumps([number, str(error)]))
"""


def filled(command, **about):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **about)
    assert done.returncode == 0, done.stderr
    number, message = json.loads(done.stdout)
    assert number > 10 and "\n" not in message and "make room" in message
    return number, message


def test_a_full_disk_loses_no_reply_in_hand(tmp_path):
    mount = ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*mount, "true"], capture_output=True).returncode:
        pytest.skip("no small file system can be mounted here")
    keep, disk, saved = tmp_path / "fill.py", tmp_path / "disk", tmp_path / "saved"
    keep.write_text(script(FILL))
    disk.mkdir()
    # The disk is gone with the process, so what is on it is copied, and then filled again with room made.
    shell = f"""mount -t tmpfs -o size=6m none {disk} && {sys.executable} {keep} {disk}/cache 1048576 && ls {disk}/cache >&2
    cp -r {disk}/cache {saved}"""
    number, message = filled([*mount, "sh", "-c", shell])
    assert "all replies are stored" in message
    cache = Cache(saved)
    # The one that met the full disk is stored as well, and the next run goes on.
    assert len(cache.get(keys(range(number + 1)))) == number + 1
    cache.put([answered(number + 1)])
    assert cache.get(keys([number + 1]))


def test_without_room_from_the_start_it_says_so(tmp_path):
    def small():
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    done = subprocess.run(
        [sys.executable, "-c", script("Cache(Path(sys.argv[1]))"), str(tmp_path)],
        capture_output=True,
        text=True,
        preexec_fn=small,
    )
    assert "OiellmError" in done.stderr and "make room or choose another --cache" in done.stderr
    assert not (tmp_path / "ballast").exists()
    Cache(tmp_path).put([answered(0)])


def test_a_file_that_may_not_grow_is_a_clear_error_and_the_next_run_goes_on(tmp_path):
    def small():
        resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000))

    number, message = filled([sys.executable, "-c", script(FILL), str(tmp_path), "0"], preexec_fn=small)
    assert "could not be stored" in message
    cache = Cache(tmp_path)
    assert cache.get(keys(range(number + 1))).keys() == set(keys(range(number)))
    cache.put([answered(number)])
    assert cache.get(keys([number]))
