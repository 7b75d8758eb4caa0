"""What probes send: a body for each route of the API that takes one, and what an SDK might send."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator

from tests.isolation.callers import Attack
from tests.isolation.targets import subjects
from tests.isolation.tenants import BOTH, KINDS, NOBODY, value


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


def _queries(a: Attack) -> Iterator[object]:
    yield {"query": "SELECT type, value FROM golden.identity ORDER BY type, value"}
    yield {"query": f"TABLE {a.theirs.name}.golden.profile"}
    yield {"query": "SELECT 1", "workspace": a.theirs.name}


def _rules(a: Attack) -> Iterator[object]:
    yield {"rule": "events >= 1"}
    yield {"rule": f"attr.{a.theirs.name} = 1"}
    yield {"rule": "events >= 1", "workspace": a.theirs.name}


def _compared(a: Attack) -> Iterator[object]:
    yield {}
    yield {"rule": "events >= 1", "limit": 1_000}
    yield {"before": 1, "workspace": a.theirs.name}


def _lists(a: Attack) -> Iterator[object]:
    yield {"identifiers": [_named(kind, text) for kind, text in subjects(a)][:20]}
    yield {"identifiers": [_named("user_id", value("user_id", BOTH))], "workspace": a.theirs.name}


def _definitions(a: Attack) -> Iterator[object]:
    yield {"rule": "events >= 1"}
    yield {"rule": f"attr.{a.theirs.name} = 1", "description": a.theirs.name}
    yield {"rule": "events >= 1", "workspace": a.theirs.name}


def _nothing(_: Attack) -> Iterator[object]:
    yield {}


def _sign_ins(a: Attack) -> Iterator[object]:
    yield {"name": f"{a.theirs.name}@example.org", "password": "correct horse battery", "workspace": a.theirs.name}


def _passwords(_: Attack) -> Iterator[object]:
    yield {"old": "correct horse battery", "new": "another good passphrase"}


def _links(a: Attack) -> Iterator[object]:
    yield {"token": a.their_keys.steward}


def _setups(a: Attack) -> Iterator[object]:
    yield {"token": a.their_keys.steward, "name": a.theirs.name, "password": "correct horse battery"}


def _accounts(a: Attack) -> Iterator[object]:
    yield {"name": f"{a.theirs.name}@example.org", "role": "owner"}
    yield {"name": "mallory", "role": "owner", "workspace": a.theirs.name}


def _keys(a: Attack) -> Iterator[object]:
    yield {"source": a.theirs.sources[0]}
    yield {"role": "owner", "workspace": a.theirs.name}


def _pairs(a: Attack) -> list[str]:
    """Pairs of the neighbour's people and nodes, as the review queue names them."""
    nodes = sorted(one.replace("-", "") for one in a.their_ids)
    return [f"{one}-{other}" for one, other in itertools.pairwise(nodes)]


def _released(a: Attack) -> Iterator[object]:
    yield {"pairs": _pairs(a)[:20]}


def _decisions(a: Attack) -> Iterator[object]:
    for pair, verdict in zip(_pairs(a)[:6], ("same", "different", "unsure") * 2, strict=False):
        yield {"pairs": [pair], "verdict": verdict, "reason": "probe"}
    yield {"pairs": _pairs(a)[:3], "verdict": "same", "workspace": a.theirs.name}


def _undone(a: Attack) -> Iterator[object]:
    yield {}
    yield from ({"pair": pair} for pair in _pairs(a)[:6])
    yield {"decision": "0" * 32, "workspace": a.theirs.name}


def _patterns(_: Attack) -> Iterator[object]:
    yield {"equal": ["email"]}
    yield {"probability_min": 0.0, "probability_max": 1.0}


def _bulks(a: Attack) -> Iterator[object]:
    yield {"probability_min": 0.0, "verdict": "same", "expected": 1}
    yield {"equal": ["email"], "verdict": "same", "expected": 1, "workspace": a.theirs.name}


def _checks(a: Attack) -> Iterator[object]:
    yield {"gate": 2}
    yield {"relation": f"{a.theirs.name}.golden.profile"}
    yield {"workspace": a.theirs.name}


def _claims(a: Attack) -> Iterator[object]:
    yield {"count": 5}
    yield {"count": 50, "status": "second", "workspace": a.theirs.name}
    yield {"count": 50, "status": "second"}


def _settings(a: Attack) -> Iterator[object]:
    yield {}
    yield {"match": {"join_from": 0.6}}
    yield {"workspace": a.theirs.name}


def _file(a: Attack, said: dict[str, object]) -> bytes:
    """A request that brings a file: a line of JSON, and the file."""
    rows = "".join(f"{text}\n" for kind, text in subjects(a) if kind == "user_id")
    return json.dumps(said).encode() + b"\nuser id\n" + rows.encode()


def _shown_files(a: Attack) -> Iterator[object]:
    yield _file(a, {"file": f"../{a.theirs.name}/people.csv", "source": a.theirs.sources[0]})
    yield _file(a, {"file": "people.csv", "workspace": a.theirs.name})


def _loaded_files(a: Attack) -> Iterator[object]:
    mapping = "identifiers: {user_id: user id}\n"
    yield _file(a, {"file": "people.csv", "mapping": mapping})
    yield _file(a, {"file": "people.csv", "mapping": mapping, "workspace": a.theirs.name})


BODIES = {
    "/api/v1/sources/preview": (_shown_files, False),
    "/api/v1/sources/{source}/load": (_loaded_files, True),
    "/api/v1/identity/plan": (_settings, False),
    "/api/v1/identity/apply": (_nothing, True),
    "/api/v1/identity/settings": (_settings, True),
    "/api/v1/identity/settings/undo": (_nothing, True),
    "/api/v1/checks/run": (_checks, True),
    "/api/v1/keys": (_keys, True),
    "/api/v1/session": (_sign_ins, True),
    "/api/v1/me/password": (_passwords, True),
    "/api/v1/setup": (_setups, True),
    "/api/v1/setup/check": (_links, False),
    "/api/v1/accounts": (_accounts, True),
    "/api/v1/accounts/{account_id}/reset": (_nothing, True),
    "/api/v1/review/claims": (_claims, True),
    "/api/v1/review/claims/release": (_released, True),
    "/api/v1/review/decisions": (_decisions, True),
    "/api/v1/review/undo": (_undone, True),
    "/api/v1/review/bulk/preview": (_patterns, False),
    "/api/v1/review/bulk": (_bulks, True),
    "/api/v1/segments/preview": (_rules, False),
    "/api/v1/rules/check": (_rules, False),
    "/api/v1/segments/plan": (_nothing, False),
    "/api/v1/segments/apply": (_nothing, True),
    "/api/v1/segments/{slug}/archive": (_nothing, True),
    "/api/v1/segments/{slug}/definition": (_definitions, True),
    "/api/v1/segments/reconcile": (_nothing, True),
    "/api/v1/segments/{slug}/diff": (_compared, False),
    "/api/v1/segments/{slug}/list": (_lists, True),
    "/api/v1/query": (_queries, False),
    "/api/v1/profiles/lookup": (_lookups, False),
    "/api/v1/judgements": (_statements, True),
    "/api/v1/dead-letters/{offset}/replay": (_mended, True),
}
"""Bodies for each route of the API that takes one, and whether it writes. A route that is not here fails the test."""


def sdk_items(a: Attack) -> Iterator[object]:
    """What an SDK might send to get into the neighbour's log."""
    named = {"type": "track", "event": "Probe", "userId": value("user_id", BOTH), "workspace": a.theirs.name,
             "source": a.theirs.sources[0], "writeKey": a.their_keys.steward, "properties": {"n": 1},
             "context": {"workspace": a.theirs.name, "source": a.theirs.sources[0]}}  # fmt: skip
    yield {"batch": [named], "workspace": a.theirs.name, "writeKey": a.dead[2]}
    yield {**named, "api_key": a.their_keys.revoked, "distinct_id": value("user_id", a.theirs.number)}


def raw(body: object) -> bytes:
    """A body as it is sent: bytes as they are, everything else as JSON."""
    return body if isinstance(body, bytes) else json.dumps(body).encode()
