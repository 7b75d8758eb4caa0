"""Segments as the service answers them: what holds, who is in it since when and why, and what a change would do."""

from __future__ import annotations

from typing import Any, Literal

from onefold.model.identifier import Identifier
from onefold.model.results.result import Result
from onefold.model.results.rule import CostClass


class Segment(Result, frozen=True, kw_only=True):
    """A segment.

    Attributes:
        status: `active`, `draft`, `archived`; `stale` where a scheduled one was not worked out in time.
        pending: What of it the project's files say and `onefold apply` has not applied: `new`, `changed`, `removed`.
        rule: As it was written, text or JSON; null for a list.
        sentence: The rule in English.
        version: Rises with each definition that was applied; null where none was.
        fingerprint: The same for definitions that have the same members.
        members: People in it now; null where it was never applied.
        entries: Identifiers on a list; null for others.
        applied_at: When what holds was applied.
        refreshed_at: When a scheduled segment was last worked out.
        cut: From which value on people are in the top of it, as text.
        reads: The segments that its rule reads.
        file: Where it stands in the project, with the line; empty where only the store knows it.
    """

    slug: str
    kind: str
    status: str
    pending: str | None
    description: str
    owner: str
    tags: tuple[str, ...]
    rule: str | dict[str, Any] | None
    sentence: str
    version: int | None
    fingerprint: str
    members: int | None
    entries: int | None
    applied_at: str | None
    refreshed_at: str | None
    cut: str | None
    reads: tuple[str, ...]
    file: str
    line: int | None


class Segments(Result, frozen=True, kw_only=True):
    """All segments, by slug, and the people in each lifecycle stage; `evaluating` while memberships follow a change."""

    segments: tuple[Segment, ...]
    stages: dict[str, int]
    evaluating: bool


class ConditionChange(Result, frozen=True, kw_only=True):
    """A condition of a rule: what it says, its value before (null where it was not known) and now."""

    condition: str
    before: str | None
    now: str


class MembershipReason(Result, frozen=True, kw_only=True):
    """Why somebody entered or left: what made the difference, which conditions changed, and by which entry of the log."""

    because: str
    conditions: tuple[ConditionChange, ...]
    partition: int | None
    offset: int | None
    profile_id: str | None


class Member(Result, frozen=True, kw_only=True):
    """Somebody in a segment; `identifier` is their strongest one, `name` null where nobody stated one."""

    profile_id: str
    identifier: Identifier | None
    name: str | None
    since: str | None
    reason: MembershipReason


class Members(Result, frozen=True, kw_only=True):
    """A page of members in order of their ids; `next` is the cursor of the page after it, null on the last."""

    segment: str
    members: tuple[Member, ...]
    next: str | None


class Condition(Result, frozen=True, kw_only=True):
    """A condition of a rule with its value: true, false or unknown."""

    condition: str
    value: str


class Standing(Result, frozen=True, kw_only=True):
    """Whether somebody is in a segment, why, until when, and what would end it.

    Attributes:
        since: Since when they are in it; null where they are not.
        reason: Why they entered; null where they are not in it.
        conditions: Each condition of the rule as of now.
        until: When that changes if nothing happens; null where time alone does not change it.
        then: The conditions that change then.
    """

    segment: str
    profile_id: str
    member: bool
    since: str | None
    reason: MembershipReason | None
    sentence: str
    conditions: tuple[Condition, ...]
    until: str | None
    then: tuple[ConditionChange, ...]


class Sample(Result, frozen=True, kw_only=True):
    """Somebody, as an example; `name` is null where nobody stated one."""

    profile_id: str
    identifier: Identifier | None
    name: str | None


class SegmentPreview(Result, frozen=True, kw_only=True):
    """Who would be in a segment: exactly how many, and some of them.

    Attributes:
        not_applied: As of `RuleCheck`.
        cost: What it takes to keep the answer current, as of `RuleCheck`; null for a list.
        latency: When a change shows; empty for a list.
        way: `warehouse`: asked in one statement. `evaluation`: worked out person by person.
        because: Why it was worked out person by person; else empty.
        sequence: The warehouse's rows up to it are in the answer, loaded or not.
    """

    sentence: str
    people: int
    members: int
    entering: int
    leaving: int
    samples: tuple[Sample, ...]
    reads: tuple[str, ...]
    not_applied: tuple[str, ...]
    cost: CostClass | None
    latency: str
    way: Literal["warehouse", "evaluation"]
    because: str
    sequence: int


class SegmentChange(Result, frozen=True, kw_only=True):
    """What a change of definitions does to one segment or lifecycle stage: how many enter and leave, and some of them."""

    audience: str
    what: str
    members_before: int
    members_after: int
    entering: int
    leaving: int
    entering_samples: tuple[Sample, ...]
    leaving_samples: tuple[Sample, ...]


class SegmentPlan(Result, frozen=True, kw_only=True):
    """What applying the project's segments would change; `changes` is empty where nothing would.

    Attributes:
        way: As of a preview; null where nobody is concerned.
        because: As of a preview.
        sequence: As of a preview; null where nobody is concerned.
    """

    changes: tuple[SegmentChange, ...]
    people: int
    notes: tuple[str, ...]
    way: Literal["warehouse", "evaluation"] | None
    because: str
    sequence: int | None


class SegmentVersion(Result, frozen=True, kw_only=True):
    """A definition of a segment that was applied once.

    Attributes:
        holds: Whether it is the one that holds now.
        rule: As it was written, text or JSON; null for a list.
        sentence: The rule in English.
    """

    version: int
    holds: bool
    kind: str
    status: str
    rule: str | dict[str, Any] | None
    sentence: str
    fingerprint: str


class SegmentVersions(Result, frozen=True, kw_only=True):
    """The versions of a segment, the latest first."""

    segment: str
    versions: tuple[SegmentVersion, ...]


class Overlap(Result, frozen=True, kw_only=True):
    """How many people two segments have in common; `share` is of those in either, 0 to 1."""

    a: str
    b: str
    a_members: int
    b_members: int
    both: int
    share: float


class Overlaps(Result, frozen=True, kw_only=True):
    """Each pair of segments that have members."""

    overlaps: tuple[Overlap, ...]


class Moved(Result, frozen=True, kw_only=True):
    """Somebody who is in one of two versions only; `change` is `entering` or `leaving`, `name` null where none is stated."""

    profile_id: str
    identifier: Identifier | None
    name: str | None
    change: str


class SegmentDiff(Result, frozen=True, kw_only=True):
    """Who is in one of two versions of a segment and not in the other, evaluated over the same people at the same time."""

    segment: str
    before: str
    after: str
    both: int
    entering: int
    leaving: int
    people: tuple[Moved, ...]


class Differing(Result, frozen=True, kw_only=True):
    """Somebody of whom the stream says otherwise than an evaluation from scratch or the warehouse, and why that is.

    Attributes:
        member: By the stream.
        evaluated: By an evaluation.
        warehouse: By the warehouse's statement; null where it was not asked.
    """

    profile_id: str
    member: bool
    evaluated: bool
    warehouse: bool | None
    because: str


class ReconciledSegment(Result, frozen=True, kw_only=True):
    """A segment compared: members by the stream, by an evaluation of everybody and by the warehouse, and who differs.

    Attributes:
        warehouse: Members by the warehouse's statement; null where it was not asked.
        unsaid: Why it was not asked; else empty.
        differing: People of whom not all say the same, for no reason that is known.
        waiting: The same, for a reason.
        people: Some of both.
    """

    audience: str
    members: int
    evaluated: int
    warehouse: int | None
    unsaid: str
    differing: int
    waiting: int
    people: tuple[Differing, ...]


class ReconciledSegments(Result, frozen=True, kw_only=True):
    """All segments compared, at one moment. `differing` is 0 unless something is wrong; of `waiting` it is known why."""

    at: str | None
    people: int
    differing: int
    waiting: int
    segments: tuple[ReconciledSegment, ...]


class ListChange(Result, frozen=True, kw_only=True):
    """What an upload did: identifiers read, and how many of them are on the list now and were not before, or the opposite."""

    segment: str
    read: int
    changed: int


class MembershipChange(Result, frozen=True, kw_only=True):
    """Somebody entered a segment, or left it; `version` is of the segment's definition then."""

    sequence: int
    profile_id: str
    entered: bool
    at: str
    version: int
    reason: MembershipReason


class MembershipHistory(Result, frozen=True, kw_only=True):
    """A page of what happened in a segment, the latest first; `next` is the cursor of the page after it, null on the last."""

    segment: str
    changes: tuple[MembershipChange, ...]
    next: int | None


class GrowthDay(Result, frozen=True, kw_only=True):
    """A day (UTC) of a segment: how many entered and left, and how many were in it at its end."""

    day: str
    entered: int
    exited: int
    members: int


class SegmentGrowth(Result, frozen=True, kw_only=True):
    """A segment by day, the days on which something changed."""

    segment: str
    days: tuple[GrowthDay, ...]
