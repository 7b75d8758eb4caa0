"""Amplitude's dialect: the events of its HTTP API v2, batch upload and Identify API.

What each call and field means is listed in `support.amplitude`.

| Amplitude | becomes |
| --- | --- |
| `user_id`, `device_id` | `user_id`, `anonymous_id`: Amplitude's device id is a browser's or an installation's |
| `$identify` (`user_properties`) | identify |
| `$groupidentify` (`group_properties`) | group; suppressed without a person |
| `user_properties` with `$set`, `$setOnce`, `$unset` | traits, traits once, cleared; plain ones are set |
| `user_properties` with `$add`, `$append`, `$prepend`, `$preInsert`, `$postInsert`, `$remove` | operations |
| `groups` | the person's groups, by type |
| `insert_id` | the message id |
| `idfa`, `adid` | `ios.idfa`, `android.idfa` |
"""

from __future__ import annotations

from typing import Any

from onefold.ingest.circumstances import Places, placed
from onefold.ingest.draft import Draft, cleared, present, text_of
from onefold.ingest.findings import finding
from onefold.ingest.operations import operations
from onefold.ingest.reasons import rejected, suppressed, wrong_type
from onefold.ingest.stated import Names, add_contacts, add_contacts_of_event, group_of, ignored
from onefold.ingest.support.amplitude import FIELDS, IGNORED_OPERATIONS, IN_PROPERTIES, OPERATIONS, VERBS
from onefold.model import GroupStatement, Kind, Rejected, Suppressed

_KINDS: dict[str, Kind] = {
    "$identify": "identify",
    "$groupidentify": "group",
    "[Amplitude] Page Viewed": "page",
    "[Amplitude] Screen Viewed": "screen",
}
_GROUPS_MAX = 20
_CONTEXT: Places = {
    "ip": ("ip",),
    "user_agent": ("userAgent",),
    "language": ("locale",),
    "library": ("library", "name"),
    "platform": ("device", "type"),
    "device_brand": ("device", "brand"),
    "device_manufacturer": ("device", "manufacturer"),
    "device_model": ("device", "model"),
    "os_name": ("os", "name"),
    "os_version": ("os", "version"),
    "app_version": ("app", "version"),
    "carrier": ("network", "carrier"),
    "country": ("location", "country"),
    "region": ("location", "region"),
    "city": ("location", "city"),
    "dma": ("location", "dma"),
    "location_lat": ("location", "latitude"),
    "location_lng": ("location", "longitude"),
}


def read(item: dict[str, Any], shared: dict[str, Any]) -> Draft | Rejected | Suppressed:
    """Read one item; see `segment.read` for `shared`."""
    event = item.get("event_type") or shared.get("type")
    if event is not None and type(event) is not str:
        return wrong_type("/event_type", "a text")
    if not event:
        return rejected("no_event_name")
    kind = _KINDS.get(event, "track")
    names = Names()
    for key, type_ in (("user_id", "user_id"), ("device_id", "anonymous_id")):
        if not names.add(type_, item.get(key)):
            return wrong_type(f"/{key}", "a text or a number")
    if not names.found and kind == "group":
        return suppressed("group_without_person")
    names.try_add("ios.idfa", item.get("idfa"))
    names.try_add("android.idfa", item.get("adid"))
    stated = _operations(item, "user_properties", names)
    if stated is None:
        return wrong_type("/user_properties", "an object")
    traits, once, unset = stated
    of_event = item.get("event_properties")
    if of_event is not None and type(of_event) is not dict:
        return wrong_type("/event_properties", "an object")
    add_contacts(names, traits, "/user_properties")
    if of_event:
        add_contacts_of_event(names, of_event, "/event_properties")
    message_id = item.get("insert_id")
    if message_id is not None and (message_id := text_of(message_id)) is None:
        return wrong_type("/insert_id", "a text")
    groups = _groups(item, kind, names)
    names.findings += ignored(key for key in item if key not in FIELDS)
    properties = {key: item[key] for key in IN_PROPERTIES if item.get(key) is not None} | (of_event or {})
    draft = Draft(
        kind,
        event if kind == "track" else None,
        message_id or None,
        names.found,
        present(traits),
        properties,
        placed(item, _CONTEXT, shared),
        item.get("time"),
        findings=names.findings,
        of_event=names.of_event,
    )
    draft.traits_once, draft.groups = present(once), groups
    if type(of_person := item.get("user_properties")) is dict and not VERBS.keys().isdisjoint(of_person):
        draft.operations = operations(of_person, VERBS, names, "/user_properties")
    draft.cleared = cleared(traits) + unset
    return draft


def _operations(
    item: dict[str, Any], field: str, names: Names
) -> tuple[dict[str, Any], dict[str, Any], tuple[str, ...]] | None:
    """What is set, set once and taken away under `field`; None when that is no object."""
    stated = item.get(field) or {}
    if type(stated) is not dict:
        return None
    reserved = OPERATIONS | IGNORED_OPERATIONS | VERBS.keys()
    traits = {key: value for key, value in stated.items() if key not in reserved}
    once: dict[str, Any] = {}
    unset: tuple[str, ...] = ()
    for operation in stated.keys() & (OPERATIONS | IGNORED_OPERATIONS):
        fields = stated[operation]
        if operation in IGNORED_OPERATIONS or type(fields) not in (dict, list):
            names.findings.append(finding("operation_ignored", f"/{field}/{operation}"))
        elif operation == "$unset":
            unset = tuple(dict.fromkeys(key for key in fields if type(key) is str))
        elif type(fields) is dict:
            (traits if operation == "$set" else once).update(fields)
    names.findings.sort()
    return traits, once, unset


def _groups(item: dict[str, Any], kind: Kind, names: Names) -> tuple[GroupStatement, ...]:
    stated = item.get("groups")
    if stated is None:
        return ()
    if type(stated) is not dict:
        names.findings.append(finding("group_ignored", "/groups"))
        return ()
    traits: dict[str, Any] | None = None
    if kind == "group":
        read_ = _operations(item, "group_properties", names)
        if read_ is not None:
            traits, once, unset = read_
            # Null clears a trait of a group, too.
            traits |= dict.fromkeys(unset)
            names.findings += [
                finding("operation_ignored", f"/group_properties/{key}")
                for key in item.get("group_properties") or ()
                if key in VERBS
            ]
            if once:
                names.findings.append(finding("operation_ignored", "/group_properties/$setOnce"))
    found: tuple[GroupStatement, ...] = ()
    for type_, ids in stated.items():
        listed = ids if type(ids) is list else [ids]
        if len(listed) > _GROUPS_MAX:
            names.findings.append(finding("list_cut", "/groups"))
        for id_ in listed[:_GROUPS_MAX]:
            found += group_of(type_, id_, traits, names, "/groups")
    return found
