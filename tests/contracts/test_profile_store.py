"""The contract of `ProfileStore`: every promise of the port, over every adapter, and over adapters broken on purpose."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests import database
from tests.contracts import audiences, broken_stores, graph, kept, manifest, records, transactions
from tests.contracts.promise import promises
from tests.contracts.rows import A, B, contents, everything

from onefold.adapters.memory.store import MemoryProfileStore
from onefold.adapters.sqlite.store import SqliteProfileStore
from onefold.governance.encryption import EntrySealer, WorkspaceKeys
from onefold.ports import ProfileStore


def sqlite_store(directory: Path, **more: int) -> SqliteProfileStore:
    keys = WorkspaceKeys("w", b"h" * 32, b"w" * 32, bytes(range(32)))
    return SqliteProfileStore(directory / "profiles.db", EntrySealer(keys, lambda count: b"n" * count), **more)


PROMISES = promises(graph, transactions, records, manifest, audiences, kept)
ADAPTERS: dict[str, Callable[[Path], ProfileStore]] = {
    "memory": lambda _: MemoryProfileStore(),
    "sqlite": sqlite_store,
    "sqlite, rows moving on at once": lambda directory: sqlite_store(directory, tier_rows=1),
    "postgres": lambda _: database.store(),
}


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("check", PROMISES, ids=lambda check: check.__name__)
def test_adapter_keeps_the_promise(adapter, check, tmp_path):
    """What the port promises, the adapter does."""
    store = ADAPTERS[adapter](tmp_path)
    try:
        check(store)
    finally:
        store.close()


@pytest.mark.parametrize(
    ("broken", "caught_by"),
    [
        (broken_stores.OffsetFirst, transactions.an_exception_leaves_nothing_behind),
        (broken_stores.LiveSnapshot, transactions.a_snapshot_sees_one_state_throughout),
        (broken_stores.ForgetfulClaims, transactions.a_key_is_claimed_once_for_ever),
        (broken_stores.UnexpectedSegments, manifest.a_change_that_expects_other_segments_is_refused),
        (broken_stores.UnfencedLoads, manifest.of_two_loads_that_began_alike_one_is_refused),
        (broken_stores.UnfencedSettlements, audiences.of_two_settlements_that_began_alike_one_is_refused),
        (broken_stores.LastEdgeWins, graph.of_one_pair_and_kind_the_earliest_evidence_is_kept),
    ],
)
def test_a_broken_adapter_is_caught(broken, caught_by):
    """The suite is red for a store that breaks a promise, so green means something."""
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        caught_by(broken())


def test_what_was_committed_is_there_after_reopening(tmp_path):
    """A new process finds what the old one wrote, and its claims."""
    store = sqlite_store(tmp_path)
    with store.transaction() as transaction:
        transaction.claim([A])
        transaction.write(everything(5))
    before = contents(store)
    store.close()
    again = sqlite_store(tmp_path)
    assert contents(again) == before
    with again.transaction() as transaction:
        assert transaction.claim([A, B]) == [False, True]
    again.close()
