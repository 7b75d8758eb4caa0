"""Promises about the warehouse's feed and manifest: numbers given in order, changed all at once, by one at a time."""

from __future__ import annotations

import pytest
from tests.contracts.promise import promise
from tests.contracts.rows import A, fail_after, node, write

from onefold.errors import ConflictError
from onefold.ports import Changes
from onefold.ports.warehouse import FeedChunk, ManifestChange, Segment

SEGMENT = Segment("a.segment", "staging.event", 1, 3, 3, 100, b"key")
OTHER = Segment("b.segment", "golden.evidence", 4, 5, 2, 90, b"other key", 1, 7)


def revise(store, **change) -> None:
    with store.transaction() as transaction:
        transaction.revise(ManifestChange(**change))


def manifest(store) -> object:
    with store.snapshot() as seen:
        return seen.loaded(), seen.fed(), seen.feed(after=0), seen.segments(), seen.relations()


@promise
def rows_of_the_feed_are_numbered_in_order_of_their_commits(store):
    assert manifest(store) == (0, 0, [], [], {})
    write(store, 1, nodes=[node(A)], feed=[FeedChunk(3, b"abc"), FeedChunk(2, b"de")])
    write(store, 2, feed=[FeedChunk(1, b"f")])
    with store.snapshot() as seen:
        assert seen.feed(after=0) == [FeedChunk(3, b"abc", 3), FeedChunk(2, b"de", 5), FeedChunk(1, b"f", 6)]
        assert seen.feed(after=3) == [FeedChunk(2, b"de", 5), FeedChunk(1, b"f", 6)]
        assert seen.feed(after=0, rows=4) == [FeedChunk(3, b"abc", 3), FeedChunk(2, b"de", 5)]
        assert seen.fed() == 6
        assert seen.counts()["nodes"] == 1


@promise
def a_transaction_that_fails_feeds_nothing(store):
    write(store, 1, feed=[FeedChunk(3, b"abc")])
    before = manifest(store)
    fail_after(store, lambda transaction: transaction.write(Changes(offsets={0: 2}, feed=[FeedChunk(2, b"de")])))
    assert manifest(store) == before
    write(store, 2, feed=[FeedChunk(1, b"f")])
    with store.snapshot() as seen:
        assert seen.fed() == 4


@promise
def a_load_moves_rows_from_the_feed_to_segments_at_once(store):
    write(store, 1, feed=[FeedChunk(3, b"abc"), FeedChunk(2, b"de")])
    revise(store, loaded_before=0, loaded=3, add=[SEGMENT])
    assert manifest(store) == (3, 5, [FeedChunk(2, b"de", 5)], [SEGMENT], {})
    revise(store, loaded_before=3, loaded=5, add=[OTHER])
    assert manifest(store) == (5, 5, [], [OTHER, SEGMENT], {})
    write(store, 2, feed=[FeedChunk(1, b"f")])
    with store.snapshot() as seen:
        assert seen.feed(after=0) == [FeedChunk(1, b"f", 6)]


@promise
def of_two_loads_that_began_alike_one_is_refused(store):
    write(store, 1, feed=[FeedChunk(3, b"abc"), FeedChunk(2, b"de")])
    revise(store, loaded_before=0, loaded=3, add=[SEGMENT])
    before = manifest(store)
    with pytest.raises(ConflictError):
        revise(store, loaded_before=0, loaded=5, add=[OTHER])
    with pytest.raises(ConflictError):
        revise(store, loaded_before=0, add=[OTHER])
    assert manifest(store) == before


@promise
def segments_are_replaced_all_or_none(store):
    revise(store, loaded_before=0, add=[SEGMENT], relations={"marts.a": b"1", "marts.b": b"2"})
    before = manifest(store)
    with pytest.raises(ConflictError):
        revise(store, loaded_before=0, add=[OTHER], remove=[SEGMENT.name, "unknown"], drop=["marts.a"])
    assert manifest(store) == before
    revise(store, loaded_before=0, add=[OTHER], remove=[SEGMENT.name], relations={"marts.a": b"3"}, drop=["marts.b"])
    assert manifest(store) == (0, 0, [], [OTHER], {"marts.a": b"3"})


@promise
def a_change_that_expects_other_segments_is_refused(store):
    revise(store, loaded_before=0, add=[SEGMENT], expected={SEGMENT.relation: ()})
    before = manifest(store)
    for wrong in ((), ("unknown",), (SEGMENT.name, "unknown")):
        with pytest.raises(ConflictError):
            revise(store, loaded_before=0, add=[OTHER], expected={SEGMENT.relation: wrong})
    assert manifest(store) == before
    revise(store, loaded_before=0, add=[OTHER], expected={SEGMENT.relation: (SEGMENT.name,), OTHER.relation: ()})
    assert manifest(store)[3] == [OTHER, SEGMENT]


@promise
def a_snapshot_sees_one_manifest_throughout(store):
    write(store, 1, feed=[FeedChunk(3, b"abc")])
    with store.snapshot() as seen:
        assert seen.loaded() == 0
        revise(store, loaded_before=0, loaded=3, add=[SEGMENT])
        assert (seen.loaded(), seen.feed(after=0), seen.segments()) == (0, [FeedChunk(3, b"abc", 3)], [])
    with store.snapshot() as seen:
        assert (seen.loaded(), seen.feed(after=0), seen.segments()) == (3, [], [SEGMENT])
