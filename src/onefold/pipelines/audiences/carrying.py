"""Carrying over: what a store knows of audiences that the log does not say, taken to one that was made anew from the log."""

from __future__ import annotations

import msgspec

from onefold.audiences import progress as states
from onefold.audiences.progress import Scan
from onefold.model import NodeId
from onefold.ports import ProfileStore
from onefold.ports.audiences import Listed, Membership, Settlement

_AT_ONCE = 10_000


def carry_over(before: ProfileStore, after: ProfileStore) -> None:
    """Definitions, lists and memberships; everybody is evaluated again then, so that only what differs is told anew."""
    with before.snapshot() as old:
        state = old.evaluation()
        if not state.body:
            return
        definitions = old.definitions()
        progress = msgspec.structs.replace(states.decode(state.body), scan=Scan())
        with after.snapshot() as new:
            sequence = new.evaluation().sequence
        settlement = Settlement(before=sequence, active=state.active, body=states.encode(progress), define=definitions)
        _settle(after, settlement)
        for slug in dict.fromkeys(definition.slug for definition in definitions):
            cursor: NodeId = b""
            while entries := old.entries(slug, after=cursor, limit=_AT_ONCE):
                cursor = entries[-1].node
                _add(after, listed=entries)
        for name in old.audience_sizes():
            cursor = b""
            while members := old.audience(name, after=cursor, limit=_AT_ONCE):
                cursor = members[-1].person
                _add(after, entered=members)


def _add(store: ProfileStore, *, listed: list[Listed] | None = None, entered: list[Membership] | None = None) -> None:
    with store.snapshot() as snapshot:
        sequence = snapshot.evaluation().sequence
    _settle(store, Settlement(before=sequence, listed=listed or (), entered=entered or ()))


def _settle(store: ProfileStore, settlement: Settlement) -> None:
    with store.transaction() as transaction:
        transaction.settle(settlement)
