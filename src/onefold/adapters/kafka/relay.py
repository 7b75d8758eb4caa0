"""The relay: tells the cluster what the profile store has committed, namely how far processing is and what was rejected.

Dead letters go to a topic of their own, for other consumers: the entry as the log has it, sealed, with source, reason
and position in the headers. Each is published at least once, in order per partition; the position is its key. Of several
workers one relays at a time; where that changes hands in the middle, or a relay dies, some may be published again.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from onefold.adapters.kafka.group import GroupOffsets
from onefold.adapters.kafka.log import KafkaEventLog
from onefold.adapters.kafka.positions import first_after, offset_of
from onefold.adapters.kafka.sending import Record, Sender
from onefold.errors import OnefoldError
from onefold.governance.encryption import EntrySealer
from onefold.ports import DeadLetter, ProfileStore

EVERY_SECONDS = 1.0
_PAGE = 500

_log = logging.getLogger("onefold.kafka")


class Relay:
    """Follows one workspace's store on a thread of its own. It keeps its place in the cluster, as a consumer group."""

    def __init__(
        self,
        log: KafkaEventLog,
        store: ProfileStore,
        sealer: EntrySealer,
        *,
        leads: Callable[[], bool] = lambda: True,
    ) -> None:
        """A relay that is silent while `leads` says that another process relays."""
        settings = log.settings
        self._log, self._store, self._sealer, self._settings = log, store, sealer, settings
        self._group = GroupOffsets(settings)
        self._own = GroupOffsets(settings, group=settings.dead_letters)
        self._sender = Sender(settings)
        self._leads = leads
        self._published: dict[int, int] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"relay-{settings.workspace}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Tell what was committed last, then end."""
        self._stop.set()
        self._thread.join(20.0)
        for part in (self._group, self._own, self._sender):
            part.close()

    def _run(self) -> None:
        stopping = False
        while not stopping:
            stopping = self._stop.wait(EVERY_SECONDS)
            try:
                self.tell()
            except OnefoldError as error:
                # It is behind, not wrong: the store has everything, and the next turn tells it.
                _log.warning("relay", extra={"workspace": self._settings.workspace, "error": str(error)})

    def tell(self) -> int:
        """Show the store's offsets and publish its new dead letters; returns how many those were.

        Raises:
            UnavailableError: The cluster or the store does not answer; what was not told is told next time.
        """
        if not self._leads():
            self._published = None  # others tell now; how far they got, the cluster knows
            return 0
        with self._store.snapshot() as snapshot:
            offsets = snapshot.offsets()
        if self._published is None:
            self._published = self._own.shown(sorted(self._log.ends()))
        told = sum(self._publish(partition, offset) for partition, offset in offsets.items())
        self._group.show(offsets)
        return told

    def _publish(self, partition: int, until: int) -> int:
        """Publish a partition's dead letters up to the offset `until`, which is committed: none will appear before it."""
        published = self._published or {}
        begin, told = published.get(partition, 0), 0
        after = offset_of(partition, begin - 1)
        if first_after(partition, until) <= begin:
            return 0
        while self._leads():
            with self._store.snapshot() as snapshot:
                page = snapshot.dead_letters(status=None, source=None, after=(partition, after), limit=_PAGE)
            letters = [d for d in page if d.partition == partition and d.offset <= until]
            if letters:
                self._send(letters)
                told += len(letters)
                after = letters[-1].offset
            if len(letters) < _PAGE:
                self._own.show({partition: until})
                published[partition] = first_after(partition, until)
                break
        return told

    def _send(self, letters: list[DeadLetter]) -> None:
        entries = {(s.partition, s.offset): s.entry for s in self._log.get([(d.partition, d.offset) for d in letters])}
        self._sender.send(
            self._settings.dead_letters,
            [
                Record(
                    0, f"{d.partition}:{d.offset}".encode(), self._sealer.seal(entries[d.partition, d.offset]),
                    [("source", d.source.encode()), ("reason", d.reason.encode()),
                     ("partition", b"%d" % d.partition), ("offset", b"%d" % d.offset)],
                )
                for d in letters if (d.partition, d.offset) in entries
            ],
        )  # fmt: skip
