"""What stands in for parts that are not simulated, or not as they are: sealing, judging, reading ahead, the log."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from tests import workbench
from tests.simulation.schedule import Schedule
from tests.simulation.world import POISON

from onefold.adapters.memory.log import MemoryEventLog
from onefold.governance.encryption import NodeSealer
from onefold.ingest.gate import Gate
from onefold.ingest.settings import IngestSettings
from onefold.model import LogEntry, NodeId, StoredEntry
from onefold.pipelines.stream.prefetch import Prefetch
from onefold.ports import NodeRow


class PlainSealer(NodeSealer):
    """Seals nothing, for encryption is not what is simulated; but a state opens only in its own row and version."""

    def __init__(self) -> None:
        super().__init__(workbench.KEYS, random.Random(1).randbytes)

    def new_key(self, node: NodeId) -> tuple[bytes, Any]:
        """The node's key."""
        return node, node

    def remember(self, node: NodeId, wrapped: bytes, key: Any) -> None:
        """Nothing."""

    def seal(self, node: NodeId, version: int, key: Any, plaintext: bytes) -> bytes:
        """The state, marked with where it belongs.

        Raises:
            ZeroDivisionError: For a certain value, as if there were a bug.
        """
        if POISON.encode() in plaintext:
            raise ZeroDivisionError
        return node + version.to_bytes(4, "big") + plaintext

    def open(self, row: NodeRow) -> bytes:
        """The state."""
        assert row.sealed[:20] == row.member.id + row.version.to_bytes(4, "big"), "a state of another node or version"
        return row.sealed[20:]


class RememberingJudge:
    """The real judge, asked once an item: the same few items come again in every schedule."""

    def __init__(self) -> None:
        self._judge = Gate(IngestSettings())
        self._verdicts: dict[tuple[str, bytes], Any] = {}

    def check(self, entry: LogEntry) -> Any:
        """The verdict."""
        key = (entry.source, entry.body)
        verdict = self._verdicts.get(key)
        if verdict is None:
            if len(self._verdicts) > 10_000:
                self._verdicts.clear()
            verdict = self._verdicts[key] = self._judge.check(entry)
        return verdict


class Prompt(Prefetch[Any]):
    """Work done ahead, at once: a thread would make the schedule depend on more than its seed."""

    def start(self, key: Any, call: Callable[[], Any]) -> None:
        """Do it now; what fails is done again by who needs it."""
        self._key, self._results = key, []
        self._run(call, self._results)

    def take(self, key: Any) -> Any:
        """The result for `key`."""
        results, matches = self._results, key == self._key
        self._key, self._results = None, []
        return results[0] if results and matches else None


class Log(MemoryEventLog):
    """The log in memory; others may act before each read."""

    def __init__(self, schedule: Schedule, partitions: int) -> None:
        # The sender's key keeps a person in one partition; here repeats land anywhere, which is harder.
        # What people say is in one partition, as in the product.
        super().__init__(
            partitions=partitions,
            partition_of=lambda entry: 0 if entry.shape == "judgement" else schedule.chance.randrange(partitions),
        )
        self._schedule = schedule

    def read(self, partition: int, after: int, limit: int) -> list[StoredEntry]:
        """Up to `limit` entries with offset > `after`, in order."""
        self._schedule.pause(f"reads partition {partition} after {after}")
        return super().read(partition, after, limit)


JUDGE = RememberingJudge()
SEALER = PlainSealer()
