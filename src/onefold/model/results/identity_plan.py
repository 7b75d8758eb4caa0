"""What-if of who is who, as results: what changed identity settings would do, before anything is applied."""

from __future__ import annotations

from typing import Literal

from onefold.model.identifier import Identifier
from onefold.model.results.audience import SegmentChange
from onefold.model.results.result import Result


class PlannedPerson(Result, frozen=True, kw_only=True):
    """A person before or after a change; `identifiers` is how many they have, `identifier` one of the strongest."""

    profile_id: str
    identifier: Identifier | None
    identifiers: int


class PersonChange(Result, frozen=True, kw_only=True):
    """People who would be others.

    Attributes:
        kind: `merged`: several would be one. `split`: one would be several. `regrouped`: several would be others.
        before: As they are, the largest first; at most twenty.
        after: As they would be.
    """

    kind: Literal["merged", "split", "regrouped"]
    before: tuple[PlannedPerson, ...]
    after: tuple[PlannedPerson, ...]


class IdentityPlan(Result, frozen=True, kw_only=True):
    """What changed identity settings would do.

    Attributes:
        people: How many there are.
        people_after: How many there would be.
        merged: People who would be one with others, counted as they are now.
        split: People who would be several.
        changes: Person by person, those with the most identifiers first; `changes_total` counts all.
        segments: Segments and stages whose members would change.
        scored: Pairs with a score, where the model would score them anew; null where scores stay.
        notes: What a person has to know besides.
    """

    people: int
    people_after: int
    merged: int
    split: int
    changes: tuple[PersonChange, ...]
    changes_total: int
    segments: tuple[SegmentChange, ...]
    scored: int | None
    notes: tuple[str, ...]


class IdentityApplied(Result, frozen=True, kw_only=True):
    """Identity settings that were applied to what is stored.

    Attributes:
        components: Groups of connected identifiers that are solved again.
        settled: Whether that is done; else the worker does it.
    """

    components: int
    settled: bool


class IdentityTypeStated(Result, frozen=True, kw_only=True):
    """How identifiers of a type link people; null where there is no bound."""

    name: str
    priority: int
    limit: int | None
    unique: bool
    shared_after: int | None


class IdentityStated(Result, frozen=True, kw_only=True):
    """What identity.yaml says now, with every default filled in.

    Attributes:
        matching: Whether records are matched by names and addresses, too; the thresholds and the model matter only then.
        blocked: Values that never identify anybody, besides the built-in ones.
        restart: Whether the server works by what the file said before, and is to be started again.
        locked: Why the file cannot be changed from here; empty where it can.
        undo: Whether its last change was made from here, and can be taken back.
    """

    matching: bool
    model: str
    join_from: float
    review_from: float
    contradiction_below: float
    weights: dict[str, float]
    types: tuple[IdentityTypeStated, ...]
    blocked: tuple[str, ...]
    restart: bool
    locked: str
    undo: bool
