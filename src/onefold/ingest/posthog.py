"""PostHog's dialect: events with a `distinct_id`, and properties that begin with `$`.

What each call and field means is listed in `support.posthog`.

| PostHog | becomes |
| --- | --- |
| `$identify` | identify; `$anon_distinct_id` is the anonymous id |
| `$create_alias`, `$merge_dangerously` | alias of `distinct_id` and `properties.alias`, in either order |
| `$groupidentify` | group; `$group_set` are the group's traits; suppressed when it is on behalf of nobody |
| `$set` as an event | identify |
| `$pageview`, `$screen` | page, screen |
| `$set`, `$set_once`, `$unset` at root or in properties | traits, traits once, cleared; a null in `$set` clears, too |
| `$groups` | the person's groups, by type |
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

from onefold.ingest import amplitude
from onefold.ingest.circumstances import Places, placed
from onefold.ingest.draft import Draft, cleared, present, text_of
from onefold.ingest.findings import finding
from onefold.ingest.reasons import rejected, suppressed, wrong_type
from onefold.ingest.stated import Names, add_alias, add_contacts, add_contacts_of_event, group_of, ignored
from onefold.ingest.support.posthog import FIELDS
from onefold.model import GroupStatement, Kind, Rejected, Suppressed

_KINDS: dict[str, Kind] = {
    "$identify": "identify",
    "$set": "identify",
    "$create_alias": "alias",
    "$merge_dangerously": "alias",
    "$groupidentify": "group",
    "$pageview": "page",
    "$screen": "screen",
}
_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
_BROWSER = "web"
# Where a property of PostHog's belongs in the context of ours.
_CONTEXT: Places = {
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
    (
        "$set",
        "$set_once",
        "$unset",
        "$groups",
        "$anon_distinct_id",
        "$device_id",
        "$user_id",
        "$insert_id",
        "token",
        "distinct_id",
        "alias",
    )
)


def read(item: dict[str, Any], shared: dict[str, Any]) -> Draft | Rejected | Suppressed:
    """Read one item; see `segment.read` for `shared`. Amplitude's batches come by a route that PostHog's SDKs use, too."""
    if "event_type" in item and "event" not in item:
        return amplitude.read(item, shared)
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
    traits = _stated(item, properties, "$set")
    if traits is None:
        return wrong_type("/properties/$set", "an object")
    once = _stated(item, properties, "$set_once")
    if once is None:
        return wrong_type("/properties/$set_once", "an object")
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
        placed(properties, _CONTEXT, shared),
        item.get("timestamp") or properties.get("timestamp"),
        None,
        item.get("sent_at"),
        names.findings,
        item.get("offset"),
        of_event=names.of_event,
    )
    if once:
        draft.traits_once = present(once)
    draft.cleared = cleared(traits) + _unset(item, properties, names)
    groups: tuple[GroupStatement, ...] = ()
    if kind == "group":
        type_, key, traits_of_group = (kept.pop(name, None) for name in ("$group_type", "$group_key", "$group_set"))
        groups = group_of(type_, key, traits_of_group, names, "/properties/$group_key")
        stated = {"groupType": type_, "groupId": key, "traits": traits_of_group}
        kept.update((name, value) for name, value in stated.items() if value)
    memberships = properties.get("$groups")
    if type(memberships) is dict:
        for type_, key in memberships.items():
            groups += group_of(type_, key, None, names, "/properties/$groups")
    draft.groups = groups
    if not FIELDS.issuperset(item):
        names.findings += ignored(key for key in item if key not in FIELDS)
    return draft


def _stated(item: dict[str, Any], properties: dict[str, Any], key: str) -> dict[str, Any] | None:
    """What the event says of its person under `key`, at its root or in its properties; None when that is no object."""
    traits: dict[str, Any] = {}
    for fields in (properties, item):
        stated = fields.get(key)
        if type(stated) is dict:
            traits |= stated
        elif stated:
            return None
    return traits


def _unset(item: dict[str, Any], properties: dict[str, Any], names: Names) -> tuple[str, ...]:
    """The fields of `$unset`: a list, or the keys of an object, as older SDKs send it."""
    found: dict[str, None] = {}
    for where, fields in (("/properties/$unset", properties), ("/$unset", item)):
        stated = fields.get("$unset")
        listed = stated if isinstance(stated, list | dict) else []
        found |= dict.fromkeys(key for key in listed if type(key) is str)
        if stated and (not listed or not all(type(key) is str for key in listed)):
            names.findings.append(finding("operation_ignored", where))
    return tuple(found)


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
    if kind == "alias":
        return _join(names, distinct, properties)
    is_anonymous = kind != "identify" or item.get("event") == "$set"
    is_anonymous = is_anonymous and _is_anonymous(distinct, properties)
    if not names.add("user_id", properties.get("$user_id")):
        return wrong_type("/properties/$user_id", "a text or a number")
    names.add("anonymous_id" if is_anonymous else "user_id", distinct)
    if not names.add("anonymous_id", anonymous):
        return wrong_type("/properties/$anon_distinct_id", "a text or a number")
    if traits:
        add_contacts(names, traits, "/properties/$set")
    if properties:
        add_contacts_of_event(names, properties, "/properties")
    device = properties.get("$device_id")
    if device not in (anonymous, distinct if is_anonymous else None):
        names.try_add("device_id", device)
    return None


def _join(names: Names, distinct: str | None, properties: dict[str, Any]) -> Rejected | None:
    """Take both ids of an alias. Which is the older one differs between SDKs, and does not matter."""
    ids = [distinct, properties.get("alias")]
    for id_ in ids:
        if type(id_) is str and _UUID7.fullmatch(id_):
            names.add("anonymous_id", id_)
        elif not add_alias(names, id_):
            return wrong_type("/properties/alias", "a text or a number")
    if all(ids):
        names.findings.append(finding("merge_requested", "/properties/alias"))
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
    """Whether an SDK made the distinct id up, because the group was described on behalf of nobody.

    Most say `$company_acme`, the one for Python a random UUID.
    """
    if distinct is None or distinct == f"${properties.get('$group_type')}_{properties.get('$group_key')}":
        return True
    return properties.get("$lib") == "posthog-python" and _UUID4.fullmatch(distinct) is not None
