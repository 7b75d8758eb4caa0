"""Compression: a body as it was before a sender compressed it, found by its first bytes and held to a size."""

from __future__ import annotations

import zlib

from onefold.errors import TooLargeError, UsageError

BOM = b"\xef\xbb\xbf"
GZIP_MEMBERS_MAX = 64
"""A gzip stream of more members is refused: SDKs send one, and thousands of empty ones cost quadratic time."""


def unpack(body: bytes, *, max_bytes: int) -> bytes:
    """Decompress by content, whatever the headers say; other bytes come back as they are, without a byte order mark.

    Raises:
        TooLargeError: The body has more than `max_bytes`, before or after decompression. Nothing beyond is produced.
        UsageError: It claims to be gzip or zlib and is not, or ends early.
    """
    if len(body) > max_bytes:
        raise TooLargeError(f"The body has more than {max_bytes} bytes.")
    head = body[:2]
    if head == b"\x1f\x8b":
        return _inflate(body, wbits=31, max_bytes=max_bytes)
    # A zlib header is 0x78 and a multiple of 31; JSON and forms never start with it.
    if len(head) == 2 and head[0] == 0x78 and (head[0] << 8 | head[1]) % 31 == 0:
        return _inflate(body, wbits=15, max_bytes=max_bytes)
    return body[3:] if body.startswith(BOM) else body


def _inflate(body: bytes, *, wbits: int, max_bytes: int) -> bytes:
    parts: list[bytes] = []
    room = max_bytes + 1
    for _ in range(GZIP_MEMBERS_MAX):
        stream = zlib.decompressobj(wbits)
        try:
            part = stream.decompress(body, room)
        except zlib.error:
            raise UsageError("The body starts like a compressed one and cannot be decompressed.") from None
        room -= len(part)
        parts.append(part)
        if room <= 0:
            raise TooLargeError(f"The body has more than {max_bytes} bytes once decompressed.")
        if not stream.eof:
            raise UsageError("The compressed body ends early.")
        body = stream.unused_data
        if not body.strip(b"\0"):
            return b"".join(parts).removeprefix(BOM)
    raise UsageError(f"The compressed body has more than {GZIP_MEMBERS_MAX} members.")
