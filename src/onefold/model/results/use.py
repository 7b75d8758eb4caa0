"""Answers about uses: who is one person where a use takes more or less care than most."""

from __future__ import annotations

from onefold.model.results.result import Result


class Use(Result, frozen=True, kw_only=True):
    """A use that identity.yaml names.

    Attributes:
        name: As identity.yaml has it.
        join_from: Its threshold in the place of `join_from`.
    """

    name: str
    join_from: float


class Uses(Result, frozen=True, kw_only=True):
    """The uses that identity.yaml names.

    Attributes:
        join_from: The threshold by which people are joined otherwise.
        uses: In the order of the file.
    """

    join_from: float
    uses: tuple[Use, ...]


class UseVerdict(Result, frozen=True, kw_only=True):
    """Whether two identifiers are one person by the threshold of a use."""

    use: str
    join_from: float
    one_person: bool


class PairUses(Result, frozen=True, kw_only=True):
    """Whether two identifiers are one person, as people are and for each use.

    Attributes:
        profile_ids: The people to whom they belong as people are.
        one_person: Whether these are the same.
        join_from: The threshold by which people are joined.
        uses: Each use, in the order of the file.
    """

    profile_ids: tuple[str, str]
    one_person: bool
    join_from: float
    uses: tuple[UseVerdict, ...]


class PersonLinks(Result, frozen=True, kw_only=True):
    """The identifiers of a person by the threshold of a use: a page of them, the strongest first.

    Attributes:
        use: Its name; null for the people as they are.
        join_from: The probability that groups of records have to exceed on average.
        profile_id: The person to whom the identifier belongs as people are.
        identifiers: Those of one person with it by this threshold.
        without: Those that are the person's as people are, and are not by this threshold.
        besides: Those that are others' as people are, and are the person's by this threshold; of `identifiers`, too.
        identifiers_total: How many are of one person with it by this threshold, on all pages.
        next: The cursor of the next page; null on the last.
    """

    use: str | None
    join_from: float
    profile_id: str
    identifiers: tuple[str, ...]
    without: tuple[str, ...]
    besides: tuple[str, ...]
    identifiers_total: int
    next: str | None
