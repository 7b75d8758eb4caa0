"""Backfilling: the past of computed traits that are new, from the warehouse into the states of the nodes.

The stream folds a new trait from the first batch of its configuration on, and the store knows which batch that was. What was
processed before is read from the warehouse, folded in columns to what the stream's fold leaves, and added to the states of
some thousand nodes at a time; the transaction also says up to which node that is done. So each event counts once, whenever
this is ended, and whatever the stream does meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from onefold.errors import ConfigurationError, ConflictError
from onefold.model import NodeId
from onefold.pipelines.context import Context
from onefold.pipelines.stream.marking import mark
from onefold.ports import Changes, NodeRow
from onefold.ports.warehouse import QueryLimits, Warehouse
from onefold.profiles import state as folds
from onefold.profiles.computed import begun as beginnings
from onefold.profiles.computed import plan as computing
from onefold.profiles.computed.begun import Begun
from onefold.profiles.computed.plan import Held, Plan
from onefold.warehouse.events import columns_of, names_in
from onefold.warehouse.query import parse

_NODES_AT_ONCE = 2_000
_EVENTS_AT_ONCE = 400_000
_LIMITS = QueryLimits(seconds=3_600.0, memory_mb=2_048, result_mb=2_048)
_LAST = b"\xff" * 16


class Backfilled(msgspec.Struct, frozen=True):
    """What was done: how many aggregates hold all events now, of how many events and nodes their past was."""

    aggregates: int
    events: int
    nodes: int


def waiting(context: Context) -> dict[str, Begun]:
    """The aggregates whose past is not filled in, by base; of those the stream has begun to keep."""
    with context.store.snapshot() as snapshot:
        known = beginnings.read(snapshot.kept())
    return {base: known[base] for base in context.profiles.computed.by_base if base in known and not known[base].live}


def backfill(context: Context, warehouse: Warehouse) -> Backfilled:
    """Fill in the past of all aggregates that lack it; goes on where it was ended.

    Raises:
        ConfigurationError: The warehouse lacks events that were processed before it was there.
        ConflictError: Somebody else fills in the same.
    """
    pending = waiting(context)
    if not pending:
        return Backfilled(0, 0, 0)
    _require_all(context, warehouse)
    events = nodes = 0
    values_max = context.profiles.limits.values
    for some in _alike(pending):
        first = pending[some[0]]
        kept = context.profiles.computed
        plan = computing.plan(
            [kept.by_base[base].aggregate for base in some],
            values_max=values_max,
            tiles_max=context.profiles.limits.tiles,
            epochs=context.profiles.epochs,
        )
        for after, until in _ranges(warehouse, plan, first):
            found = _folded(warehouse, plan, values_max, first.offsets, after, until)
            events += found.events
            ids = sorted(found.states)
            for start in range(0, len(ids) or 1, _NODES_AT_ONCE):
                part = ids[start : start + _NODES_AT_ONCE]
                last = until if start + _NODES_AT_ONCE >= len(ids) else part[-1]
                nodes += _add(context, {node: found.states[node] for node in part}, some, after, last)
                after = last  # noqa: PLW2901  as far as it is done
    return Backfilled(len(pending), events, nodes)


class _Found(NamedTuple):
    states: dict[NodeId, Held]
    events: int


def _alike(pending: Mapping[str, Begun]) -> list[list[str]]:
    """The bases of those that began and stand alike, so that one reading serves them all."""
    groups: dict[bytes, list[str]] = {}
    for base, one in sorted(pending.items()):
        groups.setdefault(beginnings.encode(msgspec.structs.replace(one, epoch=0)), []).append(base)
    return list(groups.values())


def _require_all(context: Context, warehouse: Warehouse) -> None:
    with context.store.snapshot() as snapshot:
        stored = snapshot.counts()["events"]
    table = warehouse.run(parse("SELECT count(*) AS many FROM staging.event"))
    if table["many"][0].as_py() < stored:
        raise ConfigurationError(
            "the warehouse lacks events that were processed before it was installed, so new traits cannot be filled in from "
            "it; run `onefold rebuild`"
        )


def _ranges(warehouse: Warehouse, plan: Plan, first: Begun) -> Iterator[tuple[bytes, bytes]]:
    """Ranges of node ids, (after, until], each of so many events as fit memory."""
    query = f"SELECT count(*) AS many FROM staging.event WHERE {_of(plan, first.offsets)}"  # noqa: S608  names are quoted
    table = warehouse.run(parse(query), _LIMITS)
    parts = max(1, -(-int(table["many"][0].as_py()) // _EVENTS_AT_ONCE))
    after = first.filled
    for number in range(1, parts + 1):
        until = _LAST if number == parts else ((number << 128) // parts).to_bytes(16, "big")
        if until > after:
            yield after, until
            after = until


def _folded(
    warehouse: Warehouse, plan: Plan, values_max: int, offsets: Mapping[int, int], after: bytes, until: bytes
) -> _Found:
    """What the events of these nodes add up to, by node."""
    from onefold.profiles.computed import columns  # noqa: PLC0415  only where there is a warehouse

    nodes = f"node <= '{until.hex()}'::UUID" + (f" AND node > '{after.hex()}'::UUID" if after else "")
    # The properties of each event are read once.
    members = columns.members(plan)
    paths = ", ".join("'/" + name.replace("~", "~0").replace("/", "~1").replace("'", "''") + "'" for name in members)
    wanted = [columns_of("e.node", "e.name", "e.event_at", "e.event_id", "e.source")]
    wanted += [f"e.members[{n + 1}] AS {columns.member_column(n)}" for n in range(len(members))]
    query = (
        f"SELECT {', '.join(wanted)} FROM (SELECT node, name, event_at, event_id, source, "  # noqa: S608  names are quoted
        f"json_extract(properties, [{paths}]) AS members FROM staging.event WHERE {_of(plan, offsets)} AND {nodes}) AS e "
        "ORDER BY e.node, e.event_at, e.event_id"
    )
    table = warehouse.run(parse(query), _LIMITS)
    return _Found(columns.folded(table, plan, values_max), table.num_rows)


def _of(plan: Plan, offsets: Mapping[int, int]) -> str:
    before = " OR ".join(
        f"(log_partition = {partition} AND log_offset <= {offset})" for partition, offset in sorted(offsets.items())
    )
    return f"name IN ({names_in(plan.by_event)}) AND ({before})"


def _add(context: Context, states: Mapping[NodeId, Held], bases: Sequence[str], after: bytes, until: bytes) -> int:
    """Add to the states of nodes, and say that this is done up to a node; the nodes that are still there.

    Raises:
        ConflictError: Somebody else fills in the same, or the configuration has it no more.
    """
    sealer, plan = context.sealer, context.profiles.computed
    with context.store.transaction() as transaction:
        rows = transaction.nodes(sorted(states))
        # Only now that the nodes are locked: of two that fill in the same, the second has to see what the first did.
        known = beginnings.read(transaction.kept())
        if any(known[base].gone or known[base].live or known[base].filled != after for base in bases):
            raise ConflictError("somebody else fills in the past of these traits")
        saved = []
        for node, row in rows.items():
            value, state = folds.open_node(sealer.open(row))
            state.computed = computing.combined([part for part in (state.computed, states[node]) if part], plan)
            version = row.version + 1
            sealed = sealer.seal(node, version, row.key, folds.close_node(value, state))
            saved.append(NodeRow(row.member, row.key, version, sealed))
        live = until == _LAST
        done = {
            base: beginnings.encode(msgspec.structs.replace(known[base], filled=until, live=live)) for base in bases
        }
        transaction.write(Changes(offsets={}, nodes=saved, marks=[mark(sorted(rows))] if rows else [], kept=done))
    return len(rows)
