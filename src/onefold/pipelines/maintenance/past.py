"""The past by the time of events: the log as if nothing that happened after a moment had been received.

A profile as it was true at a moment is what the log gives without the events that happened later, whenever any of them
became known. So there is no second way to work out a profile: the log is processed again, on the side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import msgspec

from onefold.model import Accepted, LogEntry, StoredEntry
from onefold.pipelines.context import Context
from onefold.pipelines.maintenance import rebuild
from onefold.pipelines.stream import quarantine
from onefold.ports import EventLog, ProfileStore

_LEFT_OUT = LogEntry("unreadable", "onefold", 0, 0, b"")
"""Stands for an entry of later: a batch holds something at each offset."""


class LogUntil:
    """A log without what happened after a moment: events by their own time, judgements and scores by when they were made.

    Of an event that was sent twice the first entry counts, as in the stream, whatever time the second states.
    """

    def __init__(self, context: Context, until_us: int) -> None:
        self._log = context.log
        self._gate = context.gate
        self._until_us = until_us
        self._later = set[bytes]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    def read(self, partition: int, after: int, limit: int) -> Sequence[StoredEntry]:
        """Entries of a partition after an offset, in order; those of later are left out, each with its place."""
        return [
            msgspec.structs.replace(stored, entry=_LEFT_OUT) if self._is_later(stored.entry) else stored
            for stored in self._log.read(partition, after, limit)
        ]

    def _is_later(self, entry: LogEntry) -> bool:
        if entry.shape in {"judgement", "scores"}:
            return entry.received_at_us > self._until_us
        result = self._gate.check(entry)
        if not isinstance(result, Accepted):
            return False
        event = result.event
        if event.timestamp_us > self._until_us:
            self._later.add(event.id)
        return event.id in self._later


def replayed(context: Context, scratch: ProfileStore, until_us: int) -> Context:
    """The workspace as it was true at a moment, over an empty store that is to feed a warehouse of its own.

    Its clock stands at the moment, so that lifecycle stages are those of then.
    """
    log = cast("EventLog", LogUntil(context, until_us))
    with context.store.snapshot() as snapshot:
        until = snapshot.offsets()
    other = replace(rebuild.onto(context, scratch, feeding=True), log=log)
    quarantine.drain(other, until=until)
    return replace(other, clock_us=lambda: until_us)
