"""Households as results."""

from __future__ import annotations

from onefold.model.identifier import Identifier
from onefold.model.results.result import Result


class HouseholdMember(Result, frozen=True, kw_only=True):
    """A person of a household.

    Attributes:
        identifier: The strongest one.
        name: As the profile shows it.
        records: The person's records that state a family name and an address which others state, too.
        records_here: Those of them that state the household's.
    """

    profile_id: str
    identifier: Identifier | None
    name: str | None
    records: int
    records_here: int


class Household(Result, frozen=True, kw_only=True):
    """People of one family name at one address, as most of the records of each state them."""

    id: str
    people: int
    members: tuple[HouseholdMember, ...]


class Households(Result, frozen=True, kw_only=True):
    """A page of households, which may be short; `next` is the cursor of the page after it, null on the last."""

    households: tuple[Household, ...]
    next: str | None
