"""Identity settings: which identifier types there are, how strong each is, and how many of each one person may have."""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

import msgspec

from onefold.errors import ConfigurationError
from onefold.identity.phones import region_fault
from onefold.model import log_odds, probability

Normaliser = Literal["id", "email", "phone", "device_id"]

_WEEK_US = 7 * 24 * 60 * 60 * 1_000_000


class IdentityType(msgspec.Struct, frozen=True, gc=False):
    """What holds for identifiers of one type.

    Attributes:
        name: The type as events state it.
        priority: Strength, 0 to 100: an event is anchored to its strongest identifier.
        limit: Most identifiers of this type that one person may have; None for any number.
        window_us: Width of the sliding window in which `limit` holds, by first sighting; None: it holds for ever.
        unique: Two values are never one person, not even by a judgement. Implies a limit of 1 for ever.
        shared_after: Seen with this many identifiers of one type of which a person has only one (see `single`), it
            belongs to several people and links nobody; None: never.
        normaliser: How values are brought into one form.
        links: Whether it says that what it is seen with is one person; an address of an office does not.

    Raises:
        ConfigurationError: A number is out of its range.
    """

    name: str
    priority: int
    limit: int | None = None
    window_us: int | None = None
    unique: bool = False
    shared_after: int | None = None
    normaliser: Normaliser = "id"
    links: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.priority <= 100:
            raise ConfigurationError(f"The priority of identifier type `{self.name}` must be between 0 and 100.")
        if self.limit is not None and self.limit < 1:
            raise ConfigurationError(f"The limit of identifier type `{self.name}` must be 1 or more.")
        if self.window_us is not None and (self.limit is None or self.window_us < 1):
            raise ConfigurationError(f"The window of identifier type `{self.name}` needs a length and a limit.")
        if self.shared_after is not None and self.shared_after < 2:
            # With 1, an identifier would be shared as soon as somebody has it.
            raise ConfigurationError(f"`shared_after` of identifier type `{self.name}` must be 2 or more.")
        if self.unique:
            msgspec.structs.force_setattr(self, "limit", 1)
            msgspec.structs.force_setattr(self, "window_us", None)

    @property
    def single(self) -> bool:
        """Whether a person has at most one identifier of this type, ever, so that two mean two people."""
        return self.limit == 1 and self.window_us is None


GENERIC = IdentityType("email.generic", 5, normaliser="email", links=False)
"""What the store knows an e-mail address by that is nobody's own, such as `info@…`; everybody else knows it as `email`."""

GENERIC_ADDRESSES = (
    "abuse", "accountant", "accounting", "accounts", "accountspayable", "admin", "administration", "administrator",
    "billing", "bookings", "boxoffice", "careers", "contact", "contactus", "customercare", "customerservice",
    "donations", "donotreply", "enquiries", "enquiry", "events", "feedback", "finance", "frontdesk", "general",
    "giving", "help", "helpdesk", "hostmaster", "hr", "info", "information", "inquiries", "inquiry", "invoices", "it",
    "jobs", "listener", "marketing", "media", "members", "membership", "memberservices", "newsletter", "newsletters",
    "noreply", "office", "orders", "payroll", "postmaster", "press", "reception", "registration", "reservations",
    "root", "sales", "secretary", "security", "service", "services", "shop", "store", "subscriptions", "support",
    "tickets", "webmaster",
)  # fmt: skip
"""What stands before the @ of an address that an office, a role or a machine uses; without dots, dashes and underscores."""
_JOINTS = str.maketrans("", "", "._-")

UNDECLARED = IdentityType("*", 60, limit=5)
"""What holds for a type that events state and no project file declares."""


@lru_cache(maxsize=1024)
def undeclared(name: str) -> IdentityType:
    """What holds for a type that no project file declares, by its name.

    `crm.contact_id`, an id that the source `crm` gives: unique, for a system that gave two ids means two people, and
    stronger than any address, which families and offices share.
    """
    system, dot, kind = name.rpartition(".")
    return IdentityType(name, 90, unique=True) if system and dot and kind.endswith("_id") else UNDECLARED


_DECLARED = (
    IdentityType("user_id", 100, limit=1),
    IdentityType("email", 80, limit=5, shared_after=3, normaliser="email"),
    IdentityType("phone", 70, limit=5, shared_after=3, normaliser="phone"),
    # A person changes device every other year or so; ten leaves room for work, family and reset identifiers.
    *(
        IdentityType(name, 40, limit=10, shared_after=5, normaliser="device_id")
        for name in ("device_id", "android.id", "android.idfa", "ios.id", "ios.idfa")
    ),
    *(IdentityType(name, 40, limit=10, shared_after=5) for name in ("android.push_token", "ios.push_token")),
    # Cookies, like anonymous ids: browsers drop them often, so the limit holds for a week only.
    *(
        IdentityType(name, 20, limit=5, window_us=_WEEK_US, shared_after=5)
        for name in ("cross_domain_id", "ga_client_id")
    ),
    # Stripe makes a customer of each checkout, so a person may well be several. Its ids are unlike any other system's.
    IdentityType("stripe.customer_id", 85, limit=20),
    IdentityType("anonymous_id", 10, limit=5, window_us=_WEEK_US, shared_after=5),
)

BLOCKED_VALUES = frozenset(
    {
        "-1", "abc123", "admin", "anon", "anonymous", "customer", "default", "deleted", "demo", "dummy", "empty",
        "example@example.com", "false", "foo@bar.com", "guest", "id", "inf", "infinity", "invalid", "n/a", "n.a.", "na",
        "nan", "nil", "no@email.com", "noemail@noemail.com", "none", "none@none.com", "not available", "not provided",
        "not set", "(not set)", "(none)", "null", "\\n", "\\0", "#n/a", "[null]", "{}", "[]", "(null)", "<null>",
        "object", "[object object]", "[object undefined]", "placeholder", "redacted", "string", "tbd", "test",
        "test@example.com", "test@test.com", "test@test.test", "true", "undefined", "undefined@undefined.com",
        "unknown", "unspecified", "user", "username", "void", "xxx", "ffffffff-ffff-ffff-ffff-ffffffffffff",
        # What a broken Android build of 2010 answered for every device.
        "9774d56d682e549c",
    }
)  # fmt: skip
"""Values that identify nobody, in lower case. Also blocked: nothing but zeros, dashes, dots and
spaces (`0000000000`, `00000000-0000-0000-0000-000000000000`)."""


class IdentitySettings(msgspec.Struct, frozen=True, kw_only=True):
    """What identifies people in one workspace.

    Attributes:
        types: By name; of a type not listed here holds what `undeclared` says.
        aliases: Other names of a type.
        blocked_values: Values that identify nobody, whatever their type, besides `BLOCKED_VALUES`; in any case.
        blocked_patterns: The same with `*` (any text) and `?` (any one character).
        allowed_values: Values that identify somebody although they look as if they did not; in any case.
        generic_addresses: What stands before the @ of e-mail addresses that are nobody's own, and so link nobody.
        default_region: Country (ISO 3166, two letters) of phone numbers written without a country code; None refuses
            them.
        drop_plus_tags: Read `ann+news@…` as `ann@…`.
        drop_gmail_dots: Read `a.nn@gmail.com` as `ann@gmail.com`, as Gmail does.
        alias_beyond_limits: Whether an alias call joins two identifiers of one type (an old and a new user id) beyond
            the limit of the type. Two values of a unique type are never joined.
        join_from: The probability that groups of records have to exceed on average to be one person by scores alone.
        review_from: The probability from which a scored pair that is not one person is for somebody to look at.
        contradiction_below: The probability under which a scored pair keeps an e-mail address or another identifier that may
            be several people's from making one person of both.
        uses: By name of a use that takes other care than most, the `join_from` by which people are asked for it; nobody is
            joined or parted by it.

    Raises:
        ConfigurationError: There is no such region.
    """

    types: Mapping[str, IdentityType] = msgspec.field(default_factory=lambda: {kind.name: kind for kind in _DECLARED})
    aliases: Mapping[str, str] = msgspec.field(
        default_factory=lambda: {"external_id": "user_id", "device": "device_id"}
    )
    blocked_values: frozenset[str] = frozenset()
    blocked_patterns: tuple[str, ...] = ()
    allowed_values: frozenset[str] = frozenset()
    generic_addresses: tuple[str, ...] = GENERIC_ADDRESSES
    default_region: str | None = "US"
    drop_plus_tags: bool = False
    drop_gmail_dots: bool = False
    alias_beyond_limits: bool = True
    join_from: float = 0.85
    review_from: float = 0.70
    contradiction_below: float = 0.05
    uses: Mapping[str, float] = {}

    def __post_init__(self) -> None:
        msgspec.structs.force_setattr(self, "blocked_values", frozenset(v.strip().lower() for v in self.blocked_values))
        msgspec.structs.force_setattr(self, "allowed_values", frozenset(v.strip().lower() for v in self.allowed_values))
        generic = sorted({name.strip().lower().translate(_JOINTS) for name in self.generic_addresses} - {""})
        msgspec.structs.force_setattr(self, "generic_addresses", tuple(generic))
        if not 0 <= self.contradiction_below <= 0.5 <= self.review_from <= self.join_from < 1:
            raise ConfigurationError(
                "Thresholds of scores are probabilities: 0 ≤ `contradiction_below` ≤ 0.5 ≤ `review_from` ≤ `join_from` < 1."
            )
        if not all(0.5 <= value < 1 for value in self.uses.values()):
            raise ConfigurationError("The threshold of a use is a probability from 0.5 to below 1.")
        if self.default_region is not None and (fault := region_fault(self.default_region)) is not None:
            raise ConfigurationError(f"`default_region`: {fault}.")
        msgspec.structs.force_setattr(self, "blocked_patterns", tuple(p.strip().lower() for p in self.blocked_patterns))

    @property
    def joins_above(self) -> float:
        """The average of scores that a join has to exceed, in natural-log odds."""
        return log_odds(self.join_from)

    def contradicts(self, score: float | None) -> bool:
        """Whether a score keeps exact evidence of what may be shared from joining the pair."""
        return score is not None and probability(score) < self.contradiction_below

    def canonical(self, name: str) -> str:
        """The type that `name` means: `external_id` is another word for `user_id`."""
        return self.aliases.get(name, name)

    def type(self, name: str) -> IdentityType:
        """What holds for a type, by its canonical name, declared or not."""
        return self.types.get(name) or (GENERIC if name == GENERIC.name else undeclared(name))

    def is_generic(self, address: str) -> bool:
        """Whether an e-mail address, in its one form, is an office's, a role's or a machine's."""
        local = address.partition("@")[0].partition("+")[0].translate(_JOINTS)
        at = bisect_left(self.generic_addresses, local)
        return self.generic_addresses[at : at + 1] == (local,) and address not in self.allowed_values

    def priority(self, name: str) -> int:
        """A type's strength, 0 to 100."""
        return self.type(name).priority

    def priorities(self) -> dict[str, int]:
        """The strength of every declared type."""
        return {name: kind.priority for name, kind in self.types.items()}

    @property
    def version(self) -> str:
        """Twelve characters that differ when settings differ, for whoever must know that people may have changed."""
        text = msgspec.json.encode(
            msgspec.structs.replace(self, blocked_values=frozenset(), allowed_values=frozenset()), order="sorted"
        )
        values = msgspec.json.encode([sorted(self.blocked_values), sorted(self.allowed_values)])
        return hashlib.blake2b(text + values, digest_size=6).hexdigest()

    def declare(
        self,
        name: str,
        *,
        priority: int | None = None,
        limit: int | None = None,
        window_us: int | None = None,
        unique: bool | None = None,
        shared_after: int | None = None,
        normaliser: Normaliser | None = None,
    ) -> IdentitySettings:
        """These settings with one type changed or added; None keeps what holds for it.

        A limit stated without a window holds for ever, also where the type's own limit had a window.
        """
        name = self.canonical(name)
        old = self.type(name)
        kept_window = old.window_us if limit is None else None
        changed = IdentityType(
            name,
            old.priority if priority is None else priority,
            limit=old.limit if limit is None else limit,
            window_us=kept_window if window_us is None else window_us,
            unique=old.unique if unique is None else unique,
            shared_after=old.shared_after if shared_after is None else shared_after,
            normaliser=old.normaliser if normaliser is None else normaliser,
            links=old.links,
        )
        return msgspec.structs.replace(self, types={**self.types, name: changed})
