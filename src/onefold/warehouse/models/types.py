"""Types: what a column of the warehouse holds, in the words of relations and in those of SQL."""

from __future__ import annotations

from sqlglot import exp

from onefold.model import ColumnType

SQL: dict[ColumnType, str] = {
    "uuid": "UUID",
    "bigint": "BIGINT",
    "integer": "INT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "decimal": "DECIMAL(38, 9)",
    "timestamp": "TIMESTAMP",
    "date": "DATE",
    "text": "TEXT",
    "json": "JSON",
    "uuids": "UUID[]",
}

_WORDS: dict[str, ColumnType] = {
    "UUID": "uuid",
    "TINYINT": "integer", "UTINYINT": "integer", "SMALLINT": "integer", "USMALLINT": "integer", "INT": "integer",
    "UINT": "bigint", "BIGINT": "bigint", "UBIGINT": "bigint", "INT128": "bigint", "BIGDECIMAL": "decimal",
    "FLOAT": "double", "DOUBLE": "double",
    "BOOLEAN": "boolean",
    "DECIMAL": "decimal",
    "TIMESTAMP": "timestamp", "TIMESTAMPTZ": "timestamp", "TIMESTAMPNTZ": "timestamp", "DATETIME": "timestamp",
    "DATE": "date",
    "VARCHAR": "text", "TEXT": "text", "CHAR": "text", "NVARCHAR": "text",
    "JSON": "json",
}  # fmt: skip


def word(kind: exp.DataType | None) -> ColumnType | None:
    """The word for a SQL type; text where nothing is known of it, None for what no relation can hold."""
    if kind is None or kind.this.name in {"UNKNOWN", "NULL"}:
        return "text"
    if kind.this.name == "ARRAY" and kind.expressions and kind.expressions[0].this.name == "UUID":
        return "uuids"
    return _WORDS.get(kind.this.name)
