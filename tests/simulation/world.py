"""What is said about a handful of people: small enough to work out by hand, crowded enough that everything collides.

A neighbourhood is a pool of facts and judgements about four to ten identifiers; a world is a few of them; a schedule
is one way in which a world reaches the log and is processed. All of it follows from whole numbers.
"""

from __future__ import annotations

import functools
import hashlib
import random
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
from tests import workbench

from onefold.identity.hashing import Hasher
from onefold.identity.settings import IdentitySettings
from onefold.ingest.gate import deduplication_key
from onefold.model import Identifier, LogEntry, NodeId
from onefold.pipelines import judgements
from onefold.profiles.settings import ProfileSettings
from onefold.profiles.survivorship import Survivorship

SCHEDULES_PER_WORLD = 5
WORLDS_PER_NEIGHBOURHOOD = 80

DAY_SECONDS = 86_400
DAY_US = DAY_SECONDS * 1_000_000
SOURCES = ("web", "crm")

TIGHT = (
    IdentitySettings()
    .declare("email", limit=2, shared_after=2)
    .declare("phone", limit=1, shared_after=2)
    .declare("anonymous_id", limit=2, window_us=3 * DAY_US, shared_after=2)
)
ROOMY = IdentitySettings()
SETTINGS = (TIGHT, ROOMY)
HASHER = {id(settings): Hasher(workbench.KEYS.hashing) for settings in SETTINGS}

CURSE = "curse"
"""A field that cannot be folded: a bug of ours of which it is known which event brings it out."""


class Rules(dict[str, Survivorship]):
    """Survivorship rules, with that bug."""

    def get(self, field: str, default: Any = None) -> Any:
        """The rule of a field.

        Raises:
            ZeroDivisionError: For the field that is cursed.
        """
        if field == CURSE:
            raise ZeroDivisionError
        return super().get(field, default)


PROFILES = ProfileSettings(
    survivorship=Rules(
        city=Survivorship("source_rank", ("crm", "web")),
        bio=Survivorship("longest"),
        colour=Survivorship("most_frequent"),
    ),
    consent_authorities=frozenset({"crm"}),
)
VALUES = {
    "city": ("Chicago", "Oslo", "Rio"),
    "bio": ("b", "bbb", "ccc"),
    "colour": ("red", "green"),
    "plan": ("free", "gold", "none"),
}


class Named(NamedTuple):
    """An identifier and the node it names."""

    type: str
    value: str
    node: NodeId


class Fact(NamedTuple):
    """One event, as the oracle sees it and as it is sent.

    Attributes:
        entry: How it is sent.
        broken: A body that is sent first and refused; the entry's own body is then the mended one. None: sent well.
        event: Its id.
        edge: The kind of evidence it gives.
        named: Its identifiers, strongest first.
        purchase: Amount (None: unreadable) and currency.
        acts: Whether it is a sign of life.
        whole: Whether its consents are stated for the whole person.
    """

    entry: LogEntry
    broken: bytes | None
    event: bytes
    at_us: int
    edge: str
    source: str
    named: tuple[Named, ...]
    traits: dict[str, Any]
    purchase: tuple[Decimal | None, str] | None
    acts: bool
    consents: dict[str, bool]
    whole: bool


class Said(NamedTuple):
    """One judgement, as the oracle sees it and as it is sent."""

    entry: LogEntry
    id: bytes
    at_us: int
    verdict: str
    a: NodeId
    b: NodeId | None


class Neighbourhood(NamedTuple):
    """A pool of facts and judgements about few identifiers."""

    settings: IdentitySettings
    names: tuple[Named, ...]
    facts: tuple[Fact, ...]
    said: tuple[Said, ...]


class World(NamedTuple):
    """What happened, in no order."""

    settings: IdentitySettings
    names: dict[NodeId, Named]
    facts: tuple[Fact, ...]
    said: tuple[Said, ...]


@functools.lru_cache(maxsize=2)
def world(number: int) -> World:
    """One of the worlds; schedule `n` is about world `n // SCHEDULES_PER_WORLD`."""
    pool = neighbourhood(number // WORLDS_PER_NEIGHBOURHOOD)
    chance = random.Random(f"world {number}")
    facts = chance.sample(pool.facts, chance.randint(2, 9) if chance.random() < 0.5 else chance.randint(8, 16))
    said = chance.sample(pool.said, chance.choice((0, 0, 1, 1, 2, 3)))
    return World(pool.settings, {name.node: name for name in pool.names}, tuple(facts), tuple(said))


@functools.lru_cache(maxsize=2)
def neighbourhood(number: int) -> Neighbourhood:
    """A pool under one of the settings."""
    chance = random.Random(f"neighbourhood {number}")
    settings = SETTINGS[number % len(SETTINGS)]
    hasher = HASHER[id(settings)]

    def names(kind: str, most: int, pattern: str) -> list[Named]:
        values = [pattern.format(n) for n in range(1, chance.randint(1, most) + 1)]
        return [Named(kind, value, hasher.node_id(kind, value)) for value in values]

    pools = {
        "user_id": names("user_id", 3, "u{}"),
        "email": names("email", 2, "p{}@mail.example"),
        "phone": names("phone", 2, "+1312555010{}"),
        "anonymous_id": names("anonymous_id", 3, "cookie-{}"),
    }
    facts = tuple(_fact(chance, number, n, pools) for n in range(40))
    every = tuple(name for pool in pools.values() for name in pool)
    said = tuple(_said(chance, number, n, every) for n in range(16))
    return Neighbourhood(settings, every, facts, said)


def _fact(chance: random.Random, neighbourhood: int, number: int, pools: dict[str, list[Named]]) -> Fact:
    source = chance.choice(SOURCES)
    shape = chance.choice(("identify", "identify", "track", "track", "record", "alias"))
    kinds = ["user_id", "anonymous_id"]
    if shape != "alias":
        kinds = [kind for kind, odds in _ODDS.items() if chance.random() < odds] or [chance.choice(list(_ODDS))]
    named = tuple(chance.choice(pools[kind]) for kind in _ODDS if kind in kinds)
    stated = {name.type: name.value for name in named}
    traits = {field: stated[field] for field in ("email", "phone") if field in stated}
    if shape != "alias":
        traits |= {field: chance.choice(values) for field, values in VALUES.items() if chance.random() < 0.4}
    message, second = f"m{neighbourhood}-{number}", chance.randrange(0, 40) * DAY_SECONDS // 4
    body: dict[str, Any] = {"messageId": message, "timestamp": workbench.iso(second), "traits": traits}
    if "user_id" in stated:
        body["userId"] = stated["user_id"]
    if "anonymous_id" in stated:
        body["anonymousId"] = stated["anonymous_id"]
        if shape == "alias":
            # A browser's: the id it names is its own, and of a known type.
            body["previousId"] = stated["anonymous_id"]
    if shape != "record":
        body["type"] = shape
    purchase = None
    if shape == "track":
        body["event"] = chance.choice(("Order Completed", "Order Completed", "Story Read"))
        if body["event"] == "Order Completed":
            amount, currency = chance.choice(("0.1", "0.2", "7.05", "x")), chance.choice(("USD", "EUR"))
            body["properties"] = {"revenue": amount if amount == "x" else float(amount), "currency": currency}
            purchase = (None if amount == "x" else Decimal(amount), currency)
    consents, whole = {}, False
    if shape != "alias" and chance.random() < 0.4:
        purposes = chance.sample(("email", "sms", "all"), chance.choice((1, 1, 2)))
        consents = {purpose: chance.random() < 0.5 for purpose in purposes}
        consent: dict[str, Any] = {"categoryPreferences": consents}
        if chance.random() < 0.3:
            consent["person_level"] = True
            whole = source == "crm"
        body["context"] = {"consent": consent}
    entry = LogEntry(
        "record" if shape == "record" else "segment", source, workbench.NOW_US, 0, msgspec.json.encode(body)
    )
    broken = None
    if chance.random() < 0.15:
        # It is no JSON, or it names nobody, or our own code breaks on it, in one of two ways; somebody will mend it.
        how = chance.random()
        poisoned = msgspec.json.encode(body | {"traits": traits | {"bio" if how < 0.8 else CURSE: POISON}})
        broken = entry.body[:-1] if how < 0.3 else _NOBODY + message.encode() + b'"}' if how < 0.6 else poisoned
    return Fact(
        entry, broken, deduplication_key(source, message), _epoch_us(second),
        shape if shape in {"record", "alias"} else "event", source, named, traits, purchase, shape != "record",
        consents, whole,
    )  # fmt: skip


POISON = "poison!"
"""A value whose state cannot be sealed: a bug of ours, found only when the batch is nearly done."""

_NOBODY = b'{"type":"track","event":"'

_ODDS = {"user_id": 0.6, "email": 0.5, "phone": 0.3, "anonymous_id": 0.6}
"""How often an event states an identifier, strongest type first."""

_FIRST_DAY_US = 1_780_272_000_000_000
"""1 June 2026, the day that `workbench.iso` counts from."""


def _epoch_us(second: int) -> int:
    return _FIRST_DAY_US + second * 1_000_000


def _said(chance: random.Random, neighbourhood: int, number: int, names: tuple[Named, ...]) -> Said:
    verdict = chance.choice(("same", "same", "different", "different", "withdrawn", "shared", "not_shared"))
    a, b = chance.sample(names, 2)
    alone = verdict in {"shared", "not_shared"} or (verdict == "withdrawn" and chance.random() < 0.3)
    ident, at_us = f"j{neighbourhood}-{number}", workbench.NOW_US + chance.randrange(4)
    statement = judgements.Statement(
        ident, verdict, Identifier(a.type, a.value), None if alone else Identifier(b.type, b.value), "ann"
    )  # type: ignore[arg-type]  # a verdict
    entry = LogEntry("judgement", judgements.SOURCE, at_us, 0, msgspec.json.encode(statement))
    digest = hashlib.blake2b(ident.encode(), digest_size=16).digest()
    return Said(entry, digest, at_us, verdict, *((a.node, None) if alone else sorted((a.node, b.node))))
