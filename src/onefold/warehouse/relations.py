"""The relations that the stream feeds: change logs, in the order of their sequence.

Each row of a log has its `sequence`, given when the row was committed, and `known_at`, when that was. So what was known at
some moment is a filter. Nodes and people are keyed hashes: they tell nothing of anybody to who has not the workspace's key.
"""

from __future__ import annotations

from onefold.model import Column, Relation

SEQUENCE = Column("sequence", "bigint", description="Position in the order of commits, unique.", required=True)
KNOWN_AT = Column("known_at", "timestamp", description="When the row was committed.", required=True)
_PARTITION = Column("log_partition", "integer", description="Partition of the log entry that caused it.", required=True)
_OFFSET = Column("log_offset", "bigint", description="Offset of that entry.", required=True)
_NODE = Column("node", "uuid", description="Identity node: a keyed hash of one identifier.", required=True)
_PERSON = Column("person", "uuid", description="The profile's id.", required=True)

EVENT = Relation(
    "staging",
    "event",
    (
        SEQUENCE,
        Column("event_id", "uuid", description="De-duplication key.", required=True),
        _PARTITION,
        _OFFSET,
        Column("source", "text", description="The source that sent it.", required=True),
        Column("kind", "text", description="track, identify, page, screen, group, alias or record.", required=True),
        Column("name", "text", description="Canonical name of the event.", required=True),
        Column("original_name", "text", description="The name as sent, where it differs."),
        _NODE,
        Column("nodes", "uuids", description="All identity nodes that it names, the strongest first.", required=True),
        Column(
            "event_at", "timestamp", description="When it happened, corrected for the sender's clock.", required=True
        ),
        Column(
            "time_assumed", "boolean", description="Whether a time was stated that could not be read.", required=True
        ),
        Column("received_at", "timestamp", description="When it was received.", required=True),
        Column("message_id", "text", "personal", "The sender's own id of it.", required=True),
        Column("match_quality", "double", description="Event match quality, 0 to 1.", required=True),
        Column("properties", "json", "personal", "What it states about itself."),
        Column("traits", "json", "personal", "What it states about the person."),
        Column("traits_once", "json", "personal", "Traits that hold only where none was stated otherwise."),
        Column("cleared", "json", description="Names of traits that it takes away."),
        Column("operations", "json", "personal", "What it does to traits, building on what they were."),
        Column("groups", "json", "personal", "Groups of the person."),
        Column("context", "json", "personal", "Page, campaign, device, library."),
        Column("consents", "json", description="Purposes, each granted (true) or denied (false)."),
        Column("findings", "json", description="What was not understood, refused, changed or had to be decided."),
        KNOWN_AT,
    ),
    "log",
    "Events, each once.",
    ("event_id",),
)

IDENTITY_CHANGE = Relation(
    "golden",
    "identity_change",
    (
        SEQUENCE,
        _NODE,
        _PERSON,
        Column(
            "before", "uuid", description="The person whose the node was; null when it was seen for the first time."
        ),
        Column("kind", "text", description="seen, merged, split or renamed.", required=True),
        Column("type", "text", description="Identifier type, where the node was seen for the first time."),
        Column("value", "text", "identifier", "The normalised identifier, where it was seen for the first time."),
        Column(
            "event_at",
            "timestamp",
            description="Time of the event that it was seen in, or receipt of the entry that moved it.",
        ),
        _PARTITION,
        _OFFSET,
        Column("request_id", "text", description="The request that brought the entry.", required=True),
        KNOWN_AT,
    ),
    "log",
    "Whose a node is, from when on.",
    ("sequence",),
)

EVIDENCE = Relation(
    "golden",
    "evidence",
    (
        SEQUENCE,
        Column("node_a", "uuid", description="The weaker node.", required=True),
        Column("node_b", "uuid", description="The stronger node.", required=True),
        Column("kind", "text", description="event, record, alias or scored.", required=True),
        Column("strength", "integer", description="Lower of the two types' priorities, 0 to 100.", required=True),
        Column("event_at", "timestamp", description="Time of the observation.", required=True),
        Column("event_id", "uuid", description="The event that it was made in.", required=True),
        Column("source", "text", description="Where it was made.", required=True),
        Column("rule", "text", description="Rule and version that made it.", required=True),
        Column("score", "double", description="Natural-log odds that both are one person; of scored evidence only."),
        KNOWN_AT,
    ),
    "log",
    "Why two nodes are, or may be, one person.",
    ("sequence",),
)

JUDGEMENT = Relation(
    "golden",
    "judgement",
    (
        SEQUENCE,
        Column("judgement_id", "uuid", description="Its id.", required=True),
        Column(
            "verdict", "text", description="same, different, unsure, shared, not_shared or withdrawn.", required=True
        ),
        Column("node_a", "uuid", description="A node that it is about.", required=True),
        Column("node_b", "uuid", description="The other one; null where it is about one."),
        Column("judged_at", "timestamp", description="When it was said.", required=True),
        _OFFSET,
        KNOWN_AT,
    ),
    "log",
    "What people said of the identity graph.",
    ("judgement_id",),
)

PROFILE_CHANGE = Relation(
    "golden",
    "profile_change",
    (
        SEQUENCE,
        _PERSON,
        Column(
            "gone",
            "boolean",
            description="Whether nobody has this id any more: the person is part of another.",
            required=True,
        ),
        Column("primary_type", "text", description="Type of the strongest identifier."),
        Column("primary_value", "text", "identifier", "The strongest identifier."),
        Column("identifiers", "json", "identifier", "All identifiers: type, value, node."),
        Column("attributes", "json", "personal", "The values that stand, by field."),
        Column("events", "bigint", description="Events."),
        Column("sessions", "bigint", description="Visits."),
        Column("purchases", "bigint", description="Purchases."),
        Column("purchases_without_amount", "bigint", description="Those of them whose amount could not be read."),
        Column("revenue", "decimal", description="In the default currency."),
        Column("revenues", "json", description="By currency, exact, as text."),
        Column("first_seen_at", "timestamp", description="Earliest event."),
        Column("last_seen_at", "timestamp", description="Latest event."),
        Column("last_active_at", "timestamp", description="Latest event in which the person acted."),
        Column("stage", "text", description="Lifecycle stage when the row was committed."),
        Column("stage_changes_at", "timestamp", description="When the stage changes if nothing happens."),
        Column("consents", "json", description="By purpose: granted, time, source."),
        Column("sources", "json", description="Events by source."),
        Column("groups", "json", "personal", "Groups with their traits."),
        KNOWN_AT,
    ),
    "log",
    "Profiles as they became, person by person.",
    ("sequence", "person"),
)

MEMBERSHIP_CHANGE = Relation(
    "golden",
    "membership_change",
    (
        SEQUENCE,
        _PERSON,
        Column("audience", "text", description="A segment's slug, or `stage.` and a lifecycle stage.", required=True),
        Column("entered", "boolean", description="Whether the person entered it, or left it.", required=True),
        Column("changed_at", "timestamp", description="When that came true.", required=True),
        Column("version", "integer", description="Version of the segment's definition; 0 of stages.", required=True),
        Column(
            "because", "text",
            description="event, time, definition, schedule, list, merged or split.", required=True,
        ),
        Column("reason", "json", description="Which conditions changed, by which log entry."),
        KNOWN_AT,
    ),
    "log",
    "Who entered and left which segment and which lifecycle stage, when and why.",
    ("sequence",),
)  # fmt: skip

FED = (EVENT, IDENTITY_CHANGE, EVIDENCE, JUDGEMENT, MEMBERSHIP_CHANGE)
"""What the stream feeds."""
LOGS = (*FED, PROFILE_CHANGE)
"""What is kept in segment files as it was fed or, for profiles, as the loader found it."""


def row_key(log: Relation) -> tuple[str, ...]:
    """The columns that tell a row of a log from all others."""
    return ("sequence", *(name for name in log.key if name == "person"))
