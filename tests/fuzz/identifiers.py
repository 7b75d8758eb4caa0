"""Identifiers under the fuzzer: one form, bounded, the same for each spelling, and never an exception.

The first byte chooses the type, the second the settings, the rest is the value in UTF-8 (half surrogates included).
"""

from __future__ import annotations

import unicodedata

from onefold.identity.hashing import Hasher, NamedIdentifier
from onefold.identity.identifiers import CHARACTERS_MAX, Refused, normalise
from onefold.identity.settings import IdentitySettings
from onefold.model import Identifier

TYPES = ("user_id", "email", "phone", "device_id", "anonymous_id", "crm_id", "Custom Type", "")
VARIANTS = (
    IdentitySettings(),
    IdentitySettings(drop_plus_tags=True, drop_gmail_dots=True),
    IdentitySettings(blocked_patterns=("*test*", "[?]*")),
)
HASHERS = tuple(Hasher(b"h" * 32) for _ in VARIANTS)


def check(data: bytes) -> None:
    """Normalise and name one value."""
    kind = TYPES[data[0] % len(TYPES)] if data else ""
    variant = data[1] % len(VARIANTS) if len(data) > 1 else 0
    value = text(data[2:])
    settings, hasher = VARIANTS[variant], HASHERS[variant]
    form = normalise(kind, value, settings)
    if isinstance(form, str):
        assert form, "an empty name"
        assert len(form) <= CHARACTERS_MAX, "a name grew beyond its bound"
        form.encode()
        assert normalise(kind, form, settings) == form, "normalising again changes it"
    # The spellings that no person would call another value.
    for spelling in (f" {value}\t", f"\ufeff{value}\u200b", unicodedata.normalize("NFC", value)):
        other = normalise(kind, spelling, settings)
        if len(spelling) <= CHARACTERS_MAX and not isinstance(form, Refused):
            assert other == form, "two spellings of one value"
    first = hasher.name([Identifier(kind, value)], settings)
    fresh = Hasher(b"h" * 32).name([Identifier(kind, value)], settings)
    assert first == fresh, "the node depends on what was named before"
    for named in first[0]:
        assert isinstance(named, NamedIdentifier)
        assert len(named.node) == 16
        again, _ = hasher.name([Identifier(named.type, named.value)], settings)
        assert [n.node for n in again] == [named.node], "the normalised value names another node"


def text(data: bytes) -> str:
    """Bytes as a text: UTF-8 with half surrogates, or a letter a byte."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("latin-1")
