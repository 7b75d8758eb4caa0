"""Raw relations: what each source sent, byte by byte, read from the event log when it is asked for."""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests import workbench

from onefold.errors import ExpensiveError, UsageError
from onefold.model import LogEntry
from onefold.pipelines.stream import process
from onefold.warehouse.as_of import Moment, as_of
from onefold.warehouse.masking import analyst_views
from onefold.warehouse.needs import needs
from onefold.warehouse.query import parse
from onefold.warehouse.raw import relation_of, window

NOT_TEXT = b'{"type":"track","event":"\xff","anonymousId":"a"}'


def item(n: int, source: str, body: bytes | None = None) -> LogEntry:
    """The item of a number."""
    stated = b'{"type":"track", "event":"Caf\\u00e9 %d","anonymousId":"a","messageId":"%d"}' % (n, n)
    return LogEntry("segment", source, workbench.NOW_US + n, n, stated if body is None else body, request_id=f"r{n}")


def received(yard, *entries: LogEntry) -> list[tuple[int, int]]:
    """Append and process them; where they are."""
    places = yard.context.log.append(entries)
    process.drain(yard.context)
    return places


def test_a_source_is_there_byte_by_byte_also_what_was_refused(yard):
    """Each item of the source and of no other, as it came: odd spacing, what is no UTF-8, what became a dead letter."""
    bodies = [b'{ "type" : "track"}', b"no JSON", NOT_TEXT]
    sent = [item(1, "web"), *(item(n, "web", body) for n, body in enumerate(bodies, 2)), item(9, "crm")]
    places = received(yard, *sent)
    rows = yard.rows("SELECT * FROM raw.web ORDER BY log_offset")
    assert [(row["log_partition"], row["log_offset"]) for row in rows] == places[:-1]
    told = [row["body"].encode() if row["body"] is not None else base64.b64decode(row["body_base64"]) for row in rows]
    assert told == [entry.body for entry in sent[:-1]]
    assert [row["request_id"] for row in rows] == ["r1", "r2", "r3", "r4"]
    assert [row["source"] for row in yard.rows("SELECT source FROM staging.event")] == ["web", "crm"]


def test_an_event_points_to_its_raw_row(yard):
    """Partition and offset of an event are those of what it was made from."""
    received(yard, item(1, "web"), item(2, "web"))
    joined = yard.rows(
        "SELECT e.message_id, r.item FROM staging.event AS e JOIN raw.web AS r"
        " ON r.log_partition = e.log_partition AND r.log_offset = e.log_offset ORDER BY e.message_id"
    )
    assert [(row["message_id"], row["item"]) for row in joined] == [("1", 1), ("2", 2)]


def test_what_leaves_the_log_leaves_raw(yard):
    """The warehouse keeps no copy: an entry that the log has not is in no row, loaded or not."""
    received(yard, *(item(n, "web") for n in range(3)))
    yard.load()
    read = yard.context.log.read
    yard.warehouse._log = type("Shortened", (), {
        "read": staticmethod(lambda *asked: [stored for stored in read(*asked) if stored.entry.index != 1]),
        "ends": staticmethod(yard.context.log.ends),
    })()  # fmt: skip
    assert [row["item"] for row in yard.rows("SELECT item FROM raw.web ORDER BY item")] == [0, 2]
    assert not any(path.name.startswith("raw.") for path in yard.files.directory.iterdir())


def test_only_what_a_query_can_use_is_read(yard):
    """Bounds on the offset, and a limit where nothing else decides, end the reading of the log."""
    places = received(yard, *(item(n, "web") for n in range(50)))
    log, reads = yard.context.log, []

    class Counting:
        ends = staticmethod(log.ends)

        @staticmethod
        def read(partition, after, limit):
            found = log.read(partition, after, 4)
            reads.append(len(found))
            return found

    yard.warehouse._log = Counting()
    (row,) = yard.rows(f"SELECT item FROM raw.web WHERE log_offset = {places[20][1]}")  # noqa: S608  a number
    assert (row["item"], sum(reads)) == (20, 4)
    reads.clear()
    assert len(yard.rows("SELECT * FROM raw.web LIMIT 5")) == 5
    assert sum(reads) == 8
    reads.clear()
    assert len(yard.rows("SELECT * FROM raw.web ORDER BY item DESC LIMIT 5")) == 5
    assert sum(reads) == 50


def test_a_log_that_is_too_large_for_the_query_is_refused_in_words(yard):
    """Rows beyond the query's memory end it, and the message says how to narrow it."""
    received(yard, *(item(n, "web", msgspec.json.encode({"x": os.urandom(600_000).hex()})) for n in range(4)))
    with pytest.raises(ExpensiveError, match="narrow it by log_offset"):
        yard.rows("SELECT count(*) AS n FROM raw.web", memory_mb=1)


def test_a_source_that_sent_nothing_is_told_with_the_nearest(yard):
    """A slip in the name of a source is answered with the one that was meant."""
    received(yard, item(1, "web"))
    assert "raw.web" in {relation.full_name for relation in yard.warehouse.relations()}
    with pytest.raises(UsageError, match=r"raw\.web"):
        yard.rows("SELECT * FROM raw.wbe")


def test_raw_rows_have_a_past(yard):
    """As of a moment there is what was received by then; of other clocks they know nothing."""
    received(yard, *(item(n, "web") for n in range(3)))
    query = parse("SELECT item FROM raw.web ORDER BY item")
    at = datetime.fromtimestamp(workbench.NOW_US // 1_000_000, UTC).replace(tzinfo=None) + timedelta(microseconds=1)
    assert yard.warehouse.run(as_of(query, Moment(known_at=at))).column("item").to_pylist() == [0, 1]
    with pytest.raises(UsageError, match="known_at"):
        as_of(query, Moment(happened_by=at))


def test_analysts_see_nothing_of_it():
    """Every column is personal, so no view for analysts has any."""
    assert not analyst_views([relation_of("web")], {})


@given(
    st.lists(st.sampled_from(["log_offset >= 3", "log_offset < 7", "log_offset IN (2, 9)", "5 < log_offset",
                              "received_at <= TIMESTAMP '2026-01-01 00:00:04'", "log_offset = 4 OR item = 1"]),
             max_size=3),
    st.sampled_from(["", " LIMIT 3"]),
)  # fmt: skip
def test_a_window_leaves_out_nothing_that_is_asked_for(conditions, limit):
    """Whatever the conditions say, the window holds every offset that they admit."""
    text = "SELECT * FROM raw.web" + (" WHERE " + " AND ".join(conditions) if conditions else "") + limit  # noqa: S608  not run
    relation = relation_of("web")
    query = parse(text)
    found = window(needs(query, {}, {"raw.web": relation})["raw.web"], query)
    low, high = found.offsets
    admitted = {
        "log_offset >= 3": range(3, 10), "log_offset < 7": range(7), "log_offset IN (2, 9)": (2, 9),
        "5 < log_offset": range(6, 10),
    }  # fmt: skip
    kept = set(range(10)).intersection(*(admitted.get(each, range(10)) for each in conditions))
    assert all((low is None or low <= n) and (high is None or n <= high) for n in kept)
    assert (found.rows == 3) == (bool(limit) and not conditions)
