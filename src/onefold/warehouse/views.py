"""Views: relations worked out when they are read, each one query over logs and other views.

They are written in DuckDB's SQL, in what every engine has, and parsed once: `queries` gives the trees. Columns of a join
are named one by one, because of `e.*` ClickHouse makes others.
"""

from __future__ import annotations

from functools import cache
from types import MappingProxyType

from sqlglot import exp

from onefold.model import Column, Relation
from onefold.warehouse import profiles_sync
from onefold.warehouse.query import parse
from onefold.warehouse.relations import EVENT, KNOWN_AT, LOGS, PROFILE_CHANGE, SEQUENCE

DIALECT = "duckdb"
_NODE = Column("node", "uuid", description="Identity node.", required=True)
_PERSON = Column("person", "uuid", description="The profile's id.", required=True)


def _view(
    name: str, columns: tuple[Column, ...], description: str, key: tuple[str, ...], schema: str = "golden"
) -> Relation:
    return Relation(schema, name, columns, "view", description, key)


IDENTITY = _view(
    "identity",
    (
        _NODE,
        _PERSON,
        Column("type", "text", description="Identifier type.", required=True),
        Column("value", "text", "identifier", "The normalised identifier.", required=True),
        Column("sequence", "bigint", description="The latest change.", required=True),
    ),
    "Whose each node is now.",
    ("node",),
)
PROFILE = _view(
    "profile",
    tuple(column for column in PROFILE_CHANGE.columns if column.name != "gone"),
    "Each person as they are now.",
    ("person",),
)
ENGAGEMENT_EVENT = _view(
    "engagement_event", (_PERSON, *EVENT.columns), "Events with the person whose they are now.", ("event_id",)
)
CONSENT_CHANGE = _view(
    "consent_change",
    (
        SEQUENCE,
        Column("event_id", "uuid", description="The event that states it.", required=True),
        _NODE,
        Column("nodes", "uuids", description="All nodes that the event names; it speaks of them, too.", required=True),
        Column("source", "text", description="Where it was collected.", required=True),
        Column("purpose", "text", description="email, analytics, ads, sms, all …", required=True),
        Column("granted", "boolean", description="Granted, or denied.", required=True),
        Column("event_at", "timestamp", description="When it was said.", required=True),
        KNOWN_AT,
    ),
    "What was said of consent, statement by statement.",
    ("event_id", "purpose"),
)
SOURCE_LINK = _view(
    "source_link",
    (
        _PERSON,
        _NODE,
        Column("source", "text", description="A source that named the identifier.", required=True),
        Column("type", "text", description="Identifier type.", required=True),
        Column("value", "text", "identifier", "The normalised identifier.", required=True),
        Column(
            "match_type", "text", description="alone, event, record, alias or scored: how it belongs to the person."
        ),
        Column("confidence", "double", description="Of the strongest evidence, 0 to 1."),
        Column("rule", "text", description="Rule and version of that evidence."),
        Column("events", "bigint", description="Events of the source that name it.", required=True),
        Column("first_event_at", "timestamp", description="Earliest of them.", required=True),
        Column("last_event_at", "timestamp", description="Latest of them.", required=True),
    ),
    "Which identifiers of which source belong to a person, and why.",
    ("node", "source"),
)
RECORD = _view(
    "record",
    (
        Column("source", "text", description="The system whose record it is.", required=True),
        Column("record_type", "text", description="Type of the identifier that is the record's id.", required=True),
        Column(
            "record_id",
            "text",
            "identifier",
            "The source's own id of it (`crm.contact_id`); else another system's, else a user's or another id; else the "
            "strongest identifier.",
            required=True,
        ),
        _NODE,
        SEQUENCE,
        Column("event_id", "uuid", description="The row of `staging.event`.", required=True),
        Column("log_partition", "integer", description="Partition of its raw row.", required=True),
        Column("log_offset", "bigint", description="Offset of its raw row.", required=True),
        Column("event_at", "timestamp", description="As of when it speaks.", required=True),
        Column("received_at", "timestamp", description="When it was received.", required=True),
        Column("traits", "json", "personal", "What it states about the person."),
        Column("properties", "json", "personal", "What else it states."),
        Column("consents", "json", description="Purposes, each granted or denied."),
    ),
    "The current row of each record of each source.",
    ("source", "record_type", "record_id"),
    "staging",
)

MEMBERSHIP = _view(
    "membership",
    (
        _PERSON,
        Column("audience", "text", description="A segment's slug, or `stage.` and a lifecycle stage.", required=True),
        Column("since_at", "timestamp", description="Since when the person is in it.", required=True),
        Column("version", "integer", description="Version of the segment's definition then.", required=True),
        Column("because", "text", description="What made the person enter.", required=True),
        Column("reason", "json", description="Which conditions changed, by which log entry."),
    ),
    "Who is in which segment and which lifecycle stage now.",
    ("person", "audience"),
)

_SQL = {
    IDENTITY: """
SELECT node, arg_max(person, sequence) AS person, max(type) AS type, max(value) AS value, max(sequence) AS sequence
FROM golden.identity_change GROUP BY node
""",
    PROFILE: """
SELECT {columns} FROM (
    SELECT *, row_number() OVER (PARTITION BY person ORDER BY sequence DESC) AS latest FROM golden.profile_change
) AS ranked WHERE latest = 1 AND NOT gone
""",
    ENGAGEMENT_EVENT: """
SELECT i.person, {event} FROM staging.event AS e JOIN golden.identity AS i ON i.node = e.node
""",
    CONSENT_CHANGE: """
SELECT sequence, event_id, node, nodes, source, said.key AS purpose, said.value AS granted, event_at, known_at FROM (
    SELECT *, unnest(map_entries(from_json(consents, '"MAP(VARCHAR, BOOLEAN)"'))) AS said
    FROM staging.event WHERE consents IS NOT NULL
) AS statements
""",
    SOURCE_LINK: """
WITH named AS (
    SELECT node, source, count(*) AS events, min(event_at) AS first_event_at, max(event_at) AS last_event_at
    FROM (SELECT unnest(nodes) AS node, source, event_at FROM staging.event) AS each_node GROUP BY node, source
), standing AS (
    SELECT node_a, node_b, kind, strength, score, rule FROM golden.evidence WHERE kind <> 'scored'
    UNION ALL SELECT node_a, node_b, kind, strength, score, rule FROM (
        SELECT node_a, node_b, kind, strength, score, rule, row_number() OVER (
            PARTITION BY node_a, node_b ORDER BY event_at DESC, event_id DESC
        ) AS latest FROM golden.evidence WHERE kind = 'scored'
    ) AS scores WHERE latest = 1 AND score IS NOT NULL
), evidence AS (
    SELECT node_a AS node, node_b AS other, kind, strength, score, rule FROM standing
    UNION ALL SELECT node_b, node_a, kind, strength, score, rule FROM standing
), best AS (
    SELECT * FROM (
        SELECT e.node, e.other, e.kind, e.strength, e.score, e.rule, row_number() OVER (
            PARTITION BY e.node ORDER BY e.kind = 'scored', e.strength DESC, e.score DESC NULLS LAST, e.rule
        ) AS place
        FROM evidence AS e JOIN golden.identity AS a ON a.node = e.node JOIN golden.identity AS b ON b.node = e.other
        WHERE a.person = b.person
    ) AS ranked WHERE place = 1
)
SELECT i.person, n.node, n.source, i.type, i.value, coalesce(b.kind, 'alone') AS match_type,
    CASE WHEN b.kind = 'scored' THEN 1 / (1 + exp(-b.score)) ELSE 1.0 END AS confidence, b.rule,
    n.events, n.first_event_at, n.last_event_at
FROM named AS n JOIN golden.identity AS i ON i.node = n.node LEFT JOIN best AS b ON b.node = n.node
""",
    RECORD: """
WITH stated AS (
    SELECT event_id, source, node AS anchor, unnest(nodes) AS node FROM staging.event WHERE kind = 'record'
), named AS (
    SELECT s.event_id, i.type, i.value, row_number() OVER (
        PARTITION BY s.event_id ORDER BY CASE
            WHEN strpos(i.type || '|', '_id|') > 0 THEN CASE
                WHEN starts_with(i.type, s.source || '.') THEN 0
                WHEN strpos(i.type, '.') > 1 THEN 1
                WHEN i.type = 'user_id' THEN 2
                WHEN i.type NOT IN ('anonymous_id', 'cross_domain_id', 'device_id', 'ga_client_id') THEN 3
                WHEN s.node = s.anchor THEN 4 ELSE 5 END
            WHEN s.node = s.anchor THEN 4 ELSE 5 END, i.type, i.value
    ) AS place
    FROM stated AS s JOIN golden.identity AS i ON i.node = s.node
)
SELECT {columns} FROM (
    SELECT {event}, n.type AS record_type, n.value AS record_id, row_number() OVER (
        PARTITION BY e.source, n.type, n.value ORDER BY e.event_at DESC, e.received_at DESC, e.event_id DESC
    ) AS latest
    FROM staging.event AS e JOIN named AS n ON n.event_id = e.event_id
    WHERE e.kind = 'record' AND n.place = 1
) AS ranked WHERE latest = 1
""",
    MEMBERSHIP: """
SELECT person, audience, changed_at AS since_at, version, because, reason FROM (
    SELECT *, row_number() OVER (PARTITION BY person, audience ORDER BY sequence DESC) AS latest
    FROM golden.membership_change
) AS ranked WHERE latest = 1 AND entered
""",
    **profiles_sync.SQL,
}
VIEWS = tuple(_SQL)
RELATIONS = MappingProxyType({relation.full_name: relation for relation in (*LOGS, *VIEWS)})
"""All that the stream makes, by full name."""


@cache
def queries() -> MappingProxyType[str, exp.Query]:
    """What each view is, by full name, in an order in which each comes after those that it reads."""
    trees = {}
    for view, text in _SQL.items():
        whole = text.replace("{columns}", ", ".join(column.name for column in view.columns))
        whole = whole.replace("{event}", ", ".join(f"e.{column.name}" for column in EVENT.columns))
        trees[view.full_name] = parse(whole, DIALECT)
    return MappingProxyType(trees)
