"""A workspace on PostgreSQL behind a proxy, and the judge of what became of the events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote

from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tests import database, workbench
from tests.network.proxy import Proxy, proxied
from tests.plain import balances, profiles

from onefold.adapters.memory.log import MemoryEventLog
from onefold.adapters.postgres.store import PostgresProfileStore
from onefold.model import Identifier
from onefold.pipelines.maintenance import rebuild
from onefold.pipelines.stream import process

PEOPLE = 7


def socket_path() -> str:
    """Where the test server listens."""
    said = conninfo_to_dict(database.server())
    return str(Path(unquote(str(said["host"]))) / f".s.PGSQL.{said.get('port', 5432)}")


@contextmanager
def before_postgres() -> Iterator[Proxy]:
    """A proxy before the test server."""
    database.server()
    with proxied(socket_path()) as made:
        yield made


def through(proxy: Proxy, **more: str) -> str:
    """The address of the test server by way of a proxy, as a worker."""
    return make_conninfo(
        database.address(database.WORKER), host="127.0.0.1", port=proxy.port, sslmode="disable",
        gssencmode="disable", **more,
    )  # fmt: skip


def store_through(proxy: Proxy, workspace: str, **more: str) -> PostgresProfileStore:
    """The store of a workspace as a worker opens it, by way of a proxy."""
    return PostgresProfileStore(through(proxy, **more), workspace, database.SEALER)


def event(number: int) -> object:
    """One of the producer's events; few people, who meet."""
    body = {"type": "track", "event": "Read", "messageId": f"m{number}", "timestamp": workbench.iso(number % 997),
            "userId": f"u{number % PEOPLE}", "anonymousId": f"cookie{number % 11}"}  # fmt: skip
    return workbench.entry(body, index=number)


def log_of(count: int, *, partitions: int = 1) -> MemoryEventLog:
    """A log with so many of them, spread over partitions."""
    log = MemoryEventLog(partitions=partitions, partition_of=lambda entry: entry.index % partitions)
    log.append([event(n) for n in range(count)])
    return log


def wrong_with(log: MemoryEventLog, workspace: str, sent: int) -> list[str]:
    """What the producer, who knows what it sent, finds wrong with a workspace that has caught up; nothing if all is well."""
    context = workbench.context(log=log, store=database.store(workspace))
    try:
        wrong = []
        process.drain(context)
        (account,) = balances.sources(context)
        if account["stored"] != sent or not account["balanced"] or account["pending"]:
            wrong.append(f"sent {sent}, account {account}")
        counted, timelines, seen = 0, Counter(), set()
        for n in range(PEOPLE):
            who = Identifier("user_id", f"u{n}")
            profile = profiles.profile(context, who)
            if profile is None or profile["id"] in seen:
                continue
            seen.add(profile["id"])
            counted += profile["counters"]["events"]
            page = profiles.timeline(context, who, cursor=None, limit=100_000)
            timelines.update(e["message_id"] for e in page["events"])
        if counted != sent:
            wrong.append(f"sent {sent}, counted {counted}")
        if timelines != Counter(f"m{n}" for n in range(sent)):
            wrong.append("timelines are not what was sent")
        expected = workbench.context(log=log)
        process.drain(expected)
        if rebuild.state_hash(context) != rebuild.state_hash(expected):
            wrong.append("the state is not what the log implies")
        return wrong
    finally:
        context.store.close()
