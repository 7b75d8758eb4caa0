"""The peer of `bench growth`: bare tables of SQLite, as many rows in them, and of an event only what no store gets around.

For each batch, in one durable commit: record a key an event, find two rows a person by their ids, write one of them anew.
Nothing is decoded, judged, resolved, folded or sealed; there is no evidence and no timeline. It is set up as our store is.
"""

from __future__ import annotations

import os
import time
from array import array
from collections.abc import Iterable, Sequence
from pathlib import Path

import apsw

_PRAGMAS = ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "cache_size=-98304", "wal_autocheckpoint=16384")
_SCHEMA = """
CREATE TABLE node (n INTEGER PRIMARY KEY, id BLOB, state BLOB) STRICT;
CREATE TABLE number (id BLOB PRIMARY KEY, n INTEGER) STRICT, WITHOUT ROWID;
CREATE TABLE seen (key BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;
"""
_FROM_TO = "WITH RECURSIVE i(n) AS (SELECT ?1 + 1 UNION ALL SELECT n + 1 FROM i WHERE n < ?2)"
_STATE = 180  # bytes a user id's row holds beside its id
_BARE_STATE = 66  # a cookie's, which says nothing but its value


class Tables:
    """Rows of people numbered from 0; person p has the nodes 2p + 1 and 2p + 2, and the first of them is written."""

    def __init__(self, file: Path) -> None:
        """Make the tables in a new file."""
        self._db = apsw.Connection(str(file))
        for pragma in _PRAGMAS:
            self._db.execute(f"PRAGMA {pragma}").fetchall()
        self._db.execute(_SCHEMA)
        self._people = 0

    def grow(self, people: int) -> None:
        """Add rows until there are so many people, and as many keys seen."""
        before, self._people = self._people, people
        node = f"{_FROM_TO} INSERT INTO node SELECT n, randomblob(16), randomblob(iif(n % 2, {_STATE}, {_BARE_STATE})) FROM i"  # noqa: S608 - constants
        with self._db:
            self._db.execute(node, (2 * before, 2 * people))
            self._db.execute("INSERT INTO number SELECT id, n FROM node WHERE n > ? ORDER BY id", (2 * before,))
            seen = f"{_FROM_TO} INSERT INTO seen SELECT randomblob(16) AS key FROM i ORDER BY key"  # noqa: S608 - constants
            self._db.execute(seen, (before, people))

    def event_us(self, batches: Iterable[Sequence[int]], warm_up: int) -> float:
        """Microseconds an event, of batches of events of these people, after so many batches of warm-up."""
        seconds, events = 0.0, 0
        for number, people in enumerate(batches):
            taken = self._batch(people)
            if number >= warm_up:
                seconds += taken
                events += len(people)
        return seconds / events * 1e6

    def _batch(self, people: Sequence[int]) -> float:
        """Seconds a batch takes; its ids, keys and new states are there before the clock starts."""
        met = sorted(set(people))
        nodes = apsw.carray(array("q", (node for p in met for node in (2 * p + 1, 2 * p + 2))))
        found = self._db.execute("SELECT x.id FROM carray(?) v CROSS JOIN node x ON x.n = v.value", (nodes,)).fetchall()
        ids = apsw.carray(tuple(sorted(node for (node,) in found)))
        keys = apsw.carray(tuple(sorted(os.urandom(16) for _ in people)))
        states = [(os.urandom(_STATE), 2 * p + 1) for p in met]
        started = time.perf_counter()
        with self._db:
            self._db.execute("INSERT INTO seen SELECT value FROM carray(?)", (keys,))
            self._db.execute(
                "SELECT x.n, x.id, x.state FROM carray(?) v CROSS JOIN number i ON i.id = v.value"
                " CROSS JOIN node x ON x.n = i.n", (ids,),
            ).fetchall()  # fmt: skip
            self._db.executemany("UPDATE node SET state = ? WHERE n = ?", states)
        return time.perf_counter() - started

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()
