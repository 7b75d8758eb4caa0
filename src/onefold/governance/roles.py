"""Roles: named sets of scopes, with what each sees of personal data; the same for accounts and for keys.

What a role of the same name in a project's `privacy.yaml` says of personal data counts instead of what stands here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

from onefold.errors import UsageError, nearest
from onefold.governance.access import Scope
from onefold.model import PersonalClass

RoleName = Literal["owner", "engineer", "marketer", "steward", "read-only"]
Mask = Literal["show", "hide", "shorten"]
"""`show`: as it is. `hide`: null. `shorten`: of a text its first letter, and of an address also the domain; else null."""


class Role(msgspec.Struct, frozen=True):
    """A role.

    Attributes:
        scopes: What it may do.
        masks: How it sees each class of personal data; a class that is not named is hidden.
        says: What it is for, in a sentence.
    """

    scopes: tuple[Scope, ...]
    masks: Mapping[PersonalClass, Mask]
    says: str


_ALL: Mapping[PersonalClass, Mask] = {"personal": "show", "identifier": "show", "sensitive": "show"}
ROLES: Mapping[RoleName, Role] = {
    "owner": Role(
        ("read", "admin", "segments", "query", "personal", "sources", "manage"),
        _ALL,
        "Does everything, and manages accounts, keys and the audit trail.",
    ),
    "engineer": Role(
        ("read", "admin", "segments", "query", "sources"),
        {"personal": "show", "identifier": "show"},
        "Runs sources, dead letters, segments and queries; sees nothing sensitive.",
    ),
    "marketer": Role(
        ("read", "segments", "query"),
        {"personal": "show", "identifier": "shorten"},
        "Builds segments and asks the warehouse; sees names, and identifiers shortened.",
    ),
    "steward": Role(
        ("read", "admin"),
        _ALL,
        "Decides who is who, and mends dead letters; sees people in full.",
    ),
    "read-only": Role(
        ("read",),
        {"personal": "shorten", "identifier": "shorten"},
        "Looks and changes nothing; sees personal data shortened.",
    ),
}


def role_named(name: str) -> RoleName:
    """The role of a name.

    Raises:
        UsageError: There is none; the message has the nearest.
    """
    found = next((role for role in get_args(RoleName) if role == name), None)
    if found is None:
        raise UsageError(f"There is no such role{nearest(name, ROLES) or '.'} The roles: {', '.join(ROLES)}.")
    return found  # type: ignore[no-any-return]  # `get_args` loses the type of the names
