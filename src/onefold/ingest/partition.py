"""The partition of a log entry: what one person sends stays together and in order, as far as its bytes tell."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

from onefold.model import LogEntry

KEY_BYTES = 8


class _Names(msgspec.Struct, gc=False):
    """The fields that name who it is about, in the dialects we read; of any type, because nobody has checked them."""

    userId: Any = None  # noqa: N815  as it is on the wire
    anonymousId: Any = None  # noqa: N815  as it is on the wire
    distinct_id: Any = None


_decode = msgspec.json.Decoder(_Names).decode


def partition_key(entry: LogEntry, secret: bytes) -> bytes:
    """Eight bytes, the same for entries that name the same user, or without a user the same browser.

    A keyed hash, so that a broker which sees it learns nothing about the person. Entries that name nobody, or cannot be
    read, are spread evenly. Order across partitions does not matter for the result; keeping a person together saves
    workers from waiting for each other.
    """
    if entry.shape in {"judgement", "scores"}:
        # All in one partition, whatever their number: what people say is ordered by the log. Scores name nobody by a name.
        return bytes(KEY_BYTES)
    try:
        names = _decode(entry.body)
        who = names.userId or names.anonymousId or names.distinct_id
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        who = None
    text = entry.body if who is None else str(who).encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=KEY_BYTES, key=secret).digest()


def partition_of(key: bytes, partitions: int) -> int:
    """Which of `partitions` an entry with this key belongs to, from 0."""
    return int.from_bytes(key, "big") % partitions
