"""Sight: what a role sees of values outside the warehouse, by the classes that hold inside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from onefold.governance.roles import ROLES, Mask
from onefold.model import PersonalClass
from onefold.warehouse.masking import Role
from onefold.warehouse.personal import Source, class_of
from onefold.warehouse.relations import EVENT
from onefold.warehouse.views import PROFILE

HIDDEN = "***"
"""What stands for a hidden text where null may not."""


class Sight(msgspec.Struct, frozen=True):
    """What a role sees.

    Attributes:
        role: Its masks.
        classes: What the project says of columns and members, completed.
    """

    role: Role
    classes: Mapping[Source, PersonalClass] = {}

    @property
    def whole(self) -> bool:
        """Whether it sees everything as it is."""
        return self.role.mask("sensitive") == "show"

    def attribute(self, name: str) -> PersonalClass:
        """The class of an attribute, or of a computed trait of that name."""
        return class_of(PROFILE, f"attributes.{name}", self.classes)

    def property(self, name: str) -> PersonalClass:
        """The class of a property of events."""
        return class_of(EVENT, f"properties.{name}", self.classes)


Sights = Callable[[str], Sight]
"""The sight of a role, by its name."""


def builtin(role: str) -> Sight:
    """The sight of a role that every project has; of any other, one that sees nothing personal."""
    return Sight(Role(next((one.masks for name, one in ROLES.items() if name == role), {})))


def seen(value: Any, mask: Mask) -> Any:
    """A value as a mask leaves it: as the warehouse does, hidden is null, and only texts can be shortened."""
    if mask == "show":
        return value
    return shortened(value) if mask == "shorten" and isinstance(value, str) else None


def text_seen(value: str, mask: Mask) -> str:
    """The same for a text that may not be null."""
    return str(seen(value, mask) or HIDDEN) if value else value


def shortened(text: str) -> str:
    """Its first letter, and of an address also the domain."""
    at = text.find("@")
    return f"{text[:1]}{HIDDEN}{text[at:] if at >= 0 else ''}"
