"""An envelope: a request's body taken apart into items, without checking any of them.

SDKs state neither content type nor encoding reliably, so the bytes decide: gzip and zlib by their magic, JSON by its
first character, a form by its `data=`. Items are cut out as raw bytes; what they hold is the gate's business.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from onefold.errors import TooLargeError
from onefold.ingest import fragments, repair
from onefold.ingest.compression import BOM, unpack
from onefold.ingest.form import read_form
from onefold.model import LogEntry, Shape

__all__ = ["Envelope", "Malformed", "entries", "peek", "unpack"]

_BLANKS = b" \t\r\n"
SHARED_BYTES_MAX = 16 * 1024 * 1024
"""Most bytes that what a request states once may take in the log, where it stands with each item: a request of 4 MB
could otherwise write gigabytes."""


REPAIRED_BYTES_MAX = 1024 * 1024
"""A larger body is not read a second time: it is a single item, and no item may be so large."""


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """What a request's body held.

    Attributes:
        items: Each one JSON value as it came (or bytes that do not parse, cut out of a batch whose rest does).
        batch: Whether it was a batch, empty ones included.
        sent_at: The request's own statement of when it was sent, as text.
        shared: A JSON object with the `context` and `integrations` stated for the whole batch, or None.
        root_key: Root `writeKey`, else `api_key`, else `token`.
    """

    items: list[msgspec.Raw]
    batch: bool
    sent_at: str | None = None
    shared: bytes | None = None
    root_key: str | None = None

    @property
    def write_key(self) -> str | None:
        """The root's key, else the first item's. Looked for when asked: most requests have theirs in a header."""
        return self.root_key or _first_key(self.items)

    def __repr__(self) -> str:
        """Show what is safe to log."""
        return f"<Envelope items={len(self.items)} batch={self.batch}>"


class Malformed(msgspec.Struct, frozen=True, gc=False):
    """The body is no envelope; `reason` is one of `reasons.REASONS`."""

    reason: str


class _Properties(msgspec.Struct, gc=False):
    token: str | None = None


class _Root(msgspec.Struct, gc=False):
    batch: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    events: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    sentAt: str | None = None  # noqa: N815  as it is on the wire
    sent_at: str | None = None
    client_upload_time: str | None = None
    writeKey: str | None = None  # noqa: N815  as it is on the wire
    api_key: str | None = None
    token: str | None = None
    context: msgspec.Raw = msgspec.Raw()
    integrations: msgspec.Raw = msgspec.Raw()


class _LooseRoot(msgspec.Struct, gc=False):
    """The same where a field has an unexpected type, which is no reason to lose the items."""

    batch: Any = None
    events: Any = None
    sentAt: Any = None  # noqa: N815  as it is on the wire
    sent_at: Any = None
    client_upload_time: Any = None
    writeKey: Any = None  # noqa: N815  as it is on the wire
    api_key: Any = None
    token: Any = None
    properties: Any = None
    engage_token: Any = msgspec.field(name="$token", default=None)


_decode_root = msgspec.json.Decoder(_Root).decode
_decode_loose = msgspec.json.Decoder(_LooseRoot).decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_fields = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_skip = msgspec.json.Decoder(msgspec.Raw).decode


def peek(body: bytes) -> Envelope | Malformed:
    """Take a body apart: a batch of Segment or PostHog, a bare array, a single object, or a form's `data`.

    A body nested deeper than the parser goes is no malformed one: what cannot be cut up comes back as one item, which
    the gate rejects as `too_deep`. A batch with an item that is no JSON is cut up if some other item is.

    Raises:
        TooLargeError: The context it states for all items, written with each of them, would fill the log.
    """
    first = body[:1]
    if first not in (b"{", b"["):
        body = body.removeprefix(BOM).lstrip(_BLANKS)
        first = body[:1]
    if not first:
        return Malformed("empty")
    if first not in (b"{", b"["):
        return _form(body)
    if first == b"{" and body.count(b'"batch"') > 1 and _states_batch_twice(body):
        # The parser would keep the last and lose the items of the others.
        return Malformed("duplicate_key")
    try:
        if first == b"[":
            items = _decode_items(body)
            return Envelope(items, True)
        return _of_root(_decode_root(body), body)
    except RecursionError:
        return _cut(body) or Envelope([msgspec.Raw(body)], False)
    except msgspec.ValidationError:
        return _loose(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _cut(body, some_valid=True) or _repairable(body) or Malformed("malformed_json")


def _repairable(body: bytes) -> Envelope | None:
    """A single item that the gate will read although a strict parser does not (see `repair`); None when it is not one."""
    root = _lenient(body) if len(body) <= REPAIRED_BYTES_MAX else None
    if type(root) is not dict or type(root.get("batch")) is list:
        return None
    keys = [root.get(name) for name in ("writeKey", "api_key", "token")]
    sent_at = root.get("sentAt") or root.get("sent_at")
    return Envelope(
        [msgspec.Raw(body)], False, sent_at if type(sent_at) is str else None, None,
        next((key for key in keys if type(key) is str and key), None),
    )  # fmt: skip


def _lenient(body: bytes) -> Any:
    """What can be read after a repair; None where nothing can."""
    odd: list[str] = []
    try:
        read = repair.lenient(repair.utf8(body) or body, odd)
    except (ValueError, RecursionError):
        return None
    return None if odd else read


def _of_root(root: _Root, body: bytes) -> Envelope:
    sent_at = root.sentAt or root.sent_at or root.client_upload_time
    key = root.writeKey or root.api_key or root.token
    # Amplitude's batches are called `events`, and always state their key.
    items = root.events if root.batch is msgspec.UNSET and root.api_key else root.batch
    if isinstance(items, msgspec.UnsetType):
        return Envelope([msgspec.Raw(body)], False, sent_at, None, key)
    context, integrations = bytes(root.context), bytes(root.integrations)
    parts = []
    if context and context != b"null":
        parts.append(b'"context":' + context)
    if integrations and integrations != b"null":
        parts.append(b'"integrations":' + integrations)
    shared = b"{" + b",".join(parts) + b"}" if parts else None
    _bear(shared, items)
    return Envelope(items, True, sent_at, shared, key)


def _bear(shared: bytes | None, items: list[msgspec.Raw]) -> None:
    if shared and len(shared) * len(items) > SHARED_BYTES_MAX:
        raise TooLargeError("The request states too much about too many items at once.")


def _loose(body: bytes) -> Envelope | Malformed:
    """Read a root in which a field has a type we did not expect."""
    try:
        root = _decode_loose(body)
        name = "batch" if isinstance(root.batch, list) else "events" if root.api_key else ""
        batch = isinstance(getattr(root, name, None), list)
        fields = _decode_fields(body) if batch else {}
        items = _decode_items(fields[name]) if batch else [msgspec.Raw(body)]
    except RecursionError:
        return Envelope([msgspec.Raw(body)], False)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _cut(body, some_valid=True) or _repairable(body) or Malformed("malformed_json")
    sent_at = root.sentAt or root.sent_at or root.client_upload_time
    text = str(sent_at) if isinstance(sent_at, str | int | float) and not isinstance(sent_at, bool) else None
    keys = [k for k in (root.writeKey, root.api_key, root.token) if isinstance(k, str) and k]
    shared = {name: fields[name] for name in ("context", "integrations") if bytes(fields.get(name, b"null")) != b"null"}
    common = msgspec.json.encode(shared) if shared else None
    _bear(common, items)
    return Envelope(items, batch, text, common, keys[0] if keys else None)


def _first_key(items: list[msgspec.Raw]) -> str | None:
    """The key that the first item states; SDKs that state one there state it in every item."""
    if not items:
        return None
    try:
        item = _decode_loose(items[0])
    except UnicodeDecodeError:
        whole = repair.utf8(bytes(items[0]))
        return _first_key([msgspec.Raw(whole)]) if whole else _named_key(items[0])
    except (msgspec.DecodeError, RecursionError):
        return _named_key(items[0])
    inner = item.properties.get("token") if isinstance(item.properties, dict) else None
    stated = (item.writeKey, item.api_key, item.token, inner, item.engage_token)
    return next((k for k in stated if isinstance(k, str) and k), None)


def _named_key(item: msgspec.Raw) -> str | None:
    """The key that stands in an item which cannot be read: its bytes belong to that source all the same."""
    return next(iter(stated_keys(bytes(item))), None)


_KEY_NAMES = (b'"writeKey"', b'"api_key"', b'"token"', b'"$token"')
_KEY_VALUE = re.compile(rb'[ \t\r\n]*:[ \t\r\n]*"([!#-\[\]-~]{1,128})"')
_KEYS_MAX = 8
"""Different keys that are looked for in one body, by name: a sender means one."""


def stated_keys(body: bytes) -> list[str]:
    """What may be write keys in a body that cannot be taken apart, by the names before them; at most a few.

    Bytes that belong to a known source are kept, however broken, and its key stands in them more often than not.
    """
    form = read_form(body)
    found = dict.fromkeys([form.key] if form is not None and form.key else [])
    # Mixpanel's token stands in the data of the form.
    body = body if form is None else form.data
    for name in _KEY_NAMES:
        at = -1
        for _ in range(_KEYS_MAX):
            at = body.find(name, at + 1)
            match = None if at < 0 else _KEY_VALUE.match(body, at + len(name))
            if match is not None:
                found[match[1].decode("ascii")] = None
    return list(found)


def _states_batch_twice(body: bytes) -> bool:
    """Whether the root has two keys `batch`; False when the body does not parse."""
    try:
        fields = _decode_fields(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    inside = sum(bytes(value).count(b'"batch"') for value in fields.values())
    return "batch" in fields and body.count(b'"batch"') > inside + 1


def _cut(body: bytes, *, some_valid: bool = False) -> Envelope | None:
    cut = fragments.cut(body)
    if cut is None:
        return None
    items = [msgspec.Raw(item) for item in cut.items]
    if some_valid and not any(map(_is_json, items)):
        return None
    if cut.rest[:1] == b"[":
        return Envelope(items, True)
    try:
        outer = _of_root(_decode_root(cut.rest), cut.rest)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    _bear(outer.shared, items)
    return msgspec.structs.replace(outer, items=items)


def _is_json(item: msgspec.Raw) -> bool:
    try:
        _skip(item)
    except RecursionError:
        return False
    except msgspec.DecodeError:
        return _lenient(bytes(item)) is not None
    return True


def _form(body: bytes) -> Envelope | Malformed:
    form = read_form(body)
    if form is None:
        return Malformed("malformed_json")
    envelope = peek(form.data)
    if isinstance(envelope, Envelope) and form.key and not envelope.write_key:
        return msgspec.structs.replace(envelope, root_key=form.key)
    return envelope


def entries(
    envelope: Envelope,
    *,
    shape: Shape,
    source: str,
    received_at_us: int,
    request_id: str,
    default_type: str | None,
    context: dict[str, Any] | None = None,
) -> list[LogEntry]:
    """One log entry an item, in order.

    Args:
        envelope: What `peek` gave.
        shape: How the gate reads the items.
        source: The source the key belongs to.
        received_at_us: Our clock at receipt.
        request_id: Correlates the entries with the request.
        default_type: The type of items that do not state theirs (`/v1/t` is a track call). It travels as `type` in
            `shared`, beside the batch's `context` and `integrations`.
        context: What the edge itself knows of the request and the body does not say (`{"gpc": True}` for the header
            `Sec-GPC: 1`). It travels as `edge` in `shared`; what the body states wins.
    """
    shared = envelope.shared
    parts = []
    if default_type:
        parts.append(b'"type":' + msgspec.json.encode(default_type))
    if context:
        parts.append(b'"edge":' + msgspec.json.encode(context))
    if parts:
        if shared:
            parts.append(shared[1:-1])
        shared = b"{" + b",".join(parts) + b"}"
    sent_at = envelope.sent_at
    return [
        LogEntry(shape, source, received_at_us, index, bytes(item), sent_at, shared, request_id)
        for index, item in enumerate(envelope.items)
    ]
