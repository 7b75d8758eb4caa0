"""Lists: static segments, whose members are whoever has an identifier that is on the list, now or later."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from onefold.errors import NotFoundError, UsageError, nearest
from onefold.model import Identifier, NodeId
from onefold.pipelines import judgements
from onefold.pipelines.audiences.applying import current
from onefold.pipelines.context import Context
from onefold.pipelines.stream.marking import mark
from onefold.ports.audiences import Listed, Settlement

_AT_ONCE = 20_000


class Changed(msgspec.Struct, frozen=True):
    """What an upload did: identifiers that were read, and that are on the list now and were not before, or the opposite."""

    read: int
    changed: int


def change(context: Context, slug: str, identifiers: Sequence[Identifier], *, remove: bool = False) -> Changed:
    """Put identifiers on a list, or take them from it. All of them or none.

    Raises:
        ConflictError: Somebody settled meanwhile. Nothing was changed.
        NotFoundError: There is no such segment.
        UsageError: It is not a list, or identifiers cannot name anybody; the message says which. Nothing was changed.
    """
    nodes = list(dict.fromkeys(_nodes(context, identifiers)))
    with context.store.snapshot() as snapshot:
        state = snapshot.evaluation()
        _, definitions = current(snapshot)
        definition = definitions.get(slug)
        if definition is None:
            raise NotFoundError(f"There is no segment `{slug}`{nearest(slug, definitions) or '.'}")
        if definition.kind != "static":
            raise UsageError(f"`{slug}` is a {definition.kind} segment: its rule says who is in it.")
        there = {one.node for one in snapshot.listed(nodes) if one.audience == slug}
    some = [node for node in nodes if (node in there) == remove]
    entries = [Listed(slug, node) for node in some]
    settlement = Settlement(
        before=state.sequence,
        marked=[mark(some[start : start + _AT_ONCE], listed=True) for start in range(0, len(some), _AT_ONCE)],
        listed=() if remove else entries,
        unlisted=entries if remove else (),
    )
    if some:
        with context.store.transaction() as transaction:
            transaction.settle(settlement)
    return Changed(len(identifiers), len(some))


def _nodes(context: Context, identifiers: Iterable[Identifier]) -> Iterable[NodeId]:
    wrong: list[int] = []
    for number, identifier in enumerate(identifiers, start=1):
        node = judgements.subject(identifier, context.identity, context.hasher)
        if node is None:
            wrong.append(number)
        else:
            yield node
    if wrong:
        first = ", ".join(map(str, wrong[:5])) + (" …" if len(wrong) > 5 else "")
        raise UsageError(f"{len(wrong):,} identifiers cannot name anybody (number {first}). Nothing was changed.")
