"""Messages between a process that asks and the process that runs its queries, over a socket of one machine.

Each is its length and MessagePack. Descriptors of segment files follow a request, some at a time.
"""

from __future__ import annotations

import socket
import struct
from typing import Literal

import msgspec

from onefold.ports.warehouse import QueryLimits

LENGTH = struct.Struct(">Q")
READY = b"r"
"""Sent once, by a process that has begun."""
TOO_LONG = "The query was ended because it took too long; narrow it, or allow it more time."
FILES_AT_ONCE = 200
"""Descriptors of one message; the kernel takes 253."""


class Stored(msgspec.Struct, array_like=True):
    """A relation with rows.

    Attributes:
        schema: Its schema.
        name: Its name.
        columns: Name and DuckDB's type of each.
        files: Name and key of each.
        tail: Rows in no file, as Arrow IPC.
        made: Columns that are worked out from the others where they are not stored: name and expression.
        ready: Names of the files that have those.
    """

    schema: str
    name: str
    columns: list[tuple[str, str]]
    files: list[tuple[str, bytes]]
    tail: bytes
    made: dict[str, str] = {}
    ready: list[str] = []


class View(msgspec.Struct, frozen=True, array_like=True):
    """A relation that is a query."""

    schema: str
    name: str
    query: str


class Request(msgspec.Struct, frozen=True, array_like=True):
    """A query with all that it may reach. The descriptors of the files follow, in this order."""

    query: str
    stored: list[Stored]
    views: list[View]
    limits: QueryLimits
    search_path: str


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """A part of the answer: `rows` as Arrow IPC, again and again; then `end`, or what went wrong."""

    kind: Literal["rows", "end", "usage", "expensive", "internal"]
    rows: bytes = b""
    message: str = ""


encode = msgspec.msgpack.Encoder().encode
decode_request = msgspec.msgpack.Decoder(Request).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode


def send(to: socket.socket, message: Request | Reply) -> None:
    """Send a message."""
    data = encode(message)
    to.sendall(LENGTH.pack(len(data)))
    to.sendall(data)


def receive(of: socket.socket) -> bytes | None:
    """The bytes of the next message; None when the other side is gone."""
    head = exactly(of, LENGTH.size)
    return None if head is None else exactly(of, LENGTH.unpack(head)[0])


def exactly(of: socket.socket, count: int) -> bytes | None:
    """So many bytes; None when the other side is gone before."""
    found = bytearray(count)
    view, have = memoryview(found), 0
    while have < count:
        got = of.recv_into(view[have:])
        if not got:
            return None
        have += got
    return bytes(found)
