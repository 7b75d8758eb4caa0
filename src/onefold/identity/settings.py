"""Identity settings: which types of identifier there are, how strong each is, and how many one person may have."""

from __future__ import annotations

from typing import Literal

import msgspec

Normaliser = Literal["id", "email", "phone", "device_id"]

DAY_US = 86_400_000_000

ALIASES: dict[str, str] = {"external_id": "user_id", "device": "device_id"}
"""Other words for a type."""

CUSTOM_PRIORITY = 60
"""Strength of a type nobody declared."""


class IdentityType(msgspec.Struct, frozen=True):
    """One type of identifier.

    Attributes:
        priority: Strength, 0 to 100; events anchor to the strongest identifier they state.
        limit: Most identifiers of the type that one person may have; None for any number.
        window_us: With it, `limit` holds for any stretch of this length, by when identifiers were first seen; None
            means for ever.
        shared_after: Seen with this many different identifiers of a type limited to one for ever, an identifier is
            shared and links nobody; None for never.
        normaliser: How values are made comparable.
    """

    priority: int = CUSTOM_PRIORITY
    limit: int | None = None
    window_us: int | None = None
    shared_after: int | None = None
    normaliser: Normaliser = "id"

    @property
    def unique(self) -> bool:
        """Whether two different values can never be one person."""
        return self.limit == 1 and self.window_us is None


_DEVICE = IdentityType(40, limit=10, shared_after=5, normaliser="device_id")

DEFAULT_TYPES: dict[str, IdentityType] = {
    "user_id": IdentityType(100, limit=1),
    "email": IdentityType(80, limit=5, shared_after=3, normaliser="email"),
    "phone": IdentityType(70, limit=5, shared_after=3, normaliser="phone"),
    "device_id": _DEVICE,
    "android.id": _DEVICE,
    "android.idfa": _DEVICE,
    "android.push_token": _DEVICE,
    "ios.id": _DEVICE,
    "ios.idfa": _DEVICE,
    "ios.push_token": _DEVICE,
    "ga_client_id": IdentityType(20, limit=5, window_us=7 * DAY_US, shared_after=5),
    "cross_domain_id": IdentityType(20, limit=5, window_us=7 * DAY_US, shared_after=5),
    "anonymous_id": IdentityType(10, limit=5, window_us=7 * DAY_US, shared_after=5),
}

_CUSTOM = IdentityType()

BLOCKED_VALUES = frozenset({
    "null", "none", "nil", "undefined", "nan", "void", "anonymous", "guest", "unknown", "n/a", "na", "-1", "test",
    "abc123", "[object object]", "true", "false", "test@test.com", "test@example.com", "noreply@example.com",
    "no@email.com", "none@none.com", "a@a.com", "example@example.com",
})  # fmt: skip
"""Values, in lower case, that systems write where nothing is known. Also blocked: nothing but zeros, dashes, dots and
spaces (`0000000000`, `00000000-0000-0000-0000-000000000000`)."""


class IdentitySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the identity stage is told.

    Attributes:
        types: By name; a type that is not there is strong enough (60) to be its own evidence and has no limit.
        blocked_values: Further values, in lower case, that identify nobody.
        blocked_patterns: The same with `*` and `?`.
        default_region: Country (`US`) of phone numbers written without a country code; None refuses them.
        plus_tags: Whether `ann+news@x.org` is another address than `ann@x.org`.
    """

    types: dict[str, IdentityType] = msgspec.field(default_factory=lambda: dict(DEFAULT_TYPES))
    blocked_values: frozenset[str] = frozenset()
    blocked_patterns: tuple[str, ...] = ()
    default_region: str | None = "US"
    plus_tags: bool = True

    def canonical(self, name: str) -> str:
        """The type that `name` means."""
        return ALIASES.get(name, name)

    def type(self, name: str) -> IdentityType:
        """The type of that name, or the type of all undeclared ones."""
        return self.types.get(name, _CUSTOM)

    def priority(self, name: str) -> int:
        """Strength of a type."""
        return self.types.get(name, _CUSTOM).priority

    def priorities(self) -> dict[str, int]:
        """Strength of each declared type."""
        return {name: kind.priority for name, kind in self.types.items()}
