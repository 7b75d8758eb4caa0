"""Batches: the next entries of the log, judged and named. Nothing is asked of the store yet.

So a batch can be read while the store is busy with the one before it (`ahead`), or by another process (`apart`).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from onefold.identity.hashing import Hasher, NamedIdentifier
from onefold.identity.settings import IdentitySettings
from onefold.ingest.judge import Judge
from onefold.model import Accepted, Event, Judgement, Rejected, StoredEntry, Suppressed
from onefold.pipelines import breakage, judging
from onefold.pipelines.breakage import Place
from onefold.ports import EventLog

_log = logging.getLogger("onefold.stream")


class Judging(Protocol):
    """What reading and judging need of a workspace's `Parts`, and no store."""

    @property
    def log(self) -> EventLog:
        """Received items."""

    @property
    def judge(self) -> Judge:
        """Gate 1."""

    @property
    def identity(self) -> IdentitySettings:
        """Types, limits, rules."""

    @property
    def hasher(self) -> Hasher:
        """Makes node ids under the workspace's hashing key."""


class Candidate(msgspec.Struct, gc=False):
    """An accepted event on its way: who it names and where it stands."""

    event: Event
    named: tuple[NamedIdentifier, ...]
    stored: StoredEntry


class Scope(msgspec.Struct, frozen=True):
    """Which entries a batch is of: those after these offsets, within these bounds."""

    offsets: dict[int, int]
    batch: int
    until: Mapping[int, int] | None
    leased: Mapping[int, int] | None


class Judged(msgspec.Struct):
    """A batch, judged."""

    entries: Sequence[StoredEntry]
    candidates: list[Candidate]
    judgements: list[tuple[Judgement, StoredEntry]]
    rejected: list[tuple[StoredEntry, Rejected]]
    suppressed: list[tuple[StoredEntry, Suppressed]]

    def turn_away(self, blamed: Mapping[Place, Rejected]) -> None:
        """Reject the events that are to blame for what broke before."""
        if not blamed:
            return
        spared = []
        for c in self.candidates:
            why = blamed.get((c.stored.partition, c.stored.offset))
            if why is None:
                spared.append(c)
            else:
                self.rejected.append((c.stored, why))
        self.candidates = spared


def read(parts: Judging, scope: Scope) -> Judged:
    """The next entries of each partition, judged. It asks nothing of the store."""
    ends = parts.log.ends() if scope.until is None else scope.until
    behind = [
        partition
        for partition, end in ends.items()
        if end > scope.offsets.get(partition, 0) and (scope.leased is None or partition in scope.leased)
    ]
    entries: list[StoredEntry] = []
    for partition in behind:
        read = parts.log.read(partition, scope.offsets.get(partition, 0), -(-scope.batch // len(behind)))
        entries += [e for e in read if e.offset <= ends[partition]] if scope.until is not None else read
    return judge(parts, entries)


def judge(parts: Judging, entries: Sequence[StoredEntry], tries: int = 2) -> Judged:
    """Gate 1, then the identifiers: an event whose identifiers are all refused anchors nowhere."""
    batch = Judged(entries, [], [], [], [])
    bugs: set[str] = set()
    verdict_on, accept = parts.judge.judge, parts.hasher.name
    for stored in entries:
        try:
            entry = stored.entry
            if entry.shape == "judgement":
                said = judging.read(stored, parts.identity, parts.hasher)
                if isinstance(said, Rejected):
                    batch.rejected.append((stored, said))
                else:
                    batch.judgements.append((said, stored))
                continue
            verdict = verdict_on(entry)
            if type(verdict) is Accepted:
                named, refused = accept(verdict.event.identifiers, parts.identity)
                if named:
                    batch.candidates.append(Candidate(verdict.event, named, stored))
                else:
                    why = ", ".join(sorted({f"{kind} {reason}" for kind, reason in refused}))
                    detail = f"No identifier was acceptable: {why}." if why else "The event names nobody."
                    batch.rejected.append((stored, Rejected("no_identifier", detail)))
            elif type(verdict) is Rejected:
                batch.rejected.append((stored, verdict))
            elif type(verdict) is Suppressed:
                batch.suppressed.append((stored, verdict))
        except Exception as error:
            if not breakage.is_ours(error):
                raise
            # Here the entry at fault is known. It is judged again alone: what fails once may have been chance.
            if tries == 1:
                batch.rejected.append((stored, breakage.verdict(error)))
                continue
            again = judge(parts, [stored], tries - 1)
            batch.candidates += again.candidates
            batch.judgements += again.judgements
            batch.rejected += again.rejected
            batch.suppressed += again.suppressed
            found = {why.detail for _, why in again.rejected if why.reason == breakage.INTERNAL_ERROR} - bugs
            if found:
                # One line a bug and batch: thousands would hold others up.
                bugs |= found
                _log.exception("entries set aside", extra={"partition": stored.partition, "offset": stored.offset})
    return batch
