"""A tenant's product in this process: the real application over real stores, spoken to as a server would."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import msgspec
import pytest
from tests.isolation import tenants
from tests.isolation.tenants import Keys, Tenant
from tests.plain import profiles

from onefold import bootstrap, config
from onefold.bootstrap import stores
from onefold.bootstrap import workspace as opening
from onefold.bootstrap.processing import Within
from onefold.model import Identifier, format_profile_id
from onefold.pipelines.maintenance import rebuild
from onefold.pipelines.reading import people
from onefold.serving import live
from onefold.serving.app import Application, ServingSettings, build

CATCH_UP_LOOKS = 6_000


class Answer(msgspec.Struct, frozen=True):
    """All that an answer tells."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def text(self) -> str:
        """Everything in it, as one text."""
        heads = "\n".join(f"{name}: {text}" for name, text in self.headers)
        return heads + "\n\n" + self.body.decode("utf-8", "backslashreplace")

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


class House:
    """A project, opened and served in this process.

    Attributes:
        clock_us: The time for edge and stores; it moves only when told.
        app: The application.
    """

    def __init__(self, directory: Path, *, dsn: str | None = None, settings: ServingSettings | None = None) -> None:
        self.clock_us = tenants.PROBED_US
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(opening, "clock_us", lambda: self.clock_us)
            if dsn is not None:
                patch.setenv(stores.VARIABLE, dsn)
            project = config.read_project(directory)
            self.opened = bootstrap.Opened(project, lambda workspace: Within(project, workspace))
        self.app: Application = build(
            self.opened.edges, self.opened.services, self.opened.keys, self.opened.accounts,
            settings or ServingSettings(limits={}),
            clock_us=lambda: self.clock_us, monotonic=lambda: self.clock_us / 1e6, random=os.urandom,
            desks=self.opened.desks, segment_desks=self.opened.segment_desks,
            project_desks=self.opened.project_desks,
        )  # fmt: skip
        self.app.api.state.stopping = _every_second_time()

    async def call(
        self, method: str, target: str, body: bytes = b"", headers: tuple[tuple[str, str], ...] = ()
    ) -> Answer:
        """One request. `target` is what stands in the request line; the path is decoded as servers do."""
        path, _, query = target.partition("?")
        sent: list[dict[str, Any]] = []
        waiting = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive() -> dict[str, Any]:
            # Nobody hangs up: a stream would end at once.
            return waiting.pop() if waiting else await asyncio.get_running_loop().create_future()

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": method, "path": unquote(path), "raw_path": path.encode(), "scheme": "http",
            "query_string": query.encode(), "root_path": "", "http_version": "1.1", "asgi": {"version": "3.0"},
            "headers": [(name.encode(), text.encode()) for name, text in headers],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8484),
        }  # fmt: skip
        await self.app(scope, receive, send)
        start = sent[0]
        return Answer(
            start["status"],
            tuple(sorted((n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in start["headers"])),
            b"".join(message.get("body", b"") for message in sent[1:]),
        )

    async def settled(self) -> None:
        """Wait until nothing waits to be processed."""
        for _ in range(CATCH_UP_LOOKS):
            if not any(sum(b.lag().values()) for b in self.opened.services.values()):
                return
            await asyncio.sleep(0.005)
        raise AssertionError("the processors did not catch up")

    async def furnish(self, tenant: Tenant, keys: Keys) -> None:
        """Let a tenant's people arrive, on the tenant's day."""
        self.clock_us = tenant.received_us
        tokens = dict(zip(tenant.sources, (keys.web, keys.app), strict=True))
        for source, body in tenants.batches(tenant):
            answer = await self.call("POST", "/v1/batch", json.dumps(body).encode(), bearer(tokens[source]))
            assert answer.status == 200
        torn = await self.call("POST", "/v1/track", tenants.unreadable(tenant), bearer(keys.web))
        assert torn.status == 400
        await self.settled()
        for said in tenants.judgements(tenant):
            self.clock_us += 1_000_000
            heads = (*bearer(keys.steward), ("content-type", "application/json"))
            answer = await self.call("POST", "/api/v1/judgements", json.dumps(said).encode(), heads)
            assert answer.status == 201, answer.text
        self.clock_us = tenants.PROBED_US

    def names(self, tenant: Tenant) -> tuple[str, ...]:
        """The ids of a tenant's people and nodes: its own secrets, although they say nothing."""
        context = self.opened.services[tenant.name]._context
        found = set()
        for number in (tenants.BOTH, tenant.number):
            for kind in tenants.KINDS:
                identifier = Identifier(kind, tenants.value(kind, number))
                node = people.node_of(context, identifier)
                profile = profiles.profile(context, identifier)
                assert node is not None
                assert profile is not None, kind
                found |= {format_profile_id(node), profile["id"]}
        return tuple(sorted(found))

    def state(self, tenant: Tenant) -> dict[str, Any]:
        """All that a workspace holds: the hash of its people, what the log has, dead letters, merges, accounts."""
        service = self.opened.services[tenant.name]
        with service._context.store.snapshot() as snapshot:
            held = {
                "counts": snapshot.counts(),
                "offsets": snapshot.offsets(),
                "letters": snapshot.dead_letters(status=None, source=None, after=(0, 0), limit=10_000),
                "outbox": snapshot.outbox(after=0, limit=100_000),
                "tallies": sorted(snapshot.tallies(), key=repr),
            }
        log = service._context.log
        return held | {
            "people": rebuild.state_hash(service._context),
            "log": [log.read(p, 0, 1_000_000) for p in sorted(log.ends())],
            "received": log.received(),
        }

    async def start(self) -> None:
        """Begin."""
        await self.app.start()

    async def stop(self) -> None:
        """End, and let go of the files."""
        await self.app.stop()
        self.opened.close()


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """The header with a key."""
    return (("authorization", f"Bearer {token}"),)


def _every_second_time() -> Callable[[], bool]:
    """A stream asks this before each look: it looks once, and ends."""
    asked = 0

    def stopping() -> bool:
        nonlocal asked
        asked += 1
        return asked % 2 == 0

    return stopping


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Streams do not wait between looks."""
    patch.setattr(live, "LOOK_SECONDS", 0.0)
