"""What the identity graph tells as results: how a person came about, and why two identifiers are one person or not."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from onefold.model.results.result import Result


class Change(Result, frozen=True, kw_only=True):
    """A merge or split.

    Attributes:
        kind: `merged`, `split` or `renamed`.
        profile_id: The profile the identifiers went to.
        before: The profile they were in.
        offset: The log entry that caused it.
    """

    kind: str
    profile_id: str
    before: str
    identifiers: tuple[str, ...]
    at: str | None
    offset: int
    request_id: str


class StatedJudgement(Result, frozen=True, kw_only=True):
    """What somebody ruled about one or two identifiers."""

    id: str
    verdict: str
    subjects: tuple[str, ...]
    at: str | None
    by: str
    reason: str


class History(Result, frozen=True, kw_only=True):
    """Merges and splits that led to a person, and the judgements about them, oldest first."""

    profile_id: str
    changes: tuple[Change, ...]
    judgements: tuple[StatedJudgement, ...]


class JudgementReference(Result, frozen=True, kw_only=True):
    """A judgement that an explanation names."""

    id: str
    verdict: str
    by: str
    reason: str
    at: str
    offset: int


class End(Result, frozen=True, kw_only=True):
    """One end of a step: the type of the identifier, and the identifier as `type:value`."""

    type: str
    label: str


class Refusal(Result, frozen=True, kw_only=True):
    """Why evidence was not followed: the obstacle, the identifier type it is about, the judgement if one is behind it."""

    reason: str
    type: str
    judgement: JudgementReference | None
    why: str


class Step(Result, frozen=True, kw_only=True, rename={"start": "from", "end": "to"}):
    """A piece of evidence between two identifiers.

    Attributes:
        kind: `event`, `record`, `alias`, `scored`, or `judgement`. A judgement has `id`, `verdict`, `by` and `reason`, the
            others have `rule`, `source`, `strength`, `score` and `event`.
        refusal: Why it was not followed; None when it was.
    """

    start: End
    end: End
    kind: str
    rule: str | UnsetType = UNSET
    source: str | UnsetType = UNSET
    strength: int | UnsetType = UNSET
    score: float | UnsetType | None = UNSET
    event: str | UnsetType = UNSET
    id: str | UnsetType = UNSET
    verdict: str | UnsetType = UNSET
    by: str | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    at: str
    offset: int
    refusal: Refusal | None


class Explanation(Result, frozen=True, kw_only=True):
    """Why two identifiers are, or are not, one person.

    Attributes:
        verdict: `different` when evidence connects them and was refused, `not_connected` when none does.
        path: The strongest chain of evidence between them; for two people the one with the fewest refused steps.
        refused: Evidence between the two people that was refused, besides that in `path`; the strongest of it.
        refused_total: How much there is of that.
        searched: False where there is too much evidence to look for a path to the end.
        judged_apart: The judgement that they are different people; None when nobody said so.
        sentences: All of it in English.
        profile_ids: The profiles of the two as stored.
    """

    verdict: Literal["same", "different", "not_connected"]
    a: str
    b: str
    profile_a: str
    profile_b: str
    path: tuple[Step, ...]
    refused: tuple[Step, ...]
    refused_total: int
    searched: bool
    judged_apart: JudgementReference | None
    sentences: tuple[str, ...]
    profile_ids: tuple[str, ...]


class GraphNode(Result, frozen=True, kw_only=True):
    """An identifier in a person's graph.

    Attributes:
        node: Its id, which `profile:` understands.
        type: Its type.
        label: It as `type:value`.
        profile_id: The profile it belongs to: the person's own, or a neighbour's.
        primary: Whether it is the person's strongest identifier.
        shared: Whether several people use it, so that it links nobody.
    """

    node: str
    type: str
    label: str
    profile_id: str
    primary: bool
    shared: bool
    first_seen: str | None


class GraphEdge(Result, frozen=True, kw_only=True):
    """What was observed, scored or ruled about two identifiers.

    Attributes:
        a: The node at one end.
        b: The node at the other.
        kind: `event`, `record`, `alias`, `scored` or `judgement`.
        source: Where it was seen, or who ruled.
        rule: The rule that made it; of a judgement its verdict.
        strength: 0 to 100, as in an explanation; null for a judgement.
        probability: Of a score, that the two are one person; otherwise null.
        within: Whether both ends belong to the person now.
    """

    a: str
    b: str
    kind: str
    source: str
    rule: str
    strength: int | None
    probability: float | None
    at: str | None
    within: bool


class Graph(Result, frozen=True, kw_only=True):
    """A person's identifiers and those beside them, with the evidence between them.

    Attributes:
        nodes: The person's strongest identifiers, then neighbours: identifiers of others to which evidence leads.
        edges: The strongest evidence between these, rulings first.
        nodes_total: How many identifiers the person has.
        edges_total: How much evidence there is between the nodes shown.
    """

    profile_id: str
    nodes: tuple[GraphNode, ...]
    edges: tuple[GraphEdge, ...]
    nodes_total: int
    edges_total: int
