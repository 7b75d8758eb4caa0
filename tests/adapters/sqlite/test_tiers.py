"""Two-tier tables: rows move on, none is lost or doubled, and a batch writes few pages of a large table."""

from __future__ import annotations

import random
from importlib import resources
from pathlib import Path

import apsw
import pytest

from onefold.adapters.sqlite import tiers
from onefold.adapters.sqlite.store import SqliteProfileStore
from onefold.governance.encryption import EntrySealer, WorkspaceKeys
from onefold.model import Member
from onefold.ports import Changes, NodeRow, TimelineRow

SEALER = EntrySealer(WorkspaceKeys("w", b"h" * 32, b"w" * 32, bytes(32)), lambda count: b"n" * count)
A, B, C, D, X = (bytes([letter]) * 16 for letter in b"abcdx")


@pytest.fixture
def connection():
    made = apsw.Connection(":memory:")
    made.execute(resources.files("onefold.adapters.sqlite").joinpath("store.sql").read_text()).fetchall()
    return made


def column(connection, query):
    return [row[0] for row in connection.execute(query).fetchall()]


def test_rows_move_on_and_each_is_in_one_tier(connection):
    """The young tier stays small, both tiers together hold every key once, over several rounds of the key space."""
    draw = random.Random(1)
    keys = [draw.randbytes(16) for _ in range(3_000)]
    for start in range(0, 3_000, 50):
        connection.executemany("INSERT INTO dedupe_new VALUES (?)", [(key,) for key in keys[start : start + 50]])
        tiers.settle(connection, {"dedupe": 50}, kept=320)
        young = column(connection, "SELECT count(*) FROM dedupe_new")[0]
        assert young <= 320 + 320 // 16 + 50
        assert column(connection, "SELECT items FROM tier WHERE name = 'dedupe'") == [young]
    both = column(connection, "SELECT key FROM dedupe UNION ALL SELECT key FROM dedupe_new")
    assert sorted(both) == sorted(keys)


def test_what_moves_at_a_time_are_neighbours(connection):
    """The point of it all: a slice of the key space, not rows from all over it. Control: the batch that came in."""
    draw = random.Random(2)
    for _ in range(40):
        batch = [draw.randbytes(16) for _ in range(50)]
        connection.executemany("INSERT INTO dedupe_new VALUES (?)", [(key,) for key in batch])
        before = set(column(connection, "SELECT key FROM dedupe"))
        tiers.settle(connection, {"dedupe": 50}, kept=800)
        moved = [key for key in column(connection, "SELECT key FROM dedupe") if key not in before]
    assert len(moved) >= 50
    assert max(moved)[0] - min(moved)[0] < 40
    assert max(batch)[0] - min(batch)[0] > 200


def test_one_key_with_more_rows_than_a_slice_moves_whole(connection):
    """A person with very many events does not hold the others up."""
    rows = [(7, at, 0, at) for at in range(500)] + [(n, 1, 0, 1_000 + n) for n in range(8, 58)]
    connection.executemany("INSERT INTO timeline_new VALUES (?, ?, ?, ?)", rows)
    tiers.settle(connection, {"timeline": len(rows)}, kept=64)
    assert column(connection, "SELECT count(*) FROM timeline WHERE node = 7") == [500]
    for _ in range(5):
        connection.execute("INSERT INTO timeline_new VALUES (99, 1, 0, 2000)  ON CONFLICT DO NOTHING")
        tiers.settle(connection, {"timeline": 1}, kept=0)
    assert column(connection, "SELECT count(*) FROM timeline") == [551]


def test_a_batch_in_pieces_counts_each_row_once(tmp_path):
    """What a transaction's earlier commits have entered into young tiers is not entered again by the later ones."""
    store = SqliteProfileStore(tmp_path / "profiles.db", SEALER, tier_rows=1_000)
    with store.transaction() as transaction:
        for piece in range(4):
            nodes = [bytes([piece, n]) * 8 for n in range(5)]
            transaction.claim(nodes)
            rows = [NodeRow(Member(node, "email", 5, node, node), b"key", 1, b"state") for node in nodes]
            timeline = [TimelineRow(node, 5, 0, piece) for node in nodes]
            transaction.write(Changes(offsets={}, nodes=rows, timeline=timeline))
    store.close()
    counted = apsw.Connection(str(tmp_path / "profiles.db"))
    assert column(counted, "SELECT items FROM tier ORDER BY name") == [20, 20, 20]
    assert (
        column(counted, "SELECT count(*) FROM dedupe_new")
        == column(counted, "SELECT count(*) FROM timeline_new")
        == [20]
    )


def test_a_large_store_is_written_on_few_pages(tmp_path):
    """Pages a batch writes once the store is large, against a store whose young tier moves everything at once."""

    def written(name: str, tier_rows: int) -> float:
        store = SqliteProfileStore(tmp_path / name, SEALER, tier_rows=tier_rows)
        draw = random.Random(3)
        for offset in range(1, 41):
            if offset == 31:
                before = store.pages_written()
            with store.transaction() as transaction:
                transaction.claim([draw.randbytes(16) for _ in range(4_000)])
                transaction.write(Changes(offsets={0: offset}))
        pages = store.pages_written() - before
        store.close()
        return pages / 10

    assert written("tiers.db", 20_000) < written("none.db", 0) / 1.5


def test_a_store_of_the_first_schema_is_carried_over(tmp_path):
    """Nodes, components, evidence, timeline, claims and counts are as before, and work goes on."""
    path = tmp_path / "profiles.db"
    old = apsw.Connection(str(path))
    old.execute((Path(__file__).parent / "store_1.sql").read_text()).fetchall()
    old.pragma("user_version", 1)
    old.executemany(
        "INSERT INTO node VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (1, B, "email", 5, None, None, 0, b"key of b", 2, b"state of b"),
            (2, A, "user_id", 6, B, B, 0, b"key of a", 1, b"state of a"),
            (3, C, None, None, None, None, None, None, None, None),
            (4, D, "email", 7, X, X, 1, b"key of d", 1, b"state of d"),
        ],
    )
    old.execute("INSERT INTO edge VALUES (1, 2, 1, 80, 5, x'0e', 'web', 'seen_together/1', NULL, 3)")
    old.execute("INSERT INTO dedupe VALUES (?)", (A,))
    old.execute("INSERT INTO timeline VALUES (2, 6, 0, 3)")
    old.execute("INSERT INTO consumer VALUES (0, 9)")
    old.execute("UPDATE counter SET value = 4 WHERE name = 'numbers'")
    old.close()
    store = SqliteProfileStore(path, SEALER)
    with store.snapshot() as seen:
        assert seen.nodes([A, B, C, D, X]) == {
            B: NodeRow(Member(B, "email", 5, B, B), b"key of b", 2, b"state of b"),
            A: NodeRow(Member(A, "user_id", 6, B, B), b"key of a", 1, b"state of a"),
            D: NodeRow(Member(D, "email", 7, X, X, True), b"key of d", 1, b"state of d"),
        }
        assert {m.id for m in seen.members([B])} == {A, B}
        assert [m.id for m in seen.members([X])] == [D]
        assert [(e.a, e.b) for e in seen.edges([A])] == [(B, A)]
        assert seen.timeline([A], before=None, limit=9) == [TimelineRow(A, 6, 0, 3)]
        assert seen.people(after=b"", limit=9) == [B]
        assert {row.member.id for row in seen.scan()} == {A, B, D}
    with store.transaction() as transaction:
        assert transaction.claim([A, B]) == [False, True]
        transaction.write(
            Changes(offsets={0: 10}, nodes=[NodeRow(Member(X, "email", 4, X, X), b"key of x", 1, b"state of x")])
        )
    with store.snapshot() as seen:
        assert seen.nodes([X])[X].sealed == b"state of x"
        assert {m.id for m in seen.members([X])} == {D, X}
    store.close()
