"""Promoted: properties of events that definitions use, as typed columns beside the JSON: `property_amount`.

Each column is one expression over `properties`, computed when files are compacted and, until then, when a query asks. So
whether a file has it makes no difference but in time. A query or model that says `properties ->> '$.fund'` reads the column
where there is one for text.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Literal, get_args

import msgspec
from sqlglot import exp

from onefold.model import Column, Relation
from onefold.warehouse.needs import sources_of
from onefold.warehouse.query import relation_named
from onefold.warehouse.relations import EVENT
from onefold.warehouse.views import ENGAGEMENT_EVENT

RECORDED = "staging.promoted"
"""The name under which the manifest holds the promoted columns of `staging.event`; it is no relation to be asked."""
PREFIX = "property_"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
"""Names of properties that can have a column."""
PromotedType = Literal["text", "decimal", "boolean", "timestamp"]
TYPES: tuple[PromotedType, ...] = get_args(PromotedType)
MAX = 64
"""Most columns: each makes the files of events larger."""

_NUMBERS = "('UBIGINT', 'BIGINT', 'HUGEINT', 'UHUGEINT', 'DOUBLE', 'VARCHAR')"
_TEXT = "(properties ->> '$.{name}')"
_EXPRESSIONS: Mapping[PromotedType, str] = {
    "text": _TEXT,
    # Of the JSON, not of its text: that is rounded through double. A boolean would become 1 or 0.
    "decimal": f"CASE WHEN json_type(properties, '$.{{name}}') IN {_NUMBERS} THEN"
    """ TRY(from_json(properties, '{{"{name}":"DECIMAL(38,9)"}}')."{name}") END""",
    "boolean": f"TRY_CAST({_TEXT} AS BOOLEAN)",
    # By way of a time with a zone, which a cast to one without would pass over.
    "timestamp": f"make_timestamp(epoch_us(TRY_CAST({_TEXT} AS TIMESTAMPTZ)))",
}
_MEANT = {
    "text": "The property `{name}`.",
    "decimal": "The property `{name}` as an exact number; null where it is none.",
    "boolean": "The property `{name}` as true or false; null where it is neither.",
    "timestamp": "The property `{name}` as a time, UTC; null where it is none.",
}


class Promoted(msgspec.Struct, frozen=True, order=True):
    """A property with a column of its own."""

    name: str
    type: PromotedType = "text"

    @property
    def column(self) -> str:
        """The name of the column."""
        return PREFIX + self.name

    @property
    def expression(self) -> str:
        """What the column is, in DuckDB's SQL, where `properties` is a column."""
        return _EXPRESSIONS[self.type].format(name=self.name)


def chosen(stated: Mapping[str, PromotedType], used: Iterable[str]) -> list[Promoted]:
    """What is promoted: what somebody states, and as text what definitions use besides; by name, `MAX` at most.

    Of names that differ in their case alone the first has a column.
    """
    found: dict[str, Promoted] = {}
    for name, kind in [*sorted(stated.items()), *((name, "text") for name in sorted(set(used)))]:
        if NAME.fullmatch(name) and len(found) < MAX:
            found.setdefault(name.lower(), Promoted(name, kind))
    return sorted(found.values())


def extended(relation: Relation, promoted: Iterable[Promoted]) -> Relation:
    """A relation with `properties`, with the columns of what is promoted; as the JSON they are personal."""
    more = tuple(Column(one.column, one.type, "personal", _MEANT[one.type].format(name=one.name)) for one in promoted)
    return msgspec.structs.replace(relation, columns=(*relation.columns, *more))


def promoted_of(relation: Relation) -> list[Promoted]:
    """What is promoted in `staging.event` as it was extended."""
    return [
        Promoted(column.name.removeprefix(PREFIX), column.type)
        for column in relation.columns
        if column.name.startswith(PREFIX) and column.type in TYPES
    ]


def used_by(query: exp.Query) -> set[str]:
    """Names of properties that a query asks for as text: of the events it reads, or of what may be them."""
    return {
        name
        for part in query.find_all(exp.JSONExtractScalar)
        if isinstance(part.this, exp.Column) and part.this.name.lower() == "properties" and (name := _member(part))
    }


def with_columns(query: exp.Query, promoted: Iterable[Promoted], known: Collection[str]) -> exp.Query:
    """The query with columns in the place of properties that it takes as text from events; it is left as it is."""
    texts = {one.name: one.column for one in promoted if one.type == "text"}
    if not texts or not used_by(query) & texts.keys():
        return query
    tree = query.copy()
    own = {cte.alias_or_name.lower() for cte in tree.find_all(exp.CTE)}
    for select in tree.find_all(exp.Select):
        sources = list(sources_of(select))
        for part in list(select.find_all(exp.JSONExtractScalar)):
            name = _member(part)
            if name not in texts or part.find_ancestor(exp.Select) is not select:
                continue
            column = part.this
            if not isinstance(column, exp.Column) or column.name.lower() != "properties" or column.args.get("db"):
                continue
            of = sources
            if column.table:
                of = [source for source in sources if source.alias_or_name.lower() == column.table.lower()]
            if len(of) == 1 and _is_event(of[0], own, known):
                _put(part, exp.column(texts[name], table=column.args.get("table"), quoted=True))
    return tree


def _put(part: exp.Expr, column: exp.Column) -> None:
    """Put a column in the place of an expression; a result's column that has its name from it keeps that."""
    if isinstance(part.parent, exp.Select) and part.arg_key == "expressions":
        part.replace(exp.alias_(column, f"({part.sql(dialect='duckdb')})", quoted=True))
    else:
        part.replace(column)


def _is_event(source: exp.Expr, own: set[str], known: Collection[str]) -> bool:
    if not isinstance(source, exp.Table) or not isinstance(source.this, exp.Identifier):
        return False
    if not source.db and source.name.lower() in own:
        return False
    return relation_named(source, known) in {EVENT.full_name, ENGAGEMENT_EVENT.full_name}


def _member(part: exp.JSONExtractScalar) -> str:
    """The name of the member that is taken; empty where it is not plainly one."""
    steps = part.expression.expressions if isinstance(part.expression, exp.JSONPath) else []
    last = steps[-1] if len(steps) == 2 else None
    return str(last.this) if isinstance(last, exp.JSONPathKey) and isinstance(last.this, str) else ""
