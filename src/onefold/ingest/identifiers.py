"""Identifiers as an item states them, wherever the SDKs put them."""

from __future__ import annotations

from typing import Any

from onefold.model import Identifier, Kind, Rejected

IDENTIFIERS_MAX = 100


class WrongTypeError(Exception):
    """A field has a type it cannot have; carries the verdict. Never leaves the ingest stage."""

    def __init__(self, pointer: str, wanted: str) -> None:
        self.verdict = Rejected("wrong_type", f"{pointer} must be {wanted}.")


def stated(
    kind: Kind, item: dict[str, Any], traits: dict[str, Any], properties: dict[str, Any], context: dict[str, Any]
) -> tuple[Identifier, ...]:
    """All identifiers, in order of statement: the explicit list, ids, e-mail and phone, device, external ids.

    Blank and null ids are absent (SDKs send both). `previousId` of an alias call is taken as an `anonymous_id`: alias
    exists to carry a temporary id over to a lasting one.
    """
    found: list[Identifier] = []
    listed = item.get("identifiers")
    if listed is not None:
        _listed(listed, found)
    _take(found, "user_id", item.get("userId"), "/userId")
    _take(found, "anonymous_id", item.get("anonymousId"), "/anonymousId")
    if kind == "alias":
        _take(found, "anonymous_id", item.get("previousId"), "/previousId")
    for holder in (traits, properties):
        for name in ("email", "phone"):
            value = holder.get(name)
            if type(value) is str and value:
                found.append(Identifier(name, value))
    if "device" in context or "externalIds" in context:
        _circumstances(context, found)
    if len(found) > 1:
        found = list(dict.fromkeys(found))
        if len(found) > IDENTIFIERS_MAX:
            raise WrongTypeError("/identifiers", f"at most {IDENTIFIERS_MAX} identifiers")
    return tuple(found)


def _take(found: list[Identifier], kind: str, value: Any, pointer: str) -> None:
    if type(value) is str:
        if value:
            found.append(Identifier(kind, value))
    elif type(value) is int:
        found.append(Identifier(kind, str(value)))
    elif value is not None:
        raise WrongTypeError(pointer, "a string")


def _listed(listed: Any, found: list[Identifier]) -> None:
    if type(listed) is not list:
        raise WrongTypeError("/identifiers", "a list")
    for number, one in enumerate(listed):
        kind = one.get("type") if type(one) is dict else None
        if type(kind) is not str or not kind or len(kind) > 64:
            raise WrongTypeError(f"/identifiers/{number}", "an object with `type` and `value`")
        _take(found, kind, one.get("value"), f"/identifiers/{number}/value")


def _circumstances(context: dict[str, Any], found: list[Identifier]) -> None:
    device = context.get("device")
    if type(device) is dict:
        _take(found, "device_id", device.get("id"), "/context/device/id")
        system = str(device.get("type", "")).lower()
        if system in {"ios", "android"}:
            _take(found, f"{system}.idfa", device.get("advertisingId"), "/context/device/advertisingId")
            _take(found, f"{system}.push_token", device.get("token"), "/context/device/token")
    external = context.get("externalIds")
    if type(external) is list:
        for number, one in enumerate(external):
            if type(one) is dict and type(kind := one.get("type")) is str and one.get("collection", "users") == "users":
                _take(found, kind, one.get("id"), f"/context/externalIds/{number}/id")
