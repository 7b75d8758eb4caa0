"""A disk that forgets: a shim under SQLite which keeps, beside the real files, what a power cut would leave of them.

Synced bytes are there for certain; of unsynced writes each 512-byte sector by the toss of a coin, in no order. kill -9
proves nothing here: the kernel keeps what a process wrote.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

SECTOR = 512

Write = tuple[int, bytes] | int
"""Bytes at an offset, or a length that the file was cut to."""


class Disk(apsw.VFS):
    """Passes everything on, and knows what a power cut would leave."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.below = apsw.vfs_names()[0]
        self.synced: dict[str, bytearray] = {}
        self.pending: dict[str, list[Write]] = {}
        self.on_write: Callable[[], None] = lambda: None
        super().__init__(f"disk{seed}", self.below, makedefault=True)

    def xOpen(self, name, flags):  # noqa: N802 - SQLite's word
        """Open a file that reports what it does."""
        return File(self, name, flags)

    def xDelete(self, filename, syncdir):  # noqa: N802 - SQLite's word
        """A deleted file is gone for good."""
        self.synced.pop(Path(filename).name, None)
        self.pending.pop(Path(filename).name, None)
        return super().xDelete(filename, syncdir)

    def cut(self, into: Path) -> None:
        """Write the files as they would be found."""
        into.mkdir()
        for name, synced in self.synced.items():
            found = bytearray(synced)
            for write in self.pending[name]:
                self.perhaps(found, write)
            (into / name).write_bytes(found)

    def perhaps(self, content: bytearray, write: Write) -> None:
        """Each sector of a write reaches the disk, or does not; so does a truncation."""
        if isinstance(write, int):
            if self.random.random() < 0.5:
                apply(content, write)
            return
        offset, data = write
        start = 0
        while start < len(data):
            end = start + SECTOR - (offset + start) % SECTOR
            if self.random.random() < 0.5:
                apply(content, (offset + start, data[start:end]))
            start = end


def apply(content: bytearray, write: Write) -> None:
    """What a write does to a file that keeps it."""
    if isinstance(write, int):
        del content[write:]
        return
    offset, data = write
    content.extend(bytes(max(0, offset + len(data) - len(content))))
    content[offset : offset + len(data)] = data


class File(apsw.VFSFile):
    """A file on the disk."""

    def __init__(self, disk: Disk, name: str | apsw.URIFilename | None, flags: list[int]) -> None:
        super().__init__(disk.below, name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self.name = Path(path or "temporary").name
        self.disk = disk
        if path and self.name not in disk.synced:
            disk.synced[self.name] = bytearray(Path(path).read_bytes())
        disk.pending.setdefault(self.name, [])

    def xWrite(self, data, offset):  # noqa: N802 - SQLite's word
        """Write; whether it lasts is open until the next sync."""
        super().xWrite(data, offset)
        self.disk.pending[self.name].append((offset, bytes(data)))
        self.disk.on_write()

    def xTruncate(self, newsize):  # noqa: N802 - SQLite's word
        """Truncate, open likewise."""
        super().xTruncate(newsize)
        self.disk.pending[self.name].append(newsize)

    def xSync(self, flags):  # noqa: N802 - SQLite's word
        """From here on it lasts."""
        self.disk.on_write()  # the moment before is the most dangerous one
        super().xSync(flags)
        for write in self.disk.pending[self.name]:
            apply(self.disk.synced[self.name], write)
        self.disk.pending[self.name].clear()


@contextmanager
def disk(seed: int) -> Iterator[Disk]:
    """Put a disk under every database that is opened in the block."""
    below = apsw.vfs_names()[0]
    made = Disk(seed)
    try:
        yield made
    finally:
        apsw.set_default_vfs(below)
        made.unregister()
