"""Traits: how much of one event's statements about a person goes to the profile."""

from __future__ import annotations

from typing import Any

import msgspec

from onefold.ingest.findings import finding
from onefold.ingest.payload import pointer
from onefold.ingest.settings import IngestSettings
from onefold.model import Finding

NAME_LENGTH_MAX = 128
"""A longer name is a sentence, and no attribute is called so."""
_SHRINKS_MOST = 3
"""`1.5,` is four bytes of JSON and nine of a state: no value grows by more."""

_encode = msgspec.msgpack.Encoder().encode


def bounded(
    traits: dict[str, Any], body_bytes: int, settings: IngestSettings
) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    """The traits without those that are too large, and a finding for each of these.

    A pure function of the event, so a profile does not depend on when anything arrived. Only names that the configuration
    knows are told: any other could be made of personal data.
    """
    if max(map(len, traits), default=0) <= NAME_LENGTH_MAX and body_bytes * _SHRINKS_MOST <= settings.max_trait_bytes:
        return traits, ()
    dropped = [
        name
        for name, value in traits.items()
        if len(name) > NAME_LENGTH_MAX or len(_encode(value)) > settings.max_trait_bytes
    ]
    if not dropped:
        return traits, ()
    told = dict.fromkeys(pointer("traits", name if name in settings.declared_traits else "*") for name in dropped)
    kept = {name: value for name, value in traits.items() if name not in dropped}
    return kept, tuple(finding("trait_dropped", where) for where in told)
