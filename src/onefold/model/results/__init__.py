"""Results: what the application service answers, the same to HTTP, the command line and Python.

Ready for JSON as they stand: times are ISO 8601 in UTC to the millisecond, ids are text, sums are text so that no reader
rounds them. The order of the fields is the order in the JSON. They hold personal data: their `repr` shows none.
"""

from onefold.model.results.graph import (
    Change,
    End,
    Explanation,
    History,
    JudgementReference,
    Refusal,
    StatedJudgement,
    Step,
)
from onefold.model.results.operation import Account, Counts, DeadLetter, DeadLetterContent, Hub, LargePerson
from onefold.model.results.profile import (
    Attribute,
    ComputedTrait,
    Consent,
    Counters,
    FindingCount,
    Group,
    Identifiers,
    Lifecycle,
    Occurrences,
    Profile,
    ProfileIdentifier,
    StatedValue,
)
from onefold.model.results.result import Result
from onefold.model.results.timeline import Event, EventGroup, EventOperation, RefusedEvent, Timeline, TimelineEvent

__all__ = [
    "Account",
    "Attribute",
    "Change",
    "ComputedTrait",
    "Consent",
    "Counters",
    "Counts",
    "DeadLetter",
    "DeadLetterContent",
    "End",
    "Event",
    "EventGroup",
    "EventOperation",
    "Explanation",
    "FindingCount",
    "Group",
    "History",
    "Hub",
    "Identifiers",
    "JudgementReference",
    "LargePerson",
    "Lifecycle",
    "Occurrences",
    "Profile",
    "ProfileIdentifier",
    "Refusal",
    "RefusedEvent",
    "Result",
    "StatedJudgement",
    "StatedValue",
    "Step",
    "Timeline",
    "TimelineEvent",
]
