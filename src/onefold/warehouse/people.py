"""People: rules about them as one query of the warehouse, which answers what the stream answers.

A row a person, from `golden.profile`; what they did, from `golden.engagement_event`, which joins each event with the person
whose its node is now.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from types import MappingProxyType

from sqlglot import exp

from onefold.errors import nearest
from onefold.model import NodeId, PersonalClass, format_profile_id
from onefold.rules import Aggregate, Expr, RuleError, SqlField, aggregate, aggregates, literal, sql_any, to_sql
from onefold.rules import sql_trees as trees
from onefold.rules.aggregate import EVENT_FIELDS
from onefold.rules.functions import Kind
from onefold.rules.sql_events import Events, added
from onefold.rules.tree import Field, walk
from onefold.warehouse.derived import STAGE_FIELD, Derived, names_in
from onefold.warehouse.views import RELATIONS

EVENTS = Events("golden.engagement_event")
ROW = "people"
_TYPES, _KNOWN = "types", "known"
_COLUMNS: Mapping[str, tuple[Kind, str]] = {
    "events": ("number", "events"),
    "sessions": ("number", "sessions"),
    "purchases": ("number", "purchases"),
    "revenue": ("number", "revenue"),
    "first_seen": ("time", "first_seen_at"),
    "last_seen": ("time", "last_seen_at"),
    "last_active": ("time", "last_active_at"),
    STAGE_FIELD: ("text", "stage"),
}
_HAS: Mapping[str, str] = {"has_user_id": "user_id", "has_email": "email", "has_phone": "phone"}
_CONTACTS = frozenset({"email", "phone"})


_STORED = Derived()


def asked(
    rules: Mapping[str, Expr],
    as_of_us: int,
    traits: Mapping[str, Aggregate] = MappingProxyType({}),
    derived: Derived = _STORED,
    unknown: Collection[Aggregate] = frozenset(),
) -> exp.Select:
    """What rules say of each person as of a moment: `person`, and a column for each rule, true, false or null.

    Args:
        rules: The rules, by name.
        as_of_us: The moment.
        traits: The fields that are names of aggregates.
        derived: The fields that follow from other rules.
        unknown: The aggregates whose values rules are not to know.

    Raises:
        RuleError: A rule reads what the warehouse has not, or uses what SQL cannot say alike everywhere.
    """
    levels = derived.levels(rules.values())
    every = [*rules.values(), *derived.rules(name for level in levels for name in level)]
    wanted: set[Aggregate] = {one for rule in every for one in aggregates(rule)}
    named = {name for level in levels for name in level}
    names = [name for name in names_in(every) if name not in named]
    wanted |= {traits[name] for name in names if name in traits}
    events = added(wanted.difference(unknown), EVENTS, as_of_us)
    steps = [*events.steps, *_people(names, traits, derived)]
    # What is known of a person comes to one relation, so that whatever follows from it can be put on top, layer by layer.
    values = {one: SqlField(found.kind, exp.column(f"v{n}")) for n, (one, found) in enumerate(events.values.items())}
    values |= {one: _null(aggregate.kind(one)) for one in wanted.intersection(unknown)}
    fields = {name: values[traits[name]] for name in names if name in traits}
    own = [name for name in names if name not in traits]
    fields |= {name: SqlField(_kind(name, derived), exp.column(f"f{n}")) for n, name in enumerate(own)}
    kept = [f"f{n}" for n in range(len(own))]
    known: list[exp.Expr] = [exp.column(name, table=ROW) for name in ("person", *kept)]
    known += [trees.alias(found.value, f"v{n}") for n, found in enumerate(events.values.values())]
    query = trees.query(known, ROW)
    query.set("joins", [_left(name, ROW) for name in events.relations])
    steps.append((_KNOWN, query))
    kept += [f"v{n}" for n in range(len(events.values))]
    below = _KNOWN
    for number, level in enumerate(levels):
        columns: list[exp.Expr] = [*map(exp.column, ("person", *kept))]
        for name in level:
            found = derived.field(name, fields, as_of_us, values)
            kept.append(f"d{len(kept)}")
            columns.append(trees.alias(found.value, kept[-1]))
            fields[name] = SqlField(found.kind, exp.column(kept[-1]))
        steps.append((f"level{number}", trees.query(columns, below)))
        below = f"level{number}"
    answers = [trees.alias(to_sql(rule, fields, as_of_us, values), name, quoted=True) for name, rule in rules.items()]
    query = trees.query([exp.column("person"), *answers], below)
    query.set("with_", exp.With(expressions=[_step(name, step) for name, step in steps]))
    return query


def _people(names: Iterable[str], traits: Mapping[str, Aggregate], derived: Derived) -> Iterator[tuple[str, exp.Query]]:
    """The steps that give a row a person, with the fields that are no aggregates: `f0`, `f1` and so on."""
    own = [name for name in names if name not in traits]
    row: list[exp.Expr] = [exp.column("person", table="profile")]
    joins = []
    if _HAS.keys() & set(own):
        yield _TYPES, _types()
        joins.append(_left(_TYPES, "profile"))
    for number, name in enumerate(own):
        if name in derived.lists:
            listed = f"list{number}"
            yield listed, _listed(derived.lists[name])
            joins.append(_left(listed, "profile"))
            row.append(trees.alias(trees.is_known(exp.column("person", table=listed)), f"f{number}"))
        else:
            row.append(trees.alias(_field(name).value, f"f{number}"))
    people = trees.query(row, "golden.profile")
    people.set("joins", joins)
    yield ROW, people


def _null(kind: Kind) -> SqlField:
    """A value that nobody knows."""
    types = {"number": "DECIMAL(38, 12)", "time": "TIMESTAMP", "boolean": "BOOLEAN"}
    return SqlField(kind, trees.cast(exp.null(), types.get(kind, "TEXT")))


def _kind(name: str, derived: Derived) -> Kind:
    return "boolean" if name in derived.lists else _field(name).kind


def _listed(nodes: Collection[NodeId]) -> exp.Query:
    """Whoever has one of these nodes."""
    values = [trees.cast(exp.Literal.string(format_profile_id(node)), "UUID") for node in sorted(nodes)]
    has = exp.In(this=exp.column("node"), expressions=values) if values else exp.false()
    query = trees.query([exp.column("person")], "golden.identity", [has])
    query.set("distinct", exp.Distinct())
    return query


def members(
    rule: Expr,
    as_of_us: int,
    traits: Mapping[str, Aggregate] = MappingProxyType({}),
    derived: Derived = _STORED,
) -> exp.Select:
    """The people of whom a rule is true as of a moment: their `person`.

    Raises:
        RuleError: As `asked` does.
    """
    query = asked({"member": rule}, as_of_us, traits, derived)
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
