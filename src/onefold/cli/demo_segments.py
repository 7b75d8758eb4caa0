"""The demo's segments: two people do what two rules ask for, and the messages that tell so are shown."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from onefold import bootstrap
from onefold.cli.output import Output
from onefold.errors import UnavailableError, UsageError
from onefold.model import Identifier

EXAMPLES = """\
# Two rules as people wrote them down elsewhere: a business school's, and a shop's in the JSON form.
owner: demo
segments:
  high_intent_mba_prospect:
    description: Looked at the MBA's page three times, has only inquired, and may be written to.
    rule: >-
      count('Page Viewed' where contains(lower(url), 'mba')) >= 3
      and attr.enrollment_status = 'inquiry' and consent.email
  active_buyers:
    description: Customers in three countries who bought more than three times, the last time within 30 days.
    rule:
      logic: and
      conditions:
        - {field: lifecycle_stage, operator: equals, value: customer}
        - {field: computed_traits.total_purchases, operator: greater_than, value: 3}
        - {field: event, event_name: Purchase, operator: within_last, value: 30, unit: days}
      groups:
        - logic: or
          conditions:
            - {field: profile_data.country, operator: in, value: [US, CA, UK]}
"""
_STUDENT, _SHOPPER = "demo-student", "demo-shopper"
_WANTED = {"high_intent_mba_prospect": _STUDENT, "active_buyers": _SHOPPER}
_PATIENCE_SECONDS = 60.0


def show(directory: Path, key: str, port: int, today: date, out: Output) -> dict[str, Any]:
    """Send what two people do, and show how many are in each segment, and the messages that tell of the two."""
    send(_calls(today), key, port)
    with bootstrap.project_segments(directory, None) as segments:
        entered = _entered(segments)
        found = segments.audiences.segments()
        standings = {
            slug: segments.audiences.standing(slug, Identifier("user_id", who)) for slug, who in _WANTED.items()
        }
    out.table(
        "Segments",
        ("segment", "members", "who"),
        ((s.slug, s.members, s.sentence) for s in found.segments),
    )
    for slug, message in entered.items():
        conditions = "; ".join(f"{c['condition']}: {c['before']} → {c['now']}" for c in message["reason"]["conditions"])
        out.say(f"segment.entered {slug}, by entry {message['reason'].get('offset')} of the log: {conditions}")
    until = standings["active_buyers"].until
    out.say(f"The buyer leaves on {until} if nothing happens." if until else "")
    return {"members": {s.slug: s.members for s in found.segments}, "entered": entered}


def _calls(today: date) -> Iterable[tuple[str, Mapping[str, Any]]]:
    noon = datetime(today.year, today.month, today.day, tzinfo=UTC)
    student = {"user_id": _STUDENT, "traits": {"email": "sam.rivera@school.example", "enrollment_status": "inquiry"}}
    yield "identify", student
    yield "track", {"user_id": _STUDENT, "event": "Subscribed", "properties": {"email": "sam.rivera@school.example"}}
    for number in range(3):
        page = {"url": f"https://www.school.example/programs/MBA?{number}", "title": "MBA"}
        yield "page", {"user_id": _STUDENT, "properties": page, "timestamp": noon - timedelta(days=number + 1)}
    yield "identify", {"user_id": _SHOPPER, "traits": {"email": "jo.park@shop.example", "country": "CA"}}
    for number in range(4):
        order = {"revenue": 20 + number, "currency": "USD", "order_id": f"demo-{number}"}
        when = noon - timedelta(days=4 * number + 1)
        yield "track", {"user_id": _SHOPPER, "event": "Purchase", "properties": order, "timestamp": when}


def _entered(segments: bootstrap.ProjectSegments) -> dict[str, Any]:
    """The messages of the outbox that tell of the two, once they are there."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while True:
        found = {}
        for message in segments.messages("segment.entered"):
            body = msgspec.json.decode(message)
            if body["segment"] in _WANTED:
                found[body["segment"]] = body
        if found.keys() == _WANTED.keys():
            return found
        if time.monotonic() > until:
            missing = ", ".join(sorted(_WANTED.keys() - found.keys()))
            raise UnavailableError(f"Nobody entered {missing} within {_PATIENCE_SECONDS:.0f} s.")
        time.sleep(0.1)


def send(calls: Iterable[tuple[str, Mapping[str, Any]]], key: str, port: int) -> None:
    """Make these calls of the real Segment SDK."""
    try:
        from segment.analytics.client import Client  # noqa: PLC0415  only the demo needs it
    except ImportError as error:
        raise UsageError("The demo sends with the Segment SDK: pip install 'onefold[demo]'.") from error
    failures: list[Exception] = []
    client = Client(
        key, host=f"http://127.0.0.1:{port}", max_queue_size=1_000_000, on_error=lambda error, _: failures.append(error)
    )
    for method, arguments in calls:
        getattr(client, method)(**arguments)
    client.shutdown()
    if failures:
        raise UnavailableError(f"The server refused {len(failures)} batches: {type(failures[0]).__name__}.")
