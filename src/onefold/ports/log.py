"""The port of the event log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from onefold.model import LogEntry, LostEntries, StoredEntry, WorkspaceIdentity


class EventLog(Protocol):
    """Received items, kept as they came, ordered per partition."""

    def append(self, entries: Sequence[LogEntry]) -> list[tuple[int, int]]:
        """Store all or none, durably: when this returns, a power cut does not lose them.

        A log that spans machines may have stored some when it raises `UnavailableError`: append again what was not
        confirmed, and de-duplication keys make it count once.

        Returns:
            (partition, offset) of each, in the order given. No offset is given twice, whatever the partition.
        """
        ...

    def read(self, partition: int, after: int, limit: int) -> list[StoredEntry]:
        """Up to `limit` entries with offset > `after`, in order. Only entries whose append returned or will return."""
        ...

    def get(self, positions: Sequence[tuple[int, int]]) -> list[StoredEntry]:
        """The entries at these (partition, offset) positions, in the order asked; those not there are left out."""
        ...

    def ends(self) -> dict[int, int]:
        """Last offset of each partition, 0 for an empty one."""
        ...

    def waiting(self, offsets: Mapping[int, int]) -> dict[int, int]:
        """How many entries of each partition lie after these offsets; a partition not named is taken from its start."""
        ...

    def received(self) -> dict[str, int]:
        """Items ever appended, per source: exactly what is there to be read, counted without the processor's help."""
        ...

    def identity(self) -> WorkspaceIdentity | None:
        """Which workspace this log belongs to; None for a log that nobody has claimed."""
        ...

    def claim(self, identity: WorkspaceIdentity, *, anew: bool = False) -> WorkspaceIdentity:
        """Say which workspace this log belongs to, unless that is said already; returns what is said, the first word.

        From then on this object appends only while the log says the same, as far as a log can look while it appends.
        With `anew` what is said of this workspace is replaced: its log was made anew, and is taken all the same.
        """
        ...

    def current(self, partition: int, offset: int) -> LogEntry | None:
        """The entry at a position as the log has it now, whatever was read of it before; None when it is not there."""
        ...

    def lost(self, offsets: Mapping[int, int]) -> list[LostEntries]:
        """Entries after these offsets that were removed before anyone read them, where that can be seen.

        A partition not named is looked at from its start.
        """
        ...

    def unreachable(self) -> int:
        """Entries that are stored where `read` does not find them: another version put them there."""
        ...

    def offsets_at(self, time_us: int) -> dict[int, int]:
        """Of each partition the last offset before the first entry received at `time_us` or later."""
        ...

    @property
    def unconverted(self) -> bool:
        """Whether the log is still laid out as it was before its settings changed: no process was alone with it since."""
        return False

    def close(self) -> None:
        """Finish what is under way and let go of files and threads."""
        ...
