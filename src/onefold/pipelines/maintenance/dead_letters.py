"""Dead letters: what was rejected, why, and sending it again, as it was or mended."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import msgspec

from onefold.errors import NotFoundError, UsageError
from onefold.ingest import framing
from onefold.model import LogEntry, StoredEntry, results
from onefold.pipelines.context import Context
from onefold.pipelines.stream import batches
from onefold.ports import DeadLetter, ProfileSnapshot
from onefold.profiles.profile import iso
from onefold.rules import time as rule_time

PAGE = 1_000
CHECK_FAILED = "check_failed"
"""The reason of dead letters that a data-quality check opened: their entries are stored all the same."""


def listed(
    context: Context,
    *,
    status: str | None = "open",
    source: str | None = None,
    reason: str | None = None,
    after: int = 0,
    limit: int = 50,
) -> list[results.DeadLetter]:
    """Dead letters in order of (partition, offset) after that at offset `after`, without their payloads."""
    found: list[DeadLetter] = []
    with context.store.snapshot() as snapshot:
        last = _find(context, snapshot, after) if after > 0 else None
        position = (0, after) if last is None else (last.partition, last.offset)
        while len(found) < limit:
            wanted = limit if reason is None else PAGE
            page = snapshot.dead_letters(status=status, source=source, after=position, limit=wanted)
            found += [letter for letter in page if reason in {None, letter.reason}]
            if len(page) < wanted:
                break
            position = (page[-1].partition, page[-1].offset)
    return [results.DeadLetter(**_summary(d)) for d in found[:limit]]


def shown(context: Context, offset: int) -> results.DeadLetterContent:
    """One dead letter with its payload: as `payload` when it is JSON, else base64 in `payload_base64`.

    Raises:
        NotFoundError: There is no dead letter at that offset.
    """
    letter = _at(context, offset)
    entry = _entry(context, letter)
    about = _summary(letter) | {"shape": entry.shape, "sent_at": entry.sent_at, "request_id": entry.request_id}
    try:
        return results.DeadLetterContent(**about, payload=msgspec.json.decode(entry.body))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return results.DeadLetterContent(**about, payload_base64=base64.b64encode(entry.body).decode())


def replay(context: Context, offset: int, *, body: bytes | None = None) -> None:
    """Send a dead letter again, with `body` in place of its payload if given. Receipt time and position stay.

    A request that could not be taken apart is one dead letter; mended, each of its items is sent.

    What a check holds is stored already. Sent as it was it counts as a duplicate, which releases it. Mended, it would count
    once more beside what is stored, unless it is a record, whose later word stands: others are refused.

    Raises:
        NotFoundError: There is no dead letter at that offset.
        UsageError: It was sent again before, or `body` would be rejected as well, or count twice.
    """
    letter = _at(context, offset)
    if letter.status != "open":
        raise UsageError(f"Dead letter {offset} was sent again before.")
    if body is not None and letter.reason == CHECK_FAILED:
        body = _corrected(_entry(context, letter), offset, body)
    entries = _again(_entry(context, letter), (letter.partition, offset), body)
    if body is not None:
        _require_acceptable(context, entries)
    context.log.append(entries)


def _corrected(entry: LogEntry, offset: int, body: bytes) -> bytes:
    """A mended record under an id of its own, so that it is not taken for a repeat of what is stored.

    It is dated a millisecond later, so that its values stand before those it mends, and behind what was said since.
    """
    try:
        item, before = msgspec.json.decode(body), msgspec.json.decode(entry.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise UsageError("The mended payload is not JSON.") from None
    if not isinstance(item, dict) or item.get("type") != "record" or before.get("type") != "record":
        raise UsageError(
            "The event is stored and counted; mended, it would count twice. Send it without a payload to release it, or "
            "correct it in its source. Only records can be mended."
        )
    if item.get("messageId") == before.get("messageId"):
        item["messageId"] = f"{before.get('messageId') or ''}~{offset}"
    if item.get("timestamp") == before.get("timestamp"):
        said = item.get("timestamp")
        at_us = rule_time.read(said) if isinstance(said, str) else entry.received_at_us
        if at_us is not None:
            item["timestamp"] = iso(at_us + 1_000)
    return msgspec.json.encode(item)


def _require_acceptable(context: Context, entries: Sequence[LogEntry]) -> None:
    """Sent all the same, a broken payload would close the letter and open another that holds the mistake."""
    sent = [StoredEntry(0, number, entry) for number, entry in enumerate(entries, 1)]
    rejected = batches.name(context, batches.validate(context, sent)).rejected
    if rejected:
        stored, why = rejected[0]
        item = f"Item {stored.offset} of the" if len(entries) > 1 else "The"
        raise UsageError(
            f"{item} mended payload would be rejected, so nothing was sent: {why.reason}. {why.detail}".rstrip()
        )


def replay_all(context: Context, *, reason: str | None = None, source: str | None = None) -> int:
    """Send every open dead letter again (of one reason or source, if given); return how many."""
    sent, after = 0, (0, 0)
    # What is rejected once more while we are at it lies beyond, and is not sent a third time.
    ends = context.log.ends()
    while True:
        with context.store.snapshot() as snapshot:
            letters = snapshot.dead_letters(status="open", source=source, after=after, limit=PAGE)
        if not letters:
            return sent
        after = (letters[-1].partition, letters[-1].offset)
        old = [d for d in letters if d.offset <= ends.get(d.partition, 0)]
        if not old:
            return sent
        chosen = [(d.partition, d.offset) for d in old if reason is None or d.reason == reason]
        entries = [again for s in context.log.get(chosen) for again in _again(s.entry, (s.partition, s.offset), None)]
        if entries:
            context.log.append(entries)
        sent += len(entries)


def _again(entry: LogEntry, position: tuple[int, int], body: bytes | None) -> list[LogEntry]:
    partition, offset = position
    if body is None:
        return [msgspec.structs.replace(entry, replay_of=offset, replay_in=partition)]
    unreadable = entry.shape == "unreadable"
    envelope = None if entry.shape in {"judgement", "scores"} else framing.peek(body)
    if unreadable and isinstance(envelope, framing.Malformed):
        raise UsageError("The mended payload is not a JSON object or batch either.")
    if not isinstance(envelope, framing.Envelope) or not (unreadable or envelope.batch):
        return [msgspec.structs.replace(entry, body=body, replay_of=offset, replay_in=partition)]
    if not envelope.items:
        raise UsageError("The mended payload contains no item.")
    return [
        LogEntry(
            "segment" if unreadable else entry.shape, entry.source, entry.received_at_us, entry.index + number,
            bytes(item), envelope.sent_at or entry.sent_at, envelope.shared, entry.request_id, offset,
            partition,
        )
        for number, item in enumerate(envelope.items)
    ]  # fmt: skip


def _at(context: Context, offset: int) -> DeadLetter:
    with context.store.snapshot() as snapshot:
        found = _find(context, snapshot, offset)
    if found is None:
        raise NotFoundError(f"There is no dead letter at offset {offset}; `onefold dlq list` shows those there are.")
    return found


def _find(context: Context, snapshot: ProfileSnapshot, offset: int) -> DeadLetter | None:
    """The dead letter at `offset`, in whichever partition: no offset is given twice in one log."""
    for partition in sorted(context.log.ends()):
        found = snapshot.dead_letters(status=None, source=None, after=(partition, offset - 1), limit=1)
        if found and (found[0].partition, found[0].offset) == (partition, offset):
            return found[0]
    return None


def _entry(context: Context, letter: DeadLetter) -> LogEntry:
    stored = context.log.get([(letter.partition, letter.offset)])
    if not stored:
        raise NotFoundError(f"The log holds nothing at offset {letter.offset}.")
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
