"""Rebuilding: the state recomputed from the log on another store, and the hash that shows both are the same.

The hash covers what the evidence implies (who is who, every fold state, all evidence) and leaves out what arrival
implies (offsets, keys, versions, merge history).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import msgspec

from onefold.identity.known import KnownEdges
from onefold.pipelines.context import Context
from onefold.pipelines.stream import quarantine
from onefold.ports import ProfileStore
from onefold.profiles import state as folds
from onefold.profiles.computed import plan as computing
from onefold.profiles.computed.begun import live

_MODULUS = 1 << 256
_encode = msgspec.msgpack.Encoder().encode


def state_hash(context: Context, aggregates: frozenset[str] | None = None) -> str:
    """A hash of the whole profile state that does not depend on order: the sum of the hashes of its facts.

    Of computed traits these `aggregates` count, or those that hold all events; what is being filled in has no fixed state.
    """
    total = 0
    with context.store.snapshot() as snapshot:
        wanted = live(snapshot.kept()) if aggregates is None else aggregates
        for row in snapshot.scan():
            value, state = folds.open_node(context.sealer.open(row))
            state.computed = computing.only(state.computed, context.profiles.computed, wanted)
            m = row.member
            fact = _encode(
                ("node", m.id, m.type, m.first_seen_us, m.person, m.component, m.contested, m.shared, value,
                 folds.encode(state))
            )  # fmt: skip
            total += int.from_bytes(hashlib.sha256(fact).digest())
        for e in snapshot.scan_edges():
            fact = _encode(("edge", e.a, e.b, e.kind, e.strength, e.at_us, e.event, e.source, e.rule, e.score))
            total += int.from_bytes(hashlib.sha256(fact).digest())
    return f"{total % _MODULUS:064x}"


class Verified(msgspec.Struct, frozen=True):
    """What `verify` found: equal hashes mean that the store holds exactly what the log implies.

    Attributes:
        stored: Hash of the store.
        rebuilt: Hash of what the log implies.
        entries: Log entries that were processed for it.
        wrong: Why nothing was compared, in sentences: log and store do not belong together, or the log has holes.
    """

    stored: str
    rebuilt: str
    entries: int
    wrong: tuple[str, ...] = ()

    @property
    def equal(self) -> bool:
        """Whether the store is what the log implies."""
        return self.stored == self.rebuilt and not self.wrong


def onto(context: Context, store: ProfileStore, *, feeding: bool = False) -> Context:
    """The same workspace over another, empty store; `feeding` is whether that feeds a warehouse of its own."""
    return replace(context, store=store, known=KnownEdges(), feed=context.feed if feeding else None)


def verify(
    context: Context, scratch: ProfileStore, *, until: Mapping[int, int] | None = None, feeding: bool = False
) -> Verified:
    """Recompute the state from the log on `scratch`, and compare hashes.

    Up to the offsets `until`, or what the store has processed. With `feeding` the scratch store is to stay, and feeds a
    warehouse.
    """
    if until is None:
        with context.store.snapshot() as snapshot:
            until = snapshot.offsets()
    other = onto(context, scratch, feeding=feeding)
    done = quarantine.drain(other, until=until)
    with context.store.snapshot() as snapshot:
        aggregates = live(snapshot.kept()) & context.profiles.computed.by_base.keys()
    return Verified(state_hash(context, aggregates), state_hash(other, aggregates), done.read)
