"""What runs leave in the warehouse: everybody's scores of the latest run, and a row a run."""

from __future__ import annotations

from onefold.model import Column, Relation

RFM = Relation(
    "golden",
    "rfm",
    (
        Column("rfm", "text", description="The definition, by name.", required=True),
        Column("person", "uuid", description="The profile's id.", required=True),
        Column("as_of", "timestamp", description="The moment of the run.", required=True),
        Column("recency_days", "integer", description="UTC midnights since the last event.", required=True),
        Column("frequency", "bigint", description="Events within the lookback.", required=True),
        Column("monetary", "decimal", description="What they are worth together.", required=True),
        Column("currency", "text", description="In which currency; null where each event is worth 1."),
        Column("r", "integer", description="Score of recency, 5 the most recent.", required=True),
        Column("f", "integer", description="Score of frequency, 5 the most frequent.", required=True),
        Column("m", "integer", description="Score of monetary value, 5 the highest.", required=True),
        Column("segment", "text", description="The segment that the scores mean.", required=True),
    ),
    "table",
    "Scores and segment of each person who acted, as the latest run of each RFM definition found them.",
    ("rfm", "person"),
)
RFM_RUN = Relation(
    "golden",
    "rfm_run",
    (
        Column("rfm", "text", description="The definition, by name.", required=True),
        Column("as_of", "timestamp", description="The moment that it is about.", required=True),
        Column("ran_at", "timestamp", description="When it ran.", required=True),
        Column("definition", "text", description="Fingerprint of the definition.", required=True),
        Column("content", "text", description="Fingerprint of everybody's scores.", required=True),
        Column("method", "text", description="quantiles, ntile or bins.", required=True),
        Column("currency", "text", description="Whose amounts were added; null where each event is worth 1."),
        Column("lookback_days", "integer", description="Days looked at; null for all."),
        Column("people", "bigint", description="People who were scored.", required=True),
        Column("events", "bigint", description="Their events.", required=True),
        Column("without_amount", "bigint", description="Those of them without a readable amount.", required=True),
        Column("other_currency", "bigint", description="Those whose amount is in another currency.", required=True),
        Column(
            "cut_points", "json", description="Four of each measure, by which anybody can be scored.", required=True
        ),
        Column("cells", "json", description="Segment and number of people by combination of scores.", required=True),
    ),
    "table",
    "Each run of an RFM definition, one a moment.",
    ("rfm", "as_of"),
)
RELATIONS = (RFM, RFM_RUN)
