"""The process that runs queries: it holds nothing but the segment files of the snapshot it is sent, and reaches nothing else.

Whatever a query says, it runs in a database in memory that is made for it alone, without access to files, networks,
extensions or settings, and that is forgotten afterwards. The process itself can write no file, and knows no secret but the
keys of the files it was sent.
"""

from __future__ import annotations

import os
import resource
import socket
import sys
import threading
from datetime import UTC, datetime
from typing import Any

import duckdb
import fsspec
import pyarrow as pa

from onefold.adapters.duckdb import query_messages as messages
from onefold.adapters.duckdb.query_messages import Reply, Request, Stored
from onefold.adapters.duckdb.sealed_file import UNSEALED as _UNSEALED
from onefold.adapters.duckdb.sealed_file import SealedFile, plain_size

_SCHEME = "sealed://"
_NEVER_CHANGED = datetime(1970, 1, 1, tzinfo=UTC)
_BATCH_ROWS = 32_768
_SPARE_BYTES = 6 << 30
"""Address space beyond a query's memory: most of it is reserved and never used."""
_AT_FAULT = (
    duckdb.BinderException, duckdb.CatalogException, duckdb.ParserException, duckdb.SyntaxException,
    duckdb.PermissionException, duckdb.NotImplementedException, duckdb.InvalidTypeException,
)  # fmt: skip
"""Errors about what the query says: their messages quote it, and nothing else."""
_ON_VALUES = (duckdb.DataError, duckdb.InvalidInputException, duckdb.OperationalError, duckdb.ProgrammingError)
"""Errors about what it met: their messages may quote what belongs to people."""


class _PinnedFiles(fsspec.AbstractFileSystem):  # type: ignore[misc]  # fsspec has no types
    """The files of one snapshot, opened before; no other can be."""

    protocol = "sealed"
    cachable = False

    def __init__(self, files: dict[str, tuple[int, bytes]]) -> None:
        super().__init__()
        self._files = files

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        return path.removeprefix(_SCHEME)

    def _open(self, path: str, mode: str = "rb", **_: Any) -> SealedFile:
        if mode != "rb":
            raise PermissionError("segment files are never changed")
        descriptor, key = self._pinned(path)
        return SealedFile(os.dup(descriptor), key)

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        descriptor, _key = self._pinned(path)
        return {"name": path, "size": plain_size(os.fstat(descriptor).st_size), "type": "file", "mtime": 0.0}

    def exists(self, path: str, **_: Any) -> bool:
        return self._strip_protocol(path) in self._files

    def isfile(self, path: str) -> bool:
        return self.exists(path)

    def modified(self, path: str) -> datetime:
        self._pinned(path)
        return _NEVER_CHANGED

    def glob(self, path: str, **_: Any) -> list[str]:
        return [self._strip_protocol(path)] if self.exists(path) else []

    def _pinned(self, path: str) -> tuple[int, bytes]:
        try:
            return self._files[self._strip_protocol(path)]
        except KeyError:
            raise FileNotFoundError(path) from None


def main(descriptor: int) -> None:
    """Serve queries until the other side is gone."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # whatever DuckDB may try to spill
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core would hold keys
    asking = socket.socket(fileno=descriptor)
    asking.sendall(messages.READY)
    while (data := messages.receive(asking)) is not None:
        request = messages.decode_request(data)
        descriptors = _descriptors(asking, sum(len(stored.files) for stored in request.stored))
        try:
            _serve(asking, request, descriptors)
        finally:
            for each in descriptors:
                os.close(each)


def _descriptors(asking: socket.socket, count: int) -> list[int]:
    found: list[int] = []
    while len(found) < count:
        _, some, _, _ = socket.recv_fds(asking, 1, messages.FILES_AT_ONCE)
        if not some:
            raise ConnectionError("the process that asks is gone")
        found += some
    return found


def _serve(asking: socket.socket, request: Request, descriptors: list[int]) -> None:
    limits = request.limits
    space = limits.memory_mb * (1 << 20) + _SPARE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (space, resource.getrlimit(resource.RLIMIT_AS)[1]))
    try:
        _answer(asking, request, descriptors)
    except duckdb.InterruptException:
        reply = Reply("expensive", message=messages.TOO_LONG)
    except (duckdb.OutOfMemoryException, MemoryError):
        reply = Reply("expensive", message=f"The query needs more than {limits.memory_mb} MB of memory.")
    except _AT_FAULT as error:
        reply = Reply("usage", message=str(error).split("\n\nLINE", 1)[0])
    except _ON_VALUES as error:
        if _UNSEALED in str(error):  # raised by us in the midst of DuckDB's work
            reply = Reply("internal", message=_UNSEALED)
        else:
            reply = Reply("usage", message=_about_value(error))
    except Exception as error:  # noqa: BLE001  who asks has to learn of it, and may see no value
        known = _UNSEALED in str(error)
        reply = Reply("internal", message=_UNSEALED if known else f"{type(error).__name__} while a query ran.")
    else:
        reply = Reply("end")
    messages.send(asking, reply)


def _about_value(error: duckdb.Error) -> str:
    """What to say of an error about a value: DuckDB's own message may quote what belongs to somebody."""
    if isinstance(error, duckdb.ConversionException):
        return "A value cannot be converted to the type that the query asks for; TRY_CAST makes it null."
    if isinstance(error, duckdb.OutOfRangeException):
        return "A number is out of range of its type."
    return "The query fails on a value that it met (not shown, for it may be somebody's)."


def _answer(asking: socket.socket, request: Request, descriptors: list[int]) -> None:
    files: dict[str, tuple[int, bytes]] = {}
    pinned = iter(descriptors)
    for stored in request.stored:
        files.update((name, (next(pinned), key)) for name, key in stored.files)
    with duckdb.connect(":memory:", config={"python_enable_replacements": False}) as connection:
        connection.register_filesystem(_PinnedFiles(files))
        for statement in (
            f"SET threads = {request.limits.threads}",
            f"SET memory_limit = '{request.limits.memory_mb}MB'",
            "SET temp_directory = ''",
            "SET enable_progress_bar = false",
            "SET autoinstall_known_extensions = false",
            "SET autoload_known_extensions = false",
        ):
            connection.execute(statement)
        for stored in request.stored:
            _create(connection, stored)
        for view in request.views:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_name(view.schema)}")
            connection.execute(f"CREATE VIEW {_name(view.schema)}.{_name(view.name)} AS {view.query}")
        schemas = {
            row[0] for row in connection.execute("SELECT schema_name FROM information_schema.schemata").fetchall()
        }
        path = [schema for schema in request.search_path.split(",") if schema in schemas]
        if path:
            connection.execute(f"SET search_path = {_text(','.join(path))}")
        allowed = ", ".join(_text(_SCHEME + name) for name in files)
        connection.execute(f"SET allowed_paths = [{allowed}]")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
        clock = threading.Timer(request.limits.seconds, connection.interrupt)
        clock.daemon = True
        clock.start()
        try:
            _run(asking, connection, request)
        finally:
            clock.cancel()


def _create(connection: duckdb.DuckDBPyConnection, stored: Stored) -> None:
    """The relation as a view over its files and, as a table in memory, its rows that are in none."""
    schema, name = _name(stored.schema), _name(stored.name)
    connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    columns = ", ".join(f"{_name(column)}::{kind} AS {_name(column)}" for column, kind in stored.columns)
    worked_out = ", ".join(
        f"({stored.made.get(column) or _name(column)})::{kind} AS {_name(column)}" for column, kind in stored.columns
    )
    tail = f"main.{_name(f'{stored.schema}.{stored.name}')}"
    with pa.ipc.open_stream(stored.tail) as stream:
        connection.register("arriving", stream.read_all())
    connection.execute(f"CREATE TABLE {tail} AS SELECT {worked_out} FROM arriving")  # noqa: S608  quoted names
    connection.unregister("arriving")
    parts = [f"SELECT * FROM {tail}"]  # noqa: S608  quoted names
    ready = {file for file, _ in stored.files} if not stored.made else set(stored.ready)
    for selected, of in ((columns, True), (worked_out, False)):
        paths = ", ".join(_text(_SCHEME + file) for file, _ in stored.files if (file in ready) == of)
        if paths:
            parts.append(f"SELECT {selected} FROM read_parquet([{paths}], union_by_name = true)")  # noqa: S608  quoted names
    connection.execute(f"CREATE VIEW {schema}.{name} AS {' UNION ALL '.join(parts)}")


def _run(asking: socket.socket, connection: duckdb.DuckDBPyConnection, request: Request) -> None:
    statements = connection.extract_statements(request.query)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise duckdb.PermissionException("Only one query can be run, and nothing else.")
    reader: pa.RecordBatchReader = connection.execute(statements[0]).to_arrow_reader(_BATCH_ROWS)
    most, sent = request.limits.result_mb * (1 << 20), 0
    messages.send(asking, Reply("rows", rows=_ipc(reader.schema, [])))
    for batch in reader:
        sent += batch.nbytes
        if sent > most:
            raise duckdb.OutOfMemoryException("result")
        messages.send(asking, Reply("rows", rows=_ipc(batch.schema, [batch])))


def _ipc(schema: pa.Schema, batches: list[pa.RecordBatch]) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


if __name__ == "__main__":
    main(int(sys.argv[1]))
