"""What Onefold makes of Mixpanel's calls and fields."""

from __future__ import annotations

from onefold.ingest.support import Row, Table
from onefold.model import Verb

RESERVED = {
    "$email": "email",
    "$phone": "phone",
    "$first_name": "first_name",
    "$last_name": "last_name",
    "$name": "name",
    "$avatar": "avatar",
    "$created": "created_at",
    "$city": "city",
    "$region": "region",
    "$country_code": "country_code",
    "$timezone": "timezone",
}
"""Mixpanel's reserved profile properties, and the traits they are."""

VERBS: dict[str, Verb] = {"$add": "add", "$append": "append", "$union": "union", "$remove": "remove"}
"""Operations on profiles that build on what a property was."""

IGNORED_OPERATIONS = frozenset(("$delete",))
"""Operations on profiles that change nothing here."""

PROFILE_FIELDS = frozenset(
    ("$distinct_id", "$token", "$ip", "$time", "$ignore_time", "$ignore_alias", "$set", "$set_once", "$unset", "$device_id",
     "$user_id", "$had_persisted_distinct_id", "$is_reserved", *VERBS)
)  # fmt: skip
"""Fields of an operation that mean something, or are known to mean nothing to us."""

MIXPANEL = Table(
    "Mixpanel",
    ("/track", "/engage", "/groups", "/import"),
    (
        Row("track, import", "implemented", "an event of its name, at its `time`"),
        Row("GET with data=", "implemented", "the same, base64 or JSON in the query"),
        Row("$mp_web_page_view", "implemented", "the event Page Viewed"),
        Row("$identify", "implemented", "`$identified_id` and `$anon_id` are one person"),
        Row("$create_alias, $merge", "implemented", "a request to join the ids, as `alias` of Segment"),
        Row("distinct_id", "implemented", "`user_id`, or `anonymous_id` where it is the device's"),
        Row("$user_id, $device_id", "implemented", "`user_id`, `anonymous_id`"),
        Row("$insert_id", "implemented", "an event of the same source and id is stored once"),
        Row("time, $time", "implemented", "when it happened: seconds, milliseconds or text"),
        Row("ip, $current_url, mp_lib, utm_*, $os …", "implemented", "context"),
        Row("engage $set", "implemented", "traits; a null clears; `$email`, `$phone`, `$name` … without their `$`"),
        Row("engage $set_once", "implemented", "the earliest value by event time, while no `$set` states another"),
        Row("engage $unset", "implemented", "clears the named traits"),
        Row(
            "engage $add", "implemented",
            "adds to the number that stands, in order of time; a request repeated to the byte counts once, so state `$time`",
        ),
        Row(
            "engage $append, $union, $remove", "implemented",
            "puts elements into a list or takes them out, in order of time",
        ),
        Row("engage $delete", "kept", "told as `operation_ignored`: no SDK may erase a person; see erasure requests"),
        Row("groups", "refused", "counted as suppressed (`group_without_person`): it is about nobody"),
        Row("token, $token", "implemented", "the write key of a source; so is the user of Basic"),
        Row("verbose", "implemented", "the answer is an object with it, and `1` without"),
        Row("img, callback, redirect, test", "kept", "no effect"),
        Row("any other field", "kept", "in the log only, and told as the finding `field_ignored`"),
    ),
)  # fmt: skip
