"""Dead letters are listed, shown, and sent again, as they were or mended."""

import base64

import msgspec
import pytest
from tests import workbench
from tests.plain import balances, dead_letters, profiles

from onefold.adapters.memory.log import MemoryEventLog
from onefold.connectors.sources import files
from onefold.connectors.sources.files import BadRow, Row
from onefold.errors import NotFoundError, UsageError
from onefold.ingest import framing
from onefold.model import Identifier, LogEntry
from onefold.pipelines.stream import process

ANN = Identifier("user_id", "ann")


def received(context, body, *, shape="segment", default_type=None):
    """Send a request's bytes through framing, as the edge does."""
    found = framing.peek(body)
    if isinstance(found, framing.Malformed):
        entries = [LogEntry("unreadable", "web", workbench.NOW_US, 0, body, request_id="r")]
    else:
        entries = framing.entries(
            found, shape=shape, source="web", received_at_us=workbench.NOW_US, request_id="r", default_type=default_type
        )
    offset = context.log.append(entries)[-1][1]
    process.drain(context)
    return offset


def statuses(context):
    return {d["offset"]: d["status"] for d in dead_letters.listed(context, status=None)}


def events_of(context, who=ANN):
    return [e["name"] for e in profiles.timeline(context, who)["events"]]


def test_they_are_listed_in_order_with_reasons_and_without_payloads(context):
    """By offset, filtered by source and status, page by page."""
    found = dead_letters.listed(context)
    assert [(d["offset"], d["reason"], d["status"]) for d in found] == [
        (5, "no_event_name", "open"), (6, "no_identifier", "open"),
    ]  # fmt: skip
    assert found[1]["detail"] == "No identifier was acceptable: anonymous_id identifier_blocked."
    assert [d["offset"] for d in dead_letters.listed(context, limit=1)] == [5]
    assert [d["offset"] for d in dead_letters.listed(context, after=5)] == [6]
    assert dead_letters.listed(context, source="app") == dead_letters.listed(context, status="replayed") == []
    assert "payload" not in found[0]


def test_one_is_shown_with_its_payload(context):
    """As JSON where it is JSON, else as base64."""
    assert dead_letters.shown(context, 5)["payload"]["userId"] == "ann"
    offset = received(context, b"\xff no json")
    assert base64.b64decode(dead_letters.shown(context, offset)["payload_base64"]) == b"\xff no json"
    with pytest.raises(NotFoundError, match="dlq list"):
        dead_letters.shown(context, 1)


def test_replayed_as_it_was_it_fails_as_before(context):
    """The old letter is closed, a new one opened, and the account stays balanced."""
    dead_letters.replay(context, 5)
    process.drain(context)
    assert statuses(context) == {5: "replayed", 6: "open", 8: "open"}
    with pytest.raises(UsageError, match="before"):
        dead_letters.replay(context, 5)
    (account,) = balances.sources(context)
    assert (account["received"], account["rejected"], account["balanced"]) == (8, 3, True)


def test_replayed_under_another_configuration_it_passes(context):
    """Where a plan or a rule was at fault, the payload needs no mending."""
    lenient = workbench.context(log=context.log, store=context.store)
    blocked = context.identity.__class__(blocked_values=frozenset({"c9"}))
    strict = workbench.context(log=context.log, store=context.store, identity=blocked)
    context.log.append(
        [workbench.entry({"type": "track", "event": "Story Read", "anonymousId": "c9", "messageId": "late"})]
    )
    process.drain(strict)
    dead_letters.replay(lenient, 8)
    process.drain(lenient)
    assert statuses(lenient)[8] == "replayed"
    assert events_of(lenient, Identifier("anonymous_id", "c9")) == ["Story Read"]


def test_mended_it_becomes_an_event_at_its_old_receipt(context):
    """The mended payload takes the place of the payload; receipt and source stay."""
    dead_letters.replay(context, 5, body=b'{"type":"track","event":"Mended","userId":"ann"}')
    process.drain(context)
    assert statuses(context) == {5: "replayed", 6: "open"}
    (event,) = [e for e in profiles.timeline(context, ANN)["events"] if e["name"] == "Mended"]
    assert event["received_at"] == dead_letters.shown(context, 5)["received_at"]


@pytest.mark.parametrize(
    "body",
    [
        b'{"batch":[{"type":"track","userId":"ann","event":"A",}',
        b'{"batch":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    ],
    ids=["no JSON", "too deep"],
)
def test_a_mended_request_is_taken_apart(context, body):
    """Whatever kept it from being taken apart is gone; each item becomes an event, and what it says of all stays."""
    offset = received(context, body)
    items = [{"type": "track", "userId": "ann", "event": name} for name in "AB"]
    mended = msgspec.json.encode({"context": {"ip": "1"}, "batch": items})
    dead_letters.replay(context, offset, body=mended)
    process.drain(context)
    assert statuses(context)[offset] == "replayed"
    found = [e for e in profiles.timeline(context, ANN)["events"] if e["name"] in {"A", "B"}]
    assert {e["name"]: e["context"] for e in found} == {"A": {"ip": "1"}, "B": {"ip": "1"}}


@pytest.mark.parametrize("mended", [b"{", b"[]", b""])
def test_a_request_not_mended_is_refused_and_stays_open(context, mended):
    """Nothing is sent that is no request."""
    offset = received(context, b"nonsense")
    with pytest.raises(UsageError):
        dead_letters.replay(context, offset, body=mended)
    assert statuses(context)[offset] == "open"


def test_all_of_a_reason_or_source_are_replayed(context):
    """And no others."""
    assert dead_letters.replay_all(context, reason="no_identifier") == 1
    process.drain(context)
    assert statuses(context) == {5: "open", 6: "replayed", 8: "open"}
    assert dead_letters.replay_all(context, source="app") == 0
    assert dead_letters.replay_all(context) == 2


class _Eager(MemoryEventLog):
    """A log whose every entry is processed at once, as a busy processor does."""

    def __init__(self):
        super().__init__()
        self.context = None
        self.appends = 0

    def append(self, entries):
        self.appends += 1
        assert self.appends < 9, "it never ends"
        places = super().append(entries)
        if self.context is not None:
            process.drain(self.context)
        return places


def test_replaying_all_ends_although_they_fail_again():
    """What is rejected once more while it runs is left for the next time."""
    log = _Eager()
    log.context = context = workbench.context(log=log)
    log.append([workbench.entry({"type": "nonsense"}, index=n) for n in range(3)])
    assert dead_letters.replay_all(context) == 3
    assert sorted(statuses(context).values()) == ["open"] * 3 + ["replayed"] * 3


def test_a_broken_judgement_is_a_dead_letter(context):
    """Whatever stands in its body, it stops nothing."""
    bodies = [b"\xff", b'{"id":"\xff"}', b"[" * 9_000, b'{"x":' + b"[" * 9_000 + b"]" * 9_000 + b"}", b"{}"]
    context.log.append([LogEntry("judgement", "onefold", workbench.NOW_US, n, b) for n, b in enumerate(bodies)])
    assert process.drain(context).rejected == len(bodies)
    assert {d["reason"] for d in dead_letters.listed(context, source="onefold")} == {"malformed_judgement"}


@pytest.mark.parametrize(
    ("mended", "word"),
    [
        (b'{"type":"track","event":"A","userId":', "malformed_json"),
        (b'{"type":"track","userId":"ann"}', "no_event_name"),
        (b'{"type":"track","event":"A","anonymousId":"null"}', "no_identifier"),
        (b'{"batch":[{"type":"track","event":"A","userId":"ann"},{"type":"track","userId":"ann"}]}', "Item 2 of the"),
    ],
)
def test_a_payload_that_is_still_broken_is_refused_and_the_letter_stays_open(context, mended, word):
    """Sent, it would close this letter and open one that holds the mistake instead of what was received."""
    with pytest.raises(UsageError, match=word):
        dead_letters.replay(context, 5, body=mended)
    assert process.drain(context).read == 0
    assert statuses(context) == {5: "open", 6: "open"}


def loaded(context, *rows, source="crm"):
    """Load a file of rows that could be read (objects) and rows that could not (bytes)."""
    read = [
        BadRow(n, row, "malformed_row", "Too few.") if isinstance(row, bytes) else Row(n, msgspec.json.encode(row))
        for n, row in enumerate(rows, 1)
    ]
    received_at_us = context.clock_us()
    found = files.entries(read, source=source, received_at_us=received_at_us, request_id="load", file="crm.csv")
    context.log.append(list(found))
    return process.drain(context)


GOOD = {"type": "record", "userId": "ann", "messageId": "good"}
NOBODY = {"type": "record", "anonymousId": "null", "messageId": "nobody"}


def test_rejected_rows_that_are_loaded_again_are_duplicates(context):
    """However often a file is loaded, each of its bad rows is one dead letter, and the account is balanced."""
    first = loaded(context, GOOD, NOBODY, b"1;2", b"1;2")
    assert (first.stored, first.rejected, first.duplicate) == (1, 3, 0)
    for _ in range(2):
        again = loaded(context, GOOD, NOBODY, b"1;2", b"1;2")
        assert (again.stored, again.rejected, again.duplicate) == (0, 0, 4)
    assert len(dead_letters.listed(context, source="crm")) == 3
    (account,) = (a for a in balances.sources(context) if a["source"] == "crm")
    assert (account["received"], account["rejected"], account["balanced"]) == (12, 3, True)


def test_control_other_rows_and_other_sources_are_letters_of_their_own(context):
    """And so is what is sent again on purpose, and what an SDK sends: each of its requests has its own receipt."""
    loaded(context, NOBODY, b"1;2")
    assert loaded(context, NOBODY | {"messageId": "other"}, b"1;3").rejected == 2
    assert loaded(context, NOBODY, b"1;2", source="erp").rejected == 2
    sent = dead_letters.replay_all(context, source="erp")
    assert (sent, process.drain(context).rejected) == (2, 2)
    for _ in range(2):
        context.log.append([workbench.entry({"type": "track", "userId": "ann"})])
        assert process.drain(context).rejected == 1


def test_a_row_loaded_again_under_a_configuration_that_takes_it_is_an_event(context):
    """That it was rejected once is nothing against it."""
    blocked = context.identity.__class__(blocked_values=frozenset({"ann"}))
    strict = workbench.context(log=context.log, store=context.store, identity=blocked)
    assert loaded(strict, GOOD).rejected == 1
    lenient = workbench.context(log=context.log, store=context.store)
    assert loaded(lenient, GOOD).stored == 1
    assert loaded(strict, GOOD).duplicate == 1
