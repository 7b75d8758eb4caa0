"""Envelopes: what is cut out of a request's body."""

import base64
import gzip
import json
import zlib
from urllib.parse import quote

import pytest
from tests.cost import units
from tests.ingest.sdk import POSTHOG_BROWSER, POSTHOG_PYTHON, RUDDER_BROWSER, SEGMENT_BROWSER, SEGMENT_PYTHON, verdicts

from onefold.errors import TooLargeError, UsageError
from onefold.ingest import compression, fragments
from onefold.ingest.framing import Envelope, Malformed, entries, peek, unpack
from onefold.model import Accepted, Finding

MEGABYTE = 1 << 20
ITEM = b'{"type":"track","event":"x","userId":"u"}'


def items(body):
    envelope = peek(body)
    assert isinstance(envelope, Envelope), envelope
    return [bytes(item) for item in envelope.items]


@pytest.mark.parametrize(
    "pack", [gzip.compress, zlib.compress, bytes, lambda b: gzip.compress(b[:9]) + gzip.compress(b[9:])]
)
def test_unpack_by_content(pack):
    """Compression is found by its first bytes, members and all."""
    assert unpack(pack(SEGMENT_PYTHON), max_bytes=MEGABYTE) == SEGMENT_PYTHON


def test_byte_order_mark_goes():
    """A mark that editors leave is no part of the JSON."""
    assert items(unpack(b"\xef\xbb\xbf" + ITEM, max_bytes=MEGABYTE)) == [ITEM]


@pytest.mark.parametrize(
    "body",
    [b"\x1f\x8bgarbage", gzip.compress(ITEM)[:-4], gzip.compress(ITEM) + b"tail", b"x\x9cgarbage"],
    ids=["garbage", "cut off", "tail", "zlib garbage"],
)
def test_what_claims_to_be_compressed_and_is_not(body):
    """It is refused as a wrong call, not as an event."""
    with pytest.raises(UsageError):
        unpack(body, max_bytes=MEGABYTE)


def test_a_bomb_costs_its_limit_and_no_more():
    """64 MB in 64 KB are refused after the first 2: for a small part of what unpacking the whole costs."""
    bomb = gzip.compress(bytes(64 * MEGABYTE), 6)

    def refused():
        with pytest.raises(TooLargeError):
            unpack(bomb, max_bytes=2 * MEGABYTE)

    assert units(refused) < units(lambda: gzip.decompress(bomb)) / 4


def test_many_empty_members_are_refused():
    """A stream of thousands of empty members would cost quadratic time."""
    with pytest.raises(UsageError, match="members"):
        unpack(gzip.compress(b"") * (compression.GZIP_MEMBERS_MAX + 1), max_bytes=MEGABYTE)


def test_the_limit_is_exact():
    """As many bytes as allowed pass, one more does not, compressed or not."""
    body = b" " * 1000
    assert unpack(body, max_bytes=1000) == unpack(gzip.compress(body), max_bytes=1000) == body
    for pack in (bytes, gzip.compress):
        with pytest.raises(TooLargeError):
            unpack(pack(body + b" "), max_bytes=1000)


@pytest.mark.parametrize(
    ("body", "count", "batch", "key", "sent"),
    [
        (SEGMENT_PYTHON, 2, True, "wk-python", "2026-01-01T00:00:05.000+00:00"),
        (SEGMENT_BROWSER, 1, False, "wk-browser", "2026-01-01T00:00:05.000Z"),
        (RUDDER_BROWSER, 1, False, None, "2026-01-01T00:00:05.000Z"),
        (POSTHOG_PYTHON, 3, True, "phc_py", "2026-01-01T00:00:05.000Z"),
        (POSTHOG_BROWSER, 2, True, "phc_web", None),
        (b' \n[{"writeKey":"w"}]', 1, True, "w", None),
        (b'{"batch":[{"writeKey":"first"},{"writeKey":"second"}]}', 2, True, "first", None),
        (b'{"batch":[]}', 0, True, None, None),
        (b"[]", 0, True, None, None),
        (b'{"sentAt":1767225605000,"batch":[{}],"writeKey":null}', 1, True, None, "1767225605000"),
        (b'{"batch":{"a":1}}', 1, False, None, None),
        (b'{"event":"x","properties":{"batch":[1,2]}}', 1, False, None, None),
        (b'{"batch":[{"properties":{"batch":1}},{"batch":[7]}]}', 2, True, None, None),
    ],
)
def test_shapes(body, count, batch, key, sent):
    """Batches, arrays and single objects come apart; key and time of sending are found."""
    envelope = peek(body)
    assert isinstance(envelope, Envelope)
    assert (len(envelope.items), envelope.batch, envelope.write_key, envelope.sent_at) == (count, batch, key, sent)


@pytest.mark.parametrize(
    "body",
    [
        b"data=" + quote(base64.b64encode(ITEM).decode()).encode() + b"&api_key=k",
        b"api_key=k&data=" + base64.urlsafe_b64encode(ITEM).rstrip(b"="),
        b"api_key=k&data=" + quote(ITEM.decode()).encode(),
    ],
)
def test_forms(body):
    """A form's data is JSON, or base64 of it in either alphabet."""
    envelope = peek(body)
    assert [bytes(item) for item in envelope.items] == [ITEM]
    assert envelope.write_key == "k"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"5", "malformed_json"),
        (b"hello", "malformed_json"),
        (b'{"batch":[{"a":1}', "malformed_json"),
        (b'{"a":NaN}', "malformed_json"),
        (b'[{"a":}]', "malformed_json"),
        (b'{"a":1}}', "malformed_json"),
        (b"data=%%%", "malformed_json"),
        (b"data=" + b"&" * 1000, "malformed_json"),
        (b'{"batch":[{"a":1}],"batch":[{"a":2}]}', "duplicate_key"),
    ],
)
def test_malformed(body, reason):
    """What is no JSON is said to be none, and no item of two batches is lost unseen."""
    assert peek(body) == Malformed(reason)


def test_one_bad_item_does_not_cost_the_batch():
    """Of a batch with NaN, a lone surrogate and bottomless nesting in it, the other items go on."""
    deep = b'{"a":' + b"[" * 10_000 + b"]" * 10_000 + b"}"
    bad = [b'{"a":NaN}', b'{"a":"\\ud800"}', deep, b'{"a":"}],{[\\""}']
    for wrap in (b'{"writeKey":"w","context":{"ip":"i"},"batch":[%s],"sentAt":"t"}', b"[%s]"):
        found = items(wrap % b" , ".join([ITEM, *bad, ITEM]))
        assert found == [ITEM, *bad, ITEM]
    envelope = peek(b'{"writeKey":"w","context":{"ip":"i"},"batch":[%s],"sentAt":"t"}' % b",".join([deep, ITEM]))
    assert (envelope.write_key, envelope.sent_at, envelope.shared) == ("w", "t", b'{"context":{"ip":"i"}}')


def test_without_cutting_the_good_items_would_be_lost(monkeypatch):
    """The negative control: without fragments one bad item costs the whole batch."""
    monkeypatch.setattr(fragments, "cut", lambda _: None)
    assert peek(b'[{"a":NaN},%s]' % ITEM) == Malformed("malformed_json")


@pytest.mark.parametrize("body", [b"[" * 10_000 + b"]" * 10_000, b"[" * 10_000, b'{"a":' * 10_000])
def test_bottomless_json_is_not_malformed(body):
    """It is kept for the judge, who says that it is too deep."""
    assert isinstance(peek(body), Envelope)


@pytest.mark.parametrize(
    "body",
    [b'{"batch":["' + b'\\"' * MEGABYTE, b"[" * 2 * MEGABYTE, b'[{"a":NaN},' + b'{"b":[1,"x"]},' * 200_000 + b"{}]"],
    ids=["unterminated", "brackets", "many items"],
)
def test_cutting_is_linear(body):
    """Hostile bodies of megabytes cost well under a second of processor time; a square would take hours."""
    assert units(lambda: peek(body)) < 40


def test_entries():
    """One entry an item, in order, with the request's own part and the route's type beside it."""
    envelope = peek(b'{"batch":[{"a":1},{"a":2}],"context":{"ip":"i"},"sentAt":"t"}')
    first, second = entries(
        envelope, shape="segment", source="web", received_at_us=7, request_id="r", default_type="track"
    )
    assert (first.index, second.index, second.body, second.sent_at) == (0, 1, b'{"a":2}', "t")
    assert json.loads(first.shared) == {"type": "track", "context": {"ip": "i"}}
    assert (first.received_at_us, first.request_id, first.source) == (7, "r", "web")


def test_more_items_than_segment_allows_are_kept_and_flagged():
    """Accept, then judge: an item beyond the limit is an event like any other, and says so."""
    said = verdicts(b"[" + b",".join([ITEM] * 2_502) + b"]")
    assert all(isinstance(v, Accepted) for v in said)
    assert [v.event.findings for v in said[2_499:2_501]] == [(), (Finding("beyond_batch_limit"),)]


@pytest.mark.parametrize("loose", [b"", b',"writeKey":5'])
def test_what_is_said_once_for_all_items_cannot_fill_the_log(loose):
    """A context is written with each item, so a large one for many items is refused; for a few it is kept."""
    items, context = b",".join([b'{"userId":"u"}'] * 10_000), b"x" * 1_000_000
    with pytest.raises(TooLargeError):
        peek(b'{"context":{"a":"%s"},"batch":[%s]%s}' % (context, items, loose))
    few = peek(b'{"context":{"a":"%s"},"batch":[{"userId":"u"}]%s}' % (context, loose))
    assert len(few.shared) > len(context)
