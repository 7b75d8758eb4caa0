"""Promises about what node states hold of aggregates: written with the commit, and only then."""

from __future__ import annotations

from tests.contracts.promise import promise
from tests.contracts.rows import A, fail_after, node, write

from onefold.ports import Changes


@promise
def what_is_kept_is_written_with_the_commit(store):
    write(store, 1, nodes=[node(A)], kept={"b": b"1", "a": b""})
    write(store, 2, kept={"a": b"2"})
    with store.snapshot() as seen:
        assert seen.kept() == {"a": b"2", "b": b"1"}
    fail_after(store, lambda transaction: transaction.write(Changes(offsets={0: 3}, kept={"a": b"3", "c": b""})))
    with store.transaction() as transaction:
        assert transaction.kept() == {"a": b"2", "b": b"1"}
