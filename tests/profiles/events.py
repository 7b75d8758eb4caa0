"""Events for tests of the folds, written briefly, and a strategy that makes them collide."""

from __future__ import annotations

import hashlib
from typing import Any

from hypothesis import strategies as st

from onefold.model import ConsentStatement, Event, GroupStatement, Identifier, Kind, OperationStatement
from onefold.profiles.settings import ProfileSettings
from onefold.profiles.survivorship import Survivorship

MINUTE_US = 60_000_000
DAY_US = 1_440 * MINUTE_US

SETTINGS = ProfileSettings(
    survivorship={
        "name": Survivorship("longest"),
        "city": Survivorship("source_rank", ("crm", "shop")),
        "plan": Survivorship("most_frequent"),
        "address": Survivorship("most_complete"),
        "mail": Survivorship("latest_engagement"),
    },
    tracked_events=frozenset({"Application Submitted"}),
    consent_authorities=frozenset({"crm"}),
    candidates_kept=2,
    state_bytes=128,
)
"""Small limits, so that little data reaches them: 8 small values, 4 medium, 2 large; 4 slices, purposes, currencies."""


def event(
    number: int,
    at_us: int = 0,
    *,
    name: str = "Story Read",
    kind: Kind = "track",
    source: str = "web",
    traits: dict[str, Any] | None = None,
    properties: dict[str, Any] | None = None,
    consents: dict[str, bool] | None = None,
    person_level: bool = False,
    once: dict[str, Any] | None = None,
    cleared: tuple[str, ...] = (),
    groups: tuple[GroupStatement, ...] = (),
    operations: tuple[OperationStatement, ...] = (),
    identifiers: tuple[Identifier, ...] = (),
) -> Event:
    """Event `number`, at a time."""
    return Event(
        id=hashlib.blake2b(str(number).encode(), digest_size=16).digest(),
        message_id=f"m{number}",
        kind=kind,
        name=name,
        source=source,
        identifiers=identifiers,
        received_at_us=at_us,
        timestamp_us=at_us,
        traits=traits or {},
        traits_once=once or {},
        cleared=cleared,
        groups=groups,
        operations=operations,
        properties=properties or {},
        context={"consent": {"person_level": True}} if person_level else {},
        consents=tuple(ConsentStatement(p, g) for p, g in (consents or {}).items()),
    )


_LARGE = ["m" * 100, "n" * 100, ["l" * 50] * 3, "x" * 500, "y" * 500, {"z": "z" * 500}]
_VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        "Ann",
        "Anna",
        "A.",
        "",
        " ",
        1,
        1.0,
        True,
        "1",
        0.0,
        -0.0,
        2**70,
        [],
        ["x", None],
        {"b": 1, "a": ""},
        {"a": "x"},
        *_LARGE,
    ]
)
_FIELDS = st.sampled_from(["name", "city", "plan", "address", "mail", "tier", "a field", *"pqrs"])
_GROUPS = st.builds(
    GroupStatement,
    st.sampled_from(["company", "team"]),
    st.sampled_from(["g1", "g2", "g3"]),
    st.dictionaries(st.sampled_from(["name", "size", "a", "b", "c"]), st.none() | _VALUES, max_size=3),
)
OPERATIONS = st.builds(
    OperationStatement,
    st.sampled_from(["tier", "name", "n"]),
    st.sampled_from(["append", "prepend", "union", "union_first", "remove"]),
    st.sampled_from(["a", "b", 1]),
) | st.builds(
    OperationStatement, st.sampled_from(["tier", "n", "m"]), st.just("add"), st.sampled_from([1, -2, 0.1, 0.25, 10**14])
)  # fmt: skip
_AMOUNTS: st.SearchStrategy[Any] = st.sampled_from(
    [0.1, 0.2, 1, -3, "12.50", "1,5", None, True, 1e300, "10.0", 1e14, 10**14, "0.000000000001", {}, "-0"]
)


_CURRENCIES = [None, "EUR", "eur ", "€", "GBP", "CHF", "SEK", "NOK"]
_PURPOSES = st.sampled_from(["email", "sms", "all", "ads", "analytics", "post", "calls"])


@st.composite
def event_lists(draw: st.DrawFn, max_size: int = 14, *, first: int = 0) -> list[Event]:
    """Different events about one node, with few sources, fields, values and times, so that they tie and collide.

    Times stand on and one beside the session gap. Events are numbered from `first`: an event belongs to one node, so
    lists for several nodes must not share numbers.
    """
    events = []
    for number in range(first, first + draw(st.integers(0, max_size))):
        step = draw(st.integers(0, 6)) * 30 * MINUTE_US + draw(st.sampled_from([0, 0, 1, -1]))
        events.append(
            event(
                number,
                max(0, step),
                name=draw(st.sampled_from(["Order Completed", "Application Submitted", "Story Read"])),
                kind=draw(st.sampled_from(["track", "identify", "record"])),
                source=draw(st.sampled_from(["crm", "shop", "web"])),
                traits=draw(st.dictionaries(_FIELDS, _VALUES, max_size=4)),
                once=draw(st.dictionaries(_FIELDS, _VALUES, max_size=2)),
                cleared=tuple(draw(st.lists(_FIELDS, max_size=2, unique=True))),
                operations=tuple(draw(st.lists(OPERATIONS, max_size=2))),
                groups=tuple(draw(st.lists(_GROUPS, max_size=2, unique_by=lambda g: (g.type, g.id)))),
                properties={"revenue": draw(_AMOUNTS), "currency": draw(st.sampled_from(_CURRENCIES))},
                consents=draw(st.dictionaries(_PURPOSES, st.booleans(), max_size=3)),
                person_level=draw(st.booleans()),
            )
        )
    return events


@st.composite
def crowded_event_lists(draw: st.DrawFn) -> list[Event]:
    """Many statements of one field by one or two sources, so that values are dropped and then stated again."""
    field = draw(st.sampled_from(["name", "city", "plan", "address", "mail", "tier"]))
    values: list[Any] = ["a", "bb", "cc", "ddd", {"x": "1", "y": "2"}]
    statements = draw(
        st.lists(
            st.tuples(
                st.sampled_from(values),
                st.integers(0, 9),
                st.sampled_from(["web", "web", "crm"]),
                st.sampled_from(["Story Read", "Order Completed"]),
            ),
            min_size=4,
            max_size=12,
        )
    )
    return [
        event(n, at, source=source, name=name, traits={field: value})
        for n, (value, at, source, name) in enumerate(statements)
    ]


@st.composite
def cleared_event_lists(draw: st.DrawFn) -> list[Event]:
    """Statements of one field, plain, once and clears, by sources that rank differently, with times that tie."""
    field = draw(st.sampled_from(["name", "city", "address", "mail", "mail", "tier"]))
    kinds = st.sampled_from(["plain", "plain", "once", "clear"])
    sources = st.sampled_from(["web", "crm", "shop"])
    events = []
    for number in range(draw(st.integers(1, 9))):
        kind, at, source = draw(kinds), draw(st.integers(0, 5)), draw(sources)
        value = draw(st.sampled_from(["a", "bb", "cc", "ddd", {"x": "1", "y": "2"}]))
        events.append(
            event(
                number, at, source=source, name=draw(st.sampled_from(["Story Read", "Order Completed"])),
                traits={field: value} if kind == "plain" else None,
                once={field: value} if kind == "once" else None,
                cleared=(field,) if kind == "clear" else (),
            )
        )  # fmt: skip
    return events
