"""The basis of rules: what a store knows beside people that rules read, as of one snapshot.

By the cut points of the latest RFM runs people are scored. An aggregate that the stream keeps, and whose past is not filled
in, is unknown to rules: a part of the events is no answer.
"""

from __future__ import annotations

from dataclasses import replace

import msgspec

from onefold.audiences import progress as states
from onefold.audiences.progress import Progress
from onefold.pipelines.context import Context
from onefold.ports import ProfileSnapshot
from onefold.profiles.computed import begun
from onefold.profiles.settings import Basis
from onefold.rfm.fields import Scorer
from onefold.rfm.outcome import read_cut_points

NOTHING = Basis()


def basis_of(context: Context, snapshot: ProfileSnapshot, progress: Progress, *, planned: bool = False) -> Basis:
    """What rules read of a store.

    With `planned`, for rules that are not applied yet: they may know what the stream has not begun to keep for them, as
    the warehouse has it.
    """
    known = begun.read(snapshot.kept())
    filling = set()
    for base, one in context.profiles.computed.by_base.items():
        there = known.get(base)
        if there is None or there.gone:
            if not planned:
                filling.add(one.aggregate)
        elif not there.live:
            filling.add(one.aggregate)
    return Basis(_scorers(context, progress), frozenset(filling))


def based(context: Context, snapshot: ProfileSnapshot) -> Context:
    """The context for whoever tells lifecycle stages as of a snapshot; as it is where their rules read none of this."""
    lifecycle = context.profiles.lifecycle
    if context.profiles.basis != NOTHING or not (lifecycle.aggregates or lifecycle.scored):
        return context
    basis = basis_of(context, snapshot, states.decode(snapshot.evaluation().body))
    return replace(context, profiles=msgspec.structs.replace(context.profiles, basis=basis))


def _scorers(context: Context, progress: Progress) -> tuple[Scorer, ...]:
    """What scores people by the runs that there were, of the definitions as they are now."""
    found = []
    for definition in context.rfm:
        latest = progress.scores.get(definition.name)
        if latest is not None and latest.definition == definition.fingerprint:
            cut_points = read_cut_points(latest.cut_points)
            if cut_points.recency:
                found.append(Scorer(definition, cut_points))
    return tuple(found)
