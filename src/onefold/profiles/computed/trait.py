"""A computed trait: an aggregate of a person's events that has a name."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from onefold.rules import Aggregate, Kind, fingerprint, parse
from onefold.rules.aggregate import kind
from onefold.rules.tree import And

FIELD = "trait."
"""What stands before the name of a trait in rules."""


class Trait(msgspec.Struct, frozen=True):
    """A trait of the project.

    Attributes:
        name: Its name.
        aggregate: What it means.
        description: What it is for.
        owner: Who answers for it.
        file: The file that states it, relative to the project.
        line: The line there.
    """

    name: str
    aggregate: Aggregate
    description: str = ""
    owner: str = ""
    file: str = ""
    line: int = 0

    @property
    def fingerprint(self) -> str:
        """What tells its meaning from any other's."""
        return fingerprint(self.aggregate)

    @property
    def kind(self) -> Kind:
        """What its value is."""
        return kind(self.aggregate)


def trait_fields(traits: Iterable[Trait]) -> dict[str, Kind | Aggregate]:
    """The traits as fields of rules."""
    return {f"{FIELD}{trait.name}": trait.aggregate for trait in traits}


def in_currency(aggregate: Aggregate, currency: str, *, default: str) -> Aggregate:
    """The same of amounts in one currency; those that state none are in the `default` one."""
    stated = f"coalesce(upper(currency), '{default}')"
    rule = parse(f"{stated} = '{currency}'")
    where = rule if aggregate.where is None else And((aggregate.where, rule))
    return msgspec.structs.replace(aggregate, where=where)
