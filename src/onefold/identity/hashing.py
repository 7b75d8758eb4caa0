"""Naming nodes: identifiers as stated become nodes of the identity graph, by keyed hash."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from onefold.identity.identifiers import Reading, read
from onefold.identity.settings import GENERIC, IdentitySettings, undeclared
from onefold.model import Finding, Identifier, NodeId

_TYPE_CHARACTERS_MAX = 64
_BLOCK_BYTES = 64
_DIGEST_BYTES = 8
_HIDDEN = "hidden"
_INNER_PAD, _OUTER_PAD = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))  # RFC 2104
_Key = tuple[str, str]


class NamedIdentifier(msgspec.Struct, frozen=True, gc=False):
    """An accepted identifier.

    Attributes:
        type: Its canonical type.
        value: Its normalised value; personal data.
        node: The node it names.
        priority: The type's strength, 0 to 100.
        stored_type: What the store knows the type by, in the clear: a type that the project does not declare is text
            from outside, which may say anything of anybody, so it is known by a keyed hash.
    """

    type: str
    value: str
    node: NodeId
    priority: int
    stored_type: str

    def __repr__(self) -> str:
        """Show what is safe to log."""
        return f"<NamedIdentifier {self.type} node={self.node.hex()}>"


def sealed_value(identifier: NamedIdentifier) -> str:
    """What is sealed of an identifier: its value, behind the type where the store does not know that."""
    if identifier.stored_type == identifier.type:
        return identifier.value
    return f"{identifier.type}\0{identifier.value}"


def opened_value(stored_type: str, sealed: str) -> tuple[str, str]:
    """The type and the value of an identifier, from what the store knows and what was sealed."""
    kind, parted, value = sealed.partition("\0")
    return (kind, value) if parted else (stored_type, sealed)


class _Named(msgspec.Struct, frozen=True, gc=False):
    """What a stated identifier names where that is not plainly one: none, several, or one with a finding."""

    identifiers: tuple[NamedIdentifier, ...]
    findings: tuple[Finding, ...]


class _Memory(msgspec.Struct):
    """Identifiers met lately under one configuration. The older half goes when the younger is full."""

    settings: IdentitySettings
    young: dict[_Key, NamedIdentifier | _Named]
    old: dict[_Key, NamedIdentifier | _Named]


class Hasher:
    """Names nodes under one workspace's hashing key, and remembers the latest names in plain memory.

    Safe to share between threads: the worst a race does is to work out a name twice.
    """

    def __init__(self, key: bytes, *, capacity: int = 60_000) -> None:
        # What HMAC does with its key, done once: it is two thirds of the work on so short a text.
        padded = (key if len(key) <= _BLOCK_BYTES else hashlib.sha256(key).digest()).ljust(_BLOCK_BYTES, b"\0")
        self._inner, self._outer = (hashlib.sha256(padded.translate(pad)) for pad in (_INNER_PAD, _OUTER_PAD))
        self._half = max(1, capacity // 2)
        self._memory = _Memory(IdentitySettings(), {}, {})

    def __repr__(self) -> str:
        """Show the state without the key."""
        return f"<Hasher(remembered={len(self._memory.young) + len(self._memory.old)})>"

    def node_id(self, kind: str, value: str) -> NodeId:
        """The node of a normalised identifier.

        HMAC-SHA256(key, type + 0x00 + SHA-256(value)), its first 16 bytes; texts in UTF-8. The inner
        hash lets somebody who knows only the SHA-256 of an e-mail ask to be forgotten, without our keeping unkeyed
        hashes.
        """
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(kind.encode() + b"\0" + hashlib.sha256(value.encode()).digest())
        outer.update(inner.digest())
        return outer.digest()[:16]

    def stored_type(self, kind: str, settings: IdentitySettings) -> str:
        """What the store knows a type by: itself where it is declared, else a name for which the same rules hold."""
        if kind in settings.types:
            return kind
        digest = self.node_id("type", kind)[:_DIGEST_BYTES].hex()
        return f"{_HIDDEN}.{digest}_id" if undeclared(kind).unique else f"{_HIDDEN}.{digest}"

    def name(
        self, identifiers: Sequence[Identifier], settings: IdentitySettings
    ) -> tuple[tuple[NamedIdentifier, ...], tuple[Finding, ...]]:
        """Accept or refuse each of an event's identifiers.

        Returns:
            The accepted ones, strongest first, at equal strength in order of statement, each node once; and a
            finding for each that was refused or changed. It tells the type; one that the project does not declare is
            told as `undeclared`.
        """
        memory = self._memory
        if memory.settings is not settings:
            self._memory = memory = _Memory(settings, {}, {})
        young = memory.young
        named: list[NamedIdentifier] = []
        findings: list[Finding] = []
        for identifier in identifiers:
            key = (identifier.type, identifier.value)
            found = young.get(key) or self._recall(memory, key)
            if type(found) is NamedIdentifier:
                named.append(found)
            elif type(found) is _Named:
                named += found.identifiers
                findings += found.findings
        if len(named) > 1:
            if len({n.node for n in named}) < len(named):
                named = list({n.node: n for n in named}.values())
            named.sort(key=_weakness)
        return tuple(named), tuple(findings)

    def _recall(self, memory: _Memory, key: _Key) -> NamedIdentifier | _Named:
        found = memory.old.get(key) or self._work_out(key, memory.settings)
        if len(memory.young) >= self._half:
            memory.old, memory.young = memory.young, {}
        memory.young[key] = found
        return found

    def _work_out(self, key: _Key, settings: IdentitySettings) -> NamedIdentifier | _Named:
        kind = settings.canonical(key[0])
        reading = _read(kind, key[1], settings)
        priority = settings.priority(kind)
        stored = self.stored_type(kind, settings)
        named = tuple(NamedIdentifier(kind, v, self.node_id(kind, v), priority, stored) for v in reading.values)
        if settings.generic_addresses and settings.type(kind).normaliser == "email":
            named = tuple(map(_generic, named, map(settings.is_generic, reading.values)))
        if len(named) == 1 and not reading.codes:
            return named[0]
        return _Named(named, tuple(Finding(code, _shown(kind, settings)) for code in reading.codes))


def _generic(one: NamedIdentifier, generic: bool) -> NamedIdentifier:
    return msgspec.structs.replace(one, priority=GENERIC.priority, stored_type=GENERIC.name) if generic else one


def _read(kind: str, value: str, settings: IdentitySettings) -> Reading:
    if len(kind) > _TYPE_CHARACTERS_MAX:
        return Reading((), ("identifier_too_long",))
    if not kind or not kind.isprintable():
        return Reading((), ("identifier_blocked",))
    return read(kind, value, settings)


def _weakness(identifier: NamedIdentifier) -> int:
    return -identifier.priority


def _shown(kind: str, settings: IdentitySettings) -> str:
    # A type nobody declared is text from the outside, and what it holds is anybody's guess.
    kind = settings.canonical(kind)
    return kind if kind in settings.types else "undeclared"
