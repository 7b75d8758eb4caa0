"""Raw: what each source sent, verbatim, as `raw.<source>`: a window on the event log, of which the warehouse keeps no copy.

A row is a log entry, before anyone checked it; what became a dead letter is among them. What the log no longer has is in no
row, so whatever erases an entry of the log erases it here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from sqlglot import exp

from onefold.model import Column, Relation
from onefold.warehouse.needs import Bound, Need

SCHEMA = "raw"
OWN = "onefold"
"""The source of judgements, which are no source's: `golden.judgement` has them."""

COLUMNS = (
    Column("log_partition", "integer", "personal", "Partition of the log.", required=True),
    Column("log_offset", "bigint", "personal", "Offset, to which `log_offset` of other relations points.", required=True),
    Column("item", "integer", "personal", "Place in its request or file, from 0.", required=True),
    Column("received_at", "timestamp", "personal", "When it was received.", required=True),
    Column("request_id", "text", "personal", "The request that brought it.", required=True),
    Column("shape", "text", "personal", "Dialect: segment, posthog, mixpanel, amplitude, record, unreadable.", required=True),
    Column("sent_at", "text", "personal", "When the request says that it was sent, as stated."),
    Column("shared", "text", "personal", "JSON that the request states for all of its items."),
    Column("body", "text", "personal", "The bytes as they came; null where they are not UTF-8."),
    Column("body_base64", "text", "personal", "The bytes in Base64, where they are not UTF-8."),
)  # fmt: skip


class Window(msgspec.Struct, frozen=True):
    """Which entries of the log a query can use. Both ends are included; None is no end.

    Attributes:
        partitions: Numbers of partitions.
        offsets: Of entries.
        received_us: When they were received.
        rows: So many of them are enough.
    """

    partitions: tuple[int | None, int | None] = (None, None)
    offsets: tuple[int | None, int | None] = (None, None)
    received_us: tuple[int | None, int | None] = (None, None)
    rows: int | None = None

    def since(self, time_us: int) -> Window:
        """The same, of what was received at that time or later."""
        low, high = self.received_us
        return msgspec.structs.replace(self, received_us=(time_us if low is None else max(low, time_us), high))


def relation_of(source: str) -> Relation:
    """The relation of a source."""
    said = f"What {source} sent, as it came, from the event log."
    return Relation(SCHEMA, source, COLUMNS, "view", said, ("log_partition", "log_offset"))


def relations(sources: Iterable[str]) -> list[Relation]:
    """Those of all sources."""
    return [relation_of(source) for source in sorted(set(sources) - {OWN})]


def window(needs: Sequence[Need], query: exp.Query) -> Window:
    """What of the log a query can use that has these needs of one source's relation."""
    return Window(
        _span(needs, "log_partition"), _span(needs, "log_offset"), _span(needs, "received_at"), _enough(query)
    )  # fmt: skip


def within(span: tuple[int | None, int | None], value: int) -> bool:
    """Whether a value lies between two ends."""
    low, high = span
    return (low is None or low <= value) and (high is None or value <= high)


def _span(needs: Sequence[Need], column: str) -> tuple[int | None, int | None]:
    """From the lowest to the highest value that any need admits."""
    spans = [(_ends(need.get(column, ()))) for need in needs]
    lows, highs = [low for low, _ in spans], [high for _, high in spans]
    return (
        None if None in lows or not lows else min(low for low in lows if low is not None),
        None if None in highs or not highs else max(high for high in highs if high is not None),
    )


def _ends(bounds: Sequence[Bound]) -> tuple[int | None, int | None]:
    lows, highs = [], []
    for bound in bounds:
        numbers = [value for value in bound.among or () if isinstance(value, int)]
        lows += [value for value in (bound.low, min(numbers, default=None)) if value is not None]
        highs += [value for value in (bound.high, max(numbers, default=None)) if value is not None]
    return max(lows, default=None), min(highs, default=None)


def _enough(query: exp.Query) -> int | None:
    """How many rows are enough for `SELECT … FROM one_relation LIMIT 5`; None where all may be needed."""
    parts = {name for name, value in query.args.items() if value}
    limit = query.args.get("limit")
    if (
        not isinstance(query, exp.Select)
        or parts != {"expressions", "from_", "limit"}
        or not isinstance(limit, exp.Limit)
    ):
        return None
    source, most = query.args["from_"].this, limit.expression
    if not isinstance(source, exp.Table) or {n for n, value in source.args.items() if value} - {"this", "db", "alias"}:
        return None
    plain = all(isinstance(item.unalias(), exp.Column | exp.Star) for item in query.expressions)
    return int(most.this) if plain and isinstance(most, exp.Literal) and most.is_int else None
