"""Evidence as results: what fields say of two records, what would change who is who, and what holds a person together."""

from __future__ import annotations

from typing import Literal

from onefold.model.results.graph import Step
from onefold.model.results.result import Result


class EvidenceStep(Result, frozen=True, kw_only=True):
    """One step of the way to a score.

    Attributes:
        field: What is compared; empty for what does not come from a field, such as the share from which the way begins.
        level: How the two values agree or differ.
        weight: What that adds, in natural-log odds; of the weighted model its part of the sum.
        sum: The way so far.
        share: How many of all records have the value, 0 to 1, where both have the same; null where not.
        a: The value of the one record; null where there is none.
        b: The value of the other.
    """

    field: str
    level: str
    weight: float
    sum: float
    share: float | None
    a: str | None
    b: str | None


class DecisionChange(Result, frozen=True, kw_only=True):
    """Something that would change whether two are one person; found by solving again without it, or with it.

    Attributes:
        kind: `evidence`: were it not there. `threshold`: were a setting another. `judgement`: were it withdrawn.
        setting: The setting; null for others.
        value: What it would have to be.
        evidence: The evidence, as few pieces as do.
        one_person: Whether the two would be one person then.
    """

    kind: Literal["evidence", "threshold", "judgement"]
    setting: str | None
    value: float | None
    evidence: tuple[Step, ...]
    one_person: bool
    sentence: str


class PairEvidence(Result, frozen=True, kw_only=True):
    """What two records say for and against being one person, and what would change the decision.

    Attributes:
        a: The one record that was compared, as `type:value`: of those of the person, the one that is likest.
        b: The other.
        profile_ids: Whose they are.
        one_person: Whether they are one person.
        model: Name and version of the model; empty where nothing was compared.
        because: Why nothing was compared; null where something was.
        instead: What they likeliest are if not one person: household, neighbours or strangers.
        steps: Of the way from the share of such pairs to the score, the strongest first after the share.
        score: Natural-log odds by the fields alone; null where nothing was compared.
        probability: The same as a probability.
        join_from: The probability that the average of two groups' pairs has to exceed.
        changes: What would change the decision.
        changes_searched: Whether it was looked for; false where more evidence would have had to be solved than is.
        sentences: The whole in English, without values.
    """

    a: str
    b: str
    profile_ids: tuple[str, str]
    one_person: bool
    model: str
    because: str | None
    instead: str | None
    steps: tuple[EvidenceStep, ...]
    score: float | None
    probability: float | None
    join_from: float
    changes: tuple[DecisionChange, ...]
    changes_searched: bool
    sentences: tuple[str, ...]


class PersonEvidence(Result, frozen=True, kw_only=True):
    """What holds a person together, and what speaks against it.

    Attributes:
        identifiers: How many the person has.
        weakest: The weakest of the evidence without which the person would fall apart; null for who has one identifier.
        parts: Into what the person would fall without it, the smaller part first, at most fifty identifiers of each.
        contradictions: Scores against, between identifiers of the person, the lowest first.
    """

    profile_id: str
    identifiers: int
    weakest: Step | None
    parts: tuple[tuple[str, ...], ...]
    contradictions: tuple[Step, ...]
    sentences: tuple[str, ...]
