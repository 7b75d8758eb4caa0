"""Node ids: keyed hashes of normalised identifiers, which nobody without the workspace's key can guess or reverse."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

import msgspec

from onefold.identity.identifiers import Refused, normalise
from onefold.identity.settings import IdentitySettings
from onefold.model import Identifier, NodeId

_CACHE_MAX = 100_000


class NamedIdentifier(msgspec.Struct, frozen=True, gc=False):
    """An accepted identifier and the node it names."""

    type: str
    value: str
    node: NodeId
    priority: int

    def __repr__(self) -> str:
        """Show what is safe to log."""
        return f"<NamedIdentifier {self.type} {self.node.hex()}>"


class Hasher:
    """Names nodes under one workspace's hashing key. Safe for threads."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._cache: dict[tuple[str, str], NamedIdentifier | Refused] = {}
        self._settings: IdentitySettings | None = None

    def node_id(self, kind: str, value: str) -> NodeId:
        """The node of a normalised value.

        HMAC over the type and the SHA-256 of the value, so that a request that knows only the SHA-256 (as privacy
        requests do) names the same node.
        """
        inner = hashlib.sha256(value.encode()).digest()
        return hmac.digest(self._key, kind.encode() + b"\0" + inner, "sha256")[:16]

    def name(
        self, identifiers: Sequence[Identifier], settings: IdentitySettings
    ) -> tuple[tuple[NamedIdentifier, ...], list[tuple[str, str]]]:
        """The acceptable ones of `identifiers`, strongest first, equal ones in order of statement.

        Returns:
            The accepted, each node once; and (type, reason) of each refused.
        """
        if self._settings is not settings:
            self._cache, self._settings = {}, settings
        cache = self._cache
        named: list[NamedIdentifier] = []
        refused: list[tuple[str, str]] = []
        for identifier in identifiers:
            key = (identifier.type, identifier.value)
            found = cache.get(key)
            if found is None:
                if len(cache) >= _CACHE_MAX:
                    cache.clear()
                found = cache[key] = self._name(identifier, settings)
            if type(found) is Refused:
                refused.append((identifier.type, found.reason))
            elif found not in named:
                named.append(found)  # type: ignore[arg-type]  # it is no Refused
        if len(named) > 1:
            named.sort(key=_strength)
        return tuple(named), refused

    def _name(self, identifier: Identifier, settings: IdentitySettings) -> NamedIdentifier | Refused:
        kind = settings.canonical(identifier.type)
        value = normalise(kind, identifier.value, settings)
        if isinstance(value, Refused):
            return value
        return NamedIdentifier(kind, value, self.node_id(kind, value), settings.priority(kind))


def _strength(named: NamedIdentifier) -> int:
    return -named.priority
