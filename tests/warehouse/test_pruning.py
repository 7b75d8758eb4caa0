"""Pruning: a query opens the files that can hold what it asks for and no others, and its answer is the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import workbench
from tests.warehouse.yard import Yard

from onefold.adapters.duckdb.compaction import Compactor
from onefold.warehouse import needs
from onefold.warehouse.query import parse

NAMES = ("Read", "Bought", "Left")
DAY = 86_400


def opened(yard: Yard, query: str) -> list[str]:
    """Names of the files of events that a query opens."""
    run, found = yard.warehouse._process.run, []

    def watched(request, descriptors):
        found.extend(name for stored in request.stored for name, _ in stored.files if name.startswith("staging.event"))
        return run(request, descriptors)

    yard.warehouse._process = type("Watched", (), {"run": staticmethod(watched)})()
    try:
        yard.warehouse.run(parse(query))
    finally:
        yard.warehouse._process = type("Plain", (), {"run": staticmethod(run)})()
    return found


def filled(directory, queries, loads: int = 6) -> Yard:
    """A day a load: events of one name of three, by people of their own; the last two days wait in the feed."""
    yard = Yard(workbench.context(), directory, queries)
    for day in range(loads + 2):
        bodies = [
            {
                "type": "track", "event": NAMES[day % 3], "userId": f"u{day}-{n}", "messageId": f"{day}-{n}",
                "timestamp": workbench.iso(day * DAY + n),
            }
            for n in range(4)
        ]  # fmt: skip
        entries = [
            workbench.entry(body, source=f"s{day % 2}", index=n, received_at_us=workbench.NOW_US + day)
            for n, body in enumerate(bodies)
        ]
        yard.context.log.append(entries)
        yard.receive()
        if day < loads:
            yard.load()
    return yard


@pytest.fixture(scope="module")
def week(tmp_path_factory, queries):
    return filled(tmp_path_factory.mktemp("week"), queries)


@pytest.mark.parametrize(
    ("query", "files"),
    [
        ("SELECT count(*) AS n FROM staging.event", 6),
        ("SELECT count(*) AS n FROM staging.event WHERE event_at < '2026-06-03'", 2),
        ("SELECT count(*) AS n FROM golden.engagement_event AS e WHERE e.event_at >= TIMESTAMP '2026-06-05'", 2),
        ("SELECT count(*) AS n FROM staging.event WHERE event_at > TIMESTAMP '2026-06-06' - INTERVAL 1 DAY", 2),
        ("SELECT count(*) AS n FROM event WHERE name = 'Bought'", 2),
        ("SELECT count(*) AS n FROM event WHERE name IN ('Bought', 'Left') AND source = 's0'", 2),
        ("SELECT count(*) AS n FROM event WHERE name = 'Bought' OR source = 's0'", 6),
        ("SELECT * FROM (SELECT * FROM staging.event WHERE sequence <= 16) AS e WHERE e.sequence > 8", 1),
        ("SELECT * FROM event WHERE name = 'Read' UNION ALL SELECT * FROM event WHERE name = 'Left'", 4),
        ("SELECT * FROM golden.identity AS i WHERE EXISTS (SELECT 1 FROM event WHERE name = 'Left')", 2),
        ("SELECT * FROM staging.record", 0),
    ],
)
def test_a_query_opens_what_it_can_need(week, query, files):
    """By time, sequence, name and source, through views and subqueries; of two mentions what either needs."""
    assert len(opened(week, query)) == files


def test_after_a_compaction_a_node_is_looked_for_in_its_bucket(tmp_path, queries):
    """What is in eight files by node is read from one of them."""
    yard = filled(tmp_path, queries)
    (row, *_) = yard.rows("SELECT node FROM staging.event ORDER BY sequence")
    assert Compactor(yard.context.store, yard.files, rows=5).compact()
    assert len(opened(yard, "SELECT * FROM staging.event")) > 4
    query = f"SELECT count(*) AS n FROM staging.event WHERE node = '{row['node']}'"  # noqa: S608  a uuid
    assert len(opened(yard, query)) == 1
    assert yard.rows(query) == [{"n": 1}]


def test_files_of_an_earlier_version_are_opened(week, monkeypatch):
    """A file of which nothing is known may hold anything."""
    from onefold.adapters.duckdb.summaries import Summary

    monkeypatch.setattr(week.files, "summary", lambda _: Summary())
    assert len(opened(week, "SELECT count(*) AS n FROM staging.event WHERE event_at < '2026-06-03'")) == 6


CONDITIONS = st.sampled_from(
    [
        "{e}event_at >= '2026-06-03'", "{e}event_at < TIMESTAMP '2026-06-04 00:00:02'", "{e}name = 'Bought'",
        "{e}event_at BETWEEN '2026-06-02' AND DATE '2026-06-05'", "'2026-06-03' > {e}event_at", "{e}sequence >= 20",
        "{e}name <> 'Read'", "NOT {e}name = 'Read'", "{e}name IN ('Read', 'Left')", "{e}source = 's1'",
        "({e}name = 'Read' OR {e}source = 's0')", "{e}name = lower('READ')", "coalesce({e}original_name, 'x') = 'x'",
        "{e}original_name IS NULL", "{e}sequence % 2 = 0", "{e}event_at = '2026-06-02 00:00:01'", "16 >= {e}sequence",
    ]
)  # fmt: skip
SHAPES = st.sampled_from(
    [
        "SELECT sequence AS k FROM staging.event AS e WHERE {where}",
        "SELECT sequence AS k FROM golden.engagement_event AS e WHERE {where}",
        (
            "SELECT k FROM (SELECT sequence AS k, name, source, event_at, sequence, original_name FROM event AS e"
            " WHERE {inner}) AS e WHERE {where}"
        ),
        (
            "SELECT k FROM (SELECT count(*) AS k, name, max(source) AS source, max(event_at) AS event_at,"
            " max(sequence) AS sequence, NULL::VARCHAR AS original_name FROM event AS e WHERE {inner} GROUP BY name) AS e"
            " WHERE {where}"
        ),
        (
            "SELECT k FROM (SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY name ORDER BY sequence) AS k FROM event)"
            " AS e WHERE {inner}) AS e WHERE {where}"
        ),
        "SELECT i.sequence AS k FROM golden.identity AS i LEFT JOIN event AS e ON e.node = i.node WHERE {where}",
        (
            "SELECT i.sequence AS k FROM golden.identity AS i WHERE NOT EXISTS (SELECT 1 FROM event AS e WHERE"
            " e.node = i.node AND {where})"
        ),
        (
            "WITH x AS (SELECT * FROM event AS e WHERE {inner}) SELECT e.sequence AS k FROM x AS e, event AS f"
            " WHERE f.sequence = e.sequence AND {where}"
        ),
        "SELECT sequence AS k FROM event AS e WHERE {inner} UNION SELECT sequence FROM event AS e WHERE {where}",
        (
            "SELECT k FROM (SELECT sequence AS k, lower(name) AS name, source, event_at, sequence, original_name"
            " FROM event AS e) AS e WHERE {where}"
        ),
        "SELECT k FROM (SELECT sequence AS k, e.* FROM event AS e ORDER BY sequence LIMIT 9) AS e WHERE {where}",
    ]
)
QUERIES = st.builds(
    lambda shape, where, inner: shape.format(
        where=" AND ".join(c.format(e="e.") for c in where), inner=" AND ".join(c.format(e="") for c in inner)
    ),
    SHAPES,
    st.lists(CONDITIONS, min_size=1, max_size=3),
    st.lists(CONDITIONS, min_size=1, max_size=2),
)


def answer(yard: Yard, query: str) -> list[int]:
    return sorted(row["k"] for row in yard.rows(query))


def same(yard: Yard, query: str) -> None:
    """The answer is what it is with every file open."""
    pruned = answer(yard, query)
    needed = type(yard.warehouse)._needed
    type(yard.warehouse)._needed = lambda _self, segments, _needs: segments
    try:
        assert pruned == answer(yard, query)
    finally:
        type(yard.warehouse)._needed = needed


@given(QUERIES)
@settings(max_examples=25)
def test_no_answer_depends_on_pruning(week, query):
    """Whatever is asked, in whatever shape: the rows are those that all files together give."""
    same(week, query)


def _excluded(patch):
    """Bounds are taken for the other end."""
    turned = {kind: sides[::-1] for kind, sides in needs._COMPARED.items()}
    patch.setattr(needs, "_COMPARED", turned)


def _grouped(patch):
    """Conditions on a result that is grouped, ranked or cut off reach below it."""
    patch.setattr(needs, "_MIXING", ())
    patch.setattr(needs, "_MAKING", (needs.exp.Lambda,))


def _disjoined(patch):
    """Both sides of OR must hold."""
    patch.setattr(needs, "_conjuncts", lambda condition: condition.unnest().flatten())


RANKED = "SELECT k FROM (SELECT *, row_number() OVER (ORDER BY sequence) AS k FROM event) AS e WHERE name = 'Left'"


@pytest.mark.parametrize(
    ("planted", "query"),
    [
        (_excluded, "SELECT sequence AS k FROM event WHERE event_at >= '2026-06-03'"),
        (_grouped, RANKED),
        (_disjoined, "SELECT sequence AS k FROM event WHERE name = 'Read' OR source = 's1'"),
    ],
)  # fmt: skip
def test_a_mistake_in_pruning_is_noticed(week, planted, query, monkeypatch):
    """Negative control: with the mistake planted the answer differs, and without it does not."""
    same(week, query)
    planted(monkeypatch)
    with pytest.raises(AssertionError):
        same(week, query)
