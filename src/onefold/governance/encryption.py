"""Encryption at rest: workspace keys under the root key, a data key per identity node, one key for log entries.

    root key (KeyManager) -> workspace keys -> node key (wrapped, beside the node) -> node state
                                            -> log key -> log entries

Everything is AES-256-GCM. A sealed value is a random 96-bit nonce, the ciphertext and a 128-bit tag; who and what it
belongs to is authenticated with it, so a value moved to another workspace, node or version does not open. Destroying a
node's wrapped key makes every copy of its state unreadable, backups included as far as they lack the key.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Callable, Iterable, Sequence

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from onefold.errors import IntegrityError
from onefold.model import LogEntry, NodeId
from onefold.ports import KeyManager, NodeRow

Aead = AESGCM
"""A key ready for use."""

Random = Callable[[int], bytes]
"""Gives n unpredictable bytes: `os.urandom` outside tests."""

_KEY_BYTES = 32
_NONCE_BYTES = 12
_DRAWN_AT_ONCE = 1024
# The first byte of what is sealed under the log key says how it is to be opened, so that a later log key can live beside
# this one.
_ENTRY = b"\x01"
_CHUNK = b"\x02"
_FEED = b"\x03"
_FILE = b"\x04"


_forks = 0


def _forked() -> None:
    global _forks  # noqa: PLW0603 - asking for the process's number at each draw costs as much as the draw
    _forks += 1


os.register_at_fork(after_in_child=_forked)


class WorkspaceKeys(msgspec.Struct, frozen=True):
    """The secrets of one workspace; they exist in the clear only in memory.

    Attributes:
        name: The workspace.
        hashing: 32 bytes, for the keyed hashes that are node ids. Changing it would rename every node.
        wrapping: 32 bytes, wraps node keys.
        log: 32 bytes, seals log entries. GCM with random nonces is good for 2^32 entries under one key.
    """

    name: str
    hashing: bytes
    wrapping: bytes
    log: bytes

    def __repr__(self) -> str:
        """Show whose keys these are, not the keys."""
        return f"<WorkspaceKeys {self.name}>"


def create_keys(key_manager: KeyManager, name: str, random: Random) -> tuple[WorkspaceKeys, bytes]:
    """Make a workspace's keys; the second value is what to store: the keys wrapped under the root key."""
    secrets = [random(_KEY_BYTES) for _ in range(3)]
    return WorkspaceKeys(name, *secrets), key_manager.wrap(b"".join(secrets), name=name)


def open_keys(key_manager: KeyManager, name: str, wrapped: bytes) -> WorkspaceKeys:
    """Undo the wrapping of `create_keys`.

    Raises:
        IntegrityError: Another root key, another workspace, or altered bytes.
    """
    secrets = key_manager.unwrap(wrapped, name=name)
    if len(secrets) != 3 * _KEY_BYTES:
        raise IntegrityError(f"the keys of workspace {name!r} have {len(secrets)} bytes instead of {3 * _KEY_BYTES}")
    return WorkspaceKeys(name, *(secrets[start : start + _KEY_BYTES] for start in range(0, len(secrets), _KEY_BYTES)))


class Draws:
    """Random bytes of one length, from one read of many, because a system call each costs more than the encryption."""

    def __init__(self, random: Random, length: int) -> None:
        self._random = random
        self._length = length
        self._forks = _forks
        self._pool: list[bytes] = []

    def take(self) -> bytes:
        """Bytes that no one else gets, in no other thread and in no forked process."""
        if self._forks != _forks:  # a forked child must not use what its parent will use
            self._forks, self._pool = _forks, []
        try:
            return self._pool.pop()  # atomic, so threads need no lock
        except IndexError:
            length = self._length
            block = self._random(length * _DRAWN_AT_ONCE)
            fresh = [block[start : start + length] for start in range(0, len(block), length)]
            drawn = fresh.pop()
            self._pool.extend(fresh)
            return drawn


class NodeSealer:
    """Seals and opens node states, each under its node's own key. Safe for threads."""

    def __init__(self, keys: WorkspaceKeys, random: Random, *, cached_keys: int = 20_000) -> None:
        self._nonces = Draws(random, _NONCE_BYTES)
        self._secrets = Draws(random, _KEY_BYTES)
        self._wrapping = AESGCM(keys.wrapping)
        self._workspace = keys.name.encode() + b"\x00"
        # Two generations of at most half the keys each: when the young one is full it becomes the old one, which goes.
        # Bounded, because a ready key takes two kilobytes.
        self._generation = cached_keys // 2
        self._young: dict[tuple[NodeId, bytes], Aead] = {}
        self._old: dict[tuple[NodeId, bytes], Aead] = {}

    def new_key(self, node: NodeId) -> tuple[bytes, Aead]:
        """Make a node's data key: wrapped, to be stored with the node, and ready for `seal`."""
        key, nonce = self._secrets.take(), self._nonces.take()
        return nonce + self._wrapping.encrypt(nonce, key, self._workspace + node), AESGCM(key)

    def remember(self, node: NodeId, wrapped: bytes, key: Aead) -> None:
        """Keep a new key ready: the node's state is likely to be opened soon."""
        self._keep((node, wrapped), key)

    def seal(self, node: NodeId, version: int, key: bytes | Aead, plaintext: bytes) -> bytes:
        """Encrypt a node's state under its key, given wrapped or ready; `version` must be the one stored beside it."""
        aead = self._unwrap(node, key) if isinstance(key, bytes) else key
        nonce = self._nonces.take()
        return nonce + aead.encrypt(nonce, plaintext, self._workspace + node + version.to_bytes(8, "big"))

    def open(self, row: NodeRow) -> bytes:
        """Decrypt a stored node's state.

        Raises:
            IntegrityError: The row is another node's or version's, was altered, or the workspace key is another.
        """
        node, sealed = row.member.id, row.sealed
        aead = self._unwrap(node, row.key)
        try:
            return aead.decrypt(
                sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], self._workspace + node + row.version.to_bytes(8, "big")
            )
        except (InvalidTag, ValueError):
            raise IntegrityError(f"the state of node {node.hex()} does not open under its key") from None

    def forget(self) -> None:
        """Drop all unwrapped keys from memory; call it after keys were destroyed."""
        self._young, self._old = {}, {}

    def _unwrap(self, node: NodeId, wrapped: bytes) -> Aead:
        place = (node, wrapped)
        ready = self._young.get(place)
        if ready is not None:
            return ready
        ready = self._old.get(place)
        if ready is None:
            try:
                key = self._wrapping.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], self._workspace + node)
                ready = AESGCM(key)
            except (InvalidTag, ValueError):
                raise IntegrityError(f"the key of node {node.hex()} does not open under the workspace key") from None
        self._keep(place, ready)
        return ready

    def _keep(self, place: tuple[NodeId, bytes], ready: Aead) -> None:
        # Threads may race here: at worst a key is forgotten early and unwrapped again.
        if len(self._young) >= self._generation:
            self._old, self._young = self._young, {}
        self._young[place] = ready


class EntrySealer:
    """Seals log entries, and what else belongs to the workspace rather than to a node. Safe for threads.

    Entries are sealed one by one, or several as a chunk, which costs an eighth each. Which of the two it is stands in the
    first byte and, because that byte could be altered, in the authenticated data: neither opens as the other.
    """

    def __init__(self, keys: WorkspaceKeys, random: Random) -> None:
        self._nonces = Draws(random, _NONCE_BYTES)
        self._aead = AESGCM(keys.log)
        name = keys.name.encode()
        self._about = {
            _ENTRY: b"log\x00" + name,
            _CHUNK: b"log chunk\x00" + name,
            _FEED: b"warehouse feed\x00" + name,
            _FILE: b"warehouse file\x00" + name,
        }
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(LogEntry).decode
        self._decode_all = msgspec.msgpack.Decoder(list[LogEntry]).decode
        self._split = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode

    def seal(self, entry: LogEntry) -> bytes:
        """Encode and encrypt one entry."""
        return self.seal_bytes(self._encode(entry))

    def open(self, sealed: bytes) -> LogEntry:
        """Undo `seal`.

        Raises:
            IntegrityError: Another workspace's key, altered bytes, or a chunk.
        """
        return self._decode(self.open_bytes(sealed))

    def seal_all(self, entries: Sequence[LogEntry]) -> bytes:
        """Encode and encrypt a chunk: at least one entry."""
        return self._seal(_CHUNK, self._encode(entries))

    def open_all(self, sealed: bytes) -> list[LogEntry]:
        """Undo `seal_all`, or `seal`: the entries in order. How many there are is as authentic as what they say.

        Raises:
            IntegrityError: Another workspace's key, or altered bytes.
        """
        kind, plaintext = self._open_entries(sealed)
        return [self._decode(plaintext)] if kind == _ENTRY else self._decode_all(plaintext)

    def open_some(self, sealed: bytes, from_last: Iterable[int]) -> dict[int, LogEntry]:
        """Those of `open_all` that stand so many places before the last, which is 0; the others are not decoded.

        Raises:
            IntegrityError: Another workspace's key, or altered bytes.
        """
        kind, plaintext = self._open_entries(sealed)
        entries = [msgspec.Raw(plaintext)] if kind == _ENTRY else self._split(plaintext)
        return {back: self._decode(entries[-1 - back]) for back in from_last if 0 <= back < len(entries)}

    def _open_entries(self, sealed: bytes) -> tuple[bytes, bytes]:
        kind, plaintext = self._open(sealed)
        if kind not in (_ENTRY, _CHUNK):
            raise IntegrityError("what should be log entries is sealed as something of the warehouse")
        return kind, plaintext

    def seal_bytes(self, plaintext: bytes) -> bytes:
        """Encrypt under the log key."""
        return self._seal(_ENTRY, plaintext)

    def open_bytes(self, sealed: bytes) -> bytes:
        """Undo `seal_bytes`.

        Raises:
            IntegrityError: Another workspace's key, or altered bytes.
        """
        kind, plaintext = self._open(sealed)
        if kind != _ENTRY:
            raise IntegrityError("what should be sealed alone is sealed as a chunk of log entries")
        return plaintext

    def seal_feed(self, rows: bytes) -> bytes:
        """Encrypt a chunk of the warehouse's feed."""
        return self._seal(_FEED, rows)

    def open_feed(self, sealed: bytes) -> bytes:
        """Undo `seal_feed`.

        Raises:
            IntegrityError: Another workspace's key, altered bytes, or something else than a chunk of the feed.
        """
        return self._open_as(_FEED, sealed)

    def wrap_file_key(self, key: bytes, name: str) -> bytes:
        """Encrypt the key of a segment file, bound to the file's name."""
        return self._seal(_FILE, key, name.encode())

    def unwrap_file_key(self, wrapped: bytes, name: str) -> bytes:
        """Undo `wrap_file_key`.

        Raises:
            IntegrityError: Another workspace's key, altered bytes, or another file's.
        """
        return self._open_as(_FILE, wrapped, name.encode())

    def _open_as(self, kind: bytes, sealed: bytes, more: bytes = b"") -> bytes:
        found, plaintext = self._open(sealed, more)
        if found != kind:
            raise IntegrityError("something of the warehouse is sealed as something else")
        return plaintext

    def _seal(self, kind: bytes, plaintext: bytes, more: bytes = b"") -> bytes:
        nonce = self._nonces.take()
        return kind + nonce + self._aead.encrypt(nonce, plaintext, self._about[kind] + more)

    def _open(self, sealed: bytes, more: bytes = b"") -> tuple[bytes, bytes]:
        try:
            kind = sealed[:1]
            about = self._about.get(kind)
            if about is not None:
                return kind, self._aead.decrypt(sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :], about + more)
        except (InvalidTag, ValueError, TypeError):  # TypeError: a damaged database gives null where bytes were
            raise IntegrityError("a log entry does not open under the workspace's log key") from None
        raise IntegrityError("a log entry is sealed under a log key this workspace does not hold")


def keys_fingerprint(keys: WorkspaceKeys) -> str:
    """32 hexadecimal digits by which keys are told from others; nothing of the keys can be worked out from them."""
    secret = keys.hashing + keys.wrapping + keys.log
    return hmac.new(secret, b"onefold keys fingerprint\x00" + keys.name.encode(), hashlib.sha256).hexdigest()[:32]
