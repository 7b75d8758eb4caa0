"""Agreement: whether a log and a store are the right ones for each other, and everything in the log can be read.

That the parts work says nothing of whether they belong together: a log that was put back from an older copy gives new
events the offsets the store takes for done. So the store remembers whose it is, and of each partition the last entry it
has processed; and both are asked for again at every start, while processing, and by whoever watches.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, Protocol

import msgspec

from onefold.errors import ConfigurationError
from onefold.model import Checkpoint, LostEntries, WorkspaceIdentity, fingerprint
from onefold.ports import EventLog, ProfileStore

Kind = Literal["workspace", "ahead", "other", "lost", "unreachable"]

_REBUILD = (
    "put back the log that belongs to it. Without that log, `onefold rebuild --accept-loss` makes the store anew from this "
    "one, and forgets what only the other had"
)


class Disagreement(msgspec.Struct, frozen=True):
    """Something that keeps log and store from being used together.

    Attributes:
        kind: `workspace`: of two workspaces; `ahead`: the store has processed more than the log holds; `other`: the log
            has another entry where the store stopped; `lost`: the log lost entries the store has not processed;
            `unreachable`: entries are stored where no reader finds them.
        message: A sentence with what to do, without personal data.
    """

    kind: Kind
    message: str


class Parts(Protocol):
    """What is compared."""

    @property
    def name(self) -> str:
        """The workspace's name."""

    @property
    def log(self) -> EventLog:
        """Received items."""

    @property
    def store(self) -> ProfileStore:
        """The profile store."""


def disagreements(parts: Parts) -> list[Disagreement]:
    """All that is wrong; nothing, when log and store belong together.

    Raises:
        ConfigurationError: The log itself is another.
        UnavailableError: One of them does not answer.
    """
    with parts.store.snapshot() as snapshot:
        checkpoints, store_identity = snapshot.checkpoints(), snapshot.identity()
    log_identity = parts.log.identity()
    if foreign := _foreign(parts.name, log_identity, store_identity):
        return [foreign]
    found = list(_unknown(parts.log, checkpoints))
    if not found:
        # Of another log it would say nothing.
        found += [_lost(gap) for gap in parts.log.lost({p: c.offset for p, c in checkpoints.items()})]
    if entries := parts.log.unreachable():
        found.append(
            Disagreement(
                "unreachable",
                f"at least {entries} entries are in no partition that is read: another version appended them while this one "
                "converted the log. Stop all processes and start one, which brings them back, or run `onefold migrate`",
            )
        )
    return found


def require(parts: Parts) -> None:
    """Go on only if log and store belong together and everything can be read.

    Raises:
        ConfigurationError: They do not; it says what to do.
        UnavailableError: One of them does not answer.
    """
    if found := disagreements(parts):
        raise ConfigurationError("; ".join(d.message for d in found))


def holes(log: EventLog) -> list[str]:
    """What the log has lost since its beginning: a store made anew from it would lack those entries."""
    return [_told(gap) for gap in log.lost({})]


def resume(log: EventLog, checkpoints: Mapping[int, Checkpoint]) -> dict[int, int]:
    """The offsets from which to go on over what the log lost."""
    return {gap.partition: gap.resume_after for gap in log.lost({p: c.offset for p, c in checkpoints.items()})}


def _foreign(name: str, log: WorkspaceIdentity | None, store: WorkspaceIdentity | None) -> Disagreement | None:
    if store is None or store == log:
        return None
    told = "a new one" if log is None else f"the workspace {log.id[:8]}'s, with other keys" if log.id == store.id else (
        f"the workspace {log.id[:8]}'s"
    )  # fmt: skip
    return Disagreement(
        "workspace", f"the store of {name} belongs to the workspace {store.id[:8]}, and the log is {told}: {_REBUILD}"
    )


def _unknown(log: EventLog, checkpoints: Mapping[int, Checkpoint]) -> Iterator[Disagreement]:
    """Partitions in which the store stopped where the log has nothing, or something else."""
    ends = log.ends()
    for partition, checkpoint in sorted(checkpoints.items()):
        offset = checkpoint.offset
        if offset <= 0:
            continue
        if offset > ends.get(partition, 0):
            yield Disagreement(
                "ahead",
                f"the store has processed partition {partition} of the log up to {offset}, and the log ends at "
                f"{ends.get(partition, 0)}: it is an older copy, or another. {_REBUILD[0].upper()}{_REBUILD[1:]}",
            )
        elif checkpoint.fingerprint:
            entry = log.current(partition, offset)
            if entry is not None and fingerprint(entry) != checkpoint.fingerprint:
                yield Disagreement(
                    "other",
                    f"entry {offset} in partition {partition} of the log is not the one the store has processed there: the "
                    f"log is an older copy that has grown since, or another. {_REBUILD[0].upper()}{_REBUILD[1:]}",
                )


def _lost(gap: LostEntries) -> Disagreement:
    return Disagreement(
        "lost",
        f"{_told(gap)}, which the store has not processed. Put them back, or go on without them with `onefold repair "
        "--accept-loss`; do not rebuild: the store knows more than the log",
    )


def _told(gap: LostEntries) -> str:
    return f"the log lost entries {gap.first} to {gap.last} of partition {gap.partition}"
