"""The service of households: all that is asked of them in a workspace."""

from __future__ import annotations

from typing import Protocol

import msgspec

from onefold.model import parse_profile_id, results
from onefold.pipelines.context import Context
from onefold.pipelines.reading import households
from onefold.pipelines.reading.households import NONE, Places
from onefold.pipelines.reading.people import find


class PlaceReading(Protocol):
    """Knows which record states which household."""

    def current(self, *, wait: bool = True) -> Places:
        """The places as the latest run of the matcher found them.

        Raises:
            ExpensiveError: They would have to be read, and the caller does not wait.
        """
        ...


class NoPlaces:
    """Of a workspace without a warehouse."""

    def current(self, *, wait: bool = True) -> Places:
        """None."""
        del wait
        return NONE


class Households:
    """One workspace's households, as its users see them. May be called from any thread."""

    def __init__(self, context: Context, places: PlaceReading) -> None:
        """Of an open workspace."""
        self._context = context
        self._places = places

    def page(self, q: str = "", *, cursor: str | None = None, limit: int = 50) -> results.Households:
        """Households in order of their ids; with `q`, `type:value` or a profile's id, that person's only.

        A page may have fewer than `limit`, or none, and others follow.

        Raises:
            UsageError: `q` names nobody, or the cursor is invalid.
        """
        return households.page(self._context, self._places.current(), q=q, cursor=cursor, limit=limit)

    def household(self, household_id: str) -> results.Household:
        """One household.

        Raises:
            NotFoundError: There is none.
            UsageError: Invalid id.
        """
        return households.household(self._context, self._places.current(), household_id)

    def with_household(self, profile: results.Profile, *, wait: bool = True) -> results.Profile:
        """A profile with the household of its person.

        Raises:
            ExpensiveError: Places would have to be read, and the caller does not wait.
        """
        places = self._places.current(wait=wait)
        if not any(places.of(bytes.fromhex(one.node)) for one in profile.identifiers):
            return profile
        node = parse_profile_id(profile.id)
        with self._context.store.snapshot() as snapshot:
            person = None if node is None else find(snapshot, node)
            found = None if person is None else households.of_person(snapshot, places, person.nodes)
            told = None if found is None else households.told(self._context, snapshot, found)
        return profile if told is None else msgspec.structs.replace(profile, household=told)
