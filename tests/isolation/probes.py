"""Probes: requests made to learn of a neighbour's workspace, or to change it. One generator, used by every trial."""

from __future__ import annotations

import base64
import itertools
import json
import random
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote, urlencode

import msgspec
from tests.isolation.routes import METHODS, Place
from tests.isolation.tenants import BOTH, KINDS, NOBODY, Keys, Tenant, value

from onefold.governance import access

OFFSETS = 50
TURNS = 6
_SEGMENT = {"phone": "phone_number", "user_id": "external_id"}


class Caller(msgspec.Struct, frozen=True):
    """Somebody with, or without, a key of their own workspace.

    Attributes:
        stands: What the key is good for.
        query: What they add to the query string.
    """

    name: str
    stands: str
    headers: tuple[tuple[str, str], ...] = ()
    query: str = ""


class Probe(msgspec.Struct, frozen=True):
    """A request, and what it may be answered.

    Attributes:
        kind: `plain`, or `odd` when the path is spelled so that no status can be foretold.
        writes: Whether it is meant to change something.
        statuses: What it may be answered; empty for anything below 500.
    """

    place: Place
    caller: Caller
    method: str
    target: str
    body: bytes = b""
    kind: str = "plain"
    writes: bool = False
    statuses: frozenset[int] = frozenset()

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """All headers of the request."""
        return (*self.caller.headers, *((("content-type", "application/json"),) if self.body else ()))

    @property
    def said(self) -> str:
        """All that the request says: whatever stands here an answer may repeat."""
        heads = " ".join(text for _, text in self.headers)
        return f"{self.target} {heads} {self.body.decode('utf-8', 'replace')}"

    @property
    def name(self) -> str:
        """For people who read findings."""
        return f"{self.caller.name}: {self.method} {self.target} {self.body[:200]!r}"


class Attack(msgspec.Struct, frozen=True):
    """Who attacks whom, and what the attacker knows: every name and id of the neighbour's people."""

    mine: Tenant
    keys: Keys
    theirs: Tenant
    their_keys: Keys
    their_ids: tuple[str, ...]
    cursors: tuple[str, ...] = ()

    @property
    def dead(self) -> tuple[str, ...]:
        """Keys of the neighbour that were once good."""
        return (self.their_keys.revoked, self.their_keys.rotated, self.their_keys.source_revoked)

    @property
    def neighbours(self) -> Attack:
        """What the neighbour asks about its own people."""
        return msgspec.structs.replace(self, mine=self.theirs, keys=self.their_keys)


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    """The header with a key."""
    return (("authorization", f"Bearer {token}"),)


def basic(user: str, password: str = "") -> tuple[tuple[str, str], ...]:
    """The same as SDKs write it."""
    return (("authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()),)


def callers(a: Attack) -> list[Caller]:
    """All who may try."""
    name, theirs = a.theirs.name, a.their_keys
    naming = tuple(
        (header, name)
        for header in ("x-workspace", "x-onefold-workspace", "x-tenant", "x-tenant-id", "x-forwarded-host", "host",
                       "x-original-url", "x-forwarded-prefix", "workspace", "x-source")
    )  # fmt: skip
    query = urlencode({"workspace": name, "tenant": name, "workspace_id": name, "x-workspace": name, "space": name})
    strange = access.mint("secret", random.Random(5).randbytes)
    return [
        Caller("steward", "steward", bearer(a.keys.steward)),
        Caller("steward who names them in headers", "steward", (*bearer(a.keys.steward), *naming)),
        Caller("steward who names them in a cookie", "steward",
               (*bearer(a.keys.steward), ("cookie", f"workspace={name}; key={theirs.steward}"))),
        Caller("steward who names them in the query", "steward", bearer(a.keys.steward), query),
        Caller("steward with their key as password", "steward", basic(a.keys.steward, theirs.steward)),
        Caller("steward with their key in the query", "steward", bearer(a.keys.steward), f"key={theirs.steward}"),
        Caller("reader", "reader", bearer(a.keys.reader)),
        Caller("judge", "steward", bearer(a.keys.judge)),
        Caller("source", "source", bearer(a.keys.web)),
        Caller("other source", "source", basic(a.keys.app)),
        Caller("their source", "source", bearer(theirs.web)),
        Caller("their revoked key", "nobody", bearer(theirs.revoked)),
        Caller("their rotated key", "nobody", basic(theirs.rotated)),
        Caller("their revoked source", "nobody", bearer(theirs.source_revoked)),
        Caller("their key's id", "nobody", bearer(theirs.steward_id)),
        Caller("their key's hash", "nobody", bearer(access.digest(theirs.steward).hex())),
        Caller("their key's beginning", "nobody", bearer(theirs.steward[:-1])),
        Caller("their key in lower case", "nobody", bearer(theirs.steward.lower())),
        Caller("their key in the query only", "nobody", (), f"api_key={theirs.steward}&access_token={theirs.steward}"),
        Caller("their key in another header", "nobody", (("x-api-key", theirs.steward),)),
        Caller("their name as key", "nobody", basic(name, theirs.steward)),
        Caller("a key that is none", "nobody", bearer(strange)),
        Caller("nobody", "nobody"),
    ]  # fmt: skip


def subjects(a: Attack) -> list[tuple[str, str]]:
    """(type, value) of whom they know, alone or as well as we do, of whom nobody knows, and their ids."""
    numbers = (a.theirs.number, BOTH, NOBODY)
    named = [(kind, value(kind, number)) for kind in KINDS for number in numbers]
    return [*named, *(("profile", one) for one in a.their_ids)]


def _odd(kind: str, text: str, a: Attack) -> Iterator[str]:
    """Other spellings of `type:value` in a path."""
    full = "".join(f"%{byte:02x}" for byte in f"{kind}:{text}".encode())
    yield full
    yield full.replace("%", "%25")
    for other in (f"{kind.upper()}:{text.upper()}", f"{a.theirs.name}/{kind}:{text}", f"{a.theirs.name}:{kind}:{text}",
                  f"{kind}:{text}\0", f"{kind}:{text}'--", f"{kind}:*", f"{kind}:%"):  # fmt: skip
        yield quote(other, safe="")
    for other in (f"../{a.theirs.name}/{kind}:{text}", f"%2e%2e/{a.theirs.name}/profiles/{kind}:{text}",
                  f"..%2f..%2f{a.theirs.name}%2f{kind}:{text}", f"{kind}:{text};workspace={a.theirs.name}",
                  f"{kind}:{text}/", f"/{kind}:{text}"):  # fmt: skip
        yield other


def _filled(place: Place, a: Attack) -> Iterator[tuple[str, str]]:
    """(target, kind) for a place: every parameter in its path with everything that fits there."""
    choices = [_CHOICES[name](a) for name in place.path]
    for chosen in itertools.product(*choices):
        odd = [at for at, (_, spelling) in enumerate(chosen) if spelling != "plain"]
        # One oddity at a time, and the rest as it comes first: their product says nothing new.
        if odd and any(text != choices[at][0] for at, text in enumerate(chosen) if at != odd[0]):
            continue
        target = place.template
        for name, (text, _) in zip(place.path, chosen, strict=True):
            target = target.replace("{" + name + "}", text)
        yield target, "odd" if odd else "plain"


def _references(a: Attack) -> list[tuple[str, str]]:
    plain = [(quote(f"{kind}:{text}", safe=":"), "plain") for kind, text in subjects(a)]
    plain += [(quote(f"{_SEGMENT[k]}:{value(k, a.theirs.number)}", safe=":"), "odd") for k in _SEGMENT]
    return plain + [
        (spelled, "odd")
        for kind in KINDS
        for number in (a.theirs.number, BOTH)
        for spelled in _odd(kind, value(kind, number), a)
    ]


def _ids(a: Attack) -> list[tuple[str, str]]:
    odd = [a.their_ids[0].upper(), a.their_ids[0].replace("-", ""), "0" * 32, f"{a.theirs.name}%2f{a.their_ids[0]}"]
    return [*((one, "plain") for one in a.their_ids), *((one, "odd") for one in odd)]


def _offsets(_: Attack) -> list[tuple[str, str]]:
    return [
        *((str(n), "plain") for n in range(OFFSETS)),
        *((text, "odd") for text in ("-1", "1e3", "0x1", "%31", "1/2")),
    ]


def _spaces(a: Attack) -> list[tuple[str, str]]:
    odd = [a.theirs.name, a.theirs.name.upper(), f"{a.mine.name}%2f{a.theirs.name}", f"%2e%2e%2f{a.theirs.name}"]
    return [("default", "plain"), *((text, "odd") for text in odd)]


def _views(_: Attack) -> list[tuple[str, str]]:
    return [(text, "plain") for text in ("traits", "external_ids", "events", "metadata", "links")]


def _tokens(a: Attack) -> list[tuple[str, str]]:
    return [(text, "plain") for text in (a.keys.web, *a.dead, a.their_keys.steward, a.their_keys.web, a.theirs.name)]


_CHOICES: Mapping[str, Callable[[Attack], list[tuple[str, str]]]] = {
    "identifier": _references,
    "reference": _references,
    "profile_id": _ids,
    "offset": _offsets,
    "space": _spaces,
    "collection": lambda _: [("users", "plain"), ("accounts", "odd")],
    "view": _views,
    "key": _tokens,
    "name": lambda a: [(text, "odd") for text in (a.theirs.name, "..%2f..%2f" + a.theirs.name, "x.bundle.js")],
}
"""What to put in the place of each parameter of a path. A route with a parameter that is not here fails the test."""


def _queried(place: Place, a: Attack) -> Iterator[str]:
    """Query strings for a place."""
    if {"type", "value"} <= set(place.query):
        for kind, text in subjects(a):
            yield urlencode({"type": kind, "value": text})
        return
    if {"a", "b"} <= set(place.query):
        named = [f"{kind}:{text}" for kind, text in subjects(a)]
        for first, second in zip(named, named[1:] + named[:1], strict=True):
            yield urlencode({"a": first, "b": second})
            yield urlencode({"a": first, "b": f"user_id:{value('user_id', a.mine.number)}"})
        return
    yield ""
    for name in place.query:
        for text in _QUERIES[name](a):
            yield urlencode({name: text})


_QUERIES: Mapping[str, Callable[[Attack], tuple[str, ...]]] = {
    "source": lambda a: (*a.theirs.sources, a.theirs.name, a.mine.sources[1], "onefold"),
    "status": lambda _: ("any", "replayed", "open"),
    "cursor": lambda a: (*a.cursors, "0", "7", "30"),
    "next": lambda a: a.cursors,
    "limit": lambda _: ("1", "200"),
    "after": lambda _: ("0:0", "0:5", "0:25,1:0", "1:3"),
    "name": lambda a: ("Opened", a.theirs.name),
    "q": lambda a: ("Opened", a.theirs.name, a.their_ids[0]),
    "verdict": lambda _: ("stored", "rejected"),
}
"""What to ask in each parameter of a query string. A route with a parameter that is not here fails the test."""


def lacking(place: Place) -> set[str]:
    """Parameters of a place that no probe fills, and its body if none is made."""
    known = {"type", "value", "a", "b", *_QUERIES}
    lacks = (set(place.path) - _CHOICES.keys()) | (set(place.query) - known)
    unspoken = "POST" in place.methods and not place.meaning and place.template not in _BODIES
    return lacks | ({"body"} if unspoken else set())


def _named(kind: str, text: str) -> dict[str, str]:
    return {"type": kind, "value": text}


def _lookups(a: Attack) -> Iterator[object]:
    for kind, text in subjects(a):
        yield _named(kind, text)
    yield {**_named("user_id", value("user_id", BOTH)), "workspace": a.theirs.name}


def _statements(a: Attack) -> Iterator[object]:
    friend = _named("user_id", f"{BOTH}-friend")
    for number, verdict in ((a.theirs.number, "link"), (BOTH, "split"), (a.theirs.number, "share"), (NOBODY, "link")):
        for kind in KINDS:
            one = _named(kind, value(kind, number))
            yield {"verdict": verdict, "a": one, "b": None if verdict == "share" else friend, "reason": "probe"}
    for one in a.their_ids:
        yield {"verdict": "split", "a": _named("profile", one)}
    yield {"verdict": "withdraw", "a": _named("user_id", value("user_id", BOTH)), "b": friend}
    yield {"verdict": "link", "a": friend, "b": friend, "workspace": a.theirs.name}


def _mended(a: Attack) -> Iterator[object]:
    yield {"type": "track", "event": "Mended", "userId": value("user_id", BOTH), "workspace": a.theirs.name}


_BODIES = {
    "/api/v1/profiles/lookup": (_lookups, False),
    "/api/v1/judgements": (_statements, True),
    "/api/v1/dead-letters/{offset}/replay": (_mended, True),
}
"""Bodies for each route of the API that takes one, and whether it writes. A route that is not here fails the test."""


def _items(a: Attack) -> Iterator[object]:
    """What an SDK might send to get into the neighbour's log."""
    named = {"type": "track", "event": "Probe", "userId": value("user_id", BOTH), "workspace": a.theirs.name,
             "source": a.theirs.sources[0], "writeKey": a.their_keys.steward, "properties": {"n": 1},
             "context": {"workspace": a.theirs.name, "source": a.theirs.sources[0]}}  # fmt: skip
    yield {"batch": [named], "workspace": a.theirs.name, "writeKey": a.dead[2]}
    yield {**named, "api_key": a.their_keys.revoked, "distinct_id": value("user_id", a.theirs.number)}


def _asked(place: Place, caller: Caller, method: str, kind: str) -> frozenset[int]:
    """What may be answered; empty for anything below 500."""
    if kind != "plain" or place.meaning:
        return frozenset()
    if method not in place.methods:
        # 422: another route has the path, such as a profile of the name `lookup`.
        return frozenset({401, 403, 404, 405, 422})
    if not place.gated:
        return frozenset({200})
    if caller.stands == "nobody":
        return frozenset({401})
    if caller.stands == "source" or (caller.stands == "reader" and place.steward):
        return frozenset({403})
    return place.statuses


def _joined(target: str, query: str, caller: Caller) -> str:
    query = "&".join(part for part in (query, caller.query) if part)
    return f"{target}?{query}" if query else target


def looks(a: Attack, places: list[Place], *, by: tuple[str, ...] = ()) -> list[Probe]:
    """Probes that only look, by everybody or by those named, in an order that mixes everything."""
    everybody = [caller for caller in callers(a) if not by or caller.name in by]
    bold = [caller for caller in everybody if caller.stands == "steward"]
    found: list[Probe] = []
    for place in places:
        found += _bent(place, a, everybody)
        targets = list(_filled(place, a)) if place.meaning not in {"collect", "pixel"} else []
        for number, (target, kind) in enumerate(targets):
            # The odd ones try with a good key, and with none.
            asking = everybody if kind == "plain" else [*bold[:1], *bold[3:4], everybody[-1]]
            # Who is refused is refused before the path is read: where there are many targets, they take turns.
            if len(targets) > TURNS and kind == "plain":
                asking = [c for at, c in enumerate(everybody) if c in bold or (number + at) % TURNS == 0]
            queries = list(_queried(place, a))
            for query, caller in [(queries[0], c) for c in asking] + [(q, everybody[0]) for q in queries[1:]]:
                if place.main == "POST":
                    make, writes = _BODIES[place.template]
                    if not writes:
                        found += [
                            Probe(place, caller, "POST", _joined(target, query, caller), json.dumps(body).encode(), kind,
                                  statuses=_asked(place, caller, "POST", kind))
                            for body in make(a)
                        ]  # fmt: skip
                    continue
                found.append(
                    Probe(place, caller, "GET", _joined(target, query, caller), kind=kind,
                          statuses=_asked(place, caller, "GET", kind))
                )  # fmt: skip
    random.Random(11).shuffle(found)
    return found


def _bent(place: Place, a: Attack, everybody: list[Caller]) -> Iterator[Probe]:
    """The same place by other methods, and by paths that are nearly its own."""
    target = next(target for target, _ in _filled(place, a))
    query = next(_queried(place, a))
    for method, caller in itertools.product(METHODS, (everybody[0], everybody[-1])):
        if method != place.main:
            yield Probe(place, caller, method, _joined(target, query, caller),
                        statuses=_asked(place, caller, method, "plain"))  # fmt: skip
    # SDK routes are a table; a few spellings of each say as much as many.
    bends = (f"/{target}", target.replace("/", "//"), f"{target}/", target.upper(), f"/{a.theirs.name}{target}",
             f"/./{a.mine.name}/../..{target}", f"/%2e%2e{target}", f"{target}%00", f"{target}/..",
             f"/workspaces/{a.theirs.name}{target}", f"{target};{a.theirs.name}")  # fmt: skip
    for path in bends[:4] if place.meaning else bends:
        yield Probe(place, everybody[0], "GET", _joined(path, query, everybody[0]), kind="odd")


def writes(a: Attack, places: list[Place]) -> list[Probe]:
    """Probes that try to change the neighbour's workspace, or change one's own; in an order that mixes everything."""
    found: list[Probe] = []
    everybody = callers(a)
    for place in places:
        if place.meaning in {"collect", "pixel"}:
            found += _sent(place, a, everybody)
        elif place.template in _BODIES and _BODIES[place.template][1]:
            make, _ = _BODIES[place.template]
            everything = itertools.product(_filled(place, a), make(a))
            for number, ((target, kind), body) in enumerate(everything):
                for at, caller in enumerate(everybody):
                    # The first steward asks everything; each answer waits for the processor, so the others take turns.
                    if at == 0 or (number + at) % TURNS == 0:
                        found.append(
                            Probe(place, caller, "POST", _joined(target, "", caller), json.dumps(body).encode(), kind,
                                  writes=True, statuses=_asked(place, caller, "POST", kind))
                        )  # fmt: skip
    random.Random(12).shuffle(found)
    return found


def _sent(place: Place, a: Attack, everybody: list[Caller]) -> Iterator[Probe]:
    # A good key of theirs may write to their log; that is no probe.
    allowed = [caller for caller in everybody if caller.name != "their source"]
    for caller, body in itertools.product(allowed, _items(a)):
        if place.meaning == "collect":
            good = caller.name in {"source", "other source"}
            yield Probe(place, caller, "POST", _joined(place.template, "", caller), json.dumps(body).encode(),
                        writes=True, statuses=frozenset({200} if good else {401}))  # fmt: skip
        else:
            data = base64.b64encode(json.dumps(body).encode()).decode()
            key = a.keys.web if caller.stands == "source" else a.dead[len(caller.name) % 3]
            query = urlencode({"data": data, "writeKey": key})
            # A key in the data goes before the one in the query string, good or not.
            yield Probe(place, caller, "GET", _joined(place.template, query, caller), writes=True,
                        statuses=frozenset({200, 401} if caller.stands == "source" else {401}))  # fmt: skip


def strangers_marks(a: Attack, probe: Probe) -> tuple[str, ...]:
    """What the answer to a probe may not hold: marks and ids of theirs, and ours too for whoever may not look."""
    marks = (*a.theirs.marks, *a.their_ids)
    if probe.caller.stands in {"source", "nobody"}:
        marks += a.mine.marks
    said = probe.said
    return tuple(mark for mark in marks if mark not in said)
