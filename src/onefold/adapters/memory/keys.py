"""Keys in memory: gone with the process, for tests and trials."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import msgspec

from onefold.governance.access import Key, KeyStore


class MemoryKeyStore(KeyStore):
    """A dictionary of keys behind a lock."""

    def __init__(self) -> None:
        self._keys: dict[str, Key] = {}
        self._version = 0
        self._lock = threading.Lock()

    def insert(self, key: Key, *, alive_max: int) -> bool:
        """Keep a key unless enough of its holder's are alive."""
        with self._lock:
            holder = (key.workspace, key.kind, key.name)
            there = self._keys.get(key.id)
            if there is not None:
                return there.revoked_us is None and (there.workspace, there.kind, there.name) == holder
            living = [k for k in self._keys.values() if k.revoked_us is None]
            if sum((k.workspace, k.kind, k.name) == holder for k in living) >= alive_max:
                return False
            self._keys[key.id] = key
            self._version += 1
            return True

    def keys(self) -> list[Key]:
        """All keys, oldest first."""
        with self._lock:
            return sorted(self._keys.values(), key=lambda k: (k.created_us, k.id))

    def revoke(self, key_id: str, at_us: int) -> bool:
        """Mark a key revoked."""
        with self._lock:
            key = self._keys.get(key_id)
            if key is None or key.revoked_us is not None:
                return False
            self._keys[key_id] = msgspec.structs.replace(key, revoked_us=at_us)
            self._version += 1
            return True

    def used(self, times_us: Mapping[str, int]) -> None:
        """Note when keys were last used."""
        with self._lock:
            for key_id, at_us in times_us.items():
                key = self._keys.get(key_id)
                if key is not None and (key.last_used_us or 0) < at_us:
                    self._keys[key_id] = msgspec.structs.replace(key, last_used_us=at_us)

    def version(self) -> int:
        """How many changes there were."""
        with self._lock:
            return self._version

    def close(self) -> None:
        """Nothing to let go of."""
