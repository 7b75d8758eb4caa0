"""A secret by reference: `env:NAME` or `file:path`, resolved late, refused when it is weak."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path

import msgspec

from onefold.errors import ConfigurationError

KEY_BYTES = 32


class SecretReference(msgspec.Struct, frozen=True):
    """Where a secret is.

    Attributes:
        env: Name of the environment variable, or None.
        file: The file, absolute, or None.
    """

    env: str | None = None
    file: Path | None = None

    def __str__(self) -> str:
        """Write the reference as a project file has it; the reference is not secret."""
        return f"env:{self.env}" if self.env else f"file:{self.file}"


def parse_reference(text: str, directory: Path) -> SecretReference:
    """Read a reference that has passed the file's check; paths are relative to `directory`."""
    scheme, _, name = text.partition(":")
    if scheme == "env":
        return SecretReference(env=name)
    return SecretReference(file=(directory / name).resolve())


def secret_text(reference: SecretReference, environ: Mapping[str, str]) -> str:
    """A password or the like, without the line end that editors leave.

    Raises:
        ConfigurationError: It is unset, empty or unreadable.
    """
    if reference.file is None:
        text = environ.get(reference.env or "", "")
    else:
        try:
            text = reference.file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            raise ConfigurationError(f"cannot read the secret in {reference.file.name}") from None
    text = text.strip("\r\n")
    if not text:
        raise ConfigurationError(f"the secret {reference} is empty or not set")
    return text


def environment_key(reference: SecretReference, environ: Mapping[str, str]) -> bytes:
    """The 32 bytes of a key held in an environment variable, as base64 or hexadecimal.

    Keys in files belong to the key-file adapter, which also creates them and checks who may read them.

    Raises:
        ConfigurationError: It is unset, not 32 bytes, or so regular that somebody typed it.
    """
    make = 'python -c "import secrets; print(secrets.token_hex(32))"'
    text = environ.get(reference.env or "", "").strip()
    if not text:
        raise ConfigurationError(f"environment variable {reference.env} is not set; make a key with: {make}")
    key = _decode(text)
    if key is None or len(key) != KEY_BYTES:
        raise ConfigurationError(
            f"environment variable {reference.env} must hold {KEY_BYTES} bytes as hexadecimal or base64; "
            f"make a key with: {make}"
        )
    # 32 random bytes have fewer than 16 distinct values once in 10^12 keys; typed or default ones nearly always do.
    if len(set(key)) < KEY_BYTES // 2 or key.isascii():
        raise ConfigurationError(f"environment variable {reference.env} holds a weak key; make one with: {make}")
    return key


def _decode(text: str) -> bytes | None:
    if len(text) == 2 * KEY_BYTES:
        try:
            return bytes.fromhex(text)
        except ValueError:
            return None
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None
