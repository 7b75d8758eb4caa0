"""Dead letters: what was rejected, why, and sending it again, as it was or mended."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from onefold.errors import NotFoundError, UsageError
from onefold.model import LogEntry
from onefold.pipelines.parts import Parts
from onefold.ports import DeadLetter
from onefold.profiles.profile import iso

PAGE = 1_000


def listed(
    parts: Parts, *, status: str | None = "open", source: str | None = None, after: int = 0, limit: int = 50
) -> list[dict[str, Any]]:
    """Dead letters in order of offset, without their payloads."""
    with parts.store.snapshot() as snapshot:
        found = snapshot.dead_letters(status=status, source=source, after=(0, after), limit=limit)
    return [_summary(d) for d in found]


def shown(parts: Parts, offset: int) -> dict[str, Any]:
    """One dead letter with its payload: as `payload` when it is JSON, else base64 in `payload_base64`.

    Raises:
        NotFoundError: There is no dead letter at that offset.
    """
    letter = _at(parts, offset)
    entry = _entry(parts, offset)
    described = _summary(letter) | {"shape": entry.shape, "sent_at": entry.sent_at, "request_id": entry.request_id}
    try:
        return described | {"payload": msgspec.json.decode(entry.body)}
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return described | {"payload_base64": base64.b64encode(entry.body).decode()}


def replay(parts: Parts, offset: int, *, body: bytes | None = None) -> None:
    """Send a dead letter again, with `body` in place of its payload if given. Receipt time and place stay.

    Raises:
        NotFoundError: There is no dead letter at that offset.
        UsageError: It was sent again before.
    """
    letter = _at(parts, offset)
    if letter.status != "open":
        raise UsageError(f"Dead letter {offset} was sent again before.")
    parts.log.append([_again(_entry(parts, offset), offset, body)])


def replay_all(parts: Parts, *, reason: str | None = None, source: str | None = None) -> int:
    """Send every open dead letter again (of one reason or source, if given); return how many."""
    sent, after = 0, (0, 0)
    while True:
        with parts.store.snapshot() as snapshot:
            letters = snapshot.dead_letters(status="open", source=source, after=after, limit=PAGE)
        if not letters:
            return sent
        after = (letters[-1].partition, letters[-1].offset)
        chosen = [(d.partition, d.offset) for d in letters if reason is None or d.reason == reason]
        entries = [_again(s.entry, s.offset, None) for s in parts.log.get(chosen)]
        if entries:
            parts.log.append(entries)
        sent += len(entries)


def _again(entry: LogEntry, offset: int, body: bytes | None) -> LogEntry:
    shape = entry.shape
    if body is not None and shape == "unreadable":
        shape = "segment"
    return msgspec.structs.replace(entry, body=entry.body if body is None else body, shape=shape, replay_of=offset)


def _at(parts: Parts, offset: int) -> DeadLetter:
    with parts.store.snapshot() as snapshot:
        found = snapshot.dead_letters(status=None, source=None, after=(0, offset - 1), limit=1)
    if not found or found[0].offset != offset:
        raise NotFoundError(f"There is no dead letter at offset {offset}; `onefold dlq list` shows those there are.")
    return found[0]


def _entry(parts: Parts, offset: int) -> LogEntry:
    stored = parts.log.get([(0, offset)])
    if not stored:
        raise NotFoundError(f"The log holds nothing at offset {offset}.")
    return stored[0].entry


def _summary(letter: DeadLetter) -> dict[str, Any]:
    return {
        "offset": letter.offset,
        "source": letter.source,
        "reason": letter.reason,
        "detail": letter.detail,
        "received_at": iso(letter.received_at_us),
        "status": letter.status,
    }
