"""Laws of gate 1: it never raises, it is a function of the entry, its clock stays in bounds, its score is monotone."""

import json
from datetime import UTC, datetime, timedelta

import msgspec
from hypothesis import example, given
from hypothesis import strategies as st
from tests.ingest.sdk import RECEIVED, SEGMENT_PYTHON, verdict

from onefold.ingest import clock, emq, framing, payload
from onefold.ingest.gate import Gate
from onefold.ingest.reasons import REASONS, SUPPRESSIONS
from onefold.ingest.settings import IngestSettings
from onefold.model import Accepted, Identifier, LogEntry, Rejected, Suppressed

SETTINGS = IngestSettings()
JUDGE = Gate(SETTINGS)
DAY_US = 86_400_000_000
SHAPES = st.sampled_from(["segment", "posthog", "mixpanel", "amplitude", "record", "unreadable"])

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
NAMES = (
    "type", "event", "userId", "anonymousId", "previousId", "messageId", "timestamp", "originalTimestamp", "sentAt",
    "traits", "properties", "context", "identifiers", "groupId", "distinct_id", "$set", "$set_once", "$unset", "uuid",
    "offset", "name", "event_type", "user_id",
    "user_properties", "groups", "$distinct_id", "$add", "integrations",
)  # fmt: skip
INNER = (
    "email", "phone", "consent", "traits", "device", "externalIds", "integrations", "gpc", "page", "id", "type",
    "value", "$device_id", "$anon_distinct_id", "$set", "$group_key", "$group_type",
    "$setOnce", "$groups", "alias", "$identified_id", "groupId", "Onefold", "Email",
    "categoryPreferences", "token", "granted", "purpose",
)  # fmt: skip
inner = st.dictionaries(
    st.sampled_from(INNER), values | st.dictionaries(st.sampled_from(INNER), values, max_size=3), max_size=4
)
words = st.sampled_from(
    [
        "$create_alias",
        "$groupidentify",
        "track",
        "identify",
        "page",
        "alias",
        "group",
        "record",
        "$identify",
        "Consent Granted",
        "u",
    ]
)
items = st.dictionaries(st.sampled_from(NAMES), words | inner | values | st.lists(inner, max_size=2), max_size=10)


@given(items, SHAPES)
def test_every_item_has_a_verdict(item, shape):
    """Whatever an item states, it is accepted, rejected or left out for a reason of the list, and never raises."""
    body = json.dumps(item).encode()
    said = verdict(body, shape=shape)
    assert said == verdict(body, shape=shape)
    if isinstance(said, Accepted):
        event = said.event
        assert 0 <= event.emq <= 1
        assert 0 <= event.timestamp_us <= event.received_at_us
        assert event.identifiers
        assert len(set(event.identifiers)) == len(event.identifiers)
        assert None not in event.traits.values()
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(event), type=type(event)) == event
    elif isinstance(said, Suppressed):
        assert said.reason in SUPPRESSIONS
    else:
        assert said.reason in REASONS


@given(st.binary(max_size=60), SHAPES, st.none() | st.binary(max_size=20))
def test_every_body_has_a_verdict(body, shape, shared):
    """Bytes of any kind, in the item and in the request's part."""
    said = JUDGE.check(LogEntry(shape, "web", RECEIVED, 0, body, None, shared))
    assert isinstance(said, Accepted | Rejected | Suppressed)


@given(st.integers(0, len(SEGMENT_PYTHON) - 1), st.integers(0, 255))
def test_a_flipped_byte_stops_nothing(place, byte):
    """A batch with any one byte changed is an envelope or malformed, and each of its items has a verdict."""
    body = SEGMENT_PYTHON[:place] + bytes([byte]) + SEGMENT_PYTHON[place + 1 :]
    envelope = framing.peek(body)
    if isinstance(envelope, framing.Malformed):
        assert envelope.reason in REASONS
        return
    for entry in framing.entries(
        envelope, shape="segment", source="web", received_at_us=RECEIVED, request_id="r", default_type=None
    ):
        assert JUDGE.check(entry) is not None


pairs = st.lists(st.tuples(st.sampled_from(["a", "b", 'q"', ":", "\\"]), st.integers(0, 1) | st.just('":')), max_size=4)
blanks = st.sampled_from(["", " ", "\n", "\t ", "  "])


def _states_twice(tree):
    if isinstance(tree, list) and tree and isinstance(tree[0], tuple):
        return len({key for key, _ in tree}) < len(tree) or any(_states_twice(value) for _, value in tree)
    return isinstance(tree, list) and any(map(_states_twice, tree))


@given(pairs, pairs, blanks, blanks, st.booleans())
@example([("a", 1)], [("a", 1), ("a", 2)], "", "", False)
@example([("a", '":'), ("a", 1)], [], "", " ", True)
def test_duplicate_keys_are_found_exactly(outer, nested, before, after, escaped):
    """The count finds an object with two equal keys if and only if a parser that sees each pair does."""

    def spelled(key):
        return '"\\u0061"' if escaped and key == "a" else json.dumps(key)

    def written(fields):
        return "{" + ",".join(f"{spelled(k)}{before}:{after}{json.dumps(v)}" for k, v in fields) + "}"

    body = (written(outer)[:-1] + ("," if outer else "") + f'"nested"{before}:{written(nested)}' + "}").encode()
    seen = json.loads(body, object_pairs_hook=list)
    said = payload.read(body, SETTINGS)
    assert (isinstance(said, Rejected) and said.reason == "duplicate_key") == _states_twice(seen)


moments = st.datetimes(datetime(1960, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)).map(datetime.isoformat)  # noqa: DTZ001  Hypothesis adds the zone
stated = st.none() | moments | st.integers(-(10**19), 10**19) | st.floats() | st.text(max_size=30)


@given(stated, stated, stated, st.integers(0, 4 * 10**15), st.integers(0, 10**6))
def test_clock_stays_in_bounds(timestamp, original, sent, received, index):
    """Whatever is stated, an event happens between 1970 and its receipt, its place in the request counted."""
    times = clock.settle(timestamp, original, sent, received, index)
    assert 0 <= times.timestamp_us <= received + index
    assert not times.assumed or times.timestamp_us == received + index


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(us):
    return (EPOCH + timedelta(microseconds=us)).isoformat()


WEEK_US, MINUTE_US = 7 * DAY_US, 60_000_000
wrong = st.integers(MINUTE_US + 1, 3650 * DAY_US) | st.integers(-3650 * DAY_US, -MINUTE_US - 1)


@given(moments, st.integers(0, WEEK_US), wrong)
def test_correction_undoes_any_skew(received, age, skew):
    """However wrong a sender's clock is, the event's time comes out right."""
    received_us = clock.parse(received) + 40 * 365 * DAY_US
    true = received_us - age
    times = clock.settle(iso(true + skew), None, iso(received_us + skew), received_us)
    assert times.timestamp_us == true


@given(moments, st.integers(0, 20_000 * DAY_US), st.integers(0, MINUTE_US))
def test_a_right_clock_is_never_corrected(received, age, latency):
    """However long a request was on its way, up to a minute, an explicit time stays as it is."""
    received_us = clock.parse(received) + 40 * 365 * DAY_US
    true = max(received_us - latency - age, 0)
    times = clock.settle(iso(true), None, iso(received_us - latency), received_us)
    assert (times.timestamp_us, times.skew_ms) == (true, None)


def test_uncorrected_clock_breaks_the_law():
    """The negative control: without the time of sending the same event lands wrong."""
    sent = RECEIVED - 3 * DAY_US
    assert clock.settle(iso(sent - 1000), None, iso(sent), RECEIVED).timestamp_us == RECEIVED - 1000
    assert clock.settle(iso(sent - 1000), None, None, RECEIVED).timestamp_us != RECEIVED - 1000


@given(st.integers(-60_000_000, 8_000 * 365 * 86_400), st.integers(0, 999_999))
def test_iso_round_trip(seconds, microseconds):
    """A time written by the standard library reads back to the microsecond."""
    moment = EPOCH + timedelta(seconds=seconds, microseconds=microseconds)
    assert clock.parse(moment.isoformat()) == seconds * 1_000_000 + microseconds


types = st.lists(st.sampled_from(["user_id", "email", "phone", "device_id", "anonymous_id", "crm_id"]), max_size=4)
fields = st.dictionaries(
    st.sampled_from(["order_id", "revenue", "total", "currency", "products", "x"]), st.none() | st.integers(0, 3)
)
contexts = st.dictionaries(
    st.sampled_from(["ip", "userAgent", "os", "page", "campaign", "library", "locale", "timezone", "device", "app"]),
    st.just({"url": "x"}) | st.just(""),
)
names = st.sampled_from(["Order Completed", "Anything"])


def _score(name, kinds, count, properties, context, age):
    identifiers = [Identifier(kind, str(i)) for i, kind in enumerate(kinds)]
    return emq.score("track", name, identifiers, count, {}, properties, context, age, SETTINGS)


@given(names, types, st.integers(0, 2), fields, contexts, st.integers(0, 10 * emq.STALE_US), st.data())
def test_stating_more_never_lowers_the_score(name, kinds, count, properties, context, age, data):
    """One more identifier, property, circumstance, or an earlier receipt never costs quality."""
    base = _score(name, kinds, count, properties, context, age)
    assert 0 <= base <= 1
    more = data.draw(types), data.draw(fields), data.draw(contexts)
    filled = {k: v for k, v in more[1].items() if v is not None} | {
        k: v for k, v in properties.items() if v is not None
    }
    around = {k: v for k, v in more[2].items() if v} | {k: v for k, v in context.items() if v}
    assert _score(name, kinds + more[0], count, properties, context, age) >= base
    assert _score(name, kinds, min(2, count + 1), properties, context, age) >= base
    assert _score(name, kinds, count, filled, context, age) >= base
    assert _score(name, kinds, count, properties, around, age) >= base
    assert _score(name, kinds, count, properties, context, age // 2) >= base


def test_an_average_would_break_the_law():
    """The negative control: a mean of priorities falls when a weak identifier joins a strong one."""
    strong, both = [100], [100, 10]
    assert sum(both) / len(both) < sum(strong) / len(strong)
    assert _score("x", ["user_id", "anonymous_id"], 0, {}, {}, 0) >= _score("x", ["user_id"], 0, {}, {}, 0)


@given(items, st.booleans(), st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :\n")]))
def test_quotes_tell_whether_a_key_is_stated_twice(item, ascii_only, separators):
    """However it is written, a body has two quotes for each key and text it decodes to, and more if a key comes twice."""
    body = json.dumps(item, ensure_ascii=ascii_only, separators=separators).encode(errors="surrogatepass")
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return  # a number beyond 64 bits, half a surrogate pair
    try:
        needed = 2 * payload._words(decoded, 32)
    except OverflowError:
        return
    assert payload._quotes(body) == needed
    for key in decoded:
        twice = b"{" + json.dumps(key).encode() + b":" + json.dumps('\\"').encode() + b"," + body[1:]
        assert payload._quotes(twice) > 2 * payload._words(msgspec.json.decode(twice), 32)
