"""Two tenants of one project: everybody has a double in the other workspace, and all they say is marked as theirs.

What names people is neutral, because requests repeat it; what is said of them carries a seal and dates by which it is
known wherever it turns up.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from onefold import bootstrap, config
from onefold.bootstrap.project import key_store
from onefold.governance import access

DAY_US = 86_400_000_000
PROBED_US = 1_790_000_000_000_000  # 21 September 2026
KINDS = ("user_id", "email", "phone", "device_id", "anonymous_id", "membership_no")

_PROJECT = """\
version: 1
workspaces: [amber, beryl]
keys: {root: "file:onefold.key"}
server: {port: %d}
limits: {enabled: false}
"""


class Tenant(msgspec.Struct, frozen=True):
    """A workspace, and by what its content is known.

    Attributes:
        number: Stands in the identifiers that only this workspace knows.
        seal: Stands in every trait, property, name of an event, dead letter and judgement.
        day: The day on which all its events happened.
        received_us: When they were received, likewise on a day of its own.
        received_day: The same, as answers write it.
    """

    name: str
    number: int
    seal: str
    day: str
    received_us: int
    received_day: str

    @property
    def marks(self) -> tuple[str, ...]:
        """Texts that stand nowhere but in what this workspace holds."""
        return (self.seal, self.day, self.received_day)

    @property
    def sources(self) -> tuple[str, str]:
        """Its two sources."""
        return (f"{self.name}-web", f"{self.name}-app")


AMBER = Tenant("amber", 1, "qzambersealqz", "2026-03-11", PROBED_US - 40 * DAY_US, "2026-08-12")
BERYL = Tenant("beryl", 2, "qzberylsealqz", "2026-04-17", PROBED_US - 30 * DAY_US, "2026-08-22")
TENANTS = (AMBER, BERYL)
BOTH = 0
"""The number of the people whom both workspaces know by the same identifiers."""
NOBODY = 9


def other(tenant: Tenant) -> Tenant:
    """The neighbour."""
    return BERYL if tenant is AMBER else AMBER


def value(kind: str, number: int) -> str:
    """The value of an identifier; all of a kind are equally long."""
    return {
        "user_id": f"u-{number}001",
        "email": f"ann{number}@mail.test",
        "phone": f"+1202555{number}100",
        "device_id": f"d{number}c4a0f1-55aa-4bfe-8a01-0a1b2c3d4e5f",
        "anonymous_id": f"a{number}77d0c2-91fe-4f0b-9d55-f0e1d2c3b4a5",
        "membership_no": f"M-{number}00417",
    }[kind]


class Keys(msgspec.Struct, frozen=True):
    """The keys of one workspace: steward reads, judges, queries; reader reads, judge judges; the last three are dead."""

    steward: str
    reader: str
    judge: str
    web: str
    app: str
    steward_id: str
    revoked: str
    rotated: str
    source_revoked: str


def write_project(directory: Path, port: int) -> dict[str, Keys]:
    """Write the project with all keys, and make its stores."""
    (directory / "sources").mkdir(parents=True)
    (directory / "onefold.yaml").write_text(_PROJECT % port)
    for tenant in TENANTS:
        for source in tenant.sources:
            text = f"name: {source}\nkind: http\nworkspace: {tenant.name}\n"
            (directory / "sources" / f"{source}.yaml").write_text(text)
    bootstrap.furnish(directory)
    project = config.read_project(directory)
    with key_store(project) as store:
        keys = {tenant.name: _issue(store, tenant) for tenant in TENANTS}
    bootstrap.Opened(project).close()
    return keys


def _issue(store: access.KeyStore, tenant: Tenant) -> Keys:
    seeded = random.Random(tenant.name)

    def issue(kind: access.KeyKind, name: str, *scopes: access.Scope, revoked: bool = False) -> tuple[str, str]:
        token, key = access.issue(
            store, kind=kind, workspace=tenant.name, name=name, now_us=1, random=seeded.randbytes, scopes=scopes or None
        )
        if revoked:
            access.revoke(store, key.id, 2)
        return token, key.id

    rotated, old = issue("secret", f"{tenant.seal}-turned", "read", "admin")
    issue("secret", f"{tenant.seal}-turned", "read", "admin")
    access.revoke(store, old, 2)
    steward, steward_id = issue("secret", f"{tenant.seal}-steward", "read", "admin", "query", "personal", "sources")
    return Keys(
        steward=steward,
        reader=issue("secret", f"{tenant.seal}-reader", "read")[0],
        judge=issue("secret", f"{tenant.seal}-judge", "admin")[0],
        web=issue("source", tenant.sources[0])[0],
        app=issue("source", tenant.sources[1])[0],
        steward_id=steward_id,
        revoked=issue("secret", f"{tenant.seal}-gone", "read", "admin", revoked=True)[0],
        rotated=rotated,
        source_revoked=issue("source", f"{tenant.seal}-gone", revoked=True)[0],
    )


def copied(directory: Path, to: Path) -> Path:
    """The same project once more: same keys, same stores, a life of its own."""
    shutil.copytree(directory, to)
    return to


def naming(number: int, *, kinds: tuple[str, ...] = KINDS) -> dict[str, Any]:
    """The part of an item that names somebody in all these ways."""
    places: dict[str, Any] = {"context": {}}
    for kind in kinds:
        stated = value(kind, number)
        match kind:
            case "user_id":
                places["userId"] = stated
            case "anonymous_id":
                places["anonymousId"] = stated
            case "email" | "phone":
                places["context"].setdefault("traits", {})[kind] = stated
            case "device_id":
                places["context"]["device"] = {"id": stated}
            case _:
                places["context"]["externalIds"] = [{"type": kind, "id": stated, "collection": "users"}]
    return places


def batches(tenant: Tenant) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a tenant's sources send, as (source, body). Each person has a history: anonymous first, merged later."""
    seal, items = tenant.seal, []
    for number in (BOTH, tenant.number):
        told = {"name": f"{seal} Ann", "town": f"{seal}ville", "tier": {"of": [seal]}}
        said = [
            {"type": "track", "event": f"{seal} Opened", **naming(number, kinds=("anonymous_id",))},
            {"type": "track", "event": f"{seal} Viewed", **naming(number, kinds=("device_id", "anonymous_id"))},
            {"type": "identify", "traits": told, **naming(number)},
            {"type": "page", "name": f"{seal} Page", **naming(number, kinds=("user_id", "membership_no"))},
            {"type": "track", "event": f"{seal} Bought", **naming(number, kinds=("email", "phone"))},
            {"type": "track", "event": "", **naming(number)},  # a dead letter
            {"type": "identify", "traits": {"name": f"{seal} Bea"}, "userId": f"{number}-friend"},
        ]
        items += [item | {"properties": {"secret": f"{seal} property"}} for item in said]
    for place, item in enumerate(items):
        stamped = {"messageId": f"{seal}-{place}", "timestamp": f"{tenant.day}T10:{place:02d}:00.417Z"}
        yield tenant.sources[place % 2], {"batch": [item | stamped]}
        # Padding: the dead letters of the two do not stand at the same offsets.
        for n in range(tenant.number):
            yield tenant.sources[0], {"batch": [{"type": "track", "event": f"{seal} Pad", "userId": f"pad-{place}-{n}",
                                                 "messageId": f"{seal}-pad-{place}-{n}",
                                                 "timestamp": f"{tenant.day}T09:00:00.417Z"}]}  # fmt: skip


def judgements(tenant: Tenant) -> Iterator[dict[str, Any]]:
    """What its steward says of its people."""
    for number in (BOTH, tenant.number):
        ann = {"type": "user_id", "value": value("user_id", number)}
        bea = {"type": "user_id", "value": f"{number}-friend"}
        yield {"verdict": "split", "a": ann, "b": bea, "reason": f"{tenant.seal} sisters"}
        yield {"verdict": "link", "a": ann, "b": {"type": "email", "value": value("email", number)},
               "reason": f"{tenant.seal} asked her"}  # fmt: skip


def unreadable(tenant: Tenant) -> bytes:
    """A body that is no JSON."""
    return json.dumps({"event": f"{tenant.seal} torn"}).encode()[:-1]
