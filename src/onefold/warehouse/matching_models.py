"""Matching models in the warehouse: what the latest full run of the matcher learned, and the records that it was about."""

from __future__ import annotations

from onefold.model import Column, Relation

MATCHING_MODEL = Relation(
    "quality",
    "matching_model",
    (
        Column("model", "text", description="Its name and version, as scores have it.", required=True),
        Column("ran_at", "timestamp", description="When the latest run by it was.", required=True),
        Column("body", "text", description="Chances of each level; values only as keyed hashes.", required=True),
        Column("records", "bigint", description="How many records the latest run was about."),
        Column("read_to", "json", description="By partition, where the log ended when it had that run's scores."),
    ),
    "table",
    "What the latest full run of the matcher learned; nothing of a person.",
    ("model",),
)
MATCHED_RECORD = Relation(
    "quality",
    "matched_record",
    (
        Column("node", "uuid", description="The identity node of a record.", required=True),
        Column("fingerprint", "bigint", description="A keyed hash of all that it is compared by.", required=True),
    ),
    "table",
    "Records as the latest run of the matcher read them: the next one tells by it which are new or changed.",
    ("node",),
)
