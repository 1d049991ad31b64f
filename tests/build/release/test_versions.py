"""The version follows from what changed; the changelog says it."""

import pytest

from build.core import KitError
from build.release.versions import Level, add_entry, dataset_difference, next_version


def manifest(**configs):
    return {
        "configs": {
            name: {"files": {split: {"rows": rows, "sha256": digest} for split, (rows, digest) in files.items()}}
            for name, files in configs.items()
        }
    }


@pytest.mark.parametrize("level, version", [(Level.PATCH, "1.2.4"), (Level.MINOR, "1.3.0"), (Level.MAJOR, "2.0.0")])
def test_next_version(level, version):
    assert next_version("1.2.3", level) == version


def test_what_is_no_version_is_said():
    with pytest.raises(KitError, match="'new' is no version"):
        next_version("new", Level.PATCH)


def test_differences_of_manifests():
    before = manifest(
        ja_scnm={"train": (10, "a"), "test": (5, "b")}, en_scnm={"test": (3, "c")}, zh_scnm={"test": (1, "x")}
    )
    assert dataset_difference(before, before) == (Level.PATCH, [])
    after = manifest(
        ja_scnm={"train": (12, "d"), "test": (5, "e")},
        en_scnm={"train": (1, "f"), "test": (3, "c")},
        zh_scnm={"test": (1, "x")},
    )
    assert dataset_difference(before, after) == (
        Level.MINOR,
        [
            "`ja_scnm`: train had 10 rows, now 12",
            "`ja_scnm`: test had 5 rows, some of them changed",
            "`en_scnm`: a split `train` with 1 rows",
        ],
    )
    added = manifest(**{name: {"test": (1, "x")} for name in ("zh_scnm", "ko_scnm")})
    level, lines = dataset_difference(before, added)
    assert level == Level.MAJOR
    assert lines == ["removed: `ja_scnm`, `en_scnm`", "added: `ko_scnm`"]
    assert dataset_difference(manifest(a={"train": (9, "x"), "test": (1, "y")}), manifest(a={"test": (1, "y")})) == (
        Level.MAJOR,
        ["`a`: the split `train` is gone (9 rows)"],
    )


def test_the_changelog_grows_on_top_and_keeps_what_people_wrote():
    first = add_entry(None, "1.0.0", ["the first release"])
    assert first == "# Changelog\n\n## 1.0.0\n\n- the first release\n"
    edited = first + "\nNobody read this.\n"
    assert add_entry(edited, "1.1.0", ["more rows"]) == (
        "# Changelog\n\n## 1.1.0\n\n- more rows\n\n## 1.0.0\n\n- the first release\n\nNobody read this.\n"
    )
    assert add_entry("by hand\n", "1.1.0", ["x"]) == "# Changelog\n\n## 1.1.0\n\n- x\n\nby hand\n"
