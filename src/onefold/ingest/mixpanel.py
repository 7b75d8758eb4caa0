"""Mixpanel's dialect: events with their ids in the properties (`/track`, `/import`), and operations on profiles (`/engage`).

What each call and field means is listed in `support.mixpanel`.

| Mixpanel | becomes |
| --- | --- |
| `distinct_id` | `anonymous_id` when it is the device's (`$device:…`, or equal to `$device_id`), else `user_id` |
| `$user_id`, `$device_id` | `user_id`, `anonymous_id` |
| `$identify` (`$identified_id`, `$anon_id`) | identify, of both ids |
| `$create_alias` (`alias`), `$merge` (`$distinct_ids`) | alias, of all ids |
| `$mp_web_page_view` | page |
| `$insert_id` | the message id |
| `$set`, `$set_once`, `$unset` | traits, traits once, cleared |
| `$add`, `$append`, `$union`, `$remove` | operations |
| `$email`, `$phone`, `$first_name` … | the trait without its `$` |

PostHog's SDKs once called `/track` and `/engage`, too; their items are read as PostHog's.
"""

from __future__ import annotations

from typing import Any

from onefold.ingest import posthog
from onefold.ingest.circumstances import Places, placed
from onefold.ingest.draft import Draft, cleared, present, text_of
from onefold.ingest.findings import finding
from onefold.ingest.operations import operations
from onefold.ingest.reasons import rejected, suppressed, wrong_type
from onefold.ingest.stated import Names, add_alias, add_contacts, add_contacts_of_event, ignored
from onefold.ingest.support.mixpanel import IGNORED_OPERATIONS, PROFILE_FIELDS, RESERVED, VERBS
from onefold.model import Kind, OperationStatement, Rejected, Suppressed

_KINDS: dict[str, Kind] = {
    "$identify": "identify",
    "$create_alias": "alias",
    "$merge": "alias",
    "$mp_web_page_view": "page",
}
_DEVICE = "$device:"
_IDS_MAX = 20
_CONTEXT: Places = {
    "ip": ("ip",),
    "$ip": ("ip",),
    "$current_url": ("page", "url"),
    "current_url": ("page", "url"),
    "current_page_title": ("page", "title"),
    "$referrer": ("page", "referrer"),
    "mp_lib": ("library", "name"),
    "$lib_version": ("library", "version"),
    "$os": ("os", "name"),
    "$os_version": ("os", "version"),
    "$model": ("device", "model"),
    "$manufacturer": ("device", "manufacturer"),
    "$app_version_string": ("app", "version"),
    "utm_source": ("campaign", "source"),
    "utm_medium": ("campaign", "medium"),
    "utm_campaign": ("campaign", "name"),
    "utm_content": ("campaign", "content"),
    "utm_term": ("campaign", "term"),
}
_DROPPED = frozenset(
    ("token", "distinct_id", "$device_id", "$user_id", "$insert_id", "time", "$identified_id", "$anon_id", "alias",
     "$distinct_ids", "mp_sent_by_lib_version")
)  # fmt: skip


def read(item: dict[str, Any], shared: dict[str, Any]) -> Draft | Rejected | Suppressed:
    """Read one item; see `segment.read` for `shared`."""
    if "$group_key" in item:
        return suppressed("group_without_person")
    if "$distinct_id" in item and "event" not in item:
        return _profile(item, shared)
    properties = item.get("properties")
    if properties is None or properties == []:
        properties = {}
    if type(properties) is not dict:
        return wrong_type("/properties", "an object")
    if "distinct_id" in item or ("$lib" in properties and "mp_lib" not in properties):
        return posthog.read(item, shared)
    event = item.get("event")
    if event is not None and type(event) is not str:
        return wrong_type("/event", "a text")
    if not event:
        return rejected("no_event_name")
    kind = _KINDS.get(event, "track")
    names = Names()
    fault = _identify(names, properties, kind)
    if fault is not None:
        return fault
    add_contacts_of_event(names, properties, "/properties")
    message_id = properties.get("$insert_id")
    if message_id is not None and (message_id := text_of(message_id)) is None:
        return wrong_type("/properties/$insert_id", "a text")
    names.findings += ignored(key for key in item if key not in ("event", "properties"))
    kept = {key: value for key, value in properties.items() if key not in _DROPPED and key not in _CONTEXT}
    return Draft(
        kind,
        event if kind == "track" else None,
        message_id or None,
        names.found,
        {},
        kept,
        placed(properties, _CONTEXT, shared),
        properties.get("time"),
        findings=names.findings,
        of_event=names.of_event,
    )


def _identify(names: Names, properties: dict[str, Any], kind: Kind) -> Rejected | None:
    device, user = properties.get("$device_id"), properties.get("$user_id")
    distinct = properties.get("distinct_id")
    if kind == "alias":
        ids = properties.get("$distinct_ids")
        ids = [distinct, properties.get("alias")] if type(ids) is not list else ids
        if len(ids) > _IDS_MAX:
            names.findings.append(finding("list_cut", "/properties/$distinct_ids"))
            ids = ids[:_IDS_MAX]
        if not all(_add_either(names, id_) for id_ in ids):
            return wrong_type("/properties/alias", "a text or a number")
        names.findings.append(finding("merge_requested", "/properties/alias"))
        return None
    if kind == "identify":
        distinct = properties.get("$identified_id") or distinct
        device = properties.get("$anon_id") or device
    if not names.add("user_id", user):
        return wrong_type("/properties/$user_id", "a text or a number")
    if not _add_distinct(names, distinct, device):
        return wrong_type("/properties/distinct_id", "a text or a number")
    # The device's id in both its forms is one id.
    if not names.add("anonymous_id", device.removeprefix(_DEVICE) if type(device) is str else device):
        return wrong_type("/properties/$device_id", "a text or a number")
    return None


def _add_distinct(names: Names, distinct: Any, device: Any) -> bool:
    if type(distinct) is str and distinct.startswith(_DEVICE):
        return names.add("anonymous_id", distinct.removeprefix(_DEVICE))
    return names.add("anonymous_id" if distinct == device else "user_id", distinct)


def _add_either(names: Names, id_: Any) -> bool:
    if type(id_) is str and id_.startswith(_DEVICE):
        return names.add("anonymous_id", id_.removeprefix(_DEVICE))
    return add_alias(names, id_)


def _profile(item: dict[str, Any], shared: dict[str, Any]) -> Draft | Rejected:
    """An operation on a profile: an identify call of ours, with what it sets, sets once and takes away."""
    names = Names()
    distinct = item.get("$distinct_id")
    if not _add_distinct(names, distinct, item.get("$device_id")):
        return wrong_type("/$distinct_id", "a text or a number")
    if not names.add("user_id", item.get("$user_id")):
        return wrong_type("/$user_id", "a text or a number")
    stated: list[dict[str, Any]] = []
    for operation in ("$set", "$set_once"):
        fields = item.get(operation) or {}
        if type(fields) is not dict:
            return wrong_type(f"/{operation}", "an object")
        stated.append({_plain(key): value for key, value in fields.items()})
    traits, once = stated
    unset = item.get("$unset") or []
    if type(unset) is not list or not all(type(key) is str for key in unset):
        return wrong_type("/$unset", "a list of texts")
    names.findings += [finding("operation_ignored", f"/{key}") for key in item if key in IGNORED_OPERATIONS]
    names.findings += ignored(key for key in item if key not in PROFILE_FIELDS and key not in IGNORED_OPERATIONS)
    changed = operations(item, VERBS, names, "")
    add_contacts(names, traits, "/$set")
    draft = Draft(
        "identify",
        None,
        None,
        names.found,
        present(traits),
        {},
        placed(item, _CONTEXT, shared),
        item.get("$time"),
        findings=names.findings,
    )
    draft.traits_once = present(once)
    draft.operations = tuple([OperationStatement(_plain(o.field), o.verb, o.value) for o in changed])
    draft.cleared = cleared(traits) + tuple(dict.fromkeys(_plain(key) for key in unset))
    return draft


def _plain(name: str) -> str:
    return RESERVED.get(name, name)
