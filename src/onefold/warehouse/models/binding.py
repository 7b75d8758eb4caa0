"""Binding: models and the relations they read become bound models, in the order in which they are built.

Every name is looked up, every column has its relation, its type, its origins and its class of personal data. Whatever
cannot be is a fault with file and line; all faults of all models are found at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import cast

import msgspec
from sqlglot import MappingSchema, exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import Scope, traverse_scope

from onefold.errors import nearest
from onefold.model import Column, ColumnType, PersonalClass, Relation
from onefold.warehouse.models import graph, statement, types
from onefold.warehouse.models.model import Documented, Fault, Model, ModelError
from onefold.warehouse.models.origins import Derivation, derive
from onefold.warehouse.personal import Source, class_of_all, highest
from onefold.warehouse.query import SCHEMAS


class BoundModel(msgspec.Struct, frozen=True):
    """A model that can be built.

    Attributes:
        tree: Its statement: every column qualified, every `*` written out. Not to be changed; copy it.
        relation: What it makes.
        derivation: What its columns come from.
        reads: The relations and models it reads.
    """

    model: Model
    tree: exp.Query
    relation: Relation
    derivation: Derivation
    reads: frozenset[str]

    @property
    def name(self) -> str:
        """The relation it makes."""
        return self.model.name


class BoundModels(msgspec.Struct, frozen=True):
    """All models of a project, bound.

    Attributes:
        models: By name, each after those it reads.
        relations: What they and everything else can be read as, by name.
    """

    models: dict[str, BoundModel]
    relations: dict[str, Relation]

    def reads(self) -> dict[str, frozenset[str]]:
        """What each model reads."""
        return {name: bound.reads for name, bound in self.models.items()}

    def views(self) -> dict[str, exp.Query]:
        """The trees of those that are computed when they are asked, each after those it reads."""
        return {name: one.tree for name, one in self.models.items() if one.model.materialized == "view"}

    def select(self, wanted: Iterable[str]) -> list[BoundModel]:
        """The models that selections mean, in order of building.

        Raises:
            UsageError: A selection means no model.
        """
        chosen = graph.select({n: b.model for n, b in self.models.items()}, self.reads(), wanted)
        return [bound for name, bound in self.models.items() if name in chosen]


def bind(
    models: Sequence[Model], relations: Iterable[Relation], classes: Mapping[Source, PersonalClass] | None = None
) -> BoundModels:
    """Bind models to the relations there are.

    Args:
        models: The models.
        relations: What they may read beside each other.
        classes: Classes of personal data that the project states; they go before those of the relations.

    Raises:
        ModelError: With everything that is wrong with any of them.
    """
    there = {relation.full_name: relation for relation in relations}
    faults = list(_name_faults(models, there))
    named, trees = {model.name: model for model in models}, dict[str, exp.Query]()
    for name, model in named.items():
        tree = statement.read(model)
        if isinstance(tree, list):
            faults += tree
        else:
            trees[name] = tree
    known = there.keys() | named.keys()
    for name, tree in trees.items():
        settle(tree, known)
        faults += _unknown_relations(named[name], tree, known)
    if faults:
        raise ModelError(faults)
    order = graph.build_order(named, {name: graph.reads(tree) for name, tree in trees.items()})
    bound = dict[str, BoundModel]()
    for step in order:
        if isinstance(step, Fault):
            faults.append(step)
            continue
        one = _bind(named[step], trees[step], there, classes or {})
        if isinstance(one, list):
            # Who reads a model that cannot be bound has no columns to look up; its own faults come once this is mended.
            raise ModelError([*faults, *one])
        bound[step], there[step] = one, one.relation
    if faults:
        raise ModelError(faults)
    return BoundModels(bound, there)


def _name_faults(models: Sequence[Model], relations: Mapping[str, Relation]) -> list[Fault]:
    seen, faults = dict[str, Model](), list[Fault]()
    for model in models:
        if model.name in relations:
            faults.append(model.fault(1, f"`{model.name}` is a relation of Onefold; name the model otherwise"))
        if (other := seen.get(model.name)) is not None:
            faults.append(model.fault(1, f"`{model.name}` is already made by {other.file}"))
        seen[model.name] = model
    return faults


def settle(tree: exp.Query, known: AbstractSet[str]) -> None:
    """Give each relation that is named without its schema the one that a query would find it in."""
    for table in graph.tables(tree):
        if not table.db:
            found = next((schema for schema in SCHEMAS if f"{schema}.{table.name}".lower() in known), None)
            if found is not None:
                if not table.alias:
                    table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
                table.set("db", exp.to_identifier(found))


def _unknown_relations(model: Model, tree: exp.Query, known: AbstractSet[str]) -> list[Fault]:
    found = {graph.relation_name(table): table for table in graph.tables(tree)}
    return [
        model.fault(statement.line_of(table), f"there is no relation `{name}`{nearest(name, known)}")
        for name, table in found.items()
        if name not in known
    ]


def _bind(
    model: Model, read: exp.Query, relations: Mapping[str, Relation], classes: Mapping[Source, PersonalClass]
) -> BoundModel | list[Fault]:
    if unnamed := _unnamed(model, read):
        return unnamed
    tree = read.copy()
    names = graph.reads(tree)
    for table in graph.tables(tree):
        # Case and the schema that was left out are settled here, so that everybody after finds one spelling.
        folder, _, name = graph.relation_name(table).partition(".")
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(table.name)))
        table.set("db", exp.to_identifier(folder))
        table.set("this", exp.to_identifier(name, quoted=True))
    schema = MappingSchema(_schema({n: relations[n] for n in names}), dialect=statement.DIALECT)
    try:
        qualified = qualify(
            tree, schema=schema, dialect=statement.DIALECT, validate_qualify_columns=False,
            quote_identifiers=False,
        )  # fmt: skip
    except SqlglotError as error:
        return [_unqualified(model, read, relations, str(error))]
    if not isinstance(qualified, exp.Query):
        raise TypeError(type(qualified).__name__)
    if faults := _unknown_columns(model, qualified, relations):
        return faults
    if faults := _output_faults(model, qualified):
        return faults
    annotate_types(qualified, schema=schema, dialect=statement.DIALECT)
    derivation = derive(qualified)
    columns, faults = list[Column](), list[Fault]()
    for item in qualified.selects:
        kind = types.word(item.type)
        if kind is None:
            message = (
                f"`{item.alias_or_name}` is of a type that relations do not have; cast it, for instance to VARCHAR"
            )
            faults.append(model.fault(statement.line_of(item), message))
            continue
        sources = derivation.columns[item.alias_or_name].value
        inherited = highest(class_of_all(relations[name], column, classes) for name, column in sources)
        columns.append(_column(model, item.alias_or_name, kind, inherited))
    if faults:
        return faults
    folder, _, name = model.name.partition(".")
    relation = Relation(
        folder, name, tuple(columns), "view" if model.materialized == "view" else "table", model.description, model.key
    )
    return BoundModel(model, qualified, relation, derivation, names)


def _schema(relations: Mapping[str, Relation]) -> dict[str, object]:
    found: dict[str, dict[str, dict[str, str]]] = {}
    for relation in relations.values():
        columns = {column.name: types.SQL[column.type] for column in relation.columns}
        found.setdefault(relation.schema, {})[relation.name] = columns
    return dict(found)


def _unknown_columns(model: Model, tree: exp.Query, relations: Mapping[str, Relation]) -> list[Fault]:
    faults = []
    for scope in traverse_scope(tree):
        for column in scope.columns:
            if not column.table:
                visible = {name for source in _visible(scope).values() for name in _names(source, relations)}
                known = f"there is no column `{column.name}`{nearest(column.name, visible)}"
                twice = [alias for alias, source in _visible(scope).items() if column.name in _names(source, relations)]
                message = f"`{column.name}` is in {' and '.join(twice)}; say which" if len(twice) > 1 else known
                if len(twice) != 1:
                    faults.append(model.fault(statement.line_of(column), message))
                continue
            source = _source(scope, column.table)
            if source is None:
                near = nearest(column.table, _visible(scope))
                faults.append(model.fault(statement.line_of(column), f"nothing here is called `{column.table}`{near}"))
            elif column.name not in (names := _names(source, relations)):
                what = graph.relation_name(source) if isinstance(source, exp.Table) else column.table
                faults.append(
                    model.fault(
                        statement.line_of(column),
                        f"`{what}` has no column `{column.name}`{nearest(column.name, names)}",
                    )
                )
    return faults


def _unqualified(model: Model, tree: exp.Query, relations: Mapping[str, Relation], said: str) -> Fault:
    """The fault that the column qualifier stopped at, told with its line and the nearest word."""
    name = said.partition("Unknown column: ")[2].split()[0].strip(".'\"") if "Unknown column: " in said else ""
    for scope in traverse_scope(tree):
        for column in scope.columns:
            if name and column.name == name:
                visible = {known for source in _visible(scope).values() for known in _names(source, relations)}
                if name not in visible:
                    return model.fault(
                        statement.line_of(column), f"there is no column `{column.sql()}`{nearest(name, visible)}"
                    )
    return model.fault(1, f"cannot be understood: {said.splitlines()[0].rstrip('.')}")


def _source(scope: Scope, alias: str) -> exp.Expr | Scope | None:
    around: Scope | None = scope
    while around is not None:
        if (source := around.sources.get(alias)) is not None:
            return source
        around = around.parent
    return None


def _visible(scope: Scope) -> dict[str, exp.Expr | Scope]:
    return {alias: source for alias, (_, source) in scope.selected_sources.items()}


def _names(source: exp.Expr | Scope, relations: Mapping[str, Relation]) -> list[str]:
    if isinstance(source, exp.Table):
        return [column.name for column in relations[graph.relation_name(source)].columns]
    return list(cast("exp.Query", source.expression).named_selects) if isinstance(source, Scope) else []


def _unnamed(model: Model, tree: exp.Query) -> list[Fault]:
    return [
        model.fault(statement.line_of(item), f"column {number} has no name; write `AS name` after it")
        for number, item in enumerate(tree.selects, 1)
        if not isinstance(item, exp.Alias | exp.Column | exp.Star)
    ]


def _output_faults(model: Model, tree: exp.Query) -> list[Fault]:
    faults, seen = [], set[str]()
    for item in tree.selects:
        name = item.alias_or_name
        if name in seen:
            faults.append(model.fault(statement.line_of(item), f"makes two columns `{name}`"))
        seen.add(name)
    faults += [
        model.description_fault(("columns", name), f"`{model.name}` makes no column `{name}`{nearest(name, seen)}")
        for name in model.columns
        if name not in seen
    ]
    faults += [
        model.description_fault(("key",), f"`{model.name}` makes no column `{name}`{nearest(name, seen)}")
        for name in model.key
        if name not in seen
    ]
    return faults


def _column(model: Model, name: str, kind: ColumnType, inherited: PersonalClass) -> Column:
    said = model.columns.get(name, Documented())
    return Column(name, kind, said.personal or inherited, said.description, name in model.key)
