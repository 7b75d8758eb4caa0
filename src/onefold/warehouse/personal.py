"""Personal data: the class of each column's values, as the project says it, as a relation states it, or inherited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from onefold.model import PersonalClass, Relation

CLASSES: tuple[PersonalClass, ...] = ("none", "personal", "identifier", "sensitive")
"""In rising order of what a leak would cost: a value made of several has the highest of theirs."""

Source = tuple[str, str]
"""A relation's full name and a column of it; a member of a JSON column is `attributes.email`."""


def highest(classes: Iterable[PersonalClass]) -> PersonalClass:
    """The class of a value that is made of values of these classes."""
    return max(classes, key=CLASSES.index, default="none")


def class_of(relation: Relation, column: str, said: Mapping[Source, PersonalClass]) -> PersonalClass:
    """The class of a column, or of a member of a JSON column.

    What `said` has for it counts, then what it has for the JSON around it, then what the relation states.
    """
    name = column
    while True:
        if (found := said.get((relation.full_name, name))) is not None:
            return found
        if (stated := relation.column(name)) is not None:
            return stated.personal
        name, dot, _ = name.rpartition(".")
        if not dot:
            return "none"


def class_of_all(relation: Relation, column: str, said: Mapping[Source, PersonalClass]) -> PersonalClass:
    """The class of a column with all that is in it: the highest of its own and those of its members."""
    inside = (
        personal
        for (name, path), personal in said.items()
        if name == relation.full_name and path.startswith(f"{column}.")
    )
    return highest([class_of(relation, column, said), *inside])
