"""Limits: how much one node may hold of each kind of thing, out of the bytes that its state may take."""

from __future__ import annotations

from functools import lru_cache

import msgspec


class Limits(msgspec.Struct, frozen=True):
    """What a node may hold, out of the bytes that it may have.

    Attributes:
        candidates: By size class, most values of all attributes together.
        session_slices: Most slices of time, each as long as the session gap, that its visits may touch.
        purposes: Most purposes of consent.
        currencies: Most currencies.
        once: Most values stated once.
        cleared: Most attributes that were cleared.
        operations: Most attributes with operations.
        groups: Most groups.
        group_traits: Most traits of all groups together.
        values: Most different values that a tile of a computed trait counts.
        tiles: Most tiles of a computed trait without a window.
    """

    candidates: tuple[int, int, int]
    session_slices: int
    purposes: int
    currencies: int
    once: int
    cleared: int
    operations: int
    groups: int
    group_traits: int
    values: int
    tiles: int


@lru_cache(maxsize=8)
def limits(state_bytes: int) -> Limits:
    """The limits whose worst case is about this many bytes."""
    return Limits(
        candidates=(max(8, state_bytes // 400), max(4, state_bytes // 4_096), max(2, state_bytes // 65_536)),
        session_slices=max(4, state_bytes // 64),
        purposes=max(4, state_bytes // 4_096),
        currencies=max(4, state_bytes // 4_096),
        once=max(4, state_bytes // 4_096),
        cleared=max(4, state_bytes // 2_048),
        operations=max(2, state_bytes // 16_384),
        groups=max(6, state_bytes // 2_048),
        group_traits=max(4, state_bytes // 4_096),
        values=max(4, state_bytes // 1_024),
        tiles=max(4, state_bytes // 256),
    )
