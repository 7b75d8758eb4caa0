"""The key file: a root key in a file that only its owner can read. For one machine; a cloud KMS is another adapter."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from onefold.errors import ConfigurationError, IntegrityError
from onefold.ports import KeyManager

_KEY_BYTES = 32
_NONCE_BYTES = 12
_DISTINCT_BYTES_MIN = 12  # 32 random bytes hold fewer distinct values once in more than 10^20 keys


class KeyFile(KeyManager):
    """Wraps workspace keys under the root key of a file: 64 hexadecimal digits and a line end, mode 0600."""

    def __init__(self, path: Path, *, random: Callable[[int], bytes] = os.urandom) -> None:
        """Read the root key.

        Raises:
            ConfigurationError: There is no such file, others can read it, or it holds no usable key.
        """
        self._random = random
        self._aead = AESGCM(_read(path))

    @classmethod
    def holding(cls, key: bytes, *, random: Callable[[int], bytes] = os.urandom) -> KeyFile:
        """A holder of a root key that came from elsewhere (an environment variable), checked there."""
        manager = cls.__new__(cls)
        manager._random = random  # noqa: SLF001  its own instance
        manager._aead = AESGCM(key)  # noqa: SLF001  its own instance
        return manager

    @classmethod
    def create(cls, path: Path, *, random: Callable[[int], bytes] = os.urandom) -> KeyFile:
        """Make a new root key; an existing file is never replaced.

        Raises:
            ConfigurationError: The file exists already.
        """
        temporary = path.with_name(f".{path.name}.{random(8).hex()}.new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                os.fchmod(file.fileno(), 0o600)  # whatever the umask says
                file.write(random(_KEY_BYTES).hex().encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
            # A link, not a rename: a rename would silently replace the key of a process that was faster.
            os.link(temporary, path)
        except FileExistsError:
            raise ConfigurationError(
                f"there is a root key at {path} already; data sealed under it needs it, so it is not replaced"
            ) from None
        finally:
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        return cls(path, random=random)

    def wrap(self, key: bytes, *, name: str) -> bytes:
        """Encrypt `key` under the root key, bound to `name`."""
        nonce = self._random(_NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, key, name.encode())

    def unwrap(self, wrapped: bytes, *, name: str) -> bytes:
        """Undo `wrap`.

        Raises:
            IntegrityError: Wrong root key, other name, or altered bytes.
        """
        try:
            return self._aead.decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], name.encode())
        except (InvalidTag, ValueError):
            raise IntegrityError(
                f"the keys of {name!r} do not open under this root key; "
                "put back the key file that was in use when they were made"
            ) from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            text = file.read(1024)
    except FileNotFoundError:
        raise ConfigurationError(
            f"there is no root key at {path}; restore it from your safe copy, or run `onefold init` for a new project"
        ) from None
    except OSError as error:
        raise ConfigurationError(f"the root key at {path} cannot be read: {error.strerror}") from None
    if not stat.S_ISREG(status.st_mode):
        raise ConfigurationError(f"the root key at {path} is not a regular file")
    if status.st_mode & 0o077:
        raise ConfigurationError(
            f"the root key at {path} can be read by others (mode {status.st_mode & 0o777:04o}); run: chmod 600 {path}"
        )
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        key = b""
    if len(key) != _KEY_BYTES:
        raise ConfigurationError(f"the root key at {path} must be {2 * _KEY_BYTES} hexadecimal digits; restore it")
    if len(set(key)) < _DISTINCT_BYTES_MIN or key == bytes(range(_KEY_BYTES)):
        raise ConfigurationError(f"the root key at {path} is a placeholder, not a random key; restore the real one")
    return key
