"""Consents as events state them.

| where | what it states |
| --- | --- |
| `context.consent.categoryPreferences` `{purpose: bool}` | each purpose |
| `traits.consent`, `properties.consent` `{purpose: bool}` | each purpose |
| `Unsubscribed`, `Email Marked as Spam` / `Subscribed`, `Email Subscribed` | `email` denied / granted |
| `Consent Granted`, `Consent Revoked`, with `properties.purpose` (or `consent_type`, `type`) | that purpose |
| `Consent Updated` with a purpose and `properties.granted` | that purpose |
| `context.gpc` true (Global Privacy Control) | `ads` denied |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from onefold.model import ConsentStatement

_EMAIL = {
    "Unsubscribed": False,
    "Email Unsubscribed": False,
    "Email Marked as Spam": False,
    "Subscribed": True,
    "Email Subscribed": True,
}
_NAMED = {"Consent Granted": True, "Consent Revoked": False, "Consent Withdrawn": False}
_PURPOSES_MAX = 50


def stated(
    name: str, traits: Mapping[str, Any], properties: Mapping[str, Any], context: Mapping[str, Any]
) -> tuple[ConsentStatement, ...]:
    """What the event says of each purpose; where it contradicts itself, the denial counts."""
    found: dict[str, bool] = {}

    def say(purpose: Any, granted: Any) -> None:
        if type(purpose) is str and type(granted) is bool and purpose and len(found) < _PURPOSES_MAX:
            key = purpose.strip().lower()
            found[key] = granted and found.get(key, True)

    consent = context.get("consent")
    if type(consent) is dict and type(preferences := consent.get("categoryPreferences")) is dict:
        for purpose, granted in preferences.items():
            say(purpose, granted)
    for holder in (traits, properties):
        said = holder.get("consent")
        if type(said) is dict:
            for purpose, granted in said.items():
                say(purpose, granted)
    if name in _EMAIL:
        say("email", _EMAIL[name])
    elif name in _NAMED or name == "Consent Updated":
        purpose = properties.get("purpose") or properties.get("consent_type") or properties.get("type")
        say(purpose, _NAMED.get(name, properties.get("granted")))
    if context.get("gpc") is True:
        say("ads", False)
    return tuple(ConsentStatement(purpose, granted) for purpose, granted in sorted(found.items()))
