"""What Onefold makes of Amplitude's calls and fields."""

from __future__ import annotations

from onefold.ingest.support import Row, Table
from onefold.model import Verb

OPERATIONS = frozenset(("$set", "$setOnce", "$unset"))
"""Operations on user properties that are carried out."""
VERBS: dict[str, Verb] = {
    "$add": "add",
    "$append": "append",
    "$prepend": "prepend",
    "$postInsert": "union",
    "$preInsert": "union_first",
    "$remove": "remove",
}
"""Operations on user properties that build on what they were."""
IGNORED_OPERATIONS = frozenset(("$clearAll", "$-"))
"""Operations that change nothing here."""

IN_PROPERTIES = ("price", "quantity", "revenue", "productId", "revenueType", "currency", "session_id", "event_id")
"""Fields of an event that are its properties here."""

FIELDS = frozenset(
    (
        "adid", "android_app_set_id", "android_id", "app_version", "api_key", "carrier", "city", "country", "device_brand",
        "device_id", "device_manufacturer", "device_model", "dma", "event_properties", "event_type", "group_properties",
        "groups", "idfa", "idfv", "ingestion_metadata", "insert_id", "ip", "language", "library", "location_lat",
        "location_lng", "os_name", "os_version", "partner_id", "plan", "platform", "region", "sourceVersion", "time",
        "user_agent", "user_id", "user_properties", "version_name", *IN_PROPERTIES,
    )
)  # fmt: skip
"""Fields of an event that mean something, or are known to mean nothing to us."""

AMPLITUDE = Table(
    "Amplitude",
    ("/2/httpapi", "/batch", "/identify"),
    (
        Row("an event", "implemented", "an event of its `event_type`"),
        Row("[Amplitude] Page Viewed", "implemented", "the event Page Viewed; `[Amplitude] Screen Viewed` likewise"),
        Row("$identify", "implemented", "traits of the person"),
        Row("/identify", "implemented", "the same, as a form with `identification`"),
        Row("$groupidentify", "implemented", "the person belongs to the groups, whose `group_properties` are kept with them"),
        Row("$groupidentify without a person", "refused", "counted as suppressed (`group_without_person`)"),
        Row("user_id, device_id", "implemented", "`user_id`, `anonymous_id`"),
        Row("user_properties", "implemented", "traits; a null clears"),
        Row("user_properties.$set", "implemented", "traits; a null clears"),
        Row("user_properties.$setOnce", "implemented", "the earliest value by event time, while no `$set` states another"),
        Row("user_properties.$unset", "implemented", "clears the named traits"),
        Row("user_properties.$add", "implemented", "adds to the number that stands, in order of time"),
        Row(
            "user_properties.$append, $prepend, $preInsert, $postInsert, $remove", "implemented",
            "puts elements into a list or takes them out, in order of time",
        ),
        Row("user_properties.$clearAll", "kept", "in the log, told as the finding `operation_ignored`"),
        Row("groups", "implemented", "the person belongs to these groups"),
        Row("insert_id", "implemented", "an event of the same source and id is stored once"),
        Row("time", "implemented", "when it happened, corrected by `client_upload_time`"),
        Row("event_properties", "implemented", "properties"),
        Row("price, quantity, revenue, productId", "implemented", "properties; amounts of purchases are read from them"),
        Row("ip, platform, os_name, device_model, city, library …", "implemented", "context"),
        Row("idfa, adid", "implemented", "identifiers of the device"),
        Row("api_key", "implemented", "the write key of a source"),
        Row("idfv, android_id, plan, ingestion_metadata, partner_id", "kept", "in the log only"),
        Row("options.min_id_length", "kept", "no effect: ids have no least length"),
        Row("any other field", "kept", "in the log only, and told as the finding `field_ignored`"),
    ),
)  # fmt: skip
