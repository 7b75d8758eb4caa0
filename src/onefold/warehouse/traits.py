"""Computed traits as a relation, `golden.trait`: a row a person, a column a trait, worked out when somebody asks.

It is a query over events, so it has the whole past of a trait, also while the stream is still filling that in.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlglot import exp

from onefold.model import Column, ColumnType, PersonalClass, Relation
from onefold.rules import Aggregate, RuleError, explain, sql_any
from onefold.rules import sql_trees as trees
from onefold.rules.aggregate import EVENT_FIELDS, kind
from onefold.rules.tree import Field, walk
from onefold.warehouse import people
from onefold.warehouse.models import types
from onefold.warehouse.personal import CLASSES, Source, class_of, highest
from onefold.warehouse.views import ENGAGEMENT_EVENT, RELATIONS

NAME = "golden.trait"
_PERSON = Column("person", "uuid", description="The profile's id.", required=True)
_AMOUNTS = frozenset({"sum", "average", "min", "max"})
_VALUES = frozenset({"first", "last", "min", "max", "most_frequent"})
"""Functions whose value is one that an event states."""


def sayable(traits: Mapping[str, Aggregate]) -> dict[str, Aggregate]:
    """The traits that SQL can state."""
    return {name: one for name, one in traits.items() if _is_sayable(one)}


def relation(traits: Mapping[str, Aggregate], classes: Mapping[Source, PersonalClass]) -> Relation | None:
    """The relation of these traits, which SQL can state; None where there are none.

    A value that an event states is of the class of its property. How often, when and how much is none, as such columns of
    `golden.profile` are, unless a property that it depends on is an identifier or sensitive.
    """
    columns = [
        Column(name, _type(one), _personal(one, classes), f"{explain(one).rstrip('.')}.")
        for name, one in traits.items()
    ]
    if not columns:
        return None
    said = "What the events of a person come to, for everybody who has any: computed traits, as of now."
    return Relation("golden", "trait", (_PERSON, *columns), "view", said, ("person",))


def query(traits: Mapping[str, Aggregate], as_of_us: int) -> exp.Select:
    """What the relation is as of a moment; of at least one trait."""
    tree = people.values(traits, as_of_us)
    person, *columns = tree.expressions
    shown = [
        trees.alias(_typed(one, column.this), column.alias, quoted=True)
        for one, column in zip(traits.values(), columns, strict=True)
    ]
    tree.set("expressions", [person, *shown])
    return tree


def _is_sayable(one: Aggregate) -> bool:
    try:
        people.values({"trait": one}, 0)
    except RuleError:
        return False
    return True


def _type(one: Aggregate) -> ColumnType:
    match kind(one):
        case "boolean":
            return "boolean"
        case "time":
            return "timestamp"
        case "number":
            return "decimal" if one.function in _AMOUNTS else "bigint"
    return "text"


def _typed(one: Aggregate, value: exp.Expr) -> exp.Expr:
    if kind(one) != "any":
        return trees.cast(value, types.SQL[_type(one)])
    digits = exp.Trim(this=sql_any.inside(value), expression=exp.Literal.string("0"), position="TRAILING")
    number = exp.Trim(this=digits, expression=exp.Literal.string("."), position="TRAILING")
    is_number = sql_any.has_tag(value, "n")
    return exp.Case(ifs=[exp.If(this=is_number, true=number)], default=sql_any.inside(value))


def _personal(one: Aggregate, classes: Mapping[Source, PersonalClass]) -> PersonalClass:
    events = RELATIONS[ENGAGEMENT_EVENT.full_name]
    conditions = [where for where in (one.where, one.then.where if one.then else None) if where is not None]
    read = {part.name for where in conditions for part in walk(where) if isinstance(part, Field)} - EVENT_FIELDS.keys()
    depends = [class_of(events, f"properties.{name}", classes) for name in (read | {one.property or ""}) - {""}]
    grave = [found for found in depends if CLASSES.index(found) > CLASSES.index("personal")]
    stated = one.property is not None and one.function in _VALUES
    return highest([*grave, *([class_of(events, f"properties.{one.property}", classes)] if stated else [])])
