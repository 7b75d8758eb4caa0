"""Probes: requests made to learn of a neighbour's workspace, or to change it. One generator, used by every trial."""

from __future__ import annotations

import base64
import itertools
import json
import random
from collections.abc import Iterator
from urllib.parse import urlencode

import msgspec
from tests.isolation.bodies import BODIES, raw, sdk_items
from tests.isolation.callers import Attack, Caller, callers
from tests.isolation.routes import METHODS, SIGNING_IN, Place
from tests.isolation.targets import CHOICES, QUERIES, filled, queried

TURNS = 6


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


def lacking(place: Place) -> set[str]:
    """Parameters of a place that no probe fills, and its body if none is made."""
    known = {"type", "value", "a", "b", *QUERIES}
    lacks = (set(place.path) - CHOICES.keys()) | (set(place.query) - known)
    unspoken = place.methods & {"POST", "PUT"} and not place.meaning and place.template not in BODIES
    return lacks | ({"body"} if unspoken else set())


def _asked(place: Place, caller: Caller, method: str, kind: str) -> frozenset[int]:
    """What may be answered; empty for anything below 500."""
    if kind != "plain" or place.meaning:
        return frozenset()
    if place.template in SIGNING_IN:
        return frozenset({401, 403, 405, 422, 429})
    if method in place.beside:
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
        targets = list(filled(place, a)) if place.meaning not in {"collect", "pixel"} else []
        for number, (target, kind) in enumerate(targets):
            # The odd ones try with a good key, and with none.
            asking = everybody if kind == "plain" else [*bold[:1], *bold[3:4], everybody[-1]]
            # Who is refused is refused before the path is read: where there are many targets, they take turns.
            if len(targets) > TURNS and kind == "plain":
                asking = [c for at, c in enumerate(everybody) if c in bold or (number + at) % TURNS == 0]
            queries = list(queried(place, a))
            for query, caller in [(queries[0], c) for c in asking] + [(q, everybody[0]) for q in queries[1:]]:
                if place.main != "GET":
                    make, writes = BODIES[place.template]
                    if not writes:
                        found += [
                            Probe(place, caller, place.main, _joined(target, query, caller), raw(body), kind,
                                  statuses=_asked(place, caller, place.main, kind))
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
    target = next(target for target, _ in filled(place, a))
    query = next(queried(place, a))
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
        elif place.template in BODIES and BODIES[place.template][1] and place.main != "GET":
            make, _ = BODIES[place.template]
            everything = itertools.product(filled(place, a), make(a))
            for number, ((target, kind), body) in enumerate(everything):
                for at, caller in enumerate(everybody):
                    # The first steward asks everything; each answer waits for the processor, so the others take turns.
                    if at == 0 or (number + at) % TURNS == 0:
                        found.append(
                            Probe(place, caller, place.main, _joined(target, "", caller), raw(body), kind,
                                  writes=True, statuses=_asked(place, caller, place.main, kind))
                        )  # fmt: skip
    random.Random(12).shuffle(found)
    return found


def _sent(place: Place, a: Attack, everybody: list[Caller]) -> Iterator[Probe]:
    # A good key of theirs may write to their log; that is no probe.
    allowed = [caller for caller in everybody if caller.name != "their source"]
    for caller, body in itertools.product(allowed, sdk_items(a)):
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
                        statuses=frozenset({200}))  # fmt: skip


def strangers_marks(a: Attack, probe: Probe) -> tuple[str, ...]:
    """What the answer to a probe may not hold: marks and ids of theirs, and ours too for whoever may not look."""
    marks = (*a.theirs.marks, *a.their_ids)
    if probe.caller.stands in {"source", "nobody"}:
        marks += a.mine.marks
    said = probe.said
    return tuple(mark for mark in marks if mark not in said)
