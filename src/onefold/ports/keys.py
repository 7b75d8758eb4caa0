"""The key manager: what holds the root key."""

from __future__ import annotations

from typing import Protocol


class KeyManager(Protocol):
    """Holds the root key, which never leaves it."""

    def wrap(self, key: bytes, *, name: str) -> bytes:
        """Encrypt a workspace key under the root key, bound to `name`."""
        ...

    def unwrap(self, wrapped: bytes, *, name: str) -> bytes:
        """Undo `wrap`.

        Raises:
            IntegrityError: Wrong root key, other name, or altered bytes.
        """
        ...
