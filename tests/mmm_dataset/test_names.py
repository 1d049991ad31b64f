"""Names that become part of a path."""

from pathlib import PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmm_dataset.names import is_plain_name


@given(st.text(max_size=12) | st.text("./\\:aN1_-\0 \n", max_size=12))
@example("..")
@example("a/../..")
@example("C:x")
@example("a\n")
@example("aux.parquet")
def test_a_plain_name_stays_inside_its_folder_on_every_system(name):
    if is_plain_name(name):
        assert name == name.strip() == name.encode("ascii", "ignore").decode() and not name.startswith(".")
        for path in (PurePosixPath("folder", name), PureWindowsPath("folder", name)):
            assert path.parts == ("folder", name)
        assert not PureWindowsPath(name).is_reserved()


@pytest.mark.parametrize("name", ["en", "zh-Hant", "de_dorf", "en_scpos_adj", "xsid-0.7", "a", "x" * 80])
def test_plain(name):
    assert is_plain_name(name)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../../../evil", "a/b", "a\\b", ".git", "-rf", "a.", "NUL", "x" * 81, 3]
)
def test_not_plain(name):
    assert not is_plain_name(name)
