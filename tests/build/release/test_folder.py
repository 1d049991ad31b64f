"""Files of a release are copied or linked, whatever their origin is."""

import os

import pytest

from build.release.folder import link


@pytest.mark.parametrize("name", ["model.safetensors", "rows.parquet", "config.json"])
def test_a_snapshot_of_links_is_copied_as_files(tmp_path, name):
    blobs, snapshot, target = tmp_path / "blobs", tmp_path / "snapshots" / "main", tmp_path / "deep" / "er" / "out"
    for folder in (blobs, snapshot, target):
        folder.mkdir(parents=True)
    (blobs / "0f0f").write_bytes(b"content")
    (snapshot / name).symlink_to(os.path.join("..", "..", "blobs", "0f0f"))
    link(snapshot / name, target / name)
    assert not (target / name).is_symlink() and (target / name).read_bytes() == b"content"
