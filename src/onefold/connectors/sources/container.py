"""A container: the file as it was before it was compressed. Found by its first bytes, whatever its name says."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Literal, Protocol

from onefold.errors import UsageError

Compression = Literal["", "gzip", "bzip2", "xz", "zip"]


class Stream(Protocol):
    """What decompressed bytes are read from."""

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes, at most `size`; none at the end."""


RATIO_MAX = 300
"""Rows of text shrink to a tenth, hardly to a hundredth; what grows 300 times is made to fill a disk."""
_FREE_BYTES = 64 << 20
_MARKS: tuple[tuple[bytes, Compression], ...] = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
)
_REFUSED = (
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "is an Excel workbook of the old kind; save it as CSV UTF-8"),
    (b"\x28\xb5\x2f\xfd", "is compressed with Zstandard; decompress it, or compress it with gzip"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive; extract the file in it"),
    (b"Rar!\x1a\x07", "is a RAR archive; extract the file in it"),
    (b"SQLite format 3\x00", "is an SQLite database; export the table as CSV"),
    (b"%PDF-", "is a PDF; export the table as CSV"),
)
_LITTER = ("__MACOSX/", ".DS_Store", "Thumbs.db")
_DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, NotImplementedError, RuntimeError)


@contextmanager
def opened(path: Path) -> Iterator[io.BufferedReader[Any]]:
    """The file's bytes, decompressed as they are read, in bounded memory.

    Raises:
        UsageError: It cannot be opened, is of a form that we do not read, holds several files, ends early, is damaged
            or grows beyond `RATIO_MAX`; the last three also while it is read.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise UsageError(f"{path.name} cannot be read: {error.strerror}") from error
    with file:
        start = file.read(512)
        file.seek(0)
        found = compression(start)
        if not found:
            _refuse(path.name, start)
            yield file
            return
        with _decompressed(file, found, path.name) as plain:
            bounded = _Bounded(plain, path.stat().st_size, path.name, found)
            with io.BufferedReader(bounded, 1 << 16) as reader:
                inner = reader.peek(512)[:512]
                if compression(inner):
                    raise UsageError(f"{path.name} is compressed twice; decompress it once.")
                _refuse(path.name, inner)
                yield reader


def compression(start: bytes) -> Compression:
    """How bytes that begin so are compressed; empty when they are not."""
    return next((name for mark, name in _MARKS if start.startswith(mark)), "")


def compression_of(path: Path) -> Compression:
    """How a file is compressed.

    Raises:
        UsageError: It cannot be opened.
    """
    try:
        with path.open("rb") as file:
            return compression(file.read(8))
    except OSError as error:
        raise UsageError(f"{path.name} cannot be read: {error.strerror}") from error


def _refuse(name: str, start: bytes) -> None:
    for mark, sentence in _REFUSED:
        if start.startswith(mark):
            raise UsageError(f"{name} {sentence}.")
    if start[257:262] == b"ustar":
        raise UsageError(f"{name} is a tar archive; extract the file in it.")


@contextmanager
def _decompressed(file: IO[bytes], how: Compression, name: str) -> Iterator[Stream]:
    if how == "gzip":
        with gzip.GzipFile(fileobj=file) as stream:
            yield stream
    elif how == "bzip2":
        with bz2.BZ2File(file) as stream_bz2:
            yield stream_bz2
    elif how == "xz":
        with lzma.LZMAFile(file, format=lzma.FORMAT_XZ) as stream_xz:
            yield stream_xz
    else:
        try:
            archive = zipfile.ZipFile(file)
        except _DAMAGE as error:
            raise UsageError(f"{name} is a zip archive that ends early or is damaged.") from error
        with archive:
            member = _only_member(archive, name)
            try:
                stream_zip = archive.open(member)
            except _DAMAGE as error:
                raise UsageError(f"{name} is a zip archive that cannot be unpacked: {_why(member)}.") from error
            with stream_zip:
                yield stream_zip


def _why(member: zipfile.ZipInfo) -> str:
    return "it needs a password" if member.flag_bits & 1 else "it is damaged, or packed in an unusual way"


def _only_member(archive: zipfile.ZipFile, name: str) -> zipfile.ZipInfo:
    listed = archive.infolist()
    names = {member.filename for member in listed}
    if "[Content_Types].xml" in names:
        raise UsageError(f"{name} is a workbook or document of Excel or Word; save it as CSV UTF-8.")
    if "mimetype" in names:
        raise UsageError(f"{name} is an OpenDocument file; save it as CSV (UTF-8).")
    members = [
        member for member in listed if not member.is_dir() and not any(litter in member.filename for litter in _LITTER)
    ]
    if len(members) == 1:
        return members[0]
    if not members:
        raise UsageError(f"{name} is a zip archive with no file in it.")
    shown = ", ".join(member.filename for member in members[:5]) + (", …" if len(members) > 5 else "")
    raise UsageError(f"{name} holds {len(members)} files ({shown}); extract the one you mean, and load that.")


class _Bounded(io.RawIOBase):
    """Bytes of a decompressor, up to a multiple of what went in; its damages in our words."""

    def __init__(self, stream: Stream, compressed_bytes: int, name: str, how: str) -> None:
        self._stream = stream
        self._left = _FREE_BYTES + RATIO_MAX * compressed_bytes
        self._name = name
        self._how = how

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # every buffer we are given
        try:
            data = self._stream.read(len(buffer))
        except _DAMAGE as error:
            raise UsageError(f"{self._name} is a {self._how} file that ends early or is damaged.") from error
        self._left -= len(data)
        if self._left < 0:
            raise UsageError(f"{self._name} decompresses to more than {RATIO_MAX} times its size; that is no table.")
        buffer[: len(data)] = data
        return len(data)
