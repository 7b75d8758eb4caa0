"""Schemas: the form of every answer of the API as JSON Schema, made from the types of the results."""

from __future__ import annotations

from typing import Any

import msgspec

from onefold.model import results
from onefold.model.results import Result
from onefold.pipelines.reading.tail import TailedEntry

_COMPONENTS = "#/components/schemas/"


class DeadLetters(Result, frozen=True, kw_only=True):
    """A page of dead letters; `next` is the cursor of the page after it, null on the last."""

    dead_letters: tuple[results.DeadLetter, ...]
    next: int | None


class Judged(Result, frozen=True, kw_only=True):
    """A judgement that was recorded.

    Attributes:
        offset: Its position in the log.
        settled: Whether it has been processed, so that `profile_ids` shows its effect.
        profile_ids: The profiles of `a` and `b`; null where there is none.
    """

    verdict: str
    offset: int
    settled: bool
    profile_ids: tuple[str | None, str | None]


class Replayed(Result, frozen=True, kw_only=True):
    """A dead letter that was sent again."""

    offset: int
    status: str


class Released(Result, frozen=True, kw_only=True):
    """How many claims were let go of."""

    released: int


class Accounts(Result, frozen=True, kw_only=True):
    """The account of each source, by name."""

    sources: tuple[results.Account, ...]


class RfmRuns(Result, frozen=True, kw_only=True):
    """Runs of RFM definitions."""

    runs: tuple[results.RfmRun, ...]


class Problem(Result, frozen=True, kw_only=True):
    """An error (RFC 9457): `type` names the kind of problem for programs, `detail` says to a person what to do."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str


class SegmentCursor(Result, frozen=True, kw_only=True):
    """Where a page of Segment's Profile API ends."""

    url: str
    has_more: bool
    next: str
    limit: int


class SegmentTraits(Result, frozen=True, kw_only=True):
    """A profile's traits, as Segment's Profile API has them."""

    traits: dict[str, Any]
    cursor: SegmentCursor


class SegmentMetadata(Result, frozen=True, kw_only=True):
    """A profile's times, as Segment's Profile API has them."""

    metadata: dict[str, str | None]
    cursor: SegmentCursor


class SegmentList(Result, frozen=True, kw_only=True):
    """A profile's external ids, events or links, as Segment's Profile API has them."""

    data: tuple[dict[str, Any], ...]
    cursor: SegmentCursor


_DESCRIBED = (
    results.Profile, results.Timeline, results.Event, results.RefusedEvent, results.History, results.Explanation,
    results.DeadLetterContent, results.Counts, results.Identifiers, TailedEntry, DeadLetters, Judged,
    Replayed, Accounts, RfmRuns, Problem, results.Traits, results.TraitDefinition,
    SegmentTraits, SegmentMetadata, SegmentList,
    results.Segments, results.Segment, results.Members, results.Standing, results.SegmentPreview, results.Overlaps,
    results.ReconciledSegments, results.ListChange, results.MembershipHistory, results.SegmentDiff,
    results.SegmentGrowth, results.Me, results.UserAccount, results.UserAccounts, results.SetupLink, results.LinkState,
    results.Ended, results.AuditEntries, results.Keys, results.KeyInfo, results.IssuedKey,
    results.ReviewPairs, results.ReviewPair, results.ReviewDecisions, results.ReviewDecided,
    results.ReviewBulk, results.ReviewStatistics, results.ReviewLabels, Released,
    results.IdentityPlan, results.IdentityApplied, results.IdentityStated, results.IdentityAccuracy,
    results.PairEvidence, results.PersonEvidence, results.PersonLinks, results.PairUses,
    results.Uses, results.Households, results.Household,
    results.SegmentDefinition, results.SegmentPlan, results.SegmentsApplied,
    results.RuleCheck, results.RuleFields, results.RuleValues, results.Graph, results.SegmentVersions,
    results.Home, results.FoundPeople, results.QualityChecks, results.ChecksRun, results.HeldRows,
    results.Tables, results.TableDescription, results.TableRows, results.Lineage,
    results.UploadPreview, results.FileLoaded,
)  # fmt: skip


def components() -> dict[str, Any]:
    """All schemas by name, for `components` of the description."""
    _, found = msgspec.json.schema_components(_DESCRIBED, ref_template=_COMPONENTS + "{name}")
    # msgspec describes no union of structs without tags.
    found["Timeline"]["properties"]["events"]["items"] = any_of(results.Event, results.RefusedEvent)
    return found


def reference(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """A reference to a schema."""
    return {"$ref": _COMPONENTS + kind.__name__}


def any_of(*kinds: type[msgspec.Struct]) -> dict[str, Any]:
    """One of several schemas."""
    return {"anyOf": [reference(kind) for kind in kinds]}


def answer(
    *kinds: type[msgspec.Struct], status: int = 200, headers: dict[str, Any] | None = None
) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that answers with this, or with one of several."""
    schema = reference(kinds[0]) if len(kinds) == 1 else any_of(*kinds)
    description = (kinds[0].__doc__ or "").partition("\n")[0] if len(kinds) == 1 else "One view of a profile."
    found = {"description": description, "content": {"application/json": {"schema": schema}}}
    return {status: found if headers is None else found | {"headers": headers}}
