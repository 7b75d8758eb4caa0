"""The peer of `bench stream`: the loop one would write first, single-threaded, over a SQLite file of its own.

    decode → HMAC of each identifier → de-duplicate → load nodes → fold → write, in durable batches of 2,000

It does less than ours: nothing is sealed, judged or scored, nobody is resolved, no evidence is kept, and its log is plain.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import msgspec

BATCH = 2_000
_KEY = b"k" * 32
_SCHEMA = """
CREATE TABLE log (n INTEGER PRIMARY KEY, body BLOB);
CREATE TABLE seen (id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE node (id BLOB PRIMARY KEY, state BLOB) WITHOUT ROWID;
"""


def events_per_s(file: Path, bodies: Iterator[bytes]) -> float:
    """Events a second from the log to committed states; writing the log is not timed."""
    db = apsw.Connection(str(file))
    db.execute("PRAGMA journal_mode=WAL").fetchall()
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA cache_size=-98304")
    db.execute(_SCHEMA)
    with db:
        db.executemany("INSERT INTO log (body) VALUES (?)", ((body,) for body in bodies))
    started, after = time.perf_counter(), 0
    while rows := _rows(db, "SELECT n, body FROM log WHERE n > ? ORDER BY n LIMIT ?", (after, BATCH)):
        after = rows[-1][0]
        with db:
            _batch(db, [body for _, body in rows])
    seconds = time.perf_counter() - started
    db.close()
    return after / seconds


def _batch(db: apsw.Connection, bodies: list[bytes]) -> None:
    nodes: dict[bytes, dict[str, Any]] = {}
    for body in bodies:
        event = msgspec.json.decode(body)
        if not _rows(db, "INSERT OR IGNORE INTO seen VALUES (?) RETURNING 1", (event["messageId"],)):
            continue
        stated = [("user_id", event.get("userId")), ("anonymous_id", event.get("anonymousId"))]
        stated.append(("email", (event.get("traits") or {}).get("email")))
        ids = [_node(kind, value) for kind, value in stated if value]
        for node in ids:
            if node not in nodes:
                found = _rows(db, "SELECT state FROM node WHERE id = ?", (node,))
                nodes[node] = msgspec.json.decode(found[0][0]) if found else {}
        _fold(nodes[ids[0]], event)
    encode = msgspec.json.encode
    db.executemany("INSERT OR REPLACE INTO node VALUES (?, ?)", [(node, encode(s)) for node, s in nodes.items()])


def _rows(db: apsw.Connection, statement: str, values: tuple[Any, ...]) -> list[Any]:
    return db.execute(statement, values).fetchall()


def _node(kind: str, value: str) -> bytes:
    return hmac.digest(_KEY, kind.encode() + b"\0" + hashlib.sha256(value.encode()).digest(), "sha256")[:16]


def _fold(state: dict[str, Any], event: dict[str, Any]) -> None:
    at = event["timestamp"]
    state["events"] = state.get("events", 0) + 1
    state["first_seen"] = min(at, state.get("first_seen", at))
    state["last_seen"] = max(at, state.get("last_seen", at))
    if event.get("event") == "Order Completed":
        state["revenue"] = state.get("revenue", 0.0) + event["properties"]["revenue"]
    attributes = state.setdefault("attributes", {})
    for name, value in (event.get("traits") or {}).items():
        if at >= attributes.get(name, ("", None))[0]:
            attributes[name] = (at, value)
