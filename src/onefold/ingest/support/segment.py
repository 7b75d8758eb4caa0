"""What Onefold makes of Segment's and RudderStack's calls and fields."""

from __future__ import annotations

from onefold.ingest.support import Row, Table
from onefold.model import Kind

KINDS: dict[str, Kind] = {
    "track": "track",
    "identify": "identify",
    "page": "page",
    "screen": "screen",
    "group": "group",
    "alias": "alias",
    "record": "record",
}
"""The types of items."""

FIELDS = frozenset(
    (
        "anonymousId", "category", "channel", "context", "event", "event_name", "event_time", "findings", "groupId",
        "identifiers", "idempotency_key", "integrations", "messageId", "name", "originalTimestamp", "previousId",
        "properties", "receivedAt", "rudderId", "sentAt", "timestamp", "traits", "type", "userId", "uuid", "version",
        "writeKey", "_metadata",
    )
)  # fmt: skip
"""Fields of an item that mean something, or are known to mean nothing to us."""

_COMMON = (
    Row("track", "implemented", "an event of its name, about the person"),
    Row("identify", "implemented", "traits of the person; the ids it states are one person"),
    Row("page", "implemented", "the event Page Viewed; `name` and `category` are properties"),
    Row("screen", "implemented", "the event Screen Viewed; `name` and `category` are properties"),
    Row("group", "implemented", "the person belongs to the group `groupId`, whose traits are kept with it, not as theirs"),
    Row(
        "alias", "implemented",
        "a request to join `userId` and `previousId`, whichever type of id that is; beyond the limit of user ids unless "
        "`alias_beyond_limits: false`",
    ),
    Row("userId", "implemented", "the identifier `user_id`"),
    Row("anonymousId", "implemented", "the identifier `anonymous_id`"),
    Row("messageId", "implemented", "an event of the same source and id is stored once"),
    Row("without messageId", "implemented", "a request repeated to the byte is stored once"),
    Row("timestamp", "implemented", "when it happened, corrected for the sender's clock"),
    Row("originalTimestamp", "implemented", "the same, beside a `timestamp` that its caller supplied"),
    Row("sentAt", "implemented", "what the sender's clock is compared with"),
    Row("traits", "implemented", "attributes, each by its survivorship rule"),
    Row("a null trait", "implemented", "clears it: values stated before no longer count; a blank text changes nothing"),
    Row("traits.email, traits.phone", "implemented", "identifiers, whatever the capitals (`Email`), which is told"),
    Row("properties", "implemented", "kept with the event; amounts of purchases are read from them"),
    Row("context", "implemented", "kept with the event: page, campaign, device, library and what else it holds"),
    Row("context.traits", "implemented", "like `traits`, which wins where both state a field"),
    Row("context.groupId", "implemented", "the person belongs to the group"),
    Row("context.externalIds", "implemented", "identifiers of users, each of its `type`"),
    Row("context.device, context.os", "implemented", "identifiers of the device, its push token and advertising id"),
    Row("context.consent", "implemented", "consent by purpose"),
    Row("integrations.All: false", "kept", "it is about the vendor's destinations, of which Onefold is not one"),
    Row("integrations.Onefold: false", "refused", "the event is left out, and counted as suppressed (`not_for_us`)"),
    Row("channel, version, _metadata, receivedAt", "kept", "in the log only"),
    Row("any other field", "kept", "in the log only, and told as the finding `field_ignored`"),
)  # fmt: skip

SEGMENT = Table(
    "Segment",
    ("/v1/batch", "/v1/b", "/v1/import", "/v1/track", "/v1/t", "/v1/identify", "/v1/i", "/v1/page", "/v1/p", "/v1/screen",
     "/v1/s", "/v1/group", "/v1/g", "/v1/alias", "/v1/a", "/v1/pixel/track"),
    (
        *_COMMON,
        Row("record", "implemented", "what another system knows of a person; Onefold's own"),
        Row("identifiers", "implemented", "identifiers of any type, as `{type, value}`; Onefold's own"),
        Row("/v1/m", "refused", "answered 200 and dropped: the SDK's counters about itself"),
    ),
)  # fmt: skip

RUDDERSTACK = Table(
    "RudderStack",
    ("/v1/batch", "/v1/track", "/v1/identify", "/v1/page", "/v1/screen", "/v1/group", "/v1/alias", "/beacon/v1/batch",
     "/pixel/v1/track"),
    (*_COMMON, Row("rudderId", "kept", "in the log only")),
)  # fmt: skip
