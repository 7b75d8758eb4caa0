"""The feed: rows survive their way as chunks, and only whole, unaltered and of this workspace."""

from __future__ import annotations

import pytest
from tests import workbench

from onefold.bootstrap.workspace import feed_of
from onefold.errors import IntegrityError
from onefold.governance.encryption import EntrySealer, WorkspaceKeys
from onefold.ports.warehouse import FeedChunk
from onefold.warehouse.relations import EVENT
from onefold.warehouse.rows import moved_rows


def sealer(log: bytes) -> EntrySealer:
    return EntrySealer(WorkspaceKeys("w", b"h" * 32, b"w" * 32, log * 32), bytes)


JUDGED = [(b"j" * 16, "same", b"a" * 16, None, 5, 7), (b"k" * 16, "shared", b"b" * 16, b"c" * 16, 6, 8)]


def test_rows_come_back_as_columns():
    """What went in comes out, column by column, and a column without a value takes no room."""
    feed = feed_of(sealer(b"l"))
    chunk = feed.chunk(9, judgements=JUDGED)
    rows = feed.rows(chunk)
    assert (chunk.rows, len(rows), rows.known_at_us) == (2, 2, 9)
    assert list(zip(*rows.judgements, strict=True)) == JUDGED
    (alone,) = [feed.rows(feed.chunk(9, judgements=JUDGED[:1])).judgements]
    assert alone[3] is None
    assert feed.chunk(9) is None


@pytest.mark.parametrize("spoilt", ["altered", "cut", "of another workspace", "miscounted", "a log entry"])
def test_a_chunk_that_is_not_what_was_written_is_refused(spoilt):
    """One bit, a missing end, another key, another count, or another kind of sealed thing: an error, and no rows."""
    feed = feed_of(sealer(b"l"))
    chunk = feed.chunk(9, judgements=JUDGED)
    sealed = {
        "altered": chunk.sealed[:-1] + bytes([chunk.sealed[-1] ^ 1]),
        "cut": chunk.sealed[:-1],
        "of another workspace": feed_of(sealer(b"x")).chunk(9, judgements=JUDGED).sealed,
        "miscounted": chunk.sealed,
        "a log entry": sealer(b"l").seal_bytes(b"x"),
    }[spoilt]
    with pytest.raises(IntegrityError):
        feed.rows(FeedChunk(chunk.rows + (spoilt == "miscounted"), sealed))


def test_a_chunk_of_the_feed_is_no_log_entry():
    """What is sealed for the warehouse does not open as something of the log."""
    chunk = feed_of(sealer(b"l")).chunk(9, judgements=JUDGED)
    for opening in (sealer(b"l").open_all, sealer(b"l").open_bytes, sealer(b"l").open):
        with pytest.raises(IntegrityError):
            opening(chunk.sealed)


def test_every_event_has_the_columns_of_its_relation(yard):
    """A row is as long as its relation says: a new field of events cannot shift the columns after it."""
    yard.receive({"type": "track", "event": "X", "anonymousId": "a", "messageId": "1", "timestamp": workbench.iso(0)})
    with yard.context.store.snapshot() as snapshot:
        (chunk,) = snapshot.feed(after=0)
    rows = yard.context.feed.rows(chunk)
    assert len(rows.events) == len(EVENT.columns) - 2  # without the sequence and the time of the commit
    assert moved_rows([]) == []
