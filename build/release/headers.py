"""What data files say about themselves: metadata of Parquet, safetensors and PNG, read without the data."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, Final

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_INFLATED: Final = 1 << 24
"""Bytes that a compressed text of an image may have; the rest is not looked at."""


def metadata(path: Path) -> list[bytes] | None:
    """The texts in the metadata of a data file.

    Args:
        path: the file; its suffix tells the format that it should have.

    Returns:
        the texts as bytes; None if this is no data file, or not one that can be read, whatever its name says.
    """
    read = _READERS.get(path.suffix.lower())
    return read(path) if read else None


def _parquet(path: Path) -> list[bytes] | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        footer = pq.read_metadata(path)
    except (pa.ArrowInvalid, OSError):
        return None
    said = [str(footer.created_by).encode()]
    for key, value in (footer.metadata or {}).items():
        # The schema is in base64, in which a path or key of a column's metadata would not be seen.
        said += [key, base64.b64decode(value) if key == b"ARROW:schema" else value]
    return said


def _safetensors(path: Path) -> list[bytes] | None:
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
        if not 0 < length <= path.stat().st_size - 8:
            return None
        header = file.read(length)
    try:
        found = json.loads(header)
    except ValueError:
        return None
    return [header] if isinstance(found, dict) else None


def _png(path: Path) -> list[bytes] | None:
    with path.open("rb") as file:
        if file.read(len(_PNG)) != _PNG:
            return None
        return [*_chunks(file), file.read()]


def _chunks(file: BinaryIO) -> Iterator[bytes]:
    """The texts of an image; leaves the file where the image ends, behind which anything may hide."""
    kind = b""
    while kind != b"IEND" and len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind in (b"tEXt", b"zTXt", b"iTXt", b"eXIf"):
            yield _inflated(kind, file.read(length))
            length = 0
        file.seek(length + 4, 1)  # the data, if they were not read, and the checksum


def _inflated(kind: bytes, data: bytes) -> bytes:
    """A text with its keyword; unpacked if it was packed."""
    keyword, _, rest = data.partition(b"\0")
    if kind == b"zTXt":
        return keyword + b"\0" + _unpacked(rest[1:])
    if kind == b"iTXt" and rest[:1] == b"\1":
        language, _, rest = rest[2:].partition(b"\0")
        translated, _, packed = rest.partition(b"\0")
        return b"\0".join([keyword, language, translated, _unpacked(packed)])
    return data


def _unpacked(packed: bytes) -> bytes:
    try:
        return zlib.decompressobj().decompress(packed, _INFLATED)
    except zlib.error:
        return packed


_READERS: Final[Mapping[str, Callable[[Path], list[bytes] | None]]] = {
    ".parquet": _parquet,
    ".safetensors": _safetensors,
    ".png": _png,
}
