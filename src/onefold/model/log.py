"""The log entry: one received item as it came, with what the edge knew when it came."""

from __future__ import annotations

import hashlib
from typing import Literal

import msgspec

Shape = Literal["segment", "posthog", "mixpanel", "amplitude", "record", "judgement", "scores", "unreadable"]
"""How to read the body: a Segment/RudderStack item, one of PostHog, Mixpanel or Amplitude, a row of a file, a person's
judgement on the identity graph, pairs that the matcher scored, or bytes that are not JSON."""


class LogEntry(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One item of a request, or one row of a file, before anyone checked it.

    Attributes:
        shape: How to read `body`.
        source: The source the key belongs to, or `onefold` for judgements and scores.
        received_at_us: Our clock at receipt.
        index: The item's position in its request or file, from 0.
        body: The item's bytes as they came (one JSON value), or the whole request when it could not be split.
        sent_at: The request's own statement of when it was sent, as text, or None.
        shared: Request-level JSON (`context`, `integrations`) that applies to each of its items, or None.
        request_id: Correlates this entry with the request, its log lines and the profile changes it causes.
        replay_of: The offset of the dead letter that this entry sends again, or None.
        replay_in: The partition of that dead letter; None means the entry's own.
    """

    shape: Shape
    source: str
    received_at_us: int
    index: int
    body: bytes
    sent_at: str | None = None
    shared: bytes | None = None
    request_id: str = ""
    replay_of: int | None = None
    replay_in: int | None = None

    def __repr__(self) -> str:
        """Show what is safe to log."""
        return f"<LogEntry {self.shape} source={self.source} bytes={len(self.body)} request={self.request_id}>"


class StoredEntry(msgspec.Struct, frozen=True, gc=False):
    """A log entry at its place in the log. Offsets rise within a partition, and may have gaps."""

    partition: int
    offset: int
    entry: LogEntry


class WorkspaceIdentity(msgspec.Struct, frozen=True):
    """Which workspace stored data belong to: log, store and backups carry it, and it is compared at every open.

    Attributes:
        id: 32 hexadecimal digits, random, given once.
        keys: Fingerprint of the workspace's keys, from which nothing of the keys can be worked out.
    """

    id: str
    keys: str


class Checkpoint(msgspec.Struct, frozen=True):
    """How far a store has processed a partition, and by which entry the log is to be recognised.

    Attributes:
        offset: The last entry processed.
        fingerprint: That entry's; empty where an earlier version stored none.
        at_us: When it was stored.
    """

    offset: int
    fingerprint: bytes = b""
    at_us: int = 0


class LostEntries(msgspec.Struct, frozen=True):
    """Entries that were in the log and no longer are.

    Attributes:
        partition: Whose.
        first: The first of them, as the log's own tools number them.
        last: The last of them.
        resume_after: The offset after which the partition goes on.
    """

    partition: int
    first: int
    last: int
    resume_after: int


def fingerprint(entry: LogEntry) -> bytes:
    """16 bytes by which an entry is told from any other; of when and how it came, so that nothing personal is in it."""
    about = (entry.shape, entry.source, entry.received_at_us, entry.index, entry.sent_at, entry.request_id,
             entry.replay_of, entry.replay_in)  # fmt: skip
    return hashlib.sha256(msgspec.msgpack.encode(about)).digest()[:16]
