"""Sealed files: frames of 256 KiB, each AES-256-GCM under the file's own key.

The nonce is the frame's number and whether it is the last, so frames can be neither moved nor cut off. A key seals one file
once, so no nonce is ever used twice.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from onefold.errors import IntegrityError

if TYPE_CHECKING:  # there is no such module when it runs
    from _typeshed import ReadableBuffer, WriteableBuffer

FRAME_BYTES = 1 << 18
UNSEALED = "a segment file of the warehouse does not open under its key"
_TAG_BYTES = 16
_SEALED_BYTES = FRAME_BYTES + _TAG_BYTES


def plain_size(sealed_size: int) -> int:
    """How many bytes a sealed file of that size holds."""
    return sealed_size - _TAG_BYTES * -(-sealed_size // _SEALED_BYTES)


def _nonce(frame: int, *, last: bool) -> bytes:
    return frame.to_bytes(11, "big") + (b"\x01" if last else b"\x00")


class SealedWriter(io.RawIOBase):
    """Writes a new file from its beginning to its end; closed, it is on the disk."""

    def __init__(self, path: Path | int, key: bytes) -> None:
        """Write to a path, where nothing may be yet, or to a descriptor of an empty file, which it takes over."""
        if isinstance(path, Path):
            path = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(path, "wb")
        self._aead = AESGCM(key)
        self._held = bytearray()  # which frame is the last is known at the end only
        self._frame = 0
        self._position = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Bytes written so far."""
        return self._position

    def write(self, data: ReadableBuffer) -> int:
        """Take in the next bytes."""
        view = memoryview(data)
        self._held += view
        self._position += view.nbytes
        while len(self._held) > FRAME_BYTES:
            self._seal(bytes(self._held[:FRAME_BYTES]), last=False)
            del self._held[:FRAME_BYTES]
        return view.nbytes

    def close(self) -> None:
        """Write the last frame, and wait until all of it is on the disk."""
        if self.closed:
            return
        try:
            self._seal(bytes(self._held), last=True)
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()
            super().close()

    def _seal(self, plaintext: bytes, *, last: bool) -> None:
        self._file.write(self._aead.encrypt(_nonce(self._frame, last=last), plaintext, None))
        self._frame += 1


class SealedFile(io.RawIOBase):
    """Reads a sealed file, from anywhere. It takes over the descriptor."""

    def __init__(self, descriptor: int, key: bytes) -> None:
        self._descriptor = descriptor
        self._aead = AESGCM(key)
        sealed = os.fstat(descriptor).st_size
        self._frames = -(-sealed // _SEALED_BYTES)
        self.size = plain_size(sealed)
        self._position = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move; see `io.IOBase`."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self.size}[whence]
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        """The position."""
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes.

        Raises:
            IntegrityError: The file was altered, cut short, or is sealed under another key.
        """
        length = self.size - self._position if size is None or size < 0 else size
        found = self.read_at(self._position, length)
        self._position += len(found)
        return found

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Read into a buffer."""
        view = memoryview(buffer).cast("B")
        found = self.read(len(view))
        view[: len(found)] = found
        return len(found)

    def read_at(self, start: int, length: int) -> bytes:
        """Bytes from a position; fewer at the end. Safe for threads."""
        end = min(start + length, self.size)
        if end <= start:
            return b""
        first, last = start // FRAME_BYTES, (end - 1) // FRAME_BYTES
        sealed = memoryview(os.pread(self._descriptor, (last - first + 1) * _SEALED_BYTES, first * _SEALED_BYTES))
        try:
            frames = [
                self._aead.decrypt(
                    _nonce(frame, last=frame == self._frames - 1),
                    sealed[(frame - first) * _SEALED_BYTES : (frame - first + 1) * _SEALED_BYTES],
                    None,
                )
                for frame in range(first, last + 1)
            ]
        except (InvalidTag, ValueError):
            raise IntegrityError(UNSEALED) from None
        found = frames[0] if len(frames) == 1 else b"".join(frames)
        return found[start - first * FRAME_BYTES : end - first * FRAME_BYTES]

    def close(self) -> None:
        """Let go of the descriptor."""
        if not self.closed:
            os.close(self._descriptor)
        super().close()
