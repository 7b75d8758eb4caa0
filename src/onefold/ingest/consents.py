"""Consents an event states: purposes granted or denied, wherever SDKs and consent managers put them.

| place | states |
| --- | --- |
| `context.consent.categoryPreferences` | each purpose as its value says |
| `traits.consent`, `properties.consent` | each purpose as its value says |
| `Subscribed`, `Email Subscribed` | `email` granted (`properties.channel` names another purpose) |
| `Unsubscribed`, `Email Unsubscribed`, `Email Marked as Spam` | `email` denied, likewise |
| `SMS Subscribed`, `SMS Unsubscribed` | `sms` |
| `Consent Granted` | the purposes of `properties.purpose`, `consent_type` or `type` (a text or a list) |
| `Consent Revoked`, `Consent Denied`, `Consent Withdrawn` | the same denied; `all` when none is named |
| `Consent Updated` | the same as `properties.granted` says |
| `context.gpc`, header `Sec-GPC: 1` | `ads` denied |

A purpose said twice in one event is denied if either says so. A value that cannot be read as yes or no counts as no,
and the event is flagged `consent_unreadable`: to mistake a refusal for silence would be to send without consent. A
grant that does not name its purpose grants nothing.
"""

from __future__ import annotations

from typing import Any

from onefold.model import ConsentStatement

_ANSWERS = {
    **dict.fromkeys(("true", "yes", "y", "1", "granted", "grant", "given", "subscribed", "on"), True),
    **dict.fromkeys(("opt_in", "opt-in", "optin"), True),
    **dict.fromkeys(("false", "no", "n", "0", "denied", "deny", "revoked", "withdrawn", "unsubscribed", "off"), False),
    **dict.fromkeys(("opt_out", "opt-out", "optout"), False),
}
_CHANNEL_EVENTS: dict[str, tuple[str, bool]] = {
    "Subscribed": ("email", True),
    "Email Subscribed": ("email", True),
    "Unsubscribed": ("email", False),
    "Email Unsubscribed": ("email", False),
    "Email Marked as Spam": ("email", False),
    "SMS Subscribed": ("sms", True),
    "SMS Unsubscribed": ("sms", False),
}
_PURPOSE_EVENTS: dict[str, bool | None] = {
    "Consent Granted": True,
    "Consent Revoked": False,
    "Consent Denied": False,
    "Consent Withdrawn": False,
    "Consent Updated": None,
}
_PURPOSE_LENGTH_MAX = 64


class Said:
    """What one event says of consent, as it is collected: deny wins."""

    __slots__ = ("granted", "unreadable")

    def __init__(self) -> None:
        self.granted: dict[str, bool] = {}
        self.unreadable = False

    def say(self, purpose: Any, granted: bool) -> None:
        """Take one statement."""
        name = purpose.strip().lower() if type(purpose) is str else ""
        if not name or len(name) > _PURPOSE_LENGTH_MAX:
            self.unreadable = True
            return
        self.granted[name] = granted and self.granted.get(name, True)

    def read(self, purpose: Any, value: Any) -> None:
        """Take one statement whose value has to be read; null states nothing."""
        if value is not None:
            self.say(purpose, self.answer(value))

    def answer(self, value: Any) -> bool:
        """Yes or no; what is neither counts as no."""
        if value is True or value is False:
            return bool(value)
        word = str(value).strip().lower() if type(value) in (str, int) else ""
        answer = _ANSWERS.get(word)
        if answer is None:
            self.unreadable = True
        return answer is True

    def read_map(self, stated: Any) -> None:
        """Take a map from purpose to answer. A bare no denies all; a bare yes names nothing and grants nothing."""
        if type(stated) is dict:
            for purpose, value in stated.items():
                self.read(purpose, value)
        elif stated is not None:
            if self.answer(stated):
                self.unreadable = True
            else:
                self.say("all", False)


def said(
    name: str, traits: dict[str, Any], properties: dict[str, Any], context: dict[str, Any]
) -> tuple[tuple[ConsentStatement, ...], bool]:
    """All statements of an event, by purpose, and whether some could not be read.

    Args:
        name: The event's canonical name.
        traits: As stated.
        properties: As stated.
        context: As stated, with what the edge knows.
    """
    channel, purposes = name in _CHANNEL_EVENTS, name in _PURPOSE_EVENTS
    if not (channel or purposes or "consent" in context or "consent" in traits or "consent" in properties):
        # Nearly every event.
        if "gpc" not in context or not _is_set(context["gpc"]):
            return (), False
        return (ConsentStatement("ads", False),), False
    collected = Said()
    consent = context.get("consent")
    collected.read_map(consent.get("categoryPreferences") if type(consent) is dict else consent)
    collected.read_map(traits.get("consent"))
    if type(properties.get("consent")) is dict or not purposes:
        collected.read_map(properties.get("consent"))
    if channel:
        purpose, granted = _CHANNEL_EVENTS[name]
        collected.say(properties.get("channel") or purpose, granted)
    if purposes:
        _of_event(collected, _PURPOSE_EVENTS[name], properties)
    if _is_set(context.get("gpc")):
        collected.say("ads", False)
    statements = tuple(ConsentStatement(p, collected.granted[p]) for p in sorted(collected.granted))
    return statements, collected.unreadable


def _of_event(collected: Said, granted: bool | None, properties: dict[str, Any]) -> None:
    named = properties.get("purpose") or properties.get("consent_type") or properties.get("type")
    purposes = named if type(named) is list else [named] if named else []
    stated = properties.get("granted")
    if stated is not None:
        # `Consent Granted` with `granted: false` is a refusal; `Consent Revoked` with `granted: true` is one, too.
        granted = collected.answer(stated) and granted is not False
    for purpose in purposes:
        collected.say(purpose, bool(granted))
    if purposes or collected.granted:
        collected.unreadable = collected.unreadable or (granted is None and bool(purposes))
    elif granted is False:
        collected.say("all", False)
    else:
        collected.unreadable = True


def _is_set(value: Any) -> bool:
    return value is True or value in (1, "1", "true")
