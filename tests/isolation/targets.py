"""Where probes go: each route's path and query string, filled with everything a neighbour might answer to."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from urllib.parse import quote, urlencode

from tests.isolation.callers import Attack
from tests.isolation.routes import Place
from tests.isolation.tenants import BOTH, KINDS, NOBODY, value

OFFSETS = 50
_SEGMENT = {"phone": "phone_number", "user_id": "external_id"}


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


def filled(place: Place, a: Attack) -> Iterator[tuple[str, str]]:
    """(target, kind) for a place: every parameter in its path with everything that fits there."""
    choices = [CHOICES[name](a) for name in place.path]
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


def _pairs(a: Attack) -> list[tuple[str, str]]:
    nodes = sorted(one.replace("-", "") for one in a.their_ids)
    plain = [(f"{one}-{other}", "plain") for one, other in itertools.pairwise(nodes)]
    odd = (f"{nodes[0]}-{nodes[0]}", f"{nodes[-1]}-{nodes[0]}", nodes[0], f"{a.theirs.name}%2f{nodes[0]}-{nodes[1]}")
    return [*plain, *((text, "odd") for text in odd)]


CHOICES: Mapping[str, Callable[[Attack], list[tuple[str, str]]]] = {
    "identifier": _references,
    "reference": _references,
    "profile_id": _ids,
    "household_id": _ids,
    "offset": _offsets,
    "key_id": lambda a: [(a.their_keys.steward_id, "plain"), (a.theirs.name, "odd")],
    "account_id": lambda a: [(a.their_keys.steward_id, "plain"), (a.theirs.name, "odd")],
    "pair": _pairs,
    "source": lambda a: [
        (a.theirs.sources[0], "plain"),
        (f"{a.theirs.sources[0]}x", "odd"),
        (f"..%2f{a.theirs.name}", "odd"),
    ],
    "space": _spaces,
    "collection": lambda _: [("users", "plain"), ("accounts", "odd")],
    "view": _views,
    "key": _tokens,
    "table": lambda a: [
        ("golden.identity", "plain"),
        *((name, "odd") for name in (f"{a.theirs.name}.golden.profile", "information_schema.tables")),
    ],
    "slug": lambda a: [("buyers", "plain"), ("stage.customer", "plain"), (a.theirs.name, "odd")],
    "name": lambda a: [(text, "odd") for text in (a.theirs.name, "..%2f..%2f" + a.theirs.name, "x.bundle.js")],
}
"""What to put in the place of each parameter of a path. A route with a parameter that is not here fails the test."""


def queried(place: Place, a: Attack) -> Iterator[str]:
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
        for text in QUERIES[name](a):
            yield urlencode({name: text})


QUERIES: Mapping[str, Callable[[Attack], tuple[str, ...]]] = {
    "source": lambda a: (*a.theirs.sources, a.theirs.name, a.mine.sources[1], "onefold"),
    "status": lambda _: ("any", "replayed", "open", "decided", "second"),
    "values": lambda _: ("true",),
    "search": lambda a: (a.theirs.name, value("user_id", a.theirs.number), value("user_id", BOTH), a.their_ids[0]),
    "relation": lambda a: ("golden.profile", a.theirs.name),
    "check": lambda a: ("completeness", a.theirs.name),
    "runs": lambda _: ("1", "100"),
    "recent": lambda _: ("1", "1000"),
    "format": lambda _: ("csv",),
    "column": lambda a: ("value", a.theirs.name),
    "sort": lambda a: ("-person",),
    "skip": lambda _: ("1", "100000"),
    "cursor": lambda a: (*a.cursors, "0", "7", "30"),
    "next": lambda a: a.cursors,
    "limit": lambda _: ("1", "200"),
    "after": lambda _: ("0:0", "0:5", "0:25,1:0", "1:3"),
    "name": lambda a: ("Opened", a.theirs.name),
    "among": lambda a: ("buyers", a.theirs.name),
    "because": lambda _: ("event",),
    "entered_since": lambda _: ("2026-01-01T00:00:00Z",),
    "entered_before": lambda _: ("2026-01-01T00:00:00Z",),
    "field": lambda a: ("attr.town", "attr.name", f"attr.{a.theirs.name}"),
    "event": lambda a: (f"{a.theirs.seal} Bought", a.theirs.name),
    "before": lambda _: ("1", "1000000"),
    "q": lambda a: ("Opened", a.theirs.name, a.their_ids[0]),
    "use": lambda a: ("calls", a.theirs.name),
    "verdict": lambda _: ("stored", "rejected"),
    "finding": lambda _: ("email_invalid", "contact_of_event"),
}
"""What to ask in each parameter of a query string. A route with a parameter that is not here fails the test."""
