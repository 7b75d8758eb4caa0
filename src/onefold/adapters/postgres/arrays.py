"""Arrays in PostgreSQL's binary form: a column of a batch as one parameter, joined in C instead of item by item."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from struct import pack
from typing import ClassVar

from psycopg import adapters
from psycopg.adapt import Dumper
from psycopg.pq import Format

_NULL = b"\xff\xff\xff\xff"


def storable(text: str) -> str:
    """The text as PostgreSQL can hold it: a NUL becomes U+2400, its picture."""
    return text.replace("\0", "␀")


class Column:
    """A one-dimensional array, encoded."""

    element: ClassVar[int]
    """OID of the elements' type."""
    array: ClassVar[int]
    """OID of the array's type."""

    __slots__ = ("data",)

    def __init__(self, body: Iterable[bytes], count: int, *, nulls: bool = False) -> None:
        head = pack(">iii", 0, 0, self.element) if count == 0 else pack(">iiiii", 1, nulls, self.element, count, 1)
        self.data = head + b"".join(body)


class Blobs(Column):
    """`bytea[]`."""

    element, array = 17, 1001

    def __init__(self, values: Sequence[bytes | None]) -> None:
        body = [_NULL if v is None else len(v).to_bytes(4, "big") + v for v in values]
        super().__init__(body, len(values), nulls=None in values)


class Ids(Column):
    """`bytea[]` of values of sixteen bytes."""

    element, array = 17, 1001

    def __init__(self, values: Sequence[bytes]) -> None:
        size = b"\0\0\0\x10"
        super().__init__((size, size.join(values)) if values else (), len(values))


class Texts(Column):
    """`text[]`; see `storable`."""

    element, array = 25, 1009

    def __init__(self, values: Sequence[str]) -> None:
        encoded = [storable(v).encode("utf-8", "replace") for v in values]
        super().__init__([len(v).to_bytes(4, "big") + v for v in encoded], len(values))


class Integers(Column):
    """`bigint[]`."""

    element, array = 20, 1016

    def __init__(self, values: Sequence[int]) -> None:
        numbers = [part for v in values for part in (8, v)]
        super().__init__((pack(">" + "iq" * len(values), *numbers),), len(values))


class Reals(Column):
    """`double precision[]`."""

    element, array = 701, 1022

    def __init__(self, values: Sequence[float | None]) -> None:
        body = [_NULL if v is None else pack(">id", 8, v) for v in values]
        super().__init__(body, len(values), nulls=None in values)


class _ColumnDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Column) -> bytes:
        return obj.data


for _kind in (Blobs, Ids, Texts, Integers, Reals):
    adapters.register_dumper(_kind, type(f"{_kind.__name__}Dumper", (_ColumnDumper,), {"oid": _kind.array}))
