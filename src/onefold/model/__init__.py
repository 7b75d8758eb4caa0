"""The nouns of Onefold: frozen, without I/O, shared by every stage.

Times are integers: microseconds since 1970-01-01 UTC, in names that end in `_us`. A time that a client stated is never
trusted; see `Event`.
"""

from onefold.model.event import (
    ASSUMED_US,
    ConsentStatement,
    Event,
    GroupStatement,
    Kind,
    OperationStatement,
    Verb,
)
from onefold.model.evidence import (
    SCORED_BY,
    Edge,
    EdgeKind,
    Judgement,
    PairScore,
    Scoring,
    Verdict,
    log_odds,
    probability,
    replaces,
)
from onefold.model.finding import Finding
from onefold.model.identifier import Identifier, NodeId, format_profile_id, parse_profile_id
from onefold.model.log import (
    Checkpoint,
    LogEntry,
    LostEntries,
    Shape,
    StoredEntry,
    WorkspaceIdentity,
    fingerprint,
)
from onefold.model.outcome import Accepted, Counted, GateResult, Outcome, Rejected, Suppressed
from onefold.model.relation import Column, ColumnType, PersonalClass, Relation, RelationKind
from onefold.model.resolution import IdentityChange, IdentityChangeKind, Member

__all__ = [
    "ASSUMED_US",
    "SCORED_BY",
    "Accepted",
    "Checkpoint",
    "Column",
    "ColumnType",
    "ConsentStatement",
    "Counted",
    "Edge",
    "EdgeKind",
    "Event",
    "Finding",
    "GateResult",
    "GroupStatement",
    "Identifier",
    "IdentityChange",
    "IdentityChangeKind",
    "Judgement",
    "Kind",
    "LogEntry",
    "LostEntries",
    "Member",
    "NodeId",
    "OperationStatement",
    "Outcome",
    "PairScore",
    "PersonalClass",
    "Rejected",
    "Relation",
    "RelationKind",
    "Scoring",
    "Shape",
    "StoredEntry",
    "Suppressed",
    "Verb",
    "Verdict",
    "WorkspaceIdentity",
    "fingerprint",
    "format_profile_id",
    "log_odds",
    "parse_profile_id",
    "probability",
    "replaces",
]
