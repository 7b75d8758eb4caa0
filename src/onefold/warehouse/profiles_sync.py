"""Views by the names that tools for Segment's Profiles Sync look for, and how good each profile is.

Names and columns of Profiles Sync are kept where they can be. Traits differ from project to project, so
`profile_traits_updates` has them in one JSON column, and `user_traits` as rows.
"""

from __future__ import annotations

from onefold.model import Column, Relation
from onefold.warehouse.relations import KNOWN_AT

SCHEMA = "profiles"
_SEGMENT = Column("segment_id", "uuid", description="The profile id that it was before.", required=True)
_CANONICAL = Column("canonical_segment_id", "uuid", description="The profile's id.", required=True)
_SEQ = Column("seq", "bigint", description="Order of changes.", required=True)
_AT = Column("timestamp", "timestamp", description="When it happened.")
_RECEIVED = Column("received_at", "timestamp", description="When it became known.")


def _view(name: str, columns: tuple[Column, ...], description: str, key: tuple[str, ...]) -> Relation:
    return Relation(SCHEMA, name, columns, "view", description, key)


ID_GRAPH_UPDATES = _view(
    "id_graph_updates",
    (
        _SEQ, _SEGMENT, _CANONICAL,
        Column("triggering_event_type", "text", description="seen, merged, split or renamed."),
        Column("triggering_event_id", "uuid", description="The event, where one caused it."),
        Column("triggering_event_name", "text", description="Its name."),
        Column("triggering_event_source_id", "text", description="The source that sent it."),
        _AT, _RECEIVED,
    ),
    "Whose each id became, change by change.",
    ("seq",),
)  # fmt: skip
EXTERNAL_ID_MAPPING_UPDATES = _view(
    "external_id_mapping_updates",
    (
        _SEQ, _SEGMENT,
        Column("external_id_type", "text", description="Identifier type.", required=True),
        Column("external_id_value", "text", "identifier", "The normalised identifier."),
        Column("external_id_hash", "uuid", description="Keyed hash of it: the identity node.", required=True),
        _AT, _RECEIVED,
    ),
    "Identifiers, each when it was seen for the first time.",
    ("seq",),
)  # fmt: skip
USER_IDENTIFIERS = _view(
    "user_identifiers",
    (
        _CANONICAL,
        Column("type", "text", description="Identifier type.", required=True),
        Column("value", "text", "identifier", "The normalised identifier.", required=True),
        _SEQ,
    ),
    "The identifiers of each profile.",
    ("type", "value"),
)
PROFILE_MERGES = _view("profile_merges", (_SEGMENT, _CANONICAL), "Ids that are another profile's now.", ("segment_id",))
PROFILE_TRAITS_UPDATES = _view(
    "profile_traits_updates",
    (
        _SEQ, _CANONICAL,
        Column("traits", "json", "personal", "All attributes as they stood then."),
        Column("merged", "boolean", description="Whether the profile is part of another from then on.", required=True),
        _RECEIVED,
    ),
    "The attributes of each profile, change by change.",
    ("seq", "canonical_segment_id"),
)  # fmt: skip
USER_TRAITS = _view(
    "user_traits",
    (
        _CANONICAL,
        Column("name", "text", description="The attribute.", required=True),
        Column("value", "text", "personal", "Its value; of lists and objects their JSON."),
        _SEQ,
    ),
    "The attributes of each profile as they are now.",
    ("canonical_segment_id", "name"),
)
PROFILE_QUALITY = Relation(
    "golden",
    "profile_quality",
    (
        Column("person", "uuid", description="The profile's id.", required=True),
        Column("has_name", "boolean", description="A name, or a last name.", required=True),
        Column("has_email", "boolean", description="An e-mail address that identifies.", required=True),
        Column("has_phone", "boolean", description="A telephone number that identifies.", required=True),
        Column("has_address", "boolean", description="A street, a delivery address or a postal code.", required=True),
        Column("has_consent", "boolean", description="An answer about consent, yes or no.", required=True),
        Column("completeness", "double", description="Share of these five that are there.", required=True),
        Column("sources", "bigint", description="Sources that know the person.", required=True),
        Column(
            "identity_confidence",
            "double",
            description="Lowest confidence of the evidence by which identifiers belong to the person; 1 where all is exact.",
            required=True,
        ),
        Column(
            "data_quality_score",
            "double",
            description="0.6 * completeness + 0.3 * identity_confidence + 0.1 if two sources or more know the person.",
            required=True,
        ),
        KNOWN_AT,
    ),
    "view",
    "How complete each profile is, and how sure.",
    ("person",),
)

SQL: dict[Relation, str] = {
    ID_GRAPH_UPDATES: """
SELECT c.sequence AS seq, c.node AS segment_id, c.person AS canonical_segment_id, c.kind AS triggering_event_type,
    e.event_id AS triggering_event_id, e.name AS triggering_event_name, e.source AS triggering_event_source_id,
    c.event_at AS timestamp, c.known_at AS received_at
FROM golden.identity_change AS c
LEFT JOIN staging.event AS e ON e.log_partition = c.log_partition AND e.log_offset = c.log_offset
""",
    EXTERNAL_ID_MAPPING_UPDATES: """
SELECT sequence AS seq, person AS segment_id, type AS external_id_type, value AS external_id_value,
    node AS external_id_hash, event_at AS timestamp, known_at AS received_at
FROM golden.identity_change WHERE kind = 'seen'
""",
    USER_IDENTIFIERS: """
SELECT person AS canonical_segment_id, type, value, sequence AS seq FROM golden.identity
""",
    PROFILE_MERGES: """
SELECT DISTINCT c.before AS segment_id, i.person AS canonical_segment_id
FROM golden.identity_change AS c JOIN golden.identity AS i ON i.node = c.before
WHERE c.before IS NOT NULL AND i.person <> c.before
""",
    PROFILE_TRAITS_UPDATES: """
SELECT sequence AS seq, person AS canonical_segment_id, attributes AS traits, gone AS merged, known_at AS received_at
FROM golden.profile_change
""",
    USER_TRAITS: """
SELECT person AS canonical_segment_id, said.key AS name, said.value AS value, sequence AS seq FROM (
    SELECT person, sequence, unnest(map_entries(from_json(attributes, '"MAP(VARCHAR, VARCHAR)"'))) AS said
    FROM golden.profile WHERE attributes IS NOT NULL
) AS each_trait
""",
    PROFILE_QUALITY: """
WITH identifier AS (
    SELECT person, max(CASE WHEN type = 'email' THEN 1 ELSE 0 END) AS email,
        max(CASE WHEN type = 'phone' THEN 1 ELSE 0 END) AS phone
    FROM golden.identity GROUP BY person
), link AS (
    SELECT person, count(DISTINCT source) AS sources, min(confidence) AS confidence FROM golden.source_link GROUP BY person
), facet AS (
    SELECT p.person, p.known_at,
        coalesce(p.attributes ->> '$.name', p.attributes ->> '$.last_name') IS NOT NULL AS has_name,
        coalesce(i.email, 0) = 1 AS has_email, coalesce(i.phone, 0) = 1 AS has_phone,
        coalesce(p.attributes ->> '$.street', p.attributes ->> '$.address', p.attributes ->> '$.delivery_address',
            p.attributes ->> '$.postal_code') IS NOT NULL AS has_address,
        p.consents IS NOT NULL AND p.consents <> '{}' AS has_consent,
        coalesce(l.sources, 0) AS sources, coalesce(l.confidence, 1.0) AS identity_confidence
    FROM golden.profile AS p LEFT JOIN identifier AS i ON i.person = p.person LEFT JOIN link AS l ON l.person = p.person
), measured AS (
    SELECT *, (CASE WHEN has_name THEN 1 ELSE 0 END + CASE WHEN has_email THEN 1 ELSE 0 END
        + CASE WHEN has_phone THEN 1 ELSE 0 END + CASE WHEN has_address THEN 1 ELSE 0 END
        + CASE WHEN has_consent THEN 1 ELSE 0 END) / 5.0 AS completeness
    FROM facet
)
SELECT person, has_name, has_email, has_phone, has_address, has_consent, CAST(completeness AS DOUBLE) AS completeness,
    sources, identity_confidence,
    round(CAST(0.6 * completeness + 0.3 * identity_confidence + CASE WHEN sources >= 2 THEN 0.1 ELSE 0 END AS DOUBLE), 4)
        AS data_quality_score, known_at
FROM measured
""",
}
"""What each view is, in an order in which each comes after those that it reads."""
