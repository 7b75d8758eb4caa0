"""HTTP on a connection, within bounds: uvicorn's protocol, which knows none before a request has arrived as a whole."""

from __future__ import annotations

import asyncio
import math
from typing import ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from onefold.serving.answers import failure
from onefold.serving.connections import Guard, Reason

PIPELINE_MAX = 16
"""Requests that may wait behind the one being answered; no SDK and no browser sends any."""
HEADERS_MAX = 128
_PIECE_BYTES = 16 * 1024
DISCARD_BYTES_MAX = 16 * 1024 * 1024
"""Bytes of a body that nobody wants which are read all the same, so that the sender gets to read the answer."""

_FAULTS: dict[Reason, tuple[int, str]] = {
    "body_late": (408, "The request body did not arrive in time."),
    "head_late": (408, "The request headers did not arrive in time."),
    "head_too_large": (431, "The request headers are too large."),
    "invalid": (400, "Invalid HTTP request."),
    "pipelined": (400, "Too many pipelined requests."),
}


class _RefusedError(Exception):
    """Ends the parsing of a request that was refused."""


class GuardedProtocol(HttpToolsProtocol):
    """One connection. `guarded` binds it to a server's guard.

    Attributes:
        address: As the guard counts it.
        deadline: The loop's time at which what is being received is too late.
    """

    guard: ClassVar[Guard]
    address: str | None = None
    deadline = math.inf
    _begun = 0.0
    _head = False  # between a request's first byte and the end of its headers
    _body = False  # between the end of its headers and the end of its body
    _head_bytes = 0
    _chunk_bytes = 0
    _discarded_bytes = 0
    _fault: Reason = "invalid"

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        """A client connected."""
        self.transport = transport
        peer = transport.get_extra_info("peername")
        if not self.guard.admit(self, str(peer[0]) if isinstance(peer, tuple) else None):
            transport.abort()
            return
        super().connection_made(transport)
        self.deadline = self.loop.time() + self.guard.bounds.head_seconds

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended, whoever ended it."""
        self.guard.leave(self)
        self.deadline = math.inf
        if self.flow is not None:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse what came, and refuse what is too much."""
        if self.parser is None or self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        if len(data) > _PIECE_BYTES and not self._body:
            # A chunk can hold ten thousand headers: how many there are is looked at before all are read.
            self._feed(data[:_PIECE_BYTES])
            if self.parser is not None and not self.transport.is_closing():
                self.data_received(data[_PIECE_BYTES:])
            return
        self._feed(data)

    def _feed(self, data: bytes) -> None:
        self._chunk_bytes = len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # We speak nothing else: the request is answered as one that does not ask for it.
            pass
        except httptools.HttpParserError:
            self._refuse(self._fault)
            return
        if self._head:
            self._head_bytes += len(data)
            if self._head_bytes > self.guard.bounds.head_bytes or len(self.headers) > HEADERS_MAX:
                self._refuse("head_too_large")
        elif self._body:
            self._receive_body(len(data))
        elif self.cycle is None or self.cycle.response_complete:
            # Blank lines, which ended the wait for a request and began none.
            self.deadline = min(self.deadline, self.loop.time() + self.guard.bounds.head_seconds)

    def on_message_begin(self) -> None:
        """The first byte of a request."""
        self._begun = self.loop.time()
        self.deadline = self._begun + self.guard.bounds.head_seconds
        self._head, self._head_bytes = True, 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """All headers of a request are here: it is answered from now on."""
        bounds = self.guard.bounds
        if self._head_bytes + self._chunk_bytes > bounds.head_bytes or len(self.headers) > HEADERS_MAX:
            # The chunk may hold a body, too, or the end of the request before.
            size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > bounds.head_bytes or len(self.headers) > HEADERS_MAX:
                self._fault = "head_too_large"
                raise _RefusedError
        if len(self.pipeline) >= PIPELINE_MAX:
            self._fault = "pipelined"
            raise _RefusedError
        self._head, self._body, self._discarded_bytes = False, True, 0
        self.deadline = self._begun + bounds.request_seconds
        self.guard.asks(self)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """A request is here as a whole."""
        self._body = False
        self.deadline = math.inf
        self.guard.arrived(self)
        super().on_message_complete()
        if self.cycle.response_complete:
            self.guard.waits(self)

    def on_response_complete(self) -> None:
        """An answer was handed to the connection."""
        super().on_response_complete()
        if self.cycle.response_complete:
            self.guard.waits(self)

    def timeout_keep_alive_handler(self) -> None:
        """Nothing came for long."""
        self.guard.note("idle")
        super().timeout_keep_alive_handler()

    def unsent_bytes(self) -> int:
        """Bytes of answers that the client has not taken."""
        return self.transport.get_write_buffer_size()

    def late(self) -> None:
        """End a connection that takes too long, unless it is we who do not read."""
        if self.flow.read_paused:
            self.deadline = self.loop.time() + self.guard.bounds.head_seconds
        elif self._body:
            self._refuse("body_late")
        elif self._head:
            self._refuse("head_late")
        else:
            # Never a byte: there is no request to answer.
            self.guard.note("head_late")
            self.drop()

    def drop(self) -> None:
        """End the connection at once."""
        self.deadline = math.inf
        self.transport.abort()

    def _receive_body(self, size: int) -> None:
        self.guard.arrives(self)
        if self.cycle.response_complete:
            self._discarded_bytes += size
            if self._discarded_bytes > DISCARD_BYTES_MAX:
                self.guard.note("body_unwanted")
                self.drop()

    def _refuse(self, reason: Reason) -> None:
        """Answer what is not or no longer a request, and close."""
        self.deadline = math.inf
        self.guard.note(reason)
        cycle = self.cycle
        # An answer under way must not be mixed with ours.
        if cycle is None or cycle.response_complete or not cycle.response_started:
            status, message = _FAULTS[reason]
            body = failure(status, reason, message).body
            size = str(len(body)).encode()
            self.transport.write(
                STATUS_LINE[status] + b"content-type: application/json\r\nconnection: close\r\ncontent-length: " + size
                + b"\r\n\r\n" + body
            )  # fmt: skip
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.close()


def guarded(guard: Guard) -> type[GuardedProtocol]:
    """The protocol of a server's connections."""
    return type("Guarded", (GuardedProtocol,), {"guard": guard})
