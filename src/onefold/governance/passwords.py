"""Passwords: kept as argon2id hashes that state their own parameters, so that these can rise without anybody noticing.

OWASP's parameters for argon2id: 19 MiB, two passes, one lane. A check takes some 30 ms of one core, so whoever calls bounds
how many run at once.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from onefold.errors import UsageError

LENGTH_MIN, LENGTH_MAX = 12, 256
_MEMORY_KIB = 19_456
_PASSES = 2
_LANES = 1
_SALT_BYTES = 16
_DIFFERENT_MIN = 5

NOBODYS = "$argon2id$v=19$m=19456,t=2,p=1$b2Ytbm8tYWNjb3VudC0wMA$Pv+uaDPUqHnwBPaxWv5piPsP57pkI1SzNZwgWm3uQw0"
"""A hash whose password nobody knows. Checking it takes as long as any, so time does not tell which accounts there are."""


def hashed(password: str, random: Callable[[int], bytes]) -> str:
    """What is kept of a password.

    Raises:
        UsageError: It is too short, too long, or made of a few characters.
    """
    text = _normal(password)
    if not LENGTH_MIN <= len(text) <= LENGTH_MAX:
        raise UsageError(f"A password has {LENGTH_MIN} to {LENGTH_MAX} characters; three or four random words do well.")
    if len(set(text)) < _DIFFERENT_MIN:
        raise UsageError("The password repeats a few characters; three or four random words do well.")
    kdf = Argon2id(salt=random(_SALT_BYTES), length=32, iterations=_PASSES, lanes=_LANES, memory_cost=_MEMORY_KIB)
    return kdf.derive_phc_encoded(text.encode())


def matches(password: str, kept: str | None) -> bool:
    """Whether a password is the one that was kept; takes as long where none was."""
    if len(password) > 4 * LENGTH_MAX:
        return False
    try:
        Argon2id.verify_phc_encoded(_normal(password).encode(), kept or NOBODYS)
    except InvalidKey:
        return False
    return kept is not None


def _normal(password: str) -> str:
    """The same characters however a keyboard composes them (NIST SP 800-63B)."""
    return unicodedata.normalize("NFKC", password)
