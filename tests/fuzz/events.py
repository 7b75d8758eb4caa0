"""Events under the fuzzer: whatever bytes arrive, each item of a request gets one verdict, and always the same.

The first byte chooses the route (dialect, call, Global Privacy Control), the rest is the request's body.
"""

from __future__ import annotations

import json

import msgspec

from onefold.errors import TooLargeError, UsageError
from onefold.identity.hashing import Hasher
from onefold.identity.settings import IdentitySettings
from onefold.ingest import framing
from onefold.ingest.gate import Gate
from onefold.ingest.partition import partition_key
from onefold.ingest.reasons import REASONS, SUPPRESSIONS
from onefold.ingest.settings import IngestSettings
from onefold.model import Accepted, Event, LogEntry, Rejected, Suppressed

RECEIVED_US = 1_790_000_000_000_000
UNPACKED_MAX = 1 << 20
CALLS = (None, "track", "identify", "page", "screen", "group", "alias", "record")
SETTINGS = IngestSettings()
JUDGE = Gate(SETTINGS)
IDENTITY = IdentitySettings()
HASHER = Hasher(b"h" * 32)


def check(data: bytes) -> None:
    """Take one request apart and judge it, as collector and processor do."""
    choice, body = data[0] if data else 0, data[1:]
    shape = "posthog" if choice & 1 else "segment"
    try:
        body = framing.unpack(body, max_bytes=UNPACKED_MAX)
        envelope = framing.peek(body)
    except TooLargeError:
        return
    except UsageError:
        envelope = framing.Malformed("bad_compression")
    if isinstance(envelope, framing.Malformed):
        assert envelope.reason in REASONS
        entries = [LogEntry("unreadable", "web", RECEIVED_US, 0, body, request_id="r")]
    else:
        entries = framing.entries(
            envelope, shape=shape, source="web", received_at_us=RECEIVED_US, request_id="r",
            default_type=CALLS[choice >> 1 & 7], context={"gpc": True} if choice & 16 else None,
        )  # fmt: skip
        assert len(entries) == len(envelope.items), "an item got lost"
        stated = items_of(body)
        assert stated is None or len(entries) == stated, "an item of the batch got lost"
    for entry in entries:
        judged(entry)


def judged(entry: LogEntry) -> None:
    """Gate an entry, and hold what is said of it to what the rest of the product relies on."""
    verdict = JUDGE.check(entry)
    # A judge that has seen nothing before says the same: nothing it remembers may count.
    encode = msgspec.msgpack.encode
    assert encode(Gate(SETTINGS).check(entry)) == encode(verdict), "the verdict is not a function of the entry"
    assert len(partition_key(entry, b"k" * 32)) == 8
    if isinstance(verdict, Rejected):
        assert verdict.reason in REASONS
    elif isinstance(verdict, Suppressed):
        assert verdict.reason in SUPPRESSIONS
    else:
        assert isinstance(verdict, Accepted)
        event = verdict.event
        assert event.identifiers
        assert 0 <= event.emq <= 1
        # Items that state no time keep the order of their request.
        assert 0 <= event.timestamp_us <= event.received_at_us + entry.index
        assert msgspec.msgpack.decode(encode(event), type=Event) == event
        msgspec.json.encode(event.traits)
        named, refused = HASHER.name(event.identifiers, IDENTITY)
        assert named or refused, "an identifier vanished"


def items_of(body: bytes) -> int | None:
    """How many items a body states, by another parser; None where parsers may differ."""
    try:
        root = json.loads(body, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        return None
    batch = root.get("batch") if isinstance(root, dict) else root
    return len(batch) if isinstance(batch, list) else None


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands twice")
    return found
