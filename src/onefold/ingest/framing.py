"""Framing: a request's bytes taken apart into items, without judging any of them."""

from __future__ import annotations

import base64
import binascii
import urllib.parse
import zlib
from typing import Literal

import msgspec

from onefold.errors import TooLargeError, UsageError
from onefold.model import LogEntry, Shape

_CHUNK = 65_536

TOO_DEEP = b'{"onefold":"too_deep"}'
"""Stands in `shared` of an item whose nesting we could not follow, so the judge need not try."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """A request, taken apart.

    Attributes:
        items: The items' bytes, as they came.
        batch: Whether the request was a batch rather than a single item.
        sent_at: The request's own statement of when it was sent.
        shared: JSON object with the request's `context` and `integrations`, where it states them for all items.
        write_key: `writeKey`, else `api_key`, of the root, else of the first item.
    """

    items: list[msgspec.Raw]
    batch: bool = False
    sent_at: str | None = None
    shared: bytes | None = None
    write_key: str | None = None


class Malformed(msgspec.Struct, frozen=True, gc=False):
    """The bytes are not JSON, or not JSON of a form we know; `reason` says so in a sentence without any of them."""

    reason: str


class _Root(msgspec.Struct, gc=False):
    """What a request may state about all of its items. Raw, so that a wrong type is the judge's business, not a 400."""

    batch: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    sentAt: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET  # noqa: N815  the wire's name
    sent_at: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    writeKey: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET  # noqa: N815  the wire's name
    api_key: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    context: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    integrations: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_root = msgspec.json.Decoder(_Root).decode
_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_text = msgspec.json.Decoder(str).decode
_Unset = msgspec.UnsetType


def unpack(body: bytes, *, max_bytes: int) -> bytes:
    """The body, decompressed if it is compressed, whatever its headers say.

    Raises:
        TooLargeError: It is, or would become, larger than `max_bytes`; decompression stops there.
        UsageError: It begins like gzip or zlib but cannot be decompressed.
    """
    if len(body) > max_bytes:
        raise TooLargeError(f"The body is larger than {max_bytes:,} bytes.")
    if body[:2] == b"\x1f\x8b":
        window = 31
    elif body[:1] == b"\x78" and len(body) > 2 and int.from_bytes(body[:2], "big") % 31 == 0:
        window = 15
    else:
        return body
    inflate = zlib.decompressobj(window)
    parts, size = [], 0
    pending = body
    try:
        while pending and not inflate.eof:
            part = inflate.decompress(pending, _CHUNK)
            size += len(part)
            if size > max_bytes:
                raise TooLargeError(f"The body is larger than {max_bytes:,} bytes once decompressed.")
            parts.append(part)
            pending = inflate.unconsumed_tail
    except zlib.error as error:
        raise UsageError("The body begins like compressed data but cannot be decompressed.") from error
    if not inflate.eof:
        raise UsageError("The compressed body ends too early.")
    return b"".join(parts)


def peek(body: bytes) -> Envelope | Malformed:
    """Take a request apart. Its items are looked at no closer than to find where each begins and ends."""
    text = body.strip()
    if text[:5] == b"data=":
        return _form(text)
    if text[:1] not in {b"{", b"["}:
        return Malformed("The body is empty." if not text else "The body is no JSON object or array.")
    try:
        if text[:1] == b"[":
            return _batch(_items(text), _Root())
        root = _root(text)
        if isinstance(root.batch, _Unset):
            return Envelope([msgspec.Raw(text)], sent_at=None, write_key=_word(root.writeKey) or _word(root.api_key))
        try:
            items = _items(root.batch)
        except msgspec.ValidationError:
            return Envelope([msgspec.Raw(text)], write_key=_word(root.writeKey) or _word(root.api_key))
        return _batch(items, root)
    except RecursionError:
        return Envelope([msgspec.Raw(text)], shared=TOO_DEEP)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Malformed("The body is no valid JSON.")


def _batch(items: list[msgspec.Raw], root: _Root) -> Envelope:
    key = _word(root.writeKey) or _word(root.api_key)
    if key is None and items:
        try:
            first = _root(items[0])
            key = _word(first.writeKey) or _word(first.api_key)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            key = None
    shared = b",".join(
        b'"%s":%s' % (name, bytes(value))
        for name, value in ((b"context", root.context), (b"integrations", root.integrations))
        if not isinstance(value, _Unset)
    )
    sent = _word(root.sentAt) or _word(root.sent_at)
    return Envelope(items, True, sent, b"{%s}" % shared if shared else None, key)


def _word(raw: msgspec.Raw | msgspec.UnsetType) -> str | None:
    if isinstance(raw, _Unset):
        return None
    try:
        return _text(raw) or None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _form(text: bytes) -> Envelope | Malformed:
    """`data=` forms of older PostHog libraries and beacons: URL-encoded JSON, or base64 of it."""
    try:
        value = urllib.parse.parse_qs(text.decode("ascii"), strict_parsing=True)["data"][0]
    except (ValueError, KeyError):
        return Malformed("The body is a form without a readable `data` field.")
    if value[:1] in {"{", "["}:
        return peek(value.encode())
    try:
        decoded = base64.b64decode(value.replace(" ", "+"), validate=True)
    except (binascii.Error, ValueError):
        return Malformed("The `data` field is neither JSON nor base64.")
    return Malformed("The `data` field holds no JSON.") if decoded[:5] == b"data=" else peek(decoded)


def entries(
    envelope: Envelope,
    *,
    shape: Shape,
    source: str,
    received_at_us: int,
    request_id: str,
    default_type: str | None = None,
) -> list[LogEntry]:
    """The log entries of a request.

    Args:
        envelope: What `peek` found.
        shape: How its items are to be read.
        source: The source its key belongs to.
        received_at_us: When it was received.
        request_id: The request.
        default_type: The type its route implies for items that state none; kept in `shared` as `type`.
    """
    shared = envelope.shared
    if default_type is not None:
        kind = b'{"type":"%s"' % default_type.encode()
        shared = kind + (b"," + shared[1:] if shared else b"}")
    sent_at = envelope.sent_at
    return [
        LogEntry(shape, source, received_at_us, index, bytes(item), sent_at, shared, request_id)
        for index, item in enumerate(envelope.items)
    ]


def unreadable(body: bytes, *, source: str, received_at_us: int, request_id: str) -> LogEntry:
    """The entry that keeps a body which is no JSON, so that refusing it loses nothing."""
    return LogEntry("unreadable", source, received_at_us, 0, body, request_id=request_id)


RouteType = Literal["track", "identify", "page", "screen", "group", "alias"]
