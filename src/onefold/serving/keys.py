"""The keyring: the keys alive, in memory, never more than half a second behind the store."""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Callable, Iterator, Mapping

from onefold.errors import UnavailableError
from onefold.governance.access import Key, KeyStore, digest

REFRESH_US = 500_000
"""How old the keyring may be when it is asked: a revoked key is refused at the latest this long after."""
NOTE_USE_US = 10_000_000
"""How often the times of last use are written down."""

_log = logging.getLogger("onefold.keys")


class Keyring:
    """Finds the key behind a token without a look at the disk."""

    def __init__(self, store: KeyStore, clock_us: Callable[[], int]) -> None:
        self.store = store
        self._clock_us = clock_us
        self._keys: Mapping[bytes, Key] = {}
        # Token to digest spares hashing; it holds only tokens that were found, so strangers cannot fill it.
        self._tokens: dict[str, bytes] = {}
        self._used: dict[str, int] = {}
        self._version: int | None = None
        self._checked_us = -REFRESH_US
        self._noted_us = clock_us()

    def find(self, token: str) -> Key | None:
        """The living key that `token` is, or None."""
        now_us = self._clock_us()
        if not 0 <= now_us - self._checked_us < REFRESH_US:
            self._refresh(now_us)
        hashed = self._tokens.get(token)
        if hashed is None:
            hashed = digest(token)
            if hashed not in self._keys:
                return None
            self._tokens[token] = hashed
        key = self._keys.get(hashed)
        if key is not None:
            self._used[key.id] = now_us
        return key

    def close(self) -> None:
        """Write down the last uses."""
        self._note_use()

    def _refresh(self, now_us: int) -> None:
        try:
            version = self.store.version()
            if version != self._version:
                self._keys = {key.digest: key for key in self.store.keys() if key.revoked_us is None}
                self._tokens.clear()
                self._version = version
        except UnavailableError:
            # Fail closed: without the store nobody can tell which keys were revoked.
            self._keys, self._version = {}, None
            self._tokens.clear()
            raise
        self._checked_us = now_us
        if now_us - self._noted_us >= NOTE_USE_US:
            self._noted_us = now_us
            self._note_use()

    def _note_use(self) -> None:
        used, self._used = self._used, {}
        if not used:
            return
        try:
            self.store.used(used)
        except UnavailableError:
            _log.warning("times of last use were not written", extra={"component": "keys"})


def tokens_of(authorization: bytes | None) -> Iterator[str]:
    """The token in an Authorization header: the user of Basic, or the Bearer token; nothing when it is neither."""
    if authorization is None:
        return
    scheme, _, rest = authorization.partition(b" ")
    match scheme.lower():
        case b"basic":
            try:
                user, _, _ = base64.b64decode(rest.strip(), validate=False).partition(b":")
                yield user.decode("ascii")
            except (binascii.Error, UnicodeDecodeError):
                return
        case b"bearer":
            try:
                yield rest.strip().decode("ascii")
            except UnicodeDecodeError:
                return
