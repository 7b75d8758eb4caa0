"""A workspace in memory for tests: fixed keys, a clock that counts its questions, and events written briefly."""

from __future__ import annotations

import itertools
import random
from typing import Any

import msgspec

from onefold.adapters.memory.log import MemoryEventLog
from onefold.adapters.memory.store import MemoryProfileStore
from onefold.governance.encryption import NodeSealer, WorkspaceKeys
from onefold.identity.hashing import Hasher
from onefold.identity.settings import IdentitySettings
from onefold.ingest.gate import Gate
from onefold.ingest.settings import IngestSettings
from onefold.model import LogEntry
from onefold.pipelines.context import Context
from onefold.ports import EventLog, ProfileStore
from onefold.profiles.settings import ProfileSettings

NOW_US = 1_790_000_000_000_000
KEYS = WorkspaceKeys("test", b"h" * 32, b"w" * 32, b"l" * 32)


def context(
    *,
    log: EventLog | None = None,
    store: ProfileStore | None = None,
    identity: IdentitySettings | None = None,
    profiles: ProfileSettings | None = None,
    ingest: IngestSettings | None = None,
) -> Context:
    """A workspace, in memory unless given stores."""
    seeded = random.Random(1)
    return Context(
        name="test",
        log=log or MemoryEventLog(),
        store=store or MemoryProfileStore(),
        gate=Gate(ingest or IngestSettings()),
        identity=identity or IdentitySettings(),
        hasher=Hasher(KEYS.hashing),
        profiles=profiles or ProfileSettings(),
        sealer=NodeSealer(KEYS, seeded.randbytes),
        clock_us=itertools.count(NOW_US).__next__,
    )


def entry(body: dict[str, Any], *, source: str = "web", index: int = 0, received_at_us: int = NOW_US) -> LogEntry:
    """A received Segment item."""
    return LogEntry("segment", source, received_at_us, index, msgspec.json.encode(body), request_id="test")


def iso(second: int) -> str:
    """A time on 1 June 2026, that many seconds after midnight."""
    return f"2026-06-{1 + second // 86400:02d}T{second // 3600 % 24:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"
