"""People: rules about them as one query of the warehouse, which answers what the stream answers.

A row a person, from `golden.profile`; what they did, from `golden.engagement_event`, which joins each event with the person
whose its node is now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from sqlglot import exp

from onefold.errors import nearest
from onefold.model import PersonalClass
from onefold.rules import Aggregate, Expr, RuleError, SqlField, aggregates, literal, sql_any, to_sql
from onefold.rules import sql_trees as trees
from onefold.rules.aggregate import EVENT_FIELDS
from onefold.rules.functions import Kind
from onefold.rules.sql_events import Events, added
from onefold.rules.tree import Field, walk
from onefold.warehouse.views import RELATIONS

EVENTS = Events("golden.engagement_event")
ROW = "people"
_TYPES = "types"
_COLUMNS: Mapping[str, tuple[Kind, str]] = {
    "events": ("number", "events"),
    "sessions": ("number", "sessions"),
    "purchases": ("number", "purchases"),
    "revenue": ("number", "revenue"),
    "first_seen": ("time", "first_seen_at"),
    "last_seen": ("time", "last_seen_at"),
    "last_active": ("time", "last_active_at"),
    "lifecycle_stage": ("text", "stage"),
}
_HAS: Mapping[str, str] = {"has_user_id": "user_id", "has_email": "email", "has_phone": "phone"}
_CONTACTS = frozenset({"email", "phone"})


def asked(
    rules: Mapping[str, Expr], as_of_us: int, traits: Mapping[str, Aggregate] = MappingProxyType({})
) -> exp.Select:
    """What rules say of each person as of a moment: `person`, and a column for each rule, true, false or null.

    `traits` are the fields that are names of aggregates.

    Raises:
        RuleError: A rule reads what the warehouse has not, or uses what SQL cannot say alike everywhere.
    """
    wanted: set[Aggregate] = {one for rule in rules.values() for one in aggregates(rule)}
    names = sorted({part.name for rule in rules.values() for part in walk(rule) if isinstance(part, Field)})
    events = added(wanted | {traits[name] for name in names if name in traits}, EVENTS, as_of_us)
    row: list[exp.Expr] = [exp.column("person", table="profile")]
    fields = {}
    for number, name in enumerate(names):
        if name in traits:
            fields[name] = events.values[traits[name]]
            continue
        stated = _field(name)
        row.append(trees.alias(stated.value, f"f{number}"))
        fields[name] = SqlField(stated.kind, exp.column(f"f{number}", table=ROW))
    columns = [
        trees.alias(to_sql(rule, fields, as_of_us, events.values), name, quoted=True) for name, rule in rules.items()
    ]
    query = trees.query([exp.column("person", table=ROW), *columns], ROW)
    people = trees.query(row, "golden.profile")
    steps = [*events.steps]
    if _HAS.keys() & set(names):
        steps.append((_TYPES, _types()))
        people.set("joins", [_left(_TYPES, "profile")])
    steps.append((ROW, people))
    query.set("joins", [_left(name, ROW) for name in events.relations])
    query.set("with_", exp.With(expressions=[_step(name, step) for name, step in steps]))
    return query


def members(rule: Expr, as_of_us: int, traits: Mapping[str, Aggregate] = MappingProxyType({})) -> exp.Select:
    """The people of whom a rule is true as of a moment: their `person`.

    Raises:
        RuleError: As `asked` does.
    """
    query = asked({"member": rule}, as_of_us, traits)
    (person, truth) = query.expressions
    query.set("expressions", [person])
    query.set("where", exp.Where(this=truth.this))
    return query


def values(traits: Mapping[str, Aggregate], as_of_us: int) -> exp.Select:
    """The traits of each person who has any event that they are about: `person`, and a column for each trait.

    A value of no fixed kind is a text with a tag before it (`rules.values.untagged` reads it), a time is UTC. Unlike the
    stream, which keeps a choice of very many different values and periods, this counts all of them.

    Raises:
        RuleError: A condition uses what SQL cannot say alike everywhere.
    """
    events = added(traits.values(), EVENTS, as_of_us)
    columns = [trees.alias(events.values[one].value.copy(), name, quoted=True) for name, one in traits.items()]
    query = trees.query([exp.column("person", table=ROW), *columns], ROW)
    people = trees.query([exp.column("person")], events.steps[0][0], group=["person"])
    query.set("joins", [_left(name, ROW) for name in events.relations])
    query.set("with_", exp.With(expressions=[_step(name, step) for name, step in (*events.steps, (ROW, people))]))
    return query


def _step(name: str, query: exp.Query) -> exp.CTE:
    return exp.CTE(this=query, alias=exp.TableAlias(this=exp.to_identifier(name)))


def _left(name: str, of: str) -> exp.Join:
    on = exp.EQ(this=exp.column("person", table=name), expression=exp.column("person", table=of))
    return exp.Join(this=exp.to_table(name), side="LEFT", on=on)


def _field(name: str) -> SqlField:
    """A field as an expression over `golden.profile`."""
    if name in _COLUMNS:
        kind, column = _COLUMNS[name]
        return SqlField(kind, _column(column))
    if name in _HAS:
        return SqlField("boolean", _has(_HAS[name]))
    group, _, inside = name.partition(".")
    if inside and group in _OPEN:
        return _OPEN[group](inside)
    known = [*_COLUMNS, *_HAS]
    near = nearest(name, known) or f"; it has {', '.join(known)}."
    raise RuleError(f"The warehouse has no field `{name}` of people{near}")


def _column(name: str) -> exp.Column:
    return exp.column(name, table="profile")


def _attribute(name: str) -> SqlField:
    return SqlField("any", sql_any.member(_column("attributes"), name))


def _consent(purpose: str) -> SqlField:
    said = [sql_any.boolean(sql_any.of_json(_column("consents"), (one, "granted"))) for one in (purpose, "all")]
    return SqlField("boolean", exp.Coalesce(this=said[0], expressions=[said[1], exp.false()]))


_OPEN: Mapping[str, Callable[[str], SqlField]] = {"attr": _attribute, "consent": _consent}


def _has(type_: str) -> exp.Expr:
    """Whether the person has an identifier of the type or, of an address, an attribute with one."""
    seen = exp.EQ(
        this=exp.Coalesce(this=exp.column(type_, table=_TYPES), expressions=[literal(0)]), expression=literal(1)
    )
    if type_ not in _CONTACTS:
        return trees.paren(seen)
    stated = exp.Is(this=_attribute(type_).value, expression=exp.null())
    return trees.paren(trees.any_of(seen, exp.Not(this=stated)))


def _types() -> exp.Select:
    """Which types of identifiers each person has."""
    each = [
        trees.alias(exp.Max(this=exp.Case(ifs=[exp.If(this=_is_type(one), true=literal(1))], default=literal(0))), one)
        for one in _HAS.values()
    ]
    return trees.query([exp.column("person"), *each], "golden.identity", group=["person"])


def _is_type(one: str) -> exp.Expr:
    return exp.EQ(this=exp.column("type"), expression=literal(one))


def reads(rule: Expr) -> dict[str, PersonalClass]:
    """The columns that a rule about people reads, and the class of personal data that each holds.

    Raises:
        RuleError: It reads what the warehouse has not.
    """
    found: dict[str, set[str]] = {}
    for part in walk(rule):
        if isinstance(part, Field):
            own = _field(part.name).value.find_all(exp.Column)
            for column in own:
                relation = "golden.identity" if column.table == _TYPES else "golden.profile"
                name = "type" if column.table == _TYPES else column.name
                found.setdefault(relation, set()).add(name)
        elif isinstance(part, Aggregate):
            columns = {"name", "event_at", "person"}
            conditions = [where for where in (part.where, part.then.where if part.then else None) if where is not None]
            fields = {one.name for where in conditions for one in walk(where) if isinstance(one, Field)}
            columns |= {"source"} if "event.source" in fields else set()
            columns |= {"properties"} if part.property or fields - EVENT_FIELDS.keys() else set()
            found.setdefault(EVENTS.relation, set()).update(columns)
    return {
        f"{relation}.{column.name}": column.personal
        for relation, names in sorted(found.items())
        for column in RELATIONS[relation].columns
        if column.name in names
    }
