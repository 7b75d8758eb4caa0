"""What Onefold makes of PostHog's calls and fields."""

from __future__ import annotations

from onefold.ingest.support import Row, Table

FIELDS = frozenset(
    (
        "$distinct_id", "$set", "$set_once", "$unset", "api_key", "context", "distinct_id", "event", "ip", "library",
        "library_version", "messageId", "now", "offset", "properties", "sent_at", "site_url", "team_id", "timestamp",
        "token", "type", "uuid", "historical_migration", "feature_flags", "send_feature_flags", "groups",
    )
)  # fmt: skip
"""Fields of an item that mean something, or are known to mean nothing to us."""

POSTHOG = Table(
    "PostHog",
    ("/batch", "/e", "/i/v0/e", "/capture"),
    (
        Row("capture", "implemented", "an event of its name"),
        Row("$pageview, $screen", "implemented", "the events Page Viewed and Screen Viewed"),
        Row("$identify", "implemented", "`distinct_id` and `$anon_distinct_id` are one person"),
        Row("$set (event)", "implemented", "traits of the person"),
        Row("$create_alias", "implemented", "a request to join `distinct_id` and `alias`, in either order"),
        Row("$merge_dangerously", "implemented", "the same; limits hold as for any alias (`alias_beyond_limits`)"),
        Row("$groupidentify", "implemented", "the person belongs to the group, whose traits are kept with it"),
        Row(
            "$groupidentify without a person", "refused",
            "counted as suppressed (`group_without_person`); the id that an SDK makes up for it names nobody",
        ),
        Row("$set", "implemented", "traits; a null clears"),
        Row("$set_once", "implemented", "the earliest value by event time, while no `$set` states another"),
        Row("$unset", "implemented", "clears the named traits"),
        Row("$groups", "implemented", "the person belongs to these groups"),
        Row("distinct_id", "implemented", "`user_id`, or `anonymous_id` where the SDK says or shows that it is a browser's"),
        Row("$device_id", "implemented", "`device_id`, unless it repeats the anonymous id"),
        Row("$user_id", "implemented", "`user_id`"),
        Row("$is_identified, $process_person_profile", "implemented", "whether `distinct_id` is anonymous"),
        Row("email, phone in $set", "implemented", "identifiers, whatever the capitals, which is told"),
        Row("uuid, $insert_id", "implemented", "an event of the same source and id is stored once"),
        Row("timestamp", "implemented", "when it happened, corrected by `sent_at`"),
        Row("offset", "implemented", "milliseconds from the event to its receipt"),
        Row("$ip, $current_url, $lib, utm_*, $os …", "implemented", "context"),
        Row("$feature_flag_called, $autocapture, $pageleave and other $ events", "implemented", "events of that name"),
        Row("historical_migration", "kept", "no effect: an event keeps its time whenever it is sent"),
        Row("$geoip_disable, $session_id, $window_id", "kept", "properties of the event"),
        Row("/flags, /decide", "refused", "answered that there are no feature flags"),
        Row("any other field", "kept", "in the log only, and told as the finding `field_ignored`"),
    ),
)  # fmt: skip
