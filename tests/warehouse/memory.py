"""A warehouse in memory, for tests of what stands on the port: DuckDB tables, nothing sealed, nothing kept."""

from __future__ import annotations

import duckdb
import pyarrow as pa
from sqlglot import exp

from onefold.model import Column, Relation
from onefold.ports.warehouse import QueryLimits, Warehouse, WarehouseCapabilities
from onefold.warehouse.models.types import SQL


class MemoryWarehouse(Warehouse):
    """Relations as tables of one DuckDB connection.

    Attributes:
        asked: Text of each query, in order.
    """

    dialect = "duckdb"
    capabilities = WarehouseCapabilities(merge=True, snapshot_reads=True, fresh=True, isolated=False)

    def __init__(self, *relations: Relation) -> None:
        self._connection = duckdb.connect()
        self._relations: dict[str, Relation] = {}
        self.asked: list[str] = []
        for relation in relations:
            self._made(relation)

    def relations(self) -> list[Relation]:
        """All of them."""
        return [self._relations[name] for name in sorted(self._relations)]

    def run(self, query: exp.Query, limits: QueryLimits | None = None) -> pa.Table:
        """The rows of a query."""
        text = query.sql(dialect=self.dialect)
        self.asked.append(text)
        return self._connection.sql(text).to_arrow_table()

    def fence(self) -> bool:
        """Nothing is erased here; see the port."""
        return True

    def append(self, relation: Relation, rows: pa.Table) -> None:
        """Add rows."""
        self._made(relation)
        self._connection.register("arriving", rows)
        names = ", ".join(f'"{name}"' for name in rows.column_names)
        self._connection.execute(f"INSERT INTO {relation.full_name} ({names}) SELECT {names} FROM arriving")  # noqa: S608

    def replace(self, relation: Relation, rows: pa.Table) -> None:
        """Put rows in the place of all."""
        self.drop(relation)
        self.append(relation, rows)

    def merge(self, relation: Relation, rows: pa.Table, *, gone: pa.Table | None = None) -> None:
        """Put each row in the place of the one with its key; rows that agree with one of `gone` go before."""
        self._made(relation)
        for name, other, keys in (("leaving", gone, None), ("coming", rows, relation.key)):
            if other is not None:
                self._connection.register(name, other)
                on = " AND ".join(f'a."{key}" = b."{key}"' for key in keys or other.column_names)
                self._connection.execute(f"DELETE FROM {relation.full_name} AS a USING {name} AS b WHERE {on}")  # noqa: S608
        self.append(relation, rows)

    def drop(self, relation: Relation) -> None:
        """Remove a relation."""
        self._connection.execute(f"DROP TABLE IF EXISTS {relation.full_name}")
        self._relations.pop(relation.full_name, None)

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def _made(self, relation: Relation) -> None:
        if relation.full_name not in self._relations:
            self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {relation.schema}")
            columns = ", ".join(f'"{column.name}" {_type(column)}' for column in relation.columns)
            self._connection.execute(f"CREATE TABLE {relation.full_name} ({columns})")
        self._relations[relation.full_name] = relation


def _type(column: Column) -> str:
    return "VARCHAR" if column.type == "json" else SQL[column.type]
