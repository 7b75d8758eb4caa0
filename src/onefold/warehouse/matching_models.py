"""Matching models in the warehouse: what the latest run of the matcher learned, to explain its scores by."""

from __future__ import annotations

from onefold.model import Column, Relation

MATCHING_MODEL = Relation(
    "quality",
    "matching_model",
    (
        Column("model", "text", description="Its name and version, as scores have it.", required=True),
        Column("ran_at", "timestamp", description="When it was learned.", required=True),
        Column("body", "text", description="Chances of each level; values only as keyed hashes.", required=True),
    ),
    "table",
    "What the latest run of the matcher learned; nothing of a person.",
    ("model",),
)
