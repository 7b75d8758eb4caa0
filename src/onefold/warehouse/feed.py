"""The feed: rows of one commit on their way to the warehouse, as a chunk of bytes and back.

A chunk is MessagePack, column by column, compressed and sealed. Its rows are numbered when it is stored: identity first, then
evidence, judgements, events and memberships, so that whoever reads up to any number finds every node of an event in the
identity map.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from onefold.errors import IntegrityError
from onefold.ports.warehouse import FeedChunk
from onefold.warehouse.rows import Columns, EvidenceRow, IdentityRow, JudgementRow, MembershipRow

FORMAT = 1
Transform = Callable[[bytes], bytes]


class Rows(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a chunk holds, column by column; `known_at_us` is the time of its commit."""

    format: int
    known_at_us: int
    identity: Columns
    evidence: Columns
    judgements: Columns
    events: Columns
    memberships: Columns = ()

    def __len__(self) -> int:
        """How many rows there are, of all relations."""
        return sum(map(length, (self.identity, self.evidence, self.judgements, self.events, self.memberships)))


def length(columns: Columns) -> int:
    """How many rows columns hold; the first is never empty."""
    return len(columns[0]) if columns and columns[0] is not None else 0


def _columns(rows: Sequence[tuple[Any, ...]]) -> Columns:
    return [None if column.count(None) == len(column) else column for column in zip(*rows, strict=True)]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Rows).decode


class Feed:
    """Makes chunks of rows, and rows of chunks. Safe for threads as far as what it is given is."""

    def __init__(self, *, seal: Transform, unseal: Transform, compress: Transform, decompress: Transform) -> None:
        self._seal = seal
        self._unseal = unseal
        self._compress = compress
        self._decompress = decompress

    def chunk(
        self,
        known_at_us: int,
        *,
        identity: Sequence[IdentityRow] = (),
        evidence: Sequence[EvidenceRow] = (),
        judgements: Sequence[JudgementRow] = (),
        events: Columns = (),
        memberships: Sequence[MembershipRow] = (),
    ) -> FeedChunk | None:
        """The rows as a chunk, events column by column; None where there are none."""
        identities, links, judged, changes = map(_columns, (identity, evidence, judgements, memberships))
        parts = (identities, links, judged, events, changes)
        rows = sum(map(length, parts))
        if not rows:
            return None
        encoded = _encode((FORMAT, known_at_us, *parts))
        return FeedChunk(rows, self._seal(self._compress(encoded)))

    def rows(self, chunk: FeedChunk) -> Rows:
        """The rows of a chunk.

        Raises:
            IntegrityError: It was altered, or is another workspace's or version's.
        """
        try:
            rows = _decode(self._decompress(self._unseal(chunk.sealed)))
        except (msgspec.DecodeError, msgspec.ValidationError, ValueError) as error:
            raise IntegrityError("A chunk of the warehouse's feed cannot be read; run `onefold rebuild`.") from error
        if rows.format != FORMAT or len(rows) != chunk.rows:
            raise IntegrityError(
                f"A chunk of the warehouse's feed has format {rows.format} and {len(rows)} rows instead of {FORMAT} and"
                f" {chunk.rows}; run `onefold rebuild`."
            )
        return rows
