"""The application without a socket: ASGI calls on a loop of its own, over workspaces whose parts are told what to do."""

from __future__ import annotations

import asyncio
import base64
import json
import random
from typing import Any, Self

import msgspec
from tests import workbench

from onefold.adapters.memory.accounts import MemoryAccountStore
from onefold.adapters.memory.keys import MemoryKeyStore
from onefold.adapters.memory.log import MemoryEventLog
from onefold.audiences.progress import Compared as SegmentsCompared
from onefold.errors import NotFoundError, UnavailableError, UsageError
from onefold.governance import access
from onefold.governance.checks import CheckResult
from onefold.model import Identifier, results
from onefold.pipelines.maintenance.reconcile import Compared
from onefold.pipelines.review.service import Review
from onefold.serving.app import Application, ServingSettings, build
from onefold.serving.visitors import NO_VISITOR_LIMITS
from onefold.warehouse.sight import Sights, builtin

NOW_US = 1_790_000_000_000_000
PEER = "203.0.113.9"
LETTER = {"source": "web", "reason": "no_identifier", "detail": "", "received_at": None, "status": "open"}
UNLIMITED = ServingSettings(limits={}, visitors=NO_VISITOR_LIMITS)


class Log(MemoryEventLog):
    """A log that can be told to fail."""

    failing = False
    appends = 0

    def append(self, entries):
        """Append, or fail."""
        self.appends += 1
        if self.failing:
            raise UnavailableError("The disk is full.")
        return super().append(entries)

    @property
    def entries(self):
        """All that is in the log."""
        return [stored.entry for stored in self.read(0, 0, 1_000_000)]


class FakeUses:
    """Its uses: none, of the people it knows."""

    def __init__(self, workspace: FakeWorkspace) -> None:
        self.profile = workspace.profile

    def named(self):
        return results.Uses(join_from=0.85, uses=())

    def links(self, identifier, use, *, cursor, limit):
        found = self.profile(identifier)
        labels = dict.fromkeys(("identifiers", "without", "besides"), ())
        return results.PersonLinks(
            use=use, join_from=0.85, profile_id=found.id, identifiers_total=0, next=None, **labels
        )

    def pair(self, a, b):
        ids = (self.profile(a).id, self.profile(b).id)
        return results.PairUses(profile_ids=ids, one_person=True, join_from=0.85, uses=())


class FakeWorkspace:
    """A workspace's edge and its service in one: it knows one person, and remembers what it was asked."""

    remote = False

    def __init__(self, name: str) -> None:
        self.name = name
        self.log = Log()
        self.running = False
        self.checks: dict[str, str | None] = {"store": None}
        self.said: list[tuple[Any, ...]] = []
        self.people: dict[tuple[str, str], results.Profile] = {}
        self.review = Review(workbench.context())
        self.uses = FakeUses(self)

    def know(self, value: str, attributes: int = 0) -> None:
        """Let there be a person of this user id."""
        seen = "2026-01-01T00:00:00.000Z"
        held = {"value": value, "source": "web", "at": seen, "rule": "latest", "others": []}
        counters = ("events", "sessions", "purchases", "purchases_without_amount")
        person = {
            "id": "00000000-0000-0000-0000-000000000001",
            "canonical": {"type": "user_id", "value": value},
            "identifiers": [
                {"type": "user_id", "value": value, "node": "00", "first_seen": seen, "primary": True, "shared": False}
            ],
            "identifiers_total": 1,
            "attributes": {f"trait_{n:03d}": held for n in range(attributes)},
            "counters": {**dict.fromkeys(counters, 1), "revenue": "0", "revenue_by_currency": {}},
            "first_seen": seen,
            "last_seen": "2026-02-01T00:00:00.000Z",
            "last_active": None,
            "lifecycle": {"stage": "", "rule": "", "because": "", "changes_at": None},
            **{key: {} for key in ("consent", "sources", "tracked_events", "findings", "traits", "segments")},
            "groups": [],
            "household": None,
            "full": [],
        }
        self.people["user_id", value] = msgspec.convert(person, results.Profile)

    def start(self) -> None:
        self.running = True

    def stop(self) -> None:
        self.running = False

    def ready(self):
        return self.checks

    def profile(self, identifier):
        found = self.people.get((identifier.type, identifier.value))
        if found is None:
            raise NotFoundError("No profile found for that identifier.")
        return found

    def quick_profile(self, identifier):
        return self.profile(identifier)

    def identifiers(self, identifier, *, cursor, limit):
        found = self.profile(identifier)
        return results.Identifiers(id=found.id, identifiers=found.identifiers[:limit], identifiers_total=1, next=cursor)

    def timeline(self, identifier, *, cursor, limit):
        if cursor == "strange":
            raise UsageError("Invalid cursor.")
        found = self.profile(identifier)
        event = results.Event(
            message_id="m", kind="track", name="Read", original_name=None, source="web", offset=1, request_id="r",
            **dict.fromkeys(("timestamp", "original_timestamp", "sent_at", "received_at", "skew_ms")),
            **dict.fromkeys(("findings", "violations", "identifiers", "cleared", "operations", "groups"), ()),
            **{key: {} for key in ("traits", "traits_once", "properties", "context", "consents")}, emq=1.0,
        )  # fmt: skip
        return found and results.Timeline(profile_id=found.id, events=(event,) * limit, next="more")

    def history(self, identifier):
        found = self.profile(identifier)
        return found and results.History(profile_id=found.id, changes=(), judgements=())

    def graph(self, identifier):
        found = self.profile(identifier)
        return found and results.Graph(profile_id=found.id, nodes=(), edges=(), nodes_total=0, edges_total=0)

    def explain(self, a, b):
        self.profile(a), self.profile(b)
        nothing = dict.fromkeys(("path", "refused", "sentences", "profile_ids"), ())
        return results.Explanation(
            verdict="same",
            a="a",
            b="b",
            profile_a="1",
            profile_b="1",
            judged_apart=None,
            refused_total=0,
            searched=True,
            **nothing,
        )

    def judge(self, verdict, a, b, *, by, reason, request_id):
        self.said.append((verdict, a, b, by, reason, request_id))
        return (0, len(self.said))

    def counterpart(self, identifier):
        self.profile(identifier)
        return Identifier("anonymous_id", "other")

    def settle(self, place, *, timeout_seconds):
        return True

    def dead_letters(self, *, status, source, after, limit):
        return [results.DeadLetter(offset=n, **LETTER) for n in range(1, 8) if n > after][:limit]

    def dead_letter(self, offset):
        if offset > 7:
            raise NotFoundError("There is no dead letter at that offset.")
        return results.DeadLetterContent(
            offset=offset, **LETTER, shape="segment", sent_at=None, request_id="", payload={}
        )

    def replay(self, offset, *, body):
        self.said.append(("replay", offset, body))

    def accounts(self):
        zero = dict.fromkeys(("received", "stored", "duplicate", "rejected", "suppressed", "pending"), 0)
        return [
            results.Account(source="web", **zero, balanced=True, moving=True, reasons={}, findings={}, emq=(0,) * 10)
        ]

    def lag(self):
        return {0: 3, 1: 0}

    def reconciled(self):
        return Compared(at_us=5_000_000, people=3, differing=1)

    def segments_compared(self):
        return SegmentsCompared(at_us=6_000_000, differing=2, waiting=1)

    def quality(self):
        return [check_result("passed"), check_result("failed")]

    def traits(self):
        return results.Traits(traits=(self.trait("gifts"),))

    def trait(self, name):
        if name != "gifts":
            raise NotFoundError(f"There is no trait `{name}`.")
        words = dict.fromkeys(("function", "means", "kind", "fingerprint", "description", "owner", "file"), "count")
        return results.TraitDefinition(name=name, status="live", line=3, read_by=("stage donor",), **words)

    def counts(self):
        rest = dict.fromkeys(("nodes", "edges", "judgements", "dead_letters", "events"), 0)
        return results.Counts(workspace=self.name, people=len(self.people), **rest)


def check_result(status):
    """A result of a check that is named as its status."""
    return CheckResult(
        run="r", at_us=5_000_000, relation="staging.event", check=f"has_{status}", kind="not_null", gate=2, severity="error",
        owner="", status=status, rows=1, failing=0, observed=None, expected="", detail="",
    )  # fmt: skip


class Answer:
    """What came back."""

    def __init__(self, messages: list[dict[str, Any]]) -> None:
        self.status: int = messages[0]["status"]
        self.all: list[tuple[bytes, bytes]] = messages[0]["headers"]
        self.headers = {name.decode().lower(): value.decode() for name, value in messages[0]["headers"]}
        self.body = b"".join(message.get("body", b"") for message in messages[1:])

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


class Edge:
    """An application, started, and how tests speak to it."""

    def __init__(self, *names: str, settings: ServingSettings | None = None, sights: Sights = builtin) -> None:
        self.clock_us = NOW_US
        self.workspaces = {name: FakeWorkspace(name) for name in names or ("main",)}
        self.keys = MemoryKeyStore()
        self.accounts = MemoryAccountStore()
        self.random = random.Random(1)
        self.runner = asyncio.Runner()
        self.app: Application = build(
            self.workspaces, self.workspaces, self.keys, self.accounts, settings or UNLIMITED,
            clock_us=lambda: self.clock_us, monotonic=lambda: self.clock_us / 1e6, random=self.random.randbytes,
            sights=sights,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self.runner.run(self.app.start())
        return self

    def __exit__(self, *_: object) -> None:
        self.runner.run(self.app.stop())
        self.runner.close()

    @property
    def main(self) -> FakeWorkspace:
        """The first workspace."""
        return next(iter(self.workspaces.values()))

    def key(self, kind: access.KeyKind = "source", workspace: str = "main", **more: Any) -> str:
        """Issue a key."""
        more.setdefault("name", "web" if kind == "source" else "reader")
        token, _ = access.issue(
            self.keys, kind=kind, workspace=workspace, now_us=self.clock_us, random=self.random.randbytes, **more
        )
        self.clock_us += 1_000_000
        return token

    def send(
        self,
        method: str,
        path: str,
        body: Any = b"",
        *,
        chunks: list[bytes] | None = None,
        peer: str = PEER,
        **headers: str,
    ) -> Answer:
        """One request from `peer`; `chunks` is a body in pieces, taken from the list as read; then the sender leaves."""
        return self.runner.run(self.call(method, path, body, chunks=chunks, peer=peer, **headers))

    async def call(
        self,
        method: str,
        path: str,
        body: Any = b"",
        *,
        chunks: list[bytes] | None = None,
        peer: str = PEER,
        **headers: str,
    ) -> Answer:
        """As `send`, on the loop."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        path, _, query = path.partition("?")
        pieces = [raw] if chunks is None else chunks
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if not pieces:
                return {"type": "http.disconnect"}
            return {"type": "http.request", "body": pieces.pop(0), "more_body": chunks is not None}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "scheme": "http",
            "query_string": query.encode(), "root_path": "", "http_version": "1.1", "asgi": {"version": "3.0"},
            "headers": [(n.lower().replace("_", "-").encode(), v.encode()) for n, v in headers.items()],
            "client": (peer, 1), "server": ("127.0.0.1", 8484),
        }  # fmt: skip
        await self.app(scope, receive, send)
        return Answer(sent)


def basic(token: str) -> str:
    """The Authorization header as SDKs write it."""
    return "Basic " + base64.b64encode(f"{token}:".encode()).decode()


def bearer(token: str) -> str:
    """The Authorization header as our own clients write it."""
    return f"Bearer {token}"
