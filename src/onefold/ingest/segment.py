"""Segment's dialect: items of Segment and RudderStack SDKs, and our own records, which are a superset of it.

What each call and field means is listed in `support.segment`; fields that are not listed there have no effect.

| field | other names |
| --- | --- |
| `messageId` | `idempotency_key`, `uuid` |
| `event` | `event_name` |
| `timestamp` | `event_time` |
| `originalTimestamp` | RudderStack's time of the call |
| `type` | from the route when the item has none |

A trait that is null is cleared, but in a row of a file: exports write null where they know nothing.
"""

from __future__ import annotations

from typing import Any

from onefold.ingest.draft import Draft, cleared, present, text_of
from onefold.ingest.findings import finding
from onefold.ingest.reasons import rejected, suppressed, wrong_type
from onefold.ingest.stated import (
    Names,
    add_alias,
    add_circumstantial,
    add_contacts,
    add_contacts_of_event,
    add_external,
    add_listed,
    group_of,
    ignored,
)
from onefold.ingest.support.segment import FIELDS, KINDS
from onefold.model import GroupStatement, Kind, Rejected, Suppressed

_NOTHING: dict[str, Any] = {}


def read(item: dict[str, Any], shared: dict[str, Any], default_type: str | None) -> Draft | Rejected | Suppressed:
    """Read one item.

    Args:
        item: The decoded item.
        shared: Decoded request-level JSON: `type`, `context`, `integrations`, `edge` (see `framing.entries`).
        default_type: The type when neither item nor request states one.
    """
    stated = item.get("type") or shared.get("type") or default_type
    kind = KINDS.get(stated) or KINDS.get(stated.strip().lower()) if type(stated) is str else None
    if kind is None:
        return _no_type(stated)
    integrations = item.get("integrations") or shared.get("integrations")
    if integrations and type(integrations) is dict and integrations.get("Onefold") is False:
        return suppressed("not_for_us")
    objects = _objects(item, shared)
    if isinstance(objects, Rejected):
        return objects
    traits, properties, context, of_person = objects
    names = Names()
    groups: tuple[GroupStatement, ...] = ()
    if kind == "group":
        groups = group_of("group", item.get("groupId"), traits, names, "/groupId")
        properties, traits = _of_group(item, traits, properties), of_person
    else:
        if "groupId" in context:
            groups = group_of("group", context["groupId"], None, names, "/context/groupId")
        if of_person:
            traits = of_person | traits
    name = item.get("event") or item.get("event_name")
    if name is not None and type(name) is not str:
        return wrong_type("/event", "a text")
    if kind in ("page", "screen"):
        properties, name = _of_view(item, properties), None
    elif kind not in ("track", "record"):
        name = None
    fault = _identify(names, item, kind, traits, properties, context)
    if fault is not None:
        return fault
    message_id = item.get("messageId") or item.get("idempotency_key") or item.get("uuid")
    if message_id is not None and (message_id := text_of(message_id)) is None:
        return wrong_type("/messageId", "a text")
    if not FIELDS.issuperset(item):
        names.findings += ignored(key for key in item if key not in FIELDS)
    timestamp = item.get("timestamp")
    draft = Draft(
        kind,
        name,
        message_id or None,
        names.found,
        present(traits),
        properties,
        context,
        item.get("event_time") if timestamp is None else timestamp,
        item.get("originalTimestamp"),
        item.get("sentAt"),
        names.findings,
        of_event=names.of_event,
    )
    if groups:
        draft.groups = groups
    if default_type != "record" and None in traits.values():
        draft.cleared = cleared(traits)
    return draft


_Objects = tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]


def _objects(item: dict[str, Any], shared: dict[str, Any]) -> _Objects | Rejected:
    """Traits, properties, context with the request's, and the traits that stood in the context."""
    traits = item.get("traits", _NOTHING)
    properties = item.get("properties", _NOTHING)
    context = item.get("context", _NOTHING)
    # PHP writes an empty map as an empty list.
    if type(traits) is not dict and (traits := _map(traits)) is None:
        return wrong_type("/traits", "an object")
    if type(properties) is not dict and (properties := _map(properties)) is None:
        return wrong_type("/properties", "an object")
    if type(context) is not dict and (context := _map(context)) is None:
        return wrong_type("/context", "an object")
    if shared:
        context = _of_request(shared) | context
    of_person = context.get("traits")
    if of_person is None:
        return traits, properties, context, _NOTHING
    if type(of_person) is not dict and (of_person := _map(of_person)) is None:
        return wrong_type("/context/traits", "an object")
    return traits, properties, {key: value for key, value in context.items() if key != "traits"}, of_person


def _map(value: Any) -> dict[str, Any] | None:
    return {} if value is None or value == [] else None


def _no_type(stated: Any) -> Rejected:
    if stated is None or stated == "":
        return rejected("unknown_type", "The item does not state its type, and the route does not imply one.")
    return rejected("unknown_type") if type(stated) is str else wrong_type("/type", "a text")


def _of_request(shared: dict[str, Any]) -> dict[str, Any]:
    """Circumstances of the whole request; what its body states wins over what the edge saw."""
    edge, stated = shared.get("edge"), shared.get("context")
    context: dict[str, Any] = edge if type(edge) is dict else {}
    return context | stated if type(stated) is dict else context


def _of_group(item: dict[str, Any], traits: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    stated = {"groupId": item.get("groupId"), "traits": traits}
    return properties | {key: value for key, value in stated.items() if value}


def _of_view(item: dict[str, Any], properties: dict[str, Any]) -> dict[str, Any]:
    stated = {key: item[key] for key in ("name", "category") if item.get(key)}
    return stated | properties if stated else properties


def _identify(
    names: Names,
    item: dict[str, Any],
    kind: Kind,
    traits: dict[str, Any],
    properties: dict[str, Any],
    context: dict[str, Any],
) -> Rejected | None:
    if not names.add("user_id", item.get("userId")):
        return wrong_type("/userId", "a text or a number")
    if not names.add("anonymous_id", item.get("anonymousId")):
        return wrong_type("/anonymousId", "a text or a number")
    if kind == "alias":
        previous = item.get("previousId")
        if previous is not None and previous == item.get("anonymousId"):
            pass  # a browser's own id, stated already
        elif not add_alias(names, previous):
            return wrong_type("/previousId", "a text or a number")
        elif previous:
            names.findings.append(finding("merge_requested", "/previousId"))
    if traits:
        add_contacts(names, traits, "/traits")
    if properties:
        add_contacts_of_event(names, properties, "/properties")
    if "crossDomainId" in traits:
        names.try_add("cross_domain_id", traits["crossDomainId"])
    add_circumstantial(names, context)
    external, listed = context.get("externalIds"), item.get("identifiers")
    return (add_external(names, external) if external else None) or (add_listed(names, listed) if listed else None)
