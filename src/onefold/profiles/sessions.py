"""Sessions: stretches of activity with no pause longer than the gap, kept as disjoint intervals.

Intervals, not a counter: two nodes found to be one person may have been active in the same half-hour, and only
intervals can tell one visit from two. An interval stands for a chain of moments at most one gap apart, so joining
intervals at most one gap apart gives exactly the chains of all moments together, whatever the order and grouping.

They are kept packed (two little-endian 64-bit integers each, in order of time): a session costs 16 bytes and, unless
it is the last one, no work when the state is read, changed and written again.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence

SLICES_MAX = 2
"""Most slices of time that one moment touches: its own and the next."""
NEVER_TOUCHED = 2**63

_INTERVAL = struct.Struct("<qq")
SIZE = _INTERVAL.size
_pack, _unpack_from = _INTERVAL.pack, _INTERVAL.unpack_from


def extended(sessions: bytes, at_us: int, gap_us: int) -> bytes:
    """The sessions with one more moment of activity."""
    if not sessions:
        return _pack(at_us, at_us)
    start, end = _unpack_from(sessions, len(sessions) - SIZE)
    if at_us >= start:
        if at_us <= end:
            return sessions
        if at_us - end <= gap_us:
            return sessions[:-SIZE] + _pack(start, at_us)
        return sessions + _pack(at_us, at_us)
    if at_us < _unpack_from(sessions)[0] - gap_us:
        return _pack(at_us, at_us) + sessions
    return _inserted(sessions, at_us, gap_us)


def _inserted(sessions: bytes, at_us: int, gap_us: int) -> bytes:
    """The same for a moment that comes late: found by halves, for a machine may have thousands of sessions."""
    low, high = 0, len(sessions) // SIZE
    while low < high:
        middle = (low + high) // 2
        if _unpack_from(sessions, middle * SIZE)[0] <= at_us:
            low = middle + 1
        else:
            high = middle
    # Sessions before `low` begin at the moment or earlier; those it reaches become one with it.
    begin = end = low * SIZE
    first = last = at_us
    if begin:
        start, stop = _unpack_from(sessions, begin - SIZE)
        if at_us <= stop:
            return sessions
        if at_us - stop <= gap_us:
            begin, first = begin - SIZE, start
    # One that was cut ends before it begins (see `latest`), so that with the moment it may reach the one after it.
    while end < len(sessions) and (after := _unpack_from(sessions, end))[0] - last <= gap_us:
        end, last = end + SIZE, max(last, after[1])
    return sessions[:begin] + _pack(first, last) + sessions[end:]


def union(parts: Sequence[bytes], gap_us: int) -> bytes:
    """The sessions of all together."""
    stated = [part for part in parts if part]
    if len(stated) <= 1:
        return stated[0] if stated else b""
    moments = sorted(interval for part in stated for interval in _INTERVAL.iter_unpack(part))
    return b"".join(_pack(start, end) for start, end in _chained(moments, gap_us))


def latest(sessions: bytes, slices: int, gap_us: int) -> bytes:
    """The sessions, cut where they touch more than `slices` slices of time as long as the gap: the latest are kept.

    A moment stands for the time until one gap after it, and joining stretches of time and cutting them commute. Slices that
    are touched stay touched, so the cut only moves on, and what is before it never matters again.
    """
    if not sessions:
        return sessions
    begin, end = _unpack_from(sessions)[0], _unpack_from(sessions, len(sessions) - SIZE)[1]
    if (end + gap_us) // gap_us - begin // gap_us < slices:
        return sessions  # not even all slices of that time are more
    left, before = slices, NEVER_TOUCHED
    for number in range(len(sessions) - SIZE, -1, -SIZE):
        start, end = _unpack_from(sessions, number)
        first, last = start // gap_us, min((end + gap_us) // gap_us, before - 1)
        if last - first + 1 > left:
            cut = (last - left + 1) * gap_us
            # What ends just before the cut still reaches over it.
            kept = [(max(s, cut), e) for s, e in _INTERVAL.iter_unpack(sessions) if e + gap_us >= cut]
            return b"".join(_pack(s, e) for s, e in kept)
        left -= max(0, last - first + 1)
        before = min(before, first)
    return sessions


def slices(sessions: bytes, gap_us: int) -> int:
    """How many slices of time the sessions touch, as `latest` counts them."""
    touched, before = 0, NEVER_TOUCHED
    for number in range(len(sessions) - SIZE, -1, -SIZE):
        start, end = _unpack_from(sessions, number)
        first, last = start // gap_us, min((end + gap_us) // gap_us, before - 1)
        touched += max(0, last - first + 1)
        before = min(before, first)
    return touched


def count(sessions: bytes) -> int:
    """How many sessions there are."""
    return len(sessions) // SIZE


def _chained(moments: Iterable[tuple[int, ...]], gap_us: int) -> list[tuple[int, int]]:
    chains: list[tuple[int, int]] = []
    for start, end in moments:
        if chains and start - chains[-1][1] <= gap_us:
            chains[-1] = (chains[-1][0], max(end, chains[-1][1]))
        else:
            chains.append((start, end))
    return chains
