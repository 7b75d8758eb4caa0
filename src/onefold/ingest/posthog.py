"""PostHog items, put into the Segment form.

`distinct_id` is a user id, unless the item shows that nobody was identified: it equals `$device_id`, or
`$is_identified` or `$process_person_profile` is false; then it is an anonymous id.
"""

from __future__ import annotations

from typing import Any

from onefold.ingest.identifiers import WrongTypeError

_KINDS = {
    "$identify": "identify",
    "$set": "identify",
    "$create_alias": "alias",
    "$groupidentify": "group",
    "$pageview": "page",
    "$screen": "screen",
}


def as_segment(item: dict[str, Any]) -> dict[str, Any]:
    """The same statement as a Segment item.

    Raises:
        WrongTypeError: `event` or `properties` has a type it cannot have.
    """
    name = item.get("event")
    properties = item.get("properties")
    if properties is None:
        properties = {}
    if type(properties) is not dict:
        raise WrongTypeError("/properties", "an object")
    if name is not None and type(name) is not str:
        raise WrongTypeError("/event", "a string")
    kind = _KINDS.get(name or "", "track")
    distinct = item.get("distinct_id") or properties.get("distinct_id") or properties.get("$distinct_id")
    device = properties.get("$device_id")
    unnamed = kind not in {"identify", "alias"} and (
        (device is not None and distinct == device)
        or properties.get("$is_identified") is False
        or properties.get("$process_person_profile") is False
    )
    traits: dict[str, Any] = {}
    for holder in (item.get("$set_once"), properties.get("$set_once"), item.get("$set"), properties.get("$set")):
        if type(holder) is dict:
            traits.update(holder)
    anonymous = properties.get("$anon_distinct_id") or properties.get(
        "alias" if kind == "alias" else "$anon_distinct_id"
    )
    found: dict[str, Any] = {
        "type": kind,
        "event": name,
        "messageId": item.get("uuid") or item.get("messageId") or properties.get("$insert_id"),
        "timestamp": item.get("timestamp") or properties.get("timestamp"),
        "sentAt": item.get("sent_at"),
        "anonymousId": distinct if unnamed else anonymous or (device if device != distinct else None),
        "userId": None if unnamed else distinct,
        "traits": traits,
        "properties": {k: v for k, v in properties.items() if k not in _LIFTED},
        "context": _context(properties),
    }
    return found


_LIFTED = frozenset({"$set", "$set_once", "$anon_distinct_id", "$device_id", "distinct_id", "token", "alias"})


def _context(properties: dict[str, Any]) -> dict[str, Any]:
    context: dict[str, Any] = {}
    if "$current_url" in properties:
        context["page"] = {"url": properties["$current_url"], "path": properties.get("$pathname")}
    if "$ip" in properties:
        context["ip"] = properties["$ip"]
    if "$lib" in properties:
        context["library"] = {"name": properties["$lib"], "version": properties.get("$lib_version")}
    if "$raw_user_agent" in properties:
        context["userAgent"] = properties["$raw_user_agent"]
    return context
