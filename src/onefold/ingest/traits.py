"""Traits: how much of one event's statements about a person goes to the profile."""

from __future__ import annotations

from typing import Any

import msgspec

from onefold.ingest.draft import Draft
from onefold.ingest.findings import finding
from onefold.ingest.payload import pointer
from onefold.ingest.settings import IngestSettings
from onefold.model import Finding, GroupStatement

OPERATION_BYTES_MAX = 80
"""Of the element of a list that an operation is about, or an amount, with the attribute's name."""
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


def bound_beside(draft: Draft, settings: IngestSettings) -> tuple[Finding, ...]:
    """Leave out, in place, what is too large of the traits stated once, of groups and of the names that are cleared.

    Returns:
        A finding for each, as for traits.
    """
    told: dict[str, None] = {}

    def within(where: str, fields: dict[str, Any]) -> dict[str, Any]:
        large = [name for name, value in fields.items() if _is_large(name, value, settings.max_small_trait_bytes)]
        if not large:
            return fields
        told.update((pointer(where, name if name in settings.declared_traits else "*"), None) for name in large)
        return {name: value for name, value in fields.items() if name not in large}

    draft.traits_once = within("traits_once", draft.traits_once)
    draft.groups = tuple([GroupStatement(g.type, g.id, within("groups", g.traits)) for g in draft.groups])
    draft.cleared = tuple(within("cleared", dict.fromkeys(draft.cleared)))
    small = [o for o in draft.operations if not _is_large(o.field, o.value, OPERATION_BYTES_MAX)]
    if len(small) < len(draft.operations):
        draft.operations = tuple(small)
        told["/operations/*"] = None
    return tuple(finding("trait_dropped", where) for where in told)


def _is_large(name: str, value: Any, most: int) -> bool:
    # A character has up to four bytes. As the fold counts, of what it keeps: blanks within a value say nothing.
    if len(name) > NAME_LENGTH_MAX:
        return True
    return len(name.encode()) + len(value.encode() if type(value) is str else _encode(value)) > most
