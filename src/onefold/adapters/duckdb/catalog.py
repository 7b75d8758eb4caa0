"""The catalog of one moment: all relations that can be asked, what views are, and which properties have columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec
from sqlglot import exp

from onefold.model import Relation
from onefold.ports import ProfileSnapshot
from onefold.ports.warehouse import ManifestReader
from onefold.warehouse import promoted as promoting
from onefold.warehouse import raw, views
from onefold.warehouse.promoted import Promoted
from onefold.warehouse.relations import EVENT

_decode = msgspec.msgpack.Decoder(Relation).decode
encode = msgspec.msgpack.Encoder().encode


@dataclass(frozen=True, slots=True)
class Catalog:
    """What can be asked.

    Attributes:
        known: All relations, by full name.
        trees: What each view is, in an order in which each comes after those that it reads.
        promoted: Properties of events that have columns.
    """

    known: Mapping[str, Relation]
    trees: Mapping[str, exp.Query]
    promoted: Sequence[Promoted]


def catalog(snapshot: ProfileSnapshot, *, with_raw: bool) -> Catalog:
    """The catalog of a snapshot of the store."""
    known = dict(views.RELATIONS) | {name: _decode(data) for name, data in snapshot.relations().items()}
    trees: Mapping[str, exp.Query] = views.queries()
    found = promoting.promoted_of(known.pop(promoting.RECORDED, EVENT))
    if found:
        events = views.ENGAGEMENT_EVENT.full_name
        known |= {one.full_name: promoting.extended(one, found) for one in (EVENT, views.ENGAGEMENT_EVENT)}
        tree = trees[events]
        assert isinstance(tree, exp.Select)  # noqa: S101  tells the type checker what the view is
        columns = [exp.column(one.column, quoted=True) for one in found]
        trees = {**trees, events: tree.select(*columns)}
    if with_raw:
        sources = {tally.source for tally in snapshot.tallies()}
        known |= {relation.full_name: relation for relation in raw.relations(sources)}
    return Catalog(known, trees, found)


def promoted(manifest: ManifestReader) -> list[Promoted]:
    """Which properties of events have columns."""
    data = manifest.relations().get(promoting.RECORDED)
    return [] if data is None else promoting.promoted_of(_decode(data))


def record(found: Sequence[Promoted]) -> Mapping[str, bytes]:
    """What the manifest holds of promoted columns, for `ManifestChange.relations`."""
    # A view, so that nobody takes it for rows to be copied.
    bare = Relation("staging", "promoted", (), "view", "Properties of events that have columns.")
    return {promoting.RECORDED: encode(promoting.extended(bare, found))}
