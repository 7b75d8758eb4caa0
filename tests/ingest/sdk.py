"""What real SDKs put on the wire, field by field as recorded: see the facts of the event API."""

from onefold.ingest import framing
from onefold.ingest.gate import Gate
from onefold.ingest.settings import IngestSettings
from onefold.model import LogEntry

RECEIVED = 1_767_225_605_000_000
"""2026-01-01T00:00:05Z"""
SENT = "2026-01-01T00:00:05.000Z"
HAPPENED = "2026-01-01T00:00:01.250Z"
HAPPENED_US = 1_767_225_601_250_000

SEGMENT_PYTHON = b"""{"batch":[
 {"integrations":{},"anonymousId":null,"userId":"u-1","timestamp":"2026-01-01T00:00:01.250+00:00","type":"track",
  "event":"Order Completed","properties":{"order_id":"o-1","revenue":12.5,"currency":"USD",
  "products":[{"product_id":"p"}]},
  "messageId":"9c2a3f6e-0001","context":{"library":{"name":"analytics-python","version":"2.4.0"}}},
 {"integrations":{},"anonymousId":null,"userId":"u-1","timestamp":"2026-01-01T00:00:01.250+00:00","type":"identify",
  "traits":{"email":"ann@mail.example","born":"1980-02-03T00:00:00","nick":null},
  "messageId":"9c2a3f6e-0002","context":{"library":{"name":"analytics-python","version":"2.4.0"}}}],
 "sentAt":"2026-01-01T00:00:05.000+00:00","writeKey":"wk-python"}"""

SEGMENT_NODE = b"""{"batch":[{"anonymousId":"a-9","timestamp":"2026-01-01T00:00:01.250Z","type":"page","name":"Home",
 "category":"Docs","properties":{"category":"Docs","url":"https://shop.example/"},"integrations":{},
 "messageId":"node-next-1767225601250-4b2b0b1e",
 "context":{"library":{"name":"@segment/analytics-node","version":"3.1.0"}},
 "_metadata":{"nodeVersion":"20.1.0","jsRuntime":"node"}}],"writeKey":"wk-node","sentAt":"2026-01-01T00:00:05.000Z"}"""

SEGMENT_BROWSER = b"""{"timestamp":"2026-01-01T00:00:01.250Z","integrations":{},"userId":"u-1","anonymousId":"a-1",
 "event":"Video Played","type":"track","properties":{"id":7},"context":{"page":{"path":"/","referrer":"",
 "search":"?utm_source=mail","title":"Shop","url":"https://shop.example/?utm_source=mail"},"userAgent":"Mozilla/5.0",
 "locale":"en-US","library":{"name":"analytics.js","version":"next-1.84.3"},"timezone":"Europe/Berlin",
 "campaign":{"source":"mail"}},"messageId":"ajs-next-1767225601250-91e31c4e-1c3e-4d5f-8a6b-3b5a",
 "writeKey":"wk-browser","sentAt":"2026-01-01T00:00:05.000Z","_metadata":{"bundled":["Segment.io"]}}"""

RUDDER_PYTHON = b"""{"batch":[{"integrations":{"All":true},"userId":"u-1","channel":"server","anonymousId":null,
 "context":{"traits":{"email":"ann@mail.example","plan":"pro"},"library":{"name":"rudder-analytics-python",
 "version":"2.1.9"}},"originalTimestamp":"2026-01-01T00:00:01.250+00:00","type":"identify","messageId":"r-py-1"}],
 "sentAt":"2026-01-01T00:00:05.000+00:00"}"""

RUDDER_NODE = b"""{"batch":[{"userId":"u-1","event":"Imported","type":"track","timestamp":"2025-06-01T00:00:00.000Z",
 "originalTimestamp":"2026-01-01T00:00:01.250Z","sentAt":"2026-01-01T00:00:05.000Z","properties":{"n":1},
 "messageId":"r-node-1","_metadata":{"nodeVersion":"20.1.0"},
 "context":{"library":{"name":"@rudderstack/rudder-sdk-node",
 "version":"3.0.13"}},"channel":"server"}],"sentAt":"2026-01-01T00:00:05.000Z"}"""

RUDDER_BROWSER = b"""{"channel":"web","type":"identify","userId":"","anonymousId":"rl-anon-1",
 "context":{"traits":{"email":
 "ann@mail.example"},"sessionId":1767225600,"app":{"name":"RudderLabs JavaScript SDK"},"library":{"name":
 "RudderLabs JavaScript SDK","version":"3.34.1"},"userAgent":"Mozilla/5.0","locale":"en-US","timezone":"GMT+0100",
 "page":{"path":"/","url":"https://shop.example/"},"campaign":{}},"originalTimestamp":"2026-01-01T00:00:01.250Z",
 "sentAt":"2026-01-01T00:00:05.000Z","messageId":"rl-1","integrations":{"All":true}}"""

POSTHOG_PYTHON = b"""{"batch":[{"properties":{"plan":"pro","$lib":"posthog-python","$lib_version":"7.91.1",
 "$ip":"203.0.113.9",
 "$set":{"email":"ann@mail.example"},"$set_once":{"email":"first@mail.example","joined":"2026"}},
 "timestamp":"2026-01-01T00:00:01.250000+00:00","distinct_id":"u-1","event":"signed up","uuid":"0b0e5c9a-1"},
 {"properties":{"$lib":"posthog-python","distinct_id":"u-1","alias":"anon-1"},"event":"$create_alias",
 "timestamp":"2026-01-01T00:00:01.250000+00:00","distinct_id":"u-1","uuid":"0b0e5c9a-2"},
 {"event":"$groupidentify","properties":{"$group_type":"company","$group_key":"acme","$group_set":{"size":9},
 "$lib":"posthog-python"},"distinct_id":"$company_acme",
 "timestamp":"2026-01-01T00:00:01.250000+00:00","uuid":"0b0e5c9a-3"}],
 "historical_migration":false,"sentAt":"2026-01-01T00:00:05.000Z","api_key":"phc_py"}"""

POSTHOG_BROWSER = b"""[{"uuid":"0199-1","event":"$pageview","properties":{"token":"phc_web","distinct_id":
 "01936f0e-1b2a-7c3d-8e4f-5a6b7c8d9e0f","$device_id":"01936f0e-1b2a-7c3d-8e4f-5a6b7c8d9e0f","$is_identified":false,
 "$current_url":"https://shop.example/","$lib":"web","$raw_user_agent":"Mozilla/5.0",
 "utm_source":"mail"},"offset":3750},
 {"uuid":"0199-2","event":"$identify","properties":{"token":"phc_web","distinct_id":"u-1","$anon_distinct_id":
 "01936f0e-1b2a-7c3d-8e4f-5a6b7c8d9e0f","$device_id":"01936f0e-1b2a-7c3d-8e4f-5a6b7c8d9e0f","$is_identified":true,
 "$lib":"web"},"$set":{"email":"ann@mail.example"},"offset":3750}]"""


def entries(body, *, shape="segment", default_type=None, context=None):
    """The log entries of a request's body."""
    envelope = framing.peek(framing.unpack(body, max_bytes=8 << 20))
    assert isinstance(envelope, framing.Envelope), envelope
    return framing.entries(
        envelope, shape=shape, source="web", received_at_us=RECEIVED, request_id="r", default_type=default_type,
        context=context,
    )  # fmt: skip


def verdicts(body, *, settings=None, **options):
    """What the gate says of each item of a request's body."""
    gate = Gate(settings or IngestSettings())
    return [gate.check(entry) for entry in entries(body, **options)]


def verdict(body, *, shape="segment", settings=None, index=0, sent_at=None, shared=None, source="web"):
    """What the gate says of one item as it stands in the log."""
    entry = LogEntry(shape, source, RECEIVED, index, body, sent_at, shared, "r")
    return Gate(settings or IngestSettings()).check(entry)


def named(event):
    """The identifiers of an event as pairs."""
    return [(identifier.type, identifier.value) for identifier in event.identifiers]
