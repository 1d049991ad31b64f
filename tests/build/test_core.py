"""The one way to write: whole or not at all, by one run at a time, and over nothing that is not the run's own."""

import errno
import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from build.core import KitError, recover, scratch, swap, write_files, write_step
from build.step_record import Run, read_record
from oiellm.errors import OiellmError

ROOT = Path(__file__).parents[2]
RUN = Run(command="export", inputs={"a.jsonl": "0" * 64}, options={"split": "hash"})
WRITER = """
import os, signal, sys
from pathlib import Path
from build.core import write_step
from build.step_record import Run
count, last, real = 0, int(sys.argv[2]), {name: getattr(os, name) for name in ("replace", "link", "fsync", "rmdir")}
def counted(name):
    def call(*arguments, **more):
        global count
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return real[name](*arguments, **more)
    return call
for name in real:
    setattr(os, name, counted(name))
with write_step(Path(sys.argv[1]), Run(command="test", options={"n": 1}), replace="--replace" in sys.argv) as step:
    step.path("data/a.txt").write_text(sys.argv[3])
    step.path("b.txt").write_text(sys.argv[3])
    step.beside(".report").write_text(sys.argv[3])
print(count)
"""


def write(out, content="new", run=RUN, replace=False, name="a.txt"):
    with write_step(out, run, replace=replace) as step:
        step.path(name).write_text(content)
        step.beside(".report").write_text(content)


def visible(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(".lock") and path.name != ".step.json"
    }


def test_the_same_run_replaces_what_it_made_and_keeps_what_people_added(tmp_path):
    out = tmp_path / "out"
    write(out, "old")
    (out / "notes").mkdir()
    (out / "notes" / "mine.txt").write_text("of a person")
    decisions = (out / "decisions.jsonl").open("w")
    write(out, "new")
    decisions.write("written meanwhile")  # as a review server does that has the file open
    decisions.close()
    assert visible(tmp_path) == {
        "out/a.txt": "new",
        "out/notes/mine.txt": "of a person",
        "out/decisions.jsonl": "written meanwhile",
        "out.report": "new",
    }
    assert set(read_record(out).files) == {"a.txt"}


@pytest.mark.parametrize("kind", ["no record", "a file", "another run", "another command", "edited", "sibling edited"])
def test_anything_else_is_refused_and_moved_aside_on_request(tmp_path, kind):
    out, run = tmp_path / "out", RUN
    if kind == "no record":
        out.mkdir()
        (out / "manifest.json").write_text("{}")
    elif kind == "a file":
        out.write_text("thesis")
    else:
        write(out, "old")
        if kind == "edited":
            (out / "a.txt").write_text("by hand")
        elif kind == "sibling edited":
            (tmp_path / "out.report").write_text("by hand")
        else:
            options = {"split": "table3"}
            run = RUN.model_copy(update={"options": options} if kind == "another run" else {"command": "import"})
    before = visible(tmp_path)
    with pytest.raises(KitError, match="--replace") as error:
        write(out, run=run)
    assert str(out) in str(error.value) and "\n" not in str(error.value)
    assert visible(tmp_path) == before
    write(out, run=run, replace=True)
    after = visible(tmp_path)
    assert after.pop("out/a.txt") == after.pop("out.report") == "new"
    assert sorted(after.values()) == sorted(before.values()) and all(".20" in name for name in after)
    write(out, run=run)  # and now it is this run's


def test_a_new_file_never_takes_the_place_of_a_persons(tmp_path):
    write(tmp_path / "out", "old")
    (tmp_path / "out" / "b.txt").write_text("of a person")
    with pytest.raises(KitError, match="b.txt"):
        write(tmp_path / "out", name="b.txt")
    (tmp_path / "alone.report").write_text("of a person")
    with pytest.raises(KitError, match="alone.report"):
        write(tmp_path / "alone")
    assert visible(tmp_path)["out/b.txt"] == visible(tmp_path)["alone.report"] == "of a person"
    assert not (tmp_path / "alone").exists()


@pytest.mark.parametrize("name", ["../x", "/x", "a/../../x", "..", "", "a\\..\\x", "C:/x"])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    with pytest.raises(KitError, match="inside the folder"):
        write(tmp_path / "in" / "out", name=name)
    assert not visible(tmp_path)


def test_what_a_person_changes_while_a_run_goes_on_is_not_lost(tmp_path):
    write(tmp_path / "out", "old")
    with pytest.raises(KitError, match="changed since"), write_step(tmp_path / "out", RUN) as step:
        step.path("a.txt").write_text("new")
        (tmp_path / "out" / "a.txt").write_text("edited meanwhile")
    assert visible(tmp_path) == {"out/a.txt": "edited meanwhile", "out.report": "old"}


def test_links_and_empty_folders_of_people_stay(tmp_path):
    write(tmp_path / "out")
    (tmp_path / "pictures").mkdir()
    (tmp_path / "out" / "link").symlink_to(tmp_path / "pictures")
    (tmp_path / "out" / "inbox").mkdir()
    (tmp_path / "out" / "dangling").symlink_to(
        tmp_path / "nowhere"
    )  # it could not be opened, and ended every later run
    os.mkfifo(tmp_path / "out" / "pipe")  # nor could this, without end
    write(tmp_path / "out")
    assert (tmp_path / "out" / "dangling").is_symlink() and (tmp_path / "out" / "pipe").is_fifo()
    assert (tmp_path / "out" / "link").readlink() == tmp_path / "pictures" and (tmp_path / "out" / "inbox").is_dir()


def test_places_that_cannot_be_an_output(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for out in (Path("."), Path("/")):
        with pytest.raises(OiellmError, match="give a folder in it"):
            write(out)
    with monkeypatch.context() as patch:  # it was found out at the end, when all had been made
        patch.setattr(Path, "is_mount", lambda path: path.name == "volume")
        (tmp_path / "volume").mkdir()
        with pytest.raises(KitError, match="mount point"), write_step(tmp_path / "volume", RUN):
            raise AssertionError("begun")
    write(tmp_path / "out")
    for content in ("garbage", "[]", '"configs"', "{}"):
        (tmp_path / "out" / ".step.json").write_text(content)
        with pytest.raises(KitError, match="--replace") as error:
            write(tmp_path / "out")
        assert "StepRecord" not in str(error.value)
    write(tmp_path / "out", replace=True)  # a record that cannot be read is no reason to keep it


def test_a_failure_leaves_what_was_there(tmp_path):
    write(tmp_path / "out", "old")
    with pytest.raises(ZeroDivisionError), write_step(tmp_path / "out", RUN) as step:
        step.path("a.txt").write_text("half")
        raise ZeroDivisionError
    assert visible(tmp_path) == {"out/a.txt": "old", "out.report": "old"}


def test_one_run_at_a_time(tmp_path):
    with write_step(tmp_path / "out", RUN) as step:
        for other in (write_step(tmp_path / "x" / ".." / "out", RUN), scratch(tmp_path / "out")):
            with pytest.raises(OiellmError, match="another process"), other:
                pass
        recover(tmp_path / "out")  # somebody who looks meanwhile takes nothing away
        step.path("a.txt").write_text("new")
    assert visible(tmp_path) == {"out/a.txt": "new"}


def killed(out, at, content, *more):
    command = [sys.executable, "-c", WRITER, str(out), str(at), content, *more]
    return subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--replace",)])
def test_killed_at_any_moment_the_next_run_ends_as_if_nothing_had_been(tmp_path, more):
    """Every call that changes the folder is a moment; readers see the old result or the new one after `recover`."""
    calls = int(killed(tmp_path / "count" / "out", 0, "x").stdout)
    assert calls >= 5
    for at in range(1, calls + 8):
        out = tmp_path / f"{at}" / "out"
        assert killed(out, 0, "old").returncode == 0
        (out / "mine.txt").write_text("of a person")
        if more:
            (out / "b.txt").write_text("edited by a person")
        done = killed(out, at, "new", *more)
        assert done.returncode in (0, -signal.SIGKILL), done.stderr
        if done.returncode:
            recover(out)
            assert (out / "data" / "a.txt").read_text() in ("old", "new")
            assert killed(out, 0, "new", *more).returncode == 0
        found = visible(out.parent)
        aside = {name: text for name, text in found.items() if ".20" in name}
        kept = {name: text for name, text in found.items() if name not in aside}
        mine = {} if more else {"out/mine.txt": "of a person"}
        assert kept == {"out/data/a.txt": "new", "out/b.txt": "new", "out.report": "new", **mine}, at
        if more:
            assert {"of a person", "edited by a person"} <= set(aside.values())
    assert done.returncode == 0  # the last moments were past the end


@pytest.mark.parametrize("after", [True, False])
@pytest.mark.parametrize("at", range(1, 7))
def test_ctrl_c_at_any_rename_leaves_what_the_next_run_can_replace(tmp_path, monkeypatch, at, after):
    """Between the renames the file beside the folder was lost, and the next run was refused: it differed from the record."""
    real, count, out = os.replace, 0, tmp_path / "out"
    write(out, "old")

    def replace(source, target):
        nonlocal count
        count += 1
        if count == at and not after:
            raise KeyboardInterrupt
        real(source, target)
        if count == at:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(os, "replace", replace)
        write(out, "new")
    recover(out)
    assert visible(tmp_path) in ({"out/a.txt": text, "out.report": text} for text in ("old", "new"))
    write(out, "new")
    assert visible(tmp_path) == {"out/a.txt": "new", "out.report": "new"}


def test_a_swap_leaves_one_of_the_two(tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / ".out.previous").mkdir()  # of a run that was killed between its two renames
    (tmp_path / ".out.previous" / "a").write_text("old")
    recover(tmp_path / "out")
    assert (tmp_path / "out" / "a").read_text() == "old"
    swap(tmp_path / "new", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir()) and not (tmp_path / ".out.previous").exists()


def test_scratch_is_empty_and_goes_away(tmp_path):
    (tmp_path / ".hub.scratch" / "left").mkdir(parents=True)
    with scratch(tmp_path / "hub") as folder:
        assert not list(folder.iterdir()) and folder.parent == tmp_path.resolve()
        (folder / "model").write_text("large")
    assert not visible(tmp_path)


def test_one_file_is_written_over_nothing_else(tmp_path):
    path = tmp_path / "tables.json"
    for _ in range(2):
        with write_files(path) as (file,):
            file.write("same")
    with pytest.raises(KitError, match="--replace"), write_files(path) as (file,):
        file.write("other")
    assert visible(tmp_path) == {"tables.json": "same"}
    with write_files(path, replace=True) as (file,):
        file.write("other")
    assert sorted(visible(tmp_path).values()) == ["other", "same"]


def test_one_process_at_a_time_writes_a_file(tmp_path):
    """Two of them had one staging file, so the result of one was a mixture, and the other one failed."""
    with write_files(tmp_path / "a") as (file,):
        with pytest.raises(OiellmError, match="another process"), write_files(tmp_path / "a"):
            pass
        file.write("one")
    assert visible(tmp_path) == {"a": "one"}


@pytest.mark.parametrize("there", [True, False])
def test_a_link_to_a_file_stays_a_link(tmp_path, there):
    """The link was replaced by a file, and the file that it led to stayed as it was."""
    place, link = tmp_path / "big disk" / "tables.json", tmp_path / "tables.json"
    place.parent.mkdir()
    if there:
        place.write_text("same")
    link.symlink_to(place)
    with write_files(link) as (file,):
        file.write("same")
    assert link.readlink() == place and place.read_text() == "same"


@pytest.mark.parametrize("writes", [lambda out: write_step(out, RUN), write_files, scratch])
@pytest.mark.parametrize("below", ["out", "deep/out"])
def test_a_place_below_a_file_is_refused_with_its_reason(tmp_path, writes, below):
    (tmp_path / "thesis").write_text("of a person")
    with pytest.raises(OiellmError, match="thesis.* is not a folder"), writes(tmp_path / "thesis" / below):
        pass
    assert visible(tmp_path) == {"thesis": "of a person"}


def test_of_several_files_all_are_written_or_none(tmp_path):
    tasks, setup = tmp_path / "x.json", tmp_path / "x.xml"
    setup.write_text("somebody's")
    with pytest.raises(KitError, match=r"x\.xml: exists"), write_files(tasks, setup) as (first, second):
        first.write("[]")
        second.write("<View/>")
    assert [path.name for path in tmp_path.iterdir()] == ["x.xml"] and setup.read_text() == "somebody's"
    with write_files(tasks, setup, replace=True) as (first, second):
        first.write("[]")
        second.write("<View/>")
    assert tasks.read_text() == "[]" and setup.read_text() == "<View/>" and len(list(tmp_path.glob("x.xml.*"))) == 1


@pytest.mark.parametrize("writes", [lambda out: write_step(out, RUN), write_files])
def test_a_full_disk_names_what_was_being_written(tmp_path, writes):
    with pytest.raises(OSError) as error, writes(tmp_path / "out"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert error.value.filename == str(tmp_path / "out")
    with pytest.raises(ConnectionError) as other, writes(tmp_path / "out"):
        raise ConnectionError("refused")
    assert other.value.filename is None
