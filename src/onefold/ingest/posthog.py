"""PostHog's dialect: events with a `distinct_id`, and properties that begin with `$`.

| PostHog | becomes |
| --- | --- |
| `$identify` | identify; `$anon_distinct_id` is the anonymous id |
| `$create_alias` | alias; `properties.alias` is the anonymous id |
| `$groupidentify` | group; `$group_set` are the group's traits; suppressed when it is on behalf of nobody |
| `$set` as an event | identify |
| `$pageview`, `$screen` | page, screen |
| `$set`, `$set_once` at root or in properties | traits; `$set` wins |
| `distinct_id` | `user_id`, or `anonymous_id` (see `_is_anonymous`) |
| `$user_id` | `user_id` |
| `$device_id` | `device_id`, unless it repeats the anonymous id, as the browser SDK's does at first |
| `$ip`, `$current_url`, `$raw_user_agent`, `$lib`, `utm_*` … | context |
| `uuid`, `$insert_id` | the message id |
| `offset` (milliseconds before sending) | the time, when no `timestamp` is stated |
"""

from __future__ import annotations

import re
from typing import Any

from onefold.ingest.draft import Draft, present, text_of
from onefold.ingest.reasons import rejected, suppressed, wrong_type
from onefold.ingest.stated import Names
from onefold.model import Kind, Rejected, Suppressed

_KINDS: dict[str, Kind] = {
    "$identify": "identify",
    "$set": "identify",
    "$create_alias": "alias",
    "$groupidentify": "group",
    "$pageview": "page",
    "$screen": "screen",
}
_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
_BROWSER = "web"
# Where a property of PostHog's belongs in the context of ours.
_CONTEXT = {
    "$ip": ("ip",),
    "$raw_user_agent": ("userAgent",),
    "$browser_language": ("locale",),
    "$locale": ("locale",),
    "$timezone": ("timezone",),
    "$current_url": ("page", "url"),
    "$pathname": ("page", "path"),
    "$referrer": ("page", "referrer"),
    "$lib": ("library", "name"),
    "$lib_version": ("library", "version"),
    "$os": ("os", "name"),
    "$os_version": ("os", "version"),
    "$device_type": ("device", "type"),
    "$device_model": ("device", "model"),
    "$device_manufacturer": ("device", "manufacturer"),
    "$app_version": ("app", "version"),
    "$app_name": ("app", "name"),
    "utm_source": ("campaign", "source"),
    "utm_medium": ("campaign", "medium"),
    "utm_campaign": ("campaign", "name"),
    "utm_content": ("campaign", "content"),
    "utm_term": ("campaign", "term"),
    "gpc": ("gpc",),
}
# Said elsewhere in the event, or a key.
_DROPPED = frozenset(
    ("$set", "$set_once", "$anon_distinct_id", "$device_id", "$user_id", "$insert_id", "token", "distinct_id", "alias")
)


def read(item: dict[str, Any], shared: dict[str, Any]) -> Draft | Rejected | Suppressed:
    """Read one item; see `segment.read` for `shared`."""
    event = item.get("event")
    if event is not None and type(event) is not str:
        return wrong_type("/event", "a text")
    if not event:
        return rejected("no_event_name")
    properties = item.get("properties")
    if properties is None or properties == []:
        properties = {}
    if type(properties) is not dict:
        return wrong_type("/properties", "an object")
    kind = _KINDS.get(event, "track")
    traits = _traits(item, properties)
    if traits is None:
        return wrong_type("/properties/$set", "an object")
    names = Names()
    fault = _identify(names, item, properties, traits, kind)
    if fault is not None:
        return fault
    message_id = item.get("uuid") or properties.get("$insert_id") or item.get("messageId")
    if message_id is not None and (message_id := text_of(message_id)) is None:
        return wrong_type("/uuid", "a text")
    kept = {key: value for key, value in properties.items() if key not in _DROPPED and key not in _CONTEXT}
    draft = Draft(
        kind,
        event if kind == "track" else None,
        message_id or None,
        names.found,
        present(traits),
        kept,
        _context(properties, shared),
        item.get("timestamp") or properties.get("timestamp"),
        None,
        item.get("sent_at"),
        names.findings,
        item.get("offset"),
    )
    if kind == "group":
        group = {"groupId": kept.pop("$group_key", None), "traits": kept.pop("$group_set", None)}
        kept.update((key, value) for key, value in group.items() if value)
    return draft


def _traits(item: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any] | None:
    """What the event says of its person; None when that is no object. What `$set` says wins over `$set_once`."""
    traits: dict[str, Any] = {}
    for key in ("$set_once", "$set"):
        for fields in (properties, item):
            stated = fields.get(key)
            if type(stated) is dict:
                traits |= stated
            elif stated:
                return None
    return traits


def _identify(
    names: Names, item: dict[str, Any], properties: dict[str, Any], traits: dict[str, Any], kind: Kind
) -> Rejected | Suppressed | None:
    stated = item.get("distinct_id") or item.get("$distinct_id") or properties.get("distinct_id")
    distinct = None if stated is None else text_of(stated)
    if stated is not None and distinct is None:
        return wrong_type("/distinct_id", "a text or a number")
    if kind == "group" and _is_of_group(distinct, properties):
        return suppressed("group_without_person")
    anonymous = properties.get("$anon_distinct_id")
    is_anonymous = kind not in ("identify", "alias") or item.get("event") == "$set"
    is_anonymous = is_anonymous and _is_anonymous(distinct, properties)
    if not names.add("user_id", properties.get("$user_id")):
        return wrong_type("/properties/$user_id", "a text or a number")
    names.add("anonymous_id" if is_anonymous else "user_id", distinct)
    if not names.add("anonymous_id", anonymous):
        return wrong_type("/properties/$anon_distinct_id", "a text or a number")
    if kind == "alias" and not names.add("anonymous_id", properties.get("alias")):
        return wrong_type("/properties/alias", "a text or a number")
    for fields in (traits, properties):
        names.try_add("email", fields.get("email"))
        names.try_add("phone", fields.get("phone"))
    device = properties.get("$device_id")
    if device not in (anonymous, distinct if is_anonymous else None):
        names.try_add("device_id", device)
    return None


def _is_anonymous(distinct: str | None, properties: dict[str, Any]) -> bool:
    """Whether a distinct id names a browser and not yet a person.

    `$is_identified`, where stated, decides. Else it is anonymous when the SDK makes no profile of it
    (`$process_person_profile: false`), when it is the device's own id, or when it is a version 7 UUID from the browser
    SDK, which makes its anonymous ids so. Servers name people.
    """
    identified = properties.get("$is_identified")
    if type(identified) is bool:
        return not identified
    if properties.get("$process_person_profile") is False:
        return True
    if distinct is None:
        return False
    return distinct == properties.get("$device_id") or (
        properties.get("$lib") == _BROWSER and _UUID7.fullmatch(distinct) is not None
    )


def _is_of_group(distinct: str | None, properties: dict[str, Any]) -> bool:
    """Whether the distinct id is the stand-in that server SDKs make for a group (`$company_acme`)."""
    return distinct == f"${properties.get('$group_type')}_{properties.get('$group_key')}"


def _context(properties: dict[str, Any], shared: dict[str, Any]) -> dict[str, Any]:
    edge = shared.get("edge")
    context: dict[str, Any] = dict(edge) if type(edge) is dict else {}
    for key, value in properties.items():
        path = _CONTEXT.get(key)
        if path is None or value is None:
            continue
        if len(path) == 1:
            context[path[0]] = value
        else:
            inner = context.setdefault(path[0], {})
            if type(inner) is dict:
                inner[path[1]] = value
    return context
