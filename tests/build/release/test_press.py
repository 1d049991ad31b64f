"""One repository through all of it, into folders: new, unchanged, changed, edited by people."""

import json
from pathlib import Path

import pytest

from build.core import KitError
from build.release.folder import Folder
from build.release.press import press, stage
from build.release.target import ChangedMeanwhileError
from cards.markdown import BEGIN
from cards.publisher import Publisher
from tests.build.release.made import Made


@pytest.fixture
def go(tmp_path):
    numbers = iter(range(100))

    def run(piece, target=None, *, dry_run=False):
        scratch = tmp_path / f"scratch-{next(numbers)}"
        target = target or Folder(tmp_path / "out")
        staged = stage(piece, target, Publisher(), scratch)
        return staged if dry_run else press(staged, target, Publisher())

    return run


@pytest.fixture
def there(tmp_path):
    return tmp_path / "out" / "datasets" / "mine"


def contents(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_new_then_unchanged_then_changed(go, there):
    first = go(Made())
    assert (first.is_new, first.version, first.tagged) == (True, "1.0.0", True)
    before = contents(there)
    assert before["a.json"] == "1" and "# Mine v1.0.0" in before["README.md"]
    assert before["CHANGELOG.md"] == "# Changelog\n\n## 1.0.0\n\n- the first\n"
    again = go(Made())
    assert again.plan.is_empty and again.version == "1.0.0" and contents(there) == before
    changed = go(Made({"a.json": "3", "c.json": "4"}))
    assert (changed.version, changed.plan.add, changed.plan.delete) == ("1.1.0", ["c.json"], ["sub/b.json"])
    now = contents(there)
    assert now["a.json"] == "3" and "sub/b.json" not in now and "# Mine v1.1.0" in now["README.md"]
    assert now["CHANGELOG.md"].startswith("# Changelog\n\n## 1.1.0\n\n- other files\n\n## 1.0.0\n")
    assert json.loads(now[".release/release.json"])["version"] == "1.1.0"


def test_words_alone_are_a_patch(go, there):
    go(Made())
    assert go(Made(card="Ten fine rows.")).version == "1.0.1"
    assert "## 1.0.1\n\n- the words about it\n" in contents(there)["CHANGELOG.md"]


def test_a_dry_run_changes_nothing_and_says_the_same(go, there):
    planned = go(Made(), dry_run=True)
    assert planned.is_new and not there.exists()
    staged = contents(planned.folder)
    go(Made())
    assert contents(there) == staged


def test_what_people_put_there_stays(go, there):
    go(Made())
    (there / "thanks.txt").write_text("mine")
    readme = there / "README.md"
    readme.write_text(
        readme.read_text()
        .replace(f"{BEGIN}\n", f"{BEGIN}\nMy words.\n")
        .replace("license: mit\n", "license: mit\narxiv: x\n")
    )
    assert go(Made()).plan.is_empty  # their edits alone are no reason for a release
    found = go(Made({"a.json": "3"}))
    assert found.plan.kept == ["thanks.txt"]
    now = contents(there)
    assert now["thanks.txt"] == "mine" and "My words." in now["README.md"] and "arxiv: x" in now["README.md"]
    assert "My words." not in now[".release/README.md"]
    assert "My words." in contents(there)["README.md"] and go(Made({"a.json": "3"})).plan.is_empty


def test_a_file_that_people_changed_is_not_overwritten(go, there):
    go(Made())
    (there / "a.json").write_text("mine")
    assert go(Made()).plan.kept == ["a.json"]
    before = contents(there)
    with pytest.raises(KitError, match=r"a\.json was not put there by this kit, or was changed since"):
        go(Made({"a.json": "3"}))
    assert contents(there) == before
    assert go(Made({"sub/b.json": "2"})).plan.kept == ["a.json"]  # and not deleted either


def test_a_card_that_was_edited_elsewhere_stops_it(go, there):
    go(Made())
    readme = there / "README.md"
    readme.write_text(readme.read_text().replace("Ten rows", "Eleven rows"))
    before = contents(there)
    with pytest.raises(KitError, match="edited outside of the zone"):
        go(Made(card="Twelve rows."))
    assert contents(there) == before


def test_files_that_are_there_already_are_not_ours(go, there):
    there.mkdir(parents=True)
    (there / "a.json").write_text("somebody's")
    with pytest.raises(KitError, match="not put there by this kit"):
        go(Made())


class Restless(Folder):
    """Somebody else changes the folder just before each of the first changes."""

    def apply(self, repository, state, folder, add, delete, message):
        if not getattr(Restless, "calm", False):
            Restless.calm = True
            (self.root / repository.path).mkdir(parents=True, exist_ok=True)
            (self.root / repository.path / "notes.txt").write_text("of another")
        return super().apply(repository, state, folder, add, delete, message)


def test_a_change_in_between_is_merged(go, there, tmp_path):
    Restless.calm = False
    found = go(Made(), Restless(tmp_path / "out"))
    assert found.plan.kept == ["notes.txt"] and contents(there)["notes.txt"] == "of another"


class Mad(Folder):
    def apply(self, *_):
        raise ChangedMeanwhileError


def test_a_repository_that_never_rests_is_given_up(go, tmp_path):
    with pytest.raises(KitError, match="changes faster than it can be released"):
        go(Made(), Mad(tmp_path / "out"))


def test_a_secret_stops_it_before_anything_is_written(go, there):
    with pytest.raises(KitError, match="somebody's disk"):
        go(Made({"a.json": "/ho" + "me/ann/x"}))
    assert not there.exists()


def test_a_failed_swap_leaves_the_old(go, there, monkeypatch):
    go(Made())
    before = contents(there)
    import build.release.folder as module

    real = module.os.replace

    def fails(source, target):
        if Path(source).name == "new":
            raise OSError(28, "No space left on device")
        real(source, target)

    monkeypatch.setattr(module.os, "replace", fails)
    with pytest.raises(OSError, match="No space"):
        go(Made({"a.json": "9"}))
    assert contents(there) == before and [p.name for p in there.parent.iterdir()] == ["mine"]


def test_an_interrupt_between_the_renames_leaves_the_old(go, there, monkeypatch):
    go(Made())
    before = contents(there)
    import build.release.folder as module

    real = module.os.replace

    def interrupted(source, target):
        real(source, target)
        if Path(target).name.endswith(".previous"):
            raise KeyboardInterrupt

    monkeypatch.setattr(module.os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        go(Made({"a.json": "9"}))
    assert contents(there) == before and [p.name for p in there.parent.iterdir()] == ["mine"]


def test_what_a_kill_between_the_renames_left_is_put_back(go, there):
    go(Made())
    before = contents(there)
    aside = there.parent / ".mine.abc" / "old"
    aside.parent.mkdir()
    there.rename(aside)  # as a kill there leaves it
    assert go(Made()).version == "1.0.0"
    assert contents(there) == before
    assert go(Made({"a.json": "9"})).version == "1.1.0"
