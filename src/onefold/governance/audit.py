"""The audit trail: what people did, and whose data they looked at unmasked. It holds ids and no values."""

from __future__ import annotations

from typing import Protocol

import msgspec


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """Something that somebody did.

    Attributes:
        seq: Its number, rising; 0 before it is kept.
        at_us: When.
        workspace: Where.
        kind: `account` or `key`.
        by: The id of the account or key.
        name: Its name then.
        role: Its role then.
        action: `looked` where personal data was shown unmasked; `did` where something was changed or asked for.
        route: Method and route.
        subjects: Ids of people it was about, as far as they are known.
        request_id: The request's id, as log lines and judgements have it.
    """

    seq: int = 0
    at_us: int
    workspace: str
    kind: str
    by: str
    name: str
    role: str
    action: str
    route: str
    subjects: tuple[str, ...]
    request_id: str


class AuditTrail(Protocol):
    """Where entries are kept; none is ever changed."""

    def record(self, entry: AuditEntry) -> None:
        """Append an entry, durably."""
        ...

    def entries(self, workspace: str, *, before: int | None, limit: int) -> list[AuditEntry]:
        """The latest first, those before a number where one is given."""
        ...
