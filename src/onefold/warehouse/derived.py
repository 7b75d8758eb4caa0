"""Derived fields: what is asked of people by rules that other rules answer, as columns of the same statement."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

import msgspec
from sqlglot import exp

from onefold.model import NodeId
from onefold.rules import Aggregate, Expr, RuleError, SqlField, literal, to_sql
from onefold.rules import sql_trees as trees
from onefold.rules.tree import Field, walk

STAGE_FIELD = "lifecycle_stage"
Values = Mapping[Aggregate, SqlField]
"""The value of each aggregate as SQL."""


class Derived(msgspec.Struct, frozen=True):
    """Fields that follow from other rules of the same people.

    Attributes:
        stages: Lifecycle stages, each with its rule, least first: `lifecycle_stage` is the last that is true. None for the
            stage that a profile's row has, which is that of when the row was written.
        segments: By field, whose rule has to be true. Unlike the rule, the field is never unknown.
        lists: By field, the nodes of which a person has to have one.
    """

    stages: tuple[tuple[str, Expr], ...] | None = None
    segments: Mapping[str, Expr] = MappingProxyType({})
    lists: Mapping[str, Collection[NodeId]] = MappingProxyType({})

    def levels(self, rules: Iterable[Expr]) -> list[list[str]]:
        """The derived fields that rules read, by themselves or through others, each level after all that it reads.

        Raises:
            RuleError: A field reads itself.
        """
        level: dict[str, int] = {}
        path: list[str] = []

        def place(name: str) -> int:
            if name in path:
                raise RuleError(f"`{name}` reads itself.")
            if name not in level:
                path.append(name)
                level[name] = 1 + max((place(other) for other in self._read(self._rules(name))), default=-1)
                path.pop()
            return level[name]

        for name in self._read(rules):
            place(name)
        found: list[list[str]] = [[] for _ in range(max(level.values(), default=-1) + 1)]
        for name in sorted(level):
            found[level[name]].append(name)
        return found

    def _rules(self, name: str) -> list[Expr]:
        return [rule for _, rule in self.stages or ()] if name == STAGE_FIELD else [self.segments[name]]

    def _read(self, rules: Iterable[Expr]) -> list[str]:
        names = names_in(rules)
        return [name for name in names if name in self.segments or (name == STAGE_FIELD and self.stages is not None)]

    def rules(self, names: Iterable[str]) -> list[Expr]:
        """The rules that these fields follow from."""
        return [rule for name in names for rule in self._rules(name)]

    def field(self, name: str, fields: Mapping[str, SqlField], as_of_us: int, values: Values) -> SqlField:
        """A derived field over the fields that it reads."""
        if name != STAGE_FIELD:
            truth = to_sql(self.segments[name], fields, as_of_us, values)
            return SqlField("boolean", exp.Coalesce(this=truth, expressions=[exp.false()]))
        cases = [
            exp.If(this=to_sql(rule, fields, as_of_us, values), true=literal(stage))
            for stage, rule in reversed(self.stages or ())
        ]
        return SqlField("text", exp.Case(ifs=cases) if cases else trees.cast(exp.null(), "TEXT"))


def names_in(rules: Iterable[Expr]) -> list[str]:
    """The fields that rules read, in order of their names."""
    return sorted({part.name for rule in rules for part in walk(rule) if isinstance(part, Field)})
