"""Feeding: what a piece of a batch tells the warehouse, as chunks of rows that its transaction writes."""

from __future__ import annotations

from collections.abc import Container, Sequence

from onefold.identity.resolve import Resolution
from onefold.model import Judgement, NodeId
from onefold.pipelines.context import Context
from onefold.pipelines.stream.batches import Candidate
from onefold.ports import NodeRow
from onefold.ports.warehouse import FeedChunk
from onefold.warehouse.rows import (
    Columns,
    IdentityRow,
    event_columns,
    evidence_row,
    judgement_row,
    moved_rows,
    seen_row,
)

CHUNK_ROWS = 1_000
"""Events of a chunk: it compresses as well as larger ones, and few bytes are read in vain."""


def feed(
    context: Context,
    piece: Sequence[Candidate],
    known: Container[NodeId],
    nodes: Sequence[NodeRow],
    resolution: Resolution,
    judgements: Sequence[Judgement],
) -> list[FeedChunk]:
    """What a piece changes, as rows; none where the workspace has no warehouse.

    Args:
        context: The workspace.
        piece: The events.
        known: Nodes that were stored before.
        nodes: Rows of the nodes that the events are folded into, and of those that are new.
        resolution: Who is who now.
        judgements: What people said of the graph.
    """
    if context.feed is None:
        return []
    identity = [*_seen(piece, known, nodes), *moved_rows(resolution.changes)]
    evidence = [evidence_row(edge) for edge in resolution.edges]
    now_us = context.clock_us()
    judged = [judgement_row(judgement) for judgement in judgements]
    chunks = [
        context.feed.chunk(
            now_us, identity=identity, evidence=evidence, judgements=judged, events=_columns(piece[:CHUNK_ROWS])
        )
    ]
    chunks += [
        context.feed.chunk(now_us, events=_columns(piece[start : start + CHUNK_ROWS]))
        for start in range(CHUNK_ROWS, len(piece), CHUNK_ROWS)
    ]
    return [chunk for chunk in chunks if chunk is not None]


def _columns(piece: Sequence[Candidate]) -> Columns:
    if not piece:
        return ()
    places = [(c.stored.partition, c.stored.offset) for c in piece]
    return event_columns([c.event for c in piece], places, [[named.node for named in c.named] for c in piece])


def _seen(piece: Sequence[Candidate], known: Container[NodeId], nodes: Sequence[NodeRow]) -> list[IdentityRow]:
    new = {row.member.id: row.member for row in nodes if row.member.id not in known}
    if not new:
        return []
    rows = []
    for c in piece:
        for named in c.named:
            member = new.pop(named.node, None)
            if member is not None:
                stored = c.stored
                rows.append(
                    seen_row(member, named.type, named.value, stored.partition, stored.offset, stored.entry.request_id)
                )  # fmt: skip
    return rows
