"""Stated identifiers: every name an item has for its person, in the places where SDKs put them.

| place | identifier type |
| --- | --- |
| `userId` | `user_id` |
| `anonymousId` | `anonymous_id` |
| `previousId` (alias) | `user_id`, and `anonymous_id` or, when it has an @, `email` |
| `traits.email`, `context.traits.email` | `email` |
| `traits.phone`, `context.traits.phone` | `phone` |
| `properties.email`, `properties.phone` | the same, where they are the sender's (`events.PROPERTY_IDENTIFIERS`) |
| `context.device.id` | `device_id` |
| `context.device.advertisingId` | `ios.idfa` or `android.idfa`, by `device.type`, `os.name`; not when tracking is off |
| `context.device.token` | `ios.push_token` or `android.push_token`, likewise |
| `context.integrations["Google Analytics"].clientId` | `ga_client_id` |
| `context.traits.crossDomainId` | `cross_domain_id` |
| `context.externalIds[]` | its `type`, when `collection` is `users` and `encoding` is `none` |
| `identifiers[]` | its `type` |

An alias does not say of which type the id is that it names, and the event is read without knowing who used it. So it states
both, and a profile leaves out the one that nobody but the alias ever named.

Numbers are read as text. Null and blank are absent. The traits of a group are the group's, so they name nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import product
from typing import Any

from onefold.ingest.draft import text_of
from onefold.ingest.findings import finding
from onefold.ingest.payload import pointer
from onefold.ingest.reasons import rejected, wrong_type
from onefold.ingest.support import FIELDS_TOLD_MAX
from onefold.model import Finding, GroupStatement, Identifier, Rejected

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_.\-]{0,63}")
_ALIASES = {"external_id": "user_id"}
_CONTACTS = ("email", "phone")
_SPELLINGS = frozenset("".join(case) for word in _CONTACTS for case in product(*zip(word, word.upper(), strict=True)))
_CONTACT_CHARACTERS = 5
_GROUP_CHARACTERS_MAX = 255
_PLATFORMS = {"ios": "ios", "ipados": "ios", "tvos": "ios", "iphone os": "ios", "android": "android"}
IGNORED = finding("identifier_ignored")
"""Of an event that states an identifier in a form that is none (an e-mail that is a list)."""


class Names:
    """The identifiers of one item, as they are collected."""

    __slots__ = ("findings", "found", "of_event")

    def __init__(self) -> None:
        self.found: list[Identifier] = []
        self.of_event: list[tuple[Identifier, str]] = []
        self.findings: list[Finding] = []

    def add(self, type_: str, value: Any) -> bool:
        """Take a value; False when it cannot be an identifier. Null, blank and repeated values add nothing."""
        text = value if type(value) is str else None if value is None else text_of(value)
        if text is None:
            return value is None
        if text and not text.isspace():
            identifier = Identifier(type_, text)
            if identifier not in self.found:
                self.found.append(identifier)
        return True

    def try_add(self, type_: str, value: Any) -> None:
        """Take a value from a place that is not ours to insist on: what cannot be an identifier is a finding."""
        if not self.add(type_, value) and IGNORED not in self.findings:
            self.findings.append(IGNORED)


def ignored(fields: Iterable[str]) -> list[Finding]:
    """What is told of fields that have no effect: the first few of them, and whether there are more."""
    unknown = list(fields)
    told = [finding("field_ignored", pointer(key)) for key in unknown[:FIELDS_TOLD_MAX]]
    return [*told, finding("more_findings")] if len(unknown) > FIELDS_TOLD_MAX else told


def add_contacts(names: Names, fields: dict[str, Any], where: str) -> None:
    """The e-mail address and phone number among fields, whatever the capitals of their names."""
    if _SPELLINGS.isdisjoint(fields):
        return
    email, phone = fields.get("email"), fields.get("phone")
    if email is None or phone is None:
        for key, value in fields.items():
            if (
                len(key) == _CONTACT_CHARACTERS
                and key not in _CONTACTS
                and key.lower() in _CONTACTS
                and value is not None
            ):
                names.findings.append(finding("case_differs", f"{where}/{key}"))
                names.try_add(key.lower(), value)
    names.try_add("email", email)
    names.try_add("phone", phone)


def add_contacts_of_event(names: Names, properties: dict[str, Any], where: str) -> None:
    """The same among what an event says of itself. Whose they are depends on the event, and is for the gate to say."""
    if _SPELLINGS.isdisjoint(properties):
        return
    apart = Names()
    add_contacts(apart, properties, where)
    names.findings += apart.findings
    names.of_event += [(identifier, f"{where}/{identifier.type}") for identifier in apart.found]


def add_alias(names: Names, value: Any) -> bool:
    """The other id of an alias, as each type that it may be of; False when it cannot be an identifier."""
    if not names.add("user_id", value):
        return False
    names.add("email" if type(value) is str and "@" in value else "anonymous_id", value)
    return True


def group_of(type_: Any, id_: Any, traits: Any, names: Names, where: str) -> tuple[GroupStatement, ...]:
    """A statement about one group, or none with a finding."""
    if id_ is None or id_ == "":
        if traits:
            names.findings.append(finding("group_without_id", where))
        return ()
    text = text_of(id_)
    kind = type_ if type(type_) is str and type_ else "group"
    if text is None or (traits and type(traits) is not dict) or max(len(text), len(kind)) > _GROUP_CHARACTERS_MAX:
        names.findings.append(finding("group_ignored", where))
        return ()
    return (GroupStatement(kind, text, traits or {}),)


def add_circumstantial(names: Names, context: dict[str, Any]) -> None:
    """The identifiers of the device, and the client id that Google Analytics gave the browser."""
    device = context.get("device")
    if type(device) is dict:
        _add_device(names, context, device)
    integrations = context.get("integrations")
    if type(integrations) is dict:
        analytics = integrations.get("Google Analytics")
        if type(analytics) is dict:
            names.try_add("ga_client_id", analytics.get("clientId"))


def _add_device(names: Names, context: dict[str, Any], device: dict[str, Any]) -> None:
    names.try_add("device_id", device.get("id"))
    advertising, token = device.get("advertisingId"), device.get("token")
    if advertising is None and token is None:
        return
    platform = _platform(context, device)
    if platform is None:
        return
    if device.get("adTrackingEnabled") is not False:
        names.try_add(f"{platform}.idfa", advertising)
    names.try_add(f"{platform}.push_token", token)


def _platform(context: dict[str, Any], device: dict[str, Any]) -> str | None:
    system = context.get("os")
    stated = (device.get("type"), system.get("name") if type(system) is dict else None)
    return next((_PLATFORMS[s.lower()] for s in stated if type(s) is str and s.lower() in _PLATFORMS), None)


def add_external(names: Names, external: Any) -> Rejected | None:
    """The ids of `context.externalIds`: those of users, stated as they are."""
    if type(external) is not list:
        return wrong_type("/context/externalIds", "a list of objects")
    for index, entry in enumerate(external):
        at = f"/context/externalIds/{index}"
        if type(entry) is not dict:
            return wrong_type(at, "an object")
        if entry.get("collection") not in (None, "users") or entry.get("encoding") not in (None, "", "none"):
            if IGNORED not in names.findings:
                names.findings.append(IGNORED)
            continue
        fault = _add_typed(names, entry.get("type"), entry.get("id"), at, "id")
        if fault is not None:
            return fault
    return None


def add_listed(names: Names, listed: Any) -> Rejected | None:
    """The entries of `identifiers`."""
    if type(listed) is not list:
        return wrong_type("/identifiers", "a list of objects")
    for index, entry in enumerate(listed):
        at = f"/identifiers/{index}"
        if type(entry) is not dict:
            return wrong_type(at, "an object")
        fault = _add_typed(names, entry.get("type"), entry.get("value"), at, "value")
        if fault is not None:
            return fault
    return None


def _add_typed(names: Names, type_: Any, value: Any, at: str, key: str) -> Rejected | None:
    if type(type_) is not str or not _TYPE.fullmatch(type_):
        return wrong_type(f"{at}/type", "a name of letters, digits, `.`, `_` and `-`")
    if not names.add(_ALIASES.get(type_, type_), value):
        return wrong_type(f"{at}/{key}", "a text or a number")
    return None


def too_many(count: int, allowed: int) -> Rejected:
    """The rejection of an event that states `count` identifiers."""
    return rejected("too_many_identifiers", f"The event states {count} identifiers; {allowed} are allowed.")
