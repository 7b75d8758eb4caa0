"""Folding: a batch's new events, each taken into the state of the node that it is anchored at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from onefold.identity.hashing import sealed_value
from onefold.identity.resolve import Resolution
from onefold.model import NodeId, Rejected
from onefold.pipelines.context import Context
from onefold.pipelines.stream import internal_errors
from onefold.pipelines.stream.batches import Candidate
from onefold.ports import NodeRow
from onefold.profiles import consents
from onefold.profiles import state as folds
from onefold.profiles.settings import ProfileSettings

_ADDRESSES = frozenset({"email", "phone"})
"""Normalisers of the types that something can be sent to."""

Broken = tuple[Candidate, Rejected]
"""An event on which our code breaks, and what becomes of it."""


def fold(
    context: Context, fresh: Sequence[Candidate], rows: dict[NodeId, NodeRow], resolution: Resolution
) -> tuple[list[NodeRow], list[Broken]]:
    """Fold each event into its anchor's state; give every new node a key and a row.

    Returns:
        The rows to save, and the events on which it broke, all of them. Where there are such, the rows are not whole.
    """
    by_anchor: dict[NodeId, list[Candidate]] = defaultdict(list)
    naming: dict[NodeId, list[Candidate]] = defaultdict(list)
    values: dict[NodeId, str] = {}
    for candidate in fresh:
        by_anchor[candidate.named[0].node].append(candidate)
        for identifier in candidate.named:
            if identifier.node not in rows:
                values[identifier.node] = sealed_value(identifier)
        if candidate.event.consents:
            for identifier in candidate.named[1:]:
                # What is said of consent is said of the address, too, whoever says it.
                if context.identity.type(identifier.type).normaliser in _ADDRESSES:
                    naming[identifier.node].append(candidate)
    sealer, settings, places = context.sealer, context.profiles, resolution.members
    saved: list[NodeRow] = []
    broken: list[Broken] = []
    for node in dict.fromkeys((*by_anchor, *naming)):
        candidates, named_in = by_anchor.get(node, []), naming.get(node, [])
        row = rows.get(node)
        before = folds.close_bare(values.pop(node)) if row is None else sealer.open(row)
        try:
            after = _folded(before, candidates, settings, named_in)
        except Exception as error:
            if not internal_errors.is_ours(error):
                raise
            # What is half folded is thrown away: each try begins with what is stored.
            found = internal_errors.culprits(partial(_folded, before, settings=settings), candidates)
            if not found:
                raise
            broken += found
        if broken:
            continue
        if row is None:
            key, secret = sealer.new_key(node)
            sealer.remember(node, key, secret)
            saved.append(NodeRow(places[node], key, 1, sealer.seal(node, 1, secret, after)))
        else:
            member, version = places.get(node) or row.member, row.version + 1
            saved.append(NodeRow(member, row.key, version, sealer.seal(node, version, row.key, after)))
    if broken:
        return [], broken
    for node, value in values.items():
        key, secret = sealer.new_key(node)
        saved.append(NodeRow(places[node], key, 1, sealer.seal(node, 1, secret, folds.close_bare(value))))
    return saved, []


def broken_repeats(
    candidates: Sequence[Candidate], broken: Sequence[Broken], settings: ProfileSettings
) -> list[Broken]:
    """Repeats of broken events that break too: each would be the first of its id, once the one before is set aside."""
    ids = {c.event.id for c, _ in broken}
    known = {id(c) for c, _ in broken}
    repeats = [c for c in candidates if c.event.id in ids and id(c) not in known]
    # What breaks only on top of the stored state is found when it is the first.
    return internal_errors.culprits(partial(_folded, folds.close_bare(""), settings=settings), repeats)


def _folded(
    before: bytes, candidates: Sequence[Candidate], settings: ProfileSettings, named_in: Sequence[Candidate] = ()
) -> bytes:
    """What a node holds after these events, and after those anchored elsewhere whose consents name it."""
    value, state = folds.open_node(before)
    held = folds.put_visits_aside(state)
    for candidate in candidates:
        others = [n.node for n in candidate.named[1:]] if candidate.event.consents else ()
        folds.fold(state, candidate.event, settings, others)
    folds.add_visits(state, held, settings)
    for candidate in named_in:
        consents.hear(state.named, candidate.event)
    folds.bound_consents(state, settings)
    return folds.close_node(value, state)
